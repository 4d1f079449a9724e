// The data of the page: nodes, groups of nodes, and links between groups. None is added or removed later;
// only labels and notes that the user types, and moved places, change. An edge connects two nodes. A link represents the edges from each member of one group to each member of
// another. A fact is a distinct set of edge attributes. See folded_graph.py.

const data = JSON.parse(document.getElementById("data").textContent);
const { types, relations, facts, nodes } = data;
const attributeTitles = { last_modification_date: "Modified", ...data.titles };
const NO_COLLECTION = -1; // in `via`, for an observation without a collection
const NO_CLUSTER = 0; // the cluster of a node that belongs to no cluster, or to several
const ORIGIN = Object.freeze({ x: 0, y: 0 });
const MIN_DATE = 0, MAX_DATE = Date.UTC(2200, 0) / 1000; // other dates count as unknown

nodes.forEach((node, id) => {
  node.id = id;
  node.key ??= `${types[node.type].name}:${node.attributes.id}`;
});
const byKey = new Map(nodes.map((node) => [node.key, node]));
const clusterOf = (node) => data.clusters[node.id]; // the number of the node's cluster, or NO_CLUSTER
const clusters = new Map(data.cluster_list.map((cluster) => [cluster.number, { ...cluster, size: 0 }]));
const isCounted = nodes.some(isSubject) ? isSubject : () => true; // a view may contain no subjects
for (const node of nodes.filter(isCounted)) {
  if (clusters.has(clusterOf(node))) clusters.get(clusterOf(node)).size += node.attributes.group_size ?? 1;
}

// Groups of nodes of one type with exactly the same neighbors. Most groups have one member.
const groups = [];
const groupOf = new Array(nodes.length); // group of a node, by node id
const indexInGroup = new Array(nodes.length); // position among the members of its group, by node id
for (const members of data.groups) addGroup(members);
for (const { id } of nodes) if (groupOf[id] === undefined) addGroup([id]);

function addGroup(members) {
  const group = { id: groups.length, members, out: [], in: [] };
  groups.push(group);
  members.forEach((id, index) => { groupOf[id] = group; indexInGroup[id] = index; });
}

const links = data.links.map(([from, to, relation, linkFacts], id) => {
  const link = { id, from: groupOf[from], to: groupOf[to], relation, facts: linkFacts };
  link.from.out.push(link);
  link.to.in.push(link);
  return link;
});
const linkCount = links.reduce((sum, link) => sum + pairCountOf(link), 0);
// Pairs of collections that share references; empty except at the level of detail "map".
const shared = (data.shared ?? []).map(([from, to, count], index) =>
  ({ id: links.length + index, from: groupOf[from], to: groupOf[to], count }));

const maxDegree = nodes.reduce((most, node) => Math.max(most, node.links), 0);
const nodesByDegree = [...nodes].sort((a, b) => b.links - a.links || a.id - b.id);
const incompleteNodes = nodes.filter((node) => isIncomplete(node));

/** Return whether a node is a reference, the only type with dates on the page. */
function isReference(node) {
  return types[node.type].dated;
}

/** Return whether a node is neither a reference nor a collection. */
function isSubject(node) {
  return !types[node.type].dated && !types[node.type].labeled;
}

function isIncomplete(node) {
  const { state } = node.attributes;
  return state !== undefined && state !== "complete";
}

function pairCountOf(link) {
  return link.from.members.length * link.to.members.length;
}

/** Return the fact of an edge of `link`: the edge from the node `from` to the node `to` (ids). */
function factOf(link, from, to) {
  if (typeof link.facts === "number") return facts[link.facts];
  return facts[link.facts[indexInGroup[from] * link.to.members.length + indexInGroup[to]]];
}

/** Return the ids in `froms` and `tos` that are ends of an edge of `link` whose fact passes `test`. */
function matchingEnds(link, froms, tos, test) {
  if (typeof link.facts === "number") {
    return test(facts[link.facts]) ? { froms, tos } : { froms: [], tos: [] };
  }
  const found = { froms: new Set(), tos: new Set() };
  for (const from of froms) {
    for (const to of tos) {
      if (test(factOf(link, from, to))) { found.froms.add(from); found.tos.add(to); }
    }
  }
  return { froms: [...found.froms], tos: [...found.tos] };
}

/** Return the ids of the collections in `fact.via` that are nodes of this graph. */
function collectionsOf(fact) {
  return (fact.via ?? []).filter((id) => typeof id === "number" && id !== NO_COLLECTION);
}

/** Return the publication date of a reference in seconds since 1970; undefined if unknown. */
function dateOf(node) {
  const date = node.attributes.creation_date;
  const known = typeof date === "number" && date > MIN_DATE && date < MAX_DATE;
  return isReference(node) && known ? date : undefined;
}
