/* Which kernels a CPU gets. */
#include <string.h>

#include "checks.h"
#include "known_kernels.h"
#include "tests.h"
#include "truth.h"

#if defined(__x86_64__)
/* Written down a second time on purpose, as numbers of bits. Source: the Intel manual's volumes 1 (13.1) and 2
 * (CPUID). */
#define BIT(number) (UINT32_C(1) << (number))
#define OSXSAVE BIT(27)
#define BMI1 BIT(3)
#define AVX2 BIT(5)
#define BMI2 BIT(8)
#define AVX512F BIT(16)
#define HASWELL (BMI1 | AVX2 | BMI2)
#define SKYLAKE_X (HASWELL | AVX512F)
#define X87_SSE (BIT(0) | BIT(1))
#define X87_SSE_AVX (X87_SSE | BIT(2))
#define ALL_OF_AVX512 (X87_SSE_AVX | BIT(5) | BIT(6) | BIT(7))

static const struct {
    const char *cpu;
    uint32_t leaf1_ecx, leaf7_ebx;
    uint64_t xcr0;
    unsigned features;
} CPUS[] = {
    {"one with nothing", 0, 0, 0, 0},
    {"an old one, under a system that saves AVX", OSXSAVE, 0, X87_SSE_AVX, 0},
    {"Piledriver, BMI1 without BMI2", OSXSAVE, BMI1, X87_SSE_AVX, 0},
    {"BMI2 without BMI1", OSXSAVE, BMI2, X87_SSE_AVX, 0},
    {"Haswell", OSXSAVE, HASWELL, X87_SSE_AVX, CPU_BMI2 | CPU_AVX2},
    {"AVX2 without BMI", OSXSAVE, AVX2, X87_SSE_AVX, CPU_AVX2},
    {"Haswell, no OSXSAVE", 0, HASWELL, X87_SSE_AVX, CPU_BMI2},
    {"Haswell, only SSE saved", OSXSAVE, HASWELL, X87_SSE, CPU_BMI2},
    {"Haswell, YMM saved without XMM", OSXSAVE, HASWELL, BIT(0) | BIT(2), CPU_BMI2},
    {"Haswell, all of AVX-512 saved", OSXSAVE, HASWELL, ALL_OF_AVX512, CPU_BMI2 | CPU_AVX2},
    {"Skylake-X", OSXSAVE, SKYLAKE_X, ALL_OF_AVX512, CPU_BMI2 | CPU_AVX2 | CPU_AVX512F},
    {"Skylake-X with more states", ~UINT32_C(0), SKYLAKE_X, ~UINT64_C(0), CPU_BMI2 | CPU_AVX2 | CPU_AVX512F},
    {"Skylake-X, no OSXSAVE", ~OSXSAVE, SKYLAKE_X, ALL_OF_AVX512, CPU_BMI2},
    {"Skylake-X, no ZMM saved", OSXSAVE, SKYLAKE_X, X87_SSE_AVX, CPU_BMI2 | CPU_AVX2},
    {"Skylake-X, no masks saved", OSXSAVE, SKYLAKE_X, ALL_OF_AVX512 & ~BIT(5), CPU_BMI2 | CPU_AVX2},
    {"Skylake-X, no halves of ZMM saved", OSXSAVE, SKYLAKE_X, ALL_OF_AVX512 & ~BIT(6), CPU_BMI2 | CPU_AVX2},
    {"Skylake-X, no ZMM16 to 31 saved", OSXSAVE, SKYLAKE_X, ALL_OF_AVX512 & ~BIT(7), CPU_BMI2 | CPU_AVX2},
    {"Skylake-X, no YMM saved", OSXSAVE, SKYLAKE_X, ALL_OF_AVX512 & ~BIT(2), CPU_BMI2},
    {"Skylake-X, no XMM saved", OSXSAVE, SKYLAKE_X, ALL_OF_AVX512 & ~BIT(1), CPU_BMI2},
    {"AVX-512 without AVX2", OSXSAVE, AVX512F, ALL_OF_AVX512, CPU_AVX512F},
    {"all but these bits", OSXSAVE, ~SKYLAKE_X, ALL_OF_AVX512, 0},
};

static void test_features_of_cpus(void)
{
    group_begin("dispatch: features from CPUID and XCR0");
    for (unsigned i = 0; i < sizeof CPUS / sizeof *CPUS; i++) {
        const unsigned features = x86_features(CPUS[i].leaf1_ecx, CPUS[i].leaf7_ebx, CPUS[i].xcr0);

        check(features == CPUS[i].features, "%s: features %#x, expected %#x", CPUS[i].cpu, features, CPUS[i].features);
    }
    group_end();
}
#endif

/* Kernels of a speed that is known, though they find nothing. */
static volatile unsigned turns;

static void turn(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        turns = turns + 1;
}

static void scan_slowly(const NonceSpan *span, uint32_t tile_low, uint64_t zero_mask, TileHits *hits)
{
    (void)span, (void)tile_low, (void)zero_mask;
    hits->count = 0;
    turn(1000000);
}

static void scan_quickly(const NonceSpan *span, uint32_t tile_low, uint64_t zero_mask, TileHits *hits)
{
    (void)span, (void)tile_low, (void)zero_mask;
    hits->count = 0;
    turn(10000);
}

static void test_order_of_speed(void)
{
    /* The wide one needs as long for a tile as the slow one, and so an eighth as long for a nonce. */
    static const Kernel slow = {"slow", 1024, scan_slowly, NULL}, wide = {"wide", 8192, scan_slowly, NULL};
    static const Kernel quick = {"quick", 1024, scan_quickly, NULL};
    const Kernel *kernels[] = {&slow, &quick, &wide};
    const Kernel *alone[] = {&slow};

    group_begin("dispatch: kernels in the order of their speed");
    kernels_sort_by_speed(kernels, 3);
    check(kernels[0] == &quick && kernels[1] == &wide && kernels[2] == &slow, "it is %s, %s, %s", kernels[0]->name,
          kernels[1]->name, kernels[2]->name);
    kernels_sort_by_speed(alone, 1);
    check(alone[0] == &slow, "one alone is %s", alone[0]->name);
    kernels_sort_by_speed(NULL, 0);
    group_end();
}

static const KnownKernel *find_known(const Kernel *kernel)
{
    for (unsigned i = 0; i < KNOWN_KERNELS_COUNT; i++)
        if (KNOWN_KERNELS[i].kernel == kernel)
            return &KNOWN_KERNELS[i];
    return NULL;
}

/* The first build with this name that a CPU with these features can run. */
static const Kernel *best_build(const char *name, unsigned features)
{
    for (unsigned i = 0; i < KNOWN_KERNELS_COUNT; i++) {
        const KnownKernel *const known = &KNOWN_KERNELS[i];

        if (known->dispatched && (known->needed_features & ~features) == 0 && strcmp(known->kernel->name, name) == 0)
            return known->kernel;
    }
    return NULL;
}

static void check_choice(unsigned features)
{
    const Kernel *kernels[KERNELS_MAX];
    const unsigned count = kernels_for(features, kernels);
    unsigned names_expected = 0;

    if (!check(count > 0 && count <= KERNELS_MAX, "features %#x: %u kernels", features, count))
        return;
    check(kernels[count - 1] == best_build("portable", features), "features %#x: the portable kernel is last",
          features);
    for (unsigned i = 0; i < count; i++) {
        const KnownKernel *const known = find_known(kernels[i]);

        if (!check(known != NULL && known->dispatched, "features %#x: %s is for CPUs", features, kernels[i]->name))
            continue;
        check((known->needed_features & ~features) == 0, "features %#x: %s runs", features, kernels[i]->name);
        check(i == 0 || known > find_known(kernels[i - 1]), "features %#x: %s stands behind faster ones", features,
              kernels[i]->name);
        for (unsigned other = 0; other < i; other++)
            check(strcmp(kernels[other]->name, kernels[i]->name) != 0, "features %#x: %s stands once", features,
                  kernels[i]->name);
    }
    for (unsigned i = 0; i < KNOWN_KERNELS_COUNT; i++)
        names_expected += best_build(KNOWN_KERNELS[i].kernel->name, features) == KNOWN_KERNELS[i].kernel;
    check(count == names_expected, "features %#x: %u kernels of %u", features, count, names_expected);
}

static void test_all_subsets(void)
{
    group_begin("dispatch: every set of features");
    for (unsigned features = 0; features <= CPU_FEATURES_ALL; features++)
        check_choice(features);
    group_end();
}

static void check_agreement(const Kernel *kernel, const Truth *truth, unsigned features)
{
    enum { HASHES = 9 };
    uint8_t messages[HASHES][PUZZLE_MESSAGE_BYTES], digests[HASHES][KECCAK_DIGEST_BYTES];
    SearchProgress result;
    Search *search;

    for (unsigned i = 0; i < HASHES; i++)
        puzzle_message(truth->puzzle, truth->nonce_from + i, messages[i]);
    kernel->hash_many((const uint8_t(*)[PUZZLE_MESSAGE_BYTES])messages, HASHES, digests);
    for (unsigned i = 0; i < HASHES; i++)
        check(keccak_load_lane(digests[i]) == truth->first_lanes[i], "features %#x: %s hashes", features, kernel->name);

    search = search_new(kernel, truth->puzzle, truth->nonce_from, truth->count, 2, SEARCH_NO_TARGET);
    if (!check(search != NULL && search_begin(search) && search_run(search) == 0, "the search runs"))
        return;
    search_progress(search, &result);
    search_free(search);
    check(result.hashes == truth->count && truth_objection(truth, 0, truth->count, SEARCH_NO_TARGET, &result) == NULL,
          "features %#x: %s searches", features, kernel->name);
}

/* All that this CPU can run, also what it gets when the better kernels are out. */
static void test_own_subsets(void)
{
    const unsigned own = cpu_features();
    Random source = {SEED + 3};
    Puzzle puzzle;
    Truth truth;

    group_begin("dispatch: every set of this CPU's features");
    check((own & ~(unsigned)CPU_FEATURES_ALL) == 0, "features %#x are known", own);
    random_puzzle(&source, &puzzle);
    truth_new(&truth, &puzzle, random_u64(&source) >> 1, 2 * TILE_NONCES_MAX + 77);
    for (unsigned features = 0; features <= own; features++) {
        const Kernel *kernels[KERNELS_MAX];
        unsigned count;

        if ((features & ~own) != 0)
            continue;
        count = kernels_for(features, kernels);
        for (unsigned i = 0; i < count; i++)
            check_agreement(kernels[i], &truth, features);
    }
    truth_free(&truth);
    group_end();
}

void test_dispatch(void)
{
    test_order_of_speed();
#if defined(__x86_64__)
    test_features_of_cpus();
#endif
    test_all_subsets();
    test_own_subsets();
}
