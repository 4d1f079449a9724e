// Finding nodes, folded ones too: a combobox, as the ARIA practices tell it.

const MOST_RESULTS = 50;
const found = { all: [], active: -1 };
const haystacks = nodes.map((node) => [node.label, node.key, ...Object.values(node.attributes)]
  .join("\n").toLowerCase());
const lowLabels = nodes.map((node) => node.label.toLowerCase());

function wordsOf(query) {
  return refang(query.trim()).toLowerCase().split(/\s+/).filter(Boolean);
}

/** Whether every word stands in a label, id, address, title, ... of a node. */
function matches(node, words) {
  return words.every((word) => haystacks[node.id].includes(word));
}

/** Nodes that match, those first whose label begins as the query does; then the most linked. */
function search(query) {
  const words = wordsOf(query);
  if (!words.length) return [];
  const ranked = [[], [], [], []];
  for (const node of byLinks) if (matches(node, words)) ranked[rankOf(lowLabels[node.id], words)].push(node);
  return ranked.flat();
}

function rankOf(label, words) {
  if (label.startsWith(words.join(" "))) return 0;
  if (label.startsWith(words[0])) return 1;
  return label.includes(words[0]) ? 2 : 3;
}

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
  if (node) chooseNode(node);
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
  } else if (event.key === "Escape" && !byId("results").hidden) {
    openResults(false);
    event.stopPropagation();
  }
}

function listenToSearch() {
  const query = byId("query");
  query.oninput = () => { found.all = search(query.value); found.active = 0; showResults(); };
  query.onkeydown = onSearchKey;
  query.onblur = () => openResults(false);
}
