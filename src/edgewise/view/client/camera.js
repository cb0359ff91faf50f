// Moving and enlarging the picture: drag, pinch or Ctrl and the wheel, buttons, and the keys + - 0.
// While it moves, the picture is one layer that the browser shifts and scales without drawing it anew.

const LARGEST = 8, STEP = 1.3, SMALLEST = 0.7;

function makeCamera(view) {
  const stage = html("div", { class: "ew-stage" });
  const button = (label, sign, act) => html("button", { type: "button", class: "ew-tool", "aria-label": label, title: label, click: act }, sign);
  const tools = html("div", { class: "ew-tools", role: "group", "aria-label": "Size of the picture" },
    button("larger", "+", () => zoom(STEP)), button("smaller", "−", () => zoom(1 / STEP)), button("whole picture", "⤢", () => fit()));
  let root = null, size = [1, 1], growth = 1, place = { x: 0, y: 0, scale: 1 }, quiet = 0;

  function show(next, width, height, grown) {
    [root, size, growth] = [next, [width, height], grown];
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    stage.replaceChildren(root);
    fit();
  }

  function fit() {
    const unit = view.unit() * growth, room = stage.clientWidth || size[0] * unit, tall = 0.86 * window.innerHeight;
    const least = SMALLEST * view.unit(), base = Math.min(unit, Math.max(room / size[0], least), Math.max(tall / size[1], least));
    stage.classList.toggle("ew-sideways", size[0] * base > room + 1);
    stage.style.height = `${Math.ceil(size[1] * base)}px`;
    root.style.width = `${size[0] * base}px`;
    root.style.height = `${size[1] * base}px`;
    place = { x: Math.max(0, (room - size[0] * base) / 2), y: 0, scale: 1 };
    move();
  }

  function move() {
    root.style.willChange = "transform";
    root.style.transform = `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
    stage.classList.toggle("ew-zoomed", place.scale > 1.01);
    clearTimeout(quiet);
    quiet = setTimeout(() => { root.style.willChange = ""; }, 250);
  }

  // Enlarges about a point of the stage, its middle when there is none.
  function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    const scale = clamp(place.scale * factor, 0.5, LARGEST), grown = scale / place.scale;
    place = { x: x - (x - place.x) * grown, y: y - (y - place.y) * grown, scale };
    move();
  }

  function pan(x, y) {
    place = { ...place, x: place.x + x, y: place.y + y };
    move();
  }

  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 250), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  stage.addEventListener("keydown", (event) => {
    const act = { "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), 0: fit }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    act();
    event.preventDefault();
  });
  dragging(stage, pan, zoom, () => place.scale > 1.01);
  return { node: stage, tools, show, fit, zoom, pan };
}

// One finger or the mouse moves, two fingers enlarge; a touch on a picture that is not enlarged scrolls the page, and
// moves sideways a picture that is wider than its place.
function dragging(stage, pan, zoom, isZoomed) {
  const fingers = new Map();
  let moved = 0;
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return { size: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved = 0;
  });
  stage.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const before = fingers.size === 2 ? spread() : null, next = { x: event.clientX, y: event.clientY };
    fingers.set(event.pointerId, next);
    if (before) {
      const after = spread(), box = stage.getBoundingClientRect();
      zoom(after.size / Math.max(before.size, 1), after.x - box.left, after.y - box.top);
    } else if (event.pointerType === "mouse" || isZoomed()) pan(next.x - last.x, next.y - last.y);
    else if (stage.classList.contains("ew-sideways")) pan(next.x - last.x, 0);
    moved += Math.abs(next.x - last.x) + Math.abs(next.y - last.y);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"])
    stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
  stage.addEventListener("click", (event) => {
    if (moved > 6) event.stopPropagation();
    moved = 0;
  }, { capture: true });
}
