/* Every build of every kernel, also those that dispatch.c has no use for; written down a second time on purpose. */
#ifndef TESTS_KNOWN_KERNELS_H
#define TESTS_KNOWN_KERNELS_H

#include <stdbool.h>

#include "dispatch.h"
#include "kernel.h"

#define KNOWN_KERNELS_MAX 5

typedef struct {
    const Kernel *kernel;
    unsigned needed_features;
    bool dispatched; /* false: only tests run it */
} KnownKernel;

#if defined(__x86_64__)
extern const Kernel kernel_avx512_twin;
#endif

/* The fastest first. */
extern const KnownKernel KNOWN_KERNELS[];
extern const unsigned KNOWN_KERNELS_COUNT;

/* All that this machine can run, and their number. */
unsigned runnable_kernels(const Kernel *kernels[KNOWN_KERNELS_MAX]);

/* Which build, where the name does not say it. */
const char *build_name(const Kernel *kernel);

#endif
