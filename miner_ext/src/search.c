#include "search.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SPAN_NONCES (UINT64_C(1) << 32)

/* Nonces that are hashed in full at a time, where there is no whole tile. */
#define BATCH_NONCES 64u

/* Nonces hashed in full before the first tile: the best of them makes that tile's candidates few. */
#define SEED_NONCES 256u

struct Search {
    const Kernel *kernel;
    Puzzle puzzle;
    uint64_t nonce_from;
    uint64_t nonce_count;
    unsigned threads;
    unsigned target_zeros;

    atomic_bool begun;
    atomic_bool ending;           /* told to stop, or the target is reached */
    atomic_uint_fast64_t claimed; /* nonces given to threads, from the front of the range, without holes */
    atomic_uint_fast64_t hashes;  /* nonces done */

    pthread_mutex_t best_lock; /* guards the two below */
    bool found;
    Solution best;
};

Search *search_new(const Kernel *kernel, const Puzzle *puzzle, uint64_t nonce_from, uint64_t nonce_count,
                   unsigned threads, unsigned target_zeros)
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
    search->target_zeros = target_zeros;
    atomic_init(&search->begun, false);
    atomic_init(&search->ending, false);
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

/* The next nonces of the range, at most up to the end of a tile; 0 when none are left. Tiles are aligned, so none of
 * them reaches into another span. */
static uint64_t claim_chunk(Search *search, uint64_t *nonce)
{
    const uint64_t tile_nonces = search->kernel->tile_nonces;
    uint64_t claimed = atomic_load(&search->claimed);
    uint64_t count;

    do {
        const uint64_t left_in_range = search->nonce_count - claimed;

        *nonce = search->nonce_from + claimed;
        count = tile_nonces - *nonce % tile_nonces;
        if (count > left_in_range)
            count = left_in_range;
    } while (count > 0 && !atomic_compare_exchange_weak(&search->claimed, &claimed, claimed + count));
    return count;
}

/* What counts of a solution's zeros: with a target, more are no better, so that the answer is the lowest nonce that
 * reaches it. */
static unsigned rank(const Search *search, unsigned zeros)
{
    return zeros < search->target_zeros ? zeros : search->target_zeros;
}

static bool has_best(Search *search)
{
    bool found;

    pthread_mutex_lock(&search->best_lock);
    found = search->found;
    pthread_mutex_unlock(&search->best_lock);
    return found;
}

/* How many zeros a nonce from `nonce` on must have to be better than the best so far. Threads finish out of order:
 * a lower nonce with as many zeros still wins, which makes the answer independent of their number. */
static unsigned zeros_wanted(Search *search, uint64_t nonce)
{
    unsigned zeros = 0;

    pthread_mutex_lock(&search->best_lock);
    if (search->found)
        zeros = rank(search, search->best.zeros) + (search->best.nonce < nonce);
    pthread_mutex_unlock(&search->best_lock);
    return zeros;
}

static void offer(Search *search, const Solution *solution)
{
    const unsigned new_rank = rank(search, solution->zeros);

    pthread_mutex_lock(&search->best_lock);
    if (!search->found || new_rank > rank(search, search->best.zeros) ||
        (new_rank == rank(search, search->best.zeros) && solution->nonce < search->best.nonce)) {
        search->best = *solution;
        search->found = true;
    }
    pthread_mutex_unlock(&search->best_lock);
    if (new_rank == search->target_zeros)
        atomic_store(&search->ending, true);
}

static void try_candidate(Search *search, uint64_t nonce)
{
    Solution candidate;

    /* The best may be as good by now: behind the nonce that reached a low target there are thousands. */
    if (zeros_wanted(search, nonce) > search->target_zeros)
        return;
    puzzle_solve(&search->puzzle, nonce, &candidate);
    offer(search, &candidate);
}

/* Hash every nonce in full. */
static void search_each(Search *search, uint64_t nonce, uint64_t count)
{
    uint8_t messages[BATCH_NONCES][PUZZLE_MESSAGE_BYTES];
    uint8_t digests[BATCH_NONCES][KECCAK_DIGEST_BYTES];

    while (count > 0) {
        const unsigned batch = count < BATCH_NONCES ? (unsigned)count : BATCH_NONCES;
        const unsigned wanted = zeros_wanted(search, nonce);

        for (unsigned i = 0; i < batch; i++)
            puzzle_message(&search->puzzle, nonce + i, messages[i]);
        search->kernel->hash_many((const uint8_t(*)[PUZZLE_MESSAGE_BYTES])messages, batch, digests);
        for (unsigned i = 0; i < batch; i++)
            if (puzzle_zeros(digests[i]) >= wanted)
                try_candidate(search, nonce + i);
        nonce += batch;
        count -= batch;
    }
}

static void search_tile(Search *search, const NonceSpan *span, uint64_t nonce)
{
    TileHits hits;

    if (!has_best(search))
        search_each(search, nonce, SEED_NONCES);
    search->kernel->scan_tile(span, (uint32_t)nonce, puzzle_zero_mask(zeros_wanted(search, nonce)), &hits);
    for (unsigned i = 0; i < hits.count; i++)
        try_candidate(search, nonce + hits.offsets[i]);
}

static void *work(void *argument)
{
    Search *const search = argument;
    NonceSpan span;
    bool span_ready = false;
    uint32_t span_high = 0;
    uint64_t nonce, count;

    /* A claimed chunk is always finished: what was searched has no holes. */
    while (!atomic_load(&search->ending) && (count = claim_chunk(search, &nonce)) > 0) {
        if (!span_ready || span_high != nonce / SPAN_NONCES) {
            span_high = (uint32_t)(nonce / SPAN_NONCES);
            puzzle_span(&search->puzzle, span_high, &span);
            span_ready = true;
        }
        if (count == search->kernel->tile_nonces)
            search_tile(search, &span, nonce);
        else
            search_each(search, nonce, count);
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
    atomic_store(&search->ending, true);
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
