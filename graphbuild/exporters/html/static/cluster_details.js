// The cluster of the selected marker in the details panel: its evidence, subclusters and doubtful files.

const SUBCLUSTER = "subcluster"; // the attribute with the label of the subcluster

/** Return the lines about the cluster of a marker; an empty list without a cluster. */
function clusterParts(marker) {
  const cluster = clusters.get(commonCluster(marker.members));
  if (!cluster) return [];
  const files = nodes.filter((node) => isCounted(node) && clusterOf(node) === cluster.number);
  return [clusterLine(cluster), evidenceLine(cluster), subclusterLine(cluster, files), doubtfulLine(files)].filter(Boolean);
}

/** Return the name of a cluster with a button that selects its members. */
function clusterLine(cluster) {
  const spot = createElement("span", { className: "spot" });
  spot.style.background = cluster.color;
  return createElement("p", { className: "type" }, spot,
    createElement("span", { className: "what", dir: "auto" }, isolatedText(`Cluster ${cluster.number}: ${truncate(cluster.name, 80)}`)),
    button("Select", () => selectNodes(membersOfCluster(cluster.number)), { title: "Select all nodes of this cluster" }));
}

/** Return the number of sources and the breaking point of a cluster; null if they are unknown, or for one file. */
function evidenceLine({ size, sources, breaking_point: breakingPoint }) {
  if (sources === undefined || size < 2) return null;
  return createElement("p", { className: "type", textContent: `${plural(sources, "independent source")}, breaking point ${breakingPoint}`,
    title: "Without so many of its sources, the cluster would lose more than half of its files" });
}

/** Return a button for each subcluster, which selects its files; null if the cluster is not split. */
function subclusterLine(cluster, files) {
  const labels = [...new Set(files.map((node) => node.attributes[SUBCLUSTER]))].filter((label) => label !== undefined)
    .sort((one, other) => one.length - other.length || (one < other ? -1 : 1));
  if (labels.length < 2) return null;
  const buttons = labels.map((label) => selectButton(`Subcluster ${showInvisible(label)}`,
    files.filter((node) => node.attributes[SUBCLUSTER] === label)));
  return createElement("p", { className: "actions" }, ...buttons);
}

/** Return a button that selects the doubtful files of a cluster; null if there are none. */
function doubtfulLine(files) {
  const doubtful = files.filter((node) => node.attributes.doubtful === true);
  if (!doubtful.length) return null;
  return createElement("p", { className: "actions" }, selectButton("Doubtful", doubtful,
    "Select the files of this cluster that are nearly as similar to another cluster"));
}

function selectButton(text, these, title = "Select these files") {
  const count = these.reduce((sum, node) => sum + (node.attributes.group_size ?? 1), 0);
  return button(`${text} (${formatNumber(count)})`, () => selectNodes(drawnFirst(these.map(({ id }) => id))), { title });
}
