// What is drawn depends on the scale: from afar, clusters as labeled regions; nearer, the names of
// collections and the numbers of folded nodes, and the names of clusters whose collections have no space
// for theirs; nearest, all names. A scale is the number of pixels per
// unit of the layout.

const DETAIL = Object.freeze({ far: 0, middle: 1, near: 2 });
const COLLECTION_AREA = 9000; // in square pixels: with less space per collection, clusters are named instead
const SIGN_AREA = 7000; // in square pixels: with more space per marker, all markers are named
const MIN_CLUSTERS = 3; // with fewer clusters, their names would say little
const MAX_RADIUS = 24, MIN_RADIUS = 2.5; // of markers, in pixels
const MIN_COLLECTION_RADIUS = Object.freeze([3.5, 6, 6]); // by level of detail
const MIN_COUNT_RADIUS = Object.freeze([2.5, 8, 8]); // of folded markers, with space for their count
const MAX_SIGN_SHARE = 0.018; // maximum share of the view that the square around a marker covers

let scales = null; // the scales at which the level of detail changes; null after the markers changed

function resetDetail() {
  scales = null;
}

/** Return the level of detail at a scale: DETAIL.far, DETAIL.middle or DETAIL.near. */
function detailAt(scale) {
  scales ??= detailScales();
  return scale < scales.middle && !state.layered ? DETAIL.far : scale < scales.near ? DETAIL.middle : DETAIL.near;
}

function detailScales() {
  const linked = [...markers.values()].filter((marker) => marker.shown && marker.links);
  if (!linked.length) return { middle: 0, near: 0 };
  const collections = linked.filter((marker) => types[marker.type].labeled).length;
  const clusters = new Set(linked.map((marker) => clusterOf(marker.first)));
  const scaleFor = (count, pixels) => Math.sqrt((count * pixels) / areaOf(linked));
  const near = Math.min(1, scaleFor(linked.length, SIGN_AREA));
  return { middle: clusters.size < MIN_CLUSTERS ? 0 : Math.min(near, scaleFor(collections, COLLECTION_AREA)), near };
}

/** Return the area of the bounding box of markers. */
function areaOf(some) {
  const range = (axis) => some.reduce(([low, high], marker) =>
    [Math.min(low, marker[axis] - marker.own), Math.max(high, marker[axis] + marker.own)], [Infinity, -Infinity]);
  const [[left, right], [top, bottom]] = [range("x"), range("y")];
  return (right - left) * (bottom - top);
}

/**
 * Return the radius of a marker at a scale, in units of the layout. On the screen, no marker is too small to
 * be seen or larger than necessary. `view` is the size of the canvas in pixels.
 */
function sizeAt(marker, scale, view) {
  const largest = Math.min(MAX_RADIUS, Math.sqrt(MAX_SIGN_SHARE * view.width * view.height) / 2);
  const detail = detailAt(scale);
  const least = types[marker.type].labeled ? MIN_COLLECTION_RADIUS[detail]
    : isFolded(marker) ? MIN_COUNT_RADIUS[detail] : MIN_RADIUS;
  return Math.min(largest, Math.max(least, marker.own * scale)) / scale;
}
