// Colors by type, cluster or date; shapes; and how the view fits markers.

// Distinguishable with any common color blindness: Paul Tol's "muted" scheme, technical note 2021.
const CLUSTER_COLORS = ["#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677",
  "#882255", "#aa4499"];
const OTHER = "#8a8f98";
const UNDATED = "#8a8f98";
const EARLY = [68, 1, 84], MIDDLE = [33, 145, 140], LATE = [253, 231, 37]; // viridis
const MARGIN = 0.88; // share of the view that fitted markers fill
const theme = {};

/** Read the colors of the style sheet, for the light or dark scheme. */
function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "ink", "accent", "warn", "halo", "outline", "link-a", "link-b"]) {
    theme[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

function colorOf(marker) {
  if (state.color === "cluster") return clusterColor(clusterOf(marker.first));
  if (state.color === "date") return dateColor(middleDate(marker));
  return types[marker.type].color;
}

function clusterColor(cluster) {
  return cluster === NO_CLUSTER ? OTHER : CLUSTER_COLORS[cluster] ?? OTHER;
}

/** Return the median date of a marker's visible members. */
function middleDate(marker) {
  const dates = marker.members.map((id) => nodes[id]).filter(passesFilters).map(dateOf)
    .filter((date) => date !== undefined);
  return dates.sort((a, b) => a - b)[Math.floor(dates.length / 2)];
}

function dateColor(date) {
  if (date === undefined) return UNDATED;
  const { first, last } = months();
  return viridis((monthOf(date) - first) / Math.max(1, last - first));
}

function viridis(share) {
  const [from, to, part] = share < 0.5 ? [EARLY, MIDDLE, share * 2] : [MIDDLE, LATE, share * 2 - 1];
  return hex(from.map((value, index) => value + (to[index] - value) * part));
}

function hex(channels) {
  return `#${channels.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}

/** Mix two colors; `share` is the share of the second. */
function mixColors(one, other, share) {
  const parts = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const [a, b] = [parts(one), parts(other)];
  return hex(a.map((value, index) => value * (1 - share) + b[index] * share));
}

// --- months, counted from year 0

function monthOf(date) {
  const at = new Date(date * 1000);
  return at.getUTCFullYear() * 12 + at.getUTCMonth();
}

/** Return the name of a month, such as "2019-03". */
function monthName(month) {
  return `${String(Math.floor(month / 12)).padStart(4, "0")}-${String((month % 12) + 1).padStart(2, "0")}`;
}

function monthStart(month) {
  return Date.UTC(Math.floor(month / 12), month % 12) / 1000;
}

let monthsKnown = null;
/** Return the first and last month with references, and the number of references per month. */
function months() {
  if (monthsKnown) return monthsKnown;
  const counts = new Map();
  let undated = 0;
  for (const node of nodes) {
    if (!types[node.type].dated) continue;
    const date = dateOf(node);
    if (date === undefined) undated += 1;
    else counts.set(monthOf(date), (counts.get(monthOf(date)) ?? 0) + 1);
  }
  const all = [...counts.keys()].sort((a, b) => a - b);
  monthsKnown = { counts, undated, first: all[0] ?? 0, last: all.at(-1) ?? 0 };
  return monthsKnown;
}

// --- markers and lines

/** Return a lighter color for folded markers, so that their count is readable. */
function tint(marker) {
  return mixColors(colorOf(marker), theme.paper, 0.62);
}

function lineColor({ link }) {
  if (link.count) return theme.accent;
  const [sample] = typeof link.facts === "number" ? [link.facts] : link.facts;
  return facts[sample].via ? theme["link-a"] : theme["link-b"];
}

/** Return the opacity of lines: lower the more there are, a little higher on dark backgrounds. */
function lineOpacity() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const share = 0.75 - 0.16 * Math.log10(lines.size + 1) + (dark ? 0.08 : 0);
  return Math.min(0.6, Math.max(0.12, share));
}

/** Return the corners of a shape around its center; undefined for a dot. */
function cornersOf(shape, size) {
  return {
    diamond: [[0, -size], [size, 0], [0, size], [-size, 0]],
    square: [[-size, -size], [size, -size], [size, size], [-size, size]],
    triangle: [[0, -size], [size, size * 0.8], [-size, size * 0.8]],
  }[shape];
}

/** Return the center and scale at which some markers fill the view. */
function fitView(some, { width, height }) {
  const reach = (axis) => some.reduce(([low, high], marker) =>
    [Math.min(low, marker[axis] - marker.size), Math.max(high, marker[axis] + marker.size)],
  [Infinity, -Infinity]);
  const [left, right] = reach("x");
  const [top, bottom] = reach("y");
  const scale = MARGIN * Math.min(width / (right - left), height / (bottom - top), MAX_SCALE / MARGIN);
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale };
}
