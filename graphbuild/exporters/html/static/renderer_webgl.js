// Draw large graphs as a whole with sigma (WebGL), then the focus and the labels on a canvas above.
// This renderer has the same interface as renderer_vis.js.

const MAX_SCALE = 3; // pixels per unit of the layout
const MIN_SCALE = 0.05; // of a view that flyTo() chooses
const FLIGHT = 350; // duration in milliseconds of an animated move of the view
const MAX_SHAPES = 3_000; // on the screen at the same time
const DOT_SHARE = 0.55; // radius of the dot that sigma draws below a shape, as a share of the shape's radius
const STEP = 60; // pixels that an arrow key moves the view
const { MultiGraph, Sigma, NodePointProgram, EdgeLineProgram } = sigmaParts;
const SETTINGS = Object.freeze({
  renderLabels: false, hideEdgesOnMove: true, allowInvalidContainer: true, minCameraRatio: 0.0005,
  defaultNodeType: "point", nodeProgramClasses: { point: NodePointProgram },
  defaultEdgeType: "line", edgeProgramClasses: { line: EdgeLineProgram },
});

let sigma = null;
let graph = null; // the graphology graph that sigma draws
let overlay = null; // the canvas for the focus and the labels, above the canvases of sigma
let background = null; // the canvas for the regions of clusters, below the canvases of sigma
let moved = false;

const renderer = {
  canMove: false,

  start(container, { onSelect }) {
    readTheme();
    graph = new MultiGraph();
    for (const marker of markers.values()) graph.addNode(marker.id, pointOf(marker));
    for (const line of lines.values()) addLine(line);
    try {
      sigma = new Sigma(graph, container, SETTINGS);
    } catch {
      graph = null;
      byId("notice").dataset.reason = "This browser has no WebGL. Search, the panel and the list "
        + "still work. Export the page without --no-reduction to draw the graph without WebGL.";
      return;
    }
    sigma.setCustomBBox(sigma.getBBox()); // so that adding nodes does not move the view
    background = createElement("canvas", { className: "over" });
    overlay = createElement("canvas", { className: "over" });
    container.prepend(background);
    container.append(overlay);
    sigma.on("afterRender", drawOverlay);
    sigma.on("enterNode", ({ node }) => { labelState.hovered = markers.get(Number(node)); drawOverlay(); });
    sigma.on("leaveNode", () => { labelState.hovered = null; drawOverlay(); });
    sigma.on("clickNode", ({ node, event }) => onSelect(markers.get(Number(node)), null, event.original.shiftKey));
    sigma.on("clickStage", ({ event }) => onSelect(null, null, event.original.shiftKey));
    sigma.on("doubleClickNode", ({ node, preventSigmaDefault }) => {
      preventSigmaDefault();
      toggleMarker(markers.get(Number(node)));
    });
    sigma.on("resize", () => { if (!moved) this.showAll(); });
    for (const event of ["downStage", "wheel"]) sigma.on(event, () => { moved = true; });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor());
    listenToArrows(container);
    byId("untangle").hidden = true; // the graph is too large for a force simulation
    this.showAll();
  },

  swap({ removed, added, moved: shifted }) {
    if (!graph) return;
    resetLargest();
    labelState.hovered = null;
    for (const line of removed.lines) if (graph.hasEdge(line.id)) graph.dropEdge(line.id);
    for (const marker of removed.markers) graph.dropNode(marker.id);
    for (const marker of added.markers) graph.addNode(marker.id, pointOf(marker));
    for (const line of added.lines) addLine(line);
    for (const marker of shifted) graph.mergeNodeAttributes(marker.id, pointOf(marker));
  },

  move(some) {
    resetLargest();
    for (const marker of some) graph?.mergeNodeAttributes(marker.id, { x: marker.x, y: -marker.y });
  },

  refresh(some) {
    resetLargest();
    for (const marker of some) graph?.mergeNodeAttributes(marker.id, pointOf(marker));
  },

  recolor() {
    readTheme();
    this.refresh([...markers.values()]);
    graph?.updateEachEdgeAttributes((id) => visEdge(lines.get(id)));
  },

  resize() { this.refresh([...markers.values()]); },

  redraw() { if (sigma) drawOverlay(); },

  hideTooltip() {}, // this renderer has none

  showAll() {
    this.showOnly([...markers.values()]);
    moved = false;
  },

  showOnly(some) {
    const shown = [...some].filter((marker) => marker.shown);
    if (!sigma || !shown.length) return;
    moved = true;
    this.setView(fitView(shown, sigma.getDimensions()));
  },

  flyTo(marker) {
    if (!sigma) return;
    moved = true;
    const { width, height } = sigma.getDimensions();
    const near = [...state.focus?.markers ?? [marker]];
    const far = (axis) => near.reduce((most, other) =>
      Math.max(most, Math.abs(other[axis] - marker[axis]) + 40), 1);
    const fit = Math.min(width / 2 / far("x"), height / 2 / far("y"));
    const to = stateFor({ x: marker.x, y: marker.y, scale: Math.min(1.2, Math.max(MIN_SCALE, fit)) });
    if (prefersReducedMotion()) sigma.getCamera().setState(to);
    else sigma.getCamera().animate(to, { duration: FLIGHT });
  },

  getView() {
    if (!sigma) return { x: 0, y: 0, scale: 1 };
    const { width, height } = sigma.getDimensions();
    const { x, y } = sigma.viewportToGraph({ x: width / 2, y: height / 2 }, currentCamera());
    return { x, y: -y, scale: scaleNow() };
  },

  setView(where) {
    moved = true;
    sigma?.getCamera().setState(stateFor(where));
  },

  pointOf(marker) { return sigma ? onScreen(marker) : ORIGIN; },

  drawn() { return { markers: graph?.order ?? 0, lines: graph?.size ?? 0 }; },

  isUntangling() { return false; },
  untangle() {},
};

/** Return the radius of a marker in pixels when the whole graph is visible. */
function pointSize(marker) {
  return 2 + marker.own / 6;
}

/** Return the attributes of a marker as a node of graphology, which has y upwards. */
function pointOf(marker) {
  const open = marker.members.some((id) => isIncomplete(nodes[id]));
  const color = colorOf(marker);
  const isDot = types[marker.type].shape === "dot";
  return { x: marker.x, y: -marker.y, size: pointSize(marker) * (isDot ? 1 : DOT_SHARE),
    color: open ? mixColors(color, theme.paper, 0.5) : color, hidden: marker.shown === 0 };
}

function addLine(line) {
  graph.addEdgeWithKey(line.id, line.from.id, line.to.id, visEdge(line));
}

function visEdge(line) {
  return { color: mixColors(lineColor(line), theme.paper, 1 - lineOpacity()), size: 1 };
}

/** Return options with the current state of the camera. By default, sigma uses the state of the last frame. */
function currentCamera() {
  return { cameraState: sigma.getCamera().getState() };
}

/** Return the position of a point of the layout in the view, in CSS pixels. */
function onScreen({ x, y }) {
  return sigma.graphToViewport({ x, y: -y }, currentCamera());
}

/** Return the number of CSS pixels per unit of the layout. */
function scaleNow() {
  return onScreen({ x: 1, y: 0 }).x - onScreen({ x: 0, y: 0 }).x;
}

/** Return the state of the camera for a center (x, y) of the view and a scale. */
function stateFor({ x, y, scale }) {
  const camera = sigma.getCamera().getState();
  const middle = sigma.viewportToFramedGraph(onScreen({ x, y }), currentCamera());
  return { ...camera, x: middle.x, y: middle.y, ratio: (camera.ratio * scaleNow()) / scale };
}

function drawOverlay() {
  const { width, height } = sigma.getDimensions();
  const scale = scaleNow();
  const origin = onScreen({ x: 0, y: 0 });
  const view = { left: -origin.x / scale, top: -origin.y / scale,
    right: (width - origin.x) / scale, bottom: (height - origin.y) / scale };
  for (const marker of markers.values()) marker.size = sigma.scaleSize(pointSize(marker)) / scale;
  drawRegions(contextOf(background, origin, scale), view, scale);
  const context = contextOf(overlay, origin, scale);
  drawShapes(context, view, scale);
  if (state.focus) drawFocus(context, view, scale, (on, marker) => drawMarker(on, marker, scale));
  drawLabels(context, view, scale);
}

/**
 * Draw the markers in the view in the shapes of the legend, on top of the dots that sigma draws. With too
 * many markers in the view, only the dots are visible.
 */
function drawShapes(context, view, scale) {
  const shown = [...markers.values()].filter((marker) => marker.shown && inView(marker, view));
  if (shown.length > MAX_SHAPES) return;
  for (const marker of shown) drawMarker(context, marker, scale);
}

/** Clear a canvas above or below sigma's, and return its context, which draws in units of the layout. */
function contextOf(canvas, origin, scale) {
  const { width, height } = sigma.getDimensions();
  const dense = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
    Object.assign(canvas, { width: Math.round(width * dense), height: Math.round(height * dense) });
  }
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(scale * dense, 0, 0, scale * dense, origin.x * dense, origin.y * dense);
  return context;
}

/** Move and zoom the view with the arrow keys, + and -. */
function listenToArrows(container) {
  container.tabIndex = 0;
  describeCanvas(container);
  container.onkeydown = ({ key }) => {
    const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
      ArrowDown: [0, 1] }[key] ?? [0, 0];
    const zoom = { "+": 1.3, "=": 1.3, "-": 1 / 1.3 }[key] ?? 1;
    if (!right && !down && zoom === 1) return;
    const { x, y, scale } = renderer.getView();
    renderer.setView({ x: x + (right * STEP) / scale, y: y + (down * STEP) / scale, scale: scale * zoom });
  };
}
