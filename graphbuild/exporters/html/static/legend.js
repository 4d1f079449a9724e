// The legend of types and lines; its checkboxes and slider filter the graph.

const typeBoxes = types.map(() => null);

function buildLegend() {
  byId("legend").replaceChildren(...types.map((type, index) => legendRow(type, index)));
  const slider = byId("min-links");
  slider.max = Math.min(maxDegree, 50);
  slider.oninput = () => { state.minLinks = Number(slider.value); applyFilters(); };
  byId("filters").hidden = maxDegree < 2;
  const folding = groups.some((group) => group.members.length > 1);
  byId("fold-row").hidden = !folding;
  // If some groups are expanded, the checkbox is indeterminate, and pressing it folds all of them again.
  byId("fold").onchange = () => foldAll(byId("fold").checked || isPartlyExpanded());
  byId("lines").replaceChildren(...lineRows());
}

/** Show the current filters, which other parts of the page can also change. */
function showLegend() {
  typeBoxes.forEach((box, index) => { box.checked = !state.hiddenTypes.has(index); });
  byId("min-links").value = state.minLinks;
  byId("min-links-shown").textContent = formatNumber(state.minLinks);
  byId("fold").checked = state.folding;
  byId("fold").indeterminate = isPartlyExpanded();
}

/** Return whether groups are folded in general, but some are expanded. */
function isPartlyExpanded() {
  return state.folding && state.expanded.size > 0;
}

function legendRow(type, index) {
  const box = createElement("input", { type: "checkbox", checked: true });
  typeBoxes[index] = box;
  box.onchange = () => { state.hiddenTypes[box.checked ? "delete" : "add"](index); applyFilters(); };
  const count = nodes.filter((node) => node.type === index).length;
  return createElement("li", {}, createElement("label", {}, box, typeIcon(type),
    createElement("span", { className: "name", dir: "auto" }, isolatedText(type.title)),
    createElement("span", { className: "count", textContent: formatNumber(count) })));
}

function lineRows() {
  const rows = relations.map((_, index) => {
    const sample = links.find((link) => link.relation === index);
    const line = createElement("span", { className: "line" }); // a sample of the line
    const [fact] = typeof sample.facts === "number" ? [sample.facts] : sample.facts;
    line.style.borderColor = facts[fact].via ? "var(--link-a)" : "var(--link-b)";
    const ends = [sample.from, sample.to].map(({ members }) => showInvisible(types[nodes[members[0]].type].name));
    return createElement("li", {}, line, isolatedText(ends.join(" → ")));
  });
  if (shared.length) {
    const line = createElement("span", { className: "line" });
    line.style.borderColor = "var(--accent)";
    rows.push(createElement("li", {}, line, "collections with shared references"));
  }
  if (namedCollections.size) {
    const line = createElement("span", { className: "line" });
    line.style.borderColor = "var(--accent)";
    rows.push(createElement("li", {}, line, STARTS_WITHOUT_REFERENCES ? "subject and collection of an observation"
      : "subject and collection of an observation, while references are hidden"));
  }
  if (groups.length < nodes.length) {
    rows.push(createElement("li", {}, createElement("span", { className: "times", textContent: "×n" }),
      "n nodes with the same neighbors"));
  }
  if (data.level !== "all") {
    rows.push(createElement("li", {}, createElement("span", { className: "times", textContent: "…" }),
      `labels of the largest ${formatNumber(MAX_LABELS_LARGE)} only; no lines while the view moves`));
  }
  if (!incompleteNodes.length) return rows;
  return [...rows, createElement("li", {}, createElement("span", { className: "ring" }),
    `hollow: incomplete (${formatNumber(incompleteNodes.length)})`)];
}
