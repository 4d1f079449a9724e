// Find free space for labels: a grid of small cells over the view counts the cells that markers cover.

const CELL = 4; // width and height of a cell in pixels

/**
 * Return a function that tells whether a box, in pixels of the view, is inside the view and covers no marker.
 * `width` and `height` are those of the view, and `boxes` are the bounding boxes of the markers.
 */
function freeSpace(boxes, width, height) {
  const columns = Math.ceil(width / CELL), rows = Math.ceil(height / CELL);
  const sums = coveredSums(boxes, columns, rows);
  const at = (column, row) => sums[row * (columns + 1) + column];
  return ({ left, top, right, bottom }) => {
    if (left < 0 || top < 0 || right > width || bottom > height) return false;
    const [west, north] = [Math.floor(left / CELL), Math.floor(top / CELL)];
    const [east, south] = [Math.ceil(right / CELL), Math.ceil(bottom / CELL)];
    return at(east, south) - at(west, south) - at(east, north) + at(west, north) === 0;
  };
}

/** Return, for each corner of the grid, the number of covered cells above and to the left of it. */
function coveredSums(boxes, columns, rows) {
  const sums = new Int32Array((columns + 1) * (rows + 1));
  for (const { left, top, right, bottom } of boxes) {
    const [west, east] = [Math.max(0, Math.floor(left / CELL)), Math.min(columns, Math.ceil(right / CELL))];
    const [north, south] = [Math.max(0, Math.floor(top / CELL)), Math.min(rows, Math.ceil(bottom / CELL))];
    for (let row = north; row < south; row += 1) {
      const start = (row + 1) * (columns + 1) + 1;
      sums.fill(1, start + west, Math.max(start + west, start + east));
    }
  }
  for (let row = 1; row <= rows; row += 1) {
    for (let column = 1; column <= columns; column += 1) {
      const index = row * (columns + 1) + column;
      sums[index] += sums[index - 1] + sums[index - columns - 1] - sums[index - columns - 2];
    }
  }
  return sums;
}

function overlaps(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
