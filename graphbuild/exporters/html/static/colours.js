// The choice of what colours mean, and the legend that says so.

function buildColours() {
  const dated = months().counts.size > 0;
  const ways = [["type", "Type"], ["community", "Community"], ...(dated ? [["date", "Date"]] : [])];
  byId("colour").replaceChildren(...ways.map(([value, textContent]) =>
    make("option", { value, textContent })));
  byId("colour").onchange = () => setColour(byId("colour").value);
}

function showColours() {
  byId("colour").value = state.colour;
  const rows = { community: communityRows, date: dateRows }[state.colour]?.() ?? [];
  byId("colours").replaceChildren(...rows);
  byId("colours").hidden = !rows.length;
  byId("legend").querySelectorAll("path").forEach((shape, index) =>
    shape.setAttribute("fill", state.colour === "type" ? types[index].colour : "currentColor"));
}

/** The largest communities by name, the rest by number. */
function communityRows() {
  const sizes = new Map();
  for (const node of nodes) sizes.set(communityOf(node), (sizes.get(communityOf(node)) ?? 0) + 1);
  const all = [...sizes.keys()].filter((one) => one !== ALONE).sort((a, b) => a - b);
  const rows = all.slice(0, COMMUNITY.length).map((one) =>
    colourRow(communityColour(one), quoted(`around ${cut(communityName(one), 60)}`), sizes.get(one)));
  const small = all.slice(COMMUNITY.length);
  const among = small.reduce((sum, one) => sum + sizes.get(one), 0);
  if (small.length) rows.push(colourRow(OTHER, `${number(small.length)} smaller ones`, among));
  if (sizes.has(ALONE)) rows.push(colourRow(OTHER, "without links", sizes.get(ALONE)));
  return rows;
}

/** Its most linked collection, or else its most linked node. */
function communityName(one) {
  const own = byLinks.filter((node) => communityOf(node) === one);
  return nameOf(own.find((node) => types[node.type].named) ?? own[0]);
}

function dateRows() {
  const { first, last, undated } = months();
  const steps = [...new Set([0, 0.25, 0.5, 0.75, 1].map((share) =>
    Math.round(first + share * (last - first))))];
  const rows = steps.map((month) => colourRow(dateColour(monthStart(month)), monthName(month)));
  const rest = nodes.length - [...months().counts.values()].reduce((sum, count) => sum + count, 0);
  return [...rows, colourRow(UNDATED, undated ? "no date, or no report" : "no report", rest)];
}

function colourRow(colour, text, count) {
  const spot = make("span", { className: "spot" });
  spot.style.background = colour;
  const row = make("li", {}, spot, make("span", { className: "name" }, text));
  if (count !== undefined) row.append(make("span", { className: "count", textContent: number(count) }));
  return row;
}
