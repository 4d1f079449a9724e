// The details panel while nothing is selected: suggestions of where to start.

const FIRST_ROWS = 5;
let known = null; // cached pairs of collections and dated references, which never change

function graphPanel() {
  known ??= { pairs: collectionPairs(), dated: nodesByDate() };
  const { pairs, dated } = known;
  const parts = [heading("Details"), createElement("p", {
    className: "hint",
    textContent: "Select a node in the graph, by search or below. ×n is a group of n nodes with the "
      + "same neighbors; double-click to expand it. Drag to move, scroll to zoom, press / to search "
      + "and Esc to clear the selection.",
  }), selectionButtons()];
  if (pairs.length) parts.push(heading3("Collections with shared references"), rowsOf(pairs, collectionPairRow, FIRST_ROWS));
  if (dated.length > 1) {
    parts.push(...listing("Oldest reference", dated.slice(0, 1), dayNote));
    parts.push(...listing("Newest reference", dated.slice(-1), dayNote));
  }
  for (const name of new Set(types.map((type) => type.name))) { // collections of all kinds together
    const most = nodesByDegree.filter((node) => types[node.type].name === name && node.links > 0).slice(0, FIRST_ROWS);
    if (most.length) parts.push(...listing(`Most linked: ${showInvisible(name)}`, most, linksNote));
  }
  return parts;
}

function heading3(text) {
  return createElement("h3", { textContent: text });
}

function dayNote(node) {
  return formatDate(dateOf(node));
}

/** Return a row for a pair of collections; its button shows the path between them. */
function collectionPairRow({ one, other, count }) {
  const [a, b] = [one, other].map((id) => isolatedText(truncate(displayName(nodes[id]), 80)));
  const what = createElement("span", { className: "what" }, a, " and ", b,
    createElement("span", { className: "also", textContent: `${plural(count, "shared reference")}` }));
  const choose = createElement("button", { type: "button", className: "neighbor row tall" },
    typeIcon(types[nodes[one].type]), what);
  choose.onclick = () => {
    for (const id of [one, other]) if (!passesFilters(nodes[id])) reveal([nodes[id]]);
    drawGroups([[one], [other]]);
    showPath(markerOf(one), markerOf(other));
  };
  return createElement("li", {}, choose);
}
