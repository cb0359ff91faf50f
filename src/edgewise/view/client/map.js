// The output over both inputs, where there are two: a map in colours, the rows on it, and the point of "What if".

const MAP_WORK = 60000, MAP_FINEST = 96, MAP_ROWS = 400;
// Told apart by every kind of colour vision, on light and dark paper alike: about zero blue to vermilion, else cividis.
const AROUND_ZERO = [[8, 81, 156], [107, 174, 214], [243, 241, 236], [240, 150, 90], [178, 62, 0]];
const ONE_WAY = [[0, 32, 76], [49, 68, 107], [102, 104, 112], [149, 143, 120], [202, 185, 105], [255, 234, 70]];

function makeMap(view) {
  const { inputs, outputs } = view.scene.names, { data, levels } = view.scene, { low, high } = levels[levels.length - 1][0];
  if (inputs.length !== 2 || !view.network.complete || data.some((column) => !(column.high > column.low))) return null;
  const [x, y] = mapScales(data), f = FRAME;
  const canvas = html("canvas", { class: "ew-map-canvas", "aria-hidden": "true" }), key = html("canvas", { class: "ew-map-key", width: 128, height: 1, "aria-hidden": "true" });
  const here = svg("path", { class: "ew-map-here", d: "M-9 0h6m6 0h6M0-9v6m0 6v6" });
  const says = html("span", { class: "ew-map-says", role: "status" });
  const plot = chart(`${outputs[0]} over ${inputs[0]} and ${inputs[1]}`, [axes(x, y, inputs), mapRows(view, x, y), here]);
  const stage = html("div", { class: "ew-map" }, canvas, plot);
  const legend = html("div", { class: "ew-map-legend" }, html("span", {}, number(low, 3)), key, html("span", {}, number(high, 3)));
  const node = section(view, "map", "Map", html("div", { class: "ew-map-row" }, stage,
    html("div", {}, html("p", { class: "ew-map-name" }, outputs[0]), legend, says,
      html("p", { class: "ew-note" }, "Dots are rows; far from them the map is a guess, and colours end where the network’s values at the rows do. Choose a place to ask “What if”."))));

  const placeOf = (event) => {
    const box = plot.getBoundingClientRect();
    const at = [((event.clientX - box.left) / box.width) * f.wide, ((event.clientY - box.top) / box.height) * f.high];
    return [x.back(clamp(at[0], f.left, f.wide - f.right)), y.back(clamp(at[1], f.top, f.high - f.bottom))];
  };
  const call = () => view.call(view.formula());
  const tell = (point) => { says.textContent = `${inputs.map((name, k) => `${name} ${number(point[k], 3)}`).join(", ")}: ${number(call() ? call()(point) : NaN, 4)}`; };
  plot.addEventListener("pointerdown", (event) => view.set({ point: placeOf(event) }));
  plot.addEventListener("pointermove", (event) => (event.buttons ? view.set({ point: placeOf(event) }) : tell(placeOf(event))));
  plot.addEventListener("pointerleave", () => tell(view.state.point));

  function update() {
    setTimeout(() => {
      paintMap(view, canvas, x, y, [low, high]);
      mark();
    }, 0);
  }
  function mark() {
    const { point } = view.state;
    here.setAttribute("transform", `translate(${x(point[0])} ${y(point[1])})`);
    tell(point);
  }
  paint(key, Array.from({ length: key.width }, (_, k) => low + ((high - low) * k) / (key.width - 1)), [low, high]);
  return { node, update, mark };
}

function mapScales(data) {
  const f = FRAME, settings = { log: false, air: 0 };
  return [scaleOf([data[0].low, data[0].high], f.left, f.wide - f.right, settings), scaleOf([data[1].low, data[1].high], f.high - f.bottom, f.top, settings)];
}

function mapRows(view, x, y) {
  const rows = view.scene.rows.inputs, every = Math.max(1, Math.ceil(rows.length / MAP_ROWS));
  const d = dotsOf(rows.filter((_, k) => k % every === 0).map((row) => [x(row[0]), y(row[1])]));
  return [svg("path", { class: "ew-map-halo", d }), svg("path", { class: "ew-map-dots", d })];
}

// The formula or network of the slider; the finer the cheaper it is.
function paintMap(view, canvas, x, y, ends) {
  const call = view.call(view.formula()), edges = view.formula() ? 6 : view.network.layers.reduce((sum, layer) => sum + layer.edges.length, 0);
  const side = Math.round(clamp(Math.sqrt(MAP_WORK / Math.max(edges, 1)), 16, MAP_FINEST)), f = FRAME;
  const across = (k) => x.back(f.left + ((k + 0.5) / side) * (f.wide - f.right - f.left)), down = (k) => y.back(f.top + ((k + 0.5) / side) * (f.high - f.bottom - f.top));
  Object.assign(canvas, { width: side, height: side });
  paint(canvas, Array.from({ length: side * side }, (_, n) => (call ? call([across(n % side), down(Math.floor(n / side))]) : NaN)), ends);
}

function paint(canvas, values, [low, high]) {
  const brush = canvas.getContext("2d"), image = brush.createImageData(canvas.width, canvas.height), stops = low < 0 && high > 0 ? AROUND_ZERO : ONE_WAY;
  const reach = Math.max(-low, high), share = (value) => (stops === AROUND_ZERO ? 0.5 + (0.5 * value) / reach : (value - low) / (high - low || 1));
  values.forEach((value, n) => image.data.set(Number.isFinite(value) ? [...colourAt(stops, share(value)), 255] : [0, 0, 0, 0], 4 * n));
  brush.putImageData(image, 0, 0);
}

function colourAt(stops, share) {
  const place = clamp(share, 0, 1) * (stops.length - 1), k = Math.min(Math.floor(place), stops.length - 2);
  return stops[k].map((from, channel) => Math.round(from + (place - k) * (stops[k + 1][channel] - from)));
}
