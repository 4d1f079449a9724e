// Choosing, searching, sifting: what a click or a key does.

const byId = (id) => document.getElementById(id);
const found = { all: [], active: -1 };
const MOST_RESULTS = 50;

function chooseNode(node, { fly = false } = {}) {
  if (!isShown(node)) reveal(node);
  Object.assign(chosen, { node, edge: null, focus: focusOfNode(node) });
  if (fly) flyTo(node);
  afterChoice();
}

function chooseEdge(edge) {
  Object.assign(chosen, { node: null, edge, focus: focusOf([edge], [edge.from, edge.to]) });
  afterChoice();
}

function clearChoice() {
  Object.assign(chosen, { node: null, edge: null, focus: null });
  afterChoice();
}

function afterChoice() {
  showDetails();
  showStatus();
  network?.redraw();
}

/** A node found by search must not stay hidden by the filters. */
function reveal(node) {
  chosen.off.delete(node.type);
  byId("least").value = chosen.least = Math.min(chosen.least, node.links);
  byId("legend").querySelectorAll("input")[node.type].checked = true;
  siftNow();
}

function siftNow() {
  byId("least-shown").textContent = number(chosen.least);
  sift();
  showStatus();
}

function showStatus() {
  const parts = [
    `${number(visible().nodes)} of ${counted(nodes.length, "node")} and `
      + `${number(visible().links)} of ${counted(edges.length, "link")} shown`,
    unfinished.length && `${number(unfinished.length)} not complete`,
    chosen.node && `chosen: ${cut(nameOf(chosen.node), 80)}`,
    chosen.focus && `${counted(chosen.focus.nodes.size, "node")} in focus`,
  ];
  byId("status").textContent = `${parts.filter(Boolean).join(" · ")}.`;
}

function visible() {
  return { nodes: nodes.filter(isShown).length, links: edges.filter(isDrawn).length };
}

// --- legend

function showLegend() {
  byId("legend").replaceChildren(...types.map((type, index) => legendRow(type, index)));
  const slider = byId("least");
  slider.max = Math.min(mostLinks, 50);
  slider.oninput = () => { chosen.least = Number(slider.value); siftNow(); afterChoice(); };
  byId("sift").hidden = mostLinks < 2;
  byId("lines").replaceChildren(...lineRows());
}

function legendRow(type, index) {
  const box = make("input", { type: "checkbox", checked: true });
  box.onchange = () => {
    chosen.off[box.checked ? "delete" : "add"](index);
    siftNow();
    afterChoice();
  };
  const count = nodes.filter((node) => node.type === index).length;
  return make("li", {}, make("label", {}, box, swatch(type),
    make("span", { className: "name", dir: "auto" }, quoted(type.name)),
    make("span", { className: "count", textContent: number(count) })));
}

function lineRows() {
  const rows = relations.map((relation) => {
    const sample = edges.find((edge) => relations[edge.relation] === relation);
    const line = make("span", { className: "line" });
    line.style.borderColor = sample.via ? "var(--link-a)" : "var(--link-b)";
    const ends = [sample.from, sample.to].map((id) => clean(types[nodes[id].type].name));
    return make("li", {}, line, quoted(ends.join(" → ")));
  });
  if (!unfinished.length) return rows;
  const mark = make("span", { className: "ring" });
  mark.style.borderColor = "currentColor";
  return [...rows, make("li", {}, mark, `hollow: not complete (${number(unfinished.length)})`)];
}

// --- search: a combobox, as the ARIA practices tell it

function showResults() {
  const shown = found.all.slice(0, MOST_RESULTS);
  const rows = shown.map((node, index) => resultRow(node, index));
  const rest = found.all.length - shown.length;
  if (rest > 0) rows.push(plainRow(`${number(rest)} more: type on`));
  if (!found.all.length) rows.push(plainRow("Nothing found"));
  byId("results").replaceChildren(...rows);
  openResults(byId("query").value.trim() !== "");
}

function plainRow(text) {
  return make("li", { className: "none", role: "option", "aria-disabled": "true",
    "aria-selected": "false", textContent: text });
}

function resultRow(node, index) {
  const item = make("li", { id: `result-${index}`, role: "option", className: "row tall",
    "aria-selected": String(index === found.active) }, swatch(types[node.type]),
  make("span", { className: "what", dir: "auto" }, quoted(cut(nameOf(node), 120)),
    make("span", { className: "also", textContent: resultNote(node) })));
  item.onpointerdown = (event) => { event.preventDefault(); pick(index); };
  return item;
}

function resultNote(node) {
  const { url, id } = node.attributes;
  return cut(url === undefined ? clean(id ?? node.key) : defang(String(url)), 90);
}

function openResults(open) {
  byId("results").hidden = !open;
  byId("query").setAttribute("aria-expanded", String(open));
  markActive();
}

function markActive() {
  const items = byId("results").querySelectorAll("li[id]");
  items.forEach((item, index) => item.setAttribute("aria-selected", String(index === found.active)));
  const active = byId("results").hidden ? null : items[found.active];
  active?.scrollIntoView({ block: "nearest" });
  if (active) byId("query").setAttribute("aria-activedescendant", active.id);
  else byId("query").removeAttribute("aria-activedescendant");
}

function pick(index) {
  const node = found.all[index];
  openResults(false);
  if (node) chooseNode(node, { fly: true });
}

function onSearchKey(event) {
  const last = Math.min(found.all.length, MOST_RESULTS) - 1;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && last >= 0) {
    found.active = (found.active + step + last + 1) % (last + 1);
    openResults(true);
    event.preventDefault();
  } else if (event.key === "Enter") {
    pick(Math.max(found.active, 0));
  }
}

function onKey(event) {
  const typing = event.target === byId("query");
  if (event.key === "/" && !typing) {
    byId("query").focus();
    event.preventDefault();
  } else if (event.key === "Escape") {
    if (typing && !byId("results").hidden) openResults(false);
    else clearChoice();
  }
}

function listen() {
  const query = byId("query");
  query.oninput = () => { found.all = search(query.value); found.active = 0; showResults(); };
  query.onkeydown = onSearchKey;
  query.onblur = () => openResults(false);
  byId("fit").onclick = () => { if (network) showAll(); };
  document.addEventListener("keydown", onKey);
  network?.on("click", onClick);
}

function onClick({ nodes: [node], edges: [edge] }) {
  if (node !== undefined) chooseNode(nodes[node]);
  else if (edge !== undefined) chooseEdge(edges[edge]);
  else clearChoice();
}

// --- the start

/** What tests, and the curious at the console, may read. */
function publish() {
  const keys = (ids) => Array.from(ids ?? [], (id) => nodes[id].key);
  window.graphbuild = Object.freeze({
    ready: true,
    counts: Object.freeze({ nodes: nodes.length, links: edges.length }),
    get visible() { return visible(); },
    get drawn() {
      const { nodeIndices = [], edgeIndices = [] } = network?.body ?? {};
      return { nodes: nodeIndices.length, links: edgeIndices.length };
    },
    get selection() { return chosen.node?.key ?? null; },
    get link() { return chosen.edge && keys([chosen.edge.from, chosen.edge.to]); },
    get focus() { return keys(chosen.focus?.nodes); },
    get results() { return keys(found.all.map((node) => node.id)); },
    get scale() { return network?.getScale() ?? 0; },
    /** Where a node stands on the canvas, in CSS pixels. */
    at(key) {
      const node = nodes.find((other) => other.key === key);
      return node && network.canvasToDOM(network.getPosition(node.id));
    },
  });
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = text === "";
}

function start() {
  if (nodes.length) drawPicture(byId("canvas"));
  notice(nodes.length ? "" : "There is nothing to draw: this graph has no nodes.");
  showLegend();
  listen();
  afterChoice();
  publish();
}

notice(`Drawing ${counted(nodes.length, "node")} and ${counted(edges.length, "link")} …`);
// Two frames, so that the words above are painted before the drawing takes its time.
requestAnimationFrame(() => requestAnimationFrame(start));
