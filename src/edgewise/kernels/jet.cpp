// Sums of splines with every edge's derivatives, and dense features: what least squares and equations ask for.
//
//   y[b,o] = sum_i phi_io(x[b,i]),   edge_d[b,i,o] = phi_io^(d)(x[b,i])  for d = 1 .. order
//   dense_d[b,i,f] = the d-th derivative of feature f of input i at x[b,i]  for d = 0 .. order
//
// The sum is separable, so the derivatives of its edges are all its first and second input derivatives. Beyond the
// domain a spline runs on along its tangent: its second derivative is zero there, the base function keeps its own.
// Layouts, all contiguous: x (batch, in), W (in, cells + degree [+ 1], out), knots (in, knots).
//
// Rows are taken a block at a time: first the few functions that each point touches, input by input, a vector of rows
// at once, then what is made of them. Blocks are independent and every sum is taken in the order of the inputs, so
// results do not depend on the number of threads.

#include "basis.h"

namespace {

constexpr int BLOCK = 64, MOST = 7;  // rows; functions that a point touches, the base among them

// One input's functions at a block of rows: value[d][r][b] is the d-th derivative of the r-th.
template <class T> struct Touched {
  alignas(64) T value[3][MOST][BLOCK];
  int32_t cell[BLOCK];
};

template <class T> struct Task {
  const T *x, *w, *knots;
  T *out[3];  // by derivative
  int64_t batch, in, width, knot_count;
  int base, order, threads;
};

template <class T, int K, Mode MODE, int ORDER>
NOINLINE void touch(const Grid<T> &grid, int base, const T *x, int n, Touched<T> &at) {
  constexpr int L = LANES<T>, LAST = K + 1;
  const Bounds<T, K, MODE> bounds(grid);
  for (int b = 0; b < n; b += L) {
    Vec<T> value[3][K + 2], point = splat<T>(grid.low);
    memcpy(&point, x + b, smaller(L, n - b) * sizeof(T));
    Vec<T> *const jet[] = {value[0], value[1], value[2]};
    const Ints<T> cell = basis<T, K, MODE, ORDER>(grid, bounds, point, jet);
    base_branch<T>(base, point, &value[0][LAST], &value[1][LAST], ORDER == 2 ? &value[2][LAST] : nullptr);
#pragma GCC unroll 4
    for (int d = 0; d <= ORDER; ++d)
#pragma GCC unroll 8
      for (int r = 0; r <= LAST; ++r) store(at.value[d][r] + b, value[d][r]);
    typename Kind<T>::Int cells[L];
    memcpy(cells, &cell, sizeof cells);
    for (int l = 0; l < L; ++l) at.cell[b + l] = int32_t(cells[l]);
  }
}

template <class T, int K, int ORDER> struct Jet {
  static constexpr int L = LANES<T>;
  const Task<T> &p;
  const int functions;  // that a point touches
  const int64_t features, padded;
  Grid<T> *grids;
  T *filled;  // W with its rows filled up with zeros, where they are not whole vectors
  const T *weight;
  bool failed;

  explicit Jet(const Task<T> &task)
      : p(task), functions(K + 1 + (task.base != NO_BASE)), features(task.knot_count - K - 1 + (task.base != NO_BASE)),
        padded((task.width + L - 1) / L * L), grids((Grid<T> *)reserve(task.in * sizeof(Grid<T>))), filled(nullptr),
        weight(task.w), failed(grids == nullptr) {
    for (int64_t i = 0; i < p.in && !failed; ++i) grids[i] = survey<T, K>(p.knots + i * p.knot_count, p.knot_count);
    if (failed || weight == nullptr || padded == p.width) return;
    weight = filled = (T *)reserve(p.in * features * padded * sizeof(T));
    failed = filled == nullptr;
    for (int64_t k = 0; k < p.in * features && !failed; ++k)
      copy(filled + k * padded, p.w + k * p.width, int(p.width), int(padded));
  }
  ~Jet() {
    free(grids);
    free(filled);
  }

  void touch_input(int64_t i, int64_t b0, int n, Touched<T> &at) const {
    T column[BLOCK];
    for (int b = 0; b < n; ++b) column[b] = p.x[(b0 + b) * p.in + i];
    if (grids[i].spacing == EVEN) touch<T, K, EVEN_KNOTS, ORDER>(grids[i], p.base, column, n, at);
    else touch<T, K, ANY_KNOTS, ORDER>(grids[i], p.base, column, n, at);
  }

  // One input's share of y, whose rows are padded, and its edges' derivatives.
  template <int BASED> NOINLINE void weigh(const Touched<T> &at, int64_t i, int64_t b0, int n, T *y) const {
    constexpr int R = K + 1 + BASED;
    for (int b = 0; b < n; ++b) {
      const T *w = weight + (i * features + at.cell[b]) * padded, *row[R];
      for (int r = 0; r <= K; ++r) row[r] = w + r * padded;
      if (BASED) row[R - 1] = weight + ((i + 1) * features - 1) * padded;
      const int64_t edge = ((b0 + b) * p.in + i) * p.width;
      for (int64_t o = 0; o < padded; o += L) {
        Vec<T> sum[ORDER + 1] = {load(y + b * padded + o)};
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          const Vec<T> of = load(row[r] + o);
#pragma GCC unroll 4
          for (int d = 0; d <= ORDER; ++d) sum[d] += at.value[d][r][b] * of;
        }
        store(y + b * padded + o, sum[0]);
        const int64_t left = p.width - o;
#pragma GCC unroll 4
        for (int d = 1; d <= ORDER; ++d) {
          T *to = p.out[d] + edge + o;
          if (left >= L) store(to, sum[d]);
          else for (int l = 0; l < left; ++l) to[l] = sum[d][l];
        }
      }
    }
  }

  void sum_block(int64_t b0, int n, Touched<T> &at, T *y) const {
    memset(y, 0, n * padded * sizeof(T));
    for (int64_t i = 0; i < p.in; ++i) {
      touch_input(i, b0, n, at);
      if (p.base == NO_BASE) weigh<0>(at, i, b0, n, y);
      else weigh<1>(at, i, b0, n, y);
    }
    for (int b = 0; b < n; ++b) copy(p.out[0] + (b0 + b) * p.width, y + b * padded, int(p.width), int(p.width));
  }

  void feature_block(int64_t b0, int n, Touched<T> &at) const {
    for (int d = 0; d <= p.order; ++d) memset(p.out[d] + b0 * p.in * features, 0, n * p.in * features * sizeof(T));
    for (int64_t i = 0; i < p.in; ++i) {
      touch_input(i, b0, n, at);
      for (int d = 0; d <= p.order; ++d)
        for (int b = 0; b < n; ++b) {
          T *to = p.out[d] + ((b0 + b) * p.in + i) * features;
#pragma GCC unroll 8
          for (int r = 0; r <= K; ++r) to[at.cell[b] + r] = at.value[d][r][b];
          if (p.base != NO_BASE) to[features - 1] = at.value[d][K + 1][b];
        }
    }
  }

  void run() {
    const double work = double(p.batch) * p.in * (p.w ? double(p.width) * functions : double(features)) * (ORDER + 1);
    const int threads = int(larger(1, smaller(p.threads, int64_t(work / 1e5))));
    const int64_t blocks = (p.batch + BLOCK - 1) / BLOCK;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
      Touched<T> at;
      T *y = p.w ? (T *)reserve(BLOCK * padded * sizeof(T)) : nullptr;
      if (p.w && y == nullptr) failed = true;
#pragma omp for schedule(static)
      for (int64_t k = 0; k < blocks; ++k) {
        const int n = int(smaller(BLOCK, p.batch - k * BLOCK));
        if (p.w == nullptr) feature_block(k * BLOCK, n, at);
        else if (y) sum_block(k * BLOCK, n, at, y);
      }
      free(y);
    }
  }
};

template <class T, int K, int ORDER> int run(const Task<T> &task) {
  Jet<T, K, ORDER> jet(task);
  if (!jet.failed) jet.run();
  return jet.failed ? 2 : 0;
}

template <class T, int K> int run_order(const Task<T> &task) {
  return task.order == 2 ? run<T, K, 2>(task) : run<T, K, 1>(task);
}

template <class T> int run_any(const Task<T> &task, int degree) {
  switch (degree) {
    case 1: return run_order<T, 1>(task);
    case 2: return run_order<T, 2>(task);
    case 3: return run_order<T, 3>(task);
    case 4: return run_order<T, 4>(task);
    case 5: return run_order<T, 5>(task);
  }
  return 1;
}

}  // namespace

// w != null: sums and their edges' derivatives, of order 1 or 2. Otherwise features, of order 0 to 2. 0 is success,
// 1 a degree that is not served, 2 no memory.
#define EDGEWISE_EXPORT(NAME, T)                                                                              \
  extern "C" __attribute__((visibility("default"))) int EDGEWISE_JOIN(NAME, EDGEWISE_LEVEL)(                  \
      const T *x, const T *w, const T *knots, T *values, T *first, T *second, int64_t batch, int64_t in,      \
      int64_t width, int64_t knot_count, int degree, int base, int order, int threads) {                      \
    const Task<T> task = {x, w, knots, {values, first, second}, batch, in, width, knot_count, base, order, threads}; \
    return run_any<T>(task, degree);                                                                          \
  }
EDGEWISE_EXPORT(edgewise_jet_float_, float)
EDGEWISE_EXPORT(edgewise_jet_double_, double)
