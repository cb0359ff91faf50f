// Sums of local splines: y[b,o] = sum_i ( sum_r N_r(x[b,i]) W[i, cell+r, o] + base(x[b,i]) W[i, last, o] ).
//
// A sample touches degree + 1 of an input's basis functions, so the work does not grow with the number of cells.
// Layouts, all contiguous: x (batch, in), W (in, cells + degree [+ 1], out), knots (in, knots), y and g (batch, out).
//
// How it is fast. Samples are sorted by cell, input by input (`Plan`). While a cell lasts, its degree + 1 rows of W
// (forward) or of dW (backward), over a tile of outputs, stay in registers; only a tile of y or g moves, and that
// tile is small enough for a near cache. Forward is shared out over samples and backward over inputs, and every sum is
// taken in one fixed order, so results depend neither on the number of threads nor on the run.
//

#include "tiles.h"

namespace {

// Asks for a tile of one input's weights ahead of its use, where the rows are few enough to be worth it.
template <class T> INLINE void prefetch(const T *w, int64_t features, int64_t out, int width) {
  if (features > 64) return;
  for (int64_t f = 0; f < features; ++f)
    for (int o = 0; o < width; o += 64 / int(sizeof(T))) __builtin_prefetch(w + f * out + o);
}

template <class T> struct Problem {
  const T *x, *w, *knots, *g;
  T *y, *dx, *dw;
  int64_t batch, in, out, knot_count;
  int base, threads;
};

template <class T, int K, bool BASED> struct Layer {
  static constexpr int R = K + 1 + BASED, CHUNK = 32, L = LANES<T>;
  static constexpr int64_t GROUP = 16;
  const Problem<T> &p;
  const int64_t features, cells;
  Grid<T> *grids;
  bool failed;

  explicit Layer(const Problem<T> &problem)
      : p(problem), features(problem.knot_count - K - 1 + BASED), cells(problem.knot_count - 2 * K - 1),
        grids((Grid<T> *)reserve(problem.in * sizeof(Grid<T>))), failed(grids == nullptr) {
    for (int64_t i = 0; i < p.in && !failed; ++i) 
      grids[i] = survey<T, K>(p.knots + i * p.knot_count, p.knot_count, (p.in - 1 - i) * p.knot_count);
  }
  ~Layer() { free(grids); }

  // Samples per block. Few cells: so many that a tile of y (or g) stays near. Many cells: so many that a cell's rows
  // of W serve several samples.
  int64_t forward_samples() const { return cells <= FEW_CELLS ? 192 : (cells <= 64 ? 512 : BLOCK); }
  int64_t backward_samples() const { return cells <= FEW_CELLS ? 512 : BLOCK; }

  // A polynomial saves work in every sample and costs some in every cell. Only the usual degree has a choice: the
  // others would double the time that building takes.
  static constexpr int USUAL = 3;
  Slopes slopes(const Grid<T> &grid, int n) const {
    if (K != USUAL) return EACH_SLOPE;
    if (!p.dx) return NO_SLOPES;
    return grid.spacing == EVEN && n >= 8 * cells ? PLACE : EACH_SLOPE;
  }

  // Whether one full tile holds all outputs: then rows of y and g are used where they are.
  bool is_one_tile() const { return p.out == tile_vectors<T, R>(p.out) * L; }

  // Threads worth waking for the work at hand.
  int team() const {
    const double work = double(p.batch) * p.in * (p.out * R + 40);
    return int(larger(1, smaller(p.threads, int64_t(work / 1e5))));
  }

  // One chunk of inputs, all tiles of outputs; the first chunk starts the sums.
  void forward_chunk(int64_t b0, int n, int64_t i0, int count, const Plan<T> *plans, T *space) const {
    const bool in_place = is_one_tile();
    T *tile = in_place ? p.y + b0 * p.out : space;
    int nv;
    for (int64_t o0 = 0; o0 < p.out; o0 += nv * L) {
      nv = tile_vectors<T, R>(p.out - o0);
      const int width = int(smaller(nv * L, p.out - o0));
      if (i0 == 0) memset(tile, 0, n * nv * VECTOR_BYTES);
      else for (int b = 0; b < n && !in_place; ++b) copy(tile + b * nv * L, p.y + (b0 + b) * p.out + o0, width, nv * L);
      for (int i = 0; i < count; ++i) {
        const T *w = p.w + (i0 + i) * features * p.out + o0;
        if (i + 1 < count) prefetch(w + features * p.out, features, p.out, width);
        if (nv == 1) forward_tile<T, K, BASED, 1>(plans[i], w, features, p.out, width, tile);
        else if (WIDE<R> < 4 || nv == 2) forward_tile<T, K, BASED, 2>(plans[i], w, features, p.out, width, tile);
        else if constexpr (WIDE<R> == 4)
          forward_tile<T, K, BASED, 4>(plans[i], w, features, p.out, width, tile);
      }
      for (int b = 0; b < n && !in_place; ++b) copy(p.y + (b0 + b) * p.out + o0, tile + b * nv * L, width, width);
    }
  }

  void forward_block(int64_t b0, int n, Plan<T> *plans, T *columns, T *tile) const {
    for (int64_t i0 = 0; i0 < p.in; i0 += CHUNK) {
      const int count = int(smaller(CHUNK, p.in - i0));
      transpose(p.x + b0 * p.in + i0, p.in, columns, STRIDE, n, count);
      for (int i = 0; i < count; ++i)
        make_plan<T, K, BASED>(plans[i], grids[i0 + i], p.base, columns + i * STRIDE, n, NO_SLOPES);
      forward_chunk(b0, n, i0, count, plans, tile);
    }
  }

  void forward() {
    const int threads = team();
    const int64_t share = ((p.batch + threads - 1) / threads + 15) / 16 * 16;
    const int64_t block = smaller(forward_samples(), share), blocks = (p.batch + block - 1) / block;
    const int64_t each = plan_bytes<T>(R, cells);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
      char *space = workspace(CHUNK * (each + STRIDE * sizeof(T)) + block * 4 * VECTOR_BYTES);
      if (space == nullptr) failed = true;
      Plan<T> plans[CHUNK];
      for (int i = 0; i < CHUNK && space; ++i) plans[i] = place_plan<T>(space + i * each, R);
      T *columns = (T *)(space + CHUNK * each), *tile = columns + CHUNK * STRIDE;
#pragma omp for schedule(static)
      for (int64_t k = 0; k < blocks; ++k)
        if (space) forward_block(k * block, int(smaller(block, p.batch - k * block)), plans, columns, tile);
    }
  }

  // g as tiles (batch, width) side by side, padded with zeros.
  void pack(T *packed, int64_t b0, int64_t b1) const {
    int nv;
    for (int64_t o0 = 0; o0 < p.out; o0 += nv * L) {
      nv = tile_vectors<T, R>(p.out - o0);
      const int width = int(smaller(nv * L, p.out - o0));
      for (int64_t b = b0; b < b1; ++b)
        copy(packed + o0 * p.batch + b * nv * L, p.g + b * p.out + o0, width, nv * L);
    }
  }

  template <int NV>
  void backward_input(const Plan<T> &plan, int64_t i, int64_t o0, int width, bool add, const T *g, T *dx) const {
    const T *w = p.w + i * features * p.out + o0;
    T *dw = p.dw ? p.dw + i * features * p.out + o0 : nullptr;
    prefetch(w + (i + 1 < p.in ? features * p.out : 0), features, p.out, width);
    auto tile = backward_short_runs<T, K, BASED, NV>;
    if constexpr (K == USUAL) {
      if (plan.slopes == PLACE) tile = backward_tile<T, K, BASED, NV, PLACE>;
      if (plan.slopes == NO_SLOPES) tile = backward_tile<T, K, BASED, NV, NO_SLOPES>;
    }
    tile(plan, w, features, p.out, width, g, dw, add, dx, grids[i].inverse);
  }

  // All tiles of `count` inputs over one block of samples: a tile of g is used by every input while it is near.
  // `columns` holds x, then its gradient, input by input; `sorted` the gradients in the order of the cells.
  void backward_block(Plan<T> *plans, int64_t i0, int count, int64_t b0, int n, const T *packed, T *columns, T *sorted) const {
    transpose(p.x + b0 * p.in + i0, p.in, columns, STRIDE, n, count);
    for (int i = 0; i < count; ++i)
      make_plan<T, K, BASED>(plans[i], grids[i0 + i], p.base, columns + i * STRIDE, n,
                             slopes(grids[i0 + i], n));
    memset(sorted, 0, count * STRIDE * sizeof(T));
    int nv;
    for (int64_t o0 = 0; o0 < p.out; o0 += nv * L) {
      nv = tile_vectors<T, R>(p.out - o0);
      const int width = int(smaller(nv * L, p.out - o0));
      const T *g = packed + o0 * p.batch + b0 * nv * L;
      for (int i = 0; i < count; ++i) {
        T *along = sorted + i * STRIDE;
        if (nv == 1) backward_input<1>(plans[i], i0 + i, o0, width, b0 > 0, g, along);
        else if (WIDE<R> < 4 || nv == 2) backward_input<2>(plans[i], i0 + i, o0, width, b0 > 0, g, along);
        else if constexpr (WIDE<R> == 4) backward_input<4>(plans[i], i0 + i, o0, width, b0 > 0, g, along);
      }
    }
    if (!p.dx) return;
    for (int i = 0; i < count; ++i)
      for (int s = 0; s < n; ++s) columns[i * STRIDE + plans[i].order[s]] = sorted[i * STRIDE + s];
    transpose(columns, STRIDE, p.dx + b0 * p.in + i0, p.in, count, n);
  }

  void backward() {
    const int threads = team();
    const int64_t block = smaller(backward_samples(), p.batch), each = plan_bytes<T>(R, cells);
    const int64_t group = larger(1, smaller(GROUP, p.in / threads));
    T *packed = is_one_tile() ? nullptr : (T *)reserve(p.batch * (p.out + 4 * L) * sizeof(T));
    if (packed == nullptr && !is_one_tile()) failed = true;
    const int64_t blocks = packed ? (p.batch + 63) / 64 : 0, inputs = failed ? 0 : p.in;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
      char *space = workspace(group * (each + 2 * STRIDE * sizeof(T)));
      if (space == nullptr) failed = true;
      Plan<T> plans[GROUP];
      for (int i = 0; i < group && space; ++i) plans[i] = place_plan<T>(space + i * each, R);
      T *columns = (T *)(space + group * each);
#pragma omp for schedule(static)
      for (int64_t k = 0; k < blocks; ++k) pack(packed, k * 64, smaller(k * 64 + 64, p.batch));
#pragma omp for schedule(static)
      for (int64_t i = 0; i < inputs; i += group)
        for (int64_t b0 = 0; b0 < p.batch && space; b0 += block)
          backward_block(plans, i, int(smaller(group, p.in - i)), b0, int(smaller(block, p.batch - b0)),
                         packed ? packed : p.g, columns, columns + group * STRIDE);
    }
    free(packed);
  }
};

template <class T, int K, bool BASED> int run(const Problem<T> &problem) {
  Layer<T, K, BASED> layer(problem);
  if (layer.failed) return 2;
  if (problem.y) layer.forward();
  else layer.backward();
  return layer.failed ? 2 : 0;
}

template <class T, int K> int run_degree(const Problem<T> &problem) {
  return problem.base == NO_BASE ? run<T, K, false>(problem) : run<T, K, true>(problem);
}

template <class T> int run_any(const Problem<T> &problem, int degree) {
  switch (degree) {
    case 1: return run_degree<T, 1>(problem);
    case 2: return run_degree<T, 2>(problem);
    case 3: return run_degree<T, 3>(problem);
    case 4: return run_degree<T, 4>(problem);
    case 5: return run_degree<T, 5>(problem);
  }
  return 1;
}

}  // namespace

// y != null: forward. Otherwise backward: dx and dw may be null where not wanted. 0 is success, 1 a degree that is
// not served, 2 no memory.
#define EDGEWISE_EXPORT(NAME, T)                                                                                 \
  extern "C" __attribute__((visibility("default"))) int EDGEWISE_JOIN(NAME, EDGEWISE_LEVEL)(                     \
      const T *x, const T *w, const T *knots, const T *g, T *y,                                                  \
                                                     T *dx, T *dw, int64_t batch, int64_t in, int64_t out,       \
                                                     int64_t knot_count, int degree, int base, int threads) {    \
    const Problem<T> problem = {x, w, knots, g, y, dx, dw, batch, in, out, knot_count, base, threads};           \
    return run_any<T>(problem, degree);                                                                          \
  }
EDGEWISE_EXPORT(edgewise_spline_sum_float_, float)
EDGEWISE_EXPORT(edgewise_spline_sum_double_, double)

// Whether every number is 1.
#define EDGEWISE_EXPORT_ALL_ONES(NAME, T)                                                              \
  extern "C" __attribute__((visibility("default"))) int EDGEWISE_JOIN(NAME, EDGEWISE_LEVEL)(           \
      const T *from, int64_t count) {                                                                  \
    int all = 1;                                                                                       \
    for (int64_t k = 0; k < count; ++k) all &= from[k] == T(1);                                        \
    return all;                                                                                        \
  }
EDGEWISE_EXPORT_ALL_ONES(edgewise_all_ones_float_, float)
EDGEWISE_EXPORT_ALL_ONES(edgewise_all_ones_double_, double)
