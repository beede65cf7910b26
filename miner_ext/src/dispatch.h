/* Which kernels a CPU can run. The only place that knows CPUs. */
#ifndef MINER_EXT_DISPATCH_H
#define MINER_EXT_DISPATCH_H

#include "kernel.h"

typedef enum {
    CPU_BMI2 = 1 << 0, /* BMI1 and BMI2: no CPU has only one of them */
    CPU_AVX2 = 1 << 1,
    CPU_AVX512F = 1 << 2,
    CPU_NEON = 1 << 3,
    CPU_SHA3 = 1 << 4, /* EOR3, RAX1, XAR and BCAX of ARMv8.2 */
} CpuFeature;

#define CPU_FEATURES_ALL (CPU_BMI2 | CPU_AVX2 | CPU_AVX512F | CPU_NEON | CPU_SHA3)
#define KERNELS_MAX 4

/* The features that this CPU has and this operating system keeps the registers of: a set of CpuFeature. */
unsigned cpu_features(void);

/* The kernels that a CPU with these features can run, the fastest first, and their number. Each name stands once:
 * where a kernel has several builds, for the best of them. */
unsigned kernels_for(unsigned features, const Kernel *kernels[KERNELS_MAX]);

#endif
