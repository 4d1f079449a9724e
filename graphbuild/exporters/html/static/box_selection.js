// Select all visible nodes in a rectangle: press its button and drag, or drag with the Shift key, which keeps
// the nodes that are selected already.

const MIN_BOX = 4; // pixels; a smaller rectangle is a click

const selectionBox = { active: false, start: null, adds: false };

function buildBoxSelection() {
  const picture = byId("picture");
  byId("select-box").onclick = () => setBoxMode(!selectionBox.active);
  picture.addEventListener("pointerdown", startBox, { capture: true });
  picture.addEventListener("pointermove", drawBox, { capture: true });
  picture.addEventListener("pointerup", endBox, { capture: true });
  picture.addEventListener("pointercancel", clearBox, { capture: true });
  // The renderers also listen to touch events, which startBox() does not stop.
  picture.addEventListener("touchstart", (event) => { if (selectionBox.active) event.stopPropagation(); }, { capture: true });
}

function setBoxMode(active) {
  selectionBox.active = active;
  byId("select-box").setAttribute("aria-pressed", String(active));
  byId("canvas").classList.toggle("selecting", active);
}

function startBox(event) {
  const isOnCanvas = byId("canvas").contains(event.target);
  if (event.button || !isOnCanvas || !(selectionBox.active || (event.shiftKey && !isOverMarker(event)))) return;
  event.stopPropagation();
  event.preventDefault();
  renderer.hideTooltip();
  byId("picture").setPointerCapture(event.pointerId);
  Object.assign(selectionBox, { start: pointOnCanvas(event), adds: event.shiftKey });
}

function pointOnCanvas({ clientX, clientY }) {
  const { left, top } = byId("canvas").getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}

function isOverMarker(event) {
  const at = pointOnCanvas(event);
  return labelState.signs.some(({ left, top, right, bottom }) =>
    at.x > left && at.x < right && at.y > top && at.y < bottom);
}

function drawBox(event) {
  if (!selectionBox.start) return;
  event.stopPropagation();
  const { left, top, right, bottom } = boxTo(event);
  const { style } = byId("box");
  byId("box").hidden = false;
  Object.assign(style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
}

/** Return the rectangle between the start of the drag and an event, in pixels of the canvas. */
function boxTo(event) {
  const { x, y } = pointOnCanvas(event);
  return { left: Math.min(x, selectionBox.start.x), right: Math.max(x, selectionBox.start.x),
    top: Math.min(y, selectionBox.start.y), bottom: Math.max(y, selectionBox.start.y) };
}

function endBox(event) {
  if (!selectionBox.start) return;
  event.stopPropagation();
  const { left, top, right, bottom } = boxTo(event);
  const inside = [...markers.values()].filter((marker) => marker.shown).filter((marker) => {
    const { x, y } = renderer.pointOf(marker);
    return x >= left && x <= right && y >= top && y <= bottom;
  });
  const isDrag = Math.max(right - left, bottom - top) >= MIN_BOX;
  const ids = inside.flatMap((marker) => marker.members);
  const kept = selectionBox.adds ? selectedIds() : [];
  clearBox();
  setBoxMode(false);
  if (isDrag) selectVisible([...new Set(visibleIds([...kept, ...ids]))]);
}

function clearBox() {
  selectionBox.start = null;
  byId("box").hidden = true;
}
