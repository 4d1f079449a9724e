// The "Color by" control and its legend.

function buildColorChoice() {
  const dated = countMonths().counts.size > 0;
  const options = [["type", "Type"], ...(clusters.size ? [["cluster", "Cluster"]] : []), ...(dated ? [["date", "Date"]] : [])];
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

/** Return a row for each cluster of several files, and rows for other files and nodes. */
function clusterRows() {
  const large = [...clusters.values()].filter((cluster) => cluster.size > 1);
  const rows = large.map(({ number, name, color, size }) =>
    colorRow(color, isolatedText(`${number} ${truncate(name, 80)}`), size));
  const single = clusters.size - large.length;
  if (single) rows.push(colorRow(data.no_cluster_color, "other files, each with its own color", single));
  const rest = nodes.filter((node) => clusterOf(node) === NO_CLUSTER).length;
  if (rest) rows.push(colorRow(data.no_cluster_color, "in several clusters, or in none", rest));
  return rows;
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
