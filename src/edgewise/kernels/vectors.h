// Vectors for one instruction set: compiler extensions, so there is nothing to write by hand for each.
//
// Every source that includes this is compiled once per instruction set; EDGEWISE_LEVEL names the object. Nothing comes
// from the C++ library: a template shared between objects could carry one object's instructions into another.

#ifndef EDGEWISE_VECTORS_H
#define EDGEWISE_VECTORS_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef EDGEWISE_LEVEL
#define EDGEWISE_LEVEL plain
#endif
#define EDGEWISE_JOIN_(a, b) a##b
#define EDGEWISE_JOIN(a, b) EDGEWISE_JOIN_(a, b)
#define NOINLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))

namespace {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64, REGISTERS = 32;
#elif defined(__AVX__)
constexpr int VECTOR_BYTES = 32, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int VECTOR_BYTES = 16, REGISTERS = 32;
#else
constexpr int VECTOR_BYTES = 16, REGISTERS = 16;
#endif
template <class T> struct Kind;
template <> struct Kind<float> {
  typedef float Vec __attribute__((vector_size(VECTOR_BYTES)));
  typedef int32_t Int;
  typedef int32_t Ints __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr float even = 4e-6f;  // knots off by less than this share of a cell do not show
  static constexpr float log2e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr float magic = 12582912.0f, limit = 87.0f;
  static constexpr int terms = 7, mantissa = 23, bias = 127;
};
template <> struct Kind<double> {
  typedef double Vec __attribute__((vector_size(VECTOR_BYTES)));
  typedef int64_t Int;
  typedef int64_t Ints __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr double even = 1e-13;
  static constexpr double log2e = 1.4426950408889634, ln2_high = 0.693145751953125,
                          ln2_low = 1.42860682030941723212e-6;
  static constexpr double magic = 6755399441055744.0, limit = 700.0;
  static constexpr int terms = 13, mantissa = 52, bias = 1023;
};

template <class T> using Vec = typename Kind<T>::Vec;
template <class T> using Ints = typename Kind<T>::Ints;
template <class T> constexpr int LANES = VECTOR_BYTES / int(sizeof(T));

template <class T> INLINE Vec<T> load(const T *from) {
  Vec<T> v;
  memcpy(&v, from, sizeof v);
  return v;
}
template <class T> INLINE void store(T *to, Vec<T> v) { memcpy(to, &v, sizeof v); }
template <class T> INLINE Vec<T> splat(T a) { return a - Vec<T>{}; }

template <class T> INLINE Vec<T> gather(const T *from, Ints<T> index) {
  typename Kind<T>::Int at[LANES<T>];
  T found[LANES<T>];
  memcpy(at, &index, sizeof at);
#pragma GCC ivdep
  for (int l = 0; l < LANES<T>; ++l) found[l] = from[at[l]];
  return load(found);
}

// Sums of every vector of a square of LANES vectors, by a tree that halves their number: lane s holds the sum of the
// s-th. The steps pick halves, quarters, ... of two vectors so that each step is two picks and one addition.
template <class T> INLINE Vec<T> pick(Vec<T> a, Vec<T> b, int step, int odd) {
  Ints<T> from = {};
#pragma GCC unroll 16
  for (int l = 0; l < LANES<T>; ++l) {
    const int half = l & step;  // this lane comes from b
    from[l] = (half ? LANES<T> : 0) + ((l & ~step) | (odd ? step : 0));
  }
  return __builtin_shuffle(a, b, from);
}
template <class T, int COUNT> struct Tree {
  INLINE Vec<T> sum(const T *square, int row) {
    const Vec<T> a = Tree<T, COUNT / 2>::sum(square, row), b = Tree<T, COUNT / 2>::sum(square, row + COUNT / 2);
    constexpr int step = COUNT / 2;
    return pick<T>(a, b, step, 0) + pick<T>(a, b, step, 1);
  }
};
template <class T> struct Tree<T, 1> {
  INLINE Vec<T> sum(const T *square, int row) { return load(square + row * LANES<T>); }
};

// A square of LANES vectors turned over, rows for columns.
template <class T> INLINE void turn(Vec<T> *square) {
  constexpr int L = LANES<T>;
#pragma GCC unroll 4
  for (int step = L / 2; step > 0; step /= 2)
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) {
      if (l & step) continue;
      const Vec<T> a = square[l], b = square[l + step];
      square[l] = pick<T>(a, b, step, 0), square[l + step] = pick<T>(a, b, step, 1);
    }
}

// to[c] = from[index + c] lane by lane, c < COUNT <= LANES: a vector is read for every lane and the square turned over.
// Faster than COUNT gathers; reads LANES numbers from each place.
template <class T, int COUNT> INLINE void gather_rows(const T *from, Ints<T> index, Vec<T> *to) {
  constexpr int L = LANES<T>;
  typename Kind<T>::Int at[L];
  memcpy(at, &index, sizeof at);
  Vec<T> square[L];
#pragma GCC unroll 16
  for (int l = 0; l < L; ++l) square[l] = load(from + at[l]);
  turn<T>(square);
#pragma GCC unroll 16
  for (int c = 0; c < COUNT; ++c) to[c] = square[c];
}

// to[c, r] = from[r, c], rows `stride` apart in each.
template <class T>
void transpose(const T *from, int64_t from_stride, T *to, int64_t to_stride, int rows, int columns) {
  constexpr int L = LANES<T>;
  const int full_rows = rows / L * L, full_columns = columns / L * L;
  for (int r = 0; r < full_rows; r += L)
    for (int c = 0; c < full_columns; c += L) {
      Vec<T> square[L];
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l) square[l] = load(from + (r + l) * from_stride + c);
      turn<T>(square);
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l) store(to + (c + l) * to_stride + r, square[l]);
    }
  for (int r = 0; r < rows; ++r)
    for (int c = r < full_rows ? full_columns : 0; c < columns; ++c) to[c * to_stride + r] = from[r * from_stride + c];
}

template <class I> INLINE bool any(I mask) {
  uint64_t word[sizeof(I) / 8], all = 0;
  memcpy(word, &mask, sizeof mask);
  for (unsigned k = 0; k < sizeof(I) / 8; ++k) all |= word[k];
  return all != 0;
}

// e^z by z = n ln 2 + r and a Taylor sum in r, by pairs of pairs because a chain of terms would wait for each other;
// n comes out of the low bits of z / ln 2 + magic.
constexpr double FACTORIAL[16] = {1,      1,       2,        6,         24,         120,         720,         5040,
                                  40320., 362880., 3628800., 39916800., 479001600., 6227020800., 87178291200.,
                                  1307674368000.};
template <class T> INLINE Vec<T> exponential(Vec<T> z) {
  using C = Kind<T>;
  z = z < -C::limit ? splat<T>(-C::limit) : (z > C::limit ? splat<T>(C::limit) : z);
  Vec<T> shifted = z * C::log2e + C::magic, n = shifted - C::magic;
  constexpr int PAIRS = C::terms < 8 ? 4 : 8;
  Vec<T> r = (z - n * C::ln2_high) - n * C::ln2_low, part[PAIRS], power = r;
#pragma GCC unroll 8
  for (int k = 0; k < PAIRS; ++k) {
    const T even = T(2 * k > C::terms ? 0 : 1 / FACTORIAL[2 * k]);
    const T odd = T(2 * k >= C::terms ? 0 : 1 / FACTORIAL[2 * k + 1]);
    part[k] = r * odd + even;
  }
#pragma GCC unroll 3
  for (int count = PAIRS / 2; count > 0; count /= 2) {
    power *= power;
#pragma GCC unroll 4
    for (int k = 0; k < count; ++k) part[k] = part[2 * k + 1] * power + part[2 * k];
  }
  const Vec<T> sum = part[0];
  Ints<T> bits, zero;
  Vec<T> magic = splat<T>(C::magic), scale;
  memcpy(&bits, &shifted, sizeof bits);
  memcpy(&zero, &magic, sizeof zero);
  bits = (bits - zero + typename C::Int(C::bias)) << C::mantissa;
  memcpy(&scale, &bits, sizeof scale);
  return sum * scale;
}

// Copies `width` numbers and fills up with zeros; short and of any length, which memcpy is slow at.
template <class T> INLINE void copy(T *to, const T *from, int width, int full) {
  int o = 0;
  for (; o + LANES<T> <= width; o += LANES<T>) store(to + o, load(from + o));
  for (; o < width; ++o) to[o] = from[o];
  for (; o < full; ++o) to[o] = T(0);
}

// Sizes in bytes rounded up to whole lines, and memory that starts at one.
constexpr int64_t line(int64_t bytes) { return (bytes + 63) / 64 * 64; }
inline char *reserve(int64_t bytes) { return (char *)aligned_alloc(64, line(bytes > 0 ? bytes : 1)); }

// Memory that a thread keeps from call to call and that goes with it; null where there is none. Asking the system
// for some in every call costs more than a small layer does.
struct Space {
  int64_t bytes;
  alignas(64) char at[1];
};
pthread_key_t space_key;
pthread_once_t space_once = PTHREAD_ONCE_INIT;
inline void make_space_key() { pthread_key_create(&space_key, free); }
inline char *workspace(int64_t bytes) {
  pthread_once(&space_once, make_space_key);
  Space *space = (Space *)pthread_getspecific(space_key);
  if (space == nullptr || space->bytes < bytes) {
    free(space);
    space = (Space *)reserve(bytes + sizeof(Space));
    if (space) space->bytes = bytes;
    pthread_setspecific(space_key, space);
  }
  return space ? space->at : nullptr;
}

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

}  // namespace

#endif
