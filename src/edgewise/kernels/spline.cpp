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
// This one source is compiled once per instruction set (EDGEWISE_LEVEL names the object); vectors are compiler
// extensions, so there is nothing to write by hand for each. Nothing here comes from the C++ library: a template
// shared between objects could carry one object's instructions into another.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef EDGEWISE_LEVEL
#define EDGEWISE_LEVEL plain
#endif
#define EDGEWISE_JOIN_(a, b) a##b
#define EDGEWISE_JOIN(a, b) EDGEWISE_JOIN_(a, b)
#define NOINLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))

namespace {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64, REGISTERS = 32;
#elif defined(__AVX__)
constexpr int VECTOR_BYTES = 32, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int VECTOR_BYTES = 16, REGISTERS = 32;
#else
constexpr int VECTOR_BYTES = 16, REGISTERS = 16;
#endif

enum Base { NO_BASE = 0, SILU = 1, IDENTITY = 2 };
enum Spacing { UNEVEN, REGULAR, EVEN };  // search; guess the cell; guess it and use the closed form

template <class T> struct Kind;
template <> struct Kind<float> {
  typedef float Vec __attribute__((vector_size(VECTOR_BYTES)));
  typedef int32_t Int;
  typedef int32_t Ints __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr float even = 2e-6f;  // knots off by less than this share of a cell do not show
  static constexpr float log2e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr float magic = 12582912.0f, limit = 87.0f;
  static constexpr int terms = 7, mantissa = 23, bias = 127;
};
template <> struct Kind<double> {
  typedef double Vec __attribute__((vector_size(VECTOR_BYTES)));
  typedef int64_t Int;
  typedef int64_t Ints __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr double even = 1e-13;
  static constexpr double log2e = 1.4426950408889634, ln2_high = 0.693145751953125,
                          ln2_low = 1.42860682030941723212e-6;
  static constexpr double magic = 6755399441055744.0, limit = 700.0;
  static constexpr int terms = 13, mantissa = 52, bias = 1023;
};

template <class T> using Vec = typename Kind<T>::Vec;
template <class T> using Ints = typename Kind<T>::Ints;
template <class T> constexpr int LANES = VECTOR_BYTES / int(sizeof(T));

template <class T> INLINE Vec<T> load(const T *from) {
  Vec<T> v;
  memcpy(&v, from, sizeof v);
  return v;
}
template <class T> INLINE void store(T *to, Vec<T> v) { memcpy(to, &v, sizeof v); }
template <class T> INLINE Vec<T> splat(T a) { return a - Vec<T>{}; }

template <class T> INLINE Vec<T> gather(const T *from, Ints<T> index) {
  typename Kind<T>::Int at[LANES<T>];
  T found[LANES<T>];
  memcpy(at, &index, sizeof at);
#pragma GCC ivdep
  for (int l = 0; l < LANES<T>; ++l) found[l] = from[at[l]];
  return load(found);
}

// Sums of every vector of a square of LANES vectors, by a tree that halves their number: lane s holds the sum of the
// s-th. The steps pick halves, quarters, ... of two vectors so that each step is two picks and one addition.
template <class T> INLINE Vec<T> pick(Vec<T> a, Vec<T> b, int step, int odd) {
  Ints<T> from = {};
#pragma GCC unroll 16
  for (int l = 0; l < LANES<T>; ++l) {
    const int half = l & step;  // this lane comes from b
    from[l] = (half ? LANES<T> : 0) + ((l & ~step) | (odd ? step : 0));
  }
  return __builtin_shuffle(a, b, from);
}
template <class T, int COUNT> struct Tree {
  INLINE Vec<T> sum(const T *square, int row) {
    const Vec<T> a = Tree<T, COUNT / 2>::sum(square, row), b = Tree<T, COUNT / 2>::sum(square, row + COUNT / 2);
    constexpr int step = COUNT / 2;
    return pick<T>(a, b, step, 0) + pick<T>(a, b, step, 1);
  }
};
template <class T> struct Tree<T, 1> {
  INLINE Vec<T> sum(const T *square, int row) { return load(square + row * LANES<T>); }
};

template <class I> INLINE bool any(I mask) {
  uint64_t word[sizeof(I) / 8], all = 0;
  memcpy(word, &mask, sizeof mask);
  for (unsigned k = 0; k < sizeof(I) / 8; ++k) all |= word[k];
  return all != 0;
}

// e^z by z = n ln 2 + r and a Taylor sum in r; n comes out of the low bits of z / ln 2 + magic.
template <class T> INLINE Vec<T> exponential(Vec<T> z) {
  using C = Kind<T>;
  z = z < -C::limit ? splat<T>(-C::limit) : (z > C::limit ? splat<T>(C::limit) : z);
  Vec<T> shifted = z * C::log2e + C::magic, n = shifted - C::magic;
  Vec<T> r = (z - n * C::ln2_high) - n * C::ln2_low, sum = splat<T>(1);
#pragma GCC unroll 16
  for (int k = C::terms; k >= 1; --k) sum = sum * r * T(1.0 / k) + T(1);
  Ints<T> bits, zero;
  Vec<T> magic = splat<T>(C::magic), scale;
  memcpy(&bits, &shifted, sizeof bits);
  memcpy(&zero, &magic, sizeof zero);
  bits = (bits - zero + typename C::Int(C::bias)) << C::mantissa;
  memcpy(&scale, &bits, sizeof scale);
  return sum * scale;
}

// One input's knots: `t` has `cells` cells between t[K] = low and t[K + cells] = high.
template <class T> struct Grid {
  const T *t;
  T low, high, inverse;
  int cells, last;  // the last cell that is not empty
  Spacing spacing;
};

template <class T, int K> Grid<T> survey(const T *t, int64_t knots) {
  Grid<T> grid = {t, t[K], t[knots - K - 1], T(0), int(knots - 2 * K - 1), 0, UNEVEN};
  const double step = (double(grid.high) - double(grid.low)) / grid.cells;
  double worst = 0;
  for (int64_t j = 0; j < knots; ++j) {
    const double off = t[j] - (grid.low + (j - K) * step), size = off < 0 ? -off : off;
    worst = size <= worst ? worst : size;  // NaN sticks
  }
  if (step > 0 && worst <= 0.25 * step) grid.spacing = worst <= Kind<T>::even * step ? EVEN : REGULAR;
  grid.inverse = T(1 / step);
  for (grid.last = grid.cells - 1; grid.last > 0 && !(t[K + grid.last] < grid.high);) --grid.last;
  return grid;
}

// How the knots that bound the cells, t[K] .. t[K+cells], are read and what is known of their spacing.
enum Mode { ANY_KNOTS, EVEN_KNOTS, FEW_EVEN_KNOTS };
template <class T, int K, Mode MODE> struct Bounds {
  const T *t;
  Vec<T> first, second;  // the knots themselves, where two vectors hold them
  explicit Bounds(const Grid<T> &grid) : t(grid.t + K), first(Vec<T>{}), second(Vec<T>{}) {
    if (MODE != FEW_EVEN_KNOTS) return;
    T padded[2 * LANES<T>] = {};
    memcpy(padded, t, (grid.cells + 1) * sizeof(T));
    first = load(padded), second = load(padded + LANES<T>);
  }
  inline __attribute__((always_inline)) Vec<T> at(Ints<T> index) const {
    return MODE == FEW_EVEN_KNOTS ? __builtin_shuffle(first, second, index) : gather<T>(t, index);
  }
};

// The cell m with t[K+m] <= x < t[K+m+1], the last one closed, for x inside the domain.
template <class T, int K, Mode MODE>
INLINE Ints<T> find_cell(const Grid<T> &grid, const Bounds<T, K, MODE> &bounds, Vec<T> x) {
  using I = typename Kind<T>::Int;
  const Ints<T> zero = {}, last = zero + I(grid.last);
  if (MODE == ANY_KNOTS && grid.spacing == UNEVEN) {
    Ints<T> cell = zero;
    int step = 1;
    while (step <= grid.last / 2) step *= 2;
    for (; step > 0 && grid.last > 0; step /= 2) {
      Ints<T> next = cell + I(step);
      next = next > last ? last : next;
      cell = bounds.at(next) <= x ? next : cell;
    }
    return cell;
  }
  Ints<T> cell = __builtin_convertvector((x - grid.low) * grid.inverse, Ints<T>);
  cell = cell > last ? last : (cell < zero ? zero : cell);
  const Ints<T> below = (x < bounds.at(cell)) & (cell > zero);
  const Ints<T> above = (x >= bounds.at(cell + I(1))) & (cell < last);
  return cell + below - above;  // true is -1
}

// The K + 1 functions of each lane's cell and their slopes, continued along the tangent outside the domain.
// Source: Piegl and Tiller, The NURBS Book, A2.2.
template <class T, int K, Mode MODE>
INLINE Ints<T> basis(const Grid<T> &grid, const Bounds<T, K, MODE> &bounds, Vec<T> x, Vec<T> *value, Vec<T> *slope) {
  const Vec<T> low = splat<T>(grid.low), high = splat<T>(grid.high);
  const Vec<T> inside = x < low ? low : (x > high ? high : x);
  const Ints<T> cell = find_cell<T, K, MODE>(grid, bounds, x == x ? inside : high);
  Vec<T> left[K + 1], right[K + 1], share[K + 1];
  constexpr bool even = MODE != ANY_KNOTS;
  const Vec<T> u = (inside - bounds.at(cell)) * grid.inverse;
#pragma GCC unroll 8
  for (int j = 1; j <= K; ++j) {
    left[j] = even ? u + T(j - 1) : inside - gather<T>(grid.t + K + 1 - j, cell);
    right[j] = even ? T(j) - u : gather<T>(grid.t + K + j, cell) - inside;
  }
  value[0] = splat<T>(1);
#pragma GCC unroll 8
  for (int j = 1; j <= K; ++j) {
    Vec<T> saved = splat<T>(0);
#pragma GCC unroll 8
    for (int r = 0; r < j; ++r) {
      share[r] = even ? value[r] * T(1.0 / j) : value[r] / (right[r + 1] + left[j - r]);
      value[r] = saved + right[r + 1] * share[r];
      saved = left[j - r] * share[r];
    }
    value[j] = saved;
  }
  const T scale = even ? K * grid.inverse : T(K);
  const Vec<T> beyond = x - inside;
#pragma GCC unroll 8
  for (int r = 0; r <= K; ++r) {
    const Vec<T> before = r > 0 ? share[r > 0 ? r - 1 : 0] : splat<T>(0);
    const Vec<T> after = r < K ? share[r < K ? r : 0] : splat<T>(0);
    slope[r] = (before - after) * scale;
    value[r] += slope[r] * beyond;
  }
  return cell;
}

template <class T> INLINE void base_branch(int base, Vec<T> x, Vec<T> *value, Vec<T> *slope) {
  *value = x;
  *slope = splat<T>(1);
  if (base == SILU) {
    const Vec<T> gate = T(1) / (T(1) + exponential<T>(-x));
    *value = x * gate;
    *slope = gate * (T(1) + x * (T(1) - gate));
  }
}

// What one input's column of samples needs, whatever the weights: the functions' values (and slopes) by sample, the
// samples in order of their cells, and the runs of equal cells. Row r of the values starts at r * stride.
template <class T> struct Plan {
  T *value, *slope;
  int32_t *order, *cell, *run_cell, *run_start, *count;
  int runs;
};

// Sizes in bytes are rounded up to whole lines, rows are staggered so that they do not share cache sets.
constexpr int64_t line(int64_t bytes) { return (bytes + 63) / 64 * 64; }
template <class T> int64_t plan_bytes(int rows, int64_t stride, int64_t samples, int64_t cells) {
  return line(2 * rows * stride * sizeof(T)) + 2 * line((samples + 16) * 4) +
         2 * line((samples + 17) * 4) + line((cells + 128) * 4);  // counters for few cells in parts, or for many
}
template <class T> Plan<T> place_plan(char *at, int rows, int64_t stride, int64_t samples, int64_t cells) {
  Plan<T> plan;
  plan.value = (T *)at;
  plan.slope = plan.value + rows * stride;
  at += line(2 * rows * stride * sizeof(T));
  plan.order = (int32_t *)at, at += line((samples + 16) * 4);
  plan.cell = (int32_t *)at, at += line((samples + 16) * 4);
  plan.run_cell = (int32_t *)at, at += line((samples + 17) * 4);
  plan.run_start = (int32_t *)at, at += line((samples + 17) * 4);
  plan.count = (int32_t *)at;
  plan.runs = 0;
  return plan;
}

// Counting sort of samples by cell. Few cells would make every count wait for the one before, so then the samples
// are counted in several parts at once, each with counters of its own.
constexpr int FEW_CELLS = 32, WAYS = 4;
template <class T, int PARTS> NOINLINE void sort_samples(Plan<T> &plan, int n, int cells) {
  int32_t *count = plan.count, *order = plan.order;
  const int32_t *cell = plan.cell;
  const int part = n / PARTS;
  memset(count, 0, cells * PARTS * sizeof(int32_t));
  for (int b = 0; b < part; ++b)
    for (int k = 0; k < PARTS; ++k) ++count[cell[k * part + b] * PARTS + k];
  for (int b = part * PARTS; b < n; ++b) ++count[cell[b] * PARTS + PARTS - 1];
  int start = 0, runs = 0;
  for (int c = 0; c < cells; ++c) {
    plan.run_cell[runs] = c;
    plan.run_start[runs] = start;
    const int before = start;
    for (int k = 0; k < PARTS; ++k) {
      const int size = count[c * PARTS + k];
      count[c * PARTS + k] = start;
      start += size;
    }
    runs += start > before;
  }
  plan.run_start[runs] = start;
  plan.runs = runs;
  for (int b = 0; b < part; ++b)
    for (int k = 0; k < PARTS; ++k) order[count[cell[k * part + b] * PARTS + k]++] = k * part + b;
  for (int b = part * PARTS; b < n; ++b) order[count[cell[b] * PARTS + PARTS - 1]++] = b;
}

template <class T, int K, bool BASED, Mode MODE>
NOINLINE void evaluate(Plan<T> &plan, const Grid<T> &grid, int base, const T *x, int n, int64_t stride, bool slopes) {
  constexpr int L = LANES<T>, R = K + 1 + BASED;
  const Bounds<T, K, MODE> bounds(grid);
  for (int b = 0; b < n; b += L) {
    Vec<T> value[R], slope[R], point = splat<T>(grid.low);
    if (b + L <= n) point = load(x + b);
    else memcpy(&point, x + b, (n - b) * sizeof(T));
    const Ints<T> cell = basis<T, K, MODE>(grid, bounds, point, value, slope);
    if (BASED) base_branch<T>(base, point, &value[R - 1], &slope[R - 1]);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) store(plan.value + r * stride + b, value[r]);
    if (slopes) {
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) store(plan.slope + r * stride + b, slope[r]);
    }
    typename Kind<T>::Int cells[L];
    memcpy(cells, &cell, sizeof cells);
    for (int l = 0; l < L; ++l) plan.cell[b + l] = int32_t(cells[l]);
  }
}

template <class T, int K, bool BASED>
void make_plan(Plan<T> &plan, const Grid<T> &grid, int base, const T *x, int n, int64_t stride, bool slopes) {
  constexpr Mode FEW = VECTOR_BYTES == 64 ? FEW_EVEN_KNOTS : EVEN_KNOTS;  // narrow vectors pick slowly
  if (grid.spacing != EVEN) evaluate<T, K, BASED, ANY_KNOTS>(plan, grid, base, x, n, stride, slopes);
  else if (grid.cells < 2 * LANES<T>) evaluate<T, K, BASED, FEW>(plan, grid, base, x, n, stride, slopes);
  else evaluate<T, K, BASED, EVEN_KNOTS>(plan, grid, base, x, n, stride, slopes);
  if (grid.cells <= FEW_CELLS) sort_samples<T, WAYS>(plan, n, grid.cells);
  else sort_samples<T, 1>(plan, n, grid.cells);
}

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

// y[b, tile] += sum_r value_r(b) W[row r, tile] for the samples of one input; y is (samples, WIDTH).
template <class T, int R, bool BASED, int NV, int64_t STRIDE>
NOINLINE void forward_tile(const Plan<T> &plan, const T *w, int64_t features, int64_t out, int width, T *y) {
  constexpr int L = LANES<T>, WIDTH = NV * L;
  Rows<T, R, BASED, NV> rows;
  for (int k = 0; k < plan.runs; ++k) {
    rows.point(w, plan.run_cell[k], features, out, width);
    Vec<T> weight[R][NV];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) weight[r][v] = load(rows.row[r] + v * L);
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

// dW[row r, tile] += sum_b value_r(b) g[b, tile], and dx[s] += sum_tile g[b, tile] sum_r slope_r(b) W[row r, tile]
// for the sample b at place s of the order; g is (samples, WIDTH), dw (features, WIDTH).
template <class T, int R, bool BASED, int NV, int64_t STRIDE, bool DX>
NOINLINE void backward_tile(const Plan<T> &plan, const T *w, int64_t features, int64_t out, int width,
                   const T *g, T *dw, T *dx) {
  constexpr int L = LANES<T>, WIDTH = NV * L;
  Rows<T, R, BASED, NV> rows;
  alignas(64) T square[L * L];
  for (int k = 0; k < plan.runs; ++k) {
    const int cell = plan.run_cell[k];
    if (DX) rows.point(w, cell, features, out, width);
    Vec<T> sum[R][NV];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v)
        sum[r][v] = load(dw + (BASED && r == R - 1 ? features - 1 : cell + r) * WIDTH + v * L);
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
        if (!DX) continue;
        const Vec<T> slope = splat<T>(plan.slope[r * STRIDE + b]);
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) along[v] += slope * load(rows.row[r] + v * L);
      }
      if (!DX) continue;
      Vec<T> product = up[0] * along[0];
#pragma GCC unroll 4
      for (int v = 1; v < NV; ++v) product += up[v] * along[v];
      store(square + (s & (L - 1)) * L, product);
      if ((s & (L - 1)) == L - 1) store(dx + s - (L - 1), load(dx + s - (L - 1)) + Tree<T, L>::sum(square, 0));
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v)
        store(dw + (BASED && r == R - 1 ? features - 1 : cell + r) * WIDTH + v * L, sum[r][v]);
  }
  const int n = plan.run_start[plan.runs], rest = n & (L - 1);
  if (!DX || rest == 0) return;
  memset(square + rest * L, 0, (L - rest) * L * sizeof(T));
  const Vec<T> total = load(dx + n - rest) + Tree<T, L>::sum(square, 0);
  memcpy(dx + n - rest, &total, rest * sizeof(T));
}

// Copies `width` numbers and fills up with zeros; short and of any length, which memcpy is slow at.
template <class T> INLINE void copy(T *to, const T *from, int width, int full) {
  int o = 0;
  for (; o + LANES<T> <= width; o += LANES<T>) store(to + o, load(from + o));
  for (; o < width; ++o) to[o] = from[o];
  for (; o < full; ++o) to[o] = T(0);
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

char *reserve(int64_t bytes) { return (char *)aligned_alloc(64, line(bytes > 0 ? bytes : 1)); }
int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

template <class T, int K, bool BASED> struct Layer {
  static constexpr int R = K + 1 + BASED, CHUNK = 32, L = LANES<T>;
  static constexpr int64_t FORWARD_BLOCK = 128, BACKWARD_BLOCK = 512, GROUP = 8;
  static constexpr int64_t FORWARD_STRIDE = FORWARD_BLOCK + 16, BACKWARD_STRIDE = BACKWARD_BLOCK + 16;
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
        if (nv == 1) forward_tile<T, R, BASED, 1, FORWARD_STRIDE>(plans[i], w, features, p.out, width, tile);
        else if (WIDE<R> < 4 || nv == 2) forward_tile<T, R, BASED, 2, FORWARD_STRIDE>(plans[i], w, features, p.out, width, tile);
        else if constexpr (WIDE<R> == 4)
          forward_tile<T, R, BASED, 4, FORWARD_STRIDE>(plans[i], w, features, p.out, width, tile);
      }
      for (int b = 0; b < n; ++b) copy(p.y + (b0 + b) * p.out + o0, tile + b * nv * L, width, width);
    }
  }

  void forward_block(int64_t b0, int n, Plan<T> *plans, T *column, T *tile) const {
    for (int64_t i0 = 0; i0 < p.in; i0 += CHUNK) {
      const int count = int(smaller(CHUNK, p.in - i0));
      for (int i = 0; i < count; ++i) {
        for (int b = 0; b < n; ++b) column[b] = p.x[(b0 + b) * p.in + i0 + i];
        make_plan<T, K, BASED>(plans[i], grids[i0 + i], p.base, column, n, FORWARD_STRIDE, false);
      }
      forward_chunk(b0, n, i0, count, plans, tile);
    }
  }

  void forward() {
    const int threads = team();
    const int64_t share = ((p.batch + threads - 1) / threads + 15) / 16 * 16;
    const int64_t block = smaller(FORWARD_BLOCK, share), blocks = (p.batch + block - 1) / block;
    const int64_t each = plan_bytes<T>(R, FORWARD_STRIDE, block, cells);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
      char *space = reserve(CHUNK * each + line(block * sizeof(T)) + block * 4 * VECTOR_BYTES);
      if (space == nullptr) failed = true;
      Plan<T> plans[CHUNK];
      for (int i = 0; i < CHUNK && space; ++i) plans[i] = place_plan<T>(space + i * each, R, FORWARD_STRIDE, block, cells);
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
  void backward_input(const Plan<T> &plan, int64_t i, int64_t o0, int width, bool first, const T *g,
                      T *dw, T *dx) const {
    const T *w = p.w + i * features * p.out + o0;
    prefetch(w + (i + 1 < p.in ? features * p.out : 0), features, p.out, width);
    memset(dw, 0, features * NV * VECTOR_BYTES);
    if (p.dx) backward_tile<T, R, BASED, NV, BACKWARD_STRIDE, true>(plan, w, features, p.out, width, g, dw, dx);
    else backward_tile<T, R, BASED, NV, BACKWARD_STRIDE, false>(plan, w, features, p.out, width, g, dw, dx);
    if (!p.dw) return;
    for (int64_t f = 0; f < features; ++f) {
      T *to = p.dw + (i * features + f) * p.out + o0, *from = dw + f * NV * L;
      if (first) copy(to, from, width, width);
      else for (int o = 0; o < width; ++o) to[o] += from[o];
    }
  }

  // All tiles of `count` inputs over one block of samples: a tile of g is used by every input while it is near.
  void backward_block(Plan<T> *plans, int64_t i0, int count, int64_t b0, int n, T *columns, const T *packed, T *dw,
                      T *dx) const {
    for (int i = 0; i < count; ++i)
      make_plan<T, K, BASED>(plans[i], grids[i0 + i], p.base, columns + (i0 + i) * p.batch + b0, n, BACKWARD_STRIDE,
                             p.dx != nullptr);
    memset(dx, 0, count * BACKWARD_STRIDE * sizeof(T));
    int nv;
    for (int64_t o0 = 0; o0 < p.out; o0 += nv * L) {
      nv = tile_vectors<T, R>(p.out - o0);
      const int width = int(smaller(nv * L, p.out - o0));
      const T *g = packed + o0 * p.batch + b0 * nv * L;
      for (int i = 0; i < count; ++i) {
        T *slopes = dx + i * BACKWARD_STRIDE;
        if (nv == 1) backward_input<1>(plans[i], i0 + i, o0, width, b0 == 0, g, dw, slopes);
        else if (WIDE<R> < 4 || nv == 2) backward_input<2>(plans[i], i0 + i, o0, width, b0 == 0, g, dw, slopes);
        else if constexpr (WIDE<R> == 4) backward_input<4>(plans[i], i0 + i, o0, width, b0 == 0, g, dw, slopes);
      }
    }
    // The columns have been read: their place takes the derivatives.
    for (int i = 0; i < count && p.dx; ++i)
      for (int s = 0; s < n; ++s)
        columns[(i0 + i) * p.batch + b0 + plans[i].order[s]] = dx[i * BACKWARD_STRIDE + s];
  }

  void backward() {
    const int threads = team();
    const int64_t block = smaller(BACKWARD_BLOCK, p.batch);
    const int64_t each = plan_bytes<T>(R, BACKWARD_STRIDE, block, cells), tile = 4 * VECTOR_BYTES;
    const int64_t group = larger(1, smaller(GROUP, p.in / threads)), slopes = line(BACKWARD_STRIDE * sizeof(T));
    T *columns = (T *)reserve(p.in * p.batch * sizeof(T));
    T *packed = (T *)reserve(p.batch * (p.out + 4 * L) * sizeof(T));
    if (columns == nullptr || packed == nullptr) failed = true;
    const int64_t blocks = failed ? 0 : (p.batch + 63) / 64, inputs = failed ? 0 : p.in;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
      char *space = reserve(group * (each + slopes) + features * tile);
      if (space == nullptr) failed = true;
      Plan<T> plans[GROUP];
      for (int i = 0; i < group && space; ++i)
        plans[i] = place_plan<T>(space + i * each, R, BACKWARD_STRIDE, block, cells);
      T *dx = (T *)(space + group * each), *dw = (T *)(space + group * (each + slopes));
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
                         packed, dw, dx);
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
EDGEWISE_EXPORT(edgewise_float_, float)
EDGEWISE_EXPORT(edgewise_double_, double)
