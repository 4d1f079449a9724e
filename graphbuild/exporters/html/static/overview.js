// The panel while nothing is chosen: where to begin.

const FIRST_ROWS = 5;
let known = null; // what does not change: made once

function aboutGraph() {
  known ??= { met: meetings(), dated: byDate() };
  const { met, dated } = known;
  const parts = [heading("Details"), make("p", {
    className: "hint",
    textContent: "Choose something in the picture, by search or below. ×n stands for n nodes with "
      + "the same neighbours: a double click opens it. Drag to move, turn the wheel to zoom, "
      + "/ to search, Esc to clear.",
  }), selectionButtons()];
  if (met.length) parts.push(heading3("Collections with reports in common"), rowsOf(met, meetingRow, FIRST_ROWS));
  if (dated.length > 1) {
    parts.push(...listing("Oldest report", dated.slice(0, 1), dayNote));
    parts.push(...listing("Newest report", dated.slice(-1), dayNote));
  }
  types.forEach((type, index) => {
    const most = byLinks.filter((node) => node.type === index && node.links > 0).slice(0, FIRST_ROWS);
    if (most.length) parts.push(...listing(`Most linked: ${clean(type.name)}`, most, linksNote));
  });
  return parts;
}

function heading3(text) {
  return make("h3", { textContent: text });
}

function dayNote(node) {
  return day(dateOf(node));
}

/** Two collections; pressed, the way from one to the other, over what they share. */
function meetingRow({ one, other, count }) {
  const [a, b] = [one, other].map((id) => quoted(cut(nameOf(nodes[id]), 60)));
  const what = make("span", { className: "what" }, a, " and ", b,
    make("span", { className: "also", textContent: `${counted(count, "report")} in both` }));
  const choose = make("button", { type: "button", className: "neighbour row tall" },
    swatch(types[nodes[one].type]), what);
  choose.onclick = () => {
    for (const id of [one, other]) if (!isShown(nodes[id])) reveal(nodes[id]);
    bringIn([[one], [other]]);
    showPath(spotOf(one), spotOf(other));
  };
  return make("li", {}, choose);
}
