// Draw the graph on a canvas without a drawing library: for saved pictures, and for shapes in WebGL pages.

const MIN_DENSITY = 2; // minimum number of pixels of a saved picture per CSS pixel
const PICTURE_MARGIN = 16; // around the title and the legend of a saved picture, in CSS pixels
const TITLE_PIXELS = 17, LEGEND_PIXELS = 12.5;
const LEGEND_ROW = 20; // height of a row of the legend, in CSS pixels
const MAX_LEGEND_ROWS = 6;

/** Draw a marker in the shape of its type. */
function drawMarker(context, marker, scale) {
  const { fill, stroke, width } = lookOf(marker);
  context.fillStyle = fill;
  context.strokeStyle = stroke;
  context.lineWidth = width / scale;
  traceShape(context, types[marker.type].shape, marker.x, marker.y, marker.size);
  context.fill();
  context.stroke();
}

/** Begin a path along the outline of a shape. */
function traceShape(context, shape, x, y, size) {
  const corners = cornersOf(shape, size);
  context.beginPath();
  if (corners) for (const [right, down] of corners) context.lineTo(x + right, y + down);
  else context.arc(x, y, size, 0, 2 * Math.PI);
  context.closePath();
}

/** Draw everything that the page shows of the graph; `view` is in units of the layout. */
function drawGraph(context, view, scale) {
  drawRegions(context, view, scale);
  context.save();
  context.globalAlpha = lineOpacity();
  context.lineWidth = 1 / scale;
  for (const line of lines.values()) strokeLine(context, line, lineColor(line));
  context.restore();
  for (const marker of markers.values()) if (marker.shown) drawMarker(context, marker, scale);
  if (state.focus) drawFocus(context, view, scale, (on, marker) => drawMarker(on, marker, scale));
  drawPins(context, scale);
  drawLabels(context, view, scale);
}

/** Save what the page shows of the graph as PNG, with the heading of the page and the legend. */
function downloadPng() {
  const { clientWidth: width, clientHeight: high } = byId("canvas");
  const rows = legendLines(width - 2 * PICTURE_MARGIN);
  const top = TITLE_PIXELS + 2 * PICTURE_MARGIN;
  const height = top + high + rows.length * LEGEND_ROW + 2 * PICTURE_MARGIN;
  const density = Math.max(MIN_DENSITY, window.devicePixelRatio || 1);
  const paper = createElement("canvas", { width: width * density, height: height * density });
  const context = paper.getContext("2d");
  context.scale(density, density);
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, width, height);
  drawInFrame(context, { top, width, height: high });
  drawTitle(context, width);
  rows.forEach((row, index) => drawLegendRow(context, row, top + high + PICTURE_MARGIN + (index + 0.5) * LEGEND_ROW));
  paper.toBlob((blob) => download(`${fileStem()}.png`, blob), "image/png");
}

/** Draw the visible part of the graph into a part of a picture. */
function drawInFrame(context, { top, width, height }) {
  const { x, y, scale } = renderer.getView();
  const view = { left: x - width / 2 / scale, right: x + width / 2 / scale,
    top: y - height / 2 / scale, bottom: y + height / 2 / scale };
  context.save();
  context.beginPath();
  context.rect(0, top, width, height);
  context.clip();
  context.translate(0, top);
  context.scale(scale, scale);
  context.translate(-view.left, -view.top);
  drawGraph(context, view, scale);
  context.restore();
}

function drawTitle(context, width) {
  context.fillStyle = theme.ink;
  context.textBaseline = "middle";
  context.font = `600 ${TITLE_PIXELS}px system-ui, sans-serif`;
  let title = document.title;
  while (title.length > 1 && context.measureText(title).width > width - 2 * PICTURE_MARGIN) title = truncate(title, Array.from(title).length - 1);
  context.fillText(title, PICTURE_MARGIN, PICTURE_MARGIN + TITLE_PIXELS / 2);
}

/** Return the rows of the legend of a picture: each a list of items with their left edge. */
function legendLines(width) {
  const context = createElement("canvas").getContext("2d");
  context.font = `${LEGEND_PIXELS}px system-ui, sans-serif`;
  const rows = [[]];
  let left = 0;
  for (const item of legendItems()) {
    const wide = 18 + context.measureText(item.text).width + 18;
    if (left > 0 && left + wide > width) { rows.push([]); left = 0; }
    rows.at(-1).push({ ...item, left: PICTURE_MARGIN + left });
    left += wide;
  }
  const shown = rows.slice(0, MAX_LEGEND_ROWS);
  const hidden = rows.slice(MAX_LEGEND_ROWS).flat().length + 1; // with the item that the note replaces
  if (hidden > 1) shown.at(-1).at(-1).text = `and ${formatNumber(hidden)} more`;
  if (hidden > 1) shown.at(-1).at(-1).color = "";
  return shown;
}

/** Return the shapes of the visible types, and the colors that the page's legend lists. */
function legendItems() {
  const shapes = types.filter((_, index) => !state.hiddenTypes.has(index)).map((type) =>
    ({ shape: type.shape, color: state.color === "type" ? type.color : theme.ink, text: showInvisible(type.title) }));
  const colors = [...byId("colors").querySelectorAll("li")].filter((row) => row.querySelector(".spot")).map((row) =>
    ({ shape: "square", color: row.querySelector(".spot").style.background,
      text: truncate(row.querySelector(".name").textContent, 40) }));
  return [...shapes, ...colors];
}

function drawLegendRow(context, items, y) {
  context.font = `${LEGEND_PIXELS}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  for (const { shape, color, text, left } of items) {
    if (color) {
      context.fillStyle = color;
      traceShape(context, shape, left + 6, y, 5.5);
      context.fill();
    }
    context.fillStyle = theme.ink;
    context.fillText(text, left + 18, y);
  }
}
