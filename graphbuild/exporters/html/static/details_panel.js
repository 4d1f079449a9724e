// The details panel. For a selected marker, the panel shows attributes and a button for each related node.

const LABELS = ["title", "name", "meaningful_name"];
let shownItem = null; // the marker, nodes, line or path that the panel shows

function showDetails() {
  const about = state.path ?? state.several ?? state.marker ?? state.line;
  const parts = state.path ? pathPanel(state.path)
    : state.several ? nodesPanel(state.several)
      : state.marker ? markerPanel(state.marker)
        : state.line ? linePanel(state.line) : graphPanel();
  const details = byId("details");
  const focused = details.contains(document.activeElement) ? document.activeElement : null;
  details.replaceChildren(...parts.filter(Boolean));
  if (focused) restoreKeyboardFocus(focused);
  document.body.classList.toggle("has-selection", Boolean(about)); // for the sheet on small screens
  if (about !== shownItem) details.scrollTop = details.parentElement.scrollTop = 0;
  shownItem = about;
}

/** Move the keyboard focus to the new copy of the pressed button, or to the panel if there is no copy. */
function restoreKeyboardFocus(pressed) {
  const { act } = pressed.dataset;
  const same = act && byId("details").querySelector(`[data-act="${act}"]`);
  (same || byId("details")).focus({ preventScroll: true });
}

function heading(text) {
  return createElement("h2", { id: "details-title", textContent: text });
}

function button(text, onclick, properties = {}) {
  return createElement("button", { type: "button", className: "plain", textContent: text, onclick,
    ...properties });
}

function clearButton() {
  return button("Clear (Esc)", clearSelection);
}

function linksNote(node) {
  return plural(node.links, "link");
}

function markerPanel(marker) {
  const fold = isFolded(marker);
  return [
    heading("Details"),
    createElement("p", { className: "type" }, typeIcon(types[marker.type]), isolatedText(types[marker.type].title),
      createElement("span", { className: "what", textContent: fold
        ? `${countText(marker)} · ${linksNote(marker)} each` : `· ${linksNote(marker)}` }), clearButton()),
    createElement("p", { className: "name", dir: "auto" }, isolatedText(titleOf(marker))),
    ...clusterParts(marker),
    ...warnings(marker),
    actions(marker),
    selectionButtons(),
    ...(fold ? members(marker) : [attributeList(marker.first), typedSection(marker.first)]),
    linesSection(marker),
    ...relatedSection(marker),
  ];
}

/** Return a collapsible list of the drawn lines of a marker, or null if it has no drawn line. */
function linesSection(marker) {
  const shown = [...marker.lines].filter(isDrawn);
  if (!shown.length) return null;
  const box = createElement("details", { className: "ends" },
    createElement("summary", { textContent: `Evidence: ${plural(shown.length, "line")} from here` }));
  box.ontoggle = () => {
    if (box.open && !box.querySelector("ul")) box.append(rowsOf(shown, (line) => lineRow(line, marker)));
  };
  return box;
}

function lineRow(line, marker) {
  const other = line.from === marker ? line.to : line.from;
  const note = line.link.count ? `${plural(line.link.count, "shared reference")}` : showInvisible(relations[line.link.relation]);
  const choose = createElement("button", { type: "button", className: "neighbor row tall" },
    typeIcon(types[other.type]), createElement("span", { className: "what", dir: "auto" },
      isFolded(other) ? `${countText(other)} ` : "", isolatedText(truncate(titleOf(other), 120)),
      createElement("span", { className: "also", textContent: note })));
  choose.onclick = () => selectLine(line);
  return createElement("li", {}, choose);
}

function warnings(marker) {
  const open = marker.members.map((id) => nodes[id]).filter(isIncomplete);
  const states = [...new Set(open.map((node) => showInvisible(node.attributes.state)))].join(", ");
  const some = isFolded(marker) ? `${formatNumber(open.length)} of them` : "";
  return [
    open.length && warning(`Incomplete${some && ` (${some})`}: ${states}. References may be missing.`),
    !marker.shown && warning("Hidden by the filters."),
  ];
}

/** Return the buttons for the actions on a marker. */
function actions(marker) {
  const alike = marker.group.members.length;
  const absent = [...undrawnNeighbors(marker)].reduce((sum, group) => sum + group.members.length, 0);
  return createElement("p", { className: "actions" }, ...[
    isFolded(marker) && button(expandLabel(marker), () => expandGroup(marker.group)),
    isExpanded(marker.group) && button(`Fold ${formatNumber(alike)} nodes with the same neighbors`,
      () => foldGroup(marker.group)),
    absent && button(`Draw ${plural(absent, "missing neighbor")}`,
      () => showNeighbors(marker)),
    hopsButton(),
    button("Path to …", () => startPath(marker), { title: "Shortest path to the node you select next" }),
    neighborsButton(marker.members),
    ...hideAndPinButtons(marker.members),
  ].filter(Boolean));
}

function expandLabel(marker) {
  const rest = marker.members.length;
  return rest > MAX_EXPANDED ? `Expand ${formatNumber(MAX_EXPANDED)} of ${formatNumber(rest)}` : `Expand all ${formatNumber(rest)}`;
}

function hopsButton() {
  const two = state.hops === 2;
  const one = button("Two hops", () => setHops(two ? 1 : 2), { "aria-pressed": String(two) });
  one.dataset.act = "hops";
  return one;
}

/** Return a list of the members of a folded group. Selecting a member takes it out of the group. */
function members(marker) {
  const these = marker.members.map((id) => nodes[id]).sort((a, b) => Number(passesFilters(b)) - Number(passesFilters(a)));
  const note = (node) => [passesFilters(node) ? "" : "hidden by the filters", resultNote(node)]
    .filter(Boolean).join(" · ");
  return listing(`${formatNumber(these.length)} nodes with the same neighbors`, these, note);
}

function warning(text) {
  return createElement("strong", { className: "warn", textContent: text });
}

/** Return the attributes of a node. Those that describe the crawl are in a closed section. */
function attributeList(node) {
  const ofCrawl = ([name]) => name.startsWith("crawl_");
  const list = (entries) => createElement("dl", {}, ...entries.flatMap(([name, value]) => attributeRow(node, name, value)));
  const entries = Object.entries(node.attributes);
  const crawl = entries.filter(ofCrawl);
  return createElement("div", {}, list(entries.filter((entry) => !ofCrawl(entry))),
    crawl.length ? createElement("details", {}, createElement("summary", { textContent: "Crawl details" }), list(crawl)) : "");
}

/** Return an attribute as a term and a description, or an empty list if the attribute repeats the label. */
function attributeRow(node, name, value) {
  if (value === node.label && LABELS.includes(name)) return [];
  if (Object.hasOwn(TYPED_FIELDS, name)) return []; // in typedSection()
  if (name === SUBCLUSTER && value === String(clusterOf(node))) return []; // the cluster is not split
  const term = createElement("dt", {}, Object.hasOwn(attributeTitles, name) ? attributeTitles[name] : isolatedText(name));
  return [term, createElement("dd", { dir: "auto" }, ...attributeValue(node, name, value))];
}

function attributeValue(node, name, value) {
  if (name === "url") return urlParts(String(value));
  if (name.endsWith("_date")) return [formatDate(value)];
  if (typeof value === "boolean") return [value ? "yes" : "no"];
  if (name === "id") return idParts(node, value);
  return [isolatedText(value)];
}

/** Return the id with a copy button and, if VirusTotal has a page about the node, a link to this page. */
function idParts(node, id) {
  const parts = [createElement("code", {}, isolatedText(id)), " ", copyButton(String(id))];
  const page = parseHttpUrl(virusTotalUrl(node));
  return page ? [...parts, createElement("br"), newTabLink(page.href, "Open on VirusTotal ↗")] : parts;
}

/** Return the address of the page about a node on VirusTotal, or an empty text if there is none. */
function virusTotalUrl(node) {
  const prefix = types[node.type].web;
  return node.web ?? (prefix && prefix + node.attributes.id);
}

/** Return the defanged URL with a copy button and, if it is an http or https URL, a link. */
function urlParts(text) {
  const shown = createElement("bdi", { textContent: truncate(defang(text), 400) });
  const parsed = parseHttpUrl(text);
  if (!parsed) return [shown, " ", copyButton(text)];
  const link = newTabLink(parsed.href, "Open reference ↗");
  // A browser may open another host than the one that the text shows.
  const honest = text.toLowerCase().includes(`//${parsed.host}`);
  const leads = honest ? [] : [warning(`Leads to ${parsed.host.replaceAll(".", "[.]")}`)];
  return [shown, createElement("br"), ...leads, link, " ", copyButton(text)];
}

function newTabLink(href, text) {
  return createElement("a", { className: "open", href, target: "_blank",
    rel: "noopener noreferrer nofollow", referrerPolicy: "no-referrer", textContent: text });
}

/** Return a list of related nodes per type. Each row names the third nodes of the common observations. */
function relatedSection(marker) {
  const near = relatedNodes(marker.members);
  return types.flatMap((type, index) => {
    const these = nodesByDegree.filter((other) => other.type === index && near.has(other.id));
    if (!these.length) return [];
    const note = (other) => throughNote(near.get(other.id));
    return listing(`${showInvisible(type.title)}: ${formatNumber(these.length)}`, these, note);
  });
}

/** Return a note on the third nodes of observations, such as "through Emotet" or "through 3 collections". */
function throughNote(through) {
  const ids = [...through];
  if (!ids.length) return "";
  if (ids.length > 2) return `through ${kindsOf(ids)}`;
  return `through ${ids.map((id) => truncate(viaName(id), 80)).join(", ")}`;
}

function kindsOf(ids) {
  const names = new Set(ids.map((id) => types[nodes[id]?.type]?.name));
  const [only] = names;
  const same = names.size === 1 && only !== undefined;
  return plural(ids.length, same ? showInvisible(only) : "node");
}

function viaName(id) {
  if (id === NO_COLLECTION) return "no named collection";
  return typeof id === "number" ? displayName(nodes[id]) : showInvisible(id);
}

function listing(title, these, note) {
  return [createElement("h3", {}, isolatedText(title)), rowsOf(these, (node) => nodeRow(node, note(node)))];
}

function nodeRow(node, note) {
  const what = createElement("span", { className: "what", dir: "auto" }, isolatedText(truncate(displayName(node), 160)));
  if (note) what.append(createElement("span", { className: "also", textContent: note }));
  const choose = createElement("button", { type: "button", className: "neighbor row tall" },
    typeIcon(types[node.type]), what);
  choose.dataset.key = node.key;
  choose.onclick = ({ shiftKey }) => (shiftKey && !pathStart && passesFilters(node) ? toggleSelected([node.id]) : selectNode(node));
  return createElement("li", {}, choose);
}
