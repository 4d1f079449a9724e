// What hangs together: observed with, near to, on the way between. All of it on nodes and groups.

/**
 * Everything observed together with some nodes: the nodes, and of each link the part that ties them.
 * An observation is a triple (file, report, collection), so from a report on through a collection
 * goes only what an edge names.
 */
function observedWith(members) {
  const mine = new Map(); // group -> members of it that are meant
  for (const id of members) {
    const group = groupOf[id];
    mine.set(group, [...(mine.get(group) ?? []), id]);
  }
  const found = { nodes: new Set(members), parts: [] };
  for (const [group, those] of mine) {
    for (const link of group.out) {
      mark(found, link, those, link.to.members);
      onward(found, link, those, link.to.members);
      before(found, group, those, link.to.members);
    }
    for (const link of group.in) {
      mark(found, link, link.from.members, those);
      onward(found, link, link.from.members, those);
      before(found, link.from, link.from.members, those);
    }
  }
  return found;
}

// What edges name at all: nothing else need be looked for.
const everNamed = new Set(says.flatMap((said) => namedIn(said)));

function mark(found, link, froms, tos) {
  if (!froms.length || !tos.length) return;
  found.parts.push({ link, froms: new Set(froms), tos: new Set(tos) });
  for (const id of froms) found.nodes.add(id);
  for (const id of tos) found.nodes.add(id);
}

/** From the end of edges on to the collections that they name. */
function onward(found, link, froms, tos) {
  for (const next of link.to.out) {
    for (const to of next.to.members) {
      if (!everNamed.has(to)) continue;
      const told = passing(link, froms, tos, (said) => said.via?.includes(to));
      if (told.froms.length) mark(found, next, told.tos, [to]);
    }
  }
}

/** From the start of edges back to those that name their end. */
function before(found, group, those, ends) {
  const sought = new Set(ends.filter((id) => everNamed.has(id)));
  if (!sought.size) return;
  for (const prior of group.in) {
    const told = passing(prior, prior.from.members, those,
      (said) => said.via?.some((id) => sought.has(id)));
    mark(found, prior, told.froms, told.tos);
  }
}

/** One hop is what was observed together; each further one, what was observed with that. */
function focusAround(members, hops) {
  let found = observedWith(members);
  for (let hop = 1; hop < hops; hop += 1) found = observedWith([...found.nodes]);
  return { nodes: found.nodes, lines: linesOf(found.parts) };
}

function focusOfLine(line) {
  const { link, from, to } = line;
  const found = { nodes: new Set(), parts: [] };
  if (link.count) return { nodes: new Set([...from.members, ...to.members]), lines: new Set([line]) };
  mark(found, link, from.members, to.members);
  onward(found, link, from.members, to.members);
  before(found, link.from, from.members, to.members);
  return { nodes: found.nodes, lines: linesOf(found.parts) };
}

/** The lines that are drawn for parts of links. */
function linesOf(parts) {
  const found = new Set();
  for (const { link, froms, tos } of parts) {
    for (const from of link.from.spots ?? []) {
      if (!from.members.some((id) => froms.has(id))) continue;
      for (const to of link.to.spots ?? []) {
        const line = lines.get(`${link.id}:${from.id}:${to.id}`);
        if (line && to.members.some((id) => tos.has(id))) found.add(line);
      }
    }
  }
  return found;
}

/** Every node observed together with some, and through which others: Map of id to Set of ids. */
function relatives(members) {
  const own = new Set(members);
  const found = new Map();
  const add = (id, through) => {
    if (own.has(id)) return;
    if (!found.has(id)) found.set(id, new Set());
    for (const each of through) if (!own.has(each)) found.get(id).add(each);
  };
  for (const id of members) {
    for (const link of groupOf[id].out) {
      for (const to of link.to.members) {
        const said = saidOf(link, id, to);
        add(to, said.via ?? []);
        for (const named of namedIn(said)) add(named, [to]);
      }
    }
    for (const link of groupOf[id].in) {
      for (const from of link.from.members) {
        const said = saidOf(link, from, id);
        add(from, said.via ?? []);
        for (const named of namedIn(said)) add(named, [from]);
        for (const prior of link.from.in) {
          for (const start of prior.from.members) {
            if (saidOf(prior, start, from).via?.includes(id)) add(start, [from]);
          }
        }
      }
    }
  }
  return found;
}

/**
 * Collections with reports in common: each two of them, and how many. Those that are of different
 * communities come first, as there campaigns meet; then those with the most.
 */
function meetings() {
  const found = new Map();
  for (const group of groups) {
    const ends = group.out.map((link) => link.to.members[0]).filter((id) => types[nodes[id].type].named);
    for (const one of ends) {
      for (const other of ends) {
        if (one >= other) continue;
        const pair = `${one} ${other}`;
        if (!found.has(pair)) found.set(pair, { one, other, count: 0 });
        found.get(pair).count += group.members.length;
      }
    }
  }
  const within = ({ one, other }) => Number(data.communities[one] === data.communities[other]);
  return [...found.values()].sort((a, b) => within(a) - within(b) || b.count - a.count
    || a.one - b.one || a.other - b.other);
}

/** Reports that have a day, the oldest first. */
function byDate() {
  return nodes.filter((node) => dateOf(node) !== undefined)
    .sort((a, b) => dateOf(a) - dateOf(b) || a.id - b.id);
}
