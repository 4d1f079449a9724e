// Long lists: the first rows, the rest when asked for.

const MOST_ROWS = 200;

/** A list of the first rows, the rest behind a button. */
function rowsOf(these, rowOf, most = MOST_ROWS) {
  const list = make("ul", {}, ...these.slice(0, most).map(rowOf));
  const rest = these.slice(most);
  if (rest.length) list.append(moreRow(rest, rowOf));
  return list;
}

function moreRow(rest, rowOf) {
  const item = make("li");
  item.append(button(`Show ${number(rest.length)} more`, () => {
    const rows = rest.map(rowOf);
    item.replaceWith(...rows);
    rows[0].querySelector("button")?.focus();
  }));
  return item;
}
