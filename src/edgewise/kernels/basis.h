// The B-splines that a point touches, a vector of points at a time, and the base function.

#ifndef EDGEWISE_BASIS_H
#define EDGEWISE_BASIS_H

#include "vectors.h"

namespace {

enum Base { NO_BASE = 0, SILU = 1, IDENTITY = 2 };
enum Spacing { UNEVEN, REGULAR, EVEN };  // search; guess the cell; guess it and use the closed form

// One input's knots: `t` has `cells` cells between t[K] = low and t[K + cells] = high.
template <class T> struct Grid {
  const T *t;
  T low, high, inverse;
  int cells, last;  // the last cell that is not empty
  Spacing spacing;
  bool roomy;  // a whole vector can be read from any knot on
};

// `beyond`: how many numbers after the knots can be read.
template <class T, int K> Grid<T> survey(const T *t, int64_t knots, int64_t beyond = 0) {
  Grid<T> grid = {t, t[K], t[knots - K - 1], T(0), int(knots - 2 * K - 1), 0, UNEVEN, beyond >= LANES<T>};
  const double step = (double(grid.high) - double(grid.low)) / grid.cells;
  const double loose = 0.25 * step, tight = Kind<T>::even * step, low = grid.low;
  int64_t irregular = 0, uneven = 0;  // NaN is both
  for (int64_t j = 0; j < knots; ++j) {
    const double off = t[j] - (low + double(int(j) - K) * step), size = off < 0 ? -off : off;
    irregular += !(size <= loose);
    uneven += !(size <= tight);
  }
  if (step > 0 && !irregular) grid.spacing = uneven ? REGULAR : EVEN;
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

// The cell m with t[K+m] <= x < t[K+m+1], the last one closed, for x inside the domain; where knots are regular, this
// or one beside it.
template <class T, int K, Mode MODE>
INLINE Ints<T> guess_cell(const Grid<T> &grid, const Bounds<T, K, MODE> &bounds, Vec<T> x) {
  using I = typename Kind<T>::Int;
  const Ints<T> zero = {}, last = zero + I(grid.last);
  Ints<T> cell = zero;
  if (MODE != ANY_KNOTS || grid.spacing != UNEVEN) {
    cell = __builtin_convertvector((x - grid.low) * grid.inverse, Ints<T>);
    return cell > last ? last : (cell < zero ? zero : cell);
  }
  int step = 1;
  while (step <= grid.last / 2) step *= 2;
  for (; step > 0 && grid.last > 0; step /= 2) {
    Ints<T> next = cell + I(step);
    next = next > last ? last : next;
    cell = bounds.at(next) <= x ? next : cell;
  }
  return cell;
}

// What a guess is off by: 1, 0 or -1, given the knots around it.
template <class T> INLINE Ints<T> miss(const Grid<T> &grid, Ints<T> cell, Vec<T> x, Vec<T> low, Vec<T> high) {
  using I = typename Kind<T>::Int;
  const Ints<T> below = (x < low) & (cell > I(0)), above = (x >= high) & (cell < I(grid.last));
  return below - above;  // true is -1
}

// The 2 K knots around each lane's cell, t[cell+1] .. t[cell+2K].
template <class T, int K> INLINE void knots_near(const Grid<T> &grid, Ints<T> cell, Vec<T> *near) {
  if constexpr (2 * K <= LANES<T>) {
    if (grid.roomy) return gather_rows<T, 2 * K>(grid.t + 1, cell, near);
  }
#pragma GCC unroll 16
  for (int j = 0; j < 2 * K; ++j) near[j] = gather<T>(grid.t + 1 + j, cell);
}

// The nearest point of the domain; NaN stays.
template <class T> INLINE Vec<T> inside(const Grid<T> &grid, Vec<T> x) {
  const Vec<T> low = splat<T>(grid.low), high = splat<T>(grid.high);
  return x < low ? low : (x > high ? high : x);
}

// share_{r-1} - share_r for r = 0 .. K, times a scale; `share` has K entries.
template <class T, int K> INLINE void differences(const Vec<T> *share, Vec<T> *to, T scale) {
#pragma GCC unroll 8
  for (int r = K; r >= 0; --r) {
    const Vec<T> before = r > 0 ? share[r > 0 ? r - 1 : 0] : splat<T>(0);
    const Vec<T> after = r < K ? share[r < K ? r : 0] : splat<T>(0);
    to[r] = (before - after) * scale;
  }
}

// The K + 1 functions of each lane's cell with `ORDER` derivatives, 1 or 2: jet[d][r] is the d-th of the r-th. Beyond
// the domain they continue along their tangents. The values climb one degree at a time; derivatives are differences of
// lower degrees, B'_r = K (N_{r-1} / d_{r-1} - N_r / d_r), d_r the width under N_r.
// `place` is where in an even cell the point lies, from 0 to 1.
// Source: Piegl and Tiller, The NURBS Book, A2.2.
template <class T, int K, Mode MODE, int ORDER = 1>
INLINE Ints<T> basis(const Grid<T> &grid, const Bounds<T, K, MODE> &bounds, Vec<T> x, Vec<T> *const *jet,
                     Vec<T> *place = nullptr) {
  const Vec<T> inner = inside(grid, x);
  const Vec<T> sought = x == x ? inner : splat<T>(grid.high);
  Ints<T> cell = guess_cell<T, K, MODE>(grid, bounds, sought);
  Vec<T> left[K + 1], right[K + 1], share[K + 1], bend[K + 1], near[2 * K], *value = jet[0];
  constexpr bool even = MODE != ANY_KNOTS;
  if (MODE == FEW_EVEN_KNOTS) {
    cell += miss<T>(grid, cell, sought, bounds.at(cell), bounds.at(cell + 1));
    near[K - 1] = bounds.at(cell);
  } else {
    knots_near<T, K>(grid, cell, near);
    const Ints<T> off = miss<T>(grid, cell, sought, near[K - 1], near[K]);
    if (any(off)) cell += off, knots_near<T, K>(grid, cell, near);
  }
  const Vec<T> u = (inner - near[K - 1]) * grid.inverse;
  if (place) *place = u;
#pragma GCC unroll 8
  for (int j = 1; j <= K; ++j) {
    left[j] = even ? u + T(j - 1) : inner - near[K - j];
    right[j] = even ? T(j) - u : near[K + j - 1] - inner;
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
    if (ORDER == 2 && j == K - 1) {  // slopes of one degree less, over the widths of the last
      differences<T, K - 1>(share, bend, even ? j * grid.inverse : T(j));
#pragma GCC unroll 8
      for (int r = 0; r < K; ++r) bend[r] = even ? bend[r] * T(1.0 / K) : bend[r] / (right[r + 1] + left[K - r]);
    }
  }
  differences<T, K>(share, jet[1], even ? K * grid.inverse : T(K));
  const Vec<T> beyond = x - inner;
#pragma GCC unroll 8
  for (int r = 0; r <= K; ++r) value[r] += jet[1][r] * beyond;
  if (ORDER == 1) return cell;
  if (K == 1) bend[0] = splat<T>(0);
  differences<T, K>(bend, jet[2], even ? K * grid.inverse : T(K));
#pragma GCC unroll 8
  for (int r = 0; r <= K; ++r) jet[2][r] = beyond == 0 ? jet[2][r] : (x == x ? splat<T>(0) : x);
  return cell;
}

template <class T> INLINE void base_branch(int base, Vec<T> x, Vec<T> *value, Vec<T> *slope, Vec<T> *bend = nullptr) {
  *value = x;
  *slope = splat<T>(1);
  if (bend) *bend = splat<T>(0);
  if (base != SILU) return;
  const Vec<T> gate = T(1) / (T(1) + exponential<T>(-x));
  *value = x * gate;
  *slope = gate * (T(1) + x * (T(1) - gate));
  if (bend) *bend = gate * (T(1) - gate) * (T(2) + x * (T(1) - 2 * gate));
}

}  // namespace

#endif
