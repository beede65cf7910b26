#include "search.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Nonces that a thread takes at a time: the stop flag is read and the hashes are counted once a chunk. About 1.5 ms
 * for the portable kernel, so that a stop is quick, and long enough that sharing costs nothing. */
#define CHUNK_NONCES UINT64_C(4096)

#define SPAN_NONCES (UINT64_C(1) << 32)

struct Search {
    const Kernel *kernel;
    Puzzle puzzle;
    uint64_t nonce_from;
    uint64_t nonce_count;
    unsigned threads;

    atomic_bool begun;
    atomic_bool stopped;
    atomic_uint_fast64_t claimed; /* nonces given to threads, from the front of the range, without holes */
    atomic_uint_fast64_t hashes;  /* nonces done */

    pthread_mutex_t best_lock; /* guards the two below */
    bool found;
    Solution best;
};

Search *search_new(const Kernel *kernel, const Puzzle *puzzle, uint64_t nonce_from, uint64_t nonce_count,
                   unsigned threads)
{
    Search *search = calloc(1, sizeof *search);

    if (search == NULL)
        return NULL;
    if (pthread_mutex_init(&search->best_lock, NULL) != 0) {
        free(search);
        return NULL;
    }
    search->kernel = kernel;
    search->puzzle = *puzzle;
    search->nonce_from = nonce_from;
    search->nonce_count = nonce_count;
    search->threads = threads;
    atomic_init(&search->begun, false);
    atomic_init(&search->stopped, false);
    atomic_init(&search->claimed, 0);
    atomic_init(&search->hashes, 0);
    return search;
}

void search_free(Search *search)
{
    if (search == NULL)
        return;
    pthread_mutex_destroy(&search->best_lock);
    free(search);
}

/* The next nonces of the range, at most a chunk and within one span; 0 when none are left. */
static uint64_t claim_chunk(Search *search, uint64_t *nonce)
{
    uint64_t claimed = atomic_load(&search->claimed);
    uint64_t count;

    do {
        const uint64_t left_in_range = search->nonce_count - claimed;
        const uint64_t left_in_span = SPAN_NONCES - ((search->nonce_from + claimed) % SPAN_NONCES);

        count = CHUNK_NONCES;
        if (count > left_in_range)
            count = left_in_range;
        if (count > left_in_span)
            count = left_in_span;
        *nonce = search->nonce_from + claimed;
    } while (count > 0 && !atomic_compare_exchange_weak(&search->claimed, &claimed, claimed + count));
    return count;
}

/* How many zeros a nonce from `nonce` on must have to be better than the best so far. Threads finish out of order:
 * a lower nonce with as many zeros still wins, which makes the answer independent of their number. */
static unsigned zeros_wanted(Search *search, uint64_t nonce)
{
    unsigned zeros = 0;

    pthread_mutex_lock(&search->best_lock);
    if (search->found)
        zeros = search->best.zeros + (search->best.nonce < nonce);
    pthread_mutex_unlock(&search->best_lock);
    return zeros;
}

static void offer(Search *search, const Solution *solution)
{
    const Solution *const best = &search->best;

    pthread_mutex_lock(&search->best_lock);
    if (!search->found || solution->zeros > best->zeros ||
        (solution->zeros == best->zeros && solution->nonce < best->nonce)) {
        search->best = *solution;
        search->found = true;
    }
    pthread_mutex_unlock(&search->best_lock);
}

static void search_chunk(Search *search, const NonceSpan *span, uint64_t nonce, uint64_t count)
{
    const uint64_t end = nonce + count; /* 0 after the last nonce of all: only differences are used */

    while (nonce != end) {
        const uint64_t mask = puzzle_zero_mask(zeros_wanted(search, nonce));
        Solution candidate;

        nonce += search->kernel->find(span, (uint32_t)nonce, end - nonce, mask);
        if (nonce == end)
            break;
        puzzle_solve(&search->puzzle, nonce, &candidate);
        offer(search, &candidate);
        nonce++;
    }
}

static void *work(void *argument)
{
    Search *const search = argument;
    NonceSpan span;
    bool span_ready = false;
    uint32_t span_high = 0;
    uint64_t nonce, count;

    /* A claimed chunk is always finished: what was searched has no holes. */
    while (!atomic_load(&search->stopped) && (count = claim_chunk(search, &nonce)) > 0) {
        if (!span_ready || span_high != nonce / SPAN_NONCES) {
            span_high = (uint32_t)(nonce / SPAN_NONCES);
            puzzle_span(&search->puzzle, span_high, &span);
            span_ready = true;
        }
        search_chunk(search, &span, nonce, count);
        atomic_fetch_add(&search->hashes, count);
    }
    return NULL;
}

bool search_begin(Search *search)
{
    return !atomic_exchange(&search->begun, true);
}

int search_run(Search *search)
{
    pthread_t others[SEARCH_MAX_THREADS - 1];
    unsigned started = 0;
    int error = 0;

    while (error == 0 && started < search->threads - 1) {
        error = pthread_create(&others[started], NULL, work, search);
        if (error == 0)
            started++;
    }
    if (error == 0)
        work(search);
    else
        search_stop(search);
    while (started > 0)
        pthread_join(others[--started], NULL);
    return error;
}

void search_stop(Search *search)
{
    atomic_store(&search->stopped, true);
}

void search_progress(Search *search, SearchProgress *progress)
{
    /* Hashes first: a best that is newer than the count is harmless, a count that includes nonces whose best is not
     * yet shown would not be. */
    progress->hashes = atomic_load(&search->hashes);
    pthread_mutex_lock(&search->best_lock);
    progress->found = search->found;
    progress->best = search->best;
    pthread_mutex_unlock(&search->best_lock);
}
