// Labels. Their size on the screen is constant, and they do not overlap. The most important markers
// are labeled first.

// Collections are labeled at any scale. From NODE_LABEL_SCALE on, other markers with enough space are
// also labeled. From NEAR_SCALE on, labels of other markers may cover markers. A scale is the number of
// pixels per unit of the layout.
const NODE_LABEL_SCALE = 0.8;
const NEAR_SCALE = 1.8;
const FEW = 12; // if at most this many markers are in focus, all of them are labeled
const MAX_LABELS = 160; // on the screen at the same time
const MAX_LABELS_LARGE = 200; // in large graphs, only the most important markers are labeled
const MAX_LABELS_FAR = 40; // at scales below FAR_SCALE, where labels would cover most markers
const MANY = 1000; // MAX_LABELS_FAR applies to more than this many markers on the screen
const FAR_SCALE = 0.12;
const LABEL_PIXELS = 12.5;
const MIN_COUNT_SIZE = 6; // minimum radius in pixels of a folded marker that shows its count
const COUNT_PIXELS = 11.5;
const MAX_OBSTACLES = 2000; // of more markers on the screen, labels avoid only the folded ones

const labelState = { hovered: null, drawn: [] }; // the marker under the mouse pointer; boxes of all labels
let largest = null; // in large graphs: the markers that may be labeled

function resetLargest() {
  largest = null;
}

/** Return the title of a marker, such as "A reference and 24 more". */
function titleOf(marker) {
  return displayName(marker.first) + (isFolded(marker) ? ` and ${formatNumber(marker.shown - 1)} more` : "");
}

/** Return the title of a marker, truncated to `maxLength`, or 16 more if it may end with a qualifier. */
function shortTitle(marker, maxLength) {
  const title = titleOf(marker);
  return truncate(title, title.endsWith(")") ? maxLength + 16 : maxLength);
}

function countText(marker) {
  return `×${formatNumber(marker.shown)}`;
}

function drawLabels(context, view, scale) {
  const crowd = [...markers.values()].filter((marker) => marker.shown && inView(marker, view));
  const most = scale < FAR_SCALE && crowd.length > MANY ? MAX_LABELS_FAR : MAX_LABELS;
  const obstacles = crowd.length > MAX_OBSTACLES ? crowd.filter(isFolded) : crowd;
  const scene = { context, view, scale, crowd, obstacles, taken: [] };
  context.save();
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.font = `600 ${COUNT_PIXELS / scale}px system-ui, sans-serif`;
  context.lineWidth = 3 / scale;
  for (const marker of crowd) if (hasCount(marker, scale)) drawCount(context, marker);
  context.font = `${LABEL_PIXELS / scale}px system-ui, sans-serif`;
  context.lineWidth = 3.5 / scale;
  for (const marker of labeled(scene)) {
    if (scene.taken.length >= most) break;
    drawLabel(scene, marker);
  }
  labelState.drawn = scene.taken;
  context.restore();
}

function hasCount(marker, scale) {
  const dim = state.focus && !state.focus.markers.has(marker);
  return isFolded(marker) && !dim && marker.size * scale >= MIN_COUNT_SIZE;
}

function drawCount(context, marker) {
  context.strokeStyle = tint(marker);
  context.strokeText(countText(marker), marker.x, marker.y);
  context.fillStyle = theme.ink;
  context.fillText(countText(marker), marker.x, marker.y);
}

/** Return the markers to label, the most important first. */
function labeled({ crowd, scale }) {
  const { focus } = state;
  const among = crowd.filter((marker) => (!focus || focus.markers.has(marker)) && mayBeNamed(marker));
  const all = scale >= NODE_LABEL_SCALE || (focus && focus.markers.size <= FEW);
  const named = among.filter((marker) => all || types[marker.type].labeled);
  const rank = (marker) => (isFocal(marker) ? 2 : Number(types[marker.type].labeled));
  const chiefs = crowd.filter((marker) => isFocal(marker) && !named.includes(marker));
  return [...chiefs, ...named]
    .sort((a, b) => rank(b) - rank(a) || b.links - a.links || a.id - b.id);
}

function mayBeNamed(marker) {
  if (data.level === "all") return true;
  largest ??= new Set([...markers.values()].sort(byImportance).slice(0, MAX_LABELS_LARGE));
  return largest.has(marker) || state.focus !== null;
}

/** Compare markers: collections first, then by the number of links of all members. */
function byImportance(a, b) {
  return types[b.type].labeled - types[a.type].labeled
    || b.links * b.members.length - a.links * a.members.length || a.id - b.id;
}

/** Return whether a marker is selected or under the mouse pointer. */
function isFocal(marker) {
  return marker === state.marker || marker === labelState.hovered;
}

function inView({ x, y }, { left, top, right, bottom }) {
  return x > left && x < right && y > top && y < bottom;
}

function drawLabel(scene, marker) {
  const { context, scale } = scene;
  const count = isFolded(marker) && !hasCount(marker, scale) ? `${countText(marker)} ` : "";
  const text = fittedText(scene, count + shortTitle(marker, isFocal(marker) ? 60 : 32));
  const box = labelBox(scene, marker, context.measureText(text).width / 2);
  if (!box) return;
  scene.taken.push({ ...box, text });
  context.strokeStyle = theme.halo;
  context.strokeText(text, box.x, box.y);
  context.fillStyle = theme.ink;
  context.fillText(text, box.x, box.y);
}

/** Return a text, truncated until it is narrower than the view. */
function fittedText({ context, view, scale }, text) {
  const widest = view.right - view.left - 8 / scale;
  let fitted = text;
  while (context.measureText(fitted).width > widest && fitted.length > 3) {
    fitted = truncate(text, Math.floor(fitted.length * 0.9));
  }
  return fitted;
}

/**
 * Return a box for the label of a marker, or undefined if there is no space. The box lies inside the
 * view and covers no other label. Only labels of collections, of focal markers and at a large scale may
 * cover other markers.
 */
function labelBox({ view, scale, taken, obstacles }, marker, half) {
  const boxes = labelBoxes(marker, half, scale);
  const isFree = (box) => !taken.some((other) =>
    Math.abs(box.x - other.x) < box.half + other.half && Math.abs(box.y - other.y) < box.high);
  const whole = boxes.filter((box) => isFree(box) && isInside(box, view));
  const others = obstacles.filter((other) => other !== marker);
  const clear = whole.find((box) => !others.some((other) => covered(box, other)));
  if (clear) return clear;
  if (!isFocal(marker) && !types[marker.type].labeled && scale < NEAR_SCALE) return undefined;
  const possible = whole.length ? whole : boxes.map((box) => moveInside(box, view)).filter(isFree);
  return isFocal(marker) ? possible[0] : leastCovering(possible, others, scale);
}

function isInside(box, { left, top, right, bottom }) {
  return box.x - box.half >= left && box.x + box.half <= right
    && box.y - box.high / 2 >= top && box.y + box.high / 2 <= bottom;
}

/** Return a box moved by the shortest way into the view. */
function moveInside(box, { left, top, right, bottom }) {
  const clamp = (value, least, most) => Math.max(least, Math.min(most, value));
  return { ...box, x: clamp(box.x, left + box.half, right - box.half),
    y: clamp(box.y, top + box.high / 2, bottom - box.high / 2) };
}

/** Return the box that covers the smallest weighted area of markers. */
function leastCovering(boxes, others, scale) {
  const costs = boxes.map((box) => others.reduce((sum, other) =>
    sum + covered(box, other) * weightOf(other, scale), 0));
  return boxes[costs.indexOf(Math.min(...costs))];
}

/** Return the area that a box and the bounding square of a marker have in common. */
function covered(box, { x, y, size }) {
  const wide = Math.min(2 * size, box.half + size - Math.abs(box.x - x));
  const high = Math.min(2 * size, box.high / 2 + size - Math.abs(box.y - y));
  return wide > 0 && high > 0 ? wide * high : 0;
}

/** Return the cost per area of covering a marker: higher for collections and for visible counts. */
function weightOf(marker, scale) {
  return hasCount(marker, scale) || types[marker.type].labeled ? 4 : 1;
}

/** Return the candidate boxes for a label: below, above, right and left of the marker, and at its corners. */
function labelBoxes(marker, half, scale) {
  const { x, y } = marker;
  const ringed = marker === state.marker ? 8 / scale : 0;
  const down = marker.size + ringed + (LABEL_PIXELS * 0.8) / scale;
  const aside = marker.size + ringed + half + 5 / scale;
  const [low, far] = [0.75 * down, aside - 0.3 * marker.size];
  const around = [[0, down], [0, -down], [aside, 0], [-aside, 0],
    [far, low], [-far, low], [far, -low], [-far, -low]];
  const size = { half: half + 3 / scale, high: (LABEL_PIXELS * 1.25) / scale };
  return around.map(([right, below]) => ({ x: x + right, y: y + below, ...size }));
}
