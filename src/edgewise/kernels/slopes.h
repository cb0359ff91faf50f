// Sums over samples of what a block of them contributes to the gradient of the weights.

#ifndef EDGEWISE_SLOPES_H
#define EDGEWISE_SLOPES_H

#include "sweep.h"

namespace {

// All of one input's functions from the few that a sample touches, one row of `full` per function.
template <class T, int K>
NOINLINE void spread(const T *values, const typename Kind<T>::Int *cell, int n, int64_t cells, bool based, T *full) {
  for (int b = 0; b < n; b += LANES<T>) {
    Vec<T> value[K + 1], window[K + 1];
    Ints<T> at;
    memcpy(&at, cell + b, sizeof at);
#pragma GCC unroll 8
    for (int r = 0; r <= K; ++r) value[r] = load(values + r * BLOCK + b), window[r] = splat<T>(0);
    T *to = full + b;
    for (int64_t c = 0; c < cells; ++c, to += BLOCK) {
      const Ints<T> here = at == typename Kind<T>::Int(c);
#pragma GCC unroll 8
      for (int r = 0; r <= K; ++r) window[r] = here ? value[r] : window[r];
      store(to, window[0]);
#pragma GCC unroll 8
      for (int r = 0; r < K; ++r) window[r] = window[r + 1];
      window[K] = splat<T>(0);
    }
#pragma GCC unroll 8
    for (int r = 0; r < K; ++r, to += BLOCK) store(to, window[r]);
    if (based) store(to, load(values + (K + 1) * BLOCK + b));
  }
}

// sum[e, f] += full[f] up[e] lane by lane, for F functions and E edges; sums of one edge are `features` vectors.
template <class T, int F, int E>
NOINLINE void add_products(const T *full, const T *const *up, int n, int64_t features, T *sums) {
  constexpr int L = LANES<T>;
  Vec<T> sum[E][F];
#pragma GCC unroll 8
  for (int e = 0; e < E; ++e)
#pragma GCC unroll 8
    for (int f = 0; f < F; ++f) sum[e][f] = load(sums + (e * features + f) * L);
  for (int b = 0; b < n; b += L) {
    Vec<T> right[E];
#pragma GCC unroll 8
    for (int e = 0; e < E; ++e) right[e] = load(up[e] + b);
#pragma GCC unroll 8
    for (int f = 0; f < F; ++f) {
      const Vec<T> left = load(full + f * BLOCK + b);
#pragma GCC unroll 8
      for (int e = 0; e < E; ++e) sum[e][f] += left * right[e];
    }
  }
#pragma GCC unroll 8
  for (int e = 0; e < E; ++e)
#pragma GCC unroll 8
    for (int f = 0; f < F; ++f) store(sums + (e * features + f) * L, sum[e][f]);
}
template <class T, int F>
INLINE void add_for(int edges, const T *full, const T *const *up, int n, int64_t features, T *sums) {
  if (edges == 1) add_products<T, F, 1>(full, up, n, features, sums);
  else if (edges == 2) add_products<T, F, 2>(full, up, n, features, sums);
  else add_products<T, F, 3>(full, up, n, features, sums);
}

// sum[cell + r, tile] += value_r up[tile] sample by sample, with upstream rows of `width` outputs; the base row last.
template <class T, int K>
NOINLINE void add_rows(const T *values, const typename Kind<T>::Int *cell, int n, const T *up, int64_t width,
                       int64_t functions, bool based, T *sums) {
  for (int64_t o = 0; o < width; o += LANES<T>) {
    Vec<T> last = splat<T>(0);
    for (int s = 0; s < n; ++s) {
      const Vec<T> right = load(up + s * width + o);
      T *to = sums + cell[s] * width + o;
#pragma GCC unroll 8
      for (int r = 0; r <= K; ++r) store(to + r * width, load(to + r * width) + values[r * BLOCK + s] * right);
      last += values[(K + 1) * BLOCK + s] * right;
    }
    T *to = sums + functions * width + o;
    if (based) store(to, load(to) + last);
  }
}

// The sums of one layer: lane by lane for every edge and function while functions are few, or else one row of padded
// outputs for every input and function.
template <class T, int K> struct Sums {
  static constexpr int L = LANES<T>;
  const Tier<T> *tier;
  bool rowwise;
  int64_t width;  // outputs padded to whole vectors

  explicit Sums(const Tier<T> &t) : tier(&t), width((t.out + L - 1) / L * L) {
    const int64_t each = t.edges / t.level->in;
    rowwise = t.features * (each + 2) > 2 * (K + 2) * width;
  }
  int64_t size() const {
    return rowwise ? tier->level->in * tier->features * width : (tier->edges * tier->features + L - 1) / L * L * L;
  }
  // Scratch for `add`, as large as any layer needs.
  int64_t scratch() const { return (rowwise ? width : tier->features) * BLOCK; }

  void add(const Trail<T> &trail, int n, T *scratch, T *sums) const {
    const Tier<T> &t = *tier;
    const int full = (n + L - 1) / L * L;
    const bool based = t.features > t.functions;
    if (rowwise) {
      for (int64_t o = 0; o < width; ++o)
        for (int s = 0; s < n; ++s) scratch[s * width + o] = o < t.out ? trail.up[o * BLOCK + s] : T(0);
    }
    for (int64_t i = 0; i < t.level->in; ++i) {
      const T *values = trail.value + i * (K + 2) * BLOCK;
      const auto *cell = trail.cell + i * BLOCK;
      if (rowwise) {
        add_rows<T, K>(values, cell, n, scratch, width, t.functions, based, sums + i * t.features * width);
        continue;
      }
      spread<T, K>(values, cell, full, t.functions - K, based, scratch);
      add_edges(t.first[i], t.first[i + 1], trail.up, scratch, full, sums);
    }
  }

  void add_edges(int from, int to, const T *ups, const T *full, int n, T *sums) const {
    const int64_t features = tier->features;
    for (int e = from, left = to - from; left > 0;) {
      const int count = left == 4 ? 2 : (left < 3 ? left : 3);
      const T *up[3];
      for (int k = 0; k < count; ++k) up[k] = ups + tier->target[e + k] * BLOCK;
      int64_t f = 0;
      T *at = sums + e * features * L;
      for (; f + 4 <= features; f += 4) add_for<T, 4>(count, full + f * BLOCK, up, n, features, at + f * L);
      for (; f + 2 <= features; f += 2) add_for<T, 2>(count, full + f * BLOCK, up, n, features, at + f * L);
      for (; f < features; ++f) add_for<T, 1>(count, full + f * BLOCK, up, n, features, at + f * L);
      e += count, left -= count;
    }
  }

  // Writes the gradient of every living edge; overwrites the sums.
  void finish(T *sums, T *gradient) const {
    const Tier<T> &t = *tier;
    const int64_t rows = rowwise ? 0 : size() / L, stride = t.level->stride;
    for (int64_t k = 0; k < rows; k += L) store(sums + k, Tree<T, L>::sum(sums + k * L, 0));
    for (int64_t i = 0; i < t.level->in; ++i)
      for (int32_t e = t.first[i]; e < t.first[i + 1]; ++e)
        for (int64_t f = 0; f < t.features; ++f)
          gradient[t.start[e] + f * stride] =
              rowwise ? sums[(i * t.features + f) * width + t.target[e]] : sums[e * t.features + f];
  }
};

}  // namespace

#endif
