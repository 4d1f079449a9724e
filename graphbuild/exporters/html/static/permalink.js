// Save the view in the URL fragment, and restore it when the page opens or the fragment changes. The
// fragment is untrusted, so every part of it is validated.

const MAX_FRAGMENT = 1_000_000; // characters
const MAX_LISTED = 200; // maximum length of each list in a link, such as those of moved groups and hidden nodes
const NOTE_SECONDS = 4; // for which the button says that the link is copied
const HIDDEN_VALUES = "not-"; // before the name of a column, in the names of parameters
const MAX_COORDINATE = 1e7; // of the center of the view, in units of the layout

function startPermalink() {
  const hasUrl = location.protocol !== "about:"; // false in the frame of a notebook
  byId("permalink").hidden = !hasUrl;
  byId("permalink").onclick = copyPermalink;
  addEventListener("hashchange", () => viewFromFragment());
  viewFromFragment();
}

async function copyPermalink() {
  const text = viewToFragment();
  ownFragment = text;
  location.hash = text;
  const note = isPartial ? `, each list cut to ${MAX_LISTED}` : "";
  byId("permalink").textContent = ((await copyText(location.href)) ? "Link copied" : "Link in address bar") + note;
  setTimeout(() => { byId("permalink").textContent = "Link"; }, NOTE_SECONDS * 1000);
}

let ownFragment = null; // the last fragment that this page wrote or restored
let isPartial = false; // whether a list in this fragment was longer than MAX_LISTED

function viewToFragment() {
  const params = new URLSearchParams({ v: "1" });
  const setUnlessDefault = (name, value, fallback) => { if (value !== fallback) params.set(name, String(value)); };
  isPartial = false;
  const appendAll = (name, texts) => {
    for (const text of texts.slice(0, MAX_LISTED)) params.append(name, text);
    isPartial ||= texts.length > MAX_LISTED;
  };
  const keyOfGroup = (group) => nodes[group.members[0]].key;
  setUnlessDefault("hidden", [...state.hiddenTypes].map((index) => types[index].title).join("\n"), "");
  setUnlessDefault("min", state.minLinks, 0);
  setUnlessDefault("from", Number.isFinite(state.dates.from) ? monthName(monthOf(state.dates.from)) : "", "");
  setUnlessDefault("to", Number.isFinite(state.dates.to) ? monthName(monthOf(state.dates.to - 1)) : "", "");
  setUnlessDefault("undated", Number(state.dates.undated), 1);
  setUnlessDefault("color", state.color, "");
  setUnlessDefault("size", state.size, LINKS);
  for (const [name, values] of Object.entries(state.hiddenValues)) appendAll(HIDDEN_VALUES + name, [...values].map(String));
  setUnlessDefault("hops", state.hops, 1);
  setUnlessDefault("folding", Number(state.folding), 1);
  setUnlessDefault("layers", Number(state.layered), 0);
  appendAll("expanded", [...state.expanded.keys()].map(keyOfGroup));
  appendAll("hide", [...state.hiddenNodes].map((id) => nodes[id].key));
  appendAll("moved", groups.filter((group) => group.moved).map((group) => movedText(group, keyOfGroup(group))));
  appendAll("moved-node", nodes.filter((node) => node.moved).map((node) => movedText(node, node.key)));
  addSelection(params, appendAll);
  if (nodes.length) {
    const { x, y, scale } = renderer.getView();
    params.set("view", [x, y, scale * 1000].map((value) => Math.round(value)).join(","));
  }
  return params.toString();
}

function movedText({ moved: { x, y } }, key) {
  return `${Math.round(x)} ${Math.round(y)} ${key}`;
}

function addSelection(params, appendAll) {
  if (state.path) appendAll("path", [state.path.from, state.path.to].map(([id]) => nodes[id].key));
  else if (state.several) appendAll("select", state.several.map((id) => nodes[id].key));
  else if (state.marker) params.set(isFolded(state.marker) ? "group" : "node", state.marker.first.key);
}

/** Restore the view from the fragment. Unknown and invalid parts of the fragment are ignored. */
function viewFromFragment() {
  const text = location.hash.slice(1);
  if (text === ownFragment || !text || text.length > MAX_FRAGMENT) return;
  ownFragment = text;
  const params = new URLSearchParams(text);
  if (params.get("v") !== "1") return;
  beginAction();
  restoreView(viewOfLink(params));
  if (!nodes.length) return;
  const view = (params.get("view") ?? "").split(",").map(Number);
  if (view.length === 3 && view.every(isCoordinate) && view[2] > 0) {
    renderer.setView({ x: view[0], y: view[1], scale: Math.min(10, view[2] / 1000) });
  }
}

function isCoordinate(value) {
  return Math.abs(value) < MAX_COORDINATE;
}

/** Return the view that a link describes, for restoreView(). */
function viewOfLink(params) {
  const hiddenTypes = (params.get("hidden") ?? "").split("\n");
  const choices = (name) => [...byId(name).options].map((option) => option.value);
  return {
    ...saveView(), // what links do not contain stays as it is
    hiddenTypes: types.flatMap((type, index) => (hiddenTypes.includes(type.title) ? [index] : [])),
    hiddenNodes: linkedNodes(params, "hide"),
    minLinks: clampInteger(params.get("min"), 0, Number(byId("min-links").max), 0),
    dates: datesOfLink(params),
    hiddenValues: Object.keys(FILTER_COLUMNS).map((name) => [name, valuesOfLink(params, name)]),
    color: choices("color").includes(params.get("color")) ? params.get("color") : state.color,
    size: choices("size").includes(params.get("size")) ? params.get("size") : LINKS,
    hops: params.get("hops") === "2" ? 2 : 1,
    folding: params.get("folding") !== "0",
    layered: params.get("layers") === "1",
    expanded: linkedNodes(params, "expanded").map((id) => groupOf[id]).filter((group) => group.members.length > 1)
      .map((group) => [group.id, group.members.slice(0, MAX_EXPANDED)]),
    moved: movedOfLink(params, "moved").map(([node, moved]) => [groupOf[node.id].id, moved]),
    movedNodes: movedOfLink(params, "moved-node").map(([node, moved]) => [node.id, moved]),
    selection: selectionOfLink(params),
  };
}

/** Return the ids of the nodes whose keys a link lists under a name. */
function linkedNodes(params, name) {
  return params.getAll(name).slice(0, MAX_LISTED).filter((key) => byKey.has(key)).map((key) => byKey.get(key).id);
}

/** Return the values of a column that a link hides. */
function valuesOfLink(params, name) {
  const texts = new Set(params.getAll(HIDDEN_VALUES + name).slice(0, MAX_LISTED));
  return [...columns.get(name)?.counts.keys() ?? []].filter((value) => texts.has(String(value)));
}

function datesOfLink(params) {
  const { first, last } = countMonths();
  const month = (name) => {
    const [, year, of] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(params.get(name) ?? "") ?? [];
    return year && Math.min(last, Math.max(first, Number(year) * 12 + Number(of) - 1));
  };
  const [from, to] = [month("from"), month("to")];
  return {
    from: from === undefined ? -Infinity : monthStart(from),
    to: to === undefined ? Infinity : monthStart(to + 1),
    undated: params.get("undated") !== "0" || !countMonths().counts.size,
  };
}

/** Return nodes and their offsets from texts such as "12 -30 file:..." that a link lists under a name. */
function movedOfLink(params, name) {
  return params.getAll(name).slice(0, MAX_LISTED).map((text) => /^(-?\d{1,7}) (-?\d{1,7}) (.+)$/s.exec(text))
    .filter((found) => byKey.has(found?.[3])).map(([, x, y, key]) => [byKey.get(key), { x: Number(x), y: Number(y) }]);
}

function selectionOfLink(params) {
  const [from, to] = linkedNodes(params, "path");
  const [node] = linkedNodes(params, "node");
  const [inFold] = linkedNodes(params, "group");
  const several = linkedNodes(params, "select");
  if (to !== undefined) return { path: [[from], [to]] };
  if (several.length > 1) return { several };
  if (inFold !== undefined) return { marker: [inFold] };
  return node === undefined ? null : { node };
}

function clampInteger(text, least, most, fallback) {
  const value = /^\d{1,9}$/.test(text ?? "") ? Number(text) : fallback;
  return Math.min(most, Math.max(least, value));
}
