/* What the search engine asks of a kernel: one file an instruction set, keccak_<name>.c, each with one Kernel. */
#ifndef MINER_EXT_KERNEL_H
#define MINER_EXT_KERNEL_H

#include <stdint.h>

#include "puzzle.h"

typedef struct {
    const char *name;
    /* Hash the nonces of `span` whose lower halves are nonce_low, nonce_low + 1, …, `count` of them and none beyond
     * the span (nonce_low + count <= 2^32). Return the offset of the first whose digest's first lane is 0 under
     * zero_mask, or `count` when there is none. Nothing is kept between calls; a call of a few thousand nonces must
     * be worth its set-up. */
    uint64_t (*find)(const NonceSpan *span, uint32_t nonce_low, uint64_t count, uint64_t zero_mask);
} Kernel;

extern const Kernel kernel_portable;

/* The kernel for this machine; the choice is made in dispatch.c and nowhere else. */
const Kernel *kernel_for_this_machine(void);

#endif
