// Shapes of markers, and how the view is fitted to them.

const MARGIN = 0.88; // share of the view's width or height that fitted markers fill

/** Return the corners of a shape around its center; undefined for a dot, which has no corners. */
function cornersOf(shape, size) {
  return {
    diamond: [[0, -size], [size, 0], [0, size], [-size, 0]],
    square: [[-size, -size], [size, -size], [size, size], [-size, size]],
    triangle: [[0, -size], [size, size * 0.8], [-size, size * 0.8]],
    triangleDown: [[0, size], [size, -size * 0.8], [-size, -size * 0.8]],
    hexagon: [[size, 0], [size / 2, size * 0.87], [-size / 2, size * 0.87], [-size, 0],
      [-size / 2, size * -0.87], [size / 2, size * -0.87]],
    star: starCorners(size * 1.07, size * 0.41),
  }[shape];
}

/** Return the radius of the circle around a shape. */
function outerRadius(shape, size) {
  const corners = cornersOf(shape, size) ?? [[size, 0]];
  return Math.max(...corners.map(([right, down]) => Math.hypot(right, down)));
}

/** Return half the width of the square around a shape. */
function halfWidth(shape, size) {
  const corners = cornersOf(shape, size) ?? [[size, 0]];
  return Math.max(...corners.flat().map(Math.abs));
}

/** Return the corners of a star with five points; the first point is at the top. */
function starCorners(outer, inner) {
  return Array.from({ length: 10 }, (_, index) => {
    const angle = (Math.PI * index) / 5, radius = index % 2 ? inner : outer;
    return [Math.sin(angle) * radius, -Math.cos(angle) * radius];
  });
}

/**
 * Return the center and scale at which markers (`some`) fill a view (size in pixels). The scale is at most MAX_SCALE.
 * `radius` returns the radius of a marker in units of the layout.
 */
function fitView(some, { width, height }, radius = (marker) => marker.own) {
  const range = (axis) => some.reduce(([low, high], marker) =>
    [Math.min(low, marker[axis] - radius(marker)), Math.max(high, marker[axis] + radius(marker))],
  [Infinity, -Infinity]);
  const [left, right] = range("x");
  const [top, bottom] = range("y");
  const scale = MARGIN * Math.min(width / (right - left), height / (bottom - top), MAX_SCALE / MARGIN);
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale };
}
