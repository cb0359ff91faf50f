// How well it fits: the formula or network of the slider against the data, its residuals, and how training went.

function makeFit(view) {
  const outputs = view.scene.names.outputs, single = view.scene.names.inputs.length === 1 && view.scene.rows.inputs.length > 0;
  const place = html("div", { class: "ew-pair" }), table = html("div", {});
  let output = 0;
  const choice = outputs.length > 1 ? html("label", { class: "ew-choice" }, "output ", html("select", { change: (event) => { output = event.target.selectedIndex; update(); } },
    outputs.slice(0, 100).map((name) => html("option", {}, name)))) : null;
  const held = view.scene.rows.held.filter(Boolean).length, all = view.scene.rows.held.length;
  const note = `${held} rows were held out${all > held ? ` (strong dots); ${all - held} of those fitted are faint` : ""}. RMSE and R² are those of the held-out rows.`;
  const node = section(view, "fit", "Fit", choice, place, html("p", { class: "ew-note" }, note), table);

  function update() {
    const formula = view.formula(), values = view.values(formula, output);
    const name = formula ? "formula" : "network";
    if (!values) return place.replaceChildren(html("p", { class: "ew-note" }, `No values of this ${name} are stored for the rows.`));
    const rows = view.scene.rows.observed.map((row, k) => ({ y: row[output], value: values[k], held: view.scene.rows.held[k], x: view.scene.rows.inputs[k]?.[0] }));
    const first = single && !output ? overInput(view, rows, formula) : predictedPlot(rows, outputs[output], name);
    place.replaceChildren(figure(first, single && !output ? `The ${name} over the data.` : `Predicted by the ${name} against observed; on the dashed line a prediction is perfect.`),
      figure(residualPlot(rows, outputs[output], name), "Residuals: observed minus predicted."));
  }
  return { node, update };
}

const figure = (plot, words) => html("figure", { class: "ew-figure" }, plot, html("figcaption", {}, words));

function dots(rows, x, y) {
  const of = (kept) => dotsOf(rows.filter((row) => row.held === kept).map((row) => [x(row), y(row)]));
  return [svg("path", { class: "ew-dots ew-fitted", d: of(false) }), svg("path", { class: "ew-dots", d: of(true) })];
}

function predictedPlot(rows, target, name) {
  const f = FRAME, both = rows.flatMap((row) => [row.y, row.value]);
  const x = scaleOf(both, f.left, f.wide - f.right), y = scaleOf(both, f.high - f.bottom, f.top);
  const ends = [x.low, x.high];
  return chart(`${rows.length} values predicted by the ${name} against observed ${target}`, [axes(x, y, [`observed ${target}`, "predicted"]),
    svg("path", { class: "ew-perfect", d: `M${x(ends[0])} ${y(ends[0])}L${x(ends[1])} ${y(ends[1])}` }), dots(rows, (row) => x(row.y), (row) => y(row.value))]);
}

// One input: the curve itself over the data.
function overInput(view, rows, formula) {
  const f = FRAME, x = scaleOf(rows.map((row) => row.x), f.left, f.wide - f.right), y = scaleOf(rows.map((row) => row.y), f.high - f.bottom, f.top);
  const call = view.call(formula), count = 241;
  const places = Array.from({ length: count }, (_, k) => x.back(f.left + ((f.wide - f.right - f.left) * k) / (count - 1)));
  const line = call ? pathOf(places.map((place) => [x(place), y(call([place]))]).map(([a, b]) => [a, b < f.top - 1 || b > f.high - f.bottom + 1 ? NaN : b])) : "";
  const [input] = view.scene.names.inputs, [output] = view.scene.names.outputs;
  return chart(`${output} over ${input}: ${rows.length} rows and the ${formula ? "formula" : "network"}`, [axes(x, y, [input, output]),
    svg("path", { class: `ew-curve ew-wide ${formula ? "ew-symbolic" : "ew-spline"}`, d: line }), dots(rows, (row) => x(row.x), (row) => y(row.y))]);
}

function residualPlot(rows, target, name) {
  const f = FRAME, x = scaleOf(rows.map((row) => row.value), f.left, f.wide - f.right);
  const y = scaleOf([...rows.map((row) => row.y - row.value), 0], f.high - f.bottom, f.top, { log: false });
  return chart(`Residuals of ${rows.length} rows by the ${name}`, [axes(x, y, [`predicted ${target}`, "residual"]),
    svg("path", { class: "ew-perfect", d: `M${f.left} ${y(0)}H${f.wide - f.right}` }), dots(rows, (row) => x(row.value), (row) => y(row.y - row.value))]);
}

const HISTORY = { wide: 920, high: 260, left: 58, right: 14, top: 12, bottom: 46 };

// Losses over time or steps, falling to the right.
function historySection(view) {
  const { history } = view.scene, f = HISTORY, columns = Object.keys(history);
  const losses = columns.filter((name) => /loss|error|rmse/i.test(name)), count = columns.length ? history[columns[0]].length : 0;
  if (!losses.length || count < 2) return null;
  const named = columns.find((name) => /second|time|epoch|step/i.test(name)), over = named ? history[named] : history[losses[0]].map((_, k) => k);
  const x = scaleOf(over, f.left, f.wide - f.right, { log: false, air: 0.01 }), y = scaleOf(losses.flatMap((name) => history[name]).filter((value) => value !== null), f.high - f.bottom, f.top);
  const lines = losses.slice(0, 4).map((name, k) => svg("path", { class: `ew-history ew-history-${k}`, d: pathOf(over.map((place, n) => [x(place), y(history[name][n] ?? NaN)])) }));
  const keys = html("ul", { class: "ew-legend" }, losses.slice(0, 4).map((name, k) => html("li", {},
    svg("svg", { viewBox: "0 0 30 10", width: 30, height: 10, "aria-hidden": "true" }, svg("path", { class: `ew-history ew-history-${k}`, d: "M1 5H29" })), name.replaceAll("_", " "))));
  const plot = chart(`${losses.join(", ")} in ${count} steps, from ${number(history[losses[0]][0], 3)} to ${number(history[losses[0]][count - 1], 3)}`,
    [axes(x, y, [named || "step", "loss"], f), lines], f);
  plot.classList.add("ew-long");
  return section(view, "history", "Training", html("div", { class: "ew-scroll", tabindex: 0, role: "group", "aria-label": "Training history" }, plot), keys);
}
