// The network itself: the same numbers as in Python, from the knots, weights and constants in the scene.

const BASES = { silu: (x) => x / (1 + Math.exp(-x)), identity: (x) => x };

// The cell of x among the knots t[start..]: the last one is closed. See splines.find_cell.
function cellOf(x, t, start, count, degree) {
  const high = t[start + count - degree - 1];
  let last = count - degree - 2;
  while (last > degree && t[start + last] >= high) last -= 1;
  let low = degree, top = last;
  while (low < top) {
    const middle = (low + top + 1) >> 1;
    if (t[start + middle] <= x) low = middle;
    else top = middle - 1;
  }
  return low;
}

// The degree + 1 basis functions at x by the Cox-de Boor recursion, continued along tangents beyond the domain.
function localBasis(x, t, start, count, degree) {
  const low = t[start + degree], high = t[start + count - degree - 1];
  const inside = clamp(x, low, high), cell = cellOf(inside, t, start, count, degree), at = start + cell;
  let values = [1], lower = values;
  for (let k = 1; k <= degree; k += 1) {
    lower = values;
    values = new Array(k + 1).fill(0);
    for (let j = 0; j < k; j += 1) {
      const right = t[at + 1 + j], left = t[at + 1 - k + j], share = lower[j] / (right - left);
      values[j] += share * (right - inside);
      values[j + 1] += share * (inside - left);
    }
  }
  if (x !== inside && degree > 0) {
    for (let j = 0; j < degree; j += 1) {
      const slope = (degree * lower[j]) / (t[at + 1 + j] - t[at + 1 - degree + j]);
      values[j] -= slope * (x - inside);
      values[j + 1] += slope * (x - inside);
    }
  }
  return { first: cell - degree, values };
}

class Layer {
  constructor(spec, inputs, laws) {
    this.degree = spec.degree;
    this.base = BASES[spec.base] || null;
    this.baseName = spec.base;
    this.intervals = spec.intervals;
    this.outputs = spec.outputs;
    this.edges = spec.edges;
    this.knots = numbers(spec.knots);
    this.weights = numbers(spec.weights);
    this.count = this.knots.length / inputs;
    this.features = spec.edges.length ? this.weights.length / spec.edges.length : 0;
    this.laws = spec.edges.map((edge) => (edge.law ? laws[edge.law] : null));
  }

  domain(source) {
    const start = source * this.count;
    return [this.knots[start + this.degree], this.knots[start + this.count - this.degree - 1]];
  }

  basis(source, x) {
    const found = localBasis(x, this.knots, source * this.count, this.count, this.degree);
    found.base = this.base ? this.base(x) : 0;
    return found;
  }

  // Value of edge k at x in the network's own units.
  value(k, x, basis = null) {
    const edge = this.edges[k];
    if (edge.law) {
      const [a, b, c, d, p] = edge.constants;
      return this.laws[k] ? c * this.laws[k](a * x + b, p) + d : NaN;
    }
    const { first, values, base } = basis || this.basis(edge.source, x);
    const row = k * this.features;
    let sum = this.base ? this.weights[row + this.features - 1] * base : 0;
    for (let r = 0; r < values.length; r += 1) sum += this.weights[row + first + r] * values[r];
    return sum;
  }

  forward(inputs) {
    const sums = new Array(this.outputs).fill(0), bases = new Array(inputs.length).fill(null);
    this.edges.forEach((edge, k) => {
      const x = inputs[edge.source];
      if (!edge.law) bases[edge.source] = bases[edge.source] || this.basis(edge.source, x);
      sums[edge.target] += this.value(k, x, bases[edge.source]);
    });
    return sums;
  }
}

class Network {
  constructor(spec) {
    this.spec = spec;
    this.widths = spec.widths;
    this.laws = Object.fromEntries(Object.entries(spec.laws).map(([name, entry]) => [name, law(entry)]));
    this.center = numbers(spec.input.center);
    this.scale = numbers(spec.input.scale);
    this.outCenter = numbers(spec.output.center);
    this.outScale = numbers(spec.output.scale);
    const wide = spec.widths.map(([sums, products]) => sums + products);
    this.layers = spec.layers.map((layer, k) => new Layer(layer, wide[k], this.laws));
    this.joins = spec.joins;
    this.gates = spec.joins ? spec.joins.gates.map((gate) => new Layer(gate, wide[0], this.laws)) : [];
    this.complete = spec.complete && Object.values(this.laws).every(Boolean);
  }

  // Outputs in the user's units of one row in the user's units.
  evaluate(row) {
    const entered = row.map((x, k) => (x - this.center[k]) / this.scale[k]);
    const gates = this.gates.map((gate) => gate.forward(entered));
    let nodes = entered, block = entered;
    this.layers.forEach((layer, k) => {
      const made = this.combined(layer.forward(this.inputs(nodes, k + 1)), this.widths[k + 1]);
      [nodes, block] = this.joined(k + 1, nodes, block, made, gates);
    });
    return nodes.map((y, k) => y * this.outScale[k] + this.outCenter[k]);
  }

  // Value of an edge at x in the units it is drawn in: the user's for the first layer, the network's own above.
  curve(layer, k, x) {
    const source = this.layers[layer].edges[k].source;
    return this.layers[layer].value(k, layer ? x : (x - this.center[source]) / this.scale[source]);
  }

  // Where the splines of a source live, in the units its edges are drawn in.
  domain(layer, source) {
    const ends = this.layers[layer].domain(source);
    return layer ? ends : ends.map((x) => x * this.scale[source] + this.center[source]);
  }

  combined(sums, [plain, products]) {
    if (!products) return sums;
    const nodes = sums.slice(0, plain);
    for (let k = 0; k < products; k += 1) nodes.push(sums[plain + 2 * k] * sums[plain + 2 * k + 1]);
    return nodes;
  }

  // What the layer below a level gets: see edgewise/joins.py.
  inputs(nodes, level) {
    if (!this.joins || !this.joins.norm || level === 1) return nodes;
    const mean = nodes.reduce((sum, h) => sum + h * h, 0) / nodes.length;
    return nodes.map((h) => this.joins.centre + (this.joins.scale * h) / Math.sqrt(mean + 1e-12));
  }

  joined(level, nodes, block, made, gates) {
    const joins = this.joins, inner = level > 1 && level < this.layers.length;
    if (!joins || !joins.residual || !inner) return [made, made];
    if (joins.residual === "plain" || joins.residual === "scaled")
      return [made.map((f, k) => nodes[k] + joins.factor * f), block];
    const mix = joins.mix[level - 2];
    if (joins.residual === "zero") return [made.map((f, k) => nodes[k] + mix * f), block];
    const last = (level - 2) % 2 === 1 || level - 2 === this.layers.length - 3, past = last ? block : nodes;
    const found = made.map((f, k) => mix * (f * gates[0][k] + (1 - f) * gates[1][k]) + (1 - mix) * past[k]);
    return [found, last ? found : block];
  }
}
