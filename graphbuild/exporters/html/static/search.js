// Search all nodes, even those that are folded or not drawn. The search field and its results are a
// combobox as in the ARIA Authoring Practices.

const MAX_RESULTS = 50;
const searchResults = { all: [], active: -1, unmatched: "" }; // unmatched: a submitted query without results
const searchTexts = nodes.map(searchTextOf);
const lowerLabels = nodes.map((node) => node.label.toLowerCase());

function searchTextOf(node) {
  return [node.label, node.key, ...Object.values(node.attributes)].join("\n").toLowerCase();
}

function splitQuery(query) {
  return refang(query.trim()).toLowerCase().split(/\s+/).filter(Boolean);
}

/** Return whether each word (in lower case) occurs in the label, the key or an attribute of a node. */
function matches(node, words) {
  return words.every((word) => searchTexts[node.id].includes(word));
}

/** Return the matching nodes, sorted by `rankOf`, then by descending number of links. */
function search(query) {
  const words = splitQuery(query);
  if (!words.length) return [];
  const ranked = [[], [], [], []];
  for (const node of nodesByDegree) if (matches(node, words)) ranked[rankOf(lowerLabels[node.id], words)].push(node);
  return ranked.flat();
}

/** Return 0 if the label starts with the query, 1 if it starts with the first word, 2 if it contains that, else 3. */
function rankOf(label, words) {
  if (label.startsWith(words.join(" "))) return 0;
  if (label.startsWith(words[0])) return 1;
  return label.includes(words[0]) ? 2 : 3;
}

function showResults() {
  const shown = searchResults.all.slice(0, MAX_RESULTS);
  const rows = shown.map((node, index) => resultRow(node, index));
  const rest = searchResults.all.length - shown.length;
  if (rest > 0) rows.push(plainRow(`${formatNumber(rest)} more: refine the search`));
  if (!searchResults.all.length) rows.push(plainRow("No results"));
  byId("results").replaceChildren(...rows);
  openResults(byId("query").value.trim() !== "");
}

function plainRow(text) {
  return createElement("li", { className: "none", role: "option", "aria-disabled": "true",
    "aria-selected": "false", textContent: text });
}

function resultRow(node, index) {
  const item = createElement("li", { id: `result-${index}`, role: "option", className: "row tall",
    "aria-selected": String(index === searchResults.active) }, typeIcon(types[node.type]),
  createElement("span", { className: "what", dir: "auto" }, isolatedText(truncate(displayName(node), 120)),
    createElement("span", { className: "also", textContent: resultNote(node) })));
  item.onpointerdown = (event) => { event.preventDefault(); pick(index); };
  return item;
}

function resultNote(node) {
  const { url, id } = node.attributes;
  return truncate(url === undefined ? showInvisible(id ?? node.key) : defang(String(url)), 90);
}

function openResults(open) {
  byId("results").hidden = !open;
  byId("query").setAttribute("aria-expanded", String(open));
  markActive();
}

function markActive() {
  const items = byId("results").querySelectorAll("li[id]");
  items.forEach((item, index) => item.setAttribute("aria-selected", String(index === searchResults.active)));
  const active = byId("results").hidden ? null : items[searchResults.active];
  active?.scrollIntoView({ block: "nearest" });
  if (active) byId("query").setAttribute("aria-activedescendant", active.id);
  else byId("query").removeAttribute("aria-activedescendant");
}

function pick(index) {
  const node = searchResults.all[index];
  if (!node) { reportNoMatch(byId("query").value.trim()); return; }
  openResults(false);
  selectNode(node);
}

/** Report in the status line that no node matches a query; without a query, remove the report. */
function reportNoMatch(query) {
  searchResults.unmatched = query;
  notify();
}

function onSearchKey(event) {
  const last = Math.min(searchResults.all.length, MAX_RESULTS) - 1;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && last >= 0) {
    searchResults.active = (searchResults.active + step + last + 1) % (last + 1);
    openResults(true);
    event.preventDefault();
  } else if (event.key === "Enter") {
    pick(Math.max(searchResults.active, 0));
  } else if (event.key === "Escape" && !byId("results").hidden) {
    openResults(false);
    event.stopPropagation();
  }
}

function listenToSearch() {
  const query = byId("query");
  query.oninput = () => {
    searchResults.all = search(query.value);
    searchResults.active = 0;
    showResults();
    if (searchResults.unmatched) reportNoMatch("");
  };
  query.onkeydown = onSearchKey;
  query.onblur = () => { openResults(false); if (searchResults.unmatched) reportNoMatch(""); };
}
