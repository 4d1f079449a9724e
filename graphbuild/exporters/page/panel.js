// The panel: what is known of the chosen node or line, as text, with every neighbour a button.

const MOST_ROWS = 200;
const LABELS = ["title", "name", "meaningful_name"];

function showDetails() {
  const parts = chosen.node ? aboutNode(chosen.node)
    : chosen.edge ? aboutEdge(chosen.edge) : aboutGraph();
  const details = document.getElementById("details");
  details.replaceChildren(...parts.filter(Boolean));
  details.parentElement.scrollTop = 0;
}

function heading(text) {
  return make("h2", { id: "details-title", textContent: text });
}

function aboutGraph() {
  const parts = [heading("Details"), make("p", {
    className: "hint",
    textContent: "Choose a node in the picture, by search or below. Drag to move, turn the wheel "
      + "to zoom, / to search, Esc to clear.",
  })];
  types.forEach((type, index) => {
    const most = byLinks.filter((node) => node.type === index && node.links > 0).slice(0, 5);
    if (most.length) parts.push(...listing(`Most linked: ${clean(type.name)}`, most, linksNote));
  });
  return parts;
}

function clearButton() {
  return make("button", { type: "button", className: "plain", textContent: "Clear (Esc)",
    onclick: clearChoice });
}

function linksNote(node) {
  return counted(node.links, "link");
}

function aboutNode(node) {
  const type = types[node.type];
  const known = node.attributes;
  return [
    heading("Details"),
    make("p", { className: "type" }, swatch(type), quoted(type.name),
      make("span", { className: "what", textContent: `· ${linksNote(node)}` }), clearButton()),
    make("p", { className: "name", dir: "auto" }, quoted(node.label)),
    isUnfinished(node) && warning(`Not complete: ${clean(known.state)}. There may be more.`),
    !isShown(node) && warning("Hidden by the choice above."),
    make("dl", {}, ...Object.entries(known).flatMap(([name, value]) => fact(node, name, value))),
    ...relativesListed(node),
  ];
}

function warning(text) {
  return make("strong", { className: "warn", textContent: text });
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

function copyButton(text) {
  const button = make("button", { type: "button", className: "plain", textContent: "Copy" });
  button.onclick = async () => {
    button.textContent = (await copied(text)) ? "Copied" : "Not allowed";
  };
  return button;
}

/** The clipboard, or, in a frame of a notebook where there is none, the old way round it. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { value: text, className: "unseen" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

/** Neighbours by type, each with what ties it to the node. */
function relativesListed(node) {
  const found = relatives(node);
  return types.flatMap((type, index) => {
    const these = byLinks.filter((other) => other.type === index && found.has(other.id));
    if (!these.length) return [];
    const note = (other) => throughNote(found.get(other.id));
    return listing(`${clean(type.name)}: ${number(these.length)}`, these, note);
  });
}

/** "through Emotet", "through 12 nodes": the middle of the observations. */
function throughNote(through) {
  const ids = [...new Set(through)];
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
  const list = make("ul", {}, ...these.slice(0, MOST_ROWS).map((node) => row(node, note(node))));
  const rest = these.slice(MOST_ROWS);
  if (rest.length) list.append(moreRow(rest, note));
  return [make("h3", {}, quoted(title)), list];
}

function moreRow(rest, note) {
  const item = make("li");
  const button = make("button", { type: "button", className: "plain",
    textContent: `Show ${number(rest.length)} more` });
  button.onclick = () => item.replaceWith(...rest.map((node) => row(node, note(node))));
  item.append(button);
  return item;
}

function row(node, note) {
  const what = make("span", { className: "what", dir: "auto" }, quoted(cut(nameOf(node), 160)));
  if (note) what.append(make("span", { className: "also", textContent: note }));
  const button = make("button", { type: "button", className: "neighbour row tall" },
    swatch(types[node.type]), what);
  button.dataset.key = node.key;
  button.onclick = () => chooseNode(node, { fly: true });
  return make("li", {}, button);
}

/** A line: its two ends, and the observations that stand behind it. */
function aboutEdge(edge) {
  const ends = [nodes[edge.from], nodes[edge.to]];
  const parts = [
    heading("Details"),
    make("p", { className: "type" }, make("span", { className: "what" }, "link: ",
      quoted(relations[edge.relation])), clearButton()),
    make("p", { className: "hint", textContent: standing(edge) }),
    ...listing("Between", ends, linksNote),
  ];
  const middle = edge.via ? [] : behindEdge(edge).slice(1).map((prior) => nodes[prior.from]);
  const through = edge.via ? namedOf(edge).map((id) => nodes[id]) : middle;
  if (through.length) parts.push(...listing("Observed with", [...new Set(through)], linksNote));
  const unnamed = (edge.via ?? []).filter((id) => typeof id === "string" || id === NOWHERE);
  return [...parts, ...unnamed.map((id) => make("p", {}, "Through ", quoted(viaName(id))))];
}

function standing(edge) {
  return edge.weight === null ? "" : `${counted(edge.weight, "observation")} behind it.`;
}
