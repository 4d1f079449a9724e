// What is shown, and what the signs mean; the legend is the filter.

const typeBoxes = types.map(() => null);

function buildLegend() {
  byId("legend").replaceChildren(...types.map((type, index) => legendRow(type, index)));
  const slider = byId("least");
  slider.max = Math.min(mostLinks, 50);
  slider.oninput = () => { state.least = Number(slider.value); sift(); };
  byId("sift").hidden = mostLinks < 2;
  const folding = groups.some((group) => group.members.length > 1);
  byId("fold-row").hidden = !folding;
  byId("fold").onchange = () => foldAll(byId("fold").checked);
  byId("lines").replaceChildren(...lineRows());
}

/** The controls as the state has it, which others change too. */
function showLegend() {
  typeBoxes.forEach((box, index) => { box.checked = !state.off.has(index); });
  byId("least").value = state.least;
  byId("least-shown").textContent = number(state.least);
  byId("fold").checked = state.outside.size === 0;
}

function legendRow(type, index) {
  const box = make("input", { type: "checkbox", checked: true });
  typeBoxes[index] = box;
  box.onchange = () => { state.off[box.checked ? "delete" : "add"](index); sift(); };
  const count = nodes.filter((node) => node.type === index).length;
  return make("li", {}, make("label", {}, box, swatch(type),
    make("span", { className: "name", dir: "auto" }, quoted(type.name)),
    make("span", { className: "count", textContent: number(count) })));
}

function lineRows() {
  const rows = relations.map((_, index) => {
    const sample = links.find((link) => link.relation === index);
    const line = make("span", { className: "line" }); // a link of each kind, as it is drawn
    const [said] = typeof sample.said === "number" ? [sample.said] : sample.said;
    line.style.borderColor = says[said].via ? "var(--link-a)" : "var(--link-b)";
    const ends = [sample.from, sample.to].map(({ members }) => clean(types[nodes[members[0]].type].name));
    return make("li", {}, line, quoted(ends.join(" → ")));
  });
  if (shared.length) {
    const line = make("span", { className: "line" });
    line.style.borderColor = "var(--accent)";
    rows.push(make("li", {}, line, "collections with reports in common"));
  }
  if (groups.length < nodes.length) {
    rows.push(make("li", {}, make("span", { className: "times", textContent: "×n" }),
      "n nodes with the same neighbours"));
  }
  if (data.rung !== "all") {
    rows.push(make("li", {}, make("span", { className: "times", textContent: "…" }),
      `names: the largest ${number(MOST_CALM)} only; lines hide while it moves`));
  }
  if (!unfinished.length) return rows;
  return [...rows, make("li", {}, make("span", { className: "ring" }),
    `hollow: not complete (${number(unfinished.length)})`)];
}
