/* What tests compare with: every nonce hashed by itself, by puzzle_solve, and the best picked in a plain loop. */
#ifndef TESTS_TRUTH_H
#define TESTS_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "puzzle.h"
#include "search.h"

/* A source of random numbers (SplitMix64), the same in every run. */
typedef struct {
    uint64_t state;
} Random;

uint64_t random_u64(Random *source);
uint64_t random_below(Random *source, uint64_t limit);
void random_bytes(Random *source, uint8_t *bytes, size_t size);
void random_puzzle(Random *source, Puzzle *puzzle);

/* KALE block 37 and a nonce that the chain accepted for it. */
extern const Puzzle KALE_PUZZLE;
extern const Solution KALE_SOLUTION;

typedef struct {
    const Puzzle *puzzle;
    uint64_t nonce_from;
    size_t count;
    uint64_t *first_lanes; /* of each digest */
    uint8_t *zeros;
} Truth;

/* Hashes `count` nonces; truth_free ends it. `puzzle` must live as long. */
void truth_new(Truth *truth, const Puzzle *puzzle, uint64_t nonce_from, size_t count);
void truth_free(Truth *truth);

/* The place, from nonce_from on, of the answer to a search of `count` nonces at `start`: the first with at least
 * target_zeros, if not the first with the most. `count` is at least 1. */
size_t truth_best(const Truth *truth, size_t start, size_t count, unsigned target_zeros);

/* NULL, or what is wrong with the result of a search of `count` nonces at `start`, however far it came. */
const char *truth_objection(const Truth *truth, size_t start, size_t count, unsigned target_zeros,
                            const SearchProgress *result);

bool same_solution(const Solution *a, const Solution *b);

/* malloc that ends the program when there is no memory. */
void *allocate(size_t size);

#endif
