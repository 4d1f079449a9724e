// Names over the picture: always the same size on the screen, the important first, none over another.

// From this scale on all spots get a name where there is room for it, collections at any scale;
// from the next one on names may cover spots.
const NODE_LABEL_SCALE = 0.8;
const CLOSE = 1.8;
const FEW = 12; // so many spots in focus all get their names
const MOST_LABELS = 160;
const MOST_CALM = 200; // in large pictures only so many, the largest, have a name at all
const MOST_FROM_AFAR = 40; // where many spots are specks, names would cover the picture
const MANY = 1000; // so many spots in view
const AFAR = 0.12;
const LABEL_PIXELS = 12.5;
const COUNT_ROOM = 6; // pixels from the middle of a folded spot to its side, so that its count has room
const COUNT_PIXELS = 11.5;
const MOST_OBSTACLES = 2000;

const drawing = { hovered: null, chief: () => [drawing.hovered, state.spot] };
let largest = null; // in large pictures: the spots that have names

function forgetLargest() {
  largest = null;
}

/** "A report and 24 more": what to call a spot. */
function titleOf(spot) {
  return nameOf(spot.first) + (isFold(spot) ? ` and ${number(spot.shown - 1)} more` : "");
}

function countText(spot) {
  return `×${number(spot.shown)}`;
}

function drawLabels(context, view, scale) {
  const crowd = [...spots.values()].filter((spot) => spot.shown && inView(spot, view));
  const most = scale < AFAR && crowd.length > MANY ? MOST_FROM_AFAR : MOST_LABELS;
  const obstacles = crowd.length > MOST_OBSTACLES ? crowd.filter(isFold) : crowd;
  const scene = { context, view, scale, crowd, obstacles, taken: [] };
  context.save();
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.font = `600 ${COUNT_PIXELS / scale}px system-ui, sans-serif`;
  context.lineWidth = 3 / scale;
  for (const spot of crowd) if (hasCount(spot, scale)) drawCount(context, spot);
  context.font = `${LABEL_PIXELS / scale}px system-ui, sans-serif`;
  context.lineWidth = 3.5 / scale;
  for (const spot of labelled(scene)) {
    if (scene.taken.length >= most) break;
    drawLabel(scene, spot);
  }
  context.restore();
}

function hasCount(spot, scale) {
  const dim = state.focus && !state.focus.spots.has(spot);
  return isFold(spot) && !dim && spot.size * scale >= COUNT_ROOM;
}

function drawCount(context, spot) {
  context.strokeStyle = tint(spot);
  context.strokeText(countText(spot), spot.x, spot.y);
  context.fillStyle = ink.ink;
  context.fillText(countText(spot), spot.x, spot.y);
}

/** Which spots want a name on the screen, the most important first. */
function labelled({ crowd, scale }) {
  const { focus } = state;
  const among = crowd.filter((spot) => (!focus || focus.spots.has(spot)) && mayBeNamed(spot));
  const all = scale >= NODE_LABEL_SCALE || (focus && focus.spots.size <= FEW);
  const named = among.filter((spot) => all || types[spot.type].named);
  const rank = (spot) => (isChief(spot) ? 2 : Number(types[spot.type].named));
  const chiefs = crowd.filter((spot) => isChief(spot) && !named.includes(spot));
  return [...chiefs, ...named]
    .sort((a, b) => rank(b) - rank(a) || b.links - a.links || a.id - b.id);
}

function mayBeNamed(spot) {
  if (data.rung === "all") return true;
  largest ??= new Set([...spots.values()].sort(byImportance).slice(0, MOST_CALM));
  return largest.has(spot) || state.focus !== null;
}

/** Collections first, then by what hangs on a spot. */
function byImportance(a, b) {
  return types[b.type].named - types[a.type].named
    || b.links * b.members.length - a.links * a.members.length || a.id - b.id;
}

function isChief(spot) {
  return spot === state.spot || spot === drawing.hovered;
}

function inView({ x, y }, { left, top, right, bottom }) {
  return x > left && x < right && y > top && y < bottom;
}

function drawLabel(scene, spot) {
  const { context, scale } = scene;
  const count = isFold(spot) && !hasCount(spot, scale) ? `${countText(spot)} ` : "";
  const text = count + cut(titleOf(spot), isChief(spot) ? 60 : 32);
  const box = placeFor(scene, spot, context.measureText(text).width / 2);
  if (!box) return;
  scene.taken.push(box);
  context.strokeStyle = ink.halo;
  context.strokeText(text, box.x, box.y);
  context.fillStyle = ink.ink;
  context.fillText(text, box.x, box.y);
}

/** Around the spot where nothing stands; names that must be shown may cover spots, never names. */
function placeFor({ view, scale, taken, obstacles }, spot, half) {
  const boxes = labelBoxes(spot, half, scale);
  const free = boxes.filter((box) => !taken.some((other) =>
    Math.abs(box.x - other.x) < box.half + other.half && Math.abs(box.y - other.y) < box.high));
  const whole = free.filter((box) => box.x - half > view.left && box.x + half < view.right);
  const others = obstacles.filter((other) => other !== spot);
  const clear = whole.find((box) => !others.some((other) => covered(box, other)));
  if (clear) return clear;
  if (isChief(spot)) return boxes[0];
  if (!types[spot.type].named && scale < CLOSE) return undefined;
  return leastCovering(whole.length ? whole : free, others, scale);
}

/** Of boxes that all cover something the one that covers least. */
function leastCovering(boxes, others, scale) {
  const costs = boxes.map((box) => others.reduce((sum, other) =>
    sum + covered(box, other) * weightOf(other, scale), 0));
  return boxes[costs.indexOf(Math.min(...costs))];
}

/** How much of a spot a box covers. */
function covered(box, { x, y, size }) {
  const wide = Math.min(2 * size, box.half + size - Math.abs(box.x - x));
  const high = Math.min(2 * size, box.high / 2 + size - Math.abs(box.y - y));
  return wide > 0 && high > 0 ? wide * high : 0;
}

/** A count, or a spot that has a name itself, weighs as much as several others. */
function weightOf(spot, scale) {
  return hasCount(spot, scale) || types[spot.type].named ? 4 : 1;
}

/** Where a name may stand: below, above, right and left of its spot, and at its corners. */
function labelBoxes(spot, half, scale) {
  const { x, y } = spot;
  const ringed = spot === state.spot ? 8 / scale : 0;
  const down = spot.size + ringed + (LABEL_PIXELS * 0.8) / scale;
  const aside = spot.size + ringed + half + 5 / scale;
  const [low, far] = [0.75 * down, aside - 0.3 * spot.size];
  const around = [[0, down], [0, -down], [aside, 0], [-aside, 0],
    [far, low], [-far, low], [far, -low], [-far, -low]];
  const size = { half: half + 3 / scale, high: (LABEL_PIXELS * 1.25) / scale };
  return around.map(([right, below]) => ({ x: x + right, y: y + below, ...size }));
}
