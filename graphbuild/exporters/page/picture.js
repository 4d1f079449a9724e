// The canvas: vis-network draws nodes and lines; focus and labels are laid over it.

// From this scale on all nodes get a name where there is room for it, collections at any scale;
// from the next one on names may cover nodes.
const NODE_LABEL_SCALE = 0.8;
const CLOSE = 1.8;
const CROWDED = 2000; // so many nodes are specks: an outline would eat them
const FEW = 12; // so many nodes in focus all get their names
const CLOSEST = 1.2;
const FARTHEST = 0.3;
const MOST_LABELS = 160;
const MOST_FROM_AFAR = 40; // where nodes are specks, names would cover the picture
const AFAR = 0.12;
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
let moved = false; // whether somebody chose what part to look at
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
  for (const event of ["dragStart", "zoom"]) network.on(event, () => { moved = true; });
  // A window that changes its size shows the whole picture again, unless a part was chosen.
  network.on("resize", () => { if (!moved) showAll(); });
  showAll();
}

function showAll() {
  network.fit({ animation: false });
  moved = false;
}

/** A node of vis-network; hollow where the answer about it is not complete. */
function dotOf(node) {
  const type = types[node.type];
  const open = isUnfinished(node);
  return {
    id: node.id, x: node.x, y: node.y, size: node.size, shape: type.shape, hidden: !isShown(node),
    color: open ? { background: ink.paper, border: type.colour }
      : { background: type.colour, border: nodes.length > CROWDED ? type.colour : ink.outline },
    borderWidth: open ? 3 : 1,
    title: `${cut(clean(node.label), 200)}\n${clean(type.name)}, ${counted(node.links, "link")}`,
  };
}

function lineOf(edge) {
  return { id: edge.id, from: edge.from, to: edge.to, color: { color: inkOf(edge), opacity: faint() } };
}

function inkOf(edge) {
  return edge.via ? ink["link-a"] : ink["link-b"];
}

/** The more lines there are, the fainter each is drawn; on black they need a little more. */
function faint() {
  const share = 0.75 - 0.16 * Math.log10(edges.length + 1) + (isDark() ? 0.08 : 0);
  return Math.min(0.6, Math.max(0.12, share));
}

function isDark() {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Tell vis-network which nodes are hidden; lines go with their ends. */
function sift() {
  const changed = nodes.filter((node) => bodies[node.id].options.hidden === isShown(node));
  dots.update(changed.map((node) => ({ id: node.id, hidden: !isShown(node) })));
}

/** The node to the middle, at a scale that shows what stays in focus, within reason. */
function flyTo(node) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  moved = true;
  network.focus(node.id, {
    scale: Math.min(CLOSEST, Math.max(FARTHEST, scaleFor(node))),
    animation: still ? false : { duration: 350, easingFunction: "easeInOutQuad" },
  });
}

function scaleFor(node) {
  const { clientWidth, clientHeight } = network.canvas.frame;
  const farthest = (axis) => Math.max(...Array.from(chosen.focus.nodes, (id) =>
    Math.abs(bodies[id][axis] - bodies[node.id][axis]) + 60));
  return Math.min(clientWidth / 2 / farthest("x"), clientHeight / 2 / farthest("y"));
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
  const reach = node.size * (types[node.type].shape === "square" ? Math.SQRT2 : 1) + 5 / scale;
  context.arc(bodies[node.id].x, bodies[node.id].y, reach, 0, 2 * Math.PI);
  context.stroke();
  context.restore();
}

/** Names, always the same size on the screen, the important first, none over another. */
function drawLabels(context, view, scale) {
  const crowd = nodes.filter((node) => isShown(node) && inView(node, view));
  const most = scale < AFAR ? MOST_FROM_AFAR : MOST_LABELS;
  const scene = { context, view, scale, crowd, taken: [] };
  context.save();
  context.font = `${LABEL_PIXELS / scale}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 3.5 / scale;
  for (const node of labelled(scene)) {
    if (scene.taken.length >= most) break;
    drawLabel(scene, node);
  }
  context.restore();
}

/** Which nodes want a name on the screen, the most important first. */
function labelled({ crowd, scale }) {
  const { focus } = chosen;
  const among = crowd.filter((node) => !focus || focus.nodes.has(node.id));
  const all = scale >= NODE_LABEL_SCALE || (focus && focus.nodes.size <= FEW);
  const named = among.filter((node) => all || types[node.type].named);
  const rank = (node) => (isChief(node) ? 2 : Number(types[node.type].named));
  const chiefs = crowd.filter((node) => isChief(node) && !named.includes(node));
  return [...chiefs, ...named].sort((a, b) => rank(b) - rank(a) || b.links - a.links || a.id - b.id);
}

function isChief(node) {
  return node === chosen.node || node === hovered;
}

function inView({ id }, { left, top, right, bottom }) {
  const { x, y } = bodies[id];
  return x > left && x < right && y > top && y < bottom;
}

function drawLabel(scene, node) {
  const { context } = scene;
  const text = cut(nameOf(node), isChief(node) ? 60 : 32);
  const box = placeFor(scene, node, context.measureText(text).width / 2);
  if (!box) return;
  scene.taken.push(box);
  context.strokeStyle = ink.halo;
  context.strokeText(text, box.x, box.y);
  context.fillStyle = ink.ink;
  context.fillText(text, box.x, box.y);
}

/** Around the node where nothing stands; names that must be shown may cover nodes, never names. */
function placeFor({ view, scale, taken, crowd }, node, half) {
  const boxes = labelBoxes(node, half, scale);
  const free = boxes.filter((box) => !taken.some((other) =>
    Math.abs(box.x - other.x) < box.half + other.half && Math.abs(box.y - other.y) < box.high));
  const whole = free.filter((box) => box.x - half > view.left && box.x + half < view.right);
  const clear = whole.find((box) => !crowd.some((other) => covers(box, other)));
  if (clear) return clear;
  if (isChief(node)) return boxes[0];
  return types[node.type].named || scale >= CLOSE ? whole[0] ?? free[0] : undefined;
}

function covers(box, node) {
  const { x, y } = bodies[node.id];
  return Math.abs(box.x - x) < box.half + node.size && Math.abs(box.y - y) < box.high / 2 + node.size;
}

/** Where a name may stand: below, above, right and left of its node. */
function labelBoxes(node, half, scale) {
  const { x, y } = bodies[node.id];
  const ringed = node === chosen.node ? 8 / scale : 0;
  const down = node.size + ringed + (LABEL_PIXELS * 0.8) / scale;
  const aside = node.size + ringed + half + 5 / scale;
  const around = [[0, down], [0, -down], [aside, 0], [-aside, 0]];
  const size = { half: half + 3 / scale, high: (LABEL_PIXELS * 1.25) / scale };
  return around.map(([right, below]) => ({ x: x + right, y: y + below, ...size }));
}
