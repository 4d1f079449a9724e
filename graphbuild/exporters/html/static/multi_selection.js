// Select several nodes together, such as the nodes that a notebook selects.

/** Return the ids of the selected nodes in ascending order: of the selected marker, or of several nodes. */
function selectedIds() {
  return state.several ?? state.marker?.members ?? [];
}

/**
 * Select the nodes with these ids, even if they are folded, not drawn, or hidden by a filter. The view moves
 * to a single node; otherwise, it moves only if it does not show all of them. Folded groups stay folded if
 * more than one node is selected.
 */
function selectNodes(ids) {
  const wanted = [...new Set(ids)].sort((a, b) => a - b);
  if (String(wanted) === String(selectedIds())) return;
  pathStart = null;
  if (!wanted.length) clearSelection();
  else if (wanted.length === 1) selectNode(nodes[wanted[0]]);
  else {
    const hidden = wanted.map((id) => nodes[id]).filter((node) => !passesFilters(node));
    if (hidden.length) reveal(hidden);
    selectSeveral(wanted);
  }
}

/** Select nodes (ids) that pass the filters, and are drawn; the view does not move to a single marker. */
function selectVisible(ids) {
  const marker = ids.length === 1 && markerOf(ids[0]);
  if (!ids.length) clearSelection();
  else if (marker && !isFolded(marker)) selectMarker(marker);
  else selectNodes(ids);
}

function visibleIds(ids) {
  return ids.filter((id) => passesFilters(nodes[id]));
}

/** Add the visible ones of some nodes (ids) to the selection; if all of them are selected, remove them. */
function toggleSelected(ids) {
  const chosen = new Set(visibleIds(selectedIds()));
  const toggled = visibleIds(ids);
  const isEverySelected = toggled.every((id) => chosen.has(id));
  for (const id of toggled) chosen[isEverySelected ? "delete" : "add"](id);
  selectVisible([...chosen]);
}

/** Add the visible nodes that occur in an observation with one of the selected nodes (ids). */
function selectNeighbors(ids) {
  const near = [...observedWith(ids).nodes].filter((id) => markerOf(id));
  selectVisible([...new Set(visibleIds([...ids, ...near]))]);
}

function neighborsButton(ids) {
  return button("Select neighbors", () => selectNeighbors(ids), { title: "Select also the nodes that were observed together with these" });
}

function selectSeveral(ids) {
  drawGroups(ids.map((id) => [id]));
  const marker = markerOf(ids[0]);
  const isMarker = String(marker.members) === String(ids); // the members of one folded group
  Object.assign(state, { marker: isMarker ? marker : null, several: isMarker ? null : ids, line: null,
    path: null });
  updateFocus();
  const shown = isMarker ? [marker] : [...state.focus.markers];
  if (!shown.every(isInView)) renderer.showOnly(shown);
  notify();
}

/** Return the focus for several nodes: these nodes and the links between them. */
function focusOfNodes(ids) {
  const chosen = new Set(ids);
  const own = (group) => new Set(group.members.filter((id) => chosen.has(id)));
  const parts = [...new Set(ids.map((id) => groupOf[id]))].flatMap((group) =>
    group.out.map((link) => ({ link, froms: own(group), tos: own(link.to) })));
  return { nodes: chosen, lines: linesOf(parts.filter((part) => part.tos.size)) };
}

function nodesPanel(ids) {
  const chosen = new Set(ids);
  const these = nodesByDegree.filter((node) => chosen.has(node.id));
  return [
    heading("Details"),
    createElement("p", { className: "type" }, createElement("span", { className: "what",
      textContent: `${plural(ids.length, "node")} selected` }), clearButton()),
    createElement("p", { className: "actions" }, neighborsButton(ids), ...hideAndPinButtons(ids)),
    selectionButtons(),
    ...types.flatMap((type, index) => {
      const ofType = these.filter((node) => node.type === index);
      return ofType.length ? listing(`${showInvisible(type.title)}: ${formatNumber(ofType.length)}`, ofType, linksNote) : [];
    }),
  ];
}
