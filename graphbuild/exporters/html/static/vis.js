// The canvas: vis-network draws spots and lines; focus and names are laid over it.

const CROWDED = 2000; // so many spots are specks: an outline would eat them
const LEAST = Object.freeze({ named: 6, other: 2.5 }); // pixels from the middle of a spot to its side
const CLOSEST = 1.2;
const FARTHEST = 0.3;
const UNTANGLE_SECONDS = 5;
const CALM = data.rung !== "all";
const OPTIONS = Object.freeze({
  autoResize: true,
  physics: { enabled: false },
  layout: { improvedLayout: false, randomSeed: 1 },
  nodes: { borderWidthSelected: 0, labelHighlightBold: false, chosen: false },
  edges: { smooth: false, width: 1, hoverWidth: 0, selectionWidth: 0, chosen: false },
  interaction: {
    hover: true, hoverConnectedEdges: false, selectConnectedEdges: false, tooltipDelay: 150,
    hideEdgesOnDrag: CALM, hideEdgesOnZoom: CALM,
    keyboard: { enabled: true, bindToWindow: false },
  },
});
const UNTANGLING = Object.freeze({
  enabled: true, solver: "forceAtlas2Based", stabilization: { enabled: false },
  forceAtlas2Based: { gravitationalConstant: -60, springLength: 60, avoidOverlap: 1, damping: 0.6 },
});

let network = null;
let dots = null; // of vis-network, as are strokes
let strokes = null;
let sizedAt = 0; // the scale for which the spots have their sizes
let moved = false; // whether somebody chose what part to look at
let untangling = null; // the timer that ends it
let thin = 1; // the width of a line that is about a pixel wide where the whole picture is seen

const picture = {
  start(container, { onChoose, onUntangled }) {
    readInk();
    thin = thinnest(container);
    dots = new vis.DataSet([...spots.values()].map(dotOf));
    strokes = new vis.DataSet([...lines.values()].map(strokeOf));
    network = new vis.Network(container, { nodes: dots, edges: strokes }, OPTIONS);
    this.onUntangled = onUntangled;
    tellReaders(container.firstChild);
    network.on("afterDrawing", drawOverlay);
    network.on("hoverNode", ({ node }) => { drawing.hovered = spots.get(node); network.redraw(); });
    network.on("blurNode", () => { drawing.hovered = null; network.redraw(); });
    network.on("click", ({ nodes: [spot], edges: [line] }) =>
      onChoose(spots.get(spot) ?? null, spot === undefined ? lines.get(line) ?? null : null));
    network.on("doubleClick", ({ nodes: [spot] }) => { if (spots.has(spot)) toggleSpot(spots.get(spot)); });
    network.on("dragging", ({ nodes: [spot] }) => { if (spot !== undefined) readPlaces([spot]); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    for (const event of ["dragStart", "zoom"]) network.on(event, () => { moved = true; });
    // A window that changes its size shows the whole picture again, unless a part was chosen.
    network.on("resize", () => { if (!moved) this.showAll(); });
    // It looks at the whole by itself before it draws first, and by a measure of its own.
    network.once("afterDrawing", () => { if (!moved) this.showAll(); });
    this.showAll();
  },

  /** Take away what went and draw what came. */
  swap({ gone, come }) {
    if (!network) return;
    forgetLargest();
    sizedAt = 0;
    drawing.hovered = null;
    strokes.remove(gone.lines.map((line) => line.id));
    dots.remove(gone.spots.map((spot) => spot.id));
    dots.add(come.spots.map(dotOf));
    strokes.add(come.lines.map(strokeOf));
  },

  /** Spots that look otherwise, or are hidden or shown; lines go with their ends. */
  refresh(some) {
    dots?.update(some.map(dotOf));
  },

  recolour() {
    readInk();
    dots?.update([...spots.values()].map(dotOf));
    strokes?.update([...lines.values()].map(strokeOf));
  },

  redraw() { network?.redraw(); },

  showAll() {
    this.showOnly([...spots.values()]);
    moved = false;
  },

  showOnly(some) {
    const shown = [...some].filter((spot) => spot.shown);
    const { clientWidth: width, clientHeight: height } = network.canvas.frame;
    if (shown.length) this.lookAt(viewOn(shown, { width, height }));
  },

  /** The spot to the middle, at a scale that shows what stays in focus, within reason. */
  flyTo(spot) {
    moved = true;
    network.focus(spot.id, {
      scale: Math.min(CLOSEST, Math.max(FARTHEST, scaleFor(spot))),
      animation: isStill() ? false : { duration: 350, easingFunction: "easeInOutQuad" },
    });
  },

  /** What is seen: the middle and the scale; or look there. */
  look() { return { ...network.getViewPosition(), scale: network.getScale() }; },
  lookAt({ x, y, scale }) {
    moved = true;
    network.moveTo({ position: { x, y }, scale, animation: false });
  },

  /** Where a spot stands on the canvas, in CSS pixels. */
  pointOf(spot) { return network.canvasToDOM({ x: spot.x, y: spot.y }); },

  /** How many are drawn, as the drawing library itself counts. */
  drawn() {
    const { nodeIndices = [], edgeIndices = [] } = network?.body ?? {};
    return { spots: nodeIndices.length, lines: edgeIndices.length };
  },

  canvas() { return network.canvas.frame.canvas; },

  isUntangling() { return untangling !== null; },

  /** Springs from where the spots stand; they stop by themselves, or by another press. */
  untangle() {
    if (untangling !== null) { this.freeze(); return; }
    untangling = setTimeout(() => this.freeze(), UNTANGLE_SECONDS * 1000);
    network.setOptions({ physics: UNTANGLING });
    network.startSimulation();
  },

  freeze() {
    clearTimeout(untangling);
    untangling = null;
    network.stopSimulation();
    network.setOptions({ physics: { enabled: false } });
    readPlaces([...spots.keys()]);
    this.onUntangled();
  },

  /** Spots to where the model says they stand. */
  putBack() {
    dots.update([...spots.values()].map(({ id, x, y }) => ({ id, x, y })));
  },
};

/** Where vis-network has moved spots to; a group that opens later opens there. */
function readPlaces(ids) {
  for (const id of ids) {
    const spot = spots.get(id);
    const { x, y } = network.body.nodes[id];
    if (isFold(spot) || spot.group.members.length === 1) {
      const home = spot.group.moved ?? { x: 0, y: 0 };
      spot.group.moved = { x: home.x + x - spot.x, y: home.y + y - spot.y };
    }
    Object.assign(spot, { x, y });
  }
}

/** A node of vis-network; hollow where the answer about it is not complete. */
function dotOf(spot) {
  const colour = colourOf(spot);
  const open = spot.members.some((id) => isUnfinished(nodes[id]));
  const fold = isFold(spot);
  return {
    id: spot.id, x: spot.x, y: spot.y, size: spot.size, shape: types[spot.type].shape,
    hidden: spot.shown === 0,
    color: open ? { background: ink.paper, border: colour }
      : fold ? { background: tint(spot), border: colour }
        : { background: colour, border: spots.size > CROWDED ? colour : ink.outline },
    borderWidth: open ? 3 : fold ? 2 : 1,
    title: `${cut(titleOf(spot), 200)}\n${clean(types[spot.type].name)}, `
      + `${counted(spot.links, "link")}${fold ? " each" : ""}`,
  };
}

function strokeOf(line) {
  const width = thin * (1 + Math.log10(line.link.count ?? pairCount(line)) / 2);
  return { id: line.id, from: line.from.id, to: line.to.id, width,
    color: { color: inkOf(line), opacity: faint() } };
}

function thinnest({ clientWidth: width, clientHeight: height }) {
  return Math.min(4, Math.max(1, 0.8 / viewOn([...spots.values()], { width, height }).scale));
}

function scaleFor(spot) {
  const { clientWidth, clientHeight } = network.canvas.frame;
  const near = [...state.focus?.spots ?? [spot]];
  const farthest = (axis) => near.reduce((most, other) =>
    Math.max(most, Math.abs(other[axis] - spot[axis]) + other.size + 40), 1);
  return Math.min(clientWidth / 2 / farthest("x"), clientHeight / 2 / farthest("y"));
}

function drawOverlay(context) {
  if (untangling !== null) readPlaces([...spots.keys()]);
  const scale = network.getScale();
  keepVisible(scale);
  const view = viewOf();
  // While spots are being exchanged it draws, too: some are not there yet.
  const draw = (on, spot) => network.body.nodes[spot.id]?.draw(on);
  if (state.focus) drawFocus(context, view, scale, draw);
  drawLabels(context, view, scale);
}

/** Where the picture is wide and spots are few, they would be specks: they keep a size on the screen. */
function keepVisible(scale) {
  if (spots.size > CROWDED || Math.abs(Math.log(scale / sizedAt)) < 0.1) return;
  sizedAt = scale;
  const changed = [];
  for (const spot of spots.values()) {
    const least = (types[spot.type].named ? LEAST.named : LEAST.other) / scale;
    const size = Math.max(spot.own, least);
    if (size === spot.size) continue;
    spot.size = size;
    changed.push({ id: spot.id, size });
  }
  if (changed.length) dots.update(changed);
}

function viewOf() {
  const { clientWidth, clientHeight } = network.canvas.frame;
  const low = network.DOMtoCanvas({ x: 0, y: 0 });
  const high = network.DOMtoCanvas({ x: clientWidth, y: clientHeight });
  return { left: low.x, top: low.y, right: high.x, bottom: high.y };
}
