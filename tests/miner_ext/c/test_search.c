/* The engine: ranges, threads, targets, stop and progress, with every build of every kernel that this machine runs. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "checks.h"
#include "known_kernels.h"
#include "tests.h"
#include "truth.h"

#define ENDLESS (UINT64_C(1) << 62) /* nonces, of a search that ends before */

enum { SMALL = 40, THREADS_MAX = 5 };

static bool chosen(Random *source, unsigned percent)
{
    return random_below(source, 100) < percent;
}

static bool run(const Kernel *kernel, const Puzzle *puzzle, uint64_t nonce_from, uint64_t nonce_count, unsigned threads,
                unsigned target_zeros, SearchProgress *result)
{
    Search *const search = search_new(kernel, puzzle, nonce_from, nonce_count, threads, target_zeros);

    if (!check(search != NULL && search_begin(search) && search_run(search) == 0, "the search runs"))
        return false;
    search_progress(search, result);
    search_free(search);
    return true;
}

/* Search `count` nonces from truth->nonce_from + start. */
static void check_range(const Kernel *kernel, const Truth *truth, size_t start, size_t count, unsigned threads,
                        unsigned target_zeros)
{
    SearchProgress result;
    const char *objection;

    if (!run(kernel, truth->puzzle, truth->nonce_from + start, count, threads, target_zeros, &result))
        return;
    objection = truth_objection(truth, start, count, target_zeros, &result);
    if (objection == NULL && result.hashes < count && (!result.found || result.best.zeros < target_zeros))
        objection = "ended early without the target";
    check(objection == NULL, "%s, %u threads, %zu nonces from %#llx, target %u: %s", build_name(kernel), threads, count,
          (unsigned long long)(truth->nonce_from + start), target_zeros, objection == NULL ? "" : objection);
}

static void check_small_ranges(const Kernel *const kernels[], unsigned kernel_count, unsigned percent, Random *source,
                               uint64_t nonce_from, size_t count)
{
    unsigned turn = 0;
    Puzzle puzzle;
    Truth truth;

    random_puzzle(source, &puzzle);
    truth_new(&truth, &puzzle, nonce_from, count);
    for (size_t start = 0; start < count; start++) {
        for (size_t size = 0; size <= SMALL && start + size <= count; size++) {
            for (unsigned k = 0; k < kernel_count; k++) {
                const unsigned target = turn % 2 ? SEARCH_NO_TARGET : turn / 2 % 4;

                if (chosen(source, percent))
                    check_range(kernels[k], &truth, start, size, 1 + turn % 3, target);
                turn++;
            }
        }
    }
    truth_free(&truth);
}

static void test_small_ranges(const Kernel *const kernels[], unsigned kernel_count, unsigned percent)
{
    Random source = {SEED + 4};

    group_begin("search: small ranges at 0");
    check_small_ranges(kernels, kernel_count, percent, &source, 0, SMALL + 1);
    group_end();
    group_begin("search: small ranges at the carry to 2^32");
    check_small_ranges(kernels, kernel_count, percent, &source, UINT64_C(0x100000000) - SMALL, 2 * SMALL);
    group_end();
    group_begin("search: small ranges at the end of u64");
    check_small_ranges(kernels, kernel_count, percent, &source, UINT64_MAX - SMALL, SMALL + 1);
    group_end();
}

/* Around a carry and at the end of u64 too, where a tile is the last of its span. */
static void test_tiles(const Kernel *const kernels[], unsigned kernel_count, unsigned percent)
{
    enum { TILES = 4, NONCES = TILES * TILE_NONCES_MAX };
    const unsigned cases = 4 + 40 * percent / 100;
    Random source = {SEED + 5};
    const uint64_t places[] = {0, UINT64_C(0x700000000) - NONCES / 2, (uint64_t)0 - NONCES,
                               random_below(&source, UINT64_MAX / 2)};

    group_begin("search: ranges of several tiles");
    for (unsigned place = 0; place < sizeof places / sizeof *places; place++) {
        Puzzle puzzle;
        Truth truth;

        random_puzzle(&source, &puzzle);
        truth_new(&truth, &puzzle, places[place], NONCES);
        for (unsigned k = 0; k < kernel_count; k++) {
            check_range(kernels[k], &truth, 0, NONCES, 2, SEARCH_NO_TARGET);
            for (unsigned i = 0; i < cases; i++) {
                const size_t start = (size_t)random_below(&source, NONCES);
                const size_t count = (size_t)random_below(&source, NONCES - start + 1);
                const unsigned threads = 1 + (unsigned)random_below(&source, THREADS_MAX);
                const unsigned target = i % 2 ? SEARCH_NO_TARGET : (unsigned)random_below(&source, 6);

                check_range(kernels[k], &truth, start, count, threads, target);
            }
        }
        truth_free(&truth);
    }
    group_end();
}

/* Several puzzles, of which most have their best nonce behind the carry: there the span is another. */
static void test_carry(const Kernel *const kernels[], unsigned kernel_count, unsigned percent)
{
    const unsigned cases = 4 + 8 * percent / 100;
    Random source = {SEED + 6};

    group_begin("search: tiles behind a carry");
    for (unsigned i = 0; i < cases; i++) {
        const uint64_t carry = (1 + random_below(&source, UINT32_MAX)) << 32;
        Puzzle puzzle;
        Truth truth;

        random_puzzle(&source, &puzzle);
        truth_new(&truth, &puzzle, carry - TILE_NONCES_MAX, 4 * TILE_NONCES_MAX);
        for (unsigned k = 0; k < kernel_count; k++)
            check_range(kernels[k], &truth, 0, truth.count, 1 + i % 2, SEARCH_NO_TARGET);
        truth_free(&truth);
    }
    group_end();
}

static void test_kale_block(const Kernel *const kernels[], unsigned kernel_count)
{
    group_begin("search: the nonce that KALE accepted");
    for (unsigned k = 0; k < kernel_count; k++) {
        SearchProgress result;

        if (run(kernels[k], &KALE_PUZZLE, KALE_SOLUTION.nonce - 20000, 40000, 2, SEARCH_NO_TARGET, &result))
            check(result.hashes == 40000 && result.found && same_solution(&result.best, &KALE_SOLUTION),
                  "%s: the best of 40000", build_name(kernels[k]));
        /* How soon after it depends on when the other thread learns of it, so the range is one without an end. */
        if (run(kernels[k], &KALE_PUZZLE, KALE_SOLUTION.nonce - 20000, ENDLESS, 2, KALE_SOLUTION.zeros, &result))
            check(result.hashes < ENDLESS && same_solution(&result.best, &KALE_SOLUTION),
                  "%s: ends there with a target of 8", build_name(kernels[k]));
    }
    group_end();
}

static void test_one_run(const Kernel *const kernels[], unsigned kernel_count)
{
    group_begin("search: one run, and a stop before it");
    for (unsigned k = 0; k < kernel_count; k++) {
        SearchProgress result;
        Search *const search = search_new(kernels[k], &KALE_PUZZLE, 5, UINT64_MAX - 5, 3, SEARCH_NO_TARGET);

        if (!check(search != NULL, "there is memory"))
            continue;
        search_progress(search, &result);
        check(result.hashes == 0 && !result.found, "nothing is done before the run");
        search_stop(search);
        check(search_begin(search), "a search begins once");
        check(!search_begin(search), "and not twice");
        check(search_run(search) == 0, "a stopped search runs");
        search_progress(search, &result);
        check(result.hashes == 0 && !result.found, "and does nothing");
        search_free(search);
    }
    search_free(NULL);
    group_end();
}

enum { HASHED_ONE_BY_ONE = 1 << 18 }; /* nonces, of one stopped search at most */

/* Waits until hashes are done, then stops the search. */
static void *stop_soon(void *argument)
{
    Search *const search = argument;
    SearchProgress progress;

    do {
        sched_yield();
        search_progress(search, &progress);
    } while (progress.hashes == 0);
    search_stop(search);
    return NULL;
}

/* NULL, or what is wrong with the result of a stopped search. A machine that is late with the stop lets a fast kernel
 * do more than can be hashed one by one, under a sanitizer above all; then only the first nonces are, and a second
 * search, which nobody stops, answers for the rest. */
static const char *objection_to_stopped(const Kernel *kernel, const Puzzle *puzzle, uint64_t nonce_from,
                                        unsigned threads, const SearchProgress *result)
{
    const bool all = result->hashes <= HASHED_ONE_BY_ONE;
    const char *objection = NULL;
    SearchProgress again;
    Truth truth;

    truth_new(&truth, puzzle, nonce_from, (size_t)(all ? result->hashes : HASHED_ONE_BY_ONE));
    if (all) {
        objection = truth_objection(&truth, 0, truth.count, SEARCH_NO_TARGET, result);
    } else {
        const size_t first_best = truth_best(&truth, 0, truth.count, SEARCH_NO_TARGET);

        if (!result->found || result->best.zeros < truth.zeros[first_best] ||
            (result->best.zeros == truth.zeros[first_best] && result->best.nonce != nonce_from + first_best))
            objection = "another nonce than the best of the first";
        else if (!run(kernel, puzzle, nonce_from, result->hashes, threads, SEARCH_NO_TARGET, &again) ||
                 again.hashes != result->hashes || !same_solution(&again.best, &result->best))
            objection = "another answer than that of a search of as many nonces";
    }
    truth_free(&truth);
    return objection;
}

static void check_stop(const Kernel *kernel, const Puzzle *puzzle, uint64_t nonce_from, unsigned threads)
{
    Search *const search = search_new(kernel, puzzle, nonce_from, ENDLESS, threads, SEARCH_NO_TARGET);
    SearchProgress result;
    const char *objection;
    pthread_t stopper;

    if (!check(search != NULL && search_begin(search) && pthread_create(&stopper, NULL, stop_soon, search) == 0,
               "a second thread starts"))
        return;
    check(search_run(search) == 0, "the search runs");
    pthread_join(stopper, NULL);
    search_progress(search, &result);
    search_free(search);
    objection = objection_to_stopped(kernel, puzzle, nonce_from, threads, &result);
    check(result.hashes > 0 && objection == NULL, "%s, %u threads: stopped after %llu hashes: %s", build_name(kernel),
          threads, (unsigned long long)result.hashes, objection == NULL ? "" : objection);
}

static void test_stop(const Kernel *const kernels[], unsigned kernel_count, unsigned percent)
{
    const unsigned rounds = 1 + 2 * percent / 100;
    Random source = {SEED + 7};

    group_begin("search: stop from another thread");
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned k = 0; k < kernel_count; k++) {
            Puzzle puzzle;

            random_puzzle(&source, &puzzle);
            check_stop(kernels[k], &puzzle, random_below(&source, UINT64_MAX / 2), 1 + (round + k) % 3);
        }
    }
    group_end();
}

enum { SNAPSHOTS_MAX = 200 };

/* Somebody who looks at a search while it runs. */
typedef struct {
    Search *search;
    atomic_bool watching, ended;
    unsigned count;
    SearchProgress snapshots[SNAPSHOTS_MAX]; /* each with more hashes than the one before */
} Watcher;

static void *watch(void *argument)
{
    Watcher *const watcher = argument;
    uint64_t last = 0;

    atomic_store(&watcher->watching, true);
    while (!atomic_load(&watcher->ended)) {
        SearchProgress *const snapshot = &watcher->snapshots[watcher->count];

        if (watcher->count < SNAPSHOTS_MAX) {
            search_progress(watcher->search, snapshot);
            if (snapshot->hashes != last) {
                last = snapshot->hashes;
                watcher->count++;
            }
        }
        sched_yield();
    }
    return NULL;
}

/* With one thread the hashes done are the first of the range: their best must be shown, or a better one. */
static const char *objection_to_snapshots(const Watcher *watcher, const Truth *truth, unsigned threads)
{
    for (unsigned i = 0; i < watcher->count; i++) {
        const SearchProgress *const now = &watcher->snapshots[i], *const before = i > 0 ? now - 1 : now;
        const size_t at = (size_t)(now->best.nonce - truth->nonce_from);
        Solution solution;

        if (now->hashes > truth->count || now->hashes < before->hashes)
            return "the hashes done";
        if (!now->found)
            return "hashes without a best";
        if (at >= truth->count)
            return "a best outside the range";
        puzzle_solve(truth->puzzle, now->best.nonce, &solution);
        if (!same_solution(&solution, &now->best))
            return "a wrong hash";
        if (now->best.zeros < before->best.zeros)
            return "a best worse than before";
        if (threads == 1) {
            const size_t best = truth_best(truth, 0, (size_t)now->hashes, SEARCH_NO_TARGET);

            if (truth->zeros[at] < truth->zeros[best] || (truth->zeros[at] == truth->zeros[best] && at > best))
                return "a best worse than that of the hashes done";
        }
    }
    return NULL;
}

/* How many times the search was seen half done. */
static unsigned watch_once(const Kernel *kernel, const Truth *truth, unsigned threads)
{
    Watcher *const watcher = allocate(sizeof *watcher);
    unsigned half_done = 0;
    const char *objection;
    pthread_t thread;

    watcher->count = 0;
    atomic_init(&watcher->watching, false);
    atomic_init(&watcher->ended, false);
    watcher->search = search_new(kernel, truth->puzzle, truth->nonce_from, truth->count, threads, SEARCH_NO_TARGET);
    if (!check(watcher->search != NULL && search_begin(watcher->search) &&
                   pthread_create(&thread, NULL, watch, watcher) == 0,
               "a second thread starts"))
        return 1;
    while (!atomic_load(&watcher->watching))
        sched_yield();
    check(search_run(watcher->search) == 0, "the search runs");
    atomic_store(&watcher->ended, true);
    pthread_join(thread, NULL);
    search_free(watcher->search);
    objection = objection_to_snapshots(watcher, truth, threads);
    check(objection == NULL, "%s, %u threads: %s", build_name(kernel), threads, objection == NULL ? "" : objection);
    for (unsigned i = 0; i < watcher->count; i++)
        half_done += watcher->snapshots[i].hashes < truth->count;
    free(watcher);
    return half_done;
}

static void test_progress(const Kernel *const kernels[], unsigned kernel_count, unsigned percent)
{
    enum { TRIES = 100 }; /* a busy machine may give the watcher no time during a search */
    const size_t nonces = TILE_NONCES_MAX * (4 + 8 * percent / 100) + 99;
    Random source = {SEED + 8};
    Puzzle puzzle;
    Truth truth;

    group_begin("search: progress while it runs");
    random_puzzle(&source, &puzzle);
    truth_new(&truth, &puzzle, random_below(&source, UINT64_MAX / 2), nonces);
    for (unsigned k = 0; k < kernel_count; k++) {
        for (unsigned threads = 1; threads <= 3; threads++) {
            unsigned half_done = 0;

            for (unsigned i = 0; i < TRIES && half_done == 0; i++)
                half_done = watch_once(kernels[k], &truth, threads);
            check(half_done > 0, "%s, %u threads: seen half done", build_name(kernels[k]), threads);
        }
    }
    truth_free(&truth);
    group_end();
}

void test_search(unsigned percent)
{
    const Kernel *kernels[KNOWN_KERNELS_MAX];
    const unsigned kernel_count = runnable_kernels(kernels);

    test_small_ranges(kernels, kernel_count, percent);
    test_tiles(kernels, kernel_count, percent);
    test_carry(kernels, kernel_count, percent);
    test_kale_block(kernels, kernel_count);
    test_one_run(kernels, kernel_count);
    test_stop(kernels, kernel_count, percent);
    test_progress(kernels, kernel_count, percent);
}
