// The "Color by" control and its legend.

const FIRST_CLUSTERS = 12; // rows of clusters before a button that shows the others
let showAllClusters = false;

function buildColorChoice() {
  const dated = countMonths().counts.size > 0;
  const options = [["type", "Type"], ...(clusters.size ? [["cluster", "Cluster"]] : []), ...(dated ? [["date", "Date"]] : []),
    ...(nodes.some(isNew) ? [["new", "New nodes"]] : [])];
  const byColumn = [...columns.values()].map(({ name, title }) => [COLUMN + name, title]);
  byId("color").replaceChildren(...options.map(option),
    createElement("optgroup", { label: "Column" }, ...byColumn.map(option)));
  byId("color").onchange = () => setColor(byId("color").value);
  const numbers = [...columns.values()].filter(({ kind }) => kind !== "text");
  byId("size").replaceChildren(...numbers.map(({ name, title }) => option([name, title])));
  byId("size").onchange = () => setSize(byId("size").value);
  byId("size-row").hidden = numbers.length < 2;
}

function option([value, textContent]) {
  return createElement("option", { value, textContent });
}

function showColorLegend() {
  byId("color").value = state.color;
  byId("size").value = state.size;
  const rows = legendRows();
  const focused = [...byId("colors").querySelectorAll("button")].indexOf(document.activeElement);
  byId("colors").replaceChildren(...rows);
  if (focused >= 0) byId("colors").querySelectorAll("button")[focused]?.focus({ preventScroll: true });
  byId("colors").hidden = !rows.length;
  byId("legend").querySelectorAll("path").forEach((shape, index) =>
    shape.setAttribute("fill", state.color === "type" ? types[index].color : "currentColor"));
}

function legendRows() {
  if (state.color.startsWith(COLUMN)) return columnRows(columns.get(state.color.slice(COLUMN.length)));
  return { cluster: clusterRows, date: dateRows, new: newRows }[state.color]?.() ?? [];
}

/** Return a row for each value with a color of its own, or for steps between the least and the most value. */
function columnRows(column) {
  const ofColumn = (node) => columnValue(node, column.name);
  const rest = nodes.filter((node) => ofColumn(node) === undefined).length;
  const none = rest ? [colorRow(UNDATED, "no value", rest)] : [];
  if (column.kind !== "text") return [...stepRows(column), ...none];
  const shown = [...column.counts].slice(0, data.palette.length);
  const others = [...column.counts].slice(data.palette.length);
  const rows = shown.map(([value, count]) => {
    const members = () => drawnFirst(nodes.filter((node) => ofColumn(node) === value).map(({ id }) => id));
    return choosingRow(valueColor(column, value), String(value), count, members);
  });
  if (others.length) rows.push(colorRow(UNDATED, "other values", others.reduce((sum, [, count]) => sum + count, 0)));
  return [...rows, ...none];
}

function stepRows(column) {
  const { kind, least, most } = column;
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => (kind === "date" ? least + share * (most - least)
    : Math.round(least + Math.expm1(share * Math.log1p(most - least)))));
  return [...new Set(steps)].map((value) => colorRow(viridis(shareOf(value, column)),
    kind === "date" ? formatDate(value) : formatNumber(value)));
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

function clusterRow({ number, name, color, size }) {
  return choosingRow(color, `${number} ${name}`, size, () => membersOfCluster(number));
}

/** Return a row with a button that selects nodes (ids), or clears the selection if they are selected. */
function choosingRow(color, text, size, members) {
  const { firstChild: spot, lastChild: count } = colorRow(color, "", size);
  const choose = createElement("button", { type: "button", className: "neighbor row" }, spot,
    createElement("span", { className: "name", dir: "auto" }, isolatedText(truncate(text, 80))), count);
  const isSelected = selectedIds().length > 1 && String(members()) === String(selectedIds());
  choose.setAttribute("aria-pressed", String(isSelected));
  choose.onclick = () => (isSelected ? clearSelection() : selectNodes(members()));
  return createElement("li", {}, choose);
}

function showMoreClusters() {
  showAllClusters = true;
  showColorLegend();
  byId("colors").querySelectorAll("button")[FIRST_CLUSTERS].focus();
}

function membersOfCluster(number) {
  return drawnFirst(nodes.filter((node) => clusterOf(node) === number).map((node) => node.id));
}

/**
 * Return those of some nodes (ids) that are drawn and pass the filters, if any does; else all of them. If the
 * page draws only a part of a large graph, drawing all nodes of a large cluster would take long.
 */
function drawnFirst(ids) {
  const drawn = visibleIds(ids).filter((id) => state.drawnGroups.has(groupOf[id]));
  return drawn.length ? drawn : ids;
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
