// Regions of clusters behind the graph, and the labels of clusters from afar.

const REGION_REACH = 12; // pixels around each marker of a cluster
const REGION_TINT = Object.freeze([0.8, 0.9]); // share of the background in a region's color: DETAIL.far, DETAIL.middle
const CLUSTER_PIXELS = 13;
const SEARCH_STEP = 14; // distance in pixels between candidate positions of a label
const MIN_REGION = 3; // minimum number of visible nodes of a cluster with a region

/** Return the visible markers by cluster: clusters with MIN_REGION nodes, the largest first. */
function markersByCluster(crowd) {
  const found = new Map();
  for (const marker of crowd) {
    const cluster = clusterOf(marker.first);
    if (!clusters.has(cluster) || !marker.links) continue;
    if (!found.has(cluster)) found.set(cluster, []);
    found.get(cluster).push(marker);
  }
  const size = (some) => some.reduce((sum, marker) => sum + marker.shown, 0);
  return new Map([...found].filter(([, some]) => size(some) >= MIN_REGION).sort(([, a], [, b]) => size(b) - size(a)));
}

/** Draw a background in the color of its cluster around each marker; drawn before lines and markers. */
function drawRegions(context, view, scale) {
  const detail = detailAt(scale);
  if (detail === DETAIL.near || state.focus || state.layered) return;
  const crowd = [...markers.values()].filter((marker) => marker.shown && inView(marker, view));
  context.save();
  for (const [cluster, some] of [...markersByCluster(crowd)].reverse()) {
    context.fillStyle = mixColors(clusterColor(cluster), theme.paper, REGION_TINT[detail]);
    context.beginPath();
    for (const marker of some) {
      const radius = marker.size + REGION_REACH / scale;
      context.moveTo(marker.x + radius, marker.y);
      context.arc(marker.x, marker.y, radius, 0, 2 * Math.PI);
    }
    context.fill();
  }
  context.restore();
}

/**
 * Label the clusters in the view that are not in `named`, the largest first. A cluster without free space has
 * no label.
 */
function drawClusterLabels(scene, named) {
  scene.context.font = `600 ${CLUSTER_PIXELS / scene.scale}px system-ui, sans-serif`;
  for (const [cluster, some] of markersByCluster(scene.crowd)) {
    if (named.has(cluster)) continue;
    const { name, size } = clusters.get(cluster);
    const shown = showInvisible(name);
    const full = `${truncate(shown, 28)} · ${formatNumber(size)}`;
    const area = areaInView(scene, some);
    if (!placeTag(scene, area, full, cluster)) placeTag(scene, area, truncate(shown, 12), cluster);
  }
}

/** Draw the label of a cluster where it has space in an area; return whether it has. */
function placeTag(scene, area, text, cluster) {
  const fitted = fittedText(scene, text);
  const half = (scene.context.measureText(fitted).width * scene.scale) / 2 + 5;
  const box = freeBoxIn(scene, area, { half, high: CLUSTER_PIXELS * 0.8 });
  if (box) drawTag(scene, box, fitted, clusterColor(cluster));
  return Boolean(box);
}

/** Return the mean position of markers in pixels of the view, and the radius around it that contains most. */
function areaInView({ toPixels }, some) {
  const points = some.map(toPixels);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((at) => at.x)), mean(points.map((at) => at.y))];
  return { x, y, radius: 1.5 * mean(points.map((at) => Math.hypot(at.x - x, at.y - y))) + 2 * REGION_REACH };
}

/** Return the free box of a size that is nearest to the center of an area; undefined if it has none. */
function freeBoxIn(scene, { x, y, radius }, { half, high }) {
  const boxAt = (right, down) => ({ left: x + right - half, right: x + right + half,
    top: y + down - high, bottom: y + down + high });
  for (let reach = 0; reach <= radius; reach += SEARCH_STEP) {
    const steps = Math.max(1, Math.ceil((2 * Math.PI * reach) / SEARCH_STEP));
    for (let step = 0; step < steps; step += 1) {
      const angle = (2 * Math.PI * step) / steps - Math.PI / 2;
      const box = boxAt(reach * Math.cos(angle), reach * Math.sin(angle));
      if (scene.isFree(box)) return box;
    }
  }
  return undefined;
}

/** Draw a text on a background with a border. */
function drawTag(scene, box, text, color) {
  const { context, scale } = scene;
  const { x, y } = scene.toLayout({ x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 });
  const [width, height] = [(box.right - box.left) / scale, (box.bottom - box.top) / scale];
  context.beginPath();
  context.roundRect(x - width / 2, y - height / 2, width, height, 4 / scale);
  context.fillStyle = theme.paper;
  context.strokeStyle = color;
  context.lineWidth = 1.5 / scale;
  context.globalAlpha = 0.9;
  context.fill();
  context.globalAlpha = 1;
  context.stroke();
  context.fillStyle = theme.ink;
  context.fillText(text, x, y);
  scene.taken.push({ ...box, text });
}
