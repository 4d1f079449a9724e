// The "Color by" control and its legend.

const FIRST_CLUSTERS = 12; // rows of clusters before a button that shows the others
let showAllClusters = false;

function buildColorChoice() {
  const dated = countMonths().counts.size > 0;
  const options = [["type", "Type"], ...(clusters.size ? [["cluster", "Cluster"]] : []), ...(dated ? [["date", "Date"]] : []),
    ...(nodes.some(isNew) ? [["new", "New nodes"]] : [])];
  byId("color").replaceChildren(...options.map(([value, textContent]) =>
    createElement("option", { value, textContent })));
  byId("color").onchange = () => setColor(byId("color").value);
}

function showColorLegend() {
  byId("color").value = state.color;
  const rows = { cluster: clusterRows, date: dateRows, new: newRows }[state.color]?.() ?? [];
  const focused = document.activeElement?.dataset.cluster; // its row is replaced by a new one
  byId("colors").replaceChildren(...rows);
  if (focused) byId("colors").querySelector(`[data-cluster="${focused}"]`)?.focus({ preventScroll: true });
  byId("colors").hidden = !rows.length;
  byId("legend").querySelectorAll("path").forEach((shape, index) =>
    shape.setAttribute("fill", state.color === "type" ? types[index].color : "currentColor"));
}

/** Return a row for each cluster of several files, the largest first, and a row for other nodes. */
function clusterRows() {
  const large = [...clusters.values()].filter((cluster) => cluster.size > 1);
  const shown = showAllClusters ? large : large.slice(0, FIRST_CLUSTERS);
  const rows = shown.map(clusterRow);
  const hidden = large.length - shown.length;
  if (hidden) rows.push(createElement("li", {}, button(`Show ${formatNumber(hidden)} more clusters`, showMoreClusters)));
  const single = clusters.size - large.length;
  if (single) rows.push(colorRow(null, "clusters of one file, each with its own color", single));
  const rest = nodes.filter((node) => clusterOf(node) === NO_CLUSTER).length;
  if (rest) rows.push(colorRow(data.no_cluster_color, "nodes in several clusters, or in none", rest));
  return rows;
}

/** Return a row with a button that selects the members of a cluster. */
function clusterRow({ number, name, color, size }) {
  const { firstChild: spot, lastChild: count } = colorRow(color, "", size);
  const choose = createElement("button", { type: "button", className: "neighbor row" }, spot,
    createElement("span", { className: "name", dir: "auto" }, isolatedText(`${number} ${truncate(name, 80)}`)), count);
  choose.dataset.cluster = String(number);
  choose.setAttribute("aria-pressed", String(isClusterSelected(number)));
  choose.onclick = () => (isClusterSelected(number) ? clearSelection() : selectNodes(membersOfCluster(number)));
  return createElement("li", {}, choose);
}

function showMoreClusters() {
  showAllClusters = true;
  showColorLegend();
  byId("colors").querySelectorAll("button")[FIRST_CLUSTERS].focus();
}

/**
 * Return the ids of the nodes of a cluster. If the page draws only a part of a large graph, return the
 * drawn nodes only, unless none is drawn: all nodes of a large cluster would take long to draw.
 */
function membersOfCluster(number) {
  const all = nodes.filter((node) => clusterOf(node) === number).map((node) => node.id);
  const drawn = all.filter((id) => state.drawnGroups.has(groupOf[id]));
  return drawn.length ? drawn : all;
}

function isClusterSelected(number) {
  const ids = selectedIds();
  return ids.length > 1 && ids.every((id) => clusterOf(nodes[id]) === number)
    && ids.length === membersOfCluster(number).length;
}

function newRows() {
  const count = nodes.filter(isNew).length;
  return [colorRow(NEW, "new since the earlier file", count), colorRow(KNOWN, "known", nodes.length - count)];
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
  if (color) marker.style.background = color;
  const row = createElement("li", {}, marker, createElement("span", { className: "name" }, text));
  if (count !== undefined) row.append(createElement("span", { className: "count", textContent: formatNumber(count) }));
  return row;
}
