// Highlight the focus: fade the whole graph, and draw the focused markers and lines again on top.

const VEIL = 0.62; // opacity of the layer over nodes and lines that are not in focus

/** Draw a translucent layer over the graph, then the focused lines, then the focused markers with `draw`. */
function drawFocus(context, view, scale, draw) {
  context.save();
  context.globalAlpha = VEIL;
  context.fillStyle = theme.paper;
  context.fillRect(view.left, view.top, view.right - view.left, view.bottom - view.top);
  context.globalAlpha = 0.6;
  context.lineWidth = Math.max(1, (state.path ? 3 : 1.3) / scale);
  for (const line of state.focus.lines) strokeLine(context, line, state.path ? theme.accent : lineColor(line));
  context.restore();
  for (const marker of state.focus.markers) if (marker.shown) draw(context, marker);
  if (state.marker?.shown) ring(context, state.marker, scale);
}

function strokeLine(context, line, color) {
  if (!isDrawn(line)) return;
  context.strokeStyle = color;
  context.beginPath();
  context.moveTo(line.from.x, line.from.y);
  context.lineTo(line.to.x, line.to.y);
  context.stroke();
}

/** Draw a circle around the selected marker. */
function ring(context, marker, scale) {
  context.save();
  context.strokeStyle = theme.accent;
  context.lineWidth = 3 / scale;
  context.beginPath();
  const reach = outerRadius(types[marker.type].shape, marker.size) + 5 / scale;
  context.arc(marker.x, marker.y, reach, 0, 2 * Math.PI);
  context.stroke();
  context.restore();
}

/** Give the canvas an accessible role and name. */
function describeCanvas(frame) {
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", "Graph: arrow keys move the view, + and - zoom; the list has the same nodes");
}
