// What one input's column of samples needs whatever the weights: functions' values, and samples in order of cells.

#ifndef EDGEWISE_PLAN_H
#define EDGEWISE_PLAN_H

#include "basis.h"

namespace {

// What a plan tells of the slopes: nothing; every function's; or, for even knots, the place in the cell from 0 to 1,
// where the slope of a whole spline is a polynomial, and the base function's slope.
enum Slopes { NO_SLOPES, EACH_SLOPE, PLACE };

// What one input's column of samples needs, whatever the weights: the functions' values (and slopes) by sample, the
// samples in order of their cells, and the runs of equal cells. Row r of the values starts at r * STRIDE.
// A block has at most BLOCK samples; rows are STRIDE apart, so that they do not share cache sets.
constexpr int64_t BLOCK = 1024, STRIDE = BLOCK + 16;
template <class T> struct Plan {
  T *value, *slope;
  int32_t *order, *cell, *run_cell, *run_start, *count;
  int runs;
  Slopes slopes;
};

template <class T> int64_t plan_bytes(int rows, int64_t cells) {
  return 2 * rows * STRIDE * sizeof(T) + 4 * line((BLOCK + 17) * 4) + line((cells + 128) * 4);
}
template <class T> Plan<T> place_plan(char *at, int rows) {
  Plan<T> plan;
  plan.value = (T *)at;
  plan.slope = plan.value + rows * STRIDE;
  at += 2 * rows * STRIDE * sizeof(T);
  int32_t **const lists[] = {&plan.order, &plan.cell, &plan.run_cell, &plan.run_start};
  for (int32_t **list : lists) *list = (int32_t *)at, at += line((BLOCK + 17) * 4);
  plan.count = (int32_t *)at;  // counters for few cells in parts, or for many
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
NOINLINE void evaluate(Plan<T> &plan, const Grid<T> &grid, int base, const T *x, int n, Slopes slopes) {
  constexpr int L = LANES<T>, R = K + 1 + BASED;
  const Bounds<T, K, MODE> bounds(grid);
  for (int b = 0; b < n; b += L) {
    Vec<T> value[R], slope[R], place, point = splat<T>(grid.low);
    if (b + L <= n) point = load(x + b);
    else memcpy(&point, x + b, (n - b) * sizeof(T));
    Vec<T> *const jet[] = {value, slope};
    const Ints<T> cell = basis<T, K, MODE>(grid, bounds, point, jet, &place);
    if (BASED) base_branch<T>(base, point, &value[R - 1], &slope[R - 1]);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) store(plan.value + r * STRIDE + b, value[r]);
    if (slopes == PLACE) {
      store(plan.slope + b, place);
      store(plan.slope + STRIDE + b, slope[R - 1]);
    } else if (slopes == EACH_SLOPE) {
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) store(plan.slope + r * STRIDE + b, slope[r]);
    }
    typename Kind<T>::Int cells[L];
    memcpy(cells, &cell, sizeof cells);
    for (int l = 0; l < L; ++l) plan.cell[b + l] = int32_t(cells[l]);
  }
}

template <class T, int K, bool BASED>
void make_plan(Plan<T> &plan, const Grid<T> &grid, int base, const T *x, int n, Slopes slopes) {
  plan.slopes = slopes;
  constexpr Mode FEW = VECTOR_BYTES == 64 ? FEW_EVEN_KNOTS : EVEN_KNOTS;  // narrow vectors pick slowly
  if (grid.spacing != EVEN) evaluate<T, K, BASED, ANY_KNOTS>(plan, grid, base, x, n, slopes);
  else if (grid.cells < 2 * LANES<T>) evaluate<T, K, BASED, FEW>(plan, grid, base, x, n, slopes);
  else evaluate<T, K, BASED, EVEN_KNOTS>(plan, grid, base, x, n, slopes);
  if (grid.cells <= FEW_CELLS) sort_samples<T, WAYS>(plan, n, grid.cells);
  else sort_samples<T, 1>(plan, n, grid.cells);
}

}  // namespace

#endif
