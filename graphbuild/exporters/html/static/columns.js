// Columns: the attributes by which nodes are colored and sized, and the authors and origins by which they
// are filtered.

const NOT_COLUMNS = new Set(["id", "title", "name", "url", "user_label", "user_note", "is_new", "creation_date"]);
const LINKS = "links"; // the column of the number of links, which is not an attribute
const FILTER_COLUMNS = { author: "Authors", origin: "Origins" }; // name of a column -> title of its filter
const MAX_SHARE_DISTINCT = 0.7; // of the values of a text column; with more, colors would say nothing

const columns = findColumns(); // name -> column, in the order of the attributes

/** Return the columns with at least two values; a column has a name, a title, a kind, and counts of values. */
function findColumns() {
  const found = new Map([[LINKS, []]]);
  for (const node of nodes) {
    found.get(LINKS).push(node.links);
    for (const name of Object.keys(node.attributes)) {
      if (NOT_COLUMNS.has(name) || name.startsWith("crawl_")) continue;
      if (!found.has(name)) found.set(name, []);
      found.get(name).push(columnValue(node, name));
    }
  }
  return new Map([...found].map(([name, values]) => [name, columnOf(name, values)]).filter(([, column]) => column));
}

/** Return the value of a node in a column: a number or a text; undefined if it has none. */
function columnValue(node, name) {
  if (name === LINKS) return node.links;
  const value = node.attributes[name];
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === "" ? undefined : value;
}

/** Return a column from its values; null if they are all the same or, in a text column, nearly all different. */
function columnOf(name, values) {
  const counts = new Map();
  for (const value of values) if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  if (counts.size < 2) return null;
  const isNumber = [...counts.keys()].every((value) => typeof value === "number");
  const kind = !isNumber ? "text" : name.endsWith("_date") ? "date" : "number";
  if (kind === "text" && counts.size > MAX_SHARE_DISTINCT * values.length) return null;
  const ordered = [...counts].sort(([a, some], [b, others]) => others - some || (String(a) < String(b) ? -1 : 1));
  const numbers = isNumber ? [...counts.keys()] : [];
  return { name, kind, counts: new Map(ordered), title: columnTitle(name),
    least: numbers.reduce((low, value) => Math.min(low, value), Infinity),
    most: numbers.reduce((high, value) => Math.max(high, value), -Infinity) };
}

function columnTitle(name) {
  if (name === LINKS) return "Links";
  if (Object.hasOwn(attributeTitles, name)) return attributeTitles[name];
  const words = showInvisible(name).replaceAll("_", " ");
  return truncate(words.charAt(0).toUpperCase() + words.slice(1), 40);
}

/** Return the median of the values of a marker's visible members in a column; undefined if they have none. */
function medianOf(marker, column) {
  const values = marker.members.map((id) => nodes[id]).filter(passesFilters)
    .map((node) => columnValue(node, column.name)).filter((value) => value !== undefined);
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Return the share (0 to 1) of a value between the least and the most; numbers on a logarithmic scale. */
function shareOf(value, { kind, least, most }) {
  const scale = kind === "date" ? (number) => number - least : (number) => Math.log1p(number - least);
  return scale(value) / scale(most);
}

// --- filters

/** Return whether the user did not hide the author or the origin of a node. */
function passesValues(node) {
  return Object.entries(state.hiddenValues).every(([name, hidden]) => !hidden.has(columnValue(node, name)));
}

function buildValueFilters() {
  const boxes = Object.keys(FILTER_COLUMNS).filter((name) => columns.get(name)?.kind === "text").map(valueFilter);
  byId("value-filters").replaceChildren(...boxes);
}

/** Return a closed list of the values of a column, each with a checkbox. */
function valueFilter(name) {
  const { counts } = columns.get(name);
  const list = createElement("ul", {}, ...[...counts].map(([value, count]) => valueRow(name, value, count)));
  const all = button("All", () => hideValues(name, []));
  const none = button("None", () => hideValues(name, [...counts.keys()]));
  const details = createElement("details", {}, createElement("summary", {}, FILTER_COLUMNS[name], " ",
    createElement("span", { className: "count" })), createElement("p", { className: "actions" }, all, none), list);
  details.dataset.column = name;
  return details;
}

function valueRow(name, value, count) {
  const check = createElement("input", { type: "checkbox", checked: true });
  check.onchange = () => {
    const hidden = new Set(state.hiddenValues[name]);
    hidden[check.checked ? "delete" : "add"](value);
    hideValues(name, hidden);
  };
  check.columnItem = value;
  return createElement("li", {}, createElement("label", {}, check,
    createElement("span", { className: "name", dir: "auto" }, isolatedText(truncate(String(value), 80))),
    createElement("span", { className: "count", textContent: formatNumber(count) })));
}

function hideValues(name, values) {
  state.hiddenValues[name] = new Set(values);
  applyFilters();
}

/** Show the current filters, which other parts of the page can also change. */
function showValueFilters() {
  for (const details of byId("value-filters").children) {
    const hidden = state.hiddenValues[details.dataset.column];
    const all = columns.get(details.dataset.column).counts.size;
    for (const check of details.querySelectorAll("input")) check.checked = !hidden.has(check.columnItem);
    details.querySelector(".count").textContent = hidden.size ? `${formatNumber(all - hidden.size)} of ${formatNumber(all)}`
      : formatNumber(all);
  }
}
