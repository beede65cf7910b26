#if defined(__linux__)
#define _POSIX_C_SOURCE 200809L /* clock_gettime; elsewhere it would hide what sysctl needs */
#endif
#include "dispatch.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

/* The fastest first. */
static const struct {
    const Kernel *kernel;
    unsigned needed_features;
} CANDIDATES[] = {
#if defined(__x86_64__)
    {&kernel_avx512, CPU_AVX512F},
    {&kernel_avx2, CPU_AVX2},
    {&kernel_portable_bmi2, CPU_BMI2},
#elif defined(__aarch64__)
    {&kernel_neon_sha3, CPU_NEON | CPU_SHA3},
    {&kernel_neon, CPU_NEON},
#endif
    {&kernel_portable, 0},
};

#if defined(__APPLE__)
static bool darwin_has(const char *feature)
{
    int value = 0;
    size_t size = sizeof value;

    return sysctlbyname(feature, &value, &size, NULL, 0) == 0 && value != 0;
}
#endif

#if defined(__x86_64__)
/* Bits of CPUID leaf 1 ECX, of leaf 7 EBX, and of XCR0, the register states that the operating system saves. Source:
 * Intel's Software Developer's Manual, volume 1, chapters 13 to 15. */
enum {
    LEAF1_ECX_OSXSAVE = 1 << 27,
    LEAF7_EBX_BMI1 = 1 << 3,
    LEAF7_EBX_AVX2 = 1 << 5,
    LEAF7_EBX_BMI2 = 1 << 8,
    LEAF7_EBX_AVX512F = 1 << 16,
    XCR0_AVX = 0x06,    /* XMM and the upper halves of YMM */
    XCR0_AVX512 = 0xE6, /* those, the mask registers, the upper halves of ZMM, and ZMM16 to ZMM31 */
};

unsigned x86_features(uint32_t leaf1_ecx, uint32_t leaf7_ebx, uint64_t xcr0)
{
    const uint64_t saved = leaf1_ecx & LEAF1_ECX_OSXSAVE ? xcr0 : 0;
    unsigned features = 0;

    if ((leaf7_ebx & LEAF7_EBX_BMI1) && (leaf7_ebx & LEAF7_EBX_BMI2))
        features |= CPU_BMI2;
    if ((leaf7_ebx & LEAF7_EBX_AVX2) && (saved & XCR0_AVX) == XCR0_AVX)
        features |= CPU_AVX2;
    if ((leaf7_ebx & LEAF7_EBX_AVX512F) && (saved & XCR0_AVX512) == XCR0_AVX512)
        features |= CPU_AVX512F;
    return features;
}

static uint64_t read_xcr0(void)
{
    uint32_t low, high;

    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

unsigned cpu_features(void)
{
    uint32_t eax, ebx, ecx, edx, leaf1_ecx;
    uint64_t xcr0 = 0;

    if (!__get_cpuid(1, &eax, &ebx, &leaf1_ecx, &edx))
        return 0;
    if (leaf1_ecx & LEAF1_ECX_OSXSAVE)
        xcr0 = read_xcr0();
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
        ebx = 0;
#if defined(__APPLE__)
    /* Darwin sets these bits of XCR0 only once a thread has used the registers. */
    if (darwin_has("hw.optional.avx512f"))
        xcr0 |= XCR0_AVX512;
#endif
    return x86_features(leaf1_ecx, ebx, xcr0);
}
#elif defined(__aarch64__)
unsigned cpu_features(void)
{
    unsigned features = CPU_NEON; /* part of every ARMv8-A */

#if defined(__APPLE__)
    if (darwin_has("hw.optional.arm.FEAT_SHA3") || darwin_has("hw.optional.armv8_2_sha3"))
        features |= CPU_SHA3;
#elif defined(__linux__)
    enum { HWCAP_OF_SHA3 = 1 << 17 }; /* arm64's HWCAP_SHA3, which older headers lack */

    if (getauxval(AT_HWCAP) & HWCAP_OF_SHA3)
        features |= CPU_SHA3;
#endif
    return features;
}
#else
unsigned cpu_features(void)
{
    return 0;
}
#endif

static bool contains(const Kernel *const kernels[], unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(kernels[i]->name, name) == 0)
            return true;
    return false;
}

unsigned kernels_for(unsigned features, const Kernel *kernels[KERNELS_MAX])
{
    unsigned count = 0;

    for (size_t i = 0; i < sizeof CANDIDATES / sizeof *CANDIDATES; i++) {
        const bool runs = (CANDIDATES[i].needed_features & ~features) == 0;

        if (runs && !contains(kernels, count, CANDIDATES[i].kernel->name))
            kernels[count++] = CANDIDATES[i].kernel;
    }
    return count;
}

/* Seconds of CPU that a nonce takes: the least of some tiles, the first of which warms up. */
static double seconds_a_nonce(const Kernel *kernel)
{
    enum { TILES = 4 };
    static const Puzzle puzzle = {.index = 1};
    double least = 0;
    NonceSpan span;
    TileHits hits;

    puzzle_span(&puzzle, 0, &span);
    for (unsigned tile = 0; tile < TILES; tile++) {
        struct timespec begin, end;
        double seconds;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
        kernel->scan_tile(&span, tile * kernel->tile_nonces, ~UINT64_C(0), &hits);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
        if (tile == 0 || seconds < least)
            least = seconds;
    }
    return least / kernel->tile_nonces;
}

void kernels_sort_by_speed(const Kernel *kernels[], unsigned count)
{
    double seconds[KERNELS_MAX];

    for (unsigned i = 0; i < count; i++) {
        const Kernel *const kernel = kernels[i];
        const double its_seconds = seconds_a_nonce(kernel);
        unsigned place = i;

        for (; place > 0 && seconds[place - 1] > its_seconds; place--) {
            kernels[place] = kernels[place - 1];
            seconds[place] = seconds[place - 1];
        }
        kernels[place] = kernel;
        seconds[place] = its_seconds;
    }
}
