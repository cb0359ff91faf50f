// The sums of splines and their gradients against a plain recursion, on arrays of exactly the right size, from several
// threads at once. Built by test_kernels_native.py with sanitisers; ends with 0 where all agree.

#include "reference.h"

extern "C" {
int edgewise_spline_sum_float_plain(const float *, const float *, const float *, const float *, float *, float *,
                                    float *, int64_t, int64_t, int64_t, int64_t, int, int, int);
int edgewise_spline_sum_double_plain(const double *, const double *, const double *, const double *, double *, double *,
                                     double *, int64_t, int64_t, int64_t, int64_t, int, int, int);
int edgewise_all_ones_float_plain(const float *, int64_t);
int edgewise_all_ones_double_plain(const double *, int64_t);
}

namespace {

using namespace reference;

template <class T> int call(const T *x, const T *w, const T *knots, const T *g, T *y, T *dx, T *dw, int64_t batch,
                            int64_t in, int64_t out, int64_t count, int degree, int base, int threads) {
  if constexpr (sizeof(T) == 4)
    return edgewise_spline_sum_float_plain(x, w, knots, g, y, dx, dw, batch, in, out, count, degree, base, threads);
  else
    return edgewise_spline_sum_double_plain(x, w, knots, g, y, dx, dw, batch, in, out, count, degree, base, threads);
}

template <class T> struct Trial {
  int batch, in, out, cells, degree, base, threads;
  bool even;
  Source<T> source;

  bool holds() {
    const int count = cells + 2 * degree + 1, functions = cells + degree, features = functions + (base != 0);
    const auto knots = source.knots(in, cells, degree, even);
    const auto x = source.numbers(size_t(batch) * in, -2.5, 2.0), g = source.numbers(size_t(batch) * out, -1, 1);
    const auto w = source.numbers(size_t(in) * features * out, -1, 1);
    std::vector<T> y(g.size()), dx(x.size()), dw(w.size());
    std::vector<Real> y_(g.size()), dx_(x.size()), dw_(w.size());
    for (int i = 0; i < in; ++i) {
      const std::vector<Real> t(knots.begin() + i * count, knots.begin() + (i + 1) * count);
      for (int b = 0; b < batch; ++b)
        for (int m = 0; m < features; ++m) {
          const Feature f = feature(t, m, degree, base, x[b * in + i]);
          for (int o = 0; o < out; ++o) {
            const size_t at = (size_t(i) * features + m) * out + o;
            y_[b * out + o] += f.value * w[at];
            dw_[at] += f.value * g[b * out + o];
            dx_[b * in + i] += f.slope * w[at] * g[b * out + o];
          }
        }
    }
    T *const none = nullptr;
    const int a = call<T>(x.data(), w.data(), knots.data(), none, y.data(), none, none, batch, in, out, count, degree,
                          base, threads);
    const int b = call<T>(x.data(), w.data(), knots.data(), g.data(), none, dx.data(), dw.data(), batch, in, out, count,
                          degree, base, threads);
    return a == 0 && b == 0 && near(y, y_, "y") && near(dx, dx_, "dx") && near(dw, dw_, "dW");
  }
};

template <class T> bool all_hold(unsigned seed, int trials, int threads) {
  std::mt19937 random(seed);
  auto number = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  bool good = true;
  for (int k = 0; k < trials; ++k) {
    Trial<T> trial{number(1, 80), number(1, 6),  number(1, 70), number(1, 40), number(1, 5),
                   number(0, 2),  threads,       k % 2 == 0,    {std::mt19937(seed + k)}};
    if (k % 8 == 7) trial.batch = number(1000, 1300), trial.in = 2, trial.out = 3, trial.cells = number(30, 90);
    if (trial.holds()) continue;
    std::printf("seed %u, trial %d: %d x %d -> %d, %d cells, degree %d, base %d\n", seed, k, trial.batch, trial.in,
                trial.out, trial.cells, trial.degree, trial.base);
    good = false;
  }
  return good;
}

}  // namespace

int main(int argc, char **argv) {
  const int trials = argc > 1 ? std::atoi(argv[1]) : 40, threads = argc > 2 ? std::atoi(argv[2]) : 2;
  const float ones[3] = {1, 1, 0.5f};
  const bool counted = edgewise_all_ones_float_plain(ones, 2) && !edgewise_all_ones_float_plain(ones, 3);
  const bool held = from_four_threads(
      [&](unsigned k) { return k % 2 ? all_hold<float>(k, trials, threads) : all_hold<double>(k, trials, threads); });
  return counted && held ? 0 : 1;
}
