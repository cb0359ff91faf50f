// Where everything in the picture goes: levels from left to right, a column or grid of curve boxes between two levels.

const MOST_BOXES = 240, MOST_LINES = 1000, ONE_COLUMN = 12, LETTER = 7.7;

function plan({ scene, network, edges: strongest }, width) {
  for (const edge of strongest) edge.box = null;
  const lines = new Set(strongest.slice(0, MOST_LINES)), boxed = new Set(strongest.slice(0, MOST_BOXES));
  const grids = network.layers.map((_, l) => grid(strongest.filter((edge) => edge.layer === l && boxed.has(edge)), width));
  const last = scene.levels.length - 1, labels = [labelled(scene.levels[0], width), labelled(scene.levels[last], width)];
  const height = Math.max(150, ...grids.map((g) => g.rows * g.pitch + 16),
    ...scene.levels.map((level, l) => level.length * pitchOf(level, l === 0 ? labels[0] : l === last ? labels[1] : null)));
  const boxes = grids.reduce((sum, g) => sum + g.columns * g.pitch, 0);
  const gap = clamp((width - labels[0].width - labels[1].width - boxes) / (2 * grids.length), 24, 110);
  const places = columns(scene, grids, labels[0].width, gap, height);
  const edges = strongest.filter((edge) => lines.has(edge));
  placeBoxes(edges.filter((edge) => boxed.has(edge)), places, grids);
  const total = scene.hidden + strongest.length;
  return { ...places, width: places.right + labels[1].width, height, edges, labels, total, shown: edges.length,
    boxed: Math.min(boxed.size, edges.length) };
}

// All edges, the most important first, each with its place in the scene and its share of the strongest of its layer.
function ranked(scene, network) {
  const found = network.layers.flatMap((layer, l) => {
    const most = layer.edges.reduce((best, edge) => Math.max(best, edge.share), 0) || 1;
    return layer.edges.map((edge, k) => ({ layer: l, k, source: edge.source, target: edge.target,
      node: nodeOf(scene.network.widths[l + 1], edge.target), symbolic: Boolean(edge.law),
      share: edge.share, importance: edge.share / most }));
  });
  return found.sort((a, b) => b.importance - a.importance);
}

const nodeOf = ([sums], target) => (target < sums ? target : sums + ((target - sums) >> 1));

function grid(edges, width) {
  const count = edges.length;
  if (count <= ONE_COLUMN) return { columns: 1, rows: count, size: 46, pitch: edges.some((edge) => edge.symbolic) ? 66 : 55 };
  const pitch = count > 100 ? 30 : 40, fitting = Math.max(2, Math.floor((0.45 * width) / pitch));
  const rows = Math.max(ONE_COLUMN, Math.ceil(Math.sqrt(count * 1.6)), Math.ceil(count / fitting));
  return { columns: Math.ceil(count / rows), rows, size: pitch - 5, pitch };
}

// Names beside their nodes, long ones in up to three lines.
function labelled(level, width) {
  const letters = (share) => Math.max(6, Math.floor((share * width - 20) / LETTER)), words = level.flatMap((node) => node.label.split(/[\s_\-./,()]+/));
  const most = clamp(Math.max(...words.map((word) => word.length + 1)), letters(0.27), letters(0.34)); // rather wider than broken within a word
  const texts = level.map((node) => wrapped(node.label, most));
  const longest = Math.max(...texts.flat().map(textWidth)), lines = Math.max(...texts.map((text) => text.length));
  return { width: longest + 22, texts, lines };
}

const textWidth = (text) => {
  pencil = pencil || document.createElement("canvas").getContext("2d");
  pencil.font = '13.5px system-ui, "Segoe UI", "Helvetica Neue", Arial, "Noto Sans", "DejaVu Sans", sans-serif';
  return pencil.measureText(text).width;
};
let pencil = null;

// A name in as few lines of at most so many letters as it takes, of nearly equal length.
function wrapped(name, most) {
  const cut = shortened(name, 3 * most);
  let lines = broken(cut, most);
  for (let less = most - 1; less > 5; less -= 1) {
    const next = broken(cut, less);
    if (next.length > lines.length) break;
    lines = next;
  }
  return lines.length <= 3 ? lines : [...lines.slice(0, 2), shortened(lines.slice(2).join(""), most)];
}

// Broken after spaces and the like where it can be, within a word where it must.
function broken(name, most) {
  const lines = [""];
  for (const part of name.match(/[^\s_\-./,()]*[\s_\-./,()]*/g).filter(Boolean)) {
    if (lines[lines.length - 1] && lines[lines.length - 1].length + part.trimEnd().length > most) lines.push("");
    lines[lines.length - 1] += part;
  }
  return lines.flatMap((line) => (line.trim().length <= most ? [line] : line.match(new RegExp(`.{1,${most}}`, "gu"))));
}

function pitchOf(level, labels) {
  if (!labels) return level.length > 40 ? 9 : 22;
  return level.length > 60 ? 10 : 10 + 16 * labels.lines;
}

// Positions of nodes, of the places where edges end, and of the bands of boxes.
function columns(scene, grids, start, gap, height) {
  const nodes = [], inlets = [], bands = [];
  let x = start;
  scene.levels.forEach((level, l) => {
    const radius = clamp((0.32 * height) / level.length, 2.5, 8);
    nodes.push(level.map((node, k) => ({ x, y: ((k + 0.5) / level.length) * height, radius })));
    inlets.push(level.map((node, k) => inletsOf(node, nodes[l][k])).flat().sort((a, b) => a.target - b.target));
    if (l < grids.length) {
      bands.push(x + gap);
      x += 2 * gap + grids[l].columns * grids[l].pitch;
    }
  });
  return { nodes, inlets, bands, right: x };
}

function inletsOf(node, { x, y, radius }) {
  if (node.kind !== "product") return node.subnodes.map((target) => ({ target, x: x - radius, y }));
  return node.subnodes.map((target, k) => ({ target, x: x - radius - 6, y: y + (k ? 1 : -1) * Math.min(9, radius + 2) }));
}

// Boxes ordered by the height of their ends, row by row, so that lines cross little.
function placeBoxes(edges, places, grids) {
  grids.forEach((g, l) => {
    const height = (edge) => places.nodes[l][edge.source].y + 0.7 * places.inlets[l + 1][edge.target].y;
    const own = edges.filter((edge) => edge.layer === l).sort((a, b) => height(a) - height(b) || a.k - b.k);
    const rows = Math.ceil(own.length / g.columns), tall = places.nodes[0].length ? middleOf(places) : 0;
    own.forEach((edge, k) => {
      edge.box = { size: g.size, x: places.bands[l] + ((k % g.columns) + 0.5) * g.pitch,
        y: tall + (Math.floor(k / g.columns) - (rows - 1) / 2) * g.pitch };
    });
  });
}

const middleOf = (places) => {
  const level = places.nodes[0];
  return (level[0].y + level[level.length - 1].y) / 2;
};

// The line of an edge: from its source to its box and on to where it ends.
function lineOf(edge, places) {
  const from = places.nodes[edge.layer][edge.source], to = places.inlets[edge.layer + 1][edge.target];
  const start = { x: from.x + from.radius, y: from.y };
  if (!edge.box) return bend(start, to);
  const half = edge.box.size / 2, { x, y } = edge.box;
  return bend(start, { x: x - half, y }) + bend({ x: x + half, y }, to);
}

function bend(a, b) {
  const pull = 0.5 * (b.x - a.x), f = (value) => value.toFixed(1);
  return `M${f(a.x)} ${f(a.y)}C${f(a.x + pull)} ${f(a.y)} ${f(b.x - pull)} ${f(b.y)} ${f(b.x)} ${f(b.y)}`;
}
