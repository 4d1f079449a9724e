// Save where the nodes are, and the labels and notes that the user typed. `graphbuild export --places` reads
// the saved file (exporters/places.py).

const MAX_TYPED = 4_000; // characters of a label or note
const PLACES_FORMAT = "graphbuild-places";
const TYPED_FIELDS = { user_label: "Your label", user_note: "Your note" }; // attribute -> title

function buildPlaces() {
  byId("places").disabled = nodes.length === 0;
  byId("places").onclick = () => download(`${fileStem()}-places.json`, new Blob([placesText()], { type: "application/json" }));
}

function placesText() {
  const entries = nodes.map((node) => [node.key, placeOf(node)]);
  return JSON.stringify({ format: PLACES_FORMAT, nodes: Object.fromEntries(entries) }, null, 1);
}

/** Return the position of a node, with y upwards as in the other files, and what the user typed. */
function placeOf(node) {
  const marker = markerOf(node.id);
  const isAtItsPlace = marker && !isFolded(marker) && !state.layered;
  const { x, y } = isAtItsPlace ? marker : movedPosition(groupOf[node.id], positionInGroup(node.id));
  const typed = Object.keys(TYPED_FIELDS).filter((name) => node.attributes[name])
    .map((name) => [name, node.attributes[name]]);
  return { x: rounded(x), y: rounded(0 - y), ...Object.fromEntries(typed) };
}

/** Return the fields for the label and the note of a node, in a section that is closed if both are empty. */
function typedSection(node) {
  const fields = Object.entries(TYPED_FIELDS).map(([name, title]) => typedField(node, name, title));
  const isUsed = Object.keys(TYPED_FIELDS).some((name) => node.attributes[name]);
  return createElement("details", { className: "typed", open: isUsed },
    createElement("summary", { textContent: "Your label and note" }), ...fields.flat(),
    createElement("p", { className: "what", textContent: "Press Places to save them in a file for export --places." }));
}

function typedField(node, name, title) {
  const field = createElement(name === "user_note" ? "textarea" : "input", { id: name, dir: "auto",
    maxLength: MAX_TYPED, value: node.attributes[name] ?? "", onchange: () => setTyped(node, name, field.value.trim()) });
  field.dataset.act = name;
  return [createElement("label", { htmlFor: name, textContent: title }), field];
}

function setTyped(node, name, text) {
  if (text) node.attributes[name] = text;
  else delete node.attributes[name];
  if (name === "user_label") {
    node.label = text || defaultLabel(node);
    lowerLabels[node.id] = node.label.toLowerCase();
  }
  searchTexts[node.id] = searchTextOf(node);
  renderer.refresh([markerOf(node.id)]);
  notify();
}

/** Return the label of a node without the user's: that of the page if it was not the user's, or another name. */
function defaultLabel({ ownLabel, attributes: { title, name, url, id } }) {
  return ownLabel ?? String(title ?? name ?? url ?? id);
}

for (const node of nodes) if (node.attributes.user_label === undefined) node.ownLabel = node.label;
