// Shortest paths between two markers through nodes that pass the filters. A path is a list of steps, and
// a step is a list of the ids of nodes that are interchangeable on the path.

let pathStart = null; // marker at the start of a path while the user selects its end, else null

function startPath(marker) {
  pathStart = marker;
  notify();
}

/** Show a banner and another cursor while the user selects the end of a path. */
function showPathMode() {
  byId("canvas").classList.toggle("choosing", pathStart !== null);
  byId("path-banner").hidden = pathStart === null;
  byId("path-hint").replaceChildren(...pathStart === null ? []
    : ["Select the end of the path from ", isolatedText(truncate(titleOf(pathStart), 60))]);
}

function buildPathMode() {
  byId("cancel-path").onclick = () => { stopPath(); byId("details").focus({ preventScroll: true }); };
}

function stopPath() {
  pathStart = null;
  notify();
}

/** Show the path from `pathStart` to the marker that the user selected. */
function endPath(marker) {
  const from = markers.get(pathStart.id) ?? markerOf(pathStart.members[0]);
  pathStart = null;
  showPath(from, marker);
}

function showPath(from, to) {
  const ids = shortestPath(from, to);
  drawGroups(ids ?? []);
  Object.assign(state, { marker: null, several: null, line: null,
    path: { from: from.members, to: to.members, steps: ids } });
  updateFocus();
  if (ids && nodes.length) renderer.showOnly(state.focus.markers);
  notify();
}

/** Draw the groups of the steps of a path that are not drawn yet. */
function drawGroups(steps) {
  const changed = new Set(steps.map((members) => groupOf[members[0]])
    .filter((group) => !state.drawnGroups.has(group)));
  if (!changed.size) return;
  for (const group of changed) state.drawnGroups.add(group);
  renderer.swap(updateGroups(changed));
  if (state.layered) arrangeLayers();
}

/**
 * Return a shortest path, or null if no path exists. The breadth-first search visits groups, because all
 * members of a group have the same neighbors.
 */
function shortestPath(from, to) {
  if (from === to) return [from.members];
  const goal = groupOf[to.members[0]];
  const start = groupOf[from.members[0]];
  const cameFrom = new Map();
  let front = [start];
  const seen = new Set(goal === start ? [] : [start]); // two members of one group are two links apart
  while (front.length && !cameFrom.has(goal)) {
    const next = [];
    for (const group of front) {
      for (const other of neighborGroups(group)) {
        if (seen.has(other) || (other !== goal && !isPassable(other))) continue;
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
  return [from.members, ...middle.map((group) => group.members.filter((id) => passesFilters(nodes[id]))),
    to.members];
}

function neighborGroups(group) {
  return [...group.out.map((link) => link.to), ...group.in.map((link) => link.from)];
}

function isPassable(group) {
  return group.members.some((id) => passesFilters(nodes[id]));
}

/** Return the link between two steps, in either direction, and the nodes at its ends. */
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

// --- details of a path

function pathPanel({ from, to, steps }) {
  const ends = [from, to].map((members) => nodes[members[0]]);
  if (!steps) {
    return [heading("Path"), createElement("p", { className: "type" }, createElement("span", { className: "what",
      textContent: "There is no path through visible nodes." }), clearButton()),
    ...listing("Between", ends, linksNote)];
  }
  const rows = steps.flatMap((members, index) =>
    [index > 0 && createElement("li", { className: "step" }, stepText(steps, index)), stepRow(members)]);
  return [
    heading("Path"),
    createElement("p", { className: "type" }, createElement("span", { className: "what",
      textContent: `${plural(steps.length - 1, "link")}, shortest path` }), clearButton()),
    createElement("ol", { id: "path" }, ...rows.filter(Boolean)),
    ...unobservedWarnings(steps),
  ];
}

function stepRow(members) {
  const row = nodeRow(nodes[members[0]], resultNote(nodes[members[0]]));
  if (members.length > 1) {
    row.append(createElement("span", { className: "also", textContent: `or any of ${formatNumber(members.length - 1)} equivalent nodes` }));
  }
  return row;
}

/** Return the relation between the step `index` and the previous step, and how it was observed. */
function stepText(steps, index) {
  const { link, froms, tos } = linkBetween(steps[index - 1], steps[index]);
  const kinds = new Set();
  for (const from of froms) for (const to of tos) kinds.add(factNote(factOf(link, from, to)));
  const shown = [...kinds].filter(Boolean).slice(0, 3).join("; or ");
  return `${showInvisible(relations[link.relation])}${shown && `: ${shown}`}`;
}

// The relations of edges that represent observations.
const OBSERVED_RELATIONS = new Set(["references", "related_references", "references_and_related_references"]);

/**
 * Return a warning for each three consecutive steps of a path (a subject, a reference, and a collection or
 * a report in `related_from`) that no single observation contains together.
 */
function unobservedWarnings(steps) {
  return steps.slice(2).map((last, index) => {
    const middle = steps[index + 1];
    const triple = [steps[index], middle, last];
    const [subject, , collection] = isSource(last, middle) ? triple : triple.reverse();
    if (!isSource(collection, middle) || isSource(subject, middle)) return false;
    const { link, froms, tos } = linkBetween(subject, middle);
    if (!OBSERVED_RELATIONS.has(relations[link.relation])) return false;
    const params = matchingEnds(link, froms, tos, (fact) => fact.via?.some((id) => collection.includes(id)));
    return !params.froms.length && warning(
      `No observation of ${truncate(viaName(subject[0]), 80)} with ${truncate(viaName(collection[0]), 80)}: `
      + "the reference is related to both, but not in one observation.");
  }).filter(Boolean);
}

/** Return whether `members` are collections, or reports through which `references` are related. */
function isSource(members, references) {
  if (types[nodes[members[0]].type].labeled) return true;
  const { link, froms } = linkBetween(references, members);
  return froms === references && relations[link.relation] === "related_from";
}
