// Values with derivatives, and features with derivatives, against a plain recursion; see spline_sum_check.cpp.

#include "reference.h"

extern "C" {
int edgewise_jet_float_plain(const float *, const float *, const float *, float *, float *, float *, int64_t, int64_t,
                             int64_t, int64_t, int, int, int, int);
int edgewise_jet_double_plain(const double *, const double *, const double *, double *, double *, double *, int64_t,
                              int64_t, int64_t, int64_t, int, int, int, int);
}

namespace {

using namespace reference;

constexpr auto jet(float) { return edgewise_jet_float_plain; }
constexpr auto jet(double) { return edgewise_jet_double_plain; }

template <class T> bool holds(unsigned seed, int threads) {
  Source<T> source{std::mt19937(seed)};
  const int batch = source.whole(1, 90), in = source.whole(1, 6), out = source.whole(1, 20), cells = source.whole(1, 40);
  const int degree = source.whole(1, 5), base = source.whole(0, 2), order = source.whole(1, 2);
  const int count = cells + 2 * degree + 1, features = cells + degree + (base != 0);
  const auto knots = source.knots(in, cells, degree, seed % 2 == 0);
  const auto x = source.numbers(size_t(batch) * in, -2.5, 2.0), w = source.numbers(size_t(in) * features * out, -1, 1);
  std::vector<T> y(size_t(batch) * out), first(size_t(batch) * in * out), second(order > 1 ? first.size() : 0);
  std::vector<Real> y_(y.size()), first_(first.size()), second_(second.size());
  for (int i = 0; i < in; ++i) {
    const std::vector<Real> t(knots.begin() + i * count, knots.begin() + (i + 1) * count);
    for (int b = 0; b < batch; ++b)
      for (int m = 0; m < features; ++m) {
        const Feature f = feature(t, m, degree, base, x[b * in + i]);
        for (int o = 0; o < out; ++o) {
          const Real weight = w[(size_t(i) * features + m) * out + o];
          const size_t edge = (size_t(b) * in + i) * out + o;
          y_[b * out + o] += f.value * weight;
          first_[edge] += f.slope * weight;
          if (order > 1) second_[edge] += f.bend * weight;
        }
      }
  }
  const int status = jet(T())(x.data(), w.data(), knots.data(), y.data(), first.data(), second.data(), batch, in, out,
                              count, degree, base, order, threads);
  const bool good = status == 0 && near(y, y_, "y") && near(first, first_, "y'") && near(second, second_, "y''", 10);
  if (!good) std::printf("seed %u: degree %d, base %d, %d cells, order %d\n", seed, degree, base, cells, order);
  return good;
}

}  // namespace

int main(int argc, char **argv) {
  const unsigned trials = argc > 1 ? std::atoi(argv[1]) : 40;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 2;
  return from_four_threads([&](unsigned k) {
    bool good = true;
    for (unsigned seed = k; seed < 4 * trials; seed += 4)
      good = (k % 2 ? holds<float>(seed, threads) : holds<double>(seed, threads)) && good;
    return good;
  }) ? 0 : 1;
}
