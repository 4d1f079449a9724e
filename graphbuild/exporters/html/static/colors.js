// Colors of nodes and lines on the canvas and in the legend. They come from:
//
// - node types: graphbuild/graph/style.py (in the data block as `types[].color`);
// - clusters: the same module (in the data block as `cluster_list[].color`), and likewise the most frequent
//   texts of a column (`palette`);
// - dates, numbers of a column, and new nodes: the constants below;
// - interface, lines, labels and outlines, light and dark: the variables in style.css.

const UNDATED = "#8a8f98", KNOWN = "#8a8f98";
const NEW = "#d55e00"; // of nodes that the file of --places did not contain; from Okabe and Ito
const EARLY = [68, 1, 84], MIDDLE = [33, 145, 140], LATE = [253, 231, 37]; // viridis; red, green, blue
const COLUMN = "column:"; // before the name of a column in `state.color`
const theme = {}; // the colors of style.css that the canvas needs, by variable name without "--"

/** Read `theme` from style.css, in the light or dark scheme that the browser uses now. */
function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "ink", "accent", "warn", "halo", "outline", "link-a", "link-b"]) {
    theme[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

/** Return the color of a marker in the mode that "Color by" selects. */
function colorOf(marker) {
  if (state.color === "cluster") return clusterColor(commonCluster(marker.members));
  if (state.color === "date") return dateColor(middleDate(marker));
  if (state.color.startsWith(COLUMN)) return columnColor(marker, columns.get(state.color.slice(COLUMN.length)));
  if (state.color === "new") return marker.members.some((id) => isNew(nodes[id])) ? NEW : KNOWN;
  return types[marker.type].color;
}

/** Return whether the file of `export --places` did not contain a node. */
function isNew(node) {
  return node.attributes.is_new === true;
}

function clusterColor(number) {
  return clusters.get(number)?.color ?? data.no_cluster_color;
}

/** Return the cluster of all nodes with these ids, or NO_CLUSTER if they are in several. */
function commonCluster(ids) {
  const number = clusterOf(nodes[ids[0]]);
  return ids.every((id) => clusterOf(nodes[id]) === number) ? number : NO_CLUSTER;
}

/** Return the median date of a marker's visible members; undefined if there is no date. */
function middleDate(marker) {
  const dates = marker.members.map((id) => nodes[id]).filter(passesFilters).map(dateOf)
    .filter((date) => date !== undefined);
  return dates.sort((a, b) => a - b)[Math.floor(dates.length / 2)];
}

/** Return the color of a marker by a column: of the most frequent text, or of the median number. */
function columnColor(marker, column) {
  if (column.kind === "text") return valueColor(column, mostFrequentValue(marker, column.name));
  const value = medianOf(marker, column);
  return value === undefined ? UNDATED : viridis(shareOf(value, column));
}

/** Return the most frequent value of a marker's visible members in a column, which may be undefined. */
function mostFrequentValue(marker, name) {
  const counts = new Map();
  for (const id of marker.members) {
    if (!passesFilters(nodes[id])) continue;
    const value = columnValue(nodes[id], name);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].reduce((most, each) => (each[1] > most[1] ? each : most), [undefined, 0])[0];
}

/** Return the color of one of the most frequent values of a column; others share a color. */
function valueColor(column, value) {
  column.colors ??= new Map([...column.counts.keys()].slice(0, data.palette.length).map((each, at) => [each, data.palette[at]]));
  return column.colors.get(value) ?? UNDATED;
}

function dateColor(date) {
  if (date === undefined) return UNDATED;
  const { first, last } = countMonths();
  return viridis((monthOf(date) - first) / Math.max(1, last - first));
}

/** Return the color at `share` (0 to 1) of the viridis scale. */
function viridis(share) {
  const [from, to, part] = share < 0.5 ? [EARLY, MIDDLE, share * 2] : [MIDDLE, LATE, share * 2 - 1];
  return hex(from.map((value, index) => value + (to[index] - value) * part));
}

function hex(channels) {
  return `#${channels.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}

/** Mix two colors `#rrggbb`; `share` (0 to 1) is the share of the second. */
function mixColors(one, other, share) {
  const parts = (color) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  const [a, b] = [parts(one), parts(other)];
  return hex(a.map((value, index) => value * (1 - share) + b[index] * share));
}

/** Return the fill of a folded marker: its color, mixed with the background so that its count is readable. */
function tint(marker) {
  return mixColors(colorOf(marker), theme.paper, 0.62);
}

/** Return the fill, the stroke and its width in pixels of a marker; it is hollow if a member is incomplete. */
function lookOf(marker) {
  const stroke = colorOf(marker);
  const open = marker.members.some((id) => isIncomplete(nodes[id]));
  return { fill: open ? theme.paper : isFolded(marker) ? tint(marker) : stroke, stroke, width: open ? 3 : 1.5 };
}

/** Return the color of a line. Lines of the map, edges with `via`, and other edges have different colors. */
function lineColor({ link }) {
  if (link.count) return theme.accent;
  const [sample] = typeof link.facts === "number" ? [link.facts] : link.facts;
  return facts[sample].via ? theme["link-a"] : theme["link-b"];
}

/** Return the opacity of lines: lower with more lines, slightly higher in the dark scheme. */
function lineOpacity() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const share = 0.75 - 0.16 * Math.log10(lines.size + 1) + (dark ? 0.08 : 0);
  return Math.min(0.6, Math.max(0.12, share));
}
