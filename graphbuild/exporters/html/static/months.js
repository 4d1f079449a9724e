// Months of publication dates. A month is a number: 12 * year + month, January being 0.

/** Return the month (UTC) of a date in seconds since 1970. */
function monthOf(date) {
  const time = new Date(date * 1000);
  return time.getUTCFullYear() * 12 + time.getUTCMonth();
}

/** Return the name of a month, such as "2019-03". */
function monthName(month) {
  return `${String(Math.floor(month / 12)).padStart(4, "0")}-${String((month % 12) + 1).padStart(2, "0")}`;
}

/** Return the first second of a month, in seconds since 1970. */
function monthStart(month) {
  return Date.UTC(Math.floor(month / 12), month % 12) / 1000;
}

let monthCounts = null; // cached result of countMonths()

/**
 * Return the first and last month with references, the number of references per month (`counts`)
 * and the number of references without a date (`undated`).
 */
function countMonths() {
  if (monthCounts) return monthCounts;
  const counts = new Map();
  let undated = 0;
  for (const node of nodes) {
    if (!types[node.type].dated) continue;
    const date = dateOf(node);
    if (date === undefined) undated += 1;
    else counts.set(monthOf(date), (counts.get(monthOf(date)) ?? 0) + 1);
  }
  const sorted = [...counts.keys()].sort((a, b) => a - b);
  monthCounts = { counts, undated, first: sorted[0] ?? 0, last: sorted.at(-1) ?? 0 };
  return monthCounts;
}
