/* Every build of every kernel that this machine can run, against the truth. */
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "known_kernels.h"
#include "tests.h"
#include "truth.h"

enum {
    WIDTH_MAX = 8,
    HASHES_MAX = 3 * WIDTH_MAX + 1,
    ZEROS_TRIED = 5, /* 0 to 4: such nonces are common enough in a tile */
    SINGLES_TRIED = 4,
    GUARD = 0xA5,
};

static void check_hash_many(const Kernel *kernel, Random *source, size_t count, size_t misaligned)
{
    /* From malloc and of the exact size, so that a sanitizer sees any access beyond. */
    const size_t message_bytes = count * PUZZLE_MESSAGE_BYTES, digest_bytes = count * KECCAK_DIGEST_BYTES;
    uint8_t *const message_memory = allocate(misaligned + message_bytes);
    uint8_t *const digest_memory = allocate(misaligned + digest_bytes + 1);
    uint8_t *const messages = message_memory + misaligned, *const digests = digest_memory + misaligned;

    random_bytes(source, messages, message_bytes);
    memset(digest_memory, GUARD, misaligned + digest_bytes + 1);
    kernel->hash_many((const uint8_t(*)[PUZZLE_MESSAGE_BYTES])messages, count,
                      (uint8_t(*)[KECCAK_DIGEST_BYTES])digests);
    for (size_t i = 0; i < count; i++) {
        uint8_t expected[KECCAK_DIGEST_BYTES];

        keccak256(messages + i * PUZZLE_MESSAGE_BYTES, PUZZLE_MESSAGE_BYTES, expected);
        check(memcmp(digests + i * KECCAK_DIGEST_BYTES, expected, sizeof expected) == 0, "%s: message %zu of %zu",
              build_name(kernel), i, count);
    }
    check(digests[digest_bytes] == GUARD, "%s: writes behind %zu digests", build_name(kernel), count);
    free(message_memory);
    free(digest_memory);
}

static void test_hash_many(const Kernel *const kernels[], unsigned kernel_count, unsigned percent)
{
    const unsigned rounds = 1 + percent / 10;
    Random source = {SEED};

    group_begin("kernels: hash_many");
    for (unsigned k = 0; k < kernel_count; k++)
        for (unsigned round = 0; round < rounds; round++)
            for (size_t count = 0; count <= HASHES_MAX; count++)
                check_hash_many(kernels[k], &source, count, round % 9);
    group_end();
}

/* Scan the tiles that `truth` covers; `expected` says of each of its nonces whether it must be found. */
static void check_tiles(const Kernel *kernel, const Truth *truth, uint64_t mask, const bool expected[])
{
    TileHits *const hits = allocate(sizeof *hits);
    NonceSpan span;

    puzzle_span(truth->puzzle, (uint32_t)(truth->nonce_from >> 32), &span);
    for (size_t tile = 0; tile < truth->count; tile += kernel->tile_nonces) {
        uint8_t times_found[TILE_NONCES_MAX] = {0};
        const char *wrong = NULL;

        memset(hits, GUARD, sizeof *hits);
        kernel->scan_tile(&span, (uint32_t)(truth->nonce_from + tile), mask, hits);
        if (hits->count > kernel->tile_nonces)
            wrong = "more hits than nonces";
        for (unsigned i = 0; wrong == NULL && i < hits->count; i++) {
            if (hits->offsets[i] >= kernel->tile_nonces)
                wrong = "a hit outside the tile";
            else if (times_found[hits->offsets[i]]++ > 0)
                wrong = "a nonce found twice";
        }
        for (unsigned i = 0; wrong == NULL && i < kernel->tile_nonces; i++)
            if (times_found[i] != expected[tile + i])
                wrong = expected[tile + i] ? "a nonce not found" : "a nonce found that has no such zeros";
        check(wrong == NULL, "%s: tile at %#llx, mask %#llx: %s", build_name(kernel),
              (unsigned long long)(truth->nonce_from + tile), (unsigned long long)mask, wrong == NULL ? "" : wrong);
    }
    free(hits);
}

static void check_zeros(const Kernel *kernel, const Truth *truth, unsigned zeros)
{
    bool expected[TILE_NONCES_MAX];

    for (size_t i = 0; i < truth->count; i++)
        expected[i] = truth->zeros[i] >= zeros;
    check_tiles(kernel, truth, puzzle_zero_mask(zeros), expected);
}

/* kernel.h promises any mask, not only those of zeros at the start. */
static void check_mask(const Kernel *kernel, const Truth *truth, uint64_t mask)
{
    bool expected[TILE_NONCES_MAX];

    for (size_t i = 0; i < truth->count; i++)
        expected[i] = (truth->first_lanes[i] & mask) == 0;
    check_tiles(kernel, truth, mask, expected);
}

/* All bits must be 0 that are 0 in this nonce's lane: some 32, wherever they are, and one wrong bit would lose it. */
static void check_single(const Kernel *kernel, const Truth *truth, size_t place)
{
    check_mask(kernel, truth, ~truth->first_lanes[place]);
}

static uint64_t sparse_mask(Random *source)
{
    uint64_t mask = 0;

    for (uint64_t bits = 1 + random_below(source, 10); bits > 0; bits--)
        mask |= UINT64_C(1) << random_below(source, 64);
    return mask;
}

/* The first nonce of as many as the largest tile has: the span's first, its last, or any; in any span. */
static uint64_t tiles_at(Random *source, unsigned which)
{
    const uint64_t spans[] = {0, UINT32_MAX, random_below(source, UINT32_MAX)};
    const uint64_t lows[] = {0, UINT64_C(0x100000000) - TILE_NONCES_MAX,
                             random_below(source, UINT64_C(0x100000000) / TILE_NONCES_MAX) * TILE_NONCES_MAX};

    return spans[which / 3 % 3] << 32 | lows[which % 3];
}

static void test_scan_tile(const Kernel *const kernels[], unsigned kernel_count, unsigned percent)
{
    const unsigned cases = 9 + 27 * percent / 100;
    Random source = {SEED + 1};

    group_begin("kernels: scan_tile");
    for (unsigned which = 0; which < cases; which++) {
        const uint64_t mask = sparse_mask(&source);
        const unsigned many_zeros = (unsigned)random_below(&source, PUZZLE_MOST_ZEROS + 1);
        size_t singles[SINGLES_TRIED];
        Puzzle puzzle;
        Truth truth;

        for (unsigned i = 0; i < SINGLES_TRIED; i++)
            singles[i] = (size_t)random_below(&source, TILE_NONCES_MAX);
        random_puzzle(&source, &puzzle);
        truth_new(&truth, &puzzle, tiles_at(&source, which), TILE_NONCES_MAX);
        for (unsigned k = 0; k < kernel_count; k++) {
            for (unsigned zeros = 0; zeros < ZEROS_TRIED; zeros++)
                check_zeros(kernels[k], &truth, zeros);
            check_zeros(kernels[k], &truth, many_zeros);
            check_mask(kernels[k], &truth, mask);
            for (unsigned i = 0; i < SINGLES_TRIED; i++)
                check_single(kernels[k], &truth, singles[i]);
        }
        truth_free(&truth);
    }
    group_end();
}

/* A mask for each bit: together they show the whole lane of each nonce. */
static void test_whole_lane(const Kernel *const kernels[], unsigned kernel_count, unsigned percent)
{
    const unsigned step = percent < 100 ? 5 : 1;
    Random source = {SEED + 2};
    Puzzle puzzle;
    Truth truth;

    group_begin("kernels: each bit of the lane of a tile");
    random_puzzle(&source, &puzzle);
    truth_new(&truth, &puzzle, tiles_at(&source, 8), TILE_NONCES_MAX);
    for (unsigned k = 0; k < kernel_count; k++)
        for (unsigned bit = 0; bit < 64; bit += step)
            check_mask(kernels[k], &truth, UINT64_C(1) << bit);
    truth_free(&truth);
    group_end();
}

static void test_kale_tile(const Kernel *const kernels[], unsigned kernel_count)
{
    Truth truth;

    group_begin("kernels: the nonce that KALE accepted");
    truth_new(&truth, &KALE_PUZZLE, KALE_SOLUTION.nonce / TILE_NONCES_MAX * TILE_NONCES_MAX, TILE_NONCES_MAX);
    check(truth.zeros[KALE_SOLUTION.nonce - truth.nonce_from] == KALE_SOLUTION.zeros, "it has 8 zeros");
    for (unsigned k = 0; k < kernel_count; k++)
        for (unsigned zeros = KALE_SOLUTION.zeros - 1; zeros <= KALE_SOLUTION.zeros + 1; zeros++)
            check_zeros(kernels[k], &truth, zeros);
    truth_free(&truth);
    group_end();
}

static void test_shapes(const Kernel *const kernels[], unsigned kernel_count)
{
    group_begin("kernels: size of a tile");
    for (unsigned k = 0; k < kernel_count; k++) {
        const unsigned nonces = kernels[k]->tile_nonces;

        check(nonces > 0 && nonces <= TILE_NONCES_MAX && (nonces & (nonces - 1)) == 0, "%s: %u nonces",
              build_name(kernels[k]), nonces);
    }
    group_end();
}

void test_kernels(unsigned percent)
{
    const Kernel *kernels[KNOWN_KERNELS_MAX];
    const unsigned kernel_count = runnable_kernels(kernels);

    test_shapes(kernels, kernel_count);
    test_hash_many(kernels, kernel_count, percent);
    test_scan_tile(kernels, kernel_count, percent);
    test_whole_lane(kernels, kernel_count, percent);
    test_kale_tile(kernels, kernel_count);
}
