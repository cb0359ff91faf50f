// mount(element, scene): draws a scene (see view/scene.py) into an element, on a page and in a notebook alike.

let mounted = 0;

function section(view, name, title, ...parts) {
  const id = view.id(name);
  return html("section", { class: `ew-section ew-${name}-section`, "aria-labelledby": id, "data-section": name }, html("h2", { id }, title), parts);
}

// What all parts share: the scene, the network, the state, and how to change it.
class View {
  constructor(root, scene, options) {
    mounted += 1;
    Object.assign(this, { root, scene, options, mark: mounted, parts: [], calls: new Map() });
    this.network = new Network(scene.network);
    this.edges = ranked(scene, this.network);
    const chosen = scene.formulas.findIndex((formula) => formula.chosen);
    this.state = { stop: chosen < 0 ? scene.formulas.length : chosen, point: medians(this), hover: null, selected: null };
  }

  id(name) {
    return `ew${this.mark}-${name}`;
  }

  // Pixels of the screen for one of the picture's, so that it grows with the text.
  unit() {
    return parseFloat(getComputedStyle(this.root.firstChild || this.root).fontSize) / 16 || 1;
  }

  // The formula of the slider; null for its last stop, the network itself.
  formula() {
    return this.scene.formulas[this.state.stop] || null;
  }

  // A formula, or the network for null, as a function of a row; null where the page cannot compute it.
  call(formula) {
    if (!formula) return this.network.complete ? (row) => this.network.evaluate(row)[0] : null;
    if (!this.calls.has(formula)) this.calls.set(formula, formula.tree === null ? null : compiled(formula.tree, this.scene.names.symbols));
    return this.calls.get(formula);
  }

  // Values at the rows of data; null where there are none.
  values(formula, output = 0) {
    const { rows } = this.scene;
    if (formula) return output === 0 && rows.observed.length ? formula.values : null;
    return rows.network.length ? rows.network.map((row) => row[output]) : null;
  }

  set(changes) {
    Object.assign(this.state, changes);
    for (const [keys, update] of this.parts) if (keys.some((key) => key in changes)) update();
  }

  choose(target) {
    this.set({ selected: target });
    const { kind, edge, level, index } = target;
    const detail = kind === "edge" ? { kind, ...placeOf(edge) } : { kind, level, index };
    this.root.dispatchEvent(new CustomEvent("edgewise:select", { bubbles: true, detail }));
  }
}

// Returns {state, set(changes), update(scene), destroy()}. The element tells of a chosen edge or node by the event
// "edgewise:select", detail {kind: "edge", layer, source, target} or {kind: "node", level, index}. The option
// edgeTools(edge, container) may add controls of its own to the panel of an edge, {layer, source, target}.
export function mount(element, scene, options = {}) {
  if (scene.version !== 1) throw new Error(`a scene of version ${scene.version}; expected 1`);
  const root = html("div", { class: "edgewise" }), page = html("div", { class: "ew-page" });
  root.append(page);
  element.replaceChildren(root);
  const view = new View(root, scene, options);
  const picture = makePicture(view), panel = makePanel(view), whatif = makeWhatIf(view);
  const formula = scene.formulas.length ? makeFormula(view) : null, formulas = scene.formulas.length > 1 ? makeFormulas(view) : null;
  const fit = makeFit(view), map = makeMap(view);
  page.append(...[header(view), formula && formula.node,
    html("div", { class: "ew-duo" }, picture.node, panel.node, whatif.node), map && map.node, fit.empty ? null : fit.node,
    formulas && formulas.node, edgesSection(view), dataSection(view), settingsSection(view)].filter(Boolean));
  view.parts = [
    [["stop"], () => [formula, formulas, fit, map].forEach((part) => part && part.update())],
    [["stop", "hover", "selected"], picture.mark],
    [["hover", "selected"], panel.update],
    [["point", "stop"], whatif.update],
    [["point"], () => map && map.mark()],
  ];
  const stop = watch(view, picture, formula);
  view.set({ ...view.state });
  root.dataset.ready = "yes";
  return { state: view.state, set: (changes) => view.set(changes), update: (next) => (stop(), mount(element, next, options)), destroy: () => (stop(), root.remove()) };
}

// Draws the picture for the width it has, again whenever that changes.
function watch(view, picture, formula) {
  let last = 0;
  const draw = () => {
    const width = Math.floor(picture.stage.clientWidth / view.unit());
    if (width < 10 || Math.abs(width - last) < 2) return;
    last = width;
    picture.draw(width);
    if (formula) formula.fit();
  };
  draw();
  if (!last) picture.draw(720);
  const observer = new ResizeObserver(draw);
  observer.observe(picture.stage);
  return () => observer.disconnect();
}

function header(view) {
  const { title, status, message, facts } = view.scene;
  const tone = { exact: "good", converged: "good", approximate: "fair", none: "poor", failed: "poor" }[status.toLowerCase()] || "plain";
  const line = status || message ? html("p", { class: "ew-message" }, status ? html("span", { class: `ew-status ew-${tone}` }, status) : null, message) : null;
  const list = html("dl", { class: "ew-facts" }, facts.map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value))));
  return html("header", { class: "ew-header" }, html("div", { class: "ew-title" }, html("h1", {}, title), themeButton(view)), line, list);
}

function themeButton(view) {
  const isDark = () => (view.root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const button = html("button", { type: "button", class: "ew-tool ew-theme", "aria-label": "dark or light", title: "dark or light", click: () => {
    view.root.dataset.theme = isDark() ? "light" : "dark";
    if (view.options.page) document.documentElement.style.colorScheme = view.root.dataset.theme;
  } }, "◐");
  return button;
}
