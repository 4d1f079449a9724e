// The "Color by" control and its legend.

function buildColorChoice() {
  const dated = countMonths().counts.size > 0;
  const options = [["type", "Type"], ["cluster", "Cluster"], ...(dated ? [["date", "Date"]] : [])];
  byId("color").replaceChildren(...options.map(([value, textContent]) =>
    createElement("option", { value, textContent })));
  byId("color").onchange = () => setColor(byId("color").value);
}

function showColorLegend() {
  byId("color").value = state.color;
  const rows = { cluster: clusterRows, date: dateRows }[state.color]?.() ?? [];
  byId("colors").replaceChildren(...rows);
  byId("colors").hidden = !rows.length;
  byId("legend").querySelectorAll("path").forEach((shape, index) =>
    shape.setAttribute("fill", state.color === "type" ? types[index].color : "currentColor"));
}

/** Return a row for each of the largest clusters, one for all smaller ones, and one for nodes without links. */
function clusterRows() {
  const sizes = new Map();
  for (const node of nodes) sizes.set(clusterOf(node), (sizes.get(clusterOf(node)) ?? 0) + 1);
  const all = [...sizes.keys()].filter((cluster) => cluster !== NO_CLUSTER).sort((a, b) => a - b);
  const rows = all.slice(0, CLUSTER_COLORS.length).map((cluster) =>
    colorRow(clusterColor(cluster), isolatedText(`around ${truncate(clusterName(cluster), 80)}`),
      sizes.get(cluster)));
  const small = all.slice(CLUSTER_COLORS.length);
  const nodeCount = small.reduce((sum, cluster) => sum + sizes.get(cluster), 0);
  if (small.length) rows.push(colorRow(OTHER, `${formatNumber(small.length)} smaller clusters`, nodeCount));
  if (sizes.has(NO_CLUSTER)) rows.push(colorRow(OTHER, "without links", sizes.get(NO_CLUSTER)));
  return rows;
}

/** Return the name of the most linked collection of a cluster or, without collections, of its most linked node. */
function clusterName(cluster) {
  const own = nodesByDegree.filter((node) => clusterOf(node) === cluster);
  return displayName(own.find((node) => types[node.type].labeled) ?? own[0]);
}

function dateRows() {
  const { first, last, undated } = countMonths();
  const steps = [...new Set([0, 0.25, 0.5, 0.75, 1].map((share) =>
    Math.round(first + share * (last - first))))];
  const rows = steps.map((month) => colorRow(dateColor(monthStart(month)), monthName(month)));
  const rest = nodes.length - [...countMonths().counts.values()].reduce((sum, count) => sum + count, 0);
  return [...rows, colorRow(UNDATED, undated ? "no date, or no reference" : "no reference", rest)];
}

function colorRow(color, text, count) {
  const marker = createElement("span", { className: "spot" });
  marker.style.background = color;
  const row = createElement("li", {}, marker, createElement("span", { className: "name" }, text));
  if (count !== undefined) row.append(createElement("span", { className: "count", textContent: formatNumber(count) }));
  return row;
}
