// The tools of a notebook's widget: they say to Python what is wanted, and show what comes back; see view/widget.py.

// A select or a button that cannot be used now stays reachable by keyboard, so that focus is never lost.
const usable = (node, can) => node.setAttribute("aria-disabled", String(!can));
const isUsable = (node) => node.getAttribute("aria-disabled") !== "true";

class Bench {
  constructor(model, element) {
    Object.assign(this, { model, element, waiting: false, chosen: null });
    this.edges = html("select", { change: () => this.look(JSON.parse(this.edges.value)) });
    this.laws = html("select", {});
    this.seconds = html("input", { class: "ew-field", type: "number", value: 10, min: 1, max: 3600, step: 1 });
    this.buttons = Object.fromEntries(["Fix", "Cut", "Set free", "Refit", "Undo", "Redo"].map((word) => [word, this.button(word)]));
    this.said = html("p", { class: "ew-bench-said", role: "status", "aria-live": "polite" });
    this.bar = html("progress", { max: 1, value: 0, "aria-label": "time of the refit" });
    this.steps = html("ol", {});
    this.count = html("summary", {});
    this.stage = html("div", { class: "ew-bench-view" });
    const named = (words, control) => html("label", {}, html("span", {}, words), control);
    const { Fix, Cut, Refit, Undo, Redo, "Set free": Free } = this.buttons;
    this.tools = html("div", { class: "edgewise ew-bench" }, html("div", { class: "ew-page" },
      html("div", { class: "ew-bench-row", role: "group", "aria-label": "Edit an edge" },
        named("Edge", this.edges), named("Function", this.laws), Fix, Cut, Free),
      html("div", { class: "ew-bench-row", role: "group", "aria-label": "The whole network" },
        Refit, named("Seconds at most", this.seconds), Undo, Redo),
      html("div", { class: "ew-bench-row" }, this.said, this.bar), html("details", {}, this.count, this.steps)));
    element.replaceChildren(this.tools, this.stage);
    element.dataset.lmSuppressShortcuts = "true"; // keys pressed here are not JupyterLab's commands
  }

  button(word) {
    const verb = { "Set free": "free" }[word] || word.toLowerCase();
    const made = html("button", { type: "button", class: "ew-button", click: () => isUsable(made) && this.ask(verb) }, word);
    return made;
  }

  ask(verb) {
    const more = { fix: { function: this.laws.value }, refit: { seconds: this.seconds.valueAsNumber || 0 } }[verb];
    this.send({ verb, edge: this.chosen, ...more });
  }

  look(place) {
    this.send({ verb: "look", edge: place });
  }

  send(wanted) {
    this.waiting = true;
    this.model.send(wanted);
    this.enable(this.model.get("state"));
  }

  // The state as Python tells it: the lists, what can be done now, what was done.
  heard() {
    const state = this.model.get("state"), place = JSON.stringify(state.edge);
    this.waiting = false;
    this.chosen = state.edge;
    const option = (value, words) => html("option", { value }, words);
    this.edges.replaceChildren(option("null", state.edges.length ? "choose, here or below" : "choose in the picture"),
      ...state.edges.map((edge) => option(JSON.stringify(edge.place), edge.words)));
    if (place !== "null" && !state.edges.length) this.edges.append(option(place, place));
    this.edges.value = place;
    const laws = (label, entries) => html("optgroup", { label }, entries.map(({ name, text, r2 }) => option(name, r2 === undefined ? `${name}: ${text}` : `${text}, R² ${r2 > 1 - 1e-9 ? 1 : r2Words(r2)}`)));
    this.laws.replaceChildren(...(state.match.length ? [laws("closest to its curve", state.match)] : []), laws("all others", state.functions));
    this.count.textContent = `${state.steps.length - 1} ${state.steps.length === 2 ? "step" : "steps"}${state.undone ? `, ${state.undone} undone` : ""}`;
    this.steps.replaceChildren(...state.steps.map((step, k) => html("li", { "aria-current": k === state.steps.length - 1 && "step" }, `${step.words}; loss ${step.loss}`)));
    this.said.classList.toggle("ew-failed", state.failed);
    this.said.textContent = state.busy ? `refitting: ${state.busy.told}, ${Math.floor(state.busy.passed)} of ${state.busy.seconds} s` : state.message;
    this.bar.value = state.busy ? state.busy.passed / state.busy.seconds : 0;
    this.enable(state);
    this.mark();
  }

  enable(state) {
    const idle = !this.waiting && !state.busy, found = state.edges.find((edge) => JSON.stringify(edge.place) === JSON.stringify(state.edge));
    const kind = state.edge ? (found ? found.kind : "unknown") : null, { Fix, Cut, Refit, Undo, Redo, "Set free": Free } = this.buttons;
    usable(Fix, idle && kind && kind !== "cut");
    usable(Cut, idle && kind && kind !== "cut");
    usable(Free, idle && kind && kind !== "spline");
    usable(Refit, idle);
    usable(Undo, idle && state.steps.length > 1);
    usable(Redo, idle && state.undone > 0);
    this.bar.hidden = !state.busy;
    this.tools.setAttribute("aria-busy", String(!idle));
  }

  // The picture anew, at the height of the one before, so that the notebook does not jump.
  draw() {
    this.stage.style.minHeight = `${this.stage.offsetHeight}px`;
    this.view = this.view ? this.view.update(this.model.get("scene")) : mount(this.stage, this.model.get("scene"));
    this.theme(notebookTheme());
    this.mark();
    requestAnimationFrame(() => (this.stage.style.minHeight = ""));
  }

  theme(name) {
    for (const part of [this.tools, this.stage.firstChild]) if (name) part.dataset.theme = name;
  }

  // Shows the chosen edge in the picture.
  mark() {
    const place = JSON.stringify(this.chosen);
    const marks = [...this.stage.querySelectorAll(".ew-picture .ew-edge, .ew-picture .ew-line")].map((node) => node.target);
    const target = marks.find(({ edge }) => JSON.stringify([edge.layer, edge.source, edge.target]) === place);
    if (this.view) this.view.set({ selected: target || null });
  }

  keys(event) {
    if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(event.key.toLowerCase())) return;
    const button = this.buttons[event.key.toLowerCase() === "y" || event.shiftKey ? "Redo" : "Undo"];
    event.preventDefault();
    event.stopPropagation();
    button.click();
  }
}

// Dark or light as JupyterLab or VS Code says; null where the notebook does not, and the system's choice holds.
function notebookTheme() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "false" ? "dark" : "light";
  return vscodeThemeKind ? (/dark|high-contrast$/.test(vscodeThemeKind) ? "dark" : "light") : null;
}

export default {
  render({ model, el }) {
    const bench = new Bench(model, el), heard = () => bench.heard(), drawn = () => bench.draw();
    const chosen = ({ detail }) => detail.kind === "edge" && bench.look([detail.layer, detail.source, detail.target]);
    const themed = new MutationObserver(() => bench.theme(notebookTheme()));
    model.on("change:scene", drawn);
    model.on("change:state", heard);
    el.addEventListener("edgewise:select", chosen);
    el.addEventListener("keydown", (event) => bench.keys(event));
    themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
    bench.draw();
    bench.heard();
    return () => {
      model.off("change:scene", drawn);
      model.off("change:state", heard);
      themed.disconnect();
      bench.view.destroy();
    };
  },
};
