/* The search engine: one range of nonces of one puzzle, by as many threads as asked for, until it is done, has found
 * what it was to find, or is told to stop. All functions may be called from any thread. */
#ifndef MINER_EXT_SEARCH_H
#define MINER_EXT_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel.h"
#include "puzzle.h"

#define SEARCH_MAX_THREADS 1024
#define SEARCH_NO_TARGET (PUZZLE_MOST_ZEROS + 1)

typedef struct Search Search;

typedef struct {
    uint64_t hashes; /* hashes done */
    bool found;      /* whether `best` holds a solution: false only before the first tile is done */
    Solution best;   /* the lowest nonce among those with the most zeros, more than the target being no better */
} SearchProgress;

/* The range is nonce_from, nonce_from + 1, …, nonce_count of them, none beyond 2^64 - 1; 1 to SEARCH_MAX_THREADS
 * threads: the caller checks both. The search ends early, with the lowest nonce of at least target_zeros, when there is
 * one. NULL when out of memory. */
Search *search_new(const Kernel *kernel, const Puzzle *puzzle, uint64_t nonce_from, uint64_t nonce_count,
                   unsigned threads, unsigned target_zeros);

/* Only when no other thread is in a function of this search. */
void search_free(Search *search);

/* Take the one run that a search has: false when another call took it before. */
bool search_begin(Search *search);

/* Search until the range is done, the target is reached or search_stop is called; the calling thread is one of the
 * threads. The nonces searched are exactly the first `hashes` of the range. Returns 0, or an errno when a thread could
 * not be started (nothing runs then). Needs search_begin. */
int search_run(Search *search);

/* End the run, also one that has not begun yet, within a tile. */
void search_stop(Search *search);

void search_progress(Search *search, SearchProgress *progress);

#endif
