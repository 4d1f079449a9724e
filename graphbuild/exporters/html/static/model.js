// The state of the page: expanded groups, filters, selection. This file draws nothing.
//
// A marker represents a node or a folded group on the canvas. A line connects two markers.

const MIN_LABELED_SIZE = 12; // minimum radius of the markers of collections
const MAX_EXPANDED = 200; // maximum number of members to expand at once; the others stay folded
const DIRECTIONS = 16; // candidate positions around an expanded group for the marker of its folded members
const ALL_DATES = Object.freeze({ from: -Infinity, to: Infinity, undated: true });

const state = {
  hiddenTypes: new Set(),
  hiddenNodes: new Set(), // ids of nodes that the user hid
  pinned: new Set(), // ids of nodes that keep their place; see hide_and_pin.js
  minLinks: 0,
  dates: { ...ALL_DATES },
  hiddenValues: Object.fromEntries(Object.keys(FILTER_COLUMNS).map((name) => [name, new Set()])), // by column
  color: clusters.size ? "cluster" : "type", // or "date", "new", or a column; see COLUMN
  size: LINKS, // the column that the size of markers shows
  hops: 1, // the highlighted distance from the selected marker, in observations
  layered: false, // whether markers are arranged in layers; see layers.js
  folding: true, // whether the user wants nodes with the same neighbors folded
  expanded: new Map(), // expanded group -> members with a marker of their own
  drawnGroups: new Set(groups), // groups that are drawn; search can add others
  marker: null, // the selected marker
  several: null, // the ids of several nodes that are selected together; see multi_selection.js
  line: null, // the selected line
  path: null, // the path to show; see shortest_path.js
  focus: null, // nodes, markers and lines to highlight; null for none
};
const markers = new Map(); // by marker id; includes markers that the filters hide
const lines = new Map(); // by line id

// --- filters

function passesFilters(node) {
  return !state.hiddenTypes.has(node.type) && !state.hiddenNodes.has(node.id)
    && node.links >= state.minLinks && passesDates(node) && passesValues(node);
}

/** Return whether a node passes the date filter; only references have dates. */
function passesDates(node) {
  if (!types[node.type].dated) return true;
  const date = dateOf(node);
  if (date === undefined) return state.dates.undated;
  return date >= state.dates.from && date < state.dates.to;
}

/** Set `marker.shown` to the number of members that pass the filters. A marker is hidden if this is 0. */
function countShown(marker) {
  marker.shown = marker.members.length === 1 ? Number(passesFilters(marker.first))
    : marker.members.reduce((sum, id) => sum + Number(passesFilters(nodes[id])), 0);
}

/** Return whether both ends of a line are visible. */
function isDrawn(line) {
  return line.from.shown > 0 && line.to.shown > 0;
}

/** Return the numbers of visible nodes, links, markers and lines. */
function visibleCounts() {
  const found = { nodes: 0, links: 0, markers: 0, lines: 0 };
  for (const marker of markers.values()) {
    found.nodes += marker.shown;
    found.markers += Number(marker.shown > 0);
  }
  for (const line of lines.values()) {
    if (!isDrawn(line)) continue;
    found.links += line.link.count ? 0 : line.from.shown * line.to.shown;
    found.lines += 1;
  }
  return found;
}

// --- markers

/** Return the marker that represents a node, given by id; undefined if its group is not drawn. */
function markerOf(id) {
  const group = groupOf[id];
  const alone = state.expanded.get(group)?.has(id) || group.members.length === 1;
  return markers.get(alone ? id : foldId(group));
}

/** Return the id of the marker of a folded group: that of its only node, or an id above all node ids. */
function foldId(group) {
  return group.members.length === 1 ? group.members[0] : nodes.length + group.id;
}

/** Return new markers for a group: one per expanded member, and one for all other members together. */
function markersFor(group) {
  const outside = state.expanded.get(group) ?? new Set();
  const alone = group.members.filter((id) => outside.has(id));
  const rest = group.members.filter((id) => !outside.has(id));
  const fresh = alone.map((id) => makeMarker(id, group, [id]));
  if (rest.length) fresh.push(makeMarker(foldId(group), group, rest));
  return fresh;
}

function makeMarker(id, group, members) {
  const first = nodes[members[0]];
  const marker = { id, group, members, first, type: first.type, links: first.links, lines: new Set(), shown: 0 };
  countShown(marker);
  marker.own = marker.size = ownSize(marker);
  Object.assign(marker, networkPosition(marker));
  return marker;
}

/** Return the radius of a marker in units of the layout: by its links, or by the selected column. */
function ownSize(marker) {
  const least = types[marker.type].labeled ? MIN_LABELED_SIZE : 0;
  if (state.size === LINKS) return Math.max(least, signSize(marker.links * marker.members.length));
  const column = columns.get(state.size);
  const value = medianOf(marker, column);
  const { min, max } = data.sizes;
  return value === undefined ? min : Math.sqrt(min ** 2 + (max ** 2 - min ** 2) * shareOf(value, column));
}

/** Return the position of a marker unless markers are arranged in layers. */
function networkPosition({ group, members, own }) {
  if (isRest({ group, members })) return freePosition(group, own);
  return movedPosition(group, members.length > 1 ? group.home : centerOf(members));
}

/** Return whether a marker represents the folded members of an expanded group. */
function isRest({ group, members }) {
  return members.length > 1 && members.length < group.members.length;
}

/** Find a position beside an expanded group, in the direction with the most free space. */
function freePosition(group, size) {
  const { x, y } = movedPosition(group, group.home);
  const reach = size * Math.SQRT2 + reachOf(group);
  const others = [...markers.values()].filter((marker) => marker.group !== group);
  const around = Array.from({ length: DIRECTIONS }, (_, side) => {
    const turn = (2 * Math.PI * side) / DIRECTIONS;
    const at = { x: x + reach * Math.cos(turn), y: y + reach * Math.sin(turn) };
    const free = others.reduce((least, other) =>
      Math.min(least, Math.hypot(other.x - at.x, other.y - at.y) - other.size), Infinity);
    return { ...at, free };
  });
  return around.reduce((best, at) => (at.free > best.free ? at : best));
}

function isFolded(marker) {
  return marker.members.length > 1;
}

/**
 * Replace the markers and lines of changed groups. Return the removed and the added markers and lines, and
 * the markers that moved because expanded groups need space.
 */
function updateGroups(changed) {
  const moved = shiftMarkers(placeGroups(), changed);
  const removed = { markers: [], lines: [] };
  const added = { markers: [], lines: [] };
  for (const group of changed) {
    for (const marker of group.markers ?? []) {
      markers.delete(marker.id);
      removed.markers.push(marker);
      for (const line of marker.lines) if (dropLine(line)) removed.lines.push(line);
    }
    group.markers = state.drawnGroups.has(group) ? markersFor(group) : [];
    for (const marker of group.markers) { markers.set(marker.id, marker); added.markers.push(marker); }
  }
  for (const link of linksOf(changed)) added.lines.push(...linesFor(link));
  return { removed, added, moved };
}

/** Return the number of edges that a line represents. The line must have no `link.count`. */
function pairCount(line) {
  return line.from.members.length * line.to.members.length;
}

function dropLine(line) {
  line.from.lines.delete(line);
  line.to.lines.delete(line);
  return lines.delete(line.id);
}

function linksOf(some) {
  const found = new Set();
  for (const group of some) for (const link of [...group.out, ...group.in]) found.add(link);
  for (const link of [...shared, ...drawsObserved ? observedLinks() : []]) {
    if (some.has(link.from) || some.has(link.to)) found.add(link);
  }
  return found;
}

function linesFor(link) {
  const fresh = [];
  for (const from of link.from.markers ?? []) {
    for (const to of link.to.markers ?? []) {
      const id = `${link.id}:${from.id}:${to.id}`;
      if (lines.has(id)) continue;
      const line = { id, link, from, to };
      lines.set(id, line);
      from.lines.add(line);
      to.lines.add(line);
      fresh.push(line);
    }
  }
  return fresh;
}

// --- expanding

/**
 * Return the ids of the members of a group that get a marker of their own: those that have one, then
 * the ids `wanted`, then other members, first those that pass the filters. Without `wanted`, up to 200
 * members are added. With `wanted`, other members are added only until 200 have a marker.
 */
function expand(group, wanted = []) {
  const outside = state.expanded.get(group) ?? new Set();
  const ordered = [...wanted, ...group.members.filter((id) => passesFilters(nodes[id])), ...group.members];
  const maxCount = wanted.length ? Math.max(MAX_EXPANDED, outside.size + wanted.length) : outside.size + MAX_EXPANDED;
  for (const id of ordered) if (outside.size < maxCount) outside.add(id);
  return outside;
}

function isExpanded(group) {
  return state.expanded.has(group);
}
