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

#include "plan.h"

namespace {

// Tiles of outputs: WIDE vectors each while they last, then the narrowest of 4, 2, 1 that holds the rest.
template <int R> constexpr int WIDE = R * 4 + 8 <= REGISTERS + 2 ? 4 : (R * 2 + 4 <= REGISTERS ? 2 : 1);
template <class T, int R> int tile_vectors(int64_t left) {
  if (left > WIDE<R> / 2 * LANES<T>) return WIDE<R>;
  return left > LANES<T> && WIDE<R> == 4 ? 2 : 1;
}

// The R rows of W that a cell uses, or copies of them padded with zeros when the tile is not full.
template <class T, int R, bool BASED, int NV> struct Rows {
  static constexpr int WIDTH = NV * LANES<T>;
  alignas(64) T copy[R * WIDTH];
  const T *row[R];
  void point(const T *w, int cell, int64_t features, int64_t out, int width) {
    for (int r = 0; r < R; ++r) {
      const T *from = w + (BASED && r == R - 1 ? features - 1 : cell + r) * out;
      row[r] = from;
      if (width == WIDTH) continue;
      for (int o = 0; o < WIDTH; ++o) copy[r * WIDTH + o] = o < width ? from[o] : T(0);
      row[r] = copy + r * WIDTH;
    }
  }
};

// A row of `width` numbers as vectors filled up with zeros, and back; what lies beyond `width` is not touched.
template <class T, int NV> INLINE void load_row(Vec<T> *to, const T *from, int width) {
  constexpr int L = LANES<T>;
  alignas(64) T full[NV * L];
  if (width < NV * L) {
    for (int o = 0; o < NV * L; ++o) full[o] = o < width ? from[o] : T(0);
    from = full;
  }
#pragma GCC unroll 4
  for (int v = 0; v < NV; ++v) to[v] = load(from + v * L);
}
template <class T, int NV> INLINE void store_row(T *to, const Vec<T> *row, int width, bool add) {
  constexpr int L = LANES<T>;
  if (width == NV * L) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) store(to + v * L, add ? load(to + v * L) + row[v] : row[v]);
    return;
  }
  alignas(64) T full[NV * L];
#pragma GCC unroll 4
  for (int v = 0; v < NV; ++v) store(full + v * L, row[v]);
  for (int o = 0; o < width; ++o) to[o] = add ? to[o] + full[o] : full[o];
}

// y[b, tile] += sum_r value_r(b) W[row r, tile] for the samples of one input; y is (samples, WIDTH). The rows of the
// cell at hand stay in registers; the next cell shares all but one of them.
template <class T, int K, bool BASED, int NV>
NOINLINE void forward_tile(const Plan<T> &plan, const T *w, int64_t features, int64_t out, int width, T *y) {
  constexpr int L = LANES<T>, WIDTH = NV * L, R = K + 1 + BASED;
  Vec<T> weight[R][NV];
  if (BASED) load_row<T, NV>(weight[R - 1], w + (features - 1) * out, width);
  int next = 0;  // the first row of W that was never loaded
  for (int k = 0; k < plan.runs; ++k) {
    const int cell = plan.run_cell[k];
    next = next < cell ? cell : next;
    for (; next <= cell + K; ++next) {
#pragma GCC unroll 8
      for (int r = 0; r < K; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) weight[r][v] = weight[r + 1][v];
      load_row<T, NV>(weight[K], w + next * out, width);
    }
    for (int s = plan.run_start[k]; s < plan.run_start[k + 1]; ++s) {
      const int64_t b = plan.order[s];
      Vec<T> sum[NV];
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) sum[v] = load(y + b * WIDTH + v * L);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vec<T> value = splat<T>(plan.value[r * STRIDE + b]);
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) sum[v] += value * weight[r][v];
      }
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) store(y + b * WIDTH + v * L, sum[v]);
    }
  }
}

// slope[q][r]: on a cell of even knots B_r'(u) = sum_q slope[q][r] u^q for u from 0 to 1, in units of cells.
template <int K> struct Pieces {
  double slope[K][K + 1] = {};
  constexpr Pieces() {
    double piece[K + 2][K + 1] = {{1}};  // piece[r]: polynomial of the r-th function, degree by degree
    for (int j = 1; j <= K; ++j)
      for (int r = j; r >= 0; --r) {  // B_r = (u + j - r) / j B_r-1 of one degree less + (r + 1 - u) / j B_r of it
        double next[K + 1] = {};
        for (int q = 0; q <= K; ++q) {
          const double before = r > 0 ? piece[r > 0 ? r - 1 : 0][q] : 0, after = r < j ? piece[r][q] : 0;
          next[q] += ((j - r) * before + (r + 1) * after) / j;
          if (q < K) next[q + 1] += (before - after) / j;
        }
        for (int q = 0; q <= K; ++q) piece[r][q] = next[q];
      }
    for (int q = 0; q < K; ++q)
      for (int r = 0; r <= K; ++r) slope[q][r] = (q + 1) * piece[r][q + 1];
  }
};

// The slope of a tile of splines on one cell, as a polynomial of the place in it, and last the base weights.
template <class T, int K, bool BASED, int NV> struct Slope {
  static constexpr int L = LANES<T>, WIDTH = NV * L;
  alignas(64) T row[(K + BASED) * WIDTH];
  void set(const Rows<T, K + 1 + BASED, BASED, NV> &rows, T inverse) {
    static constexpr Pieces<K> pieces;
#pragma GCC unroll 8
    for (int q = 0; q < K; ++q)
#pragma GCC unroll 4
      for (int o = 0; o < WIDTH; o += L) {
        Vec<T> sum = splat<T>(0);
#pragma GCC unroll 8
        for (int r = 0; r <= K; ++r) sum += T(pieces.slope[q][r]) * load(rows.row[r] + o);
        store(row + q * WIDTH + o, sum * inverse);
      }
    for (int o = 0; BASED && o < WIDTH; o += L) store(row + K * WIDTH + o, load(rows.row[K + 1] + o));
  }
  INLINE Vec<T> at(const Slope &s, int o, Vec<T> place, Vec<T> base) {
    Vec<T> sum = load(s.row + (K - 1) * WIDTH + o);
#pragma GCC unroll 8
    for (int q = K - 2; q >= 0; --q) sum = sum * place + load(s.row + q * WIDTH + o);
    return BASED ? sum + base * load(s.row + K * WIDTH + o) : sum;
  }
};

// dW[row r, tile] (+)= sum_b value_r(b) g[b, tile], and dx[s] += sum_tile g[b, tile] sum_r slope_r(b) W[row r, tile]
// for the sample b at place s of the order; g is (samples, WIDTH). The cells come in ascending order, so a row of dW
// stays in registers from the first cell that touches it to the last and is written once. `dw` may be null.
template <class T, int K, bool BASED, int NV, Slopes DX>
NOINLINE void backward_tile(const Plan<T> &plan, const T *w, int64_t features, int64_t out, int width, const T *g,
                            T *dw, bool add, T *dx, T inverse) {
  constexpr int L = LANES<T>, WIDTH = NV * L, R = K + 1 + BASED;
  Rows<T, R, BASED, NV> rows;
  Slope<T, K, BASED, NV> polynomial;
  alignas(64) T square[L * L];
  Vec<T> sum[R][NV] = {};
  const int functions = int(features) - BASED;
  int low = 0;  // the row of dW that sum[0] holds
  for (int k = 0; k <= plan.runs; ++k) {
    const int cell = k < plan.runs ? plan.run_cell[k] : functions;
    for (; low < cell; ++low) {
      if (dw) store_row<T, NV>(dw + low * out, sum[0], width, add);
#pragma GCC unroll 8
      for (int r = 0; r < K; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) sum[r][v] = sum[r + 1][v];
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) sum[K][v] = splat<T>(0);
    }
    if (k == plan.runs) break;
    if (DX) rows.point(w, cell, features, out, width);
    if (DX == PLACE) polynomial.set(rows, inverse);
    for (int s = plan.run_start[k]; s < plan.run_start[k + 1]; ++s) {
      const int64_t b = plan.order[s];
      Vec<T> up[NV], along[NV];
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) up[v] = load(g + b * WIDTH + v * L), along[v] = splat<T>(0);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vec<T> value = splat<T>(plan.value[r * STRIDE + b]);
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) sum[r][v] += value * up[v];
        if (DX != EACH_SLOPE) continue;
        const Vec<T> slope = splat<T>(plan.slope[r * STRIDE + b]);
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) along[v] += slope * load(rows.row[r] + v * L);
      }
      if (DX == PLACE) {
        const Vec<T> place = splat<T>(plan.slope[b]), base = splat<T>(plan.slope[STRIDE + b]);
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) along[v] = polynomial.at(polynomial, v * L, place, base);
      }
      if (!DX) continue;
      Vec<T> product = up[0] * along[0];
#pragma GCC unroll 4
      for (int v = 1; v < NV; ++v) product += up[v] * along[v];
      store(square + (s & (L - 1)) * L, product);
      if ((s & (L - 1)) == L - 1) store(dx + s - (L - 1), load(dx + s - (L - 1)) + Tree<T, L>::sum(square, 0));
    }
  }
  if (BASED && dw) store_row<T, NV>(dw + (features - 1) * out, sum[R - 1], width, add);
  const int n = plan.run_start[plan.runs], rest = n & (L - 1);
  if (!DX || rest == 0) return;
  memset(square + rest * L, 0, (L - rest) * L * sizeof(T));
  const Vec<T> total = load(dx + n - rest) + Tree<T, L>::sum(square, 0);
  memcpy(dx + n - rest, &total, rest * sizeof(T));
}

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
  static constexpr int64_t GROUP = 8;
  const Problem<T> &p;
  const int64_t features, cells;
  Grid<T> *grids;
  bool failed;

  explicit Layer(const Problem<T> &problem)
      : p(problem), features(problem.knot_count - K - 1 + BASED), cells(problem.knot_count - 2 * K - 1),
        grids((Grid<T> *)reserve(problem.in * sizeof(Grid<T>))), failed(grids == nullptr) {
    for (int64_t i = 0; i < p.in && !failed; ++i) grids[i] = survey<T, K>(p.knots + i * p.knot_count, p.knot_count);
  }
  ~Layer() { free(grids); }

  // Samples per block. Few cells: so many that a tile of y (or g) stays near. Many cells: so many that a cell's rows
  // of W serve several samples.
  int64_t forward_samples() const { return cells <= FEW_CELLS ? 128 : (cells <= 128 ? 512 : BLOCK); }
  int64_t backward_samples() const { return cells <= FEW_CELLS ? 512 : BLOCK; }

  // A polynomial saves work in every sample and costs some in every cell.
  Slopes slopes(const Grid<T> &grid, int n) const {
    return grid.spacing == EVEN && n >= 8 * cells ? PLACE : EACH_SLOPE;
  }

  // Threads worth waking for the work at hand.
  int team() const {
    const double work = double(p.batch) * p.in * (p.out * R + 40);
    return int(larger(1, smaller(p.threads, int64_t(work / 1e5))));
  }

  void forward_chunk(int64_t b0, int n, int64_t i0, int count, const Plan<T> *plans, T *tile) const {
    int nv;
    for (int64_t o0 = 0; o0 < p.out; o0 += nv * L) {
      nv = tile_vectors<T, R>(p.out - o0);
      const int width = int(smaller(nv * L, p.out - o0));
      for (int b = 0; b < n; ++b) {
        T *row = tile + b * nv * L;
        if (i0 == 0) for (int o = 0; o < nv * L; o += L) store(row + o, Vec<T>{});
        else copy(row, p.y + (b0 + b) * p.out + o0, width, nv * L);
      }
      for (int i = 0; i < count; ++i) {
        const T *w = p.w + (i0 + i) * features * p.out + o0;
        if (i + 1 < count) prefetch(w + features * p.out, features, p.out, width);
        if (nv == 1) forward_tile<T, K, BASED, 1>(plans[i], w, features, p.out, width, tile);
        else if (WIDE<R> < 4 || nv == 2) forward_tile<T, K, BASED, 2>(plans[i], w, features, p.out, width, tile);
        else if constexpr (WIDE<R> == 4)
          forward_tile<T, K, BASED, 4>(plans[i], w, features, p.out, width, tile);
      }
      for (int b = 0; b < n; ++b) copy(p.y + (b0 + b) * p.out + o0, tile + b * nv * L, width, width);
    }
  }

  void forward_block(int64_t b0, int n, Plan<T> *plans, T *column, T *tile) const {
    for (int64_t i0 = 0; i0 < p.in; i0 += CHUNK) {
      const int count = int(smaller(CHUNK, p.in - i0));
      for (int i = 0; i < count; ++i) {
        for (int b = 0; b < n; ++b) column[b] = p.x[(b0 + b) * p.in + i0 + i];
        make_plan<T, K, BASED>(plans[i], grids[i0 + i], p.base, column, n, NO_SLOPES);
      }
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
      char *space = reserve(CHUNK * each + line(block * sizeof(T)) + block * 4 * VECTOR_BYTES);
      if (space == nullptr) failed = true;
      Plan<T> plans[CHUNK];
      for (int i = 0; i < CHUNK && space; ++i) plans[i] = place_plan<T>(space + i * each, R);
      T *column = (T *)(space + CHUNK * each), *tile = (T *)(space + CHUNK * each + line(block * sizeof(T)));
#pragma omp for schedule(static)
      for (int64_t k = 0; k < blocks; ++k)
        if (space) forward_block(k * block, int(smaller(block, p.batch - k * block)), plans, column, tile);
      free(space);
    }
  }

  // g as tiles (batch, width) side by side, padded with zeros.
  void pack(T *packed, int64_t b0, int64_t b1) const {
    int nv;
    for (int64_t o0 = 0; o0 < p.out; o0 += nv * L) {
      nv = tile_vectors<T, R>(p.out - o0);
      const int width = int(smaller(nv * L, p.out - o0));
      for (int64_t b = b0; b < b1; ++b) {
        T *row = packed + o0 * p.batch + b * nv * L;
        copy(row, p.g + b * p.out + o0, width, nv * L);
      }
    }
  }

  template <int NV>
  void backward_input(const Plan<T> &plan, int64_t i, int64_t o0, int width, bool add, const T *g, T *dx) const {
    const T *w = p.w + i * features * p.out + o0;
    T *dw = p.dw ? p.dw + i * features * p.out + o0 : nullptr;
    prefetch(w + (i + 1 < p.in ? features * p.out : 0), features, p.out, width);
    const auto tile = plan.slopes == PLACE        ? backward_tile<T, K, BASED, NV, PLACE>
                      : plan.slopes == EACH_SLOPE ? backward_tile<T, K, BASED, NV, EACH_SLOPE>
                                                  : backward_tile<T, K, BASED, NV, NO_SLOPES>;
    tile(plan, w, features, p.out, width, g, dw, add, dx, grids[i].inverse);
  }

  // All tiles of `count` inputs over one block of samples: a tile of g is used by every input while it is near.
  void backward_block(Plan<T> *plans, int64_t i0, int count, int64_t b0, int n, T *columns, const T *packed, T *dx) const {
    for (int i = 0; i < count; ++i)
      make_plan<T, K, BASED>(plans[i], grids[i0 + i], p.base, columns + (i0 + i) * p.batch + b0, n,
                             p.dx ? slopes(grids[i0 + i], n) : NO_SLOPES);
    memset(dx, 0, count * STRIDE * sizeof(T));
    int nv;
    for (int64_t o0 = 0; o0 < p.out; o0 += nv * L) {
      nv = tile_vectors<T, R>(p.out - o0);
      const int width = int(smaller(nv * L, p.out - o0));
      const T *g = packed + o0 * p.batch + b0 * nv * L;
      for (int i = 0; i < count; ++i) {
        T *along = dx + i * STRIDE;
        if (nv == 1) backward_input<1>(plans[i], i0 + i, o0, width, b0 > 0, g, along);
        else if (WIDE<R> < 4 || nv == 2) backward_input<2>(plans[i], i0 + i, o0, width, b0 > 0, g, along);
        else if constexpr (WIDE<R> == 4) backward_input<4>(plans[i], i0 + i, o0, width, b0 > 0, g, along);
      }
    }
    // The columns have been read: their place takes the derivatives.
    for (int i = 0; i < count && p.dx; ++i)
      for (int s = 0; s < n; ++s)
        columns[(i0 + i) * p.batch + b0 + plans[i].order[s]] = dx[i * STRIDE + s];
  }

  void backward() {
    const int threads = team();
    const int64_t block = smaller(backward_samples(), p.batch);
    const int64_t each = plan_bytes<T>(R, cells);
    const int64_t group = larger(1, smaller(GROUP, p.in / threads)), extra = line(STRIDE * sizeof(T));
    T *columns = (T *)reserve(p.in * p.batch * sizeof(T));
    T *packed = (T *)reserve(p.batch * (p.out + 4 * L) * sizeof(T));
    if (columns == nullptr || packed == nullptr) failed = true;
    const int64_t blocks = failed ? 0 : (p.batch + 63) / 64, inputs = failed ? 0 : p.in;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
      char *space = reserve(group * (each + extra));
      if (space == nullptr) failed = true;
      Plan<T> plans[GROUP];
      for (int i = 0; i < group && space; ++i)
        plans[i] = place_plan<T>(space + i * each, R);
      T *dx = (T *)(space + group * each);
#pragma omp for schedule(static)
      for (int64_t k = 0; k < blocks; ++k) {
        const int64_t b0 = k * 64, b1 = smaller(b0 + 64, p.batch);
        pack(packed, b0, b1);
        for (int64_t i = 0; i < p.in; ++i)
          for (int64_t b = b0; b < b1; ++b) columns[i * p.batch + b] = p.x[b * p.in + i];
      }
#pragma omp for schedule(static)
      for (int64_t i = 0; i < inputs; i += group)
        for (int64_t b0 = 0; b0 < p.batch && space; b0 += block)
          backward_block(plans, i, int(smaller(group, p.in - i)), b0, int(smaller(block, p.batch - b0)), columns,
                         packed, dx);
#pragma omp for schedule(static)
      for (int64_t k = 0; k < (p.dx ? blocks : 0); ++k)
        for (int64_t i = 0; i < p.in; ++i)
          for (int64_t b = k * 64; b < smaller(k * 64 + 64, p.batch); ++b)
            p.dx[b * p.in + i] = columns[i * p.batch + b];
      free(space);
    }
    free(columns);
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
