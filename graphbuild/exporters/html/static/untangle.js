// Move markers apart by their sizes. The renderer draws the result.

const GAP = 6; // between markers, in units of the layout
const TOLERANCE = 0.5; // overlap that is ignored, in units of the layout
const ROUNDS = 20; // of pushing before the layout is enlarged
const MAX_GROWTHS = 100; // among pinned discs, others may have no space at any size of the layout
const GROWTH = 1.05; // factor by which the layout is enlarged if its markers still overlap

/**
 * Return positions at which discs (x, y, radius, pinned) do not overlap. The discs are pushed apart, and
 * larger discs move less. If they do not fit, the whole layout is enlarged. Pinned discs keep their places,
 * even if they overlap each other or other discs that have no space.
 */
function separate(discs) {
  const moved = discs.map((disc, index) => ({ ...disc, index, radius: disc.radius + GAP / 2 }));
  const order = [...moved];
  for (let turn = 0; turn < MAX_GROWTHS && pushApart(order); turn += 1) {
    for (const disc of moved) if (!disc.pinned) { disc.x *= GROWTH; disc.y *= GROWTH; }
  }
  return moved;
}

/** Push overlapping discs apart; return whether some still overlap. Sorts the discs by their left edge. */
function pushApart(discs) {
  const left = (disc) => disc.x - disc.radius;
  for (let round = 0; round < ROUNDS; round += 1) {
    discs.sort((a, b) => left(a) - left(b));
    let overlaps = false;
    discs.forEach((disc, at) => {
      for (let next = at + 1; next < discs.length && left(discs[next]) < disc.x + disc.radius; next += 1) {
        if (pushPair(disc, discs[next])) overlaps = true;
      }
    });
    if (!overlaps) return false;
  }
  return true;
}

/** Push two discs apart if they overlap; return whether they did. */
function pushPair(one, other) {
  const [right, down] = [other.x - one.x, other.y - one.y];
  const distance = Math.hypot(right, down);
  const overlap = one.radius + other.radius - distance;
  if (overlap <= TOLERANCE || (one.pinned && other.pinned)) return false;
  const angle = distance > 0 ? Math.atan2(down, right) : other.index; // any angle, if the centers are equal
  const share = one.pinned ? 0 : other.pinned ? 1 : other.radius ** 2 / (one.radius ** 2 + other.radius ** 2);
  const move = (disc, by) => { disc.x += by * Math.cos(angle); disc.y += by * Math.sin(angle); };
  move(one, -overlap * share);
  move(other, overlap * (1 - share));
  return true;
}
