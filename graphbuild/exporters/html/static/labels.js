// Labels. Their size on the screen is constant. No label covers another label or, except those of the
// selected marker and of the marker under the mouse pointer, a marker: a label without free space is not drawn. The most important markers are labeled first.

const FEW = 12; // if at most this many markers are in focus, all of them are labeled at every scale
const MAX_LABELS = 160; // on the screen at the same time
const MAX_LABELS_LARGE = 200; // in large graphs, only the most important markers are labeled
const LABEL_PIXELS = 12.5;
const COUNT_PIXELS = 11.5;
const COUNT_WIDTH = 2.3; // maximum width of a count, as a multiple of its marker's radius

const labelState = { hovered: null, drawn: [], signs: [] }; // the marker under the mouse pointer; boxes of labels and markers
let largest = null; // in large graphs: the markers that may be labeled

function resetLargest() {
  largest = null;
  resetDetail();
}

/** Return the title of a marker, such as "A reference and 24 more". If members are visible, only they count. */
function titleOf(marker) {
  const first = nodes[marker.members.find((id) => passesFilters(nodes[id])) ?? marker.members[0]];
  const others = (marker.shown || marker.members.length) - 1;
  return displayName(first) + (others > 0 ? ` and ${formatNumber(others)} more` : "");
}

/** Return the title of a marker, truncated to `maxLength`, or 16 more if it may end with a qualifier. */
function shortTitle(marker, maxLength) {
  const title = titleOf(marker);
  return truncate(title, title.endsWith(")") ? maxLength + 16 : maxLength);
}

function countText(marker) {
  return `×${formatNumber(marker.shown)}`;
}

/** Draw the labels of the view. `view` is in units of the layout. */
function drawLabels(context, view, scale) {
  const scene = sceneOf(context, view, scale);
  context.save();
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  if (scene.detail !== DETAIL.far || state.focus) drawCounts(scene);
  context.font = `${LABEL_PIXELS / scale}px system-ui, sans-serif`;
  context.lineWidth = 3.5 / scale;
  const named = new Set(); // clusters of labeled markers
  for (const { marker, name } of labeled(scene)) {
    if (scene.taken.length >= MAX_LABELS) break;
    if (drawLabel(scene, marker, name)) named.add(clusterOf(marker.first));
  }
  if (scene.detail !== DETAIL.near && !state.focus && !state.layered) drawClusterLabels(scene, named);
  labelState.drawn = scene.taken;
  labelState.signs = scene.signs;
  context.restore();
}

/** Return what the functions of this file share: the markers in the view, and the space that is taken. */
function sceneOf(context, view, scale) {
  const crowd = [...markers.values()].filter((marker) => marker.shown && inView(marker, view));
  const toPixels = ({ x, y }) => ({ x: (x - view.left) * scale, y: (y - view.top) * scale });
  const toLayout = ({ x, y }) => ({ x: x / scale + view.left, y: y / scale + view.top });
  const signs = [...markers.values()].filter((marker) => marker.shown).map((marker) => signBox(marker, toPixels(marker), scale));
  const [width, height] = [(view.right - view.left) * scale, (view.bottom - view.top) * scale];
  const isClear = freeSpace(signs, width, height);
  const controls = controlsBox();
  const taken = [];
  const isFree = (box) => isClear(box) && !overlaps(box, controls) && !taken.some((other) => overlaps(box, other));
  return { context, view, scale, crowd, signs, taken, isFree, toPixels, toLayout, width, height,
    detail: detailAt(scale) };
}

/** Return the box of the buttons that lie on the canvas, in pixels of the view. */
function controlsBox() {
  const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = byId("view-tools");
  return { left, top, right: left + width, bottom: top + height };
}

/** Return the bounding box of a marker in pixels of the view, with the marker. */
function signBox(marker, { x, y }, scale) {
  const reach = halfWidth(types[marker.type].shape, marker.size) * scale;
  return { marker, left: x - reach, top: y - reach, right: x + reach, bottom: y + reach };
}

function drawCounts({ context, crowd, scale }) {
  context.font = `600 ${COUNT_PIXELS / scale}px system-ui, sans-serif`;
  context.lineWidth = 3 / scale;
  for (const marker of crowd) {
    if (!hasCount(context, marker)) continue;
    context.strokeStyle = tint(marker);
    context.strokeText(countText(marker), marker.x, marker.y);
    context.fillStyle = theme.ink;
    context.fillText(countText(marker), marker.x, marker.y);
  }
}

/** Return whether a marker is folded, not dimmed, and wide enough for its count. */
function hasCount(context, marker) {
  const dim = state.focus && !state.focus.markers.has(marker);
  return isFolded(marker) && !dim && context.measureText(countText(marker)).width < COUNT_WIDTH * marker.size;
}

/** Return the markers to label and their names, the most important first. */
function labeled(scene) {
  const { crowd, detail } = scene;
  const { focus } = state;
  const named = (marker) => {
    if (isFocal(marker)) return true;
    if (focus) return focus.markers.has(marker) && (focus.markers.size <= FEW || detail === DETAIL.near || types[marker.type].labeled);
    return mayBeNamed(marker) && (detail === DETAIL.near || (detail === DETAIL.middle && types[marker.type].labeled));
  };
  const rank = (marker) => (isFocal(marker) ? 2 : Number(types[marker.type].labeled));
  const sorted = crowd.filter(named).sort((a, b) => rank(b) - rank(a) || b.links - a.links || a.id - b.id);
  return detail === DETAIL.near || focus ? sorted.map((marker) => ({ marker })) : joinFamilies(sorted);
}

/** Return one entry for all collections of the same name in the same cluster, such as "Emotet ×3". */
function joinFamilies(sorted) {
  const families = new Map();
  for (const marker of sorted) {
    const key = isFocal(marker) ? marker : familyOf(marker);
    if (!families.has(key)) families.set(key, []);
    families.get(key).push(marker);
  }
  return [...families.values()].map(([marker, ...others]) =>
    (others.length ? { marker, name: `${nameOf(marker.first)} ×${others.length + 1}` } : { marker }));
}

/**
 * Return a key that is equal for collections of one cluster whose names differ only in case, spaces and
 * punctuation; for any other marker, the marker itself.
 */
function familyOf(marker) {
  const name = nameOf(marker.first).toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return types[marker.type].labeled && name ? `${clusterOf(marker.first)} ${name}` : marker;
}

/** Return the name of a collection without the qualifier that its label may have. */
function nameOf(node) {
  return showInvisible(node.attributes.name ?? node.label);
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

/** Draw the label of a marker where it has space; return whether it has. */
function drawLabel(scene, marker, name) {
  const { context, scale } = scene;
  const text = fittedText(scene, labelText(scene, marker, name));
  const box = labelBox(scene, marker, (context.measureText(text).width * scale) / 2);
  if (!box) return false;
  scene.taken.push({ ...box, text });
  const { x, y } = scene.toLayout({ x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 });
  context.strokeStyle = theme.halo;
  context.strokeText(text, x, y);
  context.fillStyle = theme.ink;
  context.fillText(text, x, y);
  return true;
}

function labelText({ context }, marker, name) {
  if (name) return truncate(name, 40);
  const count = isFolded(marker) && !hasCount(context, marker) ? `${countText(marker)} ` : "";
  return count + shortTitle(marker, isFocal(marker) ? 60 : 32);
}

/** Return a text, truncated until it is narrower than the view. */
function fittedText({ context, view, scale }, text) {
  const widest = view.right - view.left - 24 / scale;
  let fitted = text;
  while (context.measureText(fitted).width > widest && fitted.length > 3) {
    fitted = truncate(text, Math.floor(fitted.length * 0.9));
  }
  return fitted;
}

/**
 * Return a free box for the label of a marker, in pixels of the view; undefined if there is none. The labels
 * of the selected marker and of the marker under the mouse pointer may cover markers.
 */
function labelBox(scene, marker, half) {
  const boxes = labelBoxes(scene, marker, half);
  const free = boxes.find(scene.isFree);
  if (free || !isFocal(marker)) return free;
  const moved = boxes.map((box) => moveInside(box, scene));
  return moved.find((box) => !scene.taken.some((other) => overlaps(box, other)));
}

/** Return a box moved by the shortest way into the view. */
function moveInside({ left, top, right, bottom }, { width, height }) {
  const inside = (low, high, most) => Math.max(0, Math.min(low, most - (high - low))) - low;
  const [x, y] = [inside(left, right, width), inside(top, bottom, height)];
  return { left: left + x, right: right + x, top: top + y, bottom: bottom + y };
}

/**
 * Return the candidate boxes for a label: below, above, right and left of the marker, and at its corners;
 * then the same farther away.
 */
function labelBoxes({ toPixels, scale }, marker, half) {
  const { x, y } = toPixels(marker);
  const reach = halfWidth(types[marker.type].shape, marker.size) * scale + (marker === state.marker ? 8 : 0);
  const high = LABEL_PIXELS * 0.65, wide = half + 3;
  return [CELL, CELL + LABEL_PIXELS].flatMap((gap) => {
    const [down, aside] = [reach + high + gap, reach + wide + gap];
    return [[0, down], [0, -down], [aside, 0], [-aside, 0], [0.6 * wide, down], [-0.6 * wide, down],
      [0.6 * wide, -down], [-0.6 * wide, -down], [aside, down], [-aside, down], [aside, -down], [-aside, -down]];
  }).map(([right, below]) => ({ left: x + right - wide, right: x + right + wide,
    top: y + below - high, bottom: y + below + high }));
}
