// The start, the keys, the line at the foot, and what tests may read.

function showStatus() {
  const now = visible();
  const of = (some, all, word) => `${number(some)} of ${counted(all, word)}`;
  const folded = now.spots < now.nodes || now.lines < now.links;
  const parts = [
    `Drawn: ${of(now.nodes, nodes.length, "node")} and ${of(now.links, countOfLinks, "link")}`
      + (folded ? `, equal ones folded into ${number(now.spots)} and ${number(now.lines)}` : ""),
    partNote(),
    incompleteNote(),
    wanted && `choose where the way from ${cut(titleOf(wanted), 60)} shall lead; Esc ends it`,
    state.spot && `chosen: ${cut(titleOf(state.spot), 80)}`,
    state.focus && `${counted(state.focus.nodes.size, "node")} in focus`,
  ];
  const text = `${parts.filter(Boolean).join("; ")}.`;
  if (byId("status").textContent !== text) byId("status").textContent = text;
}

/** What of a large graph is not in the picture, and how to have it. */
function partNote() {
  const absent = groups.filter((group) => !state.picture.has(group))
    .reduce((sum, group) => sum + group.members.length, 0);
  if (!absent) return "";
  const part = data.rung === "map" ? "the map of collections" : "the backbone";
  return `${part} only: search, or the panel of a node, draws any of ${counted(absent, "other node")}`;
}

/** "incomplete: 3 (2 failed, 1 pending)" */
function incompleteNote() {
  if (!unfinished.length) return "";
  const counts = new Map();
  for (const { attributes: { state: of } } of unfinished) counts.set(of, (counts.get(of) ?? 0) + 1);
  const kinds = [...counts].map(([of, count]) => `${number(count)} ${cut(clean(of), 40)}`);
  return `incomplete: ${number(unfinished.length)} (${kinds.slice(0, 5).join(", ")})`;
}

function onKey(event) {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)
    && !["checkbox", "range"].includes(event.target.type);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !typing) {
    byId("query").focus();
    event.preventDefault();
  } else if (event.key === "Escape") {
    if (wanted) stopPath();
    else clearChoice();
  }
}

/** What tests, and the curious at the console, may read. */
function publish() {
  const keys = (ids) => Array.from(ids ?? [], (id) => nodes[id].key);
  window.graphbuild = Object.freeze({
    ready: true,
    rung: data.rung,
    counts: Object.freeze({ nodes: nodes.length, links: countOfLinks }),
    get keys() { return nodes.map((node) => node.key); },
    /** Keys of what is in the picture, folded or not. */
    get pictured() { return keys([...spots.values()].flatMap((spot) => spot.members)); },
    get visible() { return visible(); },
    get drawn() { return picture.drawn(); },
    get selection() { return state.spot && keys(state.spot.members).join(" "); },
    get link() { return state.line && keys([state.line.from.members[0], state.line.to.members[0]]); },
    get focus() { return keys(state.focus?.nodes); },
    get path() { return state.path?.steps && state.path.steps.map(keys); },
    get untangling() { return nodes.length > 0 && picture.isUntangling(); },
    get results() { return keys(found.all.map((node) => node.id)); },
    get open() { return keys([...state.outside.keys()].map((group) => group.members[0])); },
    get scale() { return nodes.length ? picture.look().scale : 0; },
    /** Where a node stands on the canvas, and how large, in CSS pixels; a folded one as its spot. */
    at(key) {
      const spot = byKey.has(key) && spotOf(byKey.get(key).id);
      if (!spot) return null;
      const { x, y } = picture.pointOf(spot);
      return { x, y, size: spot.size * picture.look().scale };
    },
    /** What a node is drawn as: how many it stands for, how many of these are shown. */
    spot(key) {
      const spot = byKey.has(key) && spotOf(byKey.get(key).id);
      return spot ? { members: spot.members.length, shown: spot.shown, colour: colourOf(spot) } : null;
    },
  });
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = text === "";
}

function begin() {
  if (data.begin) state.picture = new Set(data.begin.map((id) => groupOf[id]));
  rebuild(state.picture);
  if (nodes.length) picture.start(byId("canvas"), { onChoose, onUntangled: after });
  notice(nodes.length ? byId("notice").dataset.reason ?? "" : "There is nothing to draw: this graph has no nodes.");
  buildLegend();
  buildColours();
  buildTimeline();
  buildTools();
  buildList();
  listenToSearch();
  byId("fit").onclick = () => { if (nodes.length) picture.showAll(); };
  document.addEventListener("keydown", onKey);
  for (const show of [showLegend, showColours, showTimeline, showDetails, showTools,
    showList, showStatus]) picturesOf.add(show);
  after();
  buildAddress();
  publish();
}

notice(`Drawing ${counted(nodes.length, "node")} and ${counted(countOfLinks, "link")} …`);
// Two frames, so that the words above are painted before the drawing takes its time.
requestAnimationFrame(() => requestAnimationFrame(begin));
