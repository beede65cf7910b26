/* Which kernels a CPU can run. The only place that knows CPUs. */
#ifndef MINER_EXT_DISPATCH_H
#define MINER_EXT_DISPATCH_H

#include "kernel.h"

enum {
    CPU_BMI2 = 1 << 0, /* BMI1 and BMI2, which are used together */
    CPU_AVX2 = 1 << 1,
    CPU_AVX512F = 1 << 2,
    CPU_NEON = 1 << 3,
    CPU_SHA3 = 1 << 4, /* EOR3, RAX1, XAR and BCAX of ARMv8.2 */
};

#define CPU_FEATURES_ALL (CPU_BMI2 | CPU_AVX2 | CPU_AVX512F | CPU_NEON | CPU_SHA3)
#define KERNELS_MAX 4

/* Whether the order of kernels_for is that of their speed on every CPU. On arm64 it is not: there are cores on which two
 * states in vectors, also with the SHA-3 instructions, are slower than one in integer registers. Then it must be
 * measured. */
#if defined(__aarch64__)
#define KERNELS_NEED_MEASURING 1
#else
#define KERNELS_NEED_MEASURING 0
#endif

/* The features that this CPU has and this operating system keeps the registers of: a set of CPU_…. */
unsigned cpu_features(void);

#if defined(__x86_64__)
/* The same from CPUID leaf 1 ECX, leaf 7 EBX (0 where there is no such leaf) and XCR0, which counts only where the CPU
 * says that there is one. */
unsigned x86_features(uint32_t leaf1_ecx, uint32_t leaf7_ebx, uint64_t xcr0);
#endif

/* The kernels that a CPU with these features can run, the fastest first, and their number. Each name stands once:
 * where a kernel has several builds, for the best of them. */
unsigned kernels_for(unsigned features, const Kernel *kernels[KERNELS_MAX]);

/* Put them into the order of their speed on this CPU, by searching a few tiles with each: some milliseconds. */
void kernels_sort_by_speed(const Kernel *kernels[], unsigned count);

#endif
