// The spline kernels against a plain recursion in long double, on arrays of exactly the right size, from several threads
// at once. Built by test_kernels_native.py with sanitisers; ends with 0 where all agree.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

extern "C" {
int edgewise_spline_sum_float_plain(const float *, const float *, const float *, const float *, float *, float *,
                                    float *, int64_t, int64_t, int64_t, int64_t, int, int, int);
int edgewise_spline_sum_double_plain(const double *, const double *, const double *, const double *, double *, double *,
                                     double *, int64_t, int64_t, int64_t, int64_t, int, int, int);
int edgewise_all_ones_float_plain(const float *, int64_t);
int edgewise_all_ones_double_plain(const double *, int64_t);
}

namespace {

using Real = long double;

Real cox_de_boor(const std::vector<Real> &t, int i, int k, Real x) {
  if (k == 0) return t[i] <= x && x < t[i + 1] ? 1 : 0;
  const Real left = t[i + k] - t[i], right = t[i + k + 1] - t[i + 1];
  return (left > 0 ? (x - t[i]) / left * cox_de_boor(t, i, k - 1, x) : 0) +
         (right > 0 ? (t[i + k + 1] - x) / right * cox_de_boor(t, i + 1, k - 1, x) : 0);
}

Real slope_of(const std::vector<Real> &t, int i, int k, Real x) {
  const Real left = t[i + k] - t[i], right = t[i + k + 1] - t[i + 1];
  return k * ((left > 0 ? cox_de_boor(t, i, k - 1, x) / left : 0) -
              (right > 0 ? cox_de_boor(t, i + 1, k - 1, x) / right : 0));
}

struct Feature {
  Real value, slope;
};

// The m-th feature of one input: a basis function continued along its tangent, or the base function.
Feature feature(const std::vector<Real> &t, int m, int degree, int base, Real x) {
  const int functions = int(t.size()) - degree - 1;
  if (m == functions) {
    const Real gate = 1 / (1 + std::exp(-x));
    return base == 1 ? Feature{x * gate, gate * (1 + x * (1 - gate))} : Feature{x, 1};
  }
  const Real low = t[degree], high = t[functions];
  const Real inner = x < low ? low : (x >= high ? std::nextafter(high, low) : x);  // the last cell is closed
  const Real slope = slope_of(t, m, degree, inner);
  return {cox_de_boor(t, m, degree, inner) + slope * (x - inner), slope};
}

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
  std::mt19937 random;

  T uniform(double low, double high) { return T(std::uniform_real_distribution<double>(low, high)(random)); }

  std::vector<T> numbers(size_t count, double low, double high) {
    std::vector<T> found(count);
    for (T &number : found) number = uniform(low, high);
    return found;
  }

  std::vector<T> make_knots() {
    const int count = cells + 2 * degree + 1;
    std::vector<T> knots(size_t(in) * count);
    for (int i = 0; i < in; ++i) {
      double at = -1.5;
      for (int j = 0; j < count; ++j) {
        knots[i * count + j] = T(at);
        at += (even ? 1.0 : uniform(0.3, 1.7)) * 2.0 / cells;
      }
    }
    return knots;
  }

  static bool near(const std::vector<T> &found, const std::vector<Real> &wanted, const char *name) {
    Real scale = 1e-30L, worst = 0;
    for (Real value : wanted) scale = std::max(scale, std::fabs(value));
    for (size_t k = 0; k < found.size(); ++k) worst = std::max(worst, std::fabs(found[k] - wanted[k]));
    const bool good = worst <= (sizeof(T) == 4 ? 2e-5L : 1e-12L) * scale;
    if (!good) std::printf("%s is off by %Lg of %Lg\n", name, worst, scale);
    return good;
  }

  bool holds() {
    const int count = cells + 2 * degree + 1, functions = cells + degree, features = functions + (base != 0);
    const auto knots = make_knots();
    const auto x = numbers(size_t(batch) * in, -2.5, 2.0), g = numbers(size_t(batch) * out, -1, 1);
    const auto w = numbers(size_t(in) * features * out, -1, 1);
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
                   number(0, 2),  threads,       k % 2 == 0,    std::mt19937(seed + k)};
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
  const int trials = argc > 1 ? std::atoi(argv[1]) : 40, inner = argc > 2 ? std::atoi(argv[2]) : 2;
  bool good[4] = {};
  std::vector<std::thread> callers;
  for (unsigned k = 0; k < 4; ++k)
    callers.emplace_back(
        [&, k] { good[k] = k % 2 ? all_hold<float>(k, trials, inner) : all_hold<double>(k, trials, inner); });
  for (auto &caller : callers) caller.join();
  const float ones[3] = {1, 1, 0.5f};
  const bool counted = edgewise_all_ones_float_plain(ones, 2) && !edgewise_all_ones_float_plain(ones, 3);
  return good[0] && good[1] && good[2] && good[3] && counted ? 0 : 1;
}
