/* The puzzle that KALE's `work` checks: keccak256 of 76 bytes,
 *
 *     index u32 BE | nonce u64 BE | entropy of the block (32) | farmer key (32)
 *
 * where the farmer key is the last 32 bytes of the farmer address's XDR. The more hex digits of the digest are
 * zero at its start, the better. */
#ifndef MINER_EXT_PUZZLE_H
#define MINER_EXT_PUZZLE_H

#include <stdint.h>

#include "keccak.h"

#define PUZZLE_KEY_BYTES 32
#define PUZZLE_MESSAGE_BYTES 76
#define PUZZLE_MOST_ZEROS 64

typedef struct {
    uint32_t index;
    uint8_t entropy[PUZZLE_KEY_BYTES];
    uint8_t farmer_key[PUZZLE_KEY_BYTES];
} Puzzle;

typedef struct {
    uint64_t nonce;
    unsigned zeros; /* leading zero hex digits of `hash`, 0 to PUZZLE_MOST_ZEROS */
    uint8_t hash[KECCAK_DIGEST_BYTES];
} Solution;

/* What the 2^32 nonces with the same upper half share. The message's lane 0 holds the index and the nonce's upper
 * half, lane 1 starts with its lower half: within a span only 32 bits of one lane change. theta, rho and pi are
 * linear, so the state before the first chi is `before_chi` (that of lower half 0) XOR the lower half, rotated, in
 * the 11 lanes that lane 1 reaches. */
typedef struct {
    uint64_t before_chi[KECCAK_LANES];
} NonceSpan;

void puzzle_span(const Puzzle *puzzle, uint32_t nonce_high, NonceSpan *span);

void puzzle_message(const Puzzle *puzzle, uint64_t nonce, uint8_t message[PUZZLE_MESSAGE_BYTES]);

/* The whole hash of one nonce: the truth that every candidate of a kernel goes through. */
void puzzle_solve(const Puzzle *puzzle, uint64_t nonce, Solution *solution);

unsigned puzzle_zeros(const uint8_t digest[KECCAK_DIGEST_BYTES]);

/* The bits of the digest's first lane that must be 0 in a hash with at least `zeros` leading zero hex digits. A
 * lane shows 16 digits: above that the mask stays full and puzzle_solve decides. */
uint64_t puzzle_zero_mask(unsigned zeros);

#endif
