// A line: its two ends, and the observations that stand behind it, pair by pair where they differ.

function aboutLine(line) {
  const { link } = line;
  if (link.count) return aboutShared(line);
  const parts = [
    heading("Details"),
    make("p", { className: "type" }, make("span", { className: "what" }, "link: ",
      quoted(relations[link.relation])), clearButton()),
    make("p", { className: "hint", textContent: standing(line) }),
    make("h3", { textContent: "Between" }),
    make("ul", {}, spotRow(line.from), spotRow(line.to)),
  ];
  return [...parts, ...(pairCount(line) > 1 ? evidenceByPairs(line) : evidenceOfOne(line))];
}

/** Each pair of ends, and what is said of it. */
function pairsIn(line) {
  return line.from.members.flatMap((from) => line.to.members.map((to) =>
    ({ from, to, said: saidOf(line.link, from, to) })));
}

function standing(line) {
  const weights = pairsIn(line).map(({ said }) => said.weight);
  const sum = weights.reduce((total, weight) => total + (typeof weight === "number" ? weight : 0), 0);
  const pairs = pairCount(line);
  const behind = sum ? `${counted(sum, "observation")} behind ${pairs === 1 ? "it" : "them"}.` : "";
  if (pairs === 1) return behind;
  return `All ${number(line.from.members.length)} with all ${number(line.to.members.length)}: `
    + `${number(pairs)} links. ${behind}`;
}

/** A single edge: what it was observed with. */
function evidenceOfOne(line) {
  const [{ from, said }] = pairsIn(line);
  const through = said.via ? namedIn(said).map((id) => nodes[id]) : filesBehind(line, from);
  const parts = said.more ? [extra(said)] : [];
  if (through.length) parts.push(...listing("Observed with", [...new Set(through)], linksNote));
  const unnamed = (said.via ?? []).filter((id) => typeof id === "string" || id === NOWHERE);
  return [...parts, ...unnamed.map((id) => make("p", {}, "Through ", quoted(viaName(id))))];
}

/** Whose edges to a report name the collection at the end of a line. */
function filesBehind(line, report) {
  const [collection] = line.to.members;
  return line.from.group.in.flatMap((prior) => prior.from.members
    .filter((id) => saidOf(prior, id, report).via?.includes(collection)).map((id) => nodes[id]));
}

function extra(said) {
  return make("dl", {}, ...Object.entries(said.more)
    .flatMap(([name, value]) => [make("dt", {}, quoted(name)), make("dd", {}, quoted(value))]));
}

/** Many edges: what is said of them, each once, and of which pairs. */
function evidenceByPairs(line) {
  const kinds = new Map();
  for (const pair of pairsIn(line)) {
    if (!kinds.has(pair.said)) kinds.set(pair.said, []);
    kinds.get(pair.said).push(pair);
  }
  return [make("h3", { textContent: "What stands behind each" }),
    ...[...kinds].map(([said, pairs]) => sameEvidence(said, pairs))];
}

function sameEvidence(said, pairs) {
  const parts = [make("summary", {}, `${counted(pairs.length, "link")}: ${saidNote(said)}`)];
  const box = make("details", { className: "pairs" }, ...parts);
  if (Object.keys(said.more ?? {}).some((name) => name !== "provenance")) box.append(extra(said));
  // Thousands of rows are made when they are asked for.
  box.ontoggle = () => {
    if (box.open && !box.querySelector("ul")) box.append(rowsOf(pairs, pairRow));
  };
  return box;
}

/** "through Red, Blue · 3 observations · inferred" */
function saidNote(said) {
  const names = (said.via ?? []).map((id) => cut(viaName(id), 60));
  const provenance = said.more?.provenance;
  return [names.length && `through ${names.join(", ")}`,
    typeof said.weight === "number" && counted(said.weight, "observation"),
    provenance && clean(provenance)].filter(Boolean).join(" · ");
}

function pairRow({ from, to }) {
  const text = [from, to].map((id) => quoted(cut(nameOf(nodes[id]), 80)));
  const choose = make("button", { type: "button", className: "neighbour row tall" },
    make("span", { className: "what" }, text[0], " → ", text[1]));
  choose.onclick = () => chooseNode(nodes[from]);
  return make("li", {}, choose);
}

function spotRow(spot) {
  const what = make("span", { className: "what", dir: "auto" }, quoted(cut(titleOf(spot), 160)),
    make("span", { className: "also", textContent: linksNote(spot) }));
  const choose = make("button", { type: "button", className: "neighbour row tall" },
    swatch(types[spot.type]), what);
  choose.onclick = () => chooseSpot(spot, { fly: true });
  return make("li", {}, choose);
}

/** A line of the map of collections. */
function aboutShared(line) {
  const { link } = line;
  const groupsBetween = link.from.in.map((each) => each.from)
    .filter((group) => link.to.in.some((each) => each.from === group));
  const between = groupsBetween.flatMap((group) => group.members).map((id) => nodes[id]);
  return [
    heading("Details"),
    make("p", { className: "type" }, make("span", { className: "what" },
      `${number(link.count)} in both`), clearButton()),
    make("h3", { textContent: "Between" }),
    make("ul", {}, spotRow(line.from), spotRow(line.to)),
    ...listing("What they share", between, linksNote),
  ];
}
