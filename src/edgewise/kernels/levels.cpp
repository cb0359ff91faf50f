// Which of the compiled instruction sets this processor can run: 3 x86-64-v4, 2 x86-64-v3, 1 plain.
extern "C" __attribute__((visibility("default"))) int edgewise_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return v4 ? 3 : (v3 ? 2 : 1);
#else
  return 1;
#endif
}
