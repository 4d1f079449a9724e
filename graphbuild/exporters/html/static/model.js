// What is shown: which groups are open, what the filters leave, what is chosen. Nothing here draws.
//
// A spot is what is drawn for one node, or for all of a folded group; a line ties two spots.

const NAMED = 20; // the radius of a type whose nodes always bear their names, at least
const MOST_OPEN = 200; // members that come out of a group at once; the rest stays folded
const SIDES = 16; // of an open group, where its rest may stand
const EVERYTHING = Object.freeze({ from: -Infinity, to: Infinity, undated: true });

const state = {
  off: new Set(), // types
  least: 0,
  dates: { ...EVERYTHING },
  colour: data.rung === "all" ? "type" : "community",
  hops: 1,
  outside: new Map(), // of opened groups: which members stand alone
  picture: new Set(groups), // groups that are in the picture; search can bring others in
  spot: null, // chosen
  line: null,
  path: null,
  focus: null, // what stays bright while the rest fades
};
const spots = new Map();
const lines = new Map();

// --- what passes

function isShown(node) {
  return !state.off.has(node.type) && node.links >= state.least && isInTime(node);
}

/** Only reports have a day; files and collections stand at any time. */
function isInTime(node) {
  if (!types[node.type].dated) return true;
  const date = dateOf(node);
  if (date === undefined) return state.dates.undated;
  return date >= state.dates.from && date < state.dates.to;
}

/** Count again what of a spot passes the filters: a folded one stays while any member does. */
function countShown(spot) {
  spot.shown = spot.members.length === 1 ? Number(isShown(spot.first))
    : spot.members.reduce((sum, id) => sum + Number(isShown(nodes[id])), 0);
}

function isDrawn(line) {
  return line.from.shown > 0 && line.to.shown > 0;
}

/** How many of the graph's nodes and edges the picture stands for, and with how many signs. */
function visible() {
  const found = { nodes: 0, links: 0, spots: 0, lines: 0 };
  for (const spot of spots.values()) {
    found.nodes += spot.shown;
    found.spots += Number(spot.shown > 0);
  }
  for (const line of lines.values()) {
    if (!isDrawn(line)) continue;
    found.links += line.link.count ? 0 : line.from.shown * line.to.shown;
    found.lines += 1;
  }
  return found;
}

// --- spots

function spotOf(id) {
  const group = groupOf[id];
  const alone = state.outside.get(group)?.has(id) || group.members.length === 1;
  return spots.get(alone ? id : foldId(group));
}

/** Numbers of nodes are those of their own spots; folded groups come behind. */
function foldId(group) {
  return group.members.length === 1 ? group.members[0] : nodes.length + group.id;
}

/** The spots of a group as it should be drawn now: members that stand alone, and the rest as one. */
function spotsFor(group) {
  const outside = state.outside.get(group) ?? new Set();
  const alone = group.members.filter((id) => outside.has(id));
  const rest = group.members.filter((id) => !outside.has(id));
  const fresh = alone.map((id) => spotAt(id, group, [id]));
  if (rest.length) fresh.push(spotAt(foldId(group), group, rest));
  return fresh;
}

function spotAt(id, group, members) {
  const first = nodes[members[0]];
  // As large as all its members together; what bears a name has room, and can be hit.
  const size = Math.max(types[first.type].named ? NAMED : 0, first.size * Math.sqrt(members.length));
  const isRest = members.length > 1 && members.length < group.members.length;
  const { x, y } = isRest ? besides(group, size) : asMoved(group, middleOf(members));
  const spot = {
    id, group, members, first, type: first.type, links: first.links, lines: new Set(),
    x, y, size, own: size, shown: 0,
  };
  countShown(spot);
  return spot;
}

function middleOf(members) {
  const mean = (axis) => members.reduce((sum, each) => sum + nodes[each][axis], 0) / members.length;
  return { x: mean("x"), y: mean("y") };
}

function asMoved(group, { x, y }) {
  return { x: x + (group.moved?.x ?? 0), y: y + (group.moved?.y ?? 0) };
}

/** Where the rest of an open group covers none that came out: beside them all, where most is free. */
function besides(group, size) {
  const home = middleOf(group.members);
  const { x, y } = asMoved(group, home);
  const reach = size * Math.SQRT2 + group.members.reduce((most, id) =>
    Math.max(most, Math.hypot(nodes[id].x - home.x, nodes[id].y - home.y) + nodes[id].size), 0);
  const others = [...spots.values()].filter((spot) => spot.group !== group);
  const around = Array.from({ length: SIDES }, (_, side) => {
    const turn = (2 * Math.PI * side) / SIDES;
    const at = { x: x + reach * Math.cos(turn), y: y + reach * Math.sin(turn) };
    const free = others.reduce((least, other) =>
      Math.min(least, Math.hypot(other.x - at.x, other.y - at.y) - other.size), Infinity);
    return { ...at, free };
  });
  return around.reduce((best, at) => (at.free > best.free ? at : best));
}

function isFold(spot) {
  return spot.members.length > 1;
}

/** Put the spots and lines of some groups where they are due; what went and what came. */
function rebuild(changed) {
  const gone = { spots: [], lines: [] };
  const come = { spots: [], lines: [] };
  for (const group of changed) {
    for (const spot of group.spots ?? []) {
      spots.delete(spot.id);
      gone.spots.push(spot);
      for (const line of spot.lines) if (dropLine(line)) gone.lines.push(line);
    }
    group.spots = state.picture.has(group) ? spotsFor(group) : [];
    for (const spot of group.spots) { spots.set(spot.id, spot); come.spots.push(spot); }
  }
  for (const link of linksOf(changed)) come.lines.push(...linesFor(link));
  return { gone, come };
}

/** How many edges of the graph a line stands for. */
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
  for (const link of shared) if (some.has(link.from) || some.has(link.to)) found.add(link);
  return found;
}

function linesFor(link) {
  const fresh = [];
  for (const from of link.from.spots ?? []) {
    for (const to of link.to.spots ?? []) {
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

// --- open and close

/** Members of a group come out, at most 200, those that are asked for first. */
function outOf(group, wanted = []) {
  const outside = state.outside.get(group) ?? new Set();
  const byWish = [...wanted, ...group.members.filter((id) => isShown(nodes[id])), ...group.members];
  const room = Math.max(MOST_OPEN, outside.size + wanted.length);
  for (const id of byWish) if (outside.size < room) outside.add(id);
  return outside;
}

function isOpen(group) {
  return state.outside.has(group);
}
