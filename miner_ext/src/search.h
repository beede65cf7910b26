/* The search engine: one range of nonces of one puzzle, by as many threads as asked for, until it is done or told to
 * stop. All functions may be called from any thread. */
#ifndef MINER_EXT_SEARCH_H
#define MINER_EXT_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel.h"
#include "puzzle.h"

#define SEARCH_MAX_THREADS 1024

typedef struct Search Search;

typedef struct {
    uint64_t hashes; /* hashes done */
    bool found;      /* whether `best` holds a solution: false only before the first chunk is done */
    Solution best;   /* the lowest nonce among those with the most zeros */
} SearchProgress;

/* The range is nonce_from, nonce_from + 1, …, nonce_count of them, none beyond 2^64 - 1; 1 to SEARCH_MAX_THREADS
 * threads: the caller checks both. NULL when out of memory. */
Search *search_new(const Kernel *kernel, const Puzzle *puzzle, uint64_t nonce_from, uint64_t nonce_count,
                   unsigned threads);

/* Only when no other thread is in a function of this search. */
void search_free(Search *search);

/* Take the one run that a search has: false when another call took it before. */
bool search_begin(Search *search);

/* Search until the range is done or search_stop is called; the calling thread is one of the threads. After a stop
 * the nonces searched are exactly the first `hashes` of the range. Returns 0, or an errno when a thread could not be
 * started (nothing runs then). Needs search_begin. */
int search_run(Search *search);

/* End the run, also one that has not begun yet, within a few milliseconds. */
void search_stop(Search *search);

void search_progress(Search *search, SearchProgress *progress);

#endif
