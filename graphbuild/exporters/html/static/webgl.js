// The picture of a very large graph: sigma draws spots and lines with WebGL, names and focus are
// laid over it. It takes the place of vis.js, and does the same for the rest of the page.

const CLOSEST = 3;
const FARTHEST = 0.05;
const FLIGHT = 350; // milliseconds
const STEP = 60; // pixels that an arrow key moves the picture by
const { MultiGraph, Sigma, NodePointProgram, EdgeLineProgram } = sigmaParts;
const SETTINGS = Object.freeze({
  renderLabels: false, hideEdgesOnMove: true, allowInvalidContainer: true, minCameraRatio: 0.0005,
  defaultNodeType: "point", nodeProgramClasses: { point: NodePointProgram },
  defaultEdgeType: "line", edgeProgramClasses: { line: EdgeLineProgram },
});

let sigma = null;
let graph = null; // of graphology, what sigma draws
let over = null; // the canvas above it
let moved = false;

const picture = {
  start(container, { onChoose }) {
    readInk();
    graph = new MultiGraph();
    for (const spot of spots.values()) graph.addNode(spot.id, pointOf(spot));
    for (const line of lines.values()) addLine(line);
    try {
      sigma = new Sigma(graph, container, SETTINGS);
    } catch {
      graph = null;
      byId("notice").dataset.reason = "This browser draws no WebGL. Search, the panel and the list "
        + "work; a page made without --full draws the picture, too.";
      return;
    }
    sigma.setCustomBBox(sigma.getBBox()); // or the picture jumps whenever something comes
    over = make("canvas", { className: "over" });
    container.append(over);
    sigma.on("afterRender", drawOver);
    sigma.on("enterNode", ({ node }) => { drawing.hovered = spots.get(Number(node)); drawOver(); });
    sigma.on("leaveNode", () => { drawing.hovered = null; drawOver(); });
    sigma.on("clickNode", ({ node }) => onChoose(spots.get(Number(node)), null));
    sigma.on("clickStage", () => onChoose(null, null));
    sigma.on("doubleClickNode", ({ node, preventSigmaDefault }) => {
      preventSigmaDefault();
      toggleSpot(spots.get(Number(node)));
    });
    sigma.on("resize", () => { if (!moved) this.showAll(); });
    for (const event of ["downStage", "wheel"]) sigma.on(event, () => { moved = true; });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    listenToArrows(container);
    byId("untangle").hidden = true; // too many for springs
    this.showAll();
  },

  swap({ gone, come }) {
    if (!graph) return;
    forgetLargest();
    drawing.hovered = null;
    for (const line of gone.lines) if (graph.hasEdge(line.id)) graph.dropEdge(line.id);
    for (const spot of gone.spots) graph.dropNode(spot.id);
    for (const spot of come.spots) graph.addNode(spot.id, pointOf(spot));
    for (const line of come.lines) addLine(line);
  },

  refresh(some) {
    for (const spot of some) graph?.mergeNodeAttributes(spot.id, pointOf(spot));
  },

  recolour() {
    readInk();
    this.refresh([...spots.values()]);
    graph?.updateEachEdgeAttributes((id) => strokeOf(lines.get(id)));
  },

  redraw() { if (sigma) drawOver(); },

  showAll() {
    this.showOnly([...spots.values()]);
    moved = false;
  },

  showOnly(some) {
    const shown = [...some].filter((spot) => spot.shown);
    if (!sigma || !shown.length) return;
    moved = true;
    this.lookAt(viewOn(shown, sigma.getDimensions()));
  },

  flyTo(spot) {
    if (!sigma) return;
    moved = true;
    const { width, height } = sigma.getDimensions();
    const near = [...state.focus?.spots ?? [spot]];
    const far = (axis) => near.reduce((most, other) =>
      Math.max(most, Math.abs(other[axis] - spot[axis]) + 40), 1);
    const fit = Math.min(width / 2 / far("x"), height / 2 / far("y"));
    const to = stateFor({ x: spot.x, y: spot.y, scale: Math.min(1.2, Math.max(FARTHEST, fit)) });
    if (isStill()) sigma.getCamera().setState(to);
    else sigma.getCamera().animate(to, { duration: FLIGHT });
  },

  look() {
    if (!sigma) return { x: 0, y: 0, scale: 1 };
    const { width, height } = sigma.getDimensions();
    const { x, y } = sigma.viewportToGraph({ x: width / 2, y: height / 2 }, asItIs());
    return { x, y: -y, scale: scaleNow() };
  },

  lookAt(where) {
    moved = true;
    sigma?.getCamera().setState(stateFor(where));
  },

  pointOf(spot) { return onScreen(spot); },

  drawn() { return { spots: graph?.order ?? 0, lines: graph?.size ?? 0 }; },

  /** Everything on one canvas; drawn anew, as WebGL keeps no picture. */
  canvas() {
    sigma.refresh({ schedule: false });
    const whole = make("canvas", { width: over.width, height: over.height });
    const context = whole.getContext("2d");
    for (const layer of [...Object.values(sigma.getCanvases()), over]) {
      context.drawImage(layer, 0, 0, whole.width, whole.height);
    }
    return whole;
  },

  isUntangling() { return false; },
  untangle() {},
};

/** A node of graphology; what the filters leave out is not drawn. */
function pointOf(spot) {
  const open = spot.members.some((id) => isUnfinished(nodes[id]));
  const colour = colourOf(spot);
  return { x: spot.x, y: -spot.y, size: Math.min(24, 2.2 + spot.size / 12),
    color: open ? mixed(colour, ink.paper, 0.5) : colour, hidden: spot.shown === 0 };
}

function addLine(line) {
  graph.addEdgeWithKey(line.id, line.from.id, line.to.id, strokeOf(line));
}

function strokeOf(line) {
  return { color: mixed(inkOf(line), ink.paper, 1 - faint()), size: 1 };
}

/** The camera as it stands; left to itself, sigma reckons with the frame that was drawn last. */
function asItIs() {
  return { cameraState: sigma.getCamera().getState() };
}

function onScreen({ x, y }) {
  return sigma.graphToViewport({ x, y: -y }, asItIs());
}

/** Pixels to a unit of the layout. */
function scaleNow() {
  return onScreen({ x: 1, y: 0 }).x - onScreen({ x: 0, y: 0 }).x;
}

function stateFor({ x, y, scale }) {
  const camera = sigma.getCamera().getState();
  const middle = sigma.viewportToFramedGraph(onScreen({ x, y }), asItIs());
  return { ...camera, x: middle.x, y: middle.y, ratio: (camera.ratio * scaleNow()) / scale };
}

function drawOver() {
  const { width, height } = sigma.getDimensions();
  const dense = window.devicePixelRatio || 1;
  if (over.width !== Math.round(width * dense) || over.height !== Math.round(height * dense)) {
    Object.assign(over, { width: Math.round(width * dense), height: Math.round(height * dense) });
  }
  const context = over.getContext("2d");
  const scale = scaleNow();
  const origin = onScreen({ x: 0, y: 0 });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, over.width, over.height);
  context.setTransform(scale * dense, 0, 0, scale * dense, origin.x * dense, origin.y * dense);
  const view = { left: -origin.x / scale, top: -origin.y / scale,
    right: (width - origin.x) / scale, bottom: (height - origin.y) / scale };
  if (state.focus) drawFocus(context, view, scale, (on, spot) => fillSpot(on, spot, scale));
  drawLabels(context, view, scale);
}

/** A spot of the focus, as large as below the veil. */
function fillSpot(context, spot, scale) {
  const size = Math.max(4 / scale, spot.size * 0.6);
  context.fillStyle = isFold(spot) ? tint(spot) : colourOf(spot);
  context.strokeStyle = colourOf(spot);
  context.lineWidth = 1.5 / scale;
  context.beginPath();
  if (types[spot.type].shape === "dot") context.arc(spot.x, spot.y, size, 0, 2 * Math.PI);
  else cornersOf(types[spot.type].shape, size).forEach(([right, down]) =>
    context.lineTo(spot.x + right, spot.y + down));
  context.closePath();
  context.fill();
  context.stroke();
}

function listenToArrows(container) {
  container.tabIndex = 0;
  tellReaders(container);
  container.onkeydown = ({ key }) => {
    const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
      ArrowDown: [0, 1] }[key] ?? [0, 0];
    const zoom = { "+": 1.3, "=": 1.3, "-": 1 / 1.3 }[key] ?? 1;
    if (!right && !down && zoom === 1) return;
    const { x, y, scale } = picture.look();
    picture.lookAt({ x: x + (right * STEP) / scale, y: y + (down * STEP) / scale, scale: scale * zoom });
  };
}
