// Taking things out: a picture, hashes, a table. Files are made here and go nowhere else.

// What a spreadsheet may take for the start of a formula: the same rule as of the CSV exporter. A
// cell starts at the start, and wherever one does that is set to another separator than the comma.
const SPACES = "\\u000b\\u000c\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200f\\u2028\\u2029\\u202f\\u205f\\u2060\\u3000";
const SKIPPED = `\\u0000-\\u0008\\u000e-\\u001b\\u007f\\ufffd\\ufeff${SPACES}`;
const STARTS = "=+@\\uff1d\\uff0b\\uff20\\uff0d\\ufe66\\ufe62\\ufe6b\\ufe63-";
const FORMULA = new RegExp(
  `(?:^|(?<=[;\\t\\n\\r]))(?='*["${SKIPPED}]*[${STARTS}])|^(?='*[ ]*[\\t\\r])`, "gu");
const COLUMNS = ["title", "name", "url", "author", "creation_date", "state"];
const NO_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

function buildTools() {
  byId("png").onclick = savePng;
  byId("svg").onclick = () => download("graph.svg", new Blob([svgText()], { type: "image/svg+xml" }));
  for (const name of ["png", "svg", "untangle"]) byId(name).disabled = nodes.length === 0;
  byId("untangle").onclick = () => { picture.untangle(); after(); };
}

function showTools() {
  byId("untangle").textContent = nodes.length && picture.isUntangling() ? "Freeze" : "Untangle";
}

/** What is meant by "the selection": what is in focus, or all that is drawn. */
function selected() {
  const ids = state.focus ? [...state.focus.nodes] : [...spots.values()].flatMap((spot) => spot.members);
  return ids.map((id) => nodes[id]).filter((node) => isShown(node) && spotOf(node.id))
    .sort((a, b) => a.id - b.id);
}

/** The hashes among the ids: MD5, SHA-1 or SHA-256 of files. */
function hashesOf(some) {
  return some.filter((node) => /^file$/.test(types[node.type].name))
    .map((node) => String(node.attributes.id)).filter((id) => /^[0-9a-f]+$/i.test(id));
}

function selectionButtons() {
  const some = selected();
  const hashes = hashesOf(some).length;
  return make("p", { className: "actions" }, ...[
    hashes && copying(`Copy ${number(hashes)} ${hashes === 1 ? "hash" : "hashes"}`,
      () => hashesOf(selected()).join("\n")),
    some.length && copying(`Copy ${counted(some.length, "row")} as CSV`, () => csvOf(selected())),
  ].filter(Boolean));
}

function csvOf(some) {
  const rows = some.map((node) => [types[node.type].name, node.attributes.id ?? node.key, node.label,
    ...COLUMNS.map((name) => cellValue(name, node.attributes[name]))]);
  return [["type", "id", "label", ...COLUMNS], ...rows].map((row) => row.map(cell).join(",")).join("\n");
}

function cellValue(name, value) {
  return name === "creation_date" && value !== undefined ? day(value) : value ?? "";
}

/** Quoted, and guarded by an apostrophe where a spreadsheet would read a formula. */
function cell(value) {
  const text = String(value).replace(/\u0000|\p{Surrogate}/gu, "\ufffd");
  return `"${text.replace(FORMULA, "'").replaceAll('"', '""')}"`;
}

function download(name, blob) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The canvas as it is seen, on paper rather than on nothing. */
function savePng() {
  const seen = picture.canvas();
  const paper = make("canvas", { width: seen.width, height: seen.height });
  const context = paper.getContext("2d");
  context.fillStyle = ink.paper;
  context.fillRect(0, 0, paper.width, paper.height);
  context.drawImage(seen, 0, 0);
  paper.toBlob((blob) => download("graph.png", blob), "image/png");
}

// --- the whole picture as SVG: shapes and words, nothing that runs or leads elsewhere

function svgText() {
  const shown = [...spots.values()].filter((spot) => spot.shown);
  const edge = (axis, side) => shown.reduce((most, spot) =>
    side * Math.max(side * most, side * (spot[axis] + side * (spot.size + 60))), side * -Infinity);
  const [left, top] = [edge("x", -1), edge("y", -1)];
  const box = [left, top, edge("x", 1) - left, edge("y", 1) - top];
  const root = shape("svg", { xmlns: SVG, viewBox: box.map(rounded).join(" "),
    "font-family": "system-ui, sans-serif", "font-size": 14, "text-anchor": "middle" });
  root.append(shape("rect", { x: box[0], y: box[1], width: box[2], height: box[3], fill: ink.paper }));
  for (const line of lines.values()) if (isDrawn(line)) root.append(svgLine(line));
  for (const spot of shown) root.append(svgSpot(spot));
  for (const spot of shown) root.append(...svgWords(spot));
  return new XMLSerializer().serializeToString(root);
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key !== "xmlns") element.setAttribute(key, typeof value === "number" ? rounded(value) : value);
  }
  return element;
}

function rounded(value) {
  return Math.round(value * 10) / 10;
}

function isDim(item) {
  return state.focus && !state.focus.spots.has(item) && !state.focus.lines.has(item);
}

function svgLine(line) {
  return shape("line", { x1: line.from.x, y1: line.from.y, x2: line.to.x, y2: line.to.y,
    stroke: inkOf(line), "stroke-opacity": isDim(line) ? "0.08" : "0.5" });
}

function svgSpot(spot) {
  const colour = colourOf(spot);
  const { x, y, size } = spot;
  const open = spot.members.some((id) => isUnfinished(nodes[id]));
  const look = { fill: open ? ink.paper : isFold(spot) ? tint(spot) : colour, stroke: colour,
    "stroke-width": open ? 3 : 1.5, opacity: isDim(spot) ? "0.12" : "1" };
  const corners = cornersOf(types[spot.type].shape, size);
  if (!corners) return shape("circle", { cx: x, cy: y, r: size, ...look });
  return shape("polygon", { points: corners.map(([right, down]) =>
    `${rounded(x + right)},${rounded(y + down)}`).join(" "), ...look });
}

function svgWords(spot) {
  if (isDim(spot)) return [];
  const words = [];
  if (isFold(spot)) words.push(svgWord(countText(spot), spot.x, spot.y + 5));
  if (types[spot.type].named || state.focus) {
    words.push(svgWord(cut(titleOf(spot), 40), spot.x, spot.y + spot.size + 16));
  }
  return words;
}

function svgWord(text, x, y) {
  const element = shape("text", { x, y, fill: ink.ink });
  element.textContent = text.replace(NO_XML, "\ufffd");
  return element;
}
