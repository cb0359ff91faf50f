// A whole network's outputs, loss, gradient, Jacobian and normal matrix against a plain recursion and against each
// other; see spline_sum_check.cpp.

#include "reference.h"

struct Level {
  int64_t inputs, sums, products, knot_count, stride, base;
  const void *knots;
  const int64_t *place;
};
struct Network {
  int64_t depth;
  const Level *levels;
  const void *input_center, *input_scale, *output_center, *output_scale;
};

extern "C" {
int edgewise_network_double_plain(const void *, const double *, const double *, const double *, const double *, double *,
                                  double *, double *, int64_t, int64_t, int, int);
int edgewise_jacobian_double_plain(const void *, const double *, const double *, double *, double *, int64_t, int64_t,
                                   int, int);
int edgewise_gram_double_plain(const void *, const double *, const double *, double *, int64_t, int64_t, int, int);
}

namespace {

using namespace reference;

struct Layer {
  int inputs, sums, products, cells, base;
  std::vector<double> knots;
  std::vector<int64_t> place;
};

// Two layers with sums and products, the outputs one sum; some edges dead.
struct Trial {
  Source<double> source;
  int degree, rows, threads;
  std::vector<Layer> layers;
  int64_t count = 0;

  explicit Trial(unsigned seed, int team) : source{std::mt19937(seed)}, threads(team) {
    degree = source.whole(1, 5), rows = source.whole(1, 150);
    int inputs = source.whole(1, 5);
    for (int l = 0; l < 2; ++l) {
      Layer layer{inputs, l ? 1 : source.whole(0, 4), l ? 0 : source.whole(1, 2), source.whole(1, 45), source.whole(0, 2)};
      layer.knots = source.knots(inputs, layer.cells, degree, seed % 2 == 0);
      const int features = layer.cells + degree + (layer.base != 0);
      for (int e = 0; e < inputs * (layer.sums + 2 * layer.products); ++e) {
        const bool alive = source.whole(0, 9) > 0;
        layer.place.push_back(alive ? count : -1);
        count += alive ? features : 0;
      }
      inputs = layer.sums + layer.products;
      layers.push_back(layer);
    }
  }

  std::vector<Real> outputs(const std::vector<double> &weights, const std::vector<double> &x) const {
    std::vector<Real> y(rows);
    for (int b = 0; b < rows; ++b) {
      std::vector<Real> nodes(x.begin() + b * layers[0].inputs, x.begin() + (b + 1) * layers[0].inputs);
      for (const Layer &layer : layers) nodes = climb(layer, weights, nodes);
      y[b] = nodes[0];
    }
    return y;
  }

  std::vector<Real> climb(const Layer &layer, const std::vector<double> &weights, const std::vector<Real> &x) const {
    const int out = layer.sums + 2 * layer.products, count = layer.cells + 2 * degree + 1;
    const int features = layer.cells + degree + (layer.base != 0);
    std::vector<Real> below(out), nodes;
    for (int i = 0; i < layer.inputs; ++i) {
      const std::vector<Real> t(layer.knots.begin() + i * count, layer.knots.begin() + (i + 1) * count);
      for (int m = 0; m < features; ++m) {
        const Real value = feature(t, m, degree, layer.base, x[i]).value;
        for (int o = 0; o < out; ++o)
          if (layer.place[i * out + o] >= 0) below[o] += value * weights[layer.place[i * out + o] + m];
      }
    }
    for (int o = 0; o < layer.sums; ++o) nodes.push_back(below[o]);
    for (int o = layer.sums; o < out; o += 2) nodes.push_back(below[o] * below[o + 1]);
    return nodes;
  }

  bool holds() {
    Level levels[2];
    for (int l = 0; l < 2; ++l) {
      const Layer &one = layers[l];
      levels[l] = {one.inputs, one.sums, one.products, one.cells + 2 * degree + 1, 1, one.base, one.knots.data(),
                   one.place.data()};
    }
    const Network net = {2, levels, nullptr, nullptr, nullptr, nullptr};
    const auto x = source.numbers(size_t(rows) * layers[0].inputs, -2.5, 2.0), target = source.numbers(rows, -1, 1);
    const auto weights = source.numbers(count, -1, 1);
    std::vector<double> y(rows), again(rows), gradient(count), jacobian(rows * count), gram(count * count);
    double loss = 0;
    const int failures =
        edgewise_network_double_plain(&net, weights.data(), x.data(), target.data(), nullptr, y.data(), gradient.data(),
                                      &loss, rows, count, degree, threads) +
        edgewise_jacobian_double_plain(&net, weights.data(), x.data(), again.data(), jacobian.data(), rows, count, degree,
                                       threads) +
        edgewise_gram_double_plain(&net, weights.data(), x.data(), gram.data(), rows, count, degree, threads);
    const auto y_ = outputs(weights, x);
    std::vector<Real> gradient_(count), gram_(gram.size());
    Real loss_ = 0;
    for (int b = 0; b < rows; ++b) {
      const Real off = y_[b] - target[b];
      loss_ += off * off / rows;
      for (int64_t k = 0; k < count; ++k) gradient_[k] += 2 * off / rows * jacobian[b * count + k];
      for (int64_t k = 0; k < count; ++k)
        for (int64_t j = 0; j <= k; ++j) gram_[k * count + j] += Real(jacobian[b * count + k]) * jacobian[b * count + j];
    }
    for (int64_t k = 0; k < count; ++k)
      for (int64_t j = k + 1; j < count; ++j) gram[k * count + j] = 0;  // only the lower triangle is promised
    return failures == 0 && near(y, y_, "y", 10) && near(again, y_, "y of the Jacobian", 10) &&
           near(std::vector<double>{loss}, {loss_}, "loss", 10) && near(gradient, gradient_, "gradient", 10) &&
           near(gram, gram_, "J^T J", 10) && slopes_hold(weights, x, jacobian);
  }

  // A few columns of the Jacobian against differences.
  bool slopes_hold(std::vector<double> weights, const std::vector<double> &x, const std::vector<double> &jacobian) {
    for (int trial = 0; trial < 3 && count > 0; ++trial) {
      const int64_t k = source.whole(0, int(count) - 1);
      const double kept = weights[k], step = 1e-4;
      weights[k] = kept + step;
      const auto above = outputs(weights, x);
      weights[k] = kept - step;
      const auto below = outputs(weights, x);
      weights[k] = kept;
      Real scale = 1;
      for (double entry : jacobian) scale = std::max(scale, std::fabs(Real(entry)));
      for (int b = 0; b < rows; ++b) {
        const Real slope = (above[b] - below[b]) / (2 * step);
        if (std::fabs(slope - jacobian[b * count + k]) <= 1e-4 * scale) continue;
        std::printf("dy[%d] / dw[%d] is %g, differences say %Lg\n", b, int(k), jacobian[b * count + k], slope);
        return false;
      }
    }
    return true;
  }
};

}  // namespace

int main(int argc, char **argv) {
  const unsigned trials = argc > 1 ? std::atoi(argv[1]) : 40;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 2;
  return from_four_threads([&](unsigned k) {
    bool good = true;
    for (unsigned seed = k; seed < 4 * trials; seed += 4) {
      if (Trial(seed, threads).holds()) continue;
      std::printf("seed %u\n", seed);
      good = false;
    }
    return good;
  }) ? 0 : 1;
}
