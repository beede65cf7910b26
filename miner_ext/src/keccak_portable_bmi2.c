/* The portable kernel for x86-64 with BMI1 and BMI2 (Haswell, Zen and newer): "and not" in one instruction and
 * rotations into another register make it a third faster. */
#if defined(__x86_64__)
#define KERNEL kernel_portable_bmi2
#define KERNEL_TARGET __attribute__((target("bmi,bmi2")))
#include "keccak_portable.c"
#else
typedef int no_kernel_for_this_machine;
#endif
