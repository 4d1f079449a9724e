// Lists that show their first rows and a button for the rest.

const MAX_ROWS = 200;

/** Return a list of the first rows, with a button that adds the rest. */
function rowsOf(these, rowOf, most = MAX_ROWS) {
  const list = createElement("ul", {}, ...these.slice(0, most).map(rowOf));
  const rest = these.slice(most);
  if (rest.length) list.append(moreRow(rest, rowOf));
  return list;
}

function moreRow(rest, rowOf) {
  const item = createElement("li");
  item.append(button(`Show ${formatNumber(rest.length)} more`, () => {
    const rows = rest.map(rowOf);
    item.replaceWith(...rows);
    rows[0].querySelector("button")?.focus();
  }));
  return item;
}
