// SVG images to download; hashes and CSV to copy. The browser creates all of them, and nothing is sent.

// FORMULA matches each position at which a spreadsheet may start to read a formula, as guard_cell() in
// sanitize.py does. A spreadsheet whose separator is not the comma may also find a formula after its own
// separator or after a line break.
const SPACES = "\\u000b\\u000c\\u001c-\\u001f\\u0085\\u00a0\\u1680\\u2000-\\u200f\\u2028\\u2029\\u202f\\u205f\\u2060\\u3000";
const SKIPPED = `'"\\u0000-\\u0008\\u000e-\\u001b\\u007f\\ufffd\\ufeff${SPACES}`;
const STARTS = "=+@\\uff1d\\uff0b\\uff20\\uff0d\\ufe66\\ufe62\\ufe6b\\ufe63-";
const FORMULA = new RegExp(
  `(?:^|(?<=[;|:\\t\\n\\r]))(?=[${SKIPPED} ]*[${STARTS}])`
  + `|(?<= )(?=[${SKIPPED}]*[${STARTS}]+(?![ ${STARTS}]))|^(?='*[ ]*[\\t\\r])`, "gu");
const COLUMNS = ["title", "name", "url", "author", "creation_date", "collection_type", "state"];
const MAX_FILE_NAME = 60; // characters, without the extension
const EMPTY_BOX = [0, 0, 320, 120]; // x, y, width and height of an SVG image without markers
const NO_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

function buildTools() {
  byId("png").onclick = downloadPng;
  byId("svg").onclick = () => download(`${fileStem()}.svg`, new Blob([svgText()], { type: "image/svg+xml" }));
  for (const name of ["png", "svg", "untangle"]) byId(name).disabled = nodes.length === 0;
  byId("untangle").onclick = () => { renderer.untangle(); notify(); };
}

function showTools() {
  byId("untangle").disabled = nodes.length === 0 || state.layered;
  byId("untangle").textContent = nodes.length && renderer.isUntangling() ? "Freeze" : "Untangle";
}

/** Return the drawn nodes that pass the filters; if there is a focus, only those in it. */
function selectedNodes() {
  const ids = state.focus ? [...state.focus.nodes] : [...markers.values()].flatMap((marker) => marker.members);
  return ids.map((id) => nodes[id]).filter((node) => passesFilters(node) && markerOf(node.id))
    .sort((a, b) => a.id - b.id);
}

/** Return the ids of the files among some nodes, except ids that are not hexadecimal. */
function hashesOf(some) {
  return some.filter((node) => /^file$/.test(types[node.type].name))
    .map((node) => String(node.attributes.id)).filter((id) => /^[0-9a-f]+$/i.test(id));
}

function selectionButtons() {
  const some = selectedNodes();
  const hashes = hashesOf(some).length;
  return createElement("p", { className: "actions" }, ...[
    hashes && copyButtonFor(`Copy ${formatNumber(hashes)} ${hashes === 1 ? "hash" : "hashes"}`,
      () => hashesOf(selectedNodes()).join("\n")),
    some.length && copyButtonFor(`Copy ${plural(some.length, "row")} as CSV`, () => csvOf(selectedNodes())),
  ].filter(Boolean));
}

function csvOf(some) {
  const rows = some.map((node) => [types[node.type].name, node.attributes.id ?? node.key, node.label,
    ...COLUMNS.map((name) => cellValue(name, node.attributes[name]))]);
  return [["type", "entity_id", "label", ...COLUMNS], ...rows].map((row) => row.map(csvCell).join(",")).join("\n");
}

function cellValue(name, value) {
  return name === "creation_date" && value !== undefined ? formatDate(value) : value ?? "";
}

/** Return a value as a quoted cell, with an apostrophe before each text that may be read as a formula. */
function csvCell(value) {
  const text = String(value).replace(/\u0000|\p{Surrogate}/gu, "\ufffd");
  return `"${text.replace(FORMULA, "'").replaceAll('"', '""')}"`;
}

/** Return the heading of the page as the name of a file without an extension. */
function fileStem() {
  const words = document.title.toLowerCase().match(/[a-z0-9]+/g) ?? ["graph"];
  return words.join("-").slice(0, MAX_FILE_NAME);
}

function download(name, blob) {
  const link = createElement("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// --- all visible markers and lines as SVG: shapes and text, without scripts and links

function svgText() {
  const shown = [...markers.values()].filter((marker) => marker.shown);
  const box = shown.length ? svgBox(shown) : EMPTY_BOX;
  const root = shape("svg", { xmlns: SVG, viewBox: box.map(rounded).join(" "),
    "font-family": "system-ui, sans-serif", "font-size": 14, "text-anchor": "middle" });
  root.append(shape("rect", { x: box[0], y: box[1], width: box[2], height: box[3], fill: theme.paper }));
  for (const line of lines.values()) if (isDrawn(line)) root.append(svgLine(line));
  for (const marker of shown) root.append(svgMarker(marker));
  for (const marker of shown) root.append(...svgLabels(marker));
  if (!shown.length) root.append(svgLabel("No visible nodes", box[2] / 2, box[3] / 2));
  return new XMLSerializer().serializeToString(root);
}

/** Return x, y, width and height of the area around markers and their labels. */
function svgBox(shown) {
  const edge = (axis, side) => shown.reduce((most, marker) =>
    side * Math.max(side * most, side * (marker[axis] + side * (marker.size + 60))), side * -Infinity);
  const [left, top] = [edge("x", -1), edge("y", -1)];
  return [left, top, edge("x", 1) - left, edge("y", 1) - top];
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
  return state.focus && !state.focus.markers.has(item) && !state.focus.lines.has(item);
}

function svgLine(line) {
  return shape("line", { x1: line.from.x, y1: line.from.y, x2: line.to.x, y2: line.to.y,
    stroke: lineColor(line), "stroke-opacity": isDim(line) ? "0.15" : "0.5" });
}

function svgMarker(marker) {
  const { x, y, size } = marker;
  const { fill, stroke, width } = lookOf(marker);
  const look = { fill, stroke, "stroke-width": width, opacity: isDim(marker) ? "0.38" : "1" };
  const corners = cornersOf(types[marker.type].shape, size);
  if (!corners) return shape("circle", { cx: x, cy: y, r: size, ...look });
  return shape("polygon", { points: corners.map(([right, down]) =>
    `${rounded(x + right)},${rounded(y + down)}`).join(" "), ...look });
}

function svgLabels(marker) {
  if (isDim(marker)) return [];
  const words = [];
  if (isFolded(marker)) words.push(svgLabel(countText(marker), marker.x, marker.y + 5));
  if (types[marker.type].labeled || state.focus) {
    words.push(svgLabel(shortTitle(marker, 40), marker.x, marker.y + marker.size + 16));
  }
  return words;
}

function svgLabel(text, x, y) {
  const element = shape("text", { x, y, fill: theme.ink });
  element.textContent = text.replace(NO_XML, "\ufffd");
  return element;
}
