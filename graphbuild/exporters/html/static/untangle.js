// Move markers apart by their sizes, and restore earlier positions. The renderer draws the result.

const GAP = 6; // between markers, in units of the layout
const TOLERANCE = 0.5; // overlap that is ignored, in units of the layout
const ROUNDS = 20; // of pushing before the layout is enlarged
const GROWTH = 1.05; // factor by which the layout is enlarged if its markers still overlap

/**
 * Return positions at which discs (x, y, radius) do not overlap. The discs are pushed apart, and larger
 * discs move less. If they do not fit, the whole layout is enlarged.
 */
function separate(discs) {
  const moved = discs.map((disc, index) => ({ ...disc, index, radius: disc.radius + GAP / 2 }));
  const order = [...moved];
  while (pushApart(order)) for (const disc of moved) { disc.x *= GROWTH; disc.y *= GROWTH; }
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
  if (overlap <= TOLERANCE) return false;
  const angle = distance > 0 ? Math.atan2(down, right) : other.index; // any angle, if the centers are equal
  const share = other.radius ** 2 / (one.radius ** 2 + other.radius ** 2);
  const move = (disc, by) => { disc.x += by * Math.cos(angle); disc.y += by * Math.sin(angle); };
  move(one, -overlap * share);
  move(other, overlap * (1 - share));
  return true;
}

/** Return the positions of all markers and the offsets of all groups, for restorePositions(). */
function savePositions() {
  return {
    markers: new Map([...markers.values()].map((marker) => [marker, { x: marker.x, y: marker.y }])),
    groups: new Map(groups.map((group) => [group, { moved: group.moved, shift: group.shift }])),
  };
}

/** Restore saved positions. Markers created since then (by folding or expanding) move with their group. */
function restorePositions(saved) {
  for (const [group, { moved }] of saved.groups) group.moved = moved;
  placeGroups();
  for (const marker of markers.values()) {
    const at = saved.markers.get(marker);
    const [before, now] = [saved.groups.get(marker.group).shift, marker.group.shift];
    Object.assign(marker, at ? { x: at.x + now.x - before.x, y: at.y + now.y - before.y } : networkPosition(marker));
  }
}
