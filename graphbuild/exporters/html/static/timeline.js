// Histogram of references per month with two handles. Drag on it, or move the handles, to filter by date.

const BARS_HIGH = 40; // height of the histogram in its own units
const span = { from: 0, to: 0 }; // the first and the last selected month
const MAX_YEARS = 10; // labels below the histogram
const LABEL_SPACE = 0.95; // a label starts within this share of the histogram, so that it has space
let bars = []; // month and SVG element of each bar

function buildTimeline() {
  const { counts, undated, first, last } = countMonths();
  byId("timeline").hidden = counts.size === 0;
  if (!counts.size) return;
  resetSpan();
  for (const name of ["from", "to"]) {
    const slider = byId(`${name}-month`);
    Object.assign(slider, { min: first, max: last, step: 1 });
    slider.oninput = () => { setSpan({ ...span, [name]: Number(slider.value) }, name); };
  }
  byId("undated").onchange = () => setSpan(span);
  byId("undated-count").textContent = formatNumber(undated);
  byId("undated").disabled = undated === 0;
  byId("all-dates").onclick = () => { byId("undated").checked = true; resetSpan(); setSpan(span); };
  drawBars(counts, first, last);
  brush(byId("bars"));
}

function resetSpan() {
  const { first, last } = countMonths();
  Object.assign(span, { from: first, to: last });
}

/** Set the first and the last month. If `moving` ("from" or "to") passes the other, both become that month. */
function setSpan({ from, to }, moving = "to") {
  const { first, last } = countMonths();
  const within = (month) => Math.min(last, Math.max(first, month));
  span.from = within(moving === "to" ? Math.min(from, to) : from);
  span.to = within(moving === "to" ? to : Math.max(from, to));
  const undated = byId("undated").checked;
  const whole = undated && span.from === first && span.to === last;
  state.dates = whole ? { ...ALL_DATES }
    : { from: monthStart(span.from), to: monthStart(span.to + 1), undated };
  applyFilters();
}

/** Show the current date filter, which other parts of the page can also change. */
function showTimeline() {
  const { counts, first, last } = countMonths();
  if (!counts.size) return;
  const { from, to, undated } = state.dates;
  span.from = Number.isFinite(from) ? monthOf(from) : first;
  span.to = Number.isFinite(to) ? monthOf(to - 1) : last;
  for (const name of ["from", "to"]) {
    const slider = byId(`${name}-month`);
    slider.value = span[name];
    slider.setAttribute("aria-valuetext", monthName(span[name]));
    byId(`${name}-shown`).textContent = monthName(span[name]);
  }
  byId("undated").checked = undated;
  for (const { month, bar } of bars) {
    bar.setAttribute("class", month >= span.from && month <= span.to ? "bar kept" : "bar");
  }
  const kept = [...counts].reduce((sum, [month, count]) =>
    sum + (month >= span.from && month <= span.to ? count : 0), 0);
  byId("dated-count").textContent = plural(kept, "reference");
}

function drawBars(counts, first, last) {
  const most = Math.max(...counts.values());
  const wide = last - first + 1;
  const drawing = byId("bars");
  drawing.setAttribute("viewBox", `0 0 ${wide} ${BARS_HIGH}`);
  bars = [...counts].map(([month, count]) => {
    const bar = document.createElementNS(SVG, "rect");
    const high = 2 + (BARS_HIGH - 2) * (count / most);
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${monthName(month)}: ${plural(count, "reference")}`;
    bar.append(title);
    const box = { x: month - first + 0.08, y: BARS_HIGH - high, width: 0.84, height: high };
    for (const [name, value] of Object.entries(box)) bar.setAttribute(name, value);
    return { month, bar };
  });
  drawing.replaceChildren(...bars.map(({ bar }) => bar));
  byId("years").replaceChildren(...yearLabels(first, last));
}

/** Return labels for at most MAX_YEARS years, at the positions of their first months, if they have space. */
function yearLabels(first, last) {
  const years = [];
  const latest = first + LABEL_SPACE * (last - first + 1);
  for (let month = first; month <= latest; month += 1) if (month % 12 === 0) years.push(month);
  const every = Math.ceil(years.length / MAX_YEARS);
  return years.filter((_, index) => index % every === 0).map((month) => {
    const label = createElement("span", { textContent: monthName(month).slice(0, 4) });
    label.style.left = `${(100 * (month - first)) / (last - first + 1)}%`;
    return label;
  });
}

/** Let the user select months by dragging over an element; a click selects one month. */
function brush(drawing) {
  let start = null;
  const monthAt = ({ clientX }) => {
    const { left, width } = drawing.getBoundingClientRect();
    const { first, last } = countMonths();
    return first + Math.floor(((clientX - left) / width) * (last - first + 1));
  };
  drawing.onpointerdown = (event) => {
    start = monthAt(event);
    drawing.setPointerCapture(event.pointerId);
    setSpan({ from: start, to: start });
  };
  drawing.onpointermove = (event) => {
    if (start === null) return;
    const month = monthAt(event);
    setSpan({ from: Math.min(start, month), to: Math.max(start, month) });
  };
  drawing.onpointerup = drawing.onpointercancel = () => { start = null; };
}
