// The shortest way between two spots, through what the filters leave.

let wanted = null; // the spot from which a way is sought; the next that is chosen is its end

function startPath(spot) {
  wanted = spot;
  after();
}

function stopPath() {
  wanted = null;
  after();
}

/** A spot was chosen while the end of a way was sought. */
function endPath(spot) {
  const from = spots.get(wanted.id) ?? spotOf(wanted.members[0]);
  wanted = null;
  showPath(from, spot);
}

function showPath(from, to) {
  const ids = shortest(from, to);
  bringIn(ids ?? []);
  Object.assign(state, { spot: null, line: null, path: { from: from.members, to: to.members,
    steps: ids } });
  focusAgain();
  if (ids && nodes.length) picture.showOnly(state.focus.spots);
  after();
}

/** What a way needs may not be in the picture yet. */
function bringIn(steps) {
  const changed = new Set(steps.map((members) => groupOf[members[0]])
    .filter((group) => !state.picture.has(group)));
  if (!changed.size) return;
  for (const group of changed) state.picture.add(group);
  picture.swap(rebuild(changed));
}

/**
 * Breadth first over groups, as all members of one have the same neighbours; the ends are the
 * members they are. Each step is a list of nodes that would do; null where no way is.
 */
function shortest(from, to) {
  if (from === to) return [from.members];
  const goal = groupOf[to.members[0]];
  const start = groupOf[from.members[0]];
  const cameFrom = new Map();
  let front = [start];
  const seen = new Set(goal === start ? [] : [start]); // back to its own group is a way of two
  while (front.length && !cameFrom.has(goal)) {
    const next = [];
    for (const group of front) {
      for (const other of nearTo(group)) {
        if (seen.has(other) || (other !== goal && !passable(other))) continue;
        seen.add(other);
        cameFrom.set(other, group);
        next.push(other);
      }
    }
    front = next;
  }
  if (!cameFrom.has(goal)) return null;
  const middle = [];
  for (let at = cameFrom.get(goal); at !== start; at = cameFrom.get(at)) middle.unshift(at);
  return [from.members, ...middle.map((group) => group.members.filter((id) => isShown(nodes[id]))),
    to.members];
}

function nearTo(group) {
  return [...group.out.map((link) => link.to), ...group.in.map((link) => link.from)];
}

function passable(group) {
  return group.members.some((id) => isShown(nodes[id]));
}

/** The link between two groups, whichever way it points, and the nodes at its ends. */
function linkBetween(one, other) {
  const [a, b] = [groupOf[one[0]], groupOf[other[0]]];
  const there = a.out.find((link) => link.to === b);
  if (there) return { link: there, froms: one, tos: other };
  return { link: a.in.find((link) => link.from === b), froms: other, tos: one };
}

function focusOfPath({ from, to, steps }) {
  if (!steps) return { nodes: new Set([...from, ...to]), lines: new Set() };
  const parts = steps.slice(1).map((members, index) => {
    const { link, froms, tos } = linkBetween(steps[index], members);
    return { link, froms: new Set(froms), tos: new Set(tos) };
  });
  return { nodes: new Set(steps.flat()), lines: linesOf(parts) };
}

// --- in words

function aboutPath({ from, to, steps }) {
  const ends = [from, to].map((members) => nodes[members[0]]);
  if (!steps) {
    return [heading("Way"), make("p", { className: "type" }, make("span", { className: "what",
      textContent: "There is none through what is shown." }), clearButton()),
    ...listing("Between", ends, linksNote)];
  }
  const rows = steps.flatMap((members, index) =>
    [index > 0 && make("li", { className: "step" }, stepText(steps, index)), stepRow(members)]);
  return [
    heading("Way"),
    make("p", { className: "type" }, make("span", { className: "what",
      textContent: `${counted(steps.length - 1, "link")}, none is shorter` }), clearButton()),
    make("ol", { id: "way" }, ...rows.filter(Boolean)),
    ...unobserved(steps),
  ];
}

function stepRow(members) {
  const row = nodeRow(nodes[members[0]], resultNote(nodes[members[0]]));
  if (members.length > 1) {
    row.append(make("span", { className: "also", textContent: `or any of ${number(members.length - 1)} more alike` }));
  }
  return row;
}

/** What ties a step to the one before, and what stands behind that. */
function stepText(steps, index) {
  const { link, froms, tos } = linkBetween(steps[index - 1], steps[index]);
  const kinds = new Set();
  for (const from of froms) for (const to of tos) kinds.add(saidNote(saidOf(link, from, to)));
  const shown = [...kinds].filter(Boolean).slice(0, 3).join("; or ");
  return `${clean(relations[link.relation])}${shown && `: ${shown}`}`;
}

/** From file over report to collection is a way, but only a triple that was observed is a fact. */
function unobserved(steps) {
  return steps.slice(2).map((last, index) => {
    const triple = [steps[index], steps[index + 1], last];
    const [subject, , collection] = isNamed(last) ? triple : triple.reverse();
    if (!isNamed(collection) || isNamed(subject)) return false;
    const { link, froms, tos } = linkBetween(subject, steps[index + 1]);
    if (typeof link.said === "number" && !says[link.said].via) return false;
    const told = passing(link, froms, tos, (said) => said.via?.some((id) => collection.includes(id)));
    return !told.froms.length && warning(
      `Nobody observed ${cut(viaName(subject[0]), 60)} with ${cut(viaName(collection[0]), 60)}: `
      + "the report stands in both, for different reasons.");
  }).filter(Boolean);
}

function isNamed(members) {
  return types[nodes[members[0]].type].named;
}
