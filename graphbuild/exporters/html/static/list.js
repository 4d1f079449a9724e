// The picture as a list, for those who go without it: what is drawn, the important first.

const MOST_LISTED = 200; // at once; the rest is asked for
let listedMost = MOST_LISTED;

function buildList() {
  byId("list-box").ontoggle = () => showList();
  byId("list-query").oninput = () => { listedMost = MOST_LISTED; showList(); };
  byId("list").onkeydown = onListKey;
}

function showList() {
  const box = byId("list-box");
  const all = [...spots.values()].filter((spot) => spot.shown);
  byId("list-count").textContent = number(all.length);
  if (!box.open) return;
  const words = wordsOf(byId("list-query").value);
  const some = all.filter((spot) => !words.length
    || spot.members.some((id) => isShown(nodes[id]) && matches(nodes[id], words)))
    .sort(byImportance);
  const list = byId("list");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.spot : null;
  const rows = some.slice(0, listedMost).map(listRow);
  list.replaceChildren(...rows);
  byId("list-rest").replaceChildren(...restOfList(some.length));
  const again = rows.map((row) => row.firstChild)
    .find((row) => row.dataset.spot === (focused ?? String(state.spot?.id)));
  (again ?? rows[0]?.firstChild)?.setAttribute("tabindex", "0");
  if (focused !== null) (again ?? byId("list-query")).focus();
}

function restOfList(count) {
  if (!count) return ["Nothing drawn matches."];
  const rest = count - listedMost;
  return rest <= 0 ? [] : [button(`Show ${number(rest)} more`, () => {
    listedMost += rest;
    showList();
  })];
}

function listRow(spot) {
  const { type } = spot;
  const note = `${clean(types[type].name)} · ${counted(spot.links, "link")}${isFold(spot) ? " each" : ""}`;
  const row = make("button", { type: "button", className: "neighbour row tall", tabIndex: -1 },
    swatch(types[type]), make("span", { className: "what", dir: "auto" },
      isFold(spot) ? `${countText(spot)} ` : "", quoted(cut(titleOf(spot), 120)),
      make("span", { className: "also", textContent: note })));
  row.dataset.spot = spot.id;
  if (spot === state.spot) row.setAttribute("aria-current", "true");
  row.onclick = () => chooseSpot(spot, { fly: true });
  return make("li", {}, row);
}

/** One stop for Tab; the arrows, Home and End go through the rows. */
function onListKey(event) {
  const rows = [...byId("list").querySelectorAll("button")];
  const at = rows.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (at < 0 || to === undefined || !rows[to]) return;
  rows[at].tabIndex = -1;
  rows[to].tabIndex = 0;
  rows[to].focus();
  event.preventDefault();
}
