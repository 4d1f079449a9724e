// What a click, a key or another part of the page does to the state; then everything shows it.

const byId = (id) => document.getElementById(id);
const picturesOf = new Set(); // what else shows the state, called after each change

/** Groups whose spots are due anew: the picture and all that leans on it follows. */
function redo(changed) {
  const difference = rebuild(changed);
  keepChoice();
  picture.swap(difference);
  after();
}

/** What was chosen may have been folded or opened meanwhile. */
function keepChoice() {
  if (state.spot && spots.get(state.spot.id) !== state.spot) {
    const ids = state.spot.members;
    state.spot = groupOf[ids[0]].spots?.find((spot) => spot.members.includes(ids[0])) ?? null;
  }
  if (state.line && !lines.has(state.line.id)) state.line = null;
  focusAgain();
}

function focusAgain() {
  const found = state.path ? focusOfPath(state.path)
    : state.spot ? focusAround(state.spot.members, state.hops)
      : state.line ? focusOfLine(state.line) : null;
  state.focus = found && { ...found, spots: spotsAmong(found.nodes) };
}

function spotsAmong(ids) {
  const found = new Set();
  for (const id of ids) {
    const spot = spotOf(id);
    if (spot) found.add(spot);
  }
  return found;
}

function after() {
  for (const show of picturesOf) show();
  picture.redraw();
}

// --- choosing

function chooseSpot(spot, { fly = false } = {}) {
  if (wanted) { endPath(spot); return; }
  Object.assign(state, { spot, line: null, path: null });
  focusAgain();
  if (fly) picture.flyTo(spot);
  after();
}

/** A node, wherever it is: in a group that is folded, not in the picture, behind a filter. */
function chooseNode(node) {
  if (!isShown(node)) reveal(node);
  const group = groupOf[node.id];
  const changed = new Set();
  if (!state.picture.has(group)) { state.picture.add(group); changed.add(group); }
  if (group.members.length > 1 && !state.outside.get(group)?.has(node.id)) {
    state.outside.set(group, outOf(group, [node.id]));
    changed.add(group);
  }
  if (changed.size) redo(changed);
  chooseSpot(spotOf(node.id), { fly: true });
}

function chooseLine(line) {
  Object.assign(state, { spot: null, line, path: null });
  focusAgain();
  after();
}

function clearChoice() {
  Object.assign(state, { spot: null, line: null, path: null, focus: null });
  after();
}

function onChoose(spot, line) {
  if (spot) chooseSpot(spot);
  else if (line) chooseLine(line);
  else clearChoice();
}

function setHops(hops) {
  state.hops = hops;
  focusAgain();
  after();
}

// --- open and close

function openGroup(group) {
  state.outside.set(group, outOf(group));
  redo(new Set([group]));
  const rest = group.spots.find(isFold); // beside the others: it may be beyond what was looked at
  if (rest && !isInSight(rest)) picture.showAll();
}

function isInSight(spot) {
  const { x, y } = picture.pointOf(spot);
  const { clientWidth: width, clientHeight: height } = byId("canvas");
  return x > 0 && y > 0 && x < width && y < height;
}

function foldGroup(group) {
  state.outside.delete(group);
  redo(new Set([group]));
}

function toggleSpot(spot) {
  if (isFold(spot)) openGroup(spot.group);
  else if (isOpen(spot.group)) foldGroup(spot.group);
}

function foldAll(fold) {
  const changed = new Set(groups.filter((group) => group.members.length > 1
    && state.picture.has(group) && (fold ? isOpen(group) : !isOpen(group))));
  for (const group of changed) {
    if (fold) state.outside.delete(group);
    else state.outside.set(group, outOf(group));
  }
  redo(changed);
}

// --- what is in the picture

/** Neighbours of a spot that the picture does not have, as it began with a part of the graph. */
function absentNeighbours(spot) {
  const near = [...spot.group.out.map((link) => link.to), ...spot.group.in.map((link) => link.from)];
  return new Set(near.filter((group) => !state.picture.has(group)));
}

function showNeighbours(spot) {
  const changed = absentNeighbours(spot);
  for (const group of changed) state.picture.add(group);
  redo(changed);
  if (state.focus) picture.showOnly(state.focus.spots);
}

// --- filters

/** A node found by search must not stay hidden by the filters. */
function reveal(node) {
  state.off.delete(node.type);
  state.least = Math.min(state.least, node.links);
  if (!isInTime(node)) state.dates = { ...EVERYTHING };
  sift();
}

/** The filters changed: count again, hide and show. */
function sift() {
  const changed = [];
  for (const spot of spots.values()) {
    const before = spot.shown;
    countShown(spot);
    if (spot.shown !== before) changed.push(spot);
  }
  forgetLargest();
  picture.refresh(changed);
  after();
}

function setColour(colour) {
  state.colour = colour;
  picture.recolour();
  after();
}
