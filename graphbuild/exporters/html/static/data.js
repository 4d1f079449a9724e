// What the page was given: nodes, how they fold into groups, what ties these. Nothing changes here.

const data = JSON.parse(document.getElementById("data").textContent);
const { types, relations, says, nodes } = data;
const NOWHERE = -1; // stands for "through no collection that was named"
const ALONE = -1; // the community of what nothing ties
const EARLIEST = Date.UTC(1900, 0) / 1000, LATEST = Date.UTC(2200, 0) / 1000; // or it is no date

nodes.forEach((node, id) => {
  node.id = id;
  node.key ??= `${types[node.type].name}:${node.attributes.id}`;
});
const byKey = new Map(nodes.map((node) => [node.key, node]));
const communityOf = (node) => data.communities[node.id];

// Groups: nodes with exactly the same neighbours. Most are groups of one.
const groups = [];
const groupOf = new Array(nodes.length); // by number of node
const rank = new Array(nodes.length); // which of its group a node is
for (const members of data.groups) addGroup(members);
for (const { id } of nodes) if (groupOf[id] === undefined) addGroup([id]);

function addGroup(members) {
  const group = { id: groups.length, members, out: [], in: [] };
  groups.push(group);
  members.forEach((id, index) => { groupOf[id] = group; rank[id] = index; });
}

const links = data.links.map(([from, to, relation, said], id) => {
  const link = { id, from: groupOf[from], to: groupOf[to], relation, said };
  link.from.out.push(link);
  link.to.in.push(link);
  return link;
});
const countOfLinks = links.reduce((sum, link) => sum + pairsOf(link), 0);
// Collections that share references, where these are too many to be drawn.
const shared = (data.shared ?? []).map(([from, to, count], index) =>
  ({ id: links.length + index, from: groupOf[from], to: groupOf[to], count }));

const mostLinks = nodes.reduce((most, node) => Math.max(most, node.links), 0);
const byLinks = [...nodes].sort((a, b) => b.links - a.links || a.id - b.id);
const unfinished = nodes.filter((node) => isUnfinished(node));

function isUnfinished(node) {
  const { state } = node.attributes;
  return state !== undefined && state !== "complete";
}

function pairsOf(link) {
  return link.from.members.length * link.to.members.length;
}

/** What the graph says of the edge between two nodes. */
function saidOf(link, from, to) {
  if (typeof link.said === "number") return says[link.said];
  return says[link.said[rank[from] * link.to.members.length + rank[to]]];
}

/** Those of `froms` and `tos` that have an edge of which `test` holds. */
function passing(link, froms, tos, test) {
  if (typeof link.said === "number") {
    return test(says[link.said]) ? { froms, tos } : { froms: [], tos: [] };
  }
  const found = { froms: new Set(), tos: new Set() };
  for (const from of froms) {
    for (const to of tos) {
      if (test(saidOf(link, from, to))) { found.froms.add(from); found.tos.add(to); }
    }
  }
  return { froms: [...found.froms], tos: [...found.tos] };
}

/** The collections behind what was said that are nodes of this graph. */
function namedIn(said) {
  return (said.via ?? []).filter((id) => typeof id === "number" && id !== NOWHERE);
}

/** Seconds since 1970 at which a report was published; undefined if nobody says. */
function dateOf(node) {
  const date = node.attributes.creation_date;
  const known = typeof date === "number" && date > EARLIEST && date < LATEST;
  return types[node.type].dated && known ? date : undefined;
}
