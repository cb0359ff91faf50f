// The formulas on a slider from the simplest to the most exact, and last the network itself.

function makeFormula(view) {
  const { formulas } = view.scene, last = formulas.length, target = view.scene.names.outputs[0];
  const slides = [...formulas.map((formula) => slideOf(formula, target)), networkSlide(view)];
  const slider = html("input", { type: "range", min: 0, max: last, step: 1, class: "ew-slider", id: view.id("formula"), list: view.id("stops"),
    input: () => view.set({ stop: Number(slider.value) }) });
  const stops = html("datalist", { id: view.id("stops") }, slides.map((_, k) => html("option", { value: k })));
  const facts = html("dl", { class: "ew-facts ew-inline" }), badge = html("span", { class: "ew-badge" }, "chosen");
  const copies = copyButtons(view), said = html("p", { class: "ew-said", role: "status" });
  const node = section(view, "formula", "Formula", html("div", { class: "ew-slides" }, slides),
    html("div", { class: "ew-slide-row" }, slider, stops, html("div", { class: "ew-ends" }, html("label", { for: view.id("formula") }, "simplest formula"), html("span", {}, "most exact, then the network"))),
    html("div", { class: "ew-formula-foot" }, facts, said, copies.node));
  node.querySelector("h2").append(badge);

  function update() {
    const formula = view.formula(), { stop } = view.state;
    slider.value = stop;
    slider.setAttribute("aria-valuetext", formula ? `formula ${stop + 1} of ${last}: ${formula.text}` : "the network itself");
    slides.forEach((slide, k) => slide.classList.toggle("ew-current", k === stop));
    badge.hidden = !(formula && formula.chosen);
    facts.replaceChildren(...factsOf(view, formula).map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value))));
    copies.show(formula);
    said.replaceChildren();
  }
  return { node, update, fit: () => slides.forEach(fitSlide) };
}

// A formula in pieces that may go to the next line: the target, then each term of the outermost sum.
function slideOf(formula, target) {
  const slide = html("div", { class: "ew-slide" });
  if (!formula.math) return fill(slide, {}, [html("code", {}, formula.text)]);
  const named = formula.text.includes("=") ? formula.text.split("=")[0].trim() : target;
  slide.write = (finely) => {
    const pieces = [["math", ["mrow", ["mi", named], ["mo", "="]]], ...terms(formula.math, finely)];
    slide.replaceChildren(...pieces.map(mathml));
  };
  slide.write(false);
  return slide;
}

// The terms of the outermost sum, finely cut: also its factors, those of a single term and of terms in turn.
function terms(math, finely) {
  let inner = math.slice(1);
  while (inner.length === 1 && inner[0][0] === "mrow") inner = inner[0].slice(1);
  const pieces = [];
  for (const part of inner) {
    if (finely && part[0] === "mrow" && part.length > 2) {
      pieces.push(...factors(part));
      continue;
    }
    const sign = part[0] === "mo" && { "+": "+", "-": "−", "−": "−" }[part[1]];
    if ((sign && pieces.length) || !pieces.length) pieces.push(["math", ["mrow"]]);
    const within = sign && pieces[pieces.length - 1][1].length === 1 && pieces.length > 1;
    pieces[pieces.length - 1][1].push(sign ? ["mo", within ? { form: "infix" } : {}, sign] : part);
    if (finely && isTimes(part)) pieces.push(["math", ["mrow"]]);
  }
  return pieces;
}

const isTimes = (part) => part[0] === "mo" && (part[1] === "·" || part[1] === "\u2062");

function factors(row) {
  const pieces = [["math", ["mrow"]]];
  for (const part of row.slice(1)) {
    pieces[pieces.length - 1][1].push(part);
    if (isTimes(part)) pieces.push(["math", ["mrow"]]);
  }
  return pieces;
}

function networkSlide(view) {
  const count = view.network.layers.reduce((sum, layer) => sum + layer.edges.length, view.scene.hidden);
  const names = view.scene.names.inputs, inside = names.length <= 6 ? names.join(", ") : `${names.length} inputs`;
  return html("div", { class: "ew-slide ew-plain" }, `${listed(view.scene.names.outputs)} = network(${inside})`,
    html("small", {}, `the network itself, ${count} edge${count === 1 ? "" : "s"}`));
}

// Makes a formula smaller until its widest piece fits, at last in finer pieces; what is still too wide can be scrolled.
function fitSlide(slide) {
  slide.style.fontSize = "";
  if (slide.write) slide.write(false);
  const size = parseFloat(getComputedStyle(slide).fontSize), least = Math.min(size, 0.8 * parseFloat(getComputedStyle(slide.parentNode).fontSize));
  const share = () => (slide.clientWidth - 4) / Math.max(...[...slide.children].map((child) => child.getBoundingClientRect().width), 1);
  if (slide.clientWidth && share() < 1) {
    if (slide.write && share() < 0.75) slide.write(true);
    slide.style.fontSize = `${clamp(size * share(), least, size).toFixed(1)}px`;
  }
  const wide = slide.scrollWidth > slide.clientWidth + 1;
  fill(slide, wide ? { tabindex: 0, role: "group", "aria-label": "formula, scrolls sideways" } : {}, []);
}

function factsOf(view, formula) {
  const found = quality(view, formula), facts = [];
  if (formula && formula.complexity !== null) facts.push(["complexity", number(formula.complexity)]);
  if (found) facts.push(["RMSE", number(found.rmse, 3)], ["R²", r2Words(found.r2)]);
  else if (formula && typeof formula.loss === "number") facts.push(["loss", number(formula.loss, 3)]);
  return facts;
}

// Root mean square error and share of variance explained on the rows held out.
function quality(view, formula) {
  const { observed, held } = view.scene.rows, values = view.values(formula);
  if (!values) return null;
  const rows = observed.map((row, k) => [row[0], values[k], held[k]]).filter((row) => row[2] && Number.isFinite(row[1]));
  if (!rows.length) return null;
  const mean = rows.reduce((sum, [y]) => sum + y, 0) / rows.length;
  const off = rows.reduce((sum, [y, value]) => sum + (y - value) ** 2, 0), spread = rows.reduce((sum, [y]) => sum + (y - mean) ** 2, 0);
  return { rmse: Math.sqrt(off / rows.length), r2: spread > 0 ? 1 - off / spread : NaN };
}

function copyButtons(view) {
  const kinds = [["LaTeX", "latex"], ["Python", "python"], ["C", "c"]];
  const buttons = kinds.map(([label, key]) => html("button", { type: "button", class: "ew-button", "data-copy": key,
    click: () => copied(view, view.formula()[key], label) }, label));
  const node = html("div", { class: "ew-copies", role: "group", "aria-label": "Copy the formula" }, html("span", { "aria-hidden": "true" }, "copy"), buttons);
  const show = (formula) => buttons.forEach((button, k) => { button.disabled = !formula || !formula[kinds[k][1]]; });
  return { node, show };
}

// To the clipboard; where a page opened from a file may not, by selecting a text field, which stays when that fails too.
async function copied(view, text, label) {
  const said = view.root.querySelector(".ew-said");
  try {
    await navigator.clipboard.writeText(text);
    said.textContent = `${label} copied`;
  } catch {
    const field = html("textarea", { class: "ew-copy-field", readonly: true, rows: 3, "aria-label": `${label} of the formula` });
    field.value = text;
    said.replaceChildren(field);
    field.select();
    if (document.execCommand("copy")) said.textContent = `${label} copied`;
    else said.prepend("Press Ctrl+C to copy: ");
  }
}
