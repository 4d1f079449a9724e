// A view in the fragment of the address: kept when asked for, restored when the page opens.
// Whoever sends an address may have written it: each part is held against what the page knows.

const LONGEST_ADDRESS = 20_000; // characters
const MOST_KEPT = 200; // opened groups
const FARTHEST_OUT = 1e7;

function buildAddress() {
  const own = location.protocol !== "about:"; // a frame of a notebook has no address to share
  byId("keep").hidden = !own;
  byId("keep").onclick = keepView;
  addEventListener("hashchange", () => restoreView());
  restoreView();
}

async function keepView() {
  const text = viewText();
  kept = text;
  location.hash = text;
  byId("keep").textContent = (await copied(location.href)) ? "Link copied" : "In the address";
}

let kept = null; // what we wrote ourselves need not be restored

function viewText() {
  const told = new URLSearchParams({ v: "1" });
  const tell = (name, value, usual) => { if (value !== usual) told.set(name, String(value)); };
  tell("off", [...state.off].map((index) => types[index].name).join("\n"), "");
  tell("least", state.least, 0);
  tell("from", Number.isFinite(state.dates.from) ? monthName(monthOf(state.dates.from)) : "", "");
  tell("to", Number.isFinite(state.dates.to) ? monthName(monthOf(state.dates.to - 1)) : "", "");
  tell("undated", Number(state.dates.undated), 1);
  tell("colour", state.colour, "");
  tell("hops", state.hops, 1);
  for (const group of [...state.outside.keys()].slice(0, MOST_KEPT)) {
    told.append("open", nodes[group.members[0]].key);
  }
  if (state.path) {
    told.append("way", nodes[state.path.from[0]].key);
    told.append("way", nodes[state.path.to[0]].key);
  } else if (state.spot) {
    told.set(isFold(state.spot) ? "fold" : "node", state.spot.first.key);
  }
  if (nodes.length) {
    const { x, y, scale } = picture.look();
    told.set("look", [x, y, scale * 1000].map((value) => Math.round(value)).join(","));
  }
  return told.toString();
}

/** Make the view that the address tells, as far as it tells one of ours. */
function restoreView() {
  const text = location.hash.slice(1);
  if (text === kept || !text || text.length > LONGEST_ADDRESS) return;
  kept = text;
  const told = new URLSearchParams(text);
  if (told.get("v") !== "1") return;
  Object.assign(state, { spot: null, line: null, path: null, focus: null });
  restoreFilters(told);
  const open = told.getAll("open").slice(0, MOST_KEPT).map((key) => groupOf[byKey.get(key)?.id]);
  const before = [...state.outside.keys()];
  state.outside.clear();
  for (const group of open) if (group?.members.length > 1) state.outside.set(group, outOf(group));
  redo(new Set([...before, ...state.outside.keys()].filter((group) => state.picture.has(group))));
  sift();
  picture.recolour();
  restoreChoice(told);
  const look = (told.get("look") ?? "").split(",").map(Number);
  if (look.length === 3 && look.every((value) => Math.abs(value) < FARTHEST_OUT) && look[2] > 0) {
    picture.lookAt({ x: look[0], y: look[1], scale: Math.min(10, look[2] / 1000) });
  }
}

function restoreFilters(told) {
  const names = (told.get("off") ?? "").split("\n");
  state.off = new Set(types.flatMap((type, index) => (names.includes(type.name) ? [index] : [])));
  state.least = whole(told.get("least"), 0, Number(byId("least").max), 0);
  const ways = [...byId("colour").options].map((option) => option.value);
  if (ways.includes(told.get("colour"))) state.colour = told.get("colour");
  state.hops = told.get("hops") === "2" ? 2 : 1;
  const { first, last } = months();
  const month = (name, usual) => {
    const [, year, of] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(told.get(name) ?? "") ?? [];
    return year ? Math.min(last, Math.max(first, Number(year) * 12 + Number(of) - 1)) : usual;
  };
  const undated = told.get("undated") !== "0";
  const [from, to] = [month("from", null), month("to", null)];
  state.dates = {
    from: from === null ? -Infinity : monthStart(from),
    to: to === null ? Infinity : monthStart(to + 1),
    undated,
  };
}

function whole(text, least, most, usual) {
  const value = /^\d{1,9}$/.test(text ?? "") ? Number(text) : usual;
  return Math.min(most, Math.max(least, value));
}

function restoreChoice(told) {
  const [from, to] = told.getAll("way").map((key) => byKey.get(key));
  const node = byKey.get(told.get("node"));
  const fold = byKey.get(told.get("fold"));
  if (from && to) {
    const ends = [from, to].map((end) => spotOf(end.id));
    if (ends.every(Boolean)) showPath(...ends);
  } else if (node) {
    chooseNode(node);
  } else if (fold && spotOf(fold.id)) {
    chooseSpot(spotOf(fold.id));
  }
}
