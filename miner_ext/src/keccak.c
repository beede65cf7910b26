/* Keccak step by step, as the reference describes it: the truth that every kernel is compared with, and what decides
 * each candidate that a kernel finds. Speed doesn't matter here. */
#include "keccak.h"

#include <string.h>

const uint64_t KECCAK_ROUND_CONSTANTS[KECCAK_ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static const uint8_t RHO[KECCAK_LANES] = {
    0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14,
};

void keccak_theta_rho_pi(const uint64_t lanes[KECCAK_LANES], uint64_t before_chi[KECCAK_LANES])
{
    uint64_t column[5];

    for (unsigned x = 0; x < 5; x++)
        column[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
    for (unsigned x = 0; x < 5; x++) {
        const uint64_t effect = column[(x + 4) % 5] ^ keccak_rotate_left(column[(x + 1) % 5], 1);

        for (unsigned y = 0; y < 5; y++)
            before_chi[y + 5 * ((2 * x + 3 * y) % 5)] = keccak_rotate_left(lanes[x + 5 * y] ^ effect, RHO[x + 5 * y]);
    }
}

static void chi(const uint64_t before_chi[KECCAK_LANES], uint64_t lanes[KECCAK_LANES])
{
    for (unsigned row = 0; row < KECCAK_LANES; row += 5)
        for (unsigned x = 0; x < 5; x++)
            lanes[row + x] = before_chi[row + x] ^ (~before_chi[row + (x + 1) % 5] & before_chi[row + (x + 2) % 5]);
}

static void permute(uint64_t lanes[KECCAK_LANES])
{
    uint64_t before_chi[KECCAK_LANES];

    for (unsigned round = 0; round < KECCAK_ROUNDS; round++) {
        keccak_theta_rho_pi(lanes, before_chi);
        chi(before_chi, lanes);
        lanes[0] ^= KECCAK_ROUND_CONSTANTS[round];
    }
}

static void absorb_block(uint64_t lanes[KECCAK_LANES], const uint8_t block[KECCAK_RATE_BYTES])
{
    for (unsigned i = 0; i < KECCAK_RATE_BYTES / 8; i++)
        lanes[i] ^= keccak_load_lane(block + 8 * i);
    permute(lanes);
}

void keccak256(const uint8_t *data, size_t length, uint8_t digest[KECCAK_DIGEST_BYTES])
{
    uint64_t lanes[KECCAK_LANES] = {0};
    uint8_t last[KECCAK_RATE_BYTES] = {0};

    for (; length >= KECCAK_RATE_BYTES; data += KECCAK_RATE_BYTES, length -= KECCAK_RATE_BYTES)
        absorb_block(lanes, data);
    if (length > 0)
        memcpy(last, data, length);
    last[length] = 0x01;
    last[KECCAK_RATE_BYTES - 1] |= 0x80;
    absorb_block(lanes, last);
    for (unsigned i = 0; i < KECCAK_DIGEST_BYTES / 8; i++)
        keccak_store_lane(digest + 8 * i, lanes[i]);
}
