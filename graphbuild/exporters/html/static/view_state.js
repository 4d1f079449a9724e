// The view as a plain object: filters, folding, colors, positions that the user changed, and the selection.
// The history (history.js) and links (permalink.js) save it and restore it. Nodes and groups are given by id.

/** Return the view, without the part of the canvas that is visible. */
function saveView() {
  return {
    hiddenTypes: [...state.hiddenTypes],
    hiddenNodes: [...state.hiddenNodes],
    minLinks: state.minLinks,
    dates: { ...state.dates }, // as JSON, an infinite date is null
    hiddenValues: Object.entries(state.hiddenValues).map(([name, values]) => [name, [...values]]),
    color: state.color,
    size: state.size,
    hops: state.hops,
    folding: state.folding,
    layered: state.layered,
    pinned: [...state.pinned],
    expanded: [...state.expanded].map(([group, ids]) => [group.id, [...ids]]),
    drawn: data.initial ? [...state.drawnGroups].map((group) => group.id) : null, // null: all groups
    moved: groups.filter((group) => group.moved).map((group) => [group.id, group.moved]),
    movedNodes: nodes.filter((node) => node.moved).map((node) => [node.id, node.moved]),
    selection: savedSelection(),
  };
}

function savedSelection() {
  const { path, several, marker, line } = state;
  if (path) return { path: [path.from, path.to] };
  if (several) return { several };
  if (marker) return { marker: marker.members };
  return line && { line: line.id };
}

let isRestoring = false; // whether restoreView() is at work

/** Restore a view that saveView() returned, and update the page once. */
function restoreView(view) {
  isRestoring = true;
  try {
    restoreParts(view);
  } finally {
    isRestoring = false;
  }
  notify();
}

function restoreParts(view) {
  pathStart = null;
  const sizeBefore = state.size;
  Object.assign(state, { marker: null, several: null, line: null, path: null, focus: null });
  Object.assign(state, {
    hiddenTypes: new Set(view.hiddenTypes), hiddenNodes: new Set(view.hiddenNodes), minLinks: view.minLinks,
    dates: { from: view.dates.from ?? -Infinity, to: view.dates.to ?? Infinity, undated: view.dates.undated },
    color: view.color, hops: view.hops, folding: view.folding,
    pinned: new Set(view.pinned), size: view.size,
    hiddenValues: Object.fromEntries(view.hiddenValues.map(([name, values]) => [name, new Set(values)])),
  });
  restoreGroups(view);
  applyFilters();
  renderer.recolor();
  if (state.size !== sizeBefore) setSize(state.size);
  if (nodes.length && state.layered !== view.layered) setLayered(view.layered);
  restoreSelection(view.selection);
}

/** Restore which groups are drawn and expanded, and where the user moved groups and nodes. */
function restoreGroups(view) {
  const before = groups.map(groupState);
  for (const group of groups) delete group.moved;
  for (const node of nodes) delete node.moved;
  for (const [id, moved] of view.moved) groups[id].moved = moved;
  for (const [id, moved] of view.movedNodes) nodes[id].moved = moved;
  state.expanded = new Map(view.expanded.map(([id, ids]) => [groups[id], new Set(ids)]));
  if (view.drawn) state.drawnGroups = new Set(view.drawn.map((id) => groups[id]));
  applyGroups(new Set(groups.filter((group) => groupState(group) !== before[group.id])));
}

/** Return a text that changes if markers of a group appear, disappear or move. */
function groupState(group) {
  const expanded = state.expanded.get(group);
  return JSON.stringify([state.drawnGroups.has(group), expanded && [...expanded], group.moved,
    expanded && group.members.map((id) => nodes[id].moved)]);
}

function restoreSelection(selection) {
  const { path, several, marker, line, node } = selection ?? {};
  drawGroups([...path ?? [], ...marker ? [marker] : []]);
  if (path) showPath(...path.map((members) => markerOf(members[0])));
  else if (several) selectSeveral(several);
  else if (node !== undefined) selectNode(nodes[node]);
  else if (marker) selectMarker(markerOf(marker[0]));
  else if (lines.has(line)) selectLine(lines.get(line));
}
