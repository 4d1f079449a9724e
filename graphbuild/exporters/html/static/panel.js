// The panel: what is known of the chosen spot, as text, with every neighbour a button.

const LABELS = ["title", "name", "meaningful_name"];
let toldOf = null; // what the panel tells of now

function showDetails() {
  const about = state.path ?? state.spot ?? state.line;
  const parts = state.path ? aboutPath(state.path)
    : state.spot ? aboutSpot(state.spot)
      : state.line ? aboutLine(state.line) : aboutGraph();
  const details = byId("details");
  const focused = details.contains(document.activeElement) ? document.activeElement : null;
  details.replaceChildren(...parts.filter(Boolean));
  if (focused) focusAgainOn(focused);
  if (about !== toldOf) details.parentElement.scrollTop = 0;
  toldOf = about;
}

/** The panel was made anew: whoever pressed something in it is still there, or at its top. */
function focusAgainOn(pressed) {
  const { act } = pressed.dataset;
  const same = act && byId("details").querySelector(`[data-act="${act}"]`);
  (same || byId("details")).focus({ preventScroll: true });
}

function heading(text) {
  return make("h2", { id: "details-title", textContent: text });
}

function button(text, onclick, properties = {}) {
  return make("button", { type: "button", className: "plain", textContent: text, onclick,
    ...properties });
}

function clearButton() {
  return button("Clear (Esc)", clearChoice);
}

function linksNote(node) {
  return counted(node.links, "link");
}

function aboutSpot(spot) {
  const fold = isFold(spot);
  return [
    heading("Details"),
    make("p", { className: "type" }, swatch(types[spot.type]), quoted(types[spot.type].name),
      make("span", { className: "what", textContent: fold
        ? `${countText(spot)} · ${linksNote(spot)} each` : `· ${linksNote(spot)}` }), clearButton()),
    make("p", { className: "name", dir: "auto" }, quoted(fold ? titleOf(spot) : spot.first.label)),
    ...warnings(spot),
    actions(spot),
    selectionButtons(),
    ...(fold ? members(spot) : [factsOf(spot.first)]),
    linesListed(spot),
    ...relativesListed(spot),
  ];
}

/** The lines that end here, each a way to what stands behind it. */
function linesListed(spot) {
  const shown = [...spot.lines].filter(isDrawn);
  if (!shown.length) return null;
  const box = make("details", { className: "ends" },
    make("summary", { textContent: `Evidence: ${counted(shown.length, "line")} from here` }));
  box.ontoggle = () => {
    if (box.open && !box.querySelector("ul")) box.append(rowsOf(shown, (line) => lineRow(line, spot)));
  };
  return box;
}

function lineRow(line, spot) {
  const other = line.from === spot ? line.to : line.from;
  const note = line.link.count ? `${number(line.link.count)} in both` : clean(relations[line.link.relation]);
  const choose = make("button", { type: "button", className: "neighbour row tall" },
    swatch(types[other.type]), make("span", { className: "what", dir: "auto" },
      isFold(other) ? `${countText(other)} ` : "", quoted(cut(titleOf(other), 120)),
      make("span", { className: "also", textContent: note })));
  choose.onclick = () => chooseLine(line);
  return make("li", {}, choose);
}

function warnings(spot) {
  const open = spot.members.map((id) => nodes[id]).filter(isUnfinished);
  const states = [...new Set(open.map((node) => clean(node.attributes.state)))].join(", ");
  const some = isFold(spot) ? `${number(open.length)} of them` : "";
  return [
    open.length && warning(`Not complete${some && `, ${some}`}: ${states}. There may be more.`),
    !spot.shown && warning("Hidden by the choice above."),
  ];
}

/** What can be done with a spot. */
function actions(spot) {
  const alike = spot.group.members.length;
  const absent = absentNeighbours(spot).size;
  return make("p", { className: "actions" }, ...[
    isFold(spot) && button(openWord(spot), () => openGroup(spot.group)),
    isOpen(spot.group) && button(`Fold again: ${number(alike)} with the same neighbours`,
      () => foldGroup(spot.group)),
    absent && button(`Draw ${counted(absent, "neighbour")} that ${absent === 1 ? "is" : "are"} not drawn`,
      () => showNeighbours(spot)),
    hopsButton(),
    button("Way to …", () => startPath(spot), { title: "The shortest way to what you choose next" }),
  ].filter(Boolean));
}

function openWord(spot) {
  const rest = spot.members.length;
  return rest > MOST_OPEN ? `Open ${number(MOST_OPEN)} of ${number(rest)}` : `Open all ${number(rest)}`;
}

function hopsButton() {
  const two = state.hops === 2;
  const one = button("Two hops", () => setHops(two ? 1 : 2), { "aria-pressed": String(two) });
  one.dataset.act = "hops";
  return one;
}

/** Who is in a folded spot; whoever is chosen comes out of it. */
function members(spot) {
  const these = spot.members.map((id) => nodes[id]).sort((a, b) => Number(isShown(b)) - Number(isShown(a)));
  const note = (node) => [isShown(node) ? "" : "hidden by the filters", resultNote(node)]
    .filter(Boolean).join(" · ");
  return listing(`Stands for ${number(these.length)}, with the same neighbours`, these, note);
}

function warning(text) {
  return make("strong", { className: "warn", textContent: text });
}

function factsOf(node) {
  return make("dl", {}, ...Object.entries(node.attributes)
    .flatMap(([name, value]) => fact(node, name, value)));
}

/** One attribute as a pair of term and description; nothing for the name that is the label. */
function fact(node, name, value) {
  if (value === node.label && LABELS.includes(name)) return [];
  const term = make("dt", {}, Object.hasOwn(NAMES, name) ? NAMES[name] : quoted(name));
  return [term, make("dd", { dir: "auto" }, ...factValue(name, value))];
}

function factValue(name, value) {
  if (name === "url") return address(String(value));
  if (name.endsWith("_date")) return [day(value)];
  if (typeof value === "boolean") return [value ? "yes" : "no"];
  if (name === "id") return [make("code", {}, quoted(value)), " ", copyButton(String(value))];
  return [quoted(value)];
}

/** The address without teeth; beside it the way there, if it is a web address at all. */
function address(text) {
  const shown = make("bdi", { textContent: cut(defang(text), 400) });
  const parsed = webAddress(text);
  if (!parsed) return [shown, " ", copyButton(text)];
  const link = make("a", { className: "open", href: parsed.href, target: "_blank",
    rel: "noopener noreferrer nofollow", referrerPolicy: "no-referrer",
    textContent: "Open report ↗" });
  const honest = text.toLowerCase().includes(`//${parsed.host}`);
  const leads = honest ? [] : [warning(`Leads to ${parsed.host.replaceAll(".", "[.]")}`)];
  return [shown, make("br"), ...leads, link, " ", copyButton(text)];
}

/** Neighbours by type, each with what ties it to the spot. */
function relativesListed(spot) {
  const near = relatives(spot.members);
  return types.flatMap((type, index) => {
    const these = byLinks.filter((other) => other.type === index && near.has(other.id));
    if (!these.length) return [];
    const note = (other) => throughNote(near.get(other.id));
    return listing(`${clean(type.name)}: ${number(these.length)}`, these, note);
  });
}

/** "through Emotet", "through 12 nodes": the middle of the observations. */
function throughNote(through) {
  const ids = [...through];
  if (!ids.length) return "";
  if (ids.length > 2) return `through ${kindsOf(ids)}`;
  return `through ${ids.map((id) => cut(viaName(id), 60)).join(", ")}`;
}

function kindsOf(ids) {
  const kinds = new Set(ids.map((id) => nodes[id]?.type));
  const [only] = kinds;
  const same = kinds.size === 1 && only !== undefined;
  return counted(ids.length, same ? clean(types[only].name) : "node");
}

function viaName(id) {
  if (id === NOWHERE) return "no named collection";
  return typeof id === "number" ? nameOf(nodes[id]) : clean(id);
}

function listing(title, these, note) {
  return [make("h3", {}, quoted(title)), rowsOf(these, (node) => nodeRow(node, note(node)))];
}

function nodeRow(node, note) {
  const what = make("span", { className: "what", dir: "auto" }, quoted(cut(nameOf(node), 160)));
  if (note) what.append(make("span", { className: "also", textContent: note }));
  const choose = make("button", { type: "button", className: "neighbour row tall" },
    swatch(types[node.type]), what);
  choose.dataset.key = node.key;
  choose.onclick = () => chooseNode(node);
  return make("li", {}, choose);
}
