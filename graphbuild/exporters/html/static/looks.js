// Colours: by type, by community or by date; the canvas asks the style sheet for the rest.

// Told apart by people with any common colour blindness (Paul Tol's "muted", technical note of 2021).
const COMMUNITY = ["#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677",
  "#882255", "#aa4499"];
const OTHER = "#8a8f98";
const UNDATED = "#8a8f98";
const EARLY = [68, 1, 84], MIDDLE = [33, 145, 140], LATE = [253, 231, 37]; // of viridis
const MARGIN = 0.88; // of a window that what is looked at takes
const ink = {};

/** The colours of the style sheet, light or dark. */
function readInk() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "ink", "accent", "warn", "halo", "outline", "link-a", "link-b"]) {
    ink[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

function colourOf(spot) {
  if (state.colour === "community") return communityColour(communityOf(spot.first));
  if (state.colour === "date") return dateColour(middleDate(spot));
  return types[spot.type].colour;
}

function communityColour(community) {
  return community === ALONE ? OTHER : COMMUNITY[community] ?? OTHER;
}

/** The date in the middle of those that a spot stands for, as the filters leave it. */
function middleDate(spot) {
  const dates = spot.members.map((id) => nodes[id]).filter(isShown).map(dateOf)
    .filter((date) => date !== undefined);
  return dates.sort((a, b) => a - b)[Math.floor(dates.length / 2)];
}

function dateColour(date) {
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

/** One colour with some of another in it. */
function mixed(one, other, share) {
  const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const [a, b] = [parts(one), parts(other)];
  return hex(a.map((value, index) => value * (1 - share) + b[index] * share));
}

// --- months, counted from year 0

function monthOf(date) {
  const at = new Date(date * 1000);
  return at.getUTCFullYear() * 12 + at.getUTCMonth();
}

/** "2019-03" */
function monthName(month) {
  return `${String(Math.floor(month / 12)).padStart(4, "0")}-${String((month % 12) + 1).padStart(2, "0")}`;
}

function monthStart(month) {
  return Date.UTC(Math.floor(month / 12), month % 12) / 1000;
}

let monthsKnown = null;
/** The first and the last month in which a report was published, and how many in each. */
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

// --- spots and lines

/** Folded spots are lighter, so that their count can be read. */
function tint(spot) {
  return mixed(colourOf(spot), ink.paper, 0.62);
}

function inkOf({ link }) {
  if (link.count) return ink.accent;
  const [sample] = typeof link.said === "number" ? [link.said] : link.said;
  return says[sample].via ? ink["link-a"] : ink["link-b"];
}

/** The more lines there are, the fainter each is drawn; on black they need a little more. */
function faint() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const share = 0.75 - 0.16 * Math.log10(lines.size + 1) + (dark ? 0.08 : 0);
  return Math.min(0.6, Math.max(0.12, share));
}

/** Where the corners of a shape are around its middle; a dot has none. */
function cornersOf(shape, size) {
  return {
    diamond: [[0, -size], [size, 0], [0, size], [-size, 0]],
    square: [[-size, -size], [size, -size], [size, size], [-size, size]],
    triangle: [[0, -size], [size, size * 0.8], [-size, size * 0.8]],
  }[shape];
}

/** Where to look, and how near, so that some spots fill a window but for a margin for names. */
function viewOn(some, { width, height }) {
  const reach = (axis) => some.reduce(([low, high], spot) =>
    [Math.min(low, spot[axis] - spot.size), Math.max(high, spot[axis] + spot.size)],
  [Infinity, -Infinity]);
  const [left, right] = reach("x");
  const [top, bottom] = reach("y");
  const scale = MARGIN * Math.min(width / (right - left), height / (bottom - top), CLOSEST / MARGIN);
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale };
}
