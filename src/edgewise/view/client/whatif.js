// What if: one slider for each input, the prediction by the network itself, and where the data lie.

const STRIP = { wide: 300, high: 40 };
const FIRST_INPUTS = 12, MOST_INPUTS = 48, MOST_WORK = 60000, RESPONSE_POINTS = 41;

function makeWhatIf(view) {
  const { inputs, outputs } = view.scene.names, { data, levels } = view.scene;
  const answers = outputs.slice(0, 12).map((name) => html("output", { class: "ew-answer" }));
  const formulaSays = html("p", { class: "ew-note ew-formula-says" }), warning = html("p", { class: "ew-warning", role: "status" });
  const shown = inputs.map((_, k) => k).sort((a, b) => levels[0][b].share - levels[0][a].share).slice(0, MOST_INPUTS).sort((a, b) => a - b);
  const first = new Set([...shown].sort((a, b) => levels[0][b].share - levels[0][a].share).slice(0, FIRST_INPUTS));
  const controls = shown.map((k) => inputControl(view, k)), grid = (mine) => html("div", { class: "ew-inputs" }, controls.filter((_, n) => first.has(shown[n]) === mine).map((control) => control.node));
  const edges = view.network.layers.reduce((sum, layer) => sum + layer.edges.length, 0);
  const responds = edges * shown.length * RESPONSE_POINTS <= MOST_WORK;
  const head = outputs.slice(0, 12).map((name, k) => html("div", { class: "ew-answer-row" }, html("span", { class: "ew-answer-name" }, name), answers[k]));
  const reset = html("button", { type: "button", class: "ew-button", click: () => view.set({ point: medians(view) }) }, "medians");
  const random = html("button", { type: "button", class: "ew-button", click: () => view.set({ point: randomRow(view) }) }, "another row");
  const rest = inputs.length - shown.length;
  const node = section(view, "what-if", "What if", html("div", { class: "ew-answers" }, head, formulaSays, answerStrip(view)), warning,
    grid(true), shown.length > first.size ? html("details", {}, html("summary", {}, `${shown.length - first.size} more inputs`), grid(false)) : null,
    rest > 0 ? html("p", { class: "ew-note" }, `${rest} inputs that matter less stay at their medians.`) : null,
    html("div", { class: "ew-row" }, reset, view.scene.rows.inputs.length > 1 ? random : null));
  if (!view.network.complete) return unavailable(view);

  function update() {
    const { point } = view.state, values = view.network.evaluate(point), formula = view.formula();
    values.slice(0, 12).forEach((value, k) => {
      answers[k].textContent = number(value, 6);
      answers[k].dataset.value = value;
    });
    node.querySelector(".ew-mark")?.setAttribute("transform", `translate(${markAt(levels[levels.length - 1][0], values[0])} 0)`);
    const says = formula && view.call(formula) ? view.call(formula)(point) : null;
    formulaSays.textContent = says === null ? "by the network" : `by the network; the formula says ${number(says, 6)}`;
    formulaSays.dataset.value = says === null ? "" : says;
    const outside = shown.filter((k) => point[k] < data[k].low || point[k] > data[k].high).map((k) => inputs[k]);
    warning.textContent = outside.length ? `Outside the data: ${outside.join(", ")}. Here the network has seen nothing.` : "";
    controls.forEach((control) => control.update(point, responds));
  }
  return { node, update };
}

function unavailable(view) {
  const words = "This network cannot be computed in the page: it is too large for it, or uses a function that only Python knows.";
  return { node: section(view, "what-if", "What if", html("p", { class: "ew-note" }, words)), update() {} };
}

const medians = (view) => view.scene.data.map((column) => column.quartiles[1]);

function randomRow(view) {
  const rows = view.scene.rows.inputs;
  return [...rows[Math.floor(Math.random() * rows.length)]];
}

const markAt = ({ low, high }, value) => clamp(((value - low) / (high - low || 1)) * STRIP.wide, -4, STRIP.wide + 4);

// Where the network's values over the data lie, and where this one is among them.
function answerStrip(view) {
  const node = view.scene.levels[view.scene.levels.length - 1][0];
  if (view.scene.names.outputs.length > 1 || !(node.high > node.low)) return null;
  return html("div", { class: "ew-answer-strip" },
    svg("svg", { viewBox: `-6 0 ${STRIP.wide + 12} 26`, "aria-hidden": "true", preserveAspectRatio: "none" },
      bars(node.visits, 0, STRIP.wide, 26, 24), svg("path", { class: "ew-mark", d: "M0 0V26" })),
    html("div", { class: "ew-ends" }, html("span", {}, number(node.low, 3)), html("span", {}, "its values over the data"), html("span", {}, number(node.high, 3))));
}

// A name, a field, a slider that goes a little beyond the data, the density of the data and the response to this input.
function inputControl(view, k) {
  const column = view.scene.data[k], name = view.scene.names.inputs[k], span = column.high - column.low || Math.abs(column.high) || 1;
  const low = column.low - 0.12 * span, high = column.high + 0.12 * span, id = view.id(`input-${k}`);
  const set = (value) => Number.isFinite(value) && view.set({ point: view.state.point.map((old, j) => (j === k ? value : old)) });
  const slider = html("input", { type: "range", class: "ew-slider", min: low, max: high, step: "any", "aria-label": `${name}, slider`, input: () => set(slider.valueAsNumber) });
  const field = html("input", { type: "number", id, class: "ew-field", step: "any", input: () => set(field.valueAsNumber), change: () => { field.value = short(view.state.point[k]); } });
  slider.addEventListener("keydown", (event) => stepped(event, view.state.point[k], span, set));
  const across = (value) => ((value - low) / (high - low)) * STRIP.wide;
  const response = svg("path", { class: "ew-response" }), here = svg("path", { class: "ew-mark", d: `M0 0V${STRIP.high}` });
  const quartiles = svg("rect", { class: "ew-band", x: across(column.quartiles[0]), y: 0, height: STRIP.high, width: Math.max(1, across(column.quartiles[2]) - across(column.quartiles[0])) });
  const strip = svg("svg", { class: "ew-strip", viewBox: `0 0 ${STRIP.wide} ${STRIP.high}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    quartiles, bars(view.scene.levels[0][k].visits, across(column.low), across(column.high) + 0.01, STRIP.high, STRIP.high - 4), response, here);
  const node = html("div", { class: "ew-input" }, html("label", { for: id }, name), field, html("div", { class: "ew-track" }, strip, slider));

  function update(point, responds) {
    const value = point[k];
    slider.value = value;
    slider.setAttribute("aria-valuetext", number(value, 5));
    if (document.activeElement !== field || field.valueAsNumber !== value) field.value = short(value);
    node.classList.toggle("ew-outside", value < column.low || value > column.high);
    here.setAttribute("transform", `translate(${clamp(across(value), 0, STRIP.wide)} 0)`);
    if (responds) response.setAttribute("d", responseOf(view, point, k, low, high));
  }
  return { node, update };
}

const short = (value) => String(Number(value.toPrecision(5)));

// Arrow keys move by a hundredth of the data's range, with Shift or Page keys by a tenth.
function stepped(event, value, span, set) {
  const sign = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 }[event.key];
  if (!sign) return;
  set(value + (sign * (event.shiftKey ? 10 : 1) * span) / 100);
  event.preventDefault();
}

// The first output along one input, the others held where they are.
function responseOf(view, point, k, low, high) {
  const values = Array.from({ length: RESPONSE_POINTS }, (_, n) => {
    const moved = [...point];
    moved[k] = low + ((high - low) * n) / (RESPONSE_POINTS - 1);
    return view.network.evaluate(moved)[0];
  });
  const output = view.scene.levels[view.scene.levels.length - 1][0], span = output.high - output.low || 1;
  return pathOf(values.map((y, n) => [(n * STRIP.wide) / (RESPONSE_POINTS - 1), STRIP.high - 3 - ((y - output.low) / span) * (STRIP.high - 6)]));
}
