// The tables: all formulas, the data column by column, the edges, the settings and the way to repeat the run.

const words = (value) => (value === null || value === undefined ? "" : typeof value === "number" ? number(value) : String(value));

function table(label, heads, rows) {
  const head = html("tr", {}, heads.map(([name, right]) => html("th", { scope: "col", class: right ? "ew-n" : null }, name)));
  return html("div", { class: "ew-scroll", tabindex: 0, role: "group", "aria-label": label }, html("table", {}, html("thead", {}, head), html("tbody", {}, rows)));
}

function makeFormulas(view) {
  const { formulas } = view.scene;
  const rows = formulas.map((formula, k) => html("tr", {}, html("td", { class: "ew-n" }, words(formula.complexity)), html("td", { class: "ew-n" }, words(formula.loss)),
    html("td", {}, html("button", { type: "button", class: "ew-link", click: () => view.set({ stop: k }) }, html("code", {}, formula.text)), formula.chosen ? html("span", { class: "ew-badge" }, "chosen") : null)));
  const node = section(view, "formulas", "All formulas", table("All formulas", [["complexity", true], ["loss", true], ["formula", false]], rows));
  const update = () => rows.forEach((row, k) => {
    row.classList.toggle("ew-current", k === view.state.stop);
    row.querySelector("button").setAttribute("aria-pressed", String(k === view.state.stop));
  });
  return { node, update };
}

function dataSection(view) {
  const { data, levels, names } = view.scene, largest = Math.max(...levels[0].map((node) => node.share)) || 1;
  const rows = data.map((column, k) => {
    const node = levels[0][k];
    const counts = svg("svg", { class: "ew-histogram", viewBox: "0 0 120 24", width: 120, height: 24, role: "img", "aria-label": `distribution of ${node.label}` }, bars(node.visits, 0, 120, 24, 22));
    const cells = [column.low, column.mean, column.high, column.deviation].map((value) => html("td", { class: "ew-n" }, number(value)));
    return html("tr", {}, html("th", { scope: "row" }, node.label), cells, html("td", { class: "ew-n" }, words(column.distinct)), html("td", {}, counts),
      html("td", {}, node.used ? [meter(node.share / largest), percent(node.share)] : "not used"));
  });
  const heads = [["input", false], ...["lowest", "mean", "highest", "deviation", "distinct"].map((name) => [name, true]), ["distribution", false], ["share", false]];
  const note = `Predicting ${listed(names.outputs)}. The share is the part of the outputs’ variation that passes through an input, told from the outputs down.`;
  return section(view, "data", "Data", html("p", { class: "ew-note" }, note), table("Data", heads, rows));
}

function edgesSection(view) {
  const { edges } = view, most = edges.slice(0, 60), total = edges.length + view.scene.hidden;
  const rows = most.map((edge) => {
    const spec = view.network.layers[edge.layer].edges[edge.k];
    return html("tr", {}, html("td", {}, html("button", { type: "button", class: "ew-link", click: () => view.choose({ kind: "edge", edge }) }, edgeName(view, edge))), html("td", {}, miniature(view, edge)),
      html("td", {}, spec.expression || "spline"), html("td", { class: "ew-n" }, percent(edge.share)));
  });
  const note = `An edge’s share is the part of the outputs’ variation that passes through it; the shares of a layer sum to 100 %.${total > most.length ? ` The ${most.length} that matter most of ${total}.` : ""}`;
  return html("section", { class: "ew-section" }, html("details", {}, html("summary", {}, html("h2", {}, "Edges")), html("p", { class: "ew-note" }, note),
    table("Edges", [["edge", false], ["curve", false], ["function", false], ["share", true]], rows)));
}

function settingsSection(view) {
  const { settings, versions, command } = view.scene;
  if (!settings.length && !versions.length && !command) return null;
  const list = (rows) => html("dl", { class: "ew-terms ew-wide-terms" }, rows.map(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
  return section(view, "settings", "To repeat this", command ? html("pre", { class: "ew-command", tabindex: 0 }, command) : null, list([...settings, ...versions]));
}
