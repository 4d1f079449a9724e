// The details of a line: its two ends, and the observations of each edge that the line represents.

function linePanel(line) {
  const { link } = line;
  if (link.references) return observedPanel(line);
  if (link.count) return sharedPanel(line);
  const parts = [
    heading("Details"),
    createElement("p", { className: "type" }, createElement("span", { className: "what" }, "link: ",
      isolatedText(relations[link.relation])), clearButton()),
    createElement("p", { className: "hint", textContent: lineSummary(line) }),
    createElement("h3", { textContent: "Between" }),
    createElement("ul", {}, spotRow(line.from), spotRow(line.to)),
  ];
  return [...parts, ...(pairCount(line) > 1 ? groupedEvidence(line) : singleEvidence(line))];
}

/** Return the edges that a line represents, each as the ids of its ends and its fact. */
function pairsIn(line) {
  return line.from.members.flatMap((from) => line.to.members.map((to) =>
    ({ from, to, fact: factOf(line.link, from, to) })));
}

function lineSummary(line) {
  const weights = pairsIn(line).map(({ fact }) => fact.weight);
  const sum = weights.reduce((total, weight) => total + (typeof weight === "number" ? weight : 0), 0);
  const pairs = pairCount(line);
  const observations = sum ? `${plural(sum, "observation")}.` : "";
  if (pairs === 1) return observations;
  return `All ${formatNumber(line.from.members.length)} with all ${formatNumber(line.to.members.length)}: `
    + `${formatNumber(pairs)} links. ${observations}`;
}

/** Return elements that show the observations of a line that represents one edge. */
function singleEvidence(line) {
  const [{ from, fact }] = pairsIn(line);
  const through = fact.via ? collectionsOf(fact).map((id) => nodes[id]) : filesNaming(line, from);
  const parts = fact.more ? [extra(fact)] : [];
  if (through.length) parts.push(...listing("Observed with", [...new Set(through)], linksNote));
  const unnamed = (fact.via ?? []).filter((id) => typeof id === "string" || id === NO_COLLECTION);
  return [...parts, ...unnamed.map((id) => createElement("p", {}, "Through ", isolatedText(viaName(id))))];
}

/** Return the subjects that were observed with a reference (id) and the collection at the end of the line. */
function filesNaming(line, reference) {
  const [collection] = line.to.members;
  return line.from.group.in.flatMap((prior) => prior.from.members
    .filter((id) => factOf(prior, id, reference).via?.includes(collection)).map((id) => nodes[id]));
}

function extra(fact) {
  return createElement("dl", {}, ...Object.entries(fact.more)
    .flatMap(([name, value]) => [createElement("dt", {}, isolatedText(name)), createElement("dd", {}, isolatedText(value))]));
}

/** Return elements that show the observations of a line that represents many edges, grouped by fact. */
function groupedEvidence(line) {
  const kinds = new Map();
  for (const pair of pairsIn(line)) {
    if (!kinds.has(pair.fact)) kinds.set(pair.fact, []);
    kinds.get(pair.fact).push(pair);
  }
  return [createElement("h3", { textContent: "Evidence for each" }),
    ...[...kinds].map(([fact, pairs]) => evidenceGroup(fact, pairs))];
}

function evidenceGroup(fact, pairs) {
  const parts = [createElement("summary", {}, `${plural(pairs.length, "link")}: ${factNote(fact)}`)];
  const box = createElement("details", { className: "pairs" }, ...parts);
  if (Object.keys(fact.more ?? {}).some((name) => name !== "provenance")) box.append(extra(fact));
  // Rows are created when the group is opened, since there may be thousands.
  box.ontoggle = () => {
    if (box.open && !box.querySelector("ul")) box.append(rowsOf(pairs, pairRow));
  };
  return box;
}

/** Return a summary such as "through Red, Blue · 3 observations · inferred". */
function factNote(fact) {
  const names = (fact.via ?? []).map((id) => truncate(viaName(id), 80));
  const provenance = fact.more?.provenance;
  return [names.length && `through ${names.join(", ")}`,
    typeof fact.weight === "number" && plural(fact.weight, "observation"),
    provenance && showInvisible(provenance)].filter(Boolean).join(" · ");
}

function pairRow({ from, to }) {
  const text = [from, to].map((id) => isolatedText(truncate(displayName(nodes[id]), 80)));
  const choose = createElement("button", { type: "button", className: "neighbor row tall" },
    createElement("span", { className: "what" }, text[0], " → ", text[1]));
  choose.onclick = () => selectNode(nodes[from]);
  return createElement("li", {}, choose);
}

function spotRow(marker) {
  const what = createElement("span", { className: "what", dir: "auto" }, isolatedText(truncate(titleOf(marker), 160)),
    createElement("span", { className: "also", textContent: linksNote(marker) }));
  const choose = createElement("button", { type: "button", className: "neighbor row tall" },
    typeIcon(types[marker.type]), what);
  choose.onclick = () => selectMarker(marker, { fly: true });
  return createElement("li", {}, choose);
}

/** Return the details of a line between two collections on the map. */
function sharedPanel(line) {
  const { link } = line;
  const groupsBetween = link.from.in.map((each) => each.from)
    .filter((group) => isReference(nodes[group.members[0]]) && link.to.in.some((each) => each.from === group));
  const between = groupsBetween.flatMap((group) => group.members).map((id) => nodes[id]);
  return [
    heading("Details"),
    createElement("p", { className: "type" }, createElement("span", { className: "what" },
      `${plural(link.count, "shared reference")}`), clearButton()),
    createElement("h3", { textContent: "Between" }),
    createElement("ul", {}, spotRow(line.from), spotRow(line.to)),
    ...listing("Shared references", between, linksNote),
  ];
}
