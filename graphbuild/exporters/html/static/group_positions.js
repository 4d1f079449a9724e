// Positions of groups. While groups are folded, each is drawn at its position in the compact layout of
// groups (data.folded). An expanded group needs more space, so it pushes all other groups away.

const EXPANDED_MARGIN = 14; // free space around an expanded group, in units of the layout

for (const group of groups) group.home = centerOf(group.members); // in the layout of nodes
// The position of each group in the compact layout, relative to its home.
for (const [first, x, y] of data.folded ?? []) {
  const group = groupOf[first];
  group.compact = { x: x - group.home.x, y: y - group.home.y };
}

/** Return the position of a node (id) in the layout, or where the user moved it within its expanded group. */
function positionInGroup(id) {
  const { x, y, moved = ORIGIN } = nodes[id];
  return { x: x + moved.x, y: y + moved.y };
}

/** Return the mean position of nodes (ids). */
function centerOf(members) {
  const mean = (axis) => members.reduce((sum, id) => sum + positionInGroup(id)[axis], 0) / members.length;
  return { x: mean("x"), y: mean("y") };
}

/** Return the radius of a sign for a number of edges; its area grows with their logarithm. */
function signSize(edges) {
  const { min, max, edges: most } = data.sizes;
  const share = Math.log1p(Math.min(edges, most)) / Math.log1p(most || 1);
  return Math.sqrt(min ** 2 + (max ** 2 - min ** 2) * share);
}

/** Move a position of the layout as its group was moved: by the page, and by the user. */
function movedPosition({ shift = ORIGIN, moved = ORIGIN }, { x, y }) {
  return { x: x + shift.x + moved.x, y: y + shift.y + moved.y };
}

/** Compute `group.shift` for all groups; return the changes as a map from groups to (x, y). */
function placeGroups() {
  const before = new Map(groups.map((group) => [group, group.shift ?? ORIGIN]));
  for (const group of groups) group.shift = (state.folding && group.compact) || ORIGIN;
  if (state.folding) for (const group of state.expanded.keys()) makeSpace(group);
  const changes = new Map();
  for (const [group, { x, y }] of before) {
    const change = { x: group.shift.x - x, y: group.shift.y - y };
    if (change.x || change.y) changes.set(group, change);
  }
  return changes;
}

/** Push all other groups away from an expanded group, all by the same distance, so that it covers none. */
function makeSpace(group) {
  const center = movedPosition(group, group.home);
  const reach = spaceOf(group);
  const others = groups.filter((other) => other !== group).map((other) => {
    const { x, y } = movedPosition(other, other.home);
    const [right, down] = [x - center.x, y - center.y];
    return { other, angle: Math.atan2(down, right), overlap: reach + groupSize(other) - Math.hypot(right, down) };
  });
  const distance = others.reduce((most, { overlap }) => Math.max(most, overlap), 0);
  if (!distance) return;
  for (const { other, angle } of others) {
    other.shift = { x: other.shift.x + distance * Math.cos(angle), y: other.shift.y + distance * Math.sin(angle) };
  }
}

/** Return the radius of a group that is folded completely. */
function groupSize({ members }) {
  return signSize(nodes[members[0]].links * members.length);
}

/** Return the radius of the disc that an expanded group needs, with the marker of members that stay folded. */
function spaceOf(group) {
  const rest = state.expanded.get(group).size < group.members.length ? 2 * groupSize(group) : 0;
  return reachOf(group) + rest + EXPANDED_MARGIN;
}

/** Return the radius of the disc around the expanded members of a group. */
function reachOf({ members, home }) {
  return members.reduce((most, id) => {
    const { x, y } = positionInGroup(id);
    return Math.max(most, Math.hypot(x - home.x, y - home.y) + signSize(nodes[id].links));
  }, 0);
}

/** Move the markers of groups by `changes`, except those of groups in `except`; return the moved markers. */
function shiftMarkers(changes, except) {
  const moved = [];
  for (const [group, { x, y }] of changes) {
    if (except.has(group)) continue;
    for (const marker of group.markers ?? []) {
      marker.x += x;
      marker.y += y;
      moved.push(marker);
    }
  }
  return moved;
}
