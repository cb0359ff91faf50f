// How well it fits: the formula or network of the slider against the data, its residuals, and how training went.

function makeFit(view) {
  const { names: { inputs, outputs }, rows } = view.scene, single = inputs.length === 1 && rows.inputs.length > 0;
  const place = html("div", { class: "ew-plots" }), history = historyPlot(view);
  let output = 0;
  const choose = (event) => { output = event.target.selectedIndex; update(); };
  const choice = outputs.length > 1 && rows.observed.length ? html("label", { class: "ew-choice" }, "output ", html("select", { change: choose }, outputs.slice(0, 100).map((name) => html("option", {}, name)))) : null;
  const held = rows.held.filter(Boolean).length, all = rows.held.length;
  const note = `${held} rows were held out${all > held ? ` (strong dots), the other ${all - held} are faint` : ""}; RMSE and R² are those of the rows held out.`;
  const node = section(view, "fit", rows.observed.length ? "Fit" : "Training", choice, html("div", { class: "ew-pair" }, rows.observed.length ? place : null, history), rows.observed.length ? html("p", { class: "ew-note" }, note) : null);

  function update() {
    const formula = view.formula(), values = view.values(formula, output), name = formula ? "formula" : "network";
    if (!rows.observed.length) return;
    if (!values) {
      place.replaceChildren(html("p", { class: "ew-note" }, `The values of this ${name} at the rows are not stored.`));
      return;
    }
    const points = rows.observed.map((row, k) => ({ y: row[output], value: values[k], held: rows.held[k], x: rows.inputs[k]?.[0] }));
    const first = single && !output ? overInput(view, points, formula) : predictedPlot(points, outputs[output], name);
    const words = single && !output ? `The ${name} over the data.` : `Predicted by the ${name} against observed; on the dashed line a prediction is perfect.`;
    place.replaceChildren(figure(first, words), figure(residualPlot(points, outputs[output], name), "Residuals: observed minus predicted."));
  }
  return { node, update, empty: !rows.observed.length && !history };
}

const figure = (plot, words, more = null) => html("figure", { class: "ew-figure" }, plot, html("figcaption", {}, words), more);

const FEW = 60;

function dots(rows, x, y) {
  const of = (kept) => dotsOf(rows.filter((row) => row.held === kept).map((row) => [x(row), y(row)]));
  const few = rows.length < FEW ? " ew-few" : "";
  return [svg("path", { class: `ew-dots ew-fitted${few}`, d: of(false) }), svg("path", { class: `ew-dots${few}`, d: of(true) })];
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

// Losses over time or steps, falling to the right; null where there is no history.
function historyPlot(view) {
  const { history } = view.scene, f = FRAME, columns = Object.keys(history);
  const losses = columns.filter((name) => /loss|error|rmse/i.test(name)).slice(0, 4), count = columns.length ? history[columns[0]].length : 0;
  if (!losses.length || count < 2) return null;
  const positive = Object.fromEntries(losses.map((name) => [name, history[name].map((value) => (value > 0 ? value : NaN))]));
  const named = columns.find((name) => /second|time|epoch|step/i.test(name)), over = named ? history[named] : history[losses[0]].map((_, k) => k);
  const x = scaleOf(over, f.left, f.wide - f.right, { log: false, air: 0.02 }), y = scaleOf(losses.flatMap((name) => positive[name]), f.high - f.bottom, f.top);
  const lines = losses.map((name, k) => svg("path", { class: `ew-history ew-history-${k}`, d: pathOf(over.map((place, n) => [x(place), y(positive[name][n])])) }));
  const keys = losses.map((name, k) => html("li", {}, svg("svg", { viewBox: "0 0 30 10", width: 30, height: 10, "aria-hidden": "true" }, svg("path", { class: `ew-history ew-history-${k}`, d: "M1 5H29" })), name.replaceAll("_", " ")));
  const ends = `from ${number(history[losses[0]][0], 3)} to ${number(history[losses[0]][count - 1], 3)}`;
  const plot = chart(`Training: ${losses.join(", ")} in ${count} steps, ${ends}`, [axes(x, y, [named || "step", "loss"]), lines]);
  return figure(plot, `Training: ${count} steps, ${losses[0].replaceAll("_", " ")} ${ends}.`, losses.length > 1 ? html("ul", { class: "ew-legend" }, keys) : null);
}
