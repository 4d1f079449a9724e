// The "Colour by" control and its legend.

function buildColourChoice() {
  const dated = months().counts.size > 0;
  const options = [["type", "Type"], ["cluster", "Cluster"], ...(dated ? [["date", "Date"]] : [])];
  byId("colour").replaceChildren(...options.map(([value, textContent]) =>
    createElement("option", { value, textContent })));
  byId("colour").onchange = () => setColour(byId("colour").value);
}

function showColourLegend() {
  byId("colour").value = state.colour;
  const rows = { cluster: clusterRows, date: dateRows }[state.colour]?.() ?? [];
  byId("colours").replaceChildren(...rows);
  byId("colours").hidden = !rows.length;
  byId("legend").querySelectorAll("path").forEach((shape, index) =>
    shape.setAttribute("fill", state.colour === "type" ? types[index].colour : "currentColor"));
}

/** Rows for the largest clusters, and one row for all others. */
function clusterRows() {
  const sizes = new Map();
  for (const node of nodes) sizes.set(clusterOf(node), (sizes.get(clusterOf(node)) ?? 0) + 1);
  const all = [...sizes.keys()].filter((one) => one !== NO_CLUSTER).sort((a, b) => a - b);
  const rows = all.slice(0, CLUSTER_COLOURS.length).map((one) =>
    colourRow(clusterColour(one), isolatedText(`around ${truncate(clusterName(one), 60)}`), sizes.get(one)));
  const small = all.slice(CLUSTER_COLOURS.length);
  const among = small.reduce((sum, one) => sum + sizes.get(one), 0);
  if (small.length) rows.push(colourRow(OTHER, `${formatNumber(small.length)} smaller clusters`, among));
  if (sizes.has(NO_CLUSTER)) rows.push(colourRow(OTHER, "without links", sizes.get(NO_CLUSTER)));
  return rows;
}

/** Return the name of the cluster's most linked collection, or else of its most linked node. */
function clusterName(one) {
  const own = nodesByDegree.filter((node) => clusterOf(node) === one);
  return displayName(own.find((node) => types[node.type].labelled) ?? own[0]);
}

function dateRows() {
  const { first, last, undated } = months();
  const steps = [...new Set([0, 0.25, 0.5, 0.75, 1].map((share) =>
    Math.round(first + share * (last - first))))];
  const rows = steps.map((month) => colourRow(dateColour(monthStart(month)), monthName(month)));
  const rest = nodes.length - [...months().counts.values()].reduce((sum, count) => sum + count, 0);
  return [...rows, colourRow(UNDATED, undated ? "no date, or no reference" : "no reference", rest)];
}

function colourRow(colour, text, count) {
  const marker = createElement("span", { className: "spot" });
  marker.style.background = colour;
  const row = createElement("li", {}, marker, createElement("span", { className: "name" }, text));
  if (count !== undefined) row.append(createElement("span", { className: "count", textContent: formatNumber(count) }));
  return row;
}
