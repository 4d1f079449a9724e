// Start the page: keyboard shortcuts, the status line, and an interface for tests.

const ZOOM_STEP = 1.5; // factor of the zoom buttons

function showStatus() {
  const now = visibleCounts();
  const of = (some, all, word) => `${formatNumber(some)} of ${plural(all, word)}`;
  const folded = now.markers < now.nodes || now.lines < now.links;
  const parts = [
    `Drawn: ${of(now.nodes, nodes.length, "node")} and ${of(now.links, linkCount, "link")}`
      + (folded ? `, folded into ${formatNumber(now.markers)} and ${formatNumber(now.lines)}` : ""),
    partNote(),
    incompleteNote(),
    newNote(),
    searchResults.unmatched && `no node matches "${truncate(showInvisible(searchResults.unmatched), 80)}"`,
    pathStart && `select the end of the path from ${truncate(titleOf(pathStart), 80)}; Esc cancels`,
    state.marker && `selected: ${truncate(titleOf(state.marker), 80)}`,
    state.several && `selected: ${plural(state.several.length, "node")}`,
    state.focus && `${plural(state.focus.nodes.size, "node")} in focus`,
  ];
  const text = `${parts.filter(Boolean).join("; ")}.`;
  if (byId("status").textContent !== text) byId("status").textContent = text;
}

/** Return a note on the number of nodes that are not drawn, and on how to draw them; empty if all are. */
function partNote() {
  const absent = groups.filter((group) => !state.drawnGroups.has(group))
    .reduce((sum, group) => sum + group.members.length, 0);
  if (!absent) return "";
  const part = { map: "the map of collections", backbone: "the backbone" }[data.level];
  return `${part ? `only ${part}` : "without most references"}: search, or the panel of a node, draws any of ${plural(absent, "other node")}`;
}

/** Return a note on the number of new nodes; empty if none is new. */
function newNote() {
  const count = nodes.filter(isNew).length;
  return count && `new: ${formatNumber(count)}`;
}

/** Return a text such as "incomplete: 3 (2 failed, 1 pending)". */
function incompleteNote() {
  if (!incompleteNodes.length) return "";
  const counts = new Map();
  for (const { attributes: { state: of } } of incompleteNodes) counts.set(of, (counts.get(of) ?? 0) + 1);
  const kinds = [...counts].map(([of, count]) => `${formatNumber(count)} ${truncate(showInvisible(of), 40)}`);
  return `incomplete: ${formatNumber(incompleteNodes.length)} (${kinds.slice(0, 5).join(", ")})`;
}

function onKey(event) {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)
    && !["checkbox", "range"].includes(event.target.type);
  const isText = typing && event.target.tagName !== "SELECT"; // has an undo of its own
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !isText && event.key.toLowerCase() === "z") {
    if (event.shiftKey) redo();
    else undo();
    event.preventDefault();
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !typing) {
    byId("query").focus();
    byId("query").select();
    event.preventDefault();
  } else if (event.key === "Escape") {
    renderer.hideTooltip();
    if (selectionBox.active || selectionBox.start) { clearBox(); setBoxMode(false); }
    else if (pathStart) stopPath();
    else clearSelection();
  }
}

/** Publish the state as `window.graphbuild`, read-only, for tests and the browser console. */
function publish() {
  const keys = (ids) => Array.from(ids ?? [], (id) => nodes[id].key);
  window.graphbuild = Object.freeze({
    ready: true,
    level: data.level,
    counts: Object.freeze({ nodes: nodes.length, links: linkCount }),
    get keys() { return nodes.map((node) => node.key); },
    /** Keys of all nodes with a marker, even if they are folded or hidden by a filter. */
    get drawnKeys() { return keys([...markers.values()].flatMap((marker) => marker.members)); },
    get visible() { return visibleCounts(); },
    get drawn() { return renderer.drawn(); },
    get selection() { return selectedIds().length ? keys(selectedIds()).join(" ") : null; },
    get line() { return state.line && keys([state.line.from.members[0], state.line.to.members[0]]); },
    /** Keys of the nodes that the user hid, and that are pinned. */
    get hidden() { return keys(state.hiddenNodes); },
    get pinned() { return keys(state.pinned); },
    get focus() { return keys(state.focus?.nodes); },
    get focusLines() {
      return [...state.focus?.lines ?? []].filter(isDrawn).map((line) => keys([line.from.members[0], line.to.members[0]]));
    },
    get path() { return state.path?.steps && state.path.steps.map(keys); },
    get untangling() { return nodes.length > 0 && renderer.isUntangling(); },
    get results() { return keys(searchResults.all.map((node) => node.id)); },
    get expanded() { return keys([...state.expanded.keys()].map((group) => group.members[0])); },
    get scale() { return nodes.length ? renderer.getView().scale : 0; },
    /** Position and size of a node's marker on the canvas, in CSS pixels. */
    position(key) {
      const marker = byKey.has(key) && markerOf(byKey.get(key).id);
      if (!marker) return null;
      const { x, y } = renderer.pointOf(marker);
      return { x, y, size: marker.size * renderer.getView().scale };
    },
    /** Text and box of each drawn label, in CSS pixels on the canvas. */
    get labels() { return labelState.drawn.map(({ text, left, top, right, bottom }) => ({ text, left, top, right, bottom })); },
    /** Key of the first member, and bounding box, of each visible marker, in CSS pixels on the canvas. */
    get signs() {
      return labelState.signs.map(({ marker, left, top, right, bottom }) => ({ key: marker.first.key, left, top, right, bottom }));
    },
    /** The level of detail: "far", "middle" or "near". */
    get detail() { return ["far", "middle", "near"][detailAt(renderer.getView().scale)]; },
    /** The number of members of a node's marker, the number that passes the filters, and its color. */
    marker(key) {
      const marker = byKey.has(key) && markerOf(byKey.get(key).id);
      return marker ? { members: marker.members.length, shown: marker.shown, color: colorOf(marker) } : null;
    },
  });
}

function zoomBy(factor) {
  if (!nodes.length) return;
  const view = renderer.getView();
  renderer.setView({ ...view, scale: view.scale * factor });
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = text === "";
}

function begin() {
  if (data.initial) state.drawnGroups = new Set(data.initial.map((id) => groupOf[id]));
  updateGroups(state.drawnGroups);
  if (nodes.length) renderer.start(byId("canvas"), { onSelect, onUntangled: notify });
  notice(nodes.length ? byId("notice").dataset.reason ?? "" : "This graph has no nodes.");
  buildLegend();
  buildColorChoice();
  buildValueFilters();
  buildTimeline();
  buildTools();
  buildLayers();
  buildPlaces();
  buildPathMode();
  buildHiding();
  buildBoxSelection();
  buildList();
  listenToSearch();
  byId("zoom-in").onclick = () => zoomBy(ZOOM_STEP);
  byId("zoom-out").onclick = () => zoomBy(1 / ZOOM_STEP);
  byId("fit").onclick = () => { if (nodes.length) renderer.showAll(); };
  document.addEventListener("keydown", onKey);
  for (const show of [showLegend, showValueFilters, showColorLegend, showTimeline, showDetails, showTools, showLayers,
    showPathMode, showHiding, showList, showStatus]) listeners.add(show);
  notify();
  startHistory();
  startPermalink();
  publish();
  startEmbedding();
}

notice(`Drawing ${plural(nodes.length, "node")} and ${plural(linkCount, "link")} …`);
// Wait two frames, so that the message is painted before drawing blocks the page.
requestAnimationFrame(() => requestAnimationFrame(begin));
