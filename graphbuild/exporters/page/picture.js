// The canvas: vis-network draws nodes and lines; focus and labels are laid over it.

const NODE_LABEL_SCALE = 0.85; // from here on names of all nodes are shown, collections always
const MOST_LABELS = 160;
const LABEL_PIXELS = 12.5;
const OPTIONS = Object.freeze({
  autoResize: true,
  physics: { enabled: false },
  layout: { improvedLayout: false, randomSeed: 1 },
  nodes: { borderWidthSelected: 0, labelHighlightBold: false, chosen: false },
  edges: { smooth: false, width: 1, hoverWidth: 0, selectionWidth: 0, chosen: false },
  interaction: {
    hover: true, hoverConnectedEdges: false, selectConnectedEdges: false, hideEdgesOnDrag: true,
    tooltipDelay: 150, keyboard: { enabled: true, bindToWindow: false },
  },
});

let network = null;
let bodies = null; // what vis-network holds for each node: live x and y, and draw()
let dots = null;
let hovered = null;
const ink = {};

/** The colours of the style sheet, light or dark. */
function readInk() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "ink", "accent", "warn", "halo", "outline", "link-a", "link-b"]) {
    ink[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

function drawPicture(container) {
  readInk();
  dots = new vis.DataSet(nodes.map(dotOf));
  const lines = new vis.DataSet(edges.map(lineOf));
  network = new vis.Network(container, { nodes: dots, edges: lines }, OPTIONS);
  bodies = network.body.nodes;
  network.on("afterDrawing", drawOverlay);
  network.on("hoverNode", ({ node }) => { hovered = nodes[node]; network.redraw(); });
  network.on("blurNode", () => { hovered = null; network.redraw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readInk();
    dots.update(nodes.map(dotOf));
    lines.update(edges.map(lineOf));
  });
  network.fit({ animation: false });
}

function dotOf(node) {
  const type = types[node.type];
  const open = isUnfinished(node);
  return {
    id: node.id, x: node.x, y: node.y, size: node.size, shape: type.shape, hidden: !isShown(node),
    color: { background: type.colour, border: open ? ink.warn : ink.outline },
    borderWidth: open ? 3 : 1, shapeProperties: { borderDashes: open ? [4, 3] : false },
    title: `${cut(clean(node.label), 200)}\n${clean(type.name)}, ${counted(node.links, "link")}`,
  };
}

function lineOf(edge) {
  return { id: edge.id, from: edge.from, to: edge.to, color: { color: inkOf(edge), opacity: faint() } };
}

function inkOf(edge) {
  return edge.via ? ink["link-a"] : ink["link-b"];
}

/** The more lines there are, the fainter each is drawn. */
function faint() {
  return Math.min(0.6, Math.max(0.12, 0.75 - 0.16 * Math.log10(edges.length + 1)));
}

/** Tell vis-network which nodes are hidden; lines go with their ends. */
function sift() {
  const changed = nodes.filter((node) => bodies[node.id].options.hidden === isShown(node));
  dots.update(changed.map((node) => ({ id: node.id, hidden: !isShown(node) })));
}

function flyTo(node) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  network.focus(node.id, {
    scale: Math.max(network.getScale(), NODE_LABEL_SCALE),
    animation: still ? false : { duration: 350, easingFunction: "easeInOutQuad" },
  });
}

function drawOverlay(context) {
  const scale = network.getScale();
  const view = viewOf();
  if (chosen.focus) drawFocus(context, view, scale);
  drawLabels(context, view, scale);
}

function viewOf() {
  const { clientWidth, clientHeight } = network.canvas.frame;
  const low = network.DOMtoCanvas({ x: 0, y: 0 });
  const high = network.DOMtoCanvas({ x: clientWidth, y: clientHeight });
  return { left: low.x, top: low.y, right: high.x, bottom: high.y };
}

/** A veil over everything, and the chosen part drawn again on top: cheap at any size. */
function drawFocus(context, view, scale) {
  context.save();
  context.globalAlpha = 0.87;
  context.fillStyle = ink.paper;
  context.fillRect(view.left, view.top, view.right - view.left, view.bottom - view.top);
  context.globalAlpha = 0.6;
  context.lineWidth = Math.max(1, 1.3 / scale);
  for (const id of chosen.focus.edges) strokeLine(context, edges[id]);
  context.restore();
  for (const id of chosen.focus.nodes) if (isShown(nodes[id])) bodies[id].draw(context);
  if (chosen.node) ring(context, chosen.node, scale);
}

function strokeLine(context, edge) {
  if (!isDrawn(edge)) return;
  const [from, to] = [bodies[edge.from], bodies[edge.to]];
  context.strokeStyle = inkOf(edge);
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
}

function ring(context, node, scale) {
  if (!isShown(node)) return;
  context.save();
  context.strokeStyle = ink.accent;
  context.lineWidth = 3 / scale;
  context.beginPath();
  context.arc(bodies[node.id].x, bodies[node.id].y, node.size + 6 / scale, 0, 2 * Math.PI);
  context.stroke();
  context.restore();
}

/** Names, always the same size on the screen, the important first, none over another. */
function drawLabels(context, view, scale) {
  const taken = [];
  context.save();
  context.font = `${LABEL_PIXELS / scale}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 3.5 / scale;
  for (const node of labelled(scale)) {
    if (taken.length >= MOST_LABELS) break;
    if (isShown(node) && inView(node, view)) drawLabel(context, node, scale, taken);
  }
  context.restore();
}

/** Which nodes want a name on the screen, the most important first. */
function labelled(scale) {
  const first = [chosen.node, hovered].filter(Boolean);
  const among = chosen.focus ? byLinks.filter((node) => chosen.focus.nodes.has(node.id)) : byLinks;
  const always = among.filter((node) => types[node.type].named);
  const few = chosen.focus && chosen.focus.nodes.size <= 12;
  const others = few || scale >= NODE_LABEL_SCALE ? among.filter((n) => !types[n.type].named) : [];
  return [...new Set([...first, ...always, ...others])];
}

function inView(node, view) {
  const { x, y } = bodies[node.id];
  return x > view.left && x < view.right && y > view.top && y < view.bottom;
}

function drawLabel(context, node, scale, taken) {
  const chief = node === chosen.node || node === hovered;
  const text = cut(clean(node.label), chief ? 60 : 32);
  const box = placeFor(node, context.measureText(text).width / 2, scale, taken);
  if (!box && !chief) return;
  const { x, y } = box ?? labelBox(node, 0, scale, 1);
  if (box) taken.push(box);
  context.strokeStyle = ink.halo;
  context.strokeText(text, x, y);
  context.fillStyle = ink.ink;
  context.fillText(text, x, y);
}

/** Below the node, or above it, where no other name stands yet. */
function placeFor(node, half, scale, taken) {
  const boxes = [1, -1].map((side) => labelBox(node, half, scale, side));
  return boxes.find((box) => !taken.some((other) =>
    Math.abs(box.x - other.x) < box.half + other.half && Math.abs(box.y - other.y) < box.high));
}

function labelBox(node, half, scale, side) {
  const { x, y } = bodies[node.id];
  const away = node.size + (LABEL_PIXELS * 0.8) / scale;
  return { x, y: y + side * away, half: half + 4 / scale, high: (LABEL_PIXELS * 1.25) / scale };
}
