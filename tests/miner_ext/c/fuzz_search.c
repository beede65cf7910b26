/* Fuzzing: the bytes of an input choose a kernel, a puzzle, a small range, threads and a target, and claims to verify.
 * What comes out is compared with plain hashing; sanitizers watch the memory.
 *
 * An input is read from its front, and is zeros where it ends, so that short inputs say much:
 *
 *     kernel 1 | threads 1 | target 1 | size class 1 | size 2 | place 1 | nonce 8 | claims 1 | index 4 | entropy 32 |
 *     farmer key 32 | nonces of claims 8 each */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "known_kernels.h"
#include "truth.h"

enum { THREADS_MAX = 3, CLAIMS_MAX = 40 };

typedef struct {
    const uint8_t *bytes;
    size_t left;
} Input;

static uint64_t take(Input *input, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | (input->left > 0 ? *input->bytes : 0);
        if (input->left > 0)
            input->bytes++, input->left--;
    }
    return value;
}

static void take_bytes(Input *input, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)take(input, 1);
}

static void demand(bool right, const Kernel *kernel, const char *what)
{
    if (right)
        return;
    fprintf(stderr, "fuzz_search: %s: %s\n", build_name(kernel), what);
    abort();
}

/* Mostly one that a small range may reach. */
static unsigned take_target(Input *input)
{
    const unsigned target_zeros = (unsigned)take(input, 1);

    return target_zeros < 200 ? target_zeros % 6 : target_zeros % (SEARCH_NO_TARGET + 1);
}

/* Most ranges are shorter than a tile, and so hashed one by one; some hold a tile, or two where they are small. */
static size_t take_count(Input *input)
{
    const size_t most[] = {80, 80, 700, TILE_NONCES_MAX + 1200};
    const size_t size_class = (size_t)take(input, 1) % (sizeof most / sizeof *most);

    return (size_t)take(input, 2) % most[size_class];
}

/* Anywhere, or around one of the places where nonces are special. */
static uint64_t take_nonce_from(Input *input, size_t count)
{
    const unsigned place = (unsigned)take(input, 1) % 4;
    const uint64_t nonce = take(input, 8), last = (uint64_t)0 - count;

    switch (place) {
    case 0:
        return nonce % 10000;
    case 1:
        return (nonce >> 32 << 32) - (nonce & 0x3FFF) > last ? last : (nonce >> 32 << 32) - (nonce & 0x3FFF);
    case 2:
        return count == 0 ? nonce : last - nonce % 10000;
    default:
        return count > 0 && nonce > last ? last : nonce;
    }
}

static void fuzz_range(const Kernel *kernel, const Puzzle *puzzle, uint64_t nonce_from, size_t count, unsigned threads,
                       unsigned target_zeros)
{
    Search *const search = search_new(kernel, puzzle, nonce_from, count, threads, target_zeros);
    SearchProgress result;
    const char *objection;
    Truth truth;

    demand(search != NULL && search_begin(search) && search_run(search) == 0, kernel, "the search does not run");
    search_progress(search, &result);
    search_free(search);
    truth_new(&truth, puzzle, nonce_from, count);
    objection = truth_objection(&truth, 0, count, target_zeros, &result);
    demand(objection == NULL, kernel, objection);
    demand(result.hashes == count || (result.found && result.best.zeros >= target_zeros), kernel, "ended early");
    truth_free(&truth);
}

static void fuzz_claims(Input *input, const Kernel *kernel, Puzzle *puzzle, size_t count)
{
    uint8_t(*const messages)[PUZZLE_MESSAGE_BYTES] = allocate(count * sizeof *messages);
    uint8_t(*const digests)[KECCAK_DIGEST_BYTES] = allocate(count * sizeof *digests);
    Solution *const solutions = allocate(count * sizeof *solutions);

    for (size_t i = 0; i < count; i++, puzzle->index++) {
        const uint64_t nonce = take(input, 8);

        puzzle_message(puzzle, nonce, messages[i]);
        puzzle_solve(puzzle, nonce, &solutions[i]);
    }
    kernel->hash_many((const uint8_t(*)[PUZZLE_MESSAGE_BYTES])messages, count, digests);
    for (size_t i = 0; i < count; i++)
        demand(memcmp(digests[i], solutions[i].hash, sizeof *digests) == 0, kernel, "a wrong hash of a claim");
    free(messages);
    free(digests);
    free(solutions);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    Input input = {bytes, size};
    const Kernel *kernels[KNOWN_KERNELS_MAX];
    const unsigned kernel_count = runnable_kernels(kernels);
    const Kernel *const kernel = kernels[take(&input, 1) % kernel_count];
    const unsigned threads = 1 + (unsigned)take(&input, 1) % THREADS_MAX;
    const unsigned target_zeros = take_target(&input);
    const size_t count = take_count(&input);
    const uint64_t nonce_from = take_nonce_from(&input, count);
    const size_t claims = (size_t)take(&input, 1) % (CLAIMS_MAX + 1);
    Puzzle puzzle;

    puzzle.index = (uint32_t)take(&input, 4);
    take_bytes(&input, puzzle.entropy, sizeof puzzle.entropy);
    take_bytes(&input, puzzle.farmer_key, sizeof puzzle.farmer_key);
    fuzz_range(kernel, &puzzle, nonce_from, count, threads, target_zeros);
    fuzz_claims(&input, kernel, &puzzle, claims);
    return 0;
}
