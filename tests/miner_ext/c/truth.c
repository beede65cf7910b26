#include "truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const Puzzle KALE_PUZZLE = {
    .index = 37,
    .entropy = {0x00, 0x00, 0x00, 0x00, 0x09, 0xfa, 0xeb, 0x2f, 0xf8, 0xdc, 0x93, 0xfb, 0x33, 0x4d, 0xab, 0xc1,
                0x39, 0x8e, 0x35, 0x9a, 0x16, 0x3a, 0x6b, 0xb5, 0x38, 0xf6, 0x33, 0xfd, 0xb9, 0xb3, 0x27, 0xca},
    /* GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE */
    .farmer_key = {0x60, 0x79, 0xc3, 0xed, 0x9c, 0x94, 0x7a, 0xce, 0x55, 0x67, 0x88, 0x7a, 0x3b, 0x73, 0xa7, 0x1f,
                   0xc0, 0xab, 0x53, 0x00, 0x10, 0x8d, 0x76, 0xba, 0x9c, 0xf5, 0x0f, 0x3a, 0xd7, 0xa2, 0x6c, 0x45},
};

const Solution KALE_SOLUTION = {
    .nonce = UINT64_C(20495217910),
    .zeros = 8,
    .hash = {0x00, 0x00, 0x00, 0x00, 0x99, 0xbe, 0x00, 0x37, 0xe5, 0xa4, 0x83, 0x24, 0x95, 0x9c, 0xb9, 0xdd,
             0x10, 0x96, 0x5a, 0xe5, 0x95, 0x11, 0xcf, 0xd1, 0x99, 0x6f, 0x9b, 0x91, 0x7a, 0xad, 0x99, 0x80},
};

uint64_t random_u64(Random *source)
{
    uint64_t mixed = source->state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

uint64_t random_below(Random *source, uint64_t limit)
{
    return random_u64(source) % limit;
}

void random_bytes(Random *source, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_u64(source);
}

void random_puzzle(Random *source, Puzzle *puzzle)
{
    puzzle->index = (uint32_t)random_u64(source);
    random_bytes(source, puzzle->entropy, PUZZLE_KEY_BYTES);
    random_bytes(source, puzzle->farmer_key, PUZZLE_KEY_BYTES);
}

void *allocate(size_t size)
{
    void *const memory = malloc(size);

    if (memory == NULL && size > 0) {
        fprintf(stderr, "out of memory\n");
        abort();
    }
    return memory;
}

void truth_new(Truth *truth, const Puzzle *puzzle, uint64_t nonce_from, size_t count)
{
    truth->puzzle = puzzle;
    truth->nonce_from = nonce_from;
    truth->count = count;
    truth->first_lanes = allocate(count * sizeof *truth->first_lanes);
    truth->zeros = allocate(count * sizeof *truth->zeros);
    for (size_t i = 0; i < count; i++) {
        Solution solution;

        puzzle_solve(puzzle, nonce_from + i, &solution);
        truth->first_lanes[i] = keccak_load_lane(solution.hash);
        truth->zeros[i] = (uint8_t)solution.zeros;
    }
}

void truth_free(Truth *truth)
{
    free(truth->first_lanes);
    free(truth->zeros);
}

size_t truth_best(const Truth *truth, size_t start, size_t count, unsigned target_zeros)
{
    size_t best = start;

    for (size_t i = start; i < start + count; i++) {
        if (truth->zeros[i] >= target_zeros)
            return i;
        if (truth->zeros[i] > truth->zeros[best])
            best = i;
    }
    return best;
}

bool same_solution(const Solution *a, const Solution *b)
{
    return a->nonce == b->nonce && a->zeros == b->zeros && memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

const char *truth_objection(const Truth *truth, size_t start, size_t count, unsigned target_zeros,
                            const SearchProgress *result)
{
    Solution best;
    size_t at;

    if (result->hashes > count)
        return "more hashes than nonces";
    if (result->found != (result->hashes > 0))
        return "an answer without hashes, or hashes without an answer";
    if (!result->found)
        return NULL;
    at = truth_best(truth, start, (size_t)result->hashes, target_zeros);
    puzzle_solve(truth->puzzle, truth->nonce_from + at, &best);
    if (result->best.nonce != best.nonce)
        return "another nonce than the best of those searched";
    if (!same_solution(&result->best, &best))
        return "the best nonce with a wrong hash";
    return NULL;
}
