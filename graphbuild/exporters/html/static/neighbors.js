// Queries of the graph: related nodes, nodes in focus, pairs of collections.

/**
 * Return the ids of the nodes that occur in an observation with one of `members` (ids), and the parts of
 * links that connect these nodes. An observation is a triple (subject, reference, collection). The edge
 * from the subject to the reference lists the collections in `fact.via`. A part is a link with the ids of
 * some nodes at its ends.
 */
function observedWith(members) {
  const membersByGroup = new Map(); // group -> its members among `members`
  for (const id of members) {
    const group = groupOf[id];
    membersByGroup.set(group, [...(membersByGroup.get(group) ?? []), id]);
  }
  const found = { nodes: new Set(members), parts: [] };
  for (const [group, own] of membersByGroup) {
    for (const link of group.out) {
      addEdges(found, link, own, link.to.members);
      addCollections(found, link, own, link.to.members);
      addEarlier(found, group, own, link.to.members);
    }
    for (const link of group.in) {
      addEdges(found, link, link.from.members, own);
      addCollections(found, link, link.from.members, own);
      addEarlier(found, link.from, link.from.members, own);
    }
  }
  return found;
}

// The ids of the collections and reports that some edge lists in `via`. Only these can be found through it.
const namedCollections = new Set(facts.flatMap((fact) => collectionsOf(fact)));

/** Add the part of a link from the nodes `froms` to the nodes `tos`, and these nodes. */
function addEdges(found, link, froms, tos) {
  if (!froms.length || !tos.length) return;
  found.parts.push({ link, froms: new Set(froms), tos: new Set(tos) });
  for (const id of froms) found.nodes.add(id);
  for (const id of tos) found.nodes.add(id);
}

/** Add the collections that the edges of `link` from `froms` to `tos` list in `via`. */
function addCollections(found, link, froms, tos) {
  for (const next of link.to.out) {
    for (const to of next.to.members) {
      if (!namedCollections.has(to)) continue;
      const ends = matchingEnds(link, froms, tos, (fact) => fact.via?.includes(to));
      if (ends.froms.length) addEdges(found, next, ends.tos, [to]);
    }
  }
}

/** Add the nodes whose edges to `own`, nodes of `group`, list a collection among `targets` in `via`. */
function addEarlier(found, group, own, targets) {
  const wanted = new Set(targets.filter((id) => namedCollections.has(id)));
  if (!wanted.size) return;
  for (const prior of group.in) {
    const ends = matchingEnds(prior, prior.from.members, own,
      (fact) => fact.via?.some((id) => wanted.has(id)));
    addEdges(found, prior, ends.froms, ends.tos);
  }
}

/** Return the focus around some nodes. Each hop adds the nodes observed with the nodes found before. */
function focusAround(members, hops) {
  let found = observedWith(members);
  for (let hop = 1; hop < hops; hop += 1) found = observedWith([...found.nodes]);
  return { nodes: found.nodes, lines: linesOf(found.parts) };
}

/** Return the focus for a selected line: the observations that its edges belong to. */
function focusOfLine(line) {
  const { link, from, to } = line;
  const found = { nodes: new Set(), parts: [] };
  if (link.count) return { nodes: new Set([...from.members, ...to.members]), lines: new Set([line]) };
  addEdges(found, link, from.members, to.members);
  addCollections(found, link, from.members, to.members);
  addEarlier(found, link.from, from.members, to.members);
  return { nodes: found.nodes, lines: linesOf(found.parts) };
}

/** Return the lines on the canvas that represent parts of links. */
function linesOf(parts) {
  const found = new Set();
  for (const { link, froms, tos } of parts) {
    for (const from of link.from.markers ?? []) {
      if (!from.members.some((id) => froms.has(id))) continue;
      for (const to of link.to.markers ?? []) {
        const line = lines.get(`${link.id}:${from.id}:${to.id}`);
        if (line && to.members.some((id) => tos.has(id))) found.add(line);
      }
    }
  }
  return found;
}

/**
 * Return the nodes that occur in an observation with one of `members`, as a map by id. Each value is the
 * set of the third items of these triples: node ids, NO_COLLECTION, or keys of collections without a node.
 */
function relatedNodes(members) {
  const own = new Set(members);
  const found = new Map();
  const add = (id, through) => {
    if (own.has(id)) return;
    if (!found.has(id)) found.set(id, new Set());
    // If the API relates a report to a subject through the report itself, the triple has no third node.
    for (const each of through) if (each !== id && !own.has(each)) found.get(id).add(each);
  };
  for (const id of members) {
    for (const link of groupOf[id].out) {
      for (const to of link.to.members) {
        const fact = factOf(link, id, to);
        add(to, fact.via ?? []);
        for (const named of collectionsOf(fact)) add(named, [to]);
      }
    }
    for (const link of groupOf[id].in) {
      for (const from of link.from.members) {
        const fact = factOf(link, from, id);
        add(from, fact.via ?? []);
        for (const named of collectionsOf(fact)) add(named, [from]);
        for (const prior of link.from.in) {
          for (const start of prior.from.members) {
            if (factOf(prior, start, from).via?.includes(id)) add(start, [from]);
          }
        }
      }
    }
  }
  return found;
}

/**
 * Return the pairs of collections that share references, with the number of shared references.
 * Pairs from different clusters come first, because they may connect campaigns. After that, pairs
 * with more shared references come first.
 */
function collectionPairs() {
  const found = new Map();
  for (const group of groups) {
    if (!isReference(nodes[group.members[0]])) continue;
    const ends = group.out.map((link) => link.to.members[0]).filter((id) => types[nodes[id].type].labeled);
    for (const one of ends) {
      for (const other of ends) {
        if (one >= other) continue;
        const pair = `${one} ${other}`;
        if (!found.has(pair)) found.set(pair, { one, other, count: 0 });
        found.get(pair).count += group.members.length;
      }
    }
  }
  const within = ({ one, other }) => Number(data.clusters[one] === data.clusters[other]);
  return [...found.values()].sort((a, b) => within(a) - within(b) || b.count - a.count
    || a.one - b.one || a.other - b.other);
}

/** Return the dated references, the oldest first. */
function nodesByDate() {
  return nodes.filter((node) => dateOf(node) !== undefined)
    .sort((a, b) => dateOf(a) - dateOf(b) || a.id - b.id);
}
