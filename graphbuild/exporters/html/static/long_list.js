// Lists that show the first rows, and a button that shows all others.

const MAX_ROWS = 200;

/** Return a list of the first `maxRows` items as rows, with a button that adds the others, if any. */
function rowsOf(items, rowOf, maxRows = MAX_ROWS) {
  const list = createElement("ul", {}, ...items.slice(0, maxRows).map(rowOf));
  const rest = items.slice(maxRows);
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
