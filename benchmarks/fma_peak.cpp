// Multiply-adds that nothing holds up: twelve independent chains in registers of the widest kind this machine has.

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif

typedef float Vec __attribute__((vector_size(BYTES)));

// Runs `steps` rounds on numbers[0] and numbers[1], leaves a result in numbers[2] and returns the operations done.
extern "C" double fma_loop(long steps, float *numbers) {
  Vec sum[12];
  const Vec factor = Vec{} + numbers[0], addend = Vec{} + numbers[1];
  for (int k = 0; k < 12; ++k) sum[k] = Vec{} + float(k);
  for (long s = 0; s < steps; ++s)
#pragma GCC unroll 12
    for (int k = 0; k < 12; ++k) sum[k] = sum[k] * factor + addend;
  for (int k = 1; k < 12; ++k) sum[0] += sum[k];
  for (int lane = 0; lane < BYTES / 4; ++lane) numbers[2] += sum[0][lane];
  return 2.0 * 12 * (BYTES / 4) * double(steps);
}
