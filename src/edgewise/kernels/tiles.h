// One input's splines over one tile of outputs: the loops in which all the time goes.

#ifndef EDGEWISE_TILES_H
#define EDGEWISE_TILES_H

#include "plan.h"

#if defined(__GNUC__) && !defined(__clang__)
#define NO_SPLIT __attribute__((optimize("no-split-paths")))
#else
#define NO_SPLIT
#endif

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

// Rows come in order, but across pages, where the processor does not look ahead by itself.
constexpr int AHEAD = 16;
template <class T, int NV> INLINE void ask_for(const T *row) {
#pragma GCC unroll 4
  for (int v = 0; v < NV; ++v) __builtin_prefetch(row + v * LANES<T>);
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
      ask_for<T, NV>(w + (next + AHEAD) * out);
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
INLINE void backward_any(const Plan<T> &plan, const T *w, int64_t features, int64_t out, int width, const T *g,
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
      if (dw) store_row<T, NV>(dw + low * out, sum[0], width, add), ask_for<T, NV>(dw + (low + AHEAD) * out);
      if (DX) ask_for<T, NV>(w + (low + AHEAD) * out);
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

template <class T, int K, bool BASED, int NV, Slopes DX>
NOINLINE void backward_tile(const Plan<T> &plan, const T *w, int64_t features, int64_t out, int width, const T *g,
                            T *dw, bool add, T *dx, T inverse) {
  backward_any<T, K, BASED, NV, DX>(plan, w, features, out, width, g, dw, add, dx, inverse);
}

// The same for short runs, where gcc's two copies of the loop, with and without a sum of squares, cost a fifth.
template <class T, int K, bool BASED, int NV>
NO_SPLIT NOINLINE void backward_short_runs(const Plan<T> &plan, const T *w, int64_t features, int64_t out, int width,
                                           const T *g, T *dw, bool add, T *dx, T inverse) {
  backward_any<T, K, BASED, NV, EACH_SLOPE>(plan, w, features, out, width, g, dw, add, dx, inverse);
}

}  // namespace

#endif
