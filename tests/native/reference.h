// What the kernels should find, by plain recursion in long double.

#ifndef EDGEWISE_REFERENCE_H
#define EDGEWISE_REFERENCE_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

namespace reference {

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

Real bend_of(const std::vector<Real> &t, int i, int k, Real x) {
  if (k < 2) return 0;
  const Real left = t[i + k] - t[i], right = t[i + k + 1] - t[i + 1];
  return k * ((left > 0 ? slope_of(t, i, k - 1, x) / left : 0) - (right > 0 ? slope_of(t, i + 1, k - 1, x) / right : 0));
}

struct Feature {
  Real value, slope, bend;
};

// The m-th feature of one input: a basis function continued along its tangent, or the base function.
Feature feature(const std::vector<Real> &t, int m, int degree, int base, Real x) {
  const int functions = int(t.size()) - degree - 1;
  if (m == functions) {
    const Real gate = 1 / (1 + std::exp(-x));
    return base == 1 ? Feature{x * gate, gate * (1 + x * (1 - gate)), gate * (1 - gate) * (2 + x * (1 - 2 * gate))}
                     : Feature{x, 1, 0};
  }
  const Real low = t[degree], high = t[functions];
  const Real inner = x < low ? low : (x >= high ? std::nextafter(high, low) : x);  // the last cell is closed
  const Real slope = slope_of(t, m, degree, inner);
  const Real bend = x < low || x > high ? 0 : bend_of(t, m, degree, inner);
  return {cox_de_boor(t, m, degree, inner) + slope * (x - inner), slope, bend};
}

template <class T> bool near(const std::vector<T> &found, const std::vector<Real> &wanted, const char *name, Real slack = 1) {
  Real scale = 1e-30L, worst = 0;
  for (Real value : wanted) scale = std::max(scale, std::fabs(value));
  for (size_t k = 0; k < found.size(); ++k) worst = std::max(worst, std::fabs(found[k] - wanted[k]));
  const bool good = worst <= slack * (sizeof(T) == 4 ? 2e-5L : 1e-12L) * scale;
  if (!good) std::printf("%s is off by %Lg of %Lg\n", name, worst, scale);
  return good;
}

// Random numbers and knots of one trial.
template <class T> struct Source {
  std::mt19937 random;

  int whole(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); }
  T uniform(double low, double high) { return T(std::uniform_real_distribution<double>(low, high)(random)); }

  std::vector<T> numbers(size_t count, double low, double high) {
    std::vector<T> found(count);
    for (T &number : found) number = uniform(low, high);
    return found;
  }

  std::vector<T> knots(int inputs, int cells, int degree, bool even) {
    const int count = cells + 2 * degree + 1;
    std::vector<T> found(size_t(inputs) * count);
    for (int i = 0; i < inputs; ++i) {
      double at = -1.5;
      for (int j = 0; j < count; ++j) {
        found[i * count + j] = T(at);
        at += (even ? 1.0 : uniform(0.3, 1.7)) * 2.0 / cells;
      }
    }
    return found;
  }
};

// Four callers at once, each with its own trials; whether all of them held.
template <class Trials> bool from_four_threads(Trials trials) {
  bool good[4] = {};
  std::vector<std::thread> callers;
  for (unsigned k = 0; k < 4; ++k) callers.emplace_back([&, k] { good[k] = trials(k); });
  for (auto &caller : callers) caller.join();
  return good[0] && good[1] && good[2] && good[3];
}

}  // namespace reference

#endif
