// Actions of the user. Each action changes the state, and updates every part of the page that shows it.

const byId = (id) => document.getElementById(id);
const listeners = new Set(); // functions that update a part of the page after each change

/** Create the markers and lines of changed groups again, and update the page. */
function applyGroups(changed) {
  const difference = updateGroups(changed);
  updateSelection();
  renderer.swap(difference);
  if (state.layered) arrangeLayers();
  notify();
}

/** Select the new marker of the selected nodes after groups were folded or expanded. */
function updateSelection() {
  if (state.marker && markers.get(state.marker.id) !== state.marker) {
    const ids = state.marker.members;
    state.marker = groupOf[ids[0]].markers?.find((marker) => marker.members.includes(ids[0])) ?? null;
  }
  if (state.line && !lines.has(state.line.id)) state.line = null;
  updateFocus();
}

/** Compute the focus from the selected path, nodes, marker or line. */
function updateFocus() {
  const found = state.path ? focusOfPath(state.path)
    : state.several ? focusOfNodes(state.several)
      : state.marker ? focusAround(state.marker.members, state.hops)
        : state.line ? focusOfLine(state.line) : null;
  state.focus = found && { ...found, markers: markersOf(found.nodes) };
  if (state.focus) for (const line of observedLinesIn(state.focus.markers)) state.focus.lines.add(line);
}

/** Return the lines of observed_lines.js between some markers; if a marker is selected, only its own lines. */
function observedLinesIn(some) {
  if (!drawsObserved) return [];
  return [...(state.marker?.lines ?? lines.values())].filter((line) =>
    line.link.references && some.has(line.from) && some.has(line.to));
}

function markersOf(ids) {
  const found = new Set();
  for (const id of ids) {
    const marker = markerOf(id);
    if (marker) found.add(marker);
  }
  return found;
}

/** Update all parts of the page after a change of the state; restoreView() does so only at its end. */
function notify() {
  if (isRestoring) return;
  for (const show of listeners) show();
  renderer.redraw();
}

// --- select

/** Select a marker; while the user chooses the end of a path, show the path to this marker instead. */
function selectMarker(marker, { fly = false } = {}) {
  if (pathStart) { endPath(marker); return; }
  Object.assign(state, { marker, several: null, line: null, path: null });
  updateFocus();
  if (fly) renderer.flyTo(marker);
  notify();
}

/** Select a node, even if it is folded, not drawn, or hidden by a filter. */
function selectNode(node) {
  if (!passesFilters(node)) reveal([node]);
  const group = groupOf[node.id];
  const changed = new Set();
  if (!state.drawnGroups.has(group)) { state.drawnGroups.add(group); changed.add(group); }
  if (group.members.length > 1 && !state.expanded.get(group)?.has(node.id)) {
    state.expanded.set(group, expand(group, [node.id]));
    changed.add(group);
  }
  if (changed.size) applyGroups(changed);
  selectMarker(markerOf(node.id), { fly: true });
}

function selectLine(line) {
  Object.assign(state, { marker: null, several: null, line, path: null });
  updateFocus();
  notify();
}

function clearSelection() {
  pathStart = null;
  Object.assign(state, { marker: null, several: null, line: null, path: null, focus: null });
  notify();
}

/**
 * Select the marker or the line that the user clicked; a click on neither clears the selection. If `adds` is
 * true, the marker is added to the selection, or removed from it.
 */
function onSelect(marker, line, adds) {
  if (marker && adds && !pathStart) toggleSelected(marker.members);
  else if (adds && !pathStart) return; // a click with Shift beside the nodes keeps the selection
  else if (marker) selectMarker(marker);
  else if (pathStart) return; // a click beside the nodes does not end path mode
  else if (line) selectLine(line);
  else clearSelection();
}

function setHops(hops) {
  state.hops = hops;
  updateFocus();
  notify();
}

// --- fold and expand

function expandGroup(group) {
  state.expanded.set(group, expand(group));
  applyGroups(new Set([group]));
  const rest = group.markers.find(isFolded); // may be outside the view
  if (rest && !isInView(rest)) renderer.showAll();
}

function isInView(marker) {
  const { x, y } = renderer.pointOf(marker);
  const { clientWidth: width, clientHeight: height } = byId("canvas");
  return x > 0 && y > 0 && x < width && y < height;
}

function foldGroup(group) {
  state.expanded.delete(group);
  applyGroups(new Set([group]));
}

function toggleMarker(marker) {
  if (isFolded(marker)) expandGroup(marker.group);
  else if (isExpanded(marker.group)) foldGroup(marker.group);
}

/** Fold all groups, or expand all of them. */
function foldAll(fold) {
  state.folding = fold;
  const changed = new Set(groups.filter((group) => group.members.length > 1
    && state.drawnGroups.has(group) && (fold ? isExpanded(group) : !isExpanded(group))));
  for (const group of changed) {
    if (fold) state.expanded.delete(group);
    else state.expanded.set(group, expand(group));
  }
  applyGroups(changed);
}

// --- drawn groups

/** Return the neighboring groups of a marker that are not drawn yet. */
function undrawnNeighbors(marker) {
  const near = [...marker.group.out.map((link) => link.to), ...marker.group.in.map((link) => link.from)];
  return new Set(near.filter((group) => !state.drawnGroups.has(group)));
}

function showNeighbors(marker) {
  const changed = undrawnNeighbors(marker);
  for (const group of changed) state.drawnGroups.add(group);
  applyGroups(changed);
  if (state.focus) renderer.showOnly(state.focus.markers);
}

// --- filters

/** Relax the filters, so that some nodes pass; a date filter that hides one of them is removed. */
function reveal(some) {
  for (const node of some) {
    state.hiddenTypes.delete(node.type);
    state.hiddenNodes.delete(node.id);
    state.minLinks = Math.min(state.minLinks, node.links);
    if (!passesDates(node)) state.dates = { ...ALL_DATES };
    for (const [name, hidden] of Object.entries(state.hiddenValues)) hidden.delete(columnValue(node, name));
  }
  applyFilters();
}

/** Update the markers and the page after the filters changed. */
function applyFilters() {
  const changed = [];
  for (const marker of markers.values()) {
    const before = marker.shown;
    countShown(marker);
    if (marker.shown !== before) changed.push(marker);
  }
  if (state.size === LINKS) renderer.refresh(changed);
  else resizeMarkers(changed); // their sizes depend on their visible members
  const difference = updateObservedLines();
  if (difference) renderer.swap(difference);
  if (state.layered) arrangeLayers();
  updateSelection();
  notify();
}

function setSize(size) {
  state.size = size;
  resizeMarkers(markers.values());
  notify();
}

function resizeMarkers(some) {
  for (const marker of some) marker.own = ownSize(marker);
  renderer.resize();
}

function setColor(color) {
  state.color = color;
  renderer.recolor();
  notify();
}
