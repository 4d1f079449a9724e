// Draw markers and lines with vis-network, then the focus and the labels on top of them.

const CROWDED = 2000; // maximum number of markers that have an outline
const MAX_SCALE = 1.2; // pixels per unit of the layout
const MIN_SCALE = 0.3; // of a view that flyTo() chooses
const UNTANGLE_SECONDS = 5;
const MAX_SEPARATIONS = 6; // each enlarges the layout, which enlarges small markers again
const IS_LARGE = data.level !== "all";
const OPTIONS = Object.freeze({
  autoResize: true,
  physics: { enabled: false },
  layout: { improvedLayout: false, randomSeed: 1 },
  nodes: { borderWidthSelected: 0, labelHighlightBold: false, chosen: false },
  edges: { smooth: false, width: 1, hoverWidth: 0, selectionWidth: 0, chosen: false },
  interaction: {
    hover: true, hoverConnectedEdges: false, selectConnectedEdges: false, tooltipDelay: 150,
    hideEdgesOnDrag: IS_LARGE, hideEdgesOnZoom: IS_LARGE,
    // With autoFocus, each movement of the mouse would take the keyboard focus from the search field.
    keyboard: { enabled: true, bindToWindow: false, autoFocus: false },
  },
});
const UNTANGLE_PHYSICS = Object.freeze({
  enabled: true, solver: "forceAtlas2Based", stabilization: { enabled: false },
  forceAtlas2Based: { gravitationalConstant: -60, springLength: 60, avoidOverlap: 1, damping: 0.6 },
});

let network = null;
let visNodes = null; // data sets of vis-network
let visEdges = null;
let sizedAt = 0; // the scale for which the marker sizes were computed
let moved = false; // whether the view has changed since showAll()
let swapping = false; // whether swap() is replacing markers and lines
let untangling = null; // timer that ends the force simulation; null if it does not run
let lineWidth = 1; // in units of the layout; about one pixel when the whole graph is visible

const renderer = {
  canMove: true, // whether markers can be dragged

  start(container, { onSelect, onUntangled }) {
    readTheme();
    lineWidth = minLineWidth(container);
    visNodes = new vis.DataSet([...markers.values()].map(visNode));
    visEdges = new vis.DataSet([...lines.values()].map(visEdge));
    network = new vis.Network(container, { nodes: visNodes, edges: visEdges }, OPTIONS);
    this.onUntangled = onUntangled;
    describeCanvas(container.firstChild);
    network.on("beforeDrawing", drawBackground);
    network.on("afterDrawing", drawOverlay);
    network.on("hoverNode", ({ node }) => { labelState.hovered = markers.get(node); network.redraw(); });
    network.on("blurNode", () => { labelState.hovered = null; network.redraw(); });
    network.on("click", ({ nodes: [marker], edges: [line], event: { srcEvent } }) =>
      onSelect(markers.get(marker) ?? null, marker === undefined ? lines.get(line) ?? null : null, srcEvent.shiftKey));
    container.addEventListener("pointerleave", hideTooltip);
    network.on("doubleClick", ({ nodes: [marker] }) => { if (markers.has(marker)) toggleMarker(markers.get(marker)); });
    network.on("dragging", ({ nodes: [marker] }) => { if (marker !== undefined) readPositions([marker]); });
    network.on("dragEnd", ({ nodes: [marker] }) => { if (marker !== undefined) notify(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor());
    for (const event of ["dragStart", "zoom"]) network.on(event, () => { moved = true; hideTooltip(); });
    // Show the whole graph again after a resize, unless the view has moved.
    network.on("resize", () => { sizedAt = 0; if (!moved) this.showAll(); });
    // vis-network fits the view with other margins before it draws for the first time.
    network.once("afterDrawing", () => { if (!moved) this.showAll(); });
    this.showAll();
  },

  /** Remove and add markers and lines. */
  swap({ removed, added, moved: shifted }) {
    if (!network) return;
    resetLargest();
    hideTooltip();
    sizedAt = 0;
    labelState.hovered = null;
    swapping = true;
    visEdges.remove(removed.lines.map((line) => line.id));
    visNodes.remove(removed.markers.map((marker) => marker.id));
    visNodes.add(added.markers.map(visNode));
    visEdges.add(added.lines.map(visEdge));
    visNodes.update(shifted.map(({ id, x, y }) => ({ id, x, y })));
    swapping = false;
    network.redraw();
  },

  /** Draw markers at their new positions. */
  move(some) {
    resetLargest();
    visNodes?.update(some.map(({ id, x, y }) => ({ id, x, y })));
  },

  /** Update markers whose appearance or visibility changed. vis-network hides lines with a hidden end. */
  refresh(some) {
    resetLargest();
    hideTooltip();
    visNodes?.update(some.map(visNode));
  },

  recolor() {
    readTheme();
    visNodes?.update([...markers.values()].map(visNode));
    visEdges?.update([...lines.values()].map(visEdge));
  },

  /** Draw markers in their new sizes. */
  resize() {
    sizedAt = 0;
    this.refresh([...markers.values()]);
  },

  redraw() { network?.redraw(); },

  hideTooltip,

  showAll() {
    this.showOnly([...markers.values()]);
    moved = false;
  },

  showOnly(some) {
    const shown = [...some].filter((marker) => marker.shown);
    const { clientWidth: width, clientHeight: height } = network.canvas.frame;
    if (shown.length) this.setView(fitView(shown, { width, height }));
  },

  /** Move the view to a marker, at a scale that shows its focus. */
  flyTo(marker) {
    moved = true;
    hideTooltip();
    network.focus(marker.id, {
      scale: Math.min(MAX_SCALE, Math.max(MIN_SCALE, scaleFor(marker))),
      animation: prefersReducedMotion() ? false : { duration: 350, easingFunction: "easeInOutQuad" },
    });
  },

  /** Return the center and the scale of the view, as `setView` accepts them. */
  getView() { return { ...network.getViewPosition(), scale: network.getScale() }; },
  setView({ x, y, scale }) {
    moved = true;
    hideTooltip();
    network.moveTo({ position: { x, y }, scale, animation: false });
  },

  /** Return the position of a marker on the canvas in CSS pixels. */
  pointOf(marker) { return network.canvasToDOM({ x: marker.x, y: marker.y }); },

  /** Return the numbers of markers and lines that vis-network draws. */
  drawn() {
    const { nodeIndices = [], edgeIndices = [] } = network?.body ?? {};
    return { markers: nodeIndices.length, lines: edgeIndices.length };
  },

  isUntangling() { return untangling !== null; },

  /**
   * Start a force simulation. It stops after five seconds, or when this method is called again. Then
   * markers that overlap are moved apart. Pinned markers keep their places.
   */
  untangle() {
    if (untangling !== null) { this.freeze(); return; }
    untangling = setTimeout(() => this.freeze(), UNTANGLE_SECONDS * 1000);
    network.setOptions({ physics: UNTANGLE_PHYSICS });
    network.startSimulation();
  },

  freeze() {
    clearTimeout(untangling);
    untangling = null;
    network.stopSimulation();
    network.setOptions({ physics: { enabled: false } });
    readPositions([...markers.keys()]);
    separateMarkers();
    if (!moved) this.showAll();
    this.onUntangled();
  },
};

/** Hide the tooltip, and cancel one that is about to appear. vis-network does so only if the mouse moves. */
function hideTooltip() {
  const handler = network?.interactionHandler;
  if (!handler) return;
  clearTimeout(handler.popupTimer);
  handler.popupObj = undefined;
  handler.popup?.hide();
}

/** Move visible markers apart, so that they do not overlap when the whole graph is visible. */
function separateMarkers() {
  const shown = [...markers.values()].filter((marker) => marker.shown);
  const { clientWidth: width, clientHeight: height } = network.canvas.frame;
  let discs = shown.map((marker) => ({ marker, x: marker.x, y: marker.y, size: marker.size,
    pinned: isPinned(marker) }));
  for (let turn = 0; turn < MAX_SEPARATIONS; turn += 1) {
    const { scale } = fitView(discs, { width, height }, (disc) => disc.size);
    const sized = discs.map((disc) => ({ ...disc, size: sizeAt(disc.marker, scale, { width, height }) }));
    if (turn > 0 && sized.every((disc, index) => disc.size <= discs[index].size)) break;
    discs = separate(sized.map((disc) => ({ ...disc, radius: outerRadius(types[disc.marker.type].shape, disc.size) })));
  }
  visNodes.update(discs.map(({ marker, x, y }) => ({ id: marker.id, x, y })));
  readPositions(shown.map((marker) => marker.id));
}

/** Store the positions to which vis-network moved markers (ids), for the time after they are replaced. */
function readPositions(ids) {
  for (const id of ids) {
    const marker = markers.get(id);
    if (isPinned(marker)) continue; // vis-network rounds its position
    const { x, y } = network.body.nodes[id];
    const item = movedItem(marker);
    if (item && (x !== marker.x || y !== marker.y)) {
      const { x: right, y: down } = item.moved ?? ORIGIN;
      item.moved = { x: right + x - marker.x, y: down + y - marker.y };
    }
    Object.assign(marker, { x, y });
  }
}

/** Return what keeps the offset of a moved marker: its group, or its node in an expanded group; else null. */
function movedItem(marker) {
  if (state.layered || isRest(marker)) return null;
  return marker.members.length === marker.group.members.length ? marker.group : marker.first;
}

/** Return a marker as a node of vis-network. The marker is hollow if the list of a member is incomplete. */
function visNode(marker) {
  const color = colorOf(marker);
  const open = marker.members.some((id) => isIncomplete(nodes[id]));
  const fold = isFolded(marker);
  return {
    id: marker.id, x: marker.x, y: marker.y, size: marker.size, shape: types[marker.type].shape,
    hidden: marker.shown === 0,
    fixed: isPinned(marker),
    color: open ? { background: theme.paper, border: color }
      : fold ? { background: tint(marker), border: color }
        : { background: color, border: markers.size > CROWDED ? color : theme.outline },
    borderWidth: open ? 3 : fold ? 2 : 1,
    title: `${truncate(titleOf(marker), 200)}\n${showInvisible(types[marker.type].title)}, `
      + `${plural(marker.links, "link")}${fold ? " each" : ""}`,
  };
}

function visEdge(line) {
  const width = lineWidth * (1 + Math.log10(line.link.count ?? pairCount(line)) / 2);
  return { id: line.id, from: line.from.id, to: line.to.id, width,
    color: { color: lineColor(line), opacity: lineOpacity() } };
}

/** Return the width of lines that is about one pixel when the whole graph is visible. */
function minLineWidth({ clientWidth: width, clientHeight: height }) {
  return Math.min(4, Math.max(1, 0.8 / fitView([...markers.values()], { width, height }).scale));
}

/** Return the scale at which a view around `marker` contains all markers in focus. */
function scaleFor(marker) {
  const { clientWidth, clientHeight } = network.canvas.frame;
  const near = [...state.focus?.markers ?? [marker]];
  const farthest = (axis) => near.reduce((most, other) =>
    Math.max(most, Math.abs(other[axis] - marker[axis]) + other.size + 40), 1);
  return Math.min(clientWidth / 2 / farthest("x"), clientHeight / 2 / farthest("y"));
}

/** Draw the focus and the labels. vis-network also draws in the middle of swap(), when some nodes are missing. */
function drawOverlay(context) {
  if (swapping) return;
  if (untangling !== null) readPositions([...markers.keys()]);
  const scale = network.getScale();
  const view = viewOf();
  const draw = (on, marker) => network.body.nodes[marker.id].draw(on);
  if (state.focus) drawFocus(context, view, scale, draw);
  drawPins(context, scale);
  drawLabels(context, view, scale);
}

/** Draw the regions of clusters below the graph, after markers have their size for this scale. */
function drawBackground(context) {
  if (swapping) return;
  const scale = network.getScale();
  keepVisible(scale);
  drawRegions(context, viewOf(), scale);
}

/** Give each marker its size for the scale. */
function keepVisible(scale) {
  if (Math.abs(Math.log(scale / sizedAt)) < 0.05) return;
  sizedAt = scale;
  const { clientWidth: width, clientHeight: height } = network.canvas.frame;
  const changed = [];
  for (const marker of markers.values()) {
    const size = sizeAt(marker, scale, { width, height });
    if (size === marker.size) continue;
    marker.size = size;
    changed.push({ id: marker.id, size });
  }
  if (changed.length) visNodes.update(changed);
}

function viewOf() {
  const { clientWidth, clientHeight } = network.canvas.frame;
  const low = network.DOMtoCanvas({ x: 0, y: 0 });
  const high = network.DOMtoCanvas({ x: clientWidth, y: clientHeight });
  return { left: low.x, top: low.y, right: high.x, bottom: high.y };
}
