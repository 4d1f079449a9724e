// Lines from subjects to collections, drawn while references are hidden, and on large pages that begin
// without references. They come from observations
// (subject, reference, collection). Two links subject -> reference -> collection alone give no line, because
// they can belong to different observations.

let observed = null; // the links of these lines; computed when first needed, because it takes time
const STARTS_WITHOUT_REFERENCES = data.level === "files-collections";
let drawsObserved = hidesReferences(); // whether the lines are drawn

/** Return a link for each pair of a group of subjects and a collection that occur in an observation. */
function observedLinks() {
  if (observed) return observed;
  const found = new Map();
  for (const link of links) {
    for (const collection of collectionsNamedBy(link)) {
      const to = groupOf[collection];
      const key = `${link.from.id} ${to.id}`;
      if (!found.has(key)) found.set(key, { from: link.from, to, references: new Set() });
      const { tos } = matchingEnds(link, link.from.members, link.to.members, (fact) => fact.via?.includes(collection));
      for (const id of tos) found.get(key).references.add(id);
    }
  }
  observed = [...found.values()].map((each, index) =>
    ({ ...each, id: links.length + shared.length + index, count: each.references.size }));
  return observed;
}

/** Return the ids of the collections that edges of a link list in `via`. */
function collectionsNamedBy({ facts: some }) {
  const named = new Set();
  for (const fact of new Set(typeof some === "number" ? [some] : some)) {
    for (const id of collectionsOf(facts[fact])) if (types[nodes[id].type].labeled) named.add(id);
  }
  return named;
}

/** Return whether no reference is drawn, or only those that the user searched for. */
function hidesReferences() {
  if (STARTS_WITHOUT_REFERENCES) return true;
  const dated = types.flatMap((type, index) => (type.dated ? [index] : []));
  return dated.length > 0 && dated.every((index) => state.hiddenTypes.has(index));
}

/** Add or remove the lines after the filters changed; return the difference, or null if there is none. */
function updateObservedLines() {
  if (hidesReferences() === drawsObserved) return null;
  drawsObserved = !drawsObserved;
  const difference = { removed: { markers: [], lines: [] }, added: { markers: [], lines: [] }, moved: [] };
  if (drawsObserved) difference.added.lines = observedLinks().flatMap(linesFor);
  else difference.removed.lines = [...lines.values()].filter((line) => line.link.references).filter(dropLine);
  return difference;
}

/** Return the details of a line from subjects to a collection. */
function observedPanel(line) {
  const { references } = line.link;
  return [
    heading("Details"),
    createElement("p", { className: "type" }, createElement("span", { className: "what" },
      `observed together with ${plural(references.size, "reference")}`), clearButton()),
    createElement("h3", { textContent: "Between" }),
    createElement("ul", {}, spotRow(line.from), spotRow(line.to)),
    ...listing("References", [...references].map((id) => nodes[id]), linksNote),
  ];
}
