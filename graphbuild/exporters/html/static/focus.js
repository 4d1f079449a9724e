// What is in focus, drawn over the picture; everything else fades.

/** A veil over everything, and the chosen part drawn again on top: cheap at any size. */
function drawFocus(context, view, scale, draw) {
  context.save();
  context.globalAlpha = 0.87;
  context.fillStyle = ink.paper;
  context.fillRect(view.left, view.top, view.right - view.left, view.bottom - view.top);
  context.globalAlpha = 0.6;
  context.lineWidth = Math.max(1, (state.path ? 3 : 1.3) / scale);
  for (const line of state.focus.lines) strokeLine(context, line);
  context.restore();
  for (const spot of state.focus.spots) if (spot.shown) draw(context, spot);
  if (state.spot?.shown) ring(context, state.spot, scale);
}

function strokeLine(context, line) {
  if (!isDrawn(line)) return;
  context.strokeStyle = state.path ? ink.accent : inkOf(line);
  context.beginPath();
  context.moveTo(line.from.x, line.from.y);
  context.lineTo(line.to.x, line.to.y);
  context.stroke();
}

function ring(context, spot, scale) {
  context.save();
  context.strokeStyle = ink.accent;
  context.lineWidth = 3 / scale;
  context.beginPath();
  const reach = spot.size * (types[spot.type].shape === "square" ? Math.SQRT2 : 1) + 5 / scale;
  context.arc(spot.x, spot.y, reach, 0, 2 * Math.PI);
  context.stroke();
  context.restore();
}

/** What takes the keys has a name and a role. */
function tellReaders(frame) {
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", "Picture: arrows move it, + and - zoom; the list has the same");
}
