// The graph and what is chosen of it. Nothing here draws.

const { nodes, edges, types, relations } = JSON.parse(document.getElementById("data").textContent);
const NOWHERE = -1; // stands for "through no collection that was named"

const outgoing = nodes.map(() => []);
const incoming = nodes.map(() => []);
for (const edge of edges) {
  outgoing[edge.from].push(edge);
  incoming[edge.to].push(edge);
}

const chosen = { off: new Set(), least: 0, node: null, edge: null, focus: null };

const mostLinks = nodes.reduce((most, node) => Math.max(most, node.links), 0);
const unfinished = nodes.filter((node) => isUnfinished(node));
const byLinks = [...nodes].sort((a, b) => b.links - a.links || a.id - b.id);
const haystacks = nodes.map((node) => [node.label, node.key, ...Object.values(node.attributes)]
  .join("\n").toLowerCase());

function isUnfinished(node) {
  const { state } = node.attributes;
  return state !== undefined && state !== "complete";
}

function isShown(node) {
  return !chosen.off.has(node.type) && node.links >= chosen.least;
}

function isDrawn(edge) {
  return isShown(nodes[edge.from]) && isShown(nodes[edge.to]);
}

/** Nodes for which every word of the query stands in a label, id, address, title, ... */
function search(query) {
  const words = refang(query.trim()).toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const rank = (node) => {
    const label = node.label.toLowerCase();
    return label.startsWith(words[0]) ? 0 : label.includes(words[0]) ? 1 : 2;
  };
  return byLinks
    .filter((node) => words.every((word) => haystacks[node.id].includes(word)))
    .sort((a, b) => rank(a) - rank(b));
}

/** Edges of the observations in which an edge takes part: itself and the way to the collections. */
function behindEdge(edge) {
  const onward = outgoing[edge.to].filter((next) => edge.via?.includes(next.to));
  const before = incoming[edge.from].filter((prior) => prior.via?.includes(edge.to));
  return [edge, ...onward, ...before];
}

/** All that was observed together with some edges: what stays bright while the rest fades. */
function focusOf(start, own) {
  const focus = { nodes: new Set(own), edges: new Set() };
  for (const edge of start.flatMap(behindEdge)) {
    focus.edges.add(edge.id);
    focus.nodes.add(edge.from).add(edge.to);
  }
  return focus;
}

function focusOfNode(node) {
  return focusOf([...outgoing[node.id], ...incoming[node.id]], [node.id]);
}

/** Every node observed together with one, and through which others: Map of id to list of ids. */
function relatives(node) {
  const found = new Map();
  const add = (id, through) => found.set(id, [...(found.get(id) ?? []), ...through]);
  for (const edge of outgoing[node.id]) {
    add(edge.to, edge.via ?? []);
    for (const id of namedOf(edge)) add(id, [edge.to]);
  }
  for (const edge of incoming[node.id]) {
    add(edge.from, edge.via ?? []);
    for (const id of namedOf(edge)) add(id, [edge.from]);
    for (const prior of incoming[edge.from]) {
      if (prior.via?.includes(node.id)) add(prior.from, [edge.from]);
    }
  }
  found.delete(node.id);
  return found;
}

/** The collections behind an edge that are nodes of this graph. */
function namedOf(edge) {
  return (edge.via ?? []).filter((id) => typeof id === "number" && id !== NOWHERE);
}
