#include "known_kernels.h"

const KnownKernel KNOWN_KERNELS[] = {
#if defined(__x86_64__)
    {&kernel_avx512, CPU_AVX512F, true},
    {&kernel_avx512_twin, CPU_AVX512F, false},
    {&kernel_avx2, CPU_AVX2, true},
    {&kernel_portable_bmi2, CPU_BMI2, true},
#elif defined(__aarch64__)
    {&kernel_neon_sha3, CPU_NEON | CPU_SHA3, true},
    {&kernel_neon, CPU_NEON, true},
#endif
    {&kernel_portable, 0, true},
};

const unsigned KNOWN_KERNELS_COUNT = sizeof KNOWN_KERNELS / sizeof *KNOWN_KERNELS;

unsigned runnable_kernels(const Kernel *kernels[KNOWN_KERNELS_MAX])
{
    const unsigned features = cpu_features();
    unsigned count = 0;

    for (unsigned i = 0; i < KNOWN_KERNELS_COUNT; i++)
        if ((KNOWN_KERNELS[i].needed_features & ~features) == 0)
            kernels[count++] = KNOWN_KERNELS[i].kernel;
    return count;
}

const char *build_name(const Kernel *kernel)
{
#if defined(__x86_64__)
    if (kernel == &kernel_portable_bmi2)
        return "portable (BMI2)";
#endif
    return kernel->name;
}
