// Hide nodes, and pin nodes to their places. A pinned node cannot be dragged, and *Untangle* does not move it.

const PIN_RADIUS = 3; // of the dot on a pinned marker, in pixels

function buildHiding() {
  byId("show-hidden").onclick = showHidden;
}

function showHiding() {
  const count = state.hiddenNodes.size;
  byId("hidden-row").hidden = count === 0;
  byId("hidden-count").textContent = `You hid ${plural(count, "node")}.`;
}

function hideNodes(ids) {
  for (const id of ids) state.hiddenNodes.add(id);
  Object.assign(state, { marker: null, several: null });
  applyFilters();
}

function showHidden() {
  state.hiddenNodes.clear();
  applyFilters();
}

function isPinned(marker) {
  return marker.members.some((id) => state.pinned.has(id));
}

/** Pin nodes (ids); if all of them are pinned, unpin them. */
function togglePins(ids) {
  const unpin = ids.every((id) => state.pinned.has(id));
  for (const id of ids) state.pinned[unpin ? "delete" : "add"](id);
  renderer.refresh([...markersOf(ids)]);
  notify();
}

/** Return the buttons that hide and pin the selected nodes. */
function hideAndPinButtons(ids) {
  const isEveryPinned = ids.every((id) => state.pinned.has(id));
  const pin = button(isEveryPinned ? "Unpin" : "Pin", () => togglePins(ids),
    { title: "A pinned node keeps its place: it cannot be dragged, and Untangle does not move it" });
  pin.dataset.act = "pin";
  return [button("Hide", () => hideNodes(ids), { title: "Hide until you press Show, below the legend" }),
    renderer.canMove && pin].filter(Boolean);
}

/** Draw a dot on each pinned marker. */
function drawPins(context, scale) {
  if (!state.pinned.size) return;
  for (const marker of markers.values()) {
    if (!marker.shown || !isPinned(marker)) continue;
    context.beginPath();
    context.arc(marker.x, marker.y - marker.size, PIN_RADIUS / scale, 0, 2 * Math.PI);
    context.fillStyle = theme.ink;
    context.strokeStyle = theme.halo;
    context.lineWidth = 1 / scale;
    context.fill();
    context.stroke();
  }
}
