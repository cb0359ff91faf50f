// What the pointer, the keyboard or a click chose: an edge's curve at its full size, or what meets at a node.

const EDGE_POINTS = 161, NEAR = 0.6;

function makePanel(view) {
  const body = html("div", { class: "ew-panel-body" }), tools = html("div", { class: "ew-edge-tools" });
  const node = section(view, "panel", "Edge", body, tools);
  const heading = node.querySelector("h2");
  let shown = null;

  function update() {
    const target = view.state.hover || view.state.selected || (view.edges[0] && { kind: "edge", edge: view.edges[0] });
    if (!target || (shown && sameTarget(shown, target))) return;
    shown = target;
    heading.textContent = target.kind === "edge" ? "Edge" : "Node";
    body.replaceChildren(...(target.kind === "edge" ? edgeBody(view, target.edge) : nodeBody(view, target)));
    tools.replaceChildren();
    if (view.options.edgeTools && target.kind === "edge") view.options.edgeTools(placeOf(target.edge), tools);
  }
  return { node, update };
}

const placeOf = ({ layer, source, target }) => ({ layer, source, target });
const sameTarget = (a, b) => a.kind === b.kind && (a.edge ? a.edge === b.edge : a.level === b.level && a.index === b.index);

function edgeBody(view, edge) {
  const spec = view.network.layers[edge.layer].edges[edge.k], source = view.scene.levels[edge.layer][edge.source];
  const curve = curveOf(view, edge, EDGE_POINTS), domain = view.network.domain(edge.layer, edge.source);
  const rows = [
    ["function", spec.expression || splineWords(view.network.layers[edge.layer])],
    ["input", source.low < source.high ? `${number(source.low)} to ${number(source.high)}` : `always ${number(source.low)}`],
    ["value", `${number(curve.window[0])} to ${number(curve.window[1])}`],
    ["share", html("span", {}, meter(edge.share / (edge.importance ? edge.share / edge.importance : 1)), percent(edge.share))],
  ];
  if (!spec.law) rows.splice(2, 0, ["domain", `${number(domain[0])} to ${number(domain[1])}`]);
  const drawn = edgeChart(view, edge, curve, spec.law ? null : domain);
  return [
    html("h3", {}, edgeName(view, edge)), drawn.node, drawn.readout,
    html("dl", { class: "ew-terms" }, rows.map(([name, value]) => [html("dt", {}, name), html("dd", {}, value)])),
    candidates(view, edge, spec, drawn),
  ];
}

function splineWords(layer) {
  const base = layer.baseName ? ` plus ${layer.baseName}` : "";
  return `spline of degree ${layer.degree} on ${layer.intervals} intervals${base}`;
}

function meter(share) {
  const bar = html("span", { class: "ew-meter", "aria-hidden": "true" }, html("span", {}));
  bar.firstChild.style.width = `${Math.round(100 * clamp(share, 0, 1))}%`;
  return bar;
}

// The curve with axes, below it where the rows lie, dashed where the spline's domain ends.
function edgeChart(view, edge, curve, domain) {
  const f = FRAME, source = view.scene.levels[edge.layer][edge.source], floor = f.high - f.bottom;
  const reach = reachOf(source, domain), x = scaleOf(reach, f.left, f.wide - f.right, { log: false });
  const [low, high] = curve.window, y = scaleOf([low, high], floor, f.top, { log: false, air: 0.08 });
  const inside = curve.y.map((value) => (value >= low - 0.02 * (high - low) && value <= high + 0.02 * (high - low) ? value : NaN));
  const line = svg("path", { class: `ew-curve ew-wide ${edge.symbolic ? "ew-symbolic" : "ew-spline"}`,
    d: pathOf(curve.x.map((place, k) => [x(place), y(inside[k])])) });
  const other = svg("path", { class: "ew-curve ew-candidate" }), dot = svg("circle", { class: "ew-dot", r: 4, visibility: "hidden" });
  const ends = (domain || []).filter((end) => end >= x.low && end <= x.high);
  const beyond = Array.from({ length: EDGE_POINTS }, (_, k) => x.low + ((x.high - x.low) * k) / (EDGE_POINTS - 1)).map((place) => [x(place), y(view.network.curve(edge.layer, edge.k, place))]);
  const label = `${edgeName(view, edge)}: values from ${number(low)} to ${number(high)} for inputs from ${number(source.low)} to ${number(source.high)}`;
  const zero = low < 0 && high > 0 ? svg("path", { class: "ew-zero", d: `M${f.left} ${y(0)}H${f.wide - f.right}` }) : null;
  const node = chart(label, [
    axes(x, y, [source.label, "value"]), zero, visits(source, x, floor),
    ends.map((end) => svg("path", { class: "ew-domain", d: `M${x(end)} ${f.top}V${floor}` }, svg("title", {}, "the spline's domain ends here"))),
    svg("path", { class: `ew-curve ew-beyond ${edge.symbolic ? "ew-symbolic" : "ew-spline"}`, d: pathOf(beyond.map(([a, b]) => [a, b >= f.top && b <= floor ? b : NaN])) }),
    line, other, dot,
  ]);
  const readout = html("p", { class: "ew-readout" }, READ_HINT);
  reading(node, readout, dot, x, y, f, (place) => view.network.curve(edge.layer, edge.k, place));
  const overlay = (values) => other.setAttribute("d", values ? pathOf(curve.x.map((place, k) => [x(place), y(values[k])])) : "");
  return { node, readout, overlay, curve };
}

// The range of the data, with an end of the domain that is near.
function reachOf({ low, high }, domain) {
  const near = (domain || []).filter((end) => end > low - NEAR * (high - low) && end < high + NEAR * (high - low));
  return [low, high, ...near];
}

const READ_HINT = "Bars: where the rows lie. Move over the curve to read it.";

// Bars of the density rise from the floor of the frame, as strong as it takes to see them behind a curve.
function visits(source, x, floor) {
  if (!source.visits.length) return null;
  return bars(source.visits, x(source.low), x(source.high), floor, 34);
}

function reading(node, readout, dot, x, y, f, value) {
  node.addEventListener("pointermove", (event) => {
    const box = node.getBoundingClientRect(), at = ((event.clientX - box.left) / box.width) * f.wide;
    const place = x.back(clamp(at, f.left, f.wide - f.right)), found = value(place);
    readout.textContent = `at ${number(place)} the value is ${number(found)}`;
    const seen = Number.isFinite(found) && y(found) >= f.top && y(found) <= f.high - f.bottom;
    fill(dot, { visibility: seen ? "visible" : "hidden", cx: x(place), cy: seen ? y(found) : 0 }, []);
  });
  node.addEventListener("pointerleave", () => {
    readout.textContent = READ_HINT;
    dot.setAttribute("visibility", "hidden");
  });
}

// Catalogue functions that follow the curve; pointing at one draws it over the curve.
function candidates(view, edge, spec, drawn) {
  if (!spec.candidates) {
    const some = view.network.layers.some((layer) => layer.edges.some((other) => other.candidates));
    const why = edge.symbolic ? "This edge is fixed to a function already."
      : some ? "No functions were compared with this edge; it matters less than those that were." : "No functions were compared with the edges.";
    return html("p", { class: "ew-note" }, why);
  }
  const rows = spec.candidates.map((one) => {
    const values = candidateValues(view, edge, one, drawn.curve.x);
    const show = () => drawn.overlay(values), hide = () => drawn.overlay(null);
    return html("tr", { pointerenter: show, pointerleave: hide },
      html("td", {}, html("button", { type: "button", class: "ew-link", focus: show, blur: hide, "aria-label": `draw ${one.text} over the curve` }, html("code", {}, one.text))),
      html("td", { class: "ew-n" }, r2Words(one.r2)), html("td", { class: "ew-n" }, String(one.complexity)));
  });
  return html("div", {}, html("h4", {}, "Functions that follow it"),
    html("table", { class: "ew-candidates" }, html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "function"),
      html("th", { scope: "col", class: "ew-n" }, "R²"), html("th", { scope: "col", class: "ew-n" }, "complexity"))), html("tbody", {}, rows)));
}

const r2Words = (r2) => (r2 === 1 ? "1" : r2 > 0.9999 ? `1 − ${number(1 - r2, 2)}` : r2.toFixed(4));

function candidateValues(view, edge, { text, tree, constants }, places) {
  const [a, b, c, d, p] = constants, found = law({ text, tree }), { center, scale } = view.network;
  if (!found) return null;
  return places.map((x) => c * found(a * (edge.layer ? x : (x - center[edge.source]) / scale[edge.source]) + b, p) + d);
}

// A node: what feeds it and what it feeds, each a way to that edge.
function nodeBody(view, { level, index }) {
  const node = view.scene.levels[level][index];
  const feeding = view.edges.filter((edge) => edge.layer + 1 === level && edge.node === index);
  const fed = view.edges.filter((edge) => edge.layer === level && edge.source === index);
  const kind = { input: "An input: a column of the table.", sum: `The sum of ${feeding.length} curve${feeding.length === 1 ? "" : "s"}.`, product: "The product of two sums." }[node.kind];
  const range = node.visits.length ? ["range", `${number(node.low)} to ${number(node.high)}`] : null;
  return [
    html("h3", {}, node.label), html("p", {}, kind),
    html("dl", { class: "ew-terms" }, [range, ["share", percent(node.share)]].filter(Boolean).map(([name, value]) => [html("dt", {}, name), html("dd", {}, value)])),
    edgeList(view, "What feeds it", feeding, (edge) => view.scene.levels[edge.layer][edge.source].label + factorOf(node, edge)),
    edgeList(view, "What it feeds", fed, (edge) => view.scene.levels[edge.layer + 1][edge.node].label),
  ];
}

const factorOf = (node, edge) => (node.kind === "product" ? ` (factor ${node.subnodes.indexOf(edge.target) + 1})` : "");

function edgeList(view, title, edges, name) {
  if (!edges.length) return null;
  const most = edges.slice(0, 12), left = edges.length - most.length;
  return html("div", {}, html("h4", {}, title), html("ul", { class: "ew-feeds" }, most.map((edge) =>
    html("li", {}, html("button", { type: "button", class: "ew-link", click: () => view.choose({ kind: "edge", edge }) }, name(edge)),
      miniature(view, edge), html("span", { class: "ew-n" }, percent(edge.share))))),
    left ? html("p", { class: "ew-note" }, `and ${left} that matter less`) : null);
}

function miniature(view, edge) {
  const { x, y, window: [low, high] } = curveOf(view, edge, 25);
  const points = x.map((_, k) => [2 + (56 * k) / 24, 20 - 16 * ((y[k] - low) / (high - low || 1))]);
  return svg("svg", { class: "ew-mini", viewBox: "0 0 60 24", width: 60, height: 24, "aria-hidden": "true" },
    svg("path", { class: `ew-curve ${edge.symbolic ? "ew-symbolic" : "ew-spline"}`, d: pathOf(points) }));
}
