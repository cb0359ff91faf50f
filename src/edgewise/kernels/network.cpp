// A whole narrow network in one call: outputs, mean square with its gradient, Jacobian.
//
// Rows are taken in blocks that stay in a near cache. Blocks are dealt to a number of parts that depends on the work
// alone, and parts are added in their order, so results do not depend on the number of threads.

#include "gram.h"
#include "slopes.h"

namespace {

// What to do with the rows: with `target` the loss is mean (y - target)^2, and `upstream` is dloss / dy otherwise.
template <class T> struct Task {
  const T *weights, *x, *target, *upstream;
  T *y, *gradient;
  double *loss;
  int64_t rows, count;  // count: length of the gradient
  int threads;
};

constexpr int PARTS = 8;
constexpr int64_t WORTH_SHARING = 200000;  // edges times rows

template <class T, int K> struct Descent {
  static constexpr int L = LANES<T>;
  const Network<T> &net;
  const Task<T> &task;
  Tiers<T, K> tiers;
  int64_t blocks, parts, sums_size, scratch_size;

  Descent(const Network<T> &network, const Task<T> &given)
      : net(network), task(given), tiers(network, given.weights), blocks((given.rows + BLOCK - 1) / BLOCK), parts(1),
        sums_size(0), scratch_size(0) {
    if (tiers.memory == nullptr) return;
    int64_t edges = 0;
    for (int64_t l = 0; l < net.depth; ++l) {
      const Sums<T, K> sums(tiers.tier[l]);
      sums_size += task.gradient ? line(sums.size() * sizeof(T)) / sizeof(T) : 0;
      scratch_size = larger(scratch_size, sums.scratch());
      edges += tiers.tier[l].edges;
    }
    if (edges * task.rows > WORTH_SHARING) parts = smaller(PARTS, blocks);
  }

  bool run() {
    T *sums = (T *)borrow(FOR_SUMS, parts * sums_size * sizeof(T));
    double losses[PARTS] = {};
    bool failed = tiers.memory == nullptr || sums == nullptr;
    if (!failed) {
      const int threads = int(smaller(parts, task.threads));
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
      for (int64_t p = 0; p < parts; ++p)
        if (!run_part(p, sums + p * sums_size, &losses[p])) failed = true;
    }
    if (!failed && task.gradient) gather_parts(sums);
    if (task.loss) {
      *task.loss = 0;
      for (int64_t p = 0; p < parts; ++p) *task.loss += losses[p];
      *task.loss /= double(task.rows * tiers.tier[net.depth - 1].nodes);
    }
    give_back(FOR_SUMS, (char *)sums);
    return !failed;
  }

  void gather_parts(T *sums) {
    for (int64_t p = 1; p < parts; ++p)
      for (int64_t k = 0; k < sums_size; k += L) store(sums + k, load(sums + k) + load(sums + p * sums_size + k));
    memset(task.gradient, 0, task.count * sizeof(T));
    for (int64_t l = 0; l < net.depth; ++l) {
      const Sums<T, K> layer(tiers.tier[l]);
      layer.finish(sums, task.gradient);
      sums += line(layer.size() * sizeof(T)) / sizeof(T);
    }
  }

  bool run_part(int64_t part, T *sums, double *loss) {
    Block<T, K> block(tiers);
    Carver size = {nullptr, 0};
    block.carve(size, false);
    size.take<T>(scratch_size);
    char *memory = borrow(FOR_BLOCKS, size.used);
    if (memory == nullptr) return false;
    Carver carver = {memory, 0};
    block.carve(carver, true);
    T *scratch = carver.take<T>(scratch_size);
    memset(sums, 0, sums_size * sizeof(T));
    for (int64_t k = part * blocks / parts; k < (part + 1) * blocks / parts; ++k) {
      const int64_t b0 = k * BLOCK;
      const int n = int(smaller(BLOCK, task.rows - b0));
      block.climb(task.x, b0, n);
      *loss += judge(block, b0, n);
      if (task.gradient == nullptr) continue;
      block.descend(n);
      T *to = sums;
      for (int64_t l = 0; l < net.depth; ++l) {
        const Sums<T, K> layer(tiers.tier[l]);
        layer.add(block.trail[l], n, scratch, to);
        to += line(layer.size() * sizeof(T)) / sizeof(T);
      }
    }
    give_back(FOR_BLOCKS, memory);
    return true;
  }

  // Writes outputs where wanted, the derivatives with respect to the last nodes, and returns the sum of squares.
  double judge(Block<T, K> &block, int64_t b0, int n) {
    const int64_t out = tiers.tier[net.depth - 1].nodes;
    const Trail<T> &top = block.trail[net.depth - 1];
    const T each = T(2.0 / double(task.rows * out));
    double total = 0;
    for (int64_t q = 0; q < out; ++q) {
      const T scale = net.output_scale ? net.output_scale[q] : T(1);
      const T center = net.output_center ? net.output_center[q] : T(0);
      T y[BLOCK], *up = top.node_up + q * BLOCK;
      for (int b = 0; b < n; b += L) store(y + b, load(top.node + q * BLOCK + b) * scale + center);
      for (int b = 0; b < n && task.y; ++b) task.y[(b0 + b) * out + q] = y[b];
      memset(up, 0, BLOCK * sizeof(T));
      for (int b = 0; b < n && task.upstream; ++b) up[b] = scale * task.upstream[(b0 + b) * out + q];
      if (task.target == nullptr) continue;
      for (int b = 0; b < n; ++b) up[b] = y[b] - task.target[(b0 + b) * out + q];
      Vec<T> squares = splat<T>(0);
      for (int b = 0; b < n; b += L) {
        const Vec<T> off = load(up + b);
        squares += off * off;
        store(up + b, off * (each * scale));
      }
      for (int l = 0; l < L; ++l) total += double(squares[l]);
    }
    return total;
  }
};

// d y / d weights, (rows, out, count), for weights whose edges follow one another without a gap (stride 1).
template <class T, int K> struct Jacobian {
  static constexpr int L = LANES<T>, FEW = 8;
  const Network<T> &net;
  const Task<T> &task;
  Tiers<T, K> tiers;
  int64_t inputs_size;

  Jacobian(const Network<T> &network, const Task<T> &given)
      : net(network), task(given), tiers(network, given.weights), inputs_size(0) {
    for (int64_t l = 0; tiers.memory && l < net.depth; ++l) inputs_size += net.levels[l].in * padded(tiers.tier[l]);
  }
  static int64_t padded(const Tier<T> &t) { return (t.features + L - 1) / L * L; }

  bool run() {
    bool failed = tiers.memory == nullptr;
    const int64_t blocks = failed ? 0 : (task.rows + BLOCK - 1) / BLOCK;
    const int threads = int(smaller(smaller(blocks, task.threads), task.rows * task.count / 1000000 + 1));
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
      Block<T, K> block(tiers);
      Carver size = {nullptr, 0};
      block.carve(size, false);
      size.take<T>(FEW * inputs_size);
      char *memory = borrow(FOR_BLOCKS, size.used);
      if (memory == nullptr) failed = true;
      Carver carver = {memory, 0};
      if (memory) block.carve(carver, true);
      T *dense = memory ? carver.take<T>(FEW * inputs_size) : nullptr;
#pragma omp for schedule(static)
      for (int64_t k = 0; k < blocks; ++k)
        if (memory) write_block(block, k * BLOCK, int(smaller(BLOCK, task.rows - k * BLOCK)), dense);
      give_back(FOR_BLOCKS, memory);
    }
    return !failed;
  }

  void write_block(Block<T, K> &block, int64_t b0, int n, T *dense) {
    const Trail<T> &top = block.trail[net.depth - 1];
    const int64_t out = tiers.tier[net.depth - 1].nodes;
    block.climb(task.x, b0, n);
    for (int64_t q = 0; q < out; ++q) {
      for (int b = 0; b < n; ++b) task.y[(b0 + b) * out + q] = top.node[q * BLOCK + b];
    }
    for (int64_t q = 0; q < out; ++q) {
      block.start(q);
      block.descend(n);
      for (int s = 0; s < n; s += FEW) {
        const int few = int(smaller(FEW, n - s));
        unfold(block, s, few, dense);
        for (int b = 0; b < few; ++b)
          write_row(block, s + b, dense + b * inputs_size, task.gradient + ((b0 + s + b) * out + q) * task.count);
      }
    }
  }

  // All functions of a few samples, every input's padded with zeros to whole vectors.
  void unfold(const Block<T, K> &block, int s, int few, T *dense) {
    memset(dense, 0, few * inputs_size * sizeof(T));
    for (int b = 0; b < few; ++b)
      for (int64_t l = 0; l < net.depth; ++l) {
        const Tier<T> &t = tiers.tier[l];
        for (int64_t i = 0; i < net.levels[l].in; ++i, dense += padded(t)) {
          const T *values = block.trail[l].value + i * (K + 2) * BLOCK + s + b;
          T *to = dense + block.trail[l].cell[i * BLOCK + s + b];
          for (int r = 0; r <= K; ++r) to[r] = values[r * BLOCK];
          if (t.features > t.functions) dense[t.functions] = values[(K + 1) * BLOCK];
        }
      }
  }

  // Whole vectors run over into the next edge, which comes later; only at the end of the row there is no room.
  void write_row(const Block<T, K> &block, int s, const T *dense, T *row) {
    for (int64_t l = 0; l < net.depth; ++l) {
      const Tier<T> &t = tiers.tier[l];
      const int64_t width = padded(t);
      for (int64_t i = 0; i < net.levels[l].in; ++i, dense += width)
        for (int32_t e = t.first[i]; e < t.first[i + 1]; ++e) {
          const T up = block.trail[l].up[t.target[e] * BLOCK + s];
          T *to = row + t.start[e];
          if (t.start[e] + width <= task.count) {
            for (int64_t f = 0; f < width; f += L) store(to + f, load(dense + f) * up);
          } else {
            for (int64_t f = 0; f < t.features; ++f) to[f] = dense[f] * up;
          }
        }
    }
  }
};

template <class T, int K> struct Normal {
  Tiers<T, K> tiers;
  Gram<T, K> gram;
  Normal(const Network<T> &net, const Task<T> &task)
      : tiers(net, task.weights),
        gram{net, tiers, task.x, task.gradient, task.rows, task.count, nullptr, nullptr, task.threads} {}
  bool run() { return tiers.memory != nullptr && gram.run(); }
};

template <class T, template <class, int> class WORK> int run(const Network<T> &net, const Task<T> &task, int degree) {
  switch (degree) {
    case 1: return WORK<T, 1>(net, task).run() ? 0 : 2;
    case 2: return WORK<T, 2>(net, task).run() ? 0 : 2;
    case 3: return WORK<T, 3>(net, task).run() ? 0 : 2;
    case 4: return WORK<T, 4>(net, task).run() ? 0 : 2;
    case 5: return WORK<T, 5>(net, task).run() ? 0 : 2;
  }
  return 1;
}

}  // namespace

// Outputs into y, the loss and the gradient, each where it is not null. 0 is success, 1 a degree that is not served,
// 2 no memory.
#define EDGEWISE_EXPORT(T)                                                                                        \
  extern "C" __attribute__((visibility("default"))) int EDGEWISE_JOIN(edgewise_network_##T##_, EDGEWISE_LEVEL)(   \
      const void *net, const T *weights, const T *x, const T *target, const T *upstream, T *y, T *gradient,       \
      double *loss, int64_t rows, int64_t count, int degree, int threads) {                                       \
    const Task<T> task = {weights, x, target, upstream, y, gradient, loss, rows, count, threads};                 \
    return run<T, Descent>(*(const Network<T> *)net, task, degree);                                               \
  }                                                                                                               \
  extern "C" __attribute__((visibility("default"))) int EDGEWISE_JOIN(edgewise_jacobian_##T##_, EDGEWISE_LEVEL)(  \
      const void *net, const T *weights, const T *x, T *y, T *jacobian, int64_t rows, int64_t count, int degree,  \
      int threads) {                                                                                              \
    const Task<T> task = {weights, x, nullptr, nullptr, y, jacobian, nullptr, rows, count, threads};              \
    return run<T, Jacobian>(*(const Network<T> *)net, task, degree);                                              \
  }
// Adds the lower triangle of J^T J, with all of every edge's own block, to `gram` (count, count).
extern "C" __attribute__((visibility("default"))) int EDGEWISE_JOIN(edgewise_gram_double_, EDGEWISE_LEVEL)(
    const void *net, const double *weights, const double *x, double *gram, int64_t rows, int64_t count, int degree,
    int threads) {
  const Task<double> task = {weights, x, nullptr, nullptr, nullptr, gram, nullptr, rows, count, threads};
  return run<double, Normal>(*(const Network<double> *)net, task, degree);
}
EDGEWISE_EXPORT(float)
EDGEWISE_EXPORT(double)
