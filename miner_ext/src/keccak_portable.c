/* Scalar Keccak for any machine: readable, and the truth that other kernels are compared with. */
#include "keccak.h"

#include <string.h>

#include "kernel.h"

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

#define ROTATE keccak_rotate_left

void keccak_theta_rho_pi(const uint64_t lanes[KECCAK_LANES], uint64_t before_chi[KECCAK_LANES])
{
    uint64_t column[5];

    for (unsigned x = 0; x < 5; x++)
        column[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
    for (unsigned x = 0; x < 5; x++) {
        const uint64_t effect = column[(x + 4) % 5] ^ ROTATE(column[(x + 1) % 5], 1);

        for (unsigned y = 0; y < 5; y++)
            before_chi[y + 5 * ((2 * x + 3 * y) % 5)] = ROTATE(lanes[x + 5 * y] ^ effect, RHO[x + 5 * y]);
    }
}

/* One row of chi: five lanes that stand in one row after pi, into row `y` of `out`. */
#define CHI_ROW(out, y, b0, b1, b2, b3, b4)                                                                            \
    do {                                                                                                               \
        const uint64_t r0 = (b0), r1 = (b1), r2 = (b2), r3 = (b3), r4 = (b4);                                          \
        (out)[5 * (y) + 0] = r0 ^ (~r1 & r2);                                                                          \
        (out)[5 * (y) + 1] = r1 ^ (~r2 & r3);                                                                          \
        (out)[5 * (y) + 2] = r2 ^ (~r3 & r4);                                                                          \
        (out)[5 * (y) + 3] = r3 ^ (~r4 & r0);                                                                          \
        (out)[5 * (y) + 4] = r4 ^ (~r0 & r1);                                                                          \
    } while (0)

/* What theta adds to each lane of a column: c the parities of the columns, d the five effects. */
#define THETA_EFFECTS(in, c, d)                                                                                        \
    const uint64_t c##0 = (in)[0] ^ (in)[5] ^ (in)[10] ^ (in)[15] ^ (in)[20];                                          \
    const uint64_t c##1 = (in)[1] ^ (in)[6] ^ (in)[11] ^ (in)[16] ^ (in)[21];                                          \
    const uint64_t c##2 = (in)[2] ^ (in)[7] ^ (in)[12] ^ (in)[17] ^ (in)[22];                                          \
    const uint64_t c##3 = (in)[3] ^ (in)[8] ^ (in)[13] ^ (in)[18] ^ (in)[23];                                          \
    const uint64_t c##4 = (in)[4] ^ (in)[9] ^ (in)[14] ^ (in)[19] ^ (in)[24];                                          \
    const uint64_t d##0 = c##4 ^ ROTATE(c##1, 1);                                                                      \
    const uint64_t d##1 = c##0 ^ ROTATE(c##2, 1);                                                                      \
    const uint64_t d##2 = c##1 ^ ROTATE(c##3, 1);                                                                      \
    const uint64_t d##3 = c##2 ^ ROTATE(c##4, 1);                                                                      \
    const uint64_t d##4 = c##3 ^ ROTATE(c##0, 1)

/* One round, unrolled: every index and rotation is a constant, so lanes live in registers where there are enough. */
static inline void keccak_round(const uint64_t in[KECCAK_LANES], uint64_t out[KECCAK_LANES], uint64_t constant)
{
    THETA_EFFECTS(in, c, d);

    CHI_ROW(out, 0, in[0] ^ d0, ROTATE(in[6] ^ d1, 44), ROTATE(in[12] ^ d2, 43), ROTATE(in[18] ^ d3, 21),
            ROTATE(in[24] ^ d4, 14));
    CHI_ROW(out, 1, ROTATE(in[3] ^ d3, 28), ROTATE(in[9] ^ d4, 20), ROTATE(in[10] ^ d0, 3), ROTATE(in[16] ^ d1, 45),
            ROTATE(in[22] ^ d2, 61));
    CHI_ROW(out, 2, ROTATE(in[1] ^ d1, 1), ROTATE(in[7] ^ d2, 6), ROTATE(in[13] ^ d3, 25), ROTATE(in[19] ^ d4, 8),
            ROTATE(in[20] ^ d0, 18));
    CHI_ROW(out, 3, ROTATE(in[4] ^ d4, 27), ROTATE(in[5] ^ d0, 36), ROTATE(in[11] ^ d1, 10), ROTATE(in[17] ^ d2, 15),
            ROTATE(in[23] ^ d3, 56));
    CHI_ROW(out, 4, ROTATE(in[2] ^ d2, 62), ROTATE(in[8] ^ d3, 55), ROTATE(in[14] ^ d4, 39), ROTATE(in[15] ^ d0, 41),
            ROTATE(in[21] ^ d1, 2));
    out[0] ^= constant;
}

void keccak_permute(uint64_t lanes[KECCAK_LANES])
{
    uint64_t other[KECCAK_LANES];

    for (unsigned round = 0; round < KECCAK_ROUNDS; round += 2) {
        keccak_round(lanes, other, KECCAK_ROUND_CONSTANTS[round]);
        keccak_round(other, lanes, KECCAK_ROUND_CONSTANTS[round + 1]);
    }
}

static void absorb_block(uint64_t lanes[KECCAK_LANES], const uint8_t block[KECCAK_RATE_BYTES])
{
    for (unsigned i = 0; i < KECCAK_RATE_BYTES / 8; i++)
        lanes[i] ^= keccak_load_lane(block + 8 * i);
    keccak_permute(lanes);
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
    for (unsigned i = 0; i < KECCAK_DIGEST_BYTES; i++)
        digest[i] = (uint8_t)(lanes[i / 8] >> (8 * (i % 8)));
}

/* The first round of a span: its linear part was done once, lane 1's lower half is added here. theta carries lane 1
 * into all of column 0 (rotated by 1) and of column 2; rho and pi then move these 11 lanes: the index is where pi
 * puts the lane, the rotation is its rho, plus theta's 1 in column 0. */
static inline void span_first_round(const NonceSpan *span, uint64_t nonce_lane, uint64_t out[KECCAK_LANES])
{
    const uint64_t *const b = span->before_chi;
    const uint64_t n = nonce_lane;

    CHI_ROW(out, 0, b[0] ^ ROTATE(n, 1), b[1], b[2] ^ ROTATE(n, 43), b[3], b[4]);
    CHI_ROW(out, 1, b[5], b[6], b[7] ^ ROTATE(n, 4), b[8], b[9] ^ ROTATE(n, 61));
    CHI_ROW(out, 2, b[10] ^ ROTATE(n, 1), b[11] ^ ROTATE(n, 6), b[12], b[13], b[14] ^ ROTATE(n, 19));
    CHI_ROW(out, 3, b[15], b[16] ^ ROTATE(n, 37), b[17], b[18] ^ ROTATE(n, 15), b[19]);
    CHI_ROW(out, 4, b[20] ^ ROTATE(n, 62), b[21], b[22], b[23] ^ ROTATE(n, 42), b[24]);
    out[0] ^= KECCAK_ROUND_CONSTANTS[0];
}

/* The last round, as far as the digest's first lane needs it. */
static inline uint64_t last_round_first_lane(const uint64_t in[KECCAK_LANES])
{
    THETA_EFFECTS(in, c, d);

    (void)d3, (void)d4;
    return (in[0] ^ d0) ^ (~ROTATE(in[6] ^ d1, 44) & ROTATE(in[12] ^ d2, 43)) ^
           KECCAK_ROUND_CONSTANTS[KECCAK_ROUNDS - 1];
}

/* Where the message's lane 1 holds the nonce's lower half, big-endian in its first four bytes. */
static inline uint64_t nonce_lane(uint32_t nonce_low)
{
    return (nonce_low >> 24) | ((nonce_low >> 8) & 0xFF00) | ((nonce_low << 8) & 0xFF0000) | (nonce_low << 24);
}

static uint64_t find_portable(const NonceSpan *span, uint32_t nonce_low, uint64_t count, uint64_t zero_mask)
{
    uint64_t lanes[KECCAK_LANES], other[KECCAK_LANES];

    for (uint64_t offset = 0; offset < count; offset++) {
        span_first_round(span, nonce_lane(nonce_low + (uint32_t)offset), lanes);
        for (unsigned round = 1; round < KECCAK_ROUNDS - 1; round += 2) {
            keccak_round(lanes, other, KECCAK_ROUND_CONSTANTS[round]);
            keccak_round(other, lanes, KECCAK_ROUND_CONSTANTS[round + 1]);
        }
        if ((last_round_first_lane(lanes) & zero_mask) == 0)
            return offset;
    }
    return count;
}

const Kernel kernel_portable = {"portable", find_portable};
