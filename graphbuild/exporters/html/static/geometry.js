// Shapes of markers, and how the view is fitted to them.

const MARGIN = 0.88; // share of the view's width or height that fitted markers fill

/** Return the corners of a shape around its center; undefined for a dot, which has none. */
function cornersOf(shape, size) {
  return {
    diamond: [[0, -size], [size, 0], [0, size], [-size, 0]],
    square: [[-size, -size], [size, -size], [size, size], [-size, size]],
    triangle: [[0, -size], [size, size * 0.8], [-size, size * 0.8]],
  }[shape];
}

/** Return the center and scale, at most MAX_SCALE, at which `markers` fill a view (size in pixels). */
function fitView(markers, { width, height }) {
  const range = (axis) => markers.reduce(([low, high], marker) =>
    [Math.min(low, marker[axis] - marker.size), Math.max(high, marker[axis] + marker.size)],
  [Infinity, -Infinity]);
  const [left, right] = range("x");
  const [top, bottom] = range("y");
  const scale = MARGIN * Math.min(width / (right - left), height / (bottom - top), MAX_SCALE / MARGIN);
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale };
}
