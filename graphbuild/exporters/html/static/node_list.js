// The list of visible markers, for keyboards and screen readers. The most important markers come first.

const LIST_STEP = 200; // rows shown at once
let listedCount = LIST_STEP;

function buildList() {
  byId("list-box").ontoggle = () => showList();
  byId("list-query").oninput = () => { listedCount = LIST_STEP; showList(); };
  byId("list").onkeydown = onListKey;
}

function showList() {
  const box = byId("list-box");
  const all = [...markers.values()].filter((marker) => marker.shown);
  byId("list-count").textContent = formatNumber(all.length);
  if (!box.open) return;
  const words = splitQuery(byId("list-query").value);
  const some = all.filter((marker) => !words.length
    || marker.members.some((id) => passesFilters(nodes[id]) && matches(nodes[id], words)))
    .sort(byImportance);
  const list = byId("list");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.marker : null;
  const rows = some.slice(0, listedCount).map(listRow);
  list.replaceChildren(...rows);
  byId("list-rest").replaceChildren(...restOfList(some.length));
  const again = rows.map((row) => row.firstChild)
    .find((row) => row.dataset.marker === (focused ?? String(state.marker?.id)));
  (again ?? rows[0]?.firstChild)?.setAttribute("tabindex", "0");
  if (focused !== null) (again ?? byId("list-query")).focus();
}

function restOfList(count) {
  if (!count) return ["No drawn node matches."];
  const rest = count - listedCount;
  return rest <= 0 ? [] : [button(`Show ${formatNumber(rest)} more`, () => {
    listedCount += rest;
    showList();
  })];
}

function listRow(marker) {
  const { type } = marker;
  const note = `${showInvisible(types[type].title)} · ${plural(marker.links, "link")}${isFolded(marker) ? " each" : ""}`;
  const row = createElement("button", { type: "button", className: "neighbor row tall", tabIndex: -1 },
    typeIcon(types[type]), createElement("span", { className: "what", dir: "auto" },
      isFolded(marker) ? `${countText(marker)} ` : "", isolatedText(truncate(titleOf(marker), 120)),
      createElement("span", { className: "also", textContent: note })));
  row.dataset.marker = marker.id;
  if (marker === state.marker) row.setAttribute("aria-current", "true");
  row.onclick = ({ shiftKey }) => (shiftKey && !pathStart ? toggleSelected(marker.members) : selectMarker(marker, { fly: true }));
  return createElement("li", {}, row);
}

/** Move between rows with the arrow keys, Home and End. The Tab key treats the list as one stop. */
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
