// A whole network over a block of samples: values upwards, derivatives with respect to sub-nodes downwards.
//
// Everything lies feature-major, a row of BLOCK samples for every input, edge and node, so that each step works on
// vectors of samples. The weights come as one vector in which `place` says where an edge's own begin.

#ifndef EDGEWISE_SWEEP_H
#define EDGEWISE_SWEEP_H

#include "basis.h"

namespace {

constexpr int BLOCK = 64;

// One layer and the network as the caller describes them; place (in, out) is negative where there is no edge, and the
// affine maps may be null.
template <class T> struct Level {
  int64_t in, sums, products, knot_count, stride, base;
  const T *knots;
  const int64_t *place;
};
template <class T> struct Network {
  int64_t depth;
  const Level<T> *levels;
  const T *input_center, *input_scale, *output_center, *output_scale;
};

// Memory that the next call finds again, because fresh pages cost more than the work on them: one piece per shelf, for
// whoever comes first. Its size stands in front of it.
constexpr int64_t WORTH_KEEPING = 1 << 20;
enum Shelf { FOR_TIERS, FOR_SUMS, FOR_BLOCKS, SHELVES };
static char *shelves[SHELVES];
inline char *borrow(Shelf shelf, int64_t bytes) {
  char *piece = __atomic_exchange_n(&shelves[shelf], nullptr, __ATOMIC_ACQ_REL);
  if (piece == nullptr || *(int64_t *)piece < bytes) {
    free(piece);
    piece = reserve(bytes + 64);
    if (piece == nullptr) return nullptr;
    *(int64_t *)piece = bytes;
  }
  return piece + 64;
}
inline void give_back(Shelf shelf, char *memory) {
  if (memory == nullptr) return;
  char *piece = memory - 64;
  if (*(int64_t *)piece <= WORTH_KEEPING) piece = __atomic_exchange_n(&shelves[shelf], piece, __ATOMIC_ACQ_REL);
  free(piece);
}

// Hands out pieces of one allocation: run once on nothing to learn the size, then again on the memory itself.
struct Carver {
  char *at;
  int64_t used;
  template <class S> S *take(int64_t count) {
    char *piece = at + used;
    used += line(count * sizeof(S));
    return (S *)piece;
  }
};

// A layer ready for work: its living edges listed input by input, their weights side by side.
template <class T> struct Tier {
  const Level<T> *level;
  int64_t out, nodes, functions, features, padded, edges;
  Grid<T> *grids;
  int32_t *first, *target;
  int64_t *start;
  T *table, *base_weight;
};

// What a block of samples leaves behind in one layer. value (in, K + 2, BLOCK), the base function last; slope
// (edges, BLOCK); sub and up (out, BLOCK); node and node_up (nodes, BLOCK).
template <class T> struct Trail {
  T *value, *slope, *sub, *up, *node, *node_up;
  typename Kind<T>::Int *cell;
};

template <class T, int K> struct Tiers {
  static constexpr int L = LANES<T>;
  const Network<T> &net;
  Tier<T> *tier;
  char *memory;

  Tiers(const Network<T> &network, const T *weights) : net(network), tier(nullptr), memory(nullptr) {
    Carver size = {nullptr, 0};
    carve(size, false);
    memory = borrow(FOR_TIERS, size.used);
    if (memory == nullptr) return;
    Carver carver = {memory, 0};
    carve(carver, true);
    for (int64_t l = 0; l < net.depth; ++l) fill(tier[l], weights);
  }
  ~Tiers() { give_back(FOR_TIERS, memory); }

  void carve(Carver &carver, bool real) {
    Tier<T> *found = carver.take<Tier<T>>(net.depth), scratch;
    if (real) tier = found;
    for (int64_t l = 0; l < net.depth; ++l) {
      const Level<T> &level = net.levels[l];
      Tier<T> &t = real ? tier[l] : scratch;
      t.level = &level;
      t.out = level.sums + 2 * level.products;
      t.nodes = level.sums + level.products;
      t.functions = level.knot_count - K - 1;
      t.features = t.functions + (level.base != NO_BASE);
      t.padded = (t.functions + L - 1) / L * L;
      if (t.padded == 3 * L) t.padded = 4 * L;
      t.grids = carver.take<Grid<T>>(level.in);
      t.first = carver.take<int32_t>(level.in + 1);
      t.target = carver.take<int32_t>(level.in * t.out);
      t.start = carver.take<int64_t>(level.in * t.out);
      t.table = carver.take<T>(level.in * t.out * t.padded);
      t.base_weight = carver.take<T>(level.in * t.out);
    }
  }

  static void fill(Tier<T> &t, const T *weights) {
    const Level<T> &level = *t.level;
    int32_t e = 0;
    for (int64_t i = 0; i < level.in; ++i) {
      t.grids[i] = survey<T, K>(level.knots + i * level.knot_count, level.knot_count);
      t.first[i] = e;
      for (int64_t o = 0; o < t.out; ++o) {
        const int64_t start = level.place[i * t.out + o];
        if (start < 0) continue;
        t.target[e] = int32_t(o);
        t.start[e] = start;
        T *table = t.table + e * t.padded;
        const T *from = weights + start;
        for (int64_t m = 0; m < t.functions; ++m) table[m] = from[m * level.stride];
        for (int64_t m = t.functions; m < t.padded; ++m) table[m] = T(0);
        t.base_weight[e] = level.base == NO_BASE ? T(0) : from[t.functions * level.stride];
        ++e;
      }
    }
    t.first[level.in] = e;
    t.edges = e;
  }
};

// Values and slopes of one input's functions and its base function.
template <class T, int K, Mode MODE>
NOINLINE void evaluate_block(const Grid<T> &grid, int64_t base, const T *x, int n, T *values, T *slopes,
                             typename Kind<T>::Int *cells) {
  const Bounds<T, K, MODE> bounds(grid);
  for (int b = 0; b < n; b += LANES<T>) {
    Vec<T> value[K + 2], slope[K + 2];
    const Vec<T> point = load(x + b);
    Vec<T> *const jet[] = {value, slope};
    const Ints<T> cell = basis<T, K, MODE>(grid, bounds, point, jet);
    value[K + 1] = slope[K + 1] = splat<T>(0);
    if (base != NO_BASE) base_branch<T>(int(base), point, &value[K + 1], &slope[K + 1]);
#pragma GCC unroll 8
    for (int r = 0; r < K + 2; ++r) store(values + r * BLOCK + b, value[r]), store(slopes + r * BLOCK + b, slope[r]);
    memcpy(cells + b, &cell, sizeof cell);
  }
}

// Where an edge's coefficients are looked up: in one vector, in two, in four, in memory.
enum Lookup { ONE_VECTOR, TWO_VECTORS, FOUR_VECTORS, MEMORY };
template <class T, Lookup LOOKUP> INLINE Vec<T> look_up(const T *table, Ints<T> index) {
  if (LOOKUP == ONE_VECTOR) return __builtin_shuffle(load(table), index);
  constexpr int L = LANES<T>;
  const Vec<T> low = __builtin_shuffle(load(table), load(table + L), index);
  if (LOOKUP == TWO_VECTORS) return low;
  if (LOOKUP == FOUR_VECTORS)
    return index < 2 * L ? low : __builtin_shuffle(load(table + 2 * L), load(table + 3 * L), index);
  return gather<T>(table, index);
}

// sub[target] += phi(x) and slope[e] = phi'(x) for the living edges of one input.
template <class T, int K, Lookup LOOKUP, bool SLOPES>
NOINLINE void apply_edges(const Tier<T> &t, int64_t i, int n, const Trail<T> &trail, const T *slopes) {
  const T *values = trail.value + i * (K + 2) * BLOCK;
  for (int b = 0; b < n; b += LANES<T>) {
    Vec<T> value[K + 2], slope[K + 2];
    Ints<T> index;
    memcpy(&index, trail.cell + i * BLOCK + b, sizeof index);
#pragma GCC unroll 8
    for (int r = 0; r < K + 2; ++r) value[r] = load(values + r * BLOCK + b), slope[r] = load(slopes + r * BLOCK + b);
    for (int32_t e = t.first[i]; e < t.first[i + 1]; ++e) {
      T *to = trail.sub + t.target[e] * BLOCK + b;
      Vec<T> sum = value[K + 1] * t.base_weight[e], rise = slope[K + 1] * t.base_weight[e];
#pragma GCC unroll 8
      for (int r = 0; r <= K; ++r) {
        const Vec<T> weight = look_up<T, LOOKUP>(t.table + e * t.padded, index + typename Kind<T>::Int(r));
        sum += value[r] * weight;
        if (SLOPES) rise += slope[r] * weight;
      }
      store(to, load(to) + sum);
      if (SLOPES) store(trail.slope + e * BLOCK + b, rise);
    }
  }
}

// Everything one block of samples needs, layer by layer.
template <class T, int K> struct Block {
  static constexpr int L = LANES<T>;
  const Network<T> &net;
  const Tier<T> *tier;
  Trail<T> *trail;
  T *x, *slopes;

  Block(const Tiers<T, K> &tiers) : net(tiers.net), tier(tiers.tier), trail(nullptr), x(nullptr), slopes(nullptr) {}

  void carve(Carver &carver, bool real) {
    Trail<T> *found = carver.take<Trail<T>>(net.depth), scratch;
    if (real) trail = found;
    x = carver.take<T>(net.levels[0].in * BLOCK);
    slopes = carver.take<T>((K + 2) * BLOCK);
    for (int64_t l = 0; l < net.depth; ++l) {
      Trail<T> &to = real ? trail[l] : scratch;
      const Tier<T> &t = tier[l];
      const int64_t in = net.levels[l].in;
      to.value = carver.take<T>(in * (K + 2) * BLOCK);
      to.cell = carver.take<typename Kind<T>::Int>(in * BLOCK);
      to.slope = carver.take<T>(l ? t.edges * BLOCK : 0);
      to.sub = carver.take<T>(t.out * BLOCK);
      to.up = carver.take<T>(t.out * BLOCK);
      const bool products = net.levels[l].products > 0;
      to.node = products ? carver.take<T>(t.nodes * BLOCK) : to.sub;
      to.node_up = products ? carver.take<T>(t.nodes * BLOCK) : to.up;
    }
  }

  // Values of all nodes for rows b0 .. b0 + n of `rows`; a last vector that is not full repeats the last row.
  void climb(const T *rows, int64_t b0, int n) {
    const int64_t in = net.levels[0].in;
    const int full = (n + L - 1) / L * L;
    for (int64_t i = 0; i < in; ++i) {
      const T center = net.input_center ? net.input_center[i] : T(0);
      const T scale = net.input_scale ? net.input_scale[i] : T(1);
      for (int b = 0; b < full; ++b) x[i * BLOCK + b] = rows[(b0 + (b < n ? b : n - 1)) * in + i];
      for (int b = 0; b < full; b += L) store(x + i * BLOCK + b, (load(x + i * BLOCK + b) - center) / scale);
    }
    const T *below = x;
    for (int64_t l = 0; l < net.depth; ++l) {
      memset(trail[l].sub, 0, tier[l].out * BLOCK * sizeof(T));
      for (int64_t i = 0; i < net.levels[l].in; ++i) {
        evaluate(tier[l], i, below + i * BLOCK, full, trail[l]);
        apply(tier[l], i, full, trail[l], l > 0);
      }
      combine(l, full);
      below = trail[l].node;
    }
  }

  void evaluate(const Tier<T> &t, int64_t i, const T *point, int n, const Trail<T> &to) {
    constexpr Mode FEW = VECTOR_BYTES == 64 ? FEW_EVEN_KNOTS : EVEN_KNOTS;
    const Grid<T> &grid = t.grids[i];
    T *values = to.value + i * (K + 2) * BLOCK;
    auto *cells = to.cell + i * BLOCK;
    const int64_t base = t.level->base;
    if (grid.spacing != EVEN) evaluate_block<T, K, ANY_KNOTS>(grid, base, point, n, values, slopes, cells);
    else if (grid.cells < 2 * L) evaluate_block<T, K, FEW>(grid, base, point, n, values, slopes, cells);
    else evaluate_block<T, K, EVEN_KNOTS>(grid, base, point, n, values, slopes, cells);
  }

  void apply(const Tier<T> &t, int64_t i, int n, const Trail<T> &to, bool rising) {
    if (rising) apply_any<true>(t, i, n, to);
    else apply_any<false>(t, i, n, to);
  }
  template <bool SLOPES> void apply_any(const Tier<T> &t, int64_t i, int n, const Trail<T> &to) {
    constexpr bool WIDE = VECTOR_BYTES == 64;
    if (WIDE && t.padded == L) apply_edges<T, K, WIDE ? ONE_VECTOR : MEMORY, SLOPES>(t, i, n, to, slopes);
    else if (WIDE && t.padded == 2 * L) apply_edges<T, K, WIDE ? TWO_VECTORS : MEMORY, SLOPES>(t, i, n, to, slopes);
    else if (WIDE && t.padded == 4 * L) apply_edges<T, K, WIDE ? FOUR_VECTORS : MEMORY, SLOPES>(t, i, n, to, slopes);
    else apply_edges<T, K, MEMORY, SLOPES>(t, i, n, to, slopes);
  }

  // Nodes from sub-nodes: sums as they are, the rest multiplied in pairs.
  void combine(int64_t l, int n) {
    const int64_t sums = net.levels[l].sums, products = net.levels[l].products;
    if (!products) return;
    const Trail<T> &to = trail[l];
    memcpy(to.node, to.sub, sums * BLOCK * sizeof(T));
    for (int64_t k = 0; k < products; ++k) {
      const T *left = to.sub + (sums + 2 * k) * BLOCK, *right = left + BLOCK;
      for (int b = 0; b < n; b += L) store(to.node + (sums + k) * BLOCK + b, load(left + b) * load(right + b));
    }
  }

  // The derivatives of output q with respect to the last nodes.
  void start(int64_t q) {
    const Trail<T> &top = trail[net.depth - 1];
    memset(top.node_up, 0, tier[net.depth - 1].nodes * BLOCK * sizeof(T));
    for (int b = 0; b < BLOCK; ++b) top.node_up[q * BLOCK + b] = T(1);
  }

  // From the derivatives in the last layer's `node_up` to those with respect to every sub-node.
  void descend(int n) {
    const int full = (n + L - 1) / L * L;
    for (int64_t l = net.depth - 1; l >= 0; --l) {
      split(l, full);
      for (int64_t i = 0; l > 0 && i < net.levels[l].in; ++i)
        for (int b = 0; b < full; b += L) {
          Vec<T> sum = splat<T>(0);
          for (int32_t e = tier[l].first[i]; e < tier[l].first[i + 1]; ++e)
            sum += load(trail[l].slope + e * BLOCK + b) * load(trail[l].up + tier[l].target[e] * BLOCK + b);
          store(trail[l - 1].node_up + i * BLOCK + b, sum);
        }
    }
  }

  void split(int64_t l, int n) {
    const int64_t sums = net.levels[l].sums, products = net.levels[l].products;
    if (!products) return;
    const Trail<T> &at = trail[l];
    memcpy(at.up, at.node_up, sums * BLOCK * sizeof(T));
    for (int64_t k = 0; k < products; ++k) {
      const int64_t left = (sums + 2 * k) * BLOCK, right = left + BLOCK;
      for (int b = 0; b < n; b += L) {
        const Vec<T> up = load(at.node_up + (sums + k) * BLOCK + b);
        store(at.up + left + b, up * load(at.sub + right + b));
        store(at.up + right + b, up * load(at.sub + left + b));
      }
    }
  }
};

}  // namespace

#endif
