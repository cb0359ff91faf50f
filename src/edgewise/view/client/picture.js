// The network as a picture: lines as heavy as edges matter, in every box the curve of its edge, nodes by their kind.

const CURVE_POINTS = 33;

// Places and values of an edge over the range that the batch visits, and the range of values worth drawing.
function curveOf(view, edge, count = CURVE_POINTS) {
  const node = view.scene.levels[edge.layer][edge.source], { k, layer } = edge;
  const x = Array.from({ length: count }, (_, n) => node.low + ((node.high - node.low) * n) / (count - 1));
  const y = x.map((place) => view.network.curve(layer, k, place));
  const given = view.network.layers[layer].edges[k].window, known = y.filter(Number.isFinite);
  const reach = known.length ? [Math.min(...known), Math.max(...known)] : [0, 0];
  return { x, y, window: given && given[0] !== null ? given : reach };
}

function makePicture(view) {
  const camera = makeCamera(view);
  const caption = html("p", { class: "ew-note" });
  const used = html("p", { class: "ew-used", "aria-live": "polite" });
  const node = section(view, "network", "Network", camera.tools, used, camera.node, caption, legend(view));
  let drawn = null;

  // A small network is drawn larger than its natural size, a large one in all the width there is.
  function draw(width) {
    const growth = clamp(width / (190 + 170 * view.network.layers.length), 1, 1.4);
    const layout = plan(view, width / growth);
    drawn = picture(view, layout);
    camera.show(drawn.root, layout.width, layout.height, growth);
    const wide = camera.node.classList.contains("ew-sideways");
    caption.replaceChildren(captionOf(layout), wide ? " Drag it sideways to see the rest." : "");
    mark();
  }

  function mark() {
    const formula = view.formula();
    drawn.mark(view.state, activity(view, formula));
    used.replaceChildren(usedText(view, formula));
  }
  return { node, draw, mark, stage: camera.node };
}

function captionOf({ total, shown, boxed }) {
  const count = (n) => n.toLocaleString("en").replaceAll(",", " ");
  const rest = total > shown ? ` Showing the ${count(shown)} strongest of ${count(total)} edges; ${count(total - shown)} weaker ones are hidden.` : "";
  const plain = shown > boxed ? ` The ${count(boxed)} strongest have their curve drawn.` : "";
  return `Inputs on the left, outputs on the right. Choose a curve or a node with the mouse, or with Tab and the arrow keys.${rest}${plain}`;
}

function usedText(view, formula) {
  if (!formula) return "All edges: this is the network itself.";
  const symbols = view.scene.names.symbols, names = view.scene.names.inputs;
  const left = names.filter((_, k) => !formula.uses.includes(symbols[k]));
  if (!formula.tree) return "This formula is drawn with the whole network.";
  if (left.length === names.length) return "This formula is a constant: no input reaches it, so every edge is faint.";
  if (!left.length) return names.length > 1 ? "This formula uses every input." : "This formula uses the only input.";
  return `This formula leaves out ${left.length > 6 ? `${left.length} of ${names.length} inputs` : left.join(", ")}: their edges are faint.`;
}

// Which nodes the inputs of a formula reach, level by level; null when all edges count.
function activity(view, formula) {
  if (!formula || !formula.tree) return null;
  const levels = [new Set(view.scene.names.symbols.map((s, k) => (formula.uses.includes(s) ? k : -1)))];
  view.network.layers.forEach((layer, l) => {
    const reached = layer.edges.filter((edge) => levels[l].has(edge.source));
    levels.push(new Set(reached.map((edge) => nodeOf(view.scene.network.widths[l + 1], edge.target))));
  });
  return levels;
}

// What the marks mean, of those that are in the picture.
function legend(view) {
  const swatch = (...parts) => svg("svg", { viewBox: "0 0 30 22", width: 30, height: 22, "aria-hidden": "true" }, parts);
  const box = (kind, rx) => swatch(svg("g", { class: `ew-edge ew-${kind}` }, svg("rect", { x: 3, y: 1, width: 24, height: 20, rx }), svg("path", { class: "ew-curve", d: "M6 15C11 2 18 20 24 6" })));
  const kinds = new Set(view.edges.map((edge) => edge.symbolic)), has = (kind) => view.scene.levels.flat().some((node) => node.kind === kind);
  const entry = (there, picture, words) => (there ? html("li", {}, picture, words) : null);
  return html("ul", { class: "ew-legend" },
    entry(kinds.has(false), box("spline", 1), "spline"), entry(kinds.has(true), box("symbolic", 9), "fixed function, dashed line"),
    entry(has("sum"), swatch(svg("g", { class: "ew-node" }, svg("circle", { cx: 15, cy: 11, r: 7 }), svg("path", { d: "M11.5 11h7M15 7.5v7" }))), "sum"),
    entry(has("product"), swatch(svg("g", { class: "ew-node ew-product" }, svg("path", { class: "ew-diamond", d: "M15 2l9 9-9 9-9-9z" }), svg("path", { class: "ew-sign", d: "M12 8l6 6M18 8l-6 6" }))), "product"),
    entry(true, swatch(svg("path", { class: "ew-weight", d: "M2 18C12 18 18 4 28 4" })), "heavier: matters more"));
}

function picture(view, layout) {
  const tops = tallest(view, layout.edges);
  const lines = new Map(), boxes = new Map(), items = [];
  const lineGroup = svg("g", { class: "ew-lines" }), boxGroup = svg("g"), nodeGroup = svg("g");
  for (const edge of [...layout.edges].reverse()) {
    const line = svg("path", { class: `ew-line ${edge.symbolic ? "ew-symbolic" : "ew-spline"}`, d: lineOf(edge, layout) });
    line.style.strokeWidth = (0.8 + 4.2 * edge.importance).toFixed(2);
    line.style.strokeOpacity = (0.25 + 0.65 * edge.importance).toFixed(2);
    line.target = { kind: "edge", edge };
    lines.set(edge, line);
    lineGroup.append(line);
  }
  for (const edge of layout.edges.filter((one) => one.box)) {
    const box = boxOf(view, edge, tops);
    boxes.set(edge, box);
    boxGroup.append(box);
    items.push({ node: box, x: edge.box.x, y: edge.box.y });
  }
  const nodes = layout.nodes.map((level, l) => level.map((place, k) => {
    const made = nodeMark(view, layout, l, k, place);
    nodeGroup.append(made);
    items.push({ node: made, x: place.x, y: place.y });
    return made;
  }));
  const label = `Network of ${layout.total} edges from ${listed(view.scene.names.inputs)} to ${listed(view.scene.names.outputs)}`;
  // Without the -1, browsers make a tab stop of a drawing that listens for focus.
  const root = svg("svg", { class: "ew-picture", role: "group", "aria-label": label, tabindex: -1 }, lineGroup, boxGroup, nodeGroup);
  listen(view, root, items);
  return { root, mark: (state, active) => markPicture({ lines, boxes, nodes }, state, active) };
}

const listed = (names) => (names.length <= 8 ? names.join(", ") : `${names.length} nodes`);

// The largest range of values among the edges into each sum: what moves little beside it looks flat.
function tallest(view, edges) {
  const tops = new Map();
  for (const edge of edges.filter((one) => one.box)) {
    edge.curve = curveOf(view, edge);
    const key = `${edge.layer} ${edge.target}`, reach = edge.curve.window[1] - edge.curve.window[0];
    tops.set(key, Math.max(tops.get(key) || 0, reach));
  }
  return tops;
}

function boxOf(view, edge, tops) {
  const { size, x, y } = edge.box, half = size / 2, kind = edge.symbolic ? "symbolic" : "spline";
  const [low, high] = edge.curve.window, top = tops.get(`${edge.layer} ${edge.target}`);
  const reach = top > 0 ? Math.max(0.12, Math.sqrt((high - low) / top)) * (half - 5) : 0;
  const points = edge.curve.x.map((_, n) => {
    const share = (edge.curve.y[n] - (low + high) / 2) / ((high - low) / 2 || 1);
    return [((n / (CURVE_POINTS - 1)) * 2 - 1) * (half - 5), Math.abs(share) <= 1.0001 ? -reach * share : NaN];
  });
  const text = edge.symbolic && size > 40 ? view.scene.network.layers[edge.layer].edges[edge.k].text : "";
  const made = svg("g", { class: `ew-edge ew-${kind}`, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, role: "button",
    tabindex: -1, "aria-label": edgeName(view, edge) + `, ${kind === "spline" ? "spline" : "fixed function"}, share ${percent(edge.share)}` },
    svg("rect", { x: -half, y: -half, width: size, height: size, rx: edge.symbolic ? 0.38 * size : 2 }),
    svg("path", { class: "ew-curve", d: pathOf(points) }),
    text ? svg("text", { y: half + 11.5, "text-anchor": "middle" }, shortened(text, 14)) : null);
  made.target = { kind: "edge", edge };
  return made;
}

function edgeName(view, edge) {
  const source = view.scene.levels[edge.layer][edge.source].label, node = view.scene.levels[edge.layer + 1][edge.node];
  const factor = node.kind === "product" ? ` (factor ${node.subnodes.indexOf(edge.target) + 1})` : "";
  return `${source} → ${node.label}${factor}`;
}

function nodeMark(view, layout, l, k, { x, y, radius }) {
  const node = view.scene.levels[l][k], last = l === layout.nodes.length - 1, r = radius;
  const cross = r > 5 ? (node.kind === "product" ? `M${-r / 2.6} ${-r / 2.6}L${r / 2.6} ${r / 2.6}M${r / 2.6} ${-r / 2.6}L${-r / 2.6} ${r / 2.6}`
    : node.kind === "sum" ? `M${-r / 2} 0h${r}M0 ${-r / 2}v${r}` : "") : "";
  const body = node.kind === "product" ? svg("path", { class: "ew-diamond", d: `M0 ${-r - 3}L${r + 3} 0L0 ${r + 3}L${-r - 3} 0z` })
    : svg("circle", { r: node.kind === "input" ? Math.min(r, 5.5) : r });
  const ends = layout.inlets[l].filter((inlet) => node.kind === "product" && node.subnodes.includes(inlet.target));
  const made = svg("g", { class: `ew-node ew-${node.kind}`, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, role: "button", tabindex: -1,
    "aria-label": `${node.label}, ${node.kind}${node.used ? "" : ", not used"}, share ${percent(node.share)}` },
    ends.map((inlet) => svg("path", { class: "ew-inlet", d: `M${inlet.x - x} ${inlet.y - y}L0 0` })),
    svg("circle", { class: "ew-reach", r: Math.max(r, 11) }), body, cross ? svg("path", { class: "ew-sign", d: cross }) : null,
    l === 0 || last ? nodeLabel(layout, l === 0 ? 0 : 1, k, layout.nodes[l].length) : null);
  made.target = { kind: "node", level: l, index: k };
  return made;
}

function nodeLabel(layout, side, index, count) {
  const { texts, lines } = layout.labels[side], every = Math.ceil((14 * lines * count) / layout.height);
  if (index % every) return null;
  const text = texts[index], x = side ? 15 : -14;
  return svg("text", { class: "ew-label", "text-anchor": side ? "start" : "end" },
    text.map((line, k) => svg("tspan", { x, y: (4.7 + 15 * (k - (text.length - 1) / 2)).toFixed(1) }, line)));
}

// Pointer and keyboard: one tab stop for the whole picture, arrows go to the nearest item that way.
function listen(view, root, items) {
  const of = (event) => {
    const found = event.target.closest?.(".ew-edge, .ew-node, .ew-line");
    return found && found.target;
  };
  root.addEventListener("pointerover", (event) => event.buttons || view.set({ hover: of(event) || null }));
  root.addEventListener("pointerleave", () => view.set({ hover: null }));
  root.addEventListener("click", (event) => of(event) && view.choose(of(event)));
  root.addEventListener("focusin", (event) => {
    if (event.target === root) return;
    for (const item of items) item.node.setAttribute("tabindex", item.node === event.target ? 0 : -1);
    if (event.target.matches(":focus-visible")) view.set({ hover: of(event) });
  });
  root.addEventListener("focusout", () => view.set({ hover: null }));
  root.addEventListener("keydown", (event) => {
    const here = items.find((item) => item.node === event.target);
    if (!here) return;
    if (event.key === "Enter" || event.key === " ") view.choose(here.node.target);
    else if (event.key === "Escape") view.set({ selected: null });
    else if (!event.key.startsWith("Arrow")) return;
    else towards(items, here, event.key)?.node.focus();
    event.preventDefault();
  });
  items[0]?.node.setAttribute("tabindex", 0);
}

function towards(items, here, key) {
  const sideways = key === "ArrowLeft" || key === "ArrowRight", sign = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
  let best = null, least = Infinity;
  for (const item of items) {
    const along = sign * (sideways ? item.x - here.x : item.y - here.y), aside = Math.abs(sideways ? item.y - here.y : item.x - here.x);
    const cost = along + 3 * aside;
    if (along > 1 && (sideways || aside < 40) && cost < least) [best, least] = [item, cost];
  }
  return best;
}

function markPicture({ lines, boxes, nodes }, { hover, selected }, active) {
  const same = (a, b) => a && b && (a.edge ? a.edge === b.edge : b.kind === "node" && a.level === b.level && a.index === b.index);
  const near = (target, edge) => target && (target.edge ? target.edge === edge
    : (edge.layer + 1 === target.level && edge.node === target.index) || (edge.layer === target.level && edge.source === target.index));
  for (const [edge, line] of lines) {
    const idle = active && !active[edge.layer].has(edge.source);
    for (const node of [line, boxes.get(edge)]) {
      if (!node) continue;
      node.classList.toggle("ew-idle", Boolean(idle));
      node.classList.toggle("ew-near", Boolean(near(hover, edge) || near(selected, edge)));
      if (node !== line) node.setAttribute("aria-pressed", String(Boolean(selected && selected.edge === edge)));
    }
  }
  nodes.forEach((level, l) => level.forEach((node, k) => {
    node.classList.toggle("ew-idle", Boolean(active && !active[l].has(k)));
    node.classList.toggle("ew-near", Boolean(same(node.target, hover) || same(node.target, selected)));
    node.setAttribute("aria-pressed", String(Boolean(same(node.target, selected))));
  }));
}
