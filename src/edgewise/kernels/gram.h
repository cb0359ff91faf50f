// J^T J of a network's Jacobian J without J: a row of J has but K + 2 numbers other than zero for every edge.
//
// The column of weight m of the edge from i to o holds N_m(x_i) g_o, with g = dy / d(sub-node o), so two inputs meet in
//
//     sum_samples  N_m(x_i) N_m'(x_i')  (g_o g_o'),
//
// where the last factor does not know which inputs they are: it is computed once for two layers and added, a vector of
// pairs (o, o') at a time, at the few places (m, m') that a sample touches.

#ifndef EDGEWISE_GRAM_H
#define EDGEWISE_GRAM_H

#include "sweep.h"

namespace {

// What rows leave behind in one layer: value (in, rows, K + 2), cell (in, rows), up (outputs of the network, out,
// rows).
template <class T> struct Imprint {
  T *value, *up;
  int32_t *cell;
};

// sum[m, m'] += N_m N_m' pairs for every row; `sum` is (features, features', NV vectors).
template <class T, int K, int NV>
NOINLINE void add_meetings(const Imprint<T> *const *side, const int64_t *input, const int64_t *last, int64_t stride,
                           int rows, const T *pairs, T *sum) {
  constexpr int R = K + 2, W = NV * LANES<T>;
  const T *left = side[0]->value + input[0] * stride * R, *right = side[1]->value + input[1] * stride * R;
  const int32_t *row = side[0]->cell + input[0] * stride, *column = side[1]->cell + input[1] * stride;
  const int64_t line = (last[1] + 1) * W, base = last[1] * W;
  for (int s = 0; s < rows; ++s, left += R, right += R, pairs += W) {
    Vec<T> pair[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) pair[v] = load(pairs + v * LANES<T>);
    for (int m = 0; m < R; ++m) {
      T *to = sum + (m <= K ? row[s] + m : last[0]) * line, *at = to + column[s] * W;
#pragma GCC unroll 8
      for (int k = 0; k < R; ++k, at += W) {
        const T both = left[m] * right[k];
        T *place = k <= K ? at : to + base;
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v)
          store(place + v * LANES<T>, load(place + v * LANES<T>) + both * pair[v]);
      }
    }
  }
}

template <class T, int K> struct Gram {
  static constexpr int L = LANES<T>, R = K + 2, WIDEST = 4;
  static constexpr int64_t ROWS = 1024;
  const Network<T> &net;
  const Tiers<T, K> &tiers;
  const T *x;
  T *gram;
  int64_t rows, count;
  Imprint<T> *imprint;
  T *pairs;
  int threads;

  // Adds to the lower triangle of `gram` (count, count) and its diagonal; false where there is no memory.
  bool run() {
    const int64_t most = smaller(ROWS, rows);
    Block<T, K> block(tiers);
    Carver size = {nullptr, 0};
    carve(size, block, most, false);
    char *memory = borrow(FOR_BLOCKS, size.used);
    if (memory == nullptr) return false;
    Carver carver = {memory, 0};
    carve(carver, block, most, true);
    bool failed = false;
    for (int64_t start = 0; start < rows && !failed; start += ROWS) {
      const int n = int(smaller(ROWS, rows - start));
      for (int b0 = 0; b0 < n; b0 += BLOCK) press(block, start + b0, b0, int(smaller(BLOCK, n - b0)), most);
      for (int64_t a = 0; a < net.depth; ++a)
        for (int64_t b = a; b < net.depth; ++b) failed = failed || !meet(a, b, n, most);
    }
    give_back(FOR_BLOCKS, memory);
    return !failed;
  }

  void carve(Carver &carver, Block<T, K> &block, int64_t most, bool real) {
    block.carve(carver, real);
    Imprint<T> *found = carver.take<Imprint<T>>(net.depth), scratch;
    if (real) imprint = found;
    for (int64_t l = 0; l < net.depth; ++l) {
      Imprint<T> &to = real ? imprint[l] : scratch;
      to.value = carver.take<T>(net.levels[l].in * most * R);
      to.cell = carver.take<int32_t>(net.levels[l].in * most);
      to.up = carver.take<T>(outputs() * tiers.tier[l].out * most);
    }
    pairs = carver.take<T>(most * WIDEST * L);
  }
  int64_t outputs() const { return tiers.tier[net.depth - 1].nodes; }

  // One block's values and derivatives, put where the meetings read them.
  void press(Block<T, K> &block, int64_t start, int64_t b0, int n, int64_t most) {
    block.climb(x, start, n);
    for (int64_t l = 0; l < net.depth; ++l)
      for (int64_t i = 0; i < net.levels[l].in; ++i) {
        const T *from = block.trail[l].value + i * R * BLOCK;
        T *to = imprint[l].value + (i * most + b0) * R;
        for (int b = 0; b < n; ++b)
          for (int r = 0; r < R; ++r) to[b * R + r] = from[r * BLOCK + b];
        for (int b = 0; b < n; ++b) imprint[l].cell[i * most + b0 + b] = int32_t(block.trail[l].cell[i * BLOCK + b]);
      }
    for (int64_t q = 0; q < outputs(); ++q) {
      block.start(q);
      block.descend(n);
      for (int64_t l = 0; l < net.depth; ++l) {
        const int64_t out = tiers.tier[l].out;
        for (int64_t o = 0; o < out; ++o)
          memcpy(imprint[l].up + (q * out + o) * most + b0, block.trail[l].up + o * BLOCK, n * sizeof(T));
      }
    }
  }

  // All inputs of layer a with all of layer b, some pairs of outputs (o, o') at a time: within one layer o <= o'.
  bool meet(int64_t a, int64_t b, int n, int64_t most) {
    const int64_t out_a = tiers.tier[a].out, out_b = tiers.tier[b].out;
    const int64_t all = a == b ? out_a * (out_a + 1) / 2 : out_a * out_b;
    int32_t o[2][WIDEST * L];
    int32_t left = 0, right = 0;
    bool failed = false;
    for (int64_t done = 0; done < all && !failed;) {
      const int width = int(smaller(WIDEST * L, all - done)), vectors = (width + L - 1) / L;
      for (int k = 0; k < width; ++k) {
        o[0][k] = left, o[1][k] = right;
        if (++right == out_b) ++left, right = a == b ? left : 0;
      }
      fill_pairs(a, b, o[0], o[1], width, vectors * L, n, most);
      const int64_t inputs_b = net.levels[b].in, meetings = net.levels[a].in * inputs_b;
      const int64_t features[] = {tiers.tier[a].features, tiers.tier[b].features};
      const int64_t bytes = features[0] * features[1] * vectors * VECTOR_BYTES;
#pragma omp parallel num_threads(threads) if (threads > 1)
      {
        T *sum = (T *)borrow(FOR_SUMS, bytes);
        if (sum == nullptr) failed = true;
#pragma omp for schedule(static, 1)
        for (int64_t k = 0; k < meetings; ++k) {
          const int64_t input[] = {k / inputs_b, k % inputs_b};
          if (sum == nullptr || (a == b && input[0] > input[1])) continue;
          memset(sum, 0, bytes);
          add(a, b, input, n, most, vectors, sum);
          unpack(a, b, input, o[0], o[1], width, vectors * L, sum);
        }
        give_back(FOR_SUMS, (char *)sum);
      }
      done += width;
    }
    return !failed;
  }

  void fill_pairs(int64_t a, int64_t b, const int32_t *left, const int32_t *right, int width, int full, int n,
                  int64_t most) {
    memset(pairs, 0, n * full * sizeof(T));
    for (int64_t q = 0; q < outputs(); ++q) {
      const T *up_a = imprint[a].up + q * tiers.tier[a].out * most;
      const T *up_b = imprint[b].up + q * tiers.tier[b].out * most;
      for (int k = 0; k < width; ++k)
        for (int s = 0; s < n; ++s) pairs[s * full + k] += up_a[left[k] * most + s] * up_b[right[k] * most + s];
    }
  }

  void add(int64_t a, int64_t b, const int64_t *input, int n, int64_t most, int vectors, T *sum) const {
    const Imprint<T> *const side[] = {imprint + a, imprint + b};
    const int64_t last[] = {tiers.tier[a].features - 1, tiers.tier[b].features - 1};
    if (vectors == 1) add_meetings<T, K, 1>(side, input, last, most, n, pairs, sum);
    else if (vectors == 2) add_meetings<T, K, 2>(side, input, last, most, n, pairs, sum);
    else if (vectors == 3) add_meetings<T, K, 3>(side, input, last, most, n, pairs, sum);
    else add_meetings<T, K, 4>(side, input, last, most, n, pairs, sum);
  }

  // Adds a meeting to the matrix, rows from layer b and columns from layer a.
  void unpack(int64_t a, int64_t b, const int64_t *input, const int32_t *left, const int32_t *right, int width,
              int full, const T *sum) const {
    const Tier<T> &s = tiers.tier[a], &t = tiers.tier[b];
    for (int k = 0; k < width; ++k)
      for (int swapped = 0; swapped < (a == b && left[k] != right[k] ? 2 : 1); ++swapped) {
        const int64_t column = s.level->place[input[0] * s.out + (swapped ? right[k] : left[k])];
        const int64_t row = t.level->place[input[1] * t.out + (swapped ? left[k] : right[k])];
        if (column < 0 || row < column) continue;
        for (int64_t m = 0; m < s.features; ++m)
          for (int64_t r = 0; r < t.features; ++r)
            gram[(row + r) * count + column + m] += sum[(m * t.features + r) * full + k];
      }
  }
};

}  // namespace

#endif
