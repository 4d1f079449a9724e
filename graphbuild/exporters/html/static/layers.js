// The layered layout: subjects on the left, references in the middle, collections on the right. The order
// within a layer reduces crossings of lines with the barycenter heuristic: each marker is near the mean
// position of its neighbors in the other layer.

const LAYER_SWEEPS = 12; // each orders all layers once, from left to right or from right to left
const ROW_HEIGHT = 44; // in units of the layout
const COLUMN_WIDTHS = [64, 64, 170]; // by layer; collections have space for labels
const LAYER_GAP = 0.3; // distance between layers, as a share of the height
const MIN_LAYER_GAP = 260; // in units of the layout; leaves space for labels
const LAYERS_ASPECT = 1.4; // intended ratio of width to height

function buildLayers() {
  byId("layers").disabled = nodes.length === 0;
  byId("layers").onclick = () => setLayered(!state.layered);
}

function showLayers() {
  byId("layers").setAttribute("aria-pressed", String(state.layered));
}

/** Arrange the markers in layers, or at their positions in the network. */
function setLayered(layered) {
  state.layered = layered;
  if (layered) arrangeLayers();
  else arrangeNetwork();
  if (nodes.length) renderer.showAll();
  notify();
}

function arrangeNetwork() {
  for (const marker of markers.values()) Object.assign(marker, networkPosition(marker));
  renderer.move([...markers.values()]);
}

/** Move all visible markers to their positions in the layered layout. */
function arrangeLayers() {
  const layers = orderedLayers([...markers.values()].filter((marker) => marker.shown));
  const longest = Math.max(...layers.map((layer) => layer.length), 1);
  const total = layers.reduce((sum, layer) => sum + layer.length, 0);
  const rows = Math.min(longest, Math.max(12, Math.ceil(Math.sqrt((total * COLUMN_WIDTHS[0]) / ROW_HEIGHT / LAYERS_ASPECT))));
  let left = 0;
  layers.forEach((layer, number) => {
    if (!layer.length) return;
    const columns = Math.ceil(layer.length / rows);
    const step = (rows * ROW_HEIGHT * columns) / layer.length; // spreads a short layer over the whole height
    layer.forEach((marker, index) => {
      marker.x = left + (index % columns) * COLUMN_WIDTHS[number];
      marker.y = Math.floor(index / columns) * step;
    });
    left += columns * COLUMN_WIDTHS[number] + Math.max(MIN_LAYER_GAP, LAYER_GAP * rows * ROW_HEIGHT);
  });
  renderer.move(layers.flat());
}

/** Return the markers of each layer in an order with few crossings. */
function orderedLayers(some) {
  const layers = [[], [], []];
  for (const marker of [...some].sort((a, b) => a.y - b.y || a.id - b.id)) layers[layerOf(marker)].push(marker);
  for (let sweep = 0; sweep < LAYER_SWEEPS; sweep += 1) {
    for (const index of sweep % 2 ? [1, 0] : [1, 2]) sortByNeighbors(layers, index);
  }
  return layers;
}

function layerOf(marker) {
  const { dated, labeled } = types[marker.type];
  return dated ? 1 : labeled ? 2 : 0;
}

/** Sort a layer by the mean position of the neighbors of each marker in other layers. */
function sortByNeighbors(layers, index) {
  const place = new Map();
  layers.forEach((layer) => layer.forEach((marker, at) => place.set(marker, (at + 0.5) / layer.length)));
  const mean = new Map(layers[index].map((marker) => {
    const near = [...marker.lines].map((line) => (line.from === marker ? line.to : line.from))
      .filter((other) => place.has(other) && layerOf(other) !== index).map((other) => place.get(other));
    return [marker, near.length ? near.reduce((sum, value) => sum + value, 0) / near.length : place.get(marker)];
  }));
  layers[index].sort((a, b) => mean.get(a) - mean.get(b) || a.id - b.id);
}
