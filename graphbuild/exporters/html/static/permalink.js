// Save the view in the URL fragment, and restore it when the page opens or the fragment changes. The
// fragment is untrusted, so every part of it is validated.

const MAX_FRAGMENT = 20_000; // characters
const MAX_EXPANDED_KEPT = 200; // maximum number of expanded groups in a link
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
  byId("permalink").textContent = (await copyText(location.href)) ? "Link copied" : "Link in address bar";
}

let ownFragment = null; // the last fragment that this page wrote or restored

function viewToFragment() {
  const params = new URLSearchParams({ v: "1" });
  const setUnlessDefault = (name, value, fallback) => { if (value !== fallback) params.set(name, String(value)); };
  setUnlessDefault("hidden", [...state.hiddenTypes].map((index) => types[index].title).join("\n"), "");
  setUnlessDefault("min", state.minLinks, 0);
  setUnlessDefault("from", Number.isFinite(state.dates.from) ? monthName(monthOf(state.dates.from)) : "", "");
  setUnlessDefault("to", Number.isFinite(state.dates.to) ? monthName(monthOf(state.dates.to - 1)) : "", "");
  setUnlessDefault("undated", Number(state.dates.undated), 1);
  setUnlessDefault("color", state.color, "");
  setUnlessDefault("hops", state.hops, 1);
  setUnlessDefault("folding", Number(state.folding), 1);
  setUnlessDefault("layers", Number(state.layered), 0);
  for (const group of [...state.expanded.keys()].slice(0, MAX_EXPANDED_KEPT)) {
    params.append("expanded", nodes[group.members[0]].key);
  }
  if (state.path) {
    params.append("path", nodes[state.path.from[0]].key);
    params.append("path", nodes[state.path.to[0]].key);
  } else if (state.marker) {
    params.set(isFolded(state.marker) ? "group" : "node", state.marker.first.key);
  }
  if (nodes.length) {
    const { x, y, scale } = renderer.getView();
    params.set("view", [x, y, scale * 1000].map((value) => Math.round(value)).join(","));
  }
  return params.toString();
}

/** Restore the view from the fragment. Unknown and invalid parts of the fragment are ignored. */
function viewFromFragment() {
  const text = location.hash.slice(1);
  if (text === ownFragment || !text || text.length > MAX_FRAGMENT) return;
  ownFragment = text;
  const params = new URLSearchParams(text);
  if (params.get("v") !== "1") return;
  pathStart = null;
  Object.assign(state, { marker: null, several: null, line: null, path: null, focus: null });
  restoreFilters(params);
  const open = params.getAll("expanded").slice(0, MAX_EXPANDED_KEPT).map((key) => groupOf[byKey.get(key)?.id]);
  const before = [...state.expanded.keys()];
  state.expanded.clear();
  for (const group of open) if (group?.members.length > 1) state.expanded.set(group, expand(group));
  applyGroups(new Set([...before, ...state.expanded.keys()].filter((group) => state.drawnGroups.has(group))));
  applyFilters();
  renderer.recolor();
  if (nodes.length && state.layered !== (params.get("layers") === "1")) setLayered(!state.layered);
  restoreSelection(params);
  const view = (params.get("view") ?? "").split(",").map(Number);
  if (view.length === 3 && view.every((value) => Math.abs(value) < MAX_COORDINATE) && view[2] > 0) {
    renderer.setView({ x: view[0], y: view[1], scale: Math.min(10, view[2] / 1000) });
  }
}

function restoreFilters(params) {
  const names = (params.get("hidden") ?? "").split("\n");
  state.hiddenTypes = new Set(types.flatMap((type, index) => (names.includes(type.title) ? [index] : [])));
  state.minLinks = clampInteger(params.get("min"), 0, Number(byId("min-links").max), 0);
  const options = [...byId("color").options].map((option) => option.value);
  if (options.includes(params.get("color"))) state.color = params.get("color");
  state.hops = params.get("hops") === "2" ? 2 : 1;
  state.folding = params.get("folding") !== "0";
  const { first, last } = countMonths();
  const month = (name, fallback) => {
    const [, year, of] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(params.get(name) ?? "") ?? [];
    return year ? Math.min(last, Math.max(first, Number(year) * 12 + Number(of) - 1)) : fallback;
  };
  const undated = params.get("undated") !== "0";
  const [from, to] = [month("from", null), month("to", null)];
  state.dates = {
    from: from === null ? -Infinity : monthStart(from),
    to: to === null ? Infinity : monthStart(to + 1),
    undated,
  };
}

function clampInteger(text, least, most, fallback) {
  const value = /^\d{1,9}$/.test(text ?? "") ? Number(text) : fallback;
  return Math.min(most, Math.max(least, value));
}

function restoreSelection(params) {
  const [from, to] = params.getAll("path").map((key) => byKey.get(key));
  const node = byKey.get(params.get("node"));
  const fold = byKey.get(params.get("group"));
  if (from && to) {
    const ends = [from, to].map((end) => markerOf(end.id));
    if (ends.every(Boolean)) showPath(...ends);
  } else if (node) {
    selectNode(node);
  } else if (fold && markerOf(fold.id)) {
    selectMarker(markerOf(fold.id));
  }
}
