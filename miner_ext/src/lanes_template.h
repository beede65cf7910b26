/* Keccak of WIDTH = 2^WIDTH_BITS states side by side, the same lane of each in one value: included after definition of
 *
 *     KERNEL_TARGET                   the attribute of a function of this instruction set
 *     Lanes                           the same lane of WIDTH states
 *     lanes_load(p), lanes_store(p, a)  WIDTH uint64_t at p, of any alignment
 *     lanes_broadcast(u)              u in all states
 *     lanes_xor(a, b)
 *     lanes_xor5(a, b, c, d, e)
 *     lanes_theta_effect(a, b)        a ^ (b rotated left by 1)
 *     lanes_xor_rotate(a, b, n)       a ^ b, rotated left by n (a constant from 0 to 63)
 *     lanes_chi(a, b, c)              a ^ (~b & c)
 *
 * It defines hash_many, as kernel.h asks for it, and the beginning of a scan. */
#include <string.h>

#include "kernel.h"

#define WIDTH (1u << WIDTH_BITS)
#define KERNEL_ENTRY static KERNEL_TARGET
#define KERNEL_FUNCTION static inline __attribute__((always_inline)) KERNEL_TARGET

/* Where the message's lane 1 holds the nonce's lower half, big-endian in its first four bytes. */
static inline uint64_t nonce_lane(uint32_t nonce_low)
{
    return (nonce_low >> 24) | ((nonce_low >> 8) & 0xFF00) | ((nonce_low << 8) & 0xFF0000) |
           ((uint64_t)(nonce_low & 0xFF) << 24);
}

/* Where theta, rho and pi of the first round carry the message's lane 1: the lane it is added to, rotated. The index is
 * where pi puts the lane, the rotation is its rho, plus theta's 1 in column 0. */
#define NONCE_REACHES(add)                                                                                             \
    add(0, 1);                                                                                                         \
    add(2, 43);                                                                                                        \
    add(7, 4);                                                                                                         \
    add(9, 61);                                                                                                        \
    add(10, 1);                                                                                                        \
    add(11, 6);                                                                                                        \
    add(14, 19);                                                                                                       \
    add(16, 37);                                                                                                       \
    add(18, 15);                                                                                                       \
    add(20, 62);                                                                                                       \
    add(23, 42)

/* What theta adds to each lane of column x: e<x>. */
#define THETA_EFFECTS(in)                                                                                              \
    const Lanes c0 = lanes_xor5((in)[0], (in)[5], (in)[10], (in)[15], (in)[20]);                                       \
    const Lanes c1 = lanes_xor5((in)[1], (in)[6], (in)[11], (in)[16], (in)[21]);                                       \
    const Lanes c2 = lanes_xor5((in)[2], (in)[7], (in)[12], (in)[17], (in)[22]);                                       \
    const Lanes c3 = lanes_xor5((in)[3], (in)[8], (in)[13], (in)[18], (in)[23]);                                       \
    const Lanes c4 = lanes_xor5((in)[4], (in)[9], (in)[14], (in)[19], (in)[24]);                                       \
    const Lanes e0 = lanes_theta_effect(c4, c1), e1 = lanes_theta_effect(c0, c2), e2 = lanes_theta_effect(c1, c3);     \
    const Lanes e3 = lanes_theta_effect(c2, c4), e4 = lanes_theta_effect(c3, c0)

#define NO_IOTA(lane) (lane)
#define IOTA(lane) lanes_xor(lane, round_constant)

/* chi of one row, into row y of `out`. */
#define CHI_ROW(out, y, iota, a, b, c, d, e)                                                                           \
    do {                                                                                                               \
        const Lanes r0 = (a), r1 = (b), r2 = (c), r3 = (d), r4 = (e);                                                  \
        (out)[5 * (y) + 0] = iota(lanes_chi(r0, r1, r2));                                                              \
        (out)[5 * (y) + 1] = lanes_chi(r1, r2, r3);                                                                    \
        (out)[5 * (y) + 2] = lanes_chi(r2, r3, r4);                                                                    \
        (out)[5 * (y) + 3] = lanes_chi(r3, r4, r0);                                                                    \
        (out)[5 * (y) + 4] = lanes_chi(r4, r0, r1);                                                                    \
    } while (0)

/* The rows of a round from `in`, each given to `row` as its number, what iota does to it, and its lanes before chi. */
#define THETA_RHO_PI(row, out, in)                                                                                     \
    row(out, 0, IOTA, lanes_xor((in)[0], e0), lanes_xor_rotate((in)[6], e1, 44), lanes_xor_rotate((in)[12], e2, 43),   \
        lanes_xor_rotate((in)[18], e3, 21), lanes_xor_rotate((in)[24], e4, 14));                                       \
    row(out, 1, NO_IOTA, lanes_xor_rotate((in)[3], e3, 28), lanes_xor_rotate((in)[9], e4, 20),                         \
        lanes_xor_rotate((in)[10], e0, 3), lanes_xor_rotate((in)[16], e1, 45), lanes_xor_rotate((in)[22], e2, 61));    \
    row(out, 2, NO_IOTA, lanes_xor_rotate((in)[1], e1, 1), lanes_xor_rotate((in)[7], e2, 6),                           \
        lanes_xor_rotate((in)[13], e3, 25), lanes_xor_rotate((in)[19], e4, 8), lanes_xor_rotate((in)[20], e0, 18));    \
    row(out, 3, NO_IOTA, lanes_xor_rotate((in)[4], e4, 27), lanes_xor_rotate((in)[5], e0, 36),                         \
        lanes_xor_rotate((in)[11], e1, 10), lanes_xor_rotate((in)[17], e2, 15), lanes_xor_rotate((in)[23], e3, 56));   \
    row(out, 4, NO_IOTA, lanes_xor_rotate((in)[2], e2, 62), lanes_xor_rotate((in)[8], e3, 55),                         \
        lanes_xor_rotate((in)[14], e4, 39), lanes_xor_rotate((in)[15], e0, 41), lanes_xor_rotate((in)[21], e1, 2))

#define KEEP_ROW(out, y, iota, a, b, c, d, e)                                                                          \
    ((out)[5 * (y) + 0] = (a), (out)[5 * (y) + 1] = (b), (out)[5 * (y) + 2] = (c), (out)[5 * (y) + 3] = (d),           \
     (out)[5 * (y) + 4] = (e))

KERNEL_FUNCTION void chi_iota(const Lanes before_chi[KECCAK_LANES], Lanes out[KECCAK_LANES], unsigned round)
{
    const Lanes *const b = before_chi;
    const Lanes round_constant = lanes_broadcast(KECCAK_ROUND_CONSTANTS[round]);

    CHI_ROW(out, 0, IOTA, b[0], b[1], b[2], b[3], b[4]);
    CHI_ROW(out, 1, NO_IOTA, b[5], b[6], b[7], b[8], b[9]);
    CHI_ROW(out, 2, NO_IOTA, b[10], b[11], b[12], b[13], b[14]);
    CHI_ROW(out, 3, NO_IOTA, b[15], b[16], b[17], b[18], b[19]);
    CHI_ROW(out, 4, NO_IOTA, b[20], b[21], b[22], b[23], b[24]);
}

/* Every index and rotation is a constant, so lanes live in registers where there are enough. */
KERNEL_FUNCTION void keccak_round(const Lanes in[KECCAK_LANES], Lanes out[KECCAK_LANES], unsigned round)
{
    const Lanes round_constant = lanes_broadcast(KECCAK_ROUND_CONSTANTS[round]);

    THETA_EFFECTS(in);
    THETA_RHO_PI(CHI_ROW, out, in);
}

/* Rounds first, first + 1, …, an even number of them, until round `end`. */
KERNEL_FUNCTION void keccak_rounds(Lanes lanes[KECCAK_LANES], unsigned first, unsigned end)
{
    Lanes other[KECCAK_LANES];

    for (unsigned round = first; round < end; round += 2) {
        keccak_round(lanes, other, round);
        keccak_round(other, lanes, round + 1);
    }
}

/* The state before the second chi, of WIDTH nonces of a span by their lanes. */
KERNEL_FUNCTION void before_second_chi(const NonceSpan *span, const uint64_t nonce_lanes[WIDTH],
                                       Lanes state[KECCAK_LANES])
{
    const Lanes nonces = lanes_load(nonce_lanes), nothing = lanes_broadcast(0);
    Lanes lanes[KECCAK_LANES], before_chi[KECCAK_LANES];

    for (unsigned i = 0; i < KECCAK_LANES; i++)
        before_chi[i] = lanes_broadcast(span->before_chi[i]);
#define ADD_NONCES(lane, rotation)                                                                                     \
    before_chi[lane] = lanes_xor(before_chi[lane], lanes_xor_rotate(nonces, nothing, rotation))
    NONCE_REACHES(ADD_NONCES);
#undef ADD_NONCES
    chi_iota(before_chi, lanes, 0);
    {
        THETA_EFFECTS(lanes);
        THETA_RHO_PI(KEEP_ROW, state, lanes);
    }
}

/* The first lanes of WIDTH messages, padded. */
KERNEL_FUNCTION void load_messages(const uint8_t (*messages)[PUZZLE_MESSAGE_BYTES], size_t count,
                                   Lanes lanes[KECCAK_LANES])
{
    enum { FULL_LANES = PUZZLE_MESSAGE_BYTES / 8, LAST_BYTES = PUZZLE_MESSAGE_BYTES % 8 };
    uint64_t words[FULL_LANES + 1][WIDTH];

    for (size_t s = 0; s < WIDTH; s++) {
        const uint8_t *const message = messages[s < count ? s : count - 1]; /* fill up with the last */
        uint8_t last[8] = {0};

        for (unsigned i = 0; i < FULL_LANES; i++)
            words[i][s] = keccak_load_lane(message + 8 * i);
        memcpy(last, message + 8 * FULL_LANES, LAST_BYTES);
        last[LAST_BYTES] = 0x01;
        words[FULL_LANES][s] = keccak_load_lane(last);
    }
    for (unsigned i = 0; i < KECCAK_LANES; i++)
        lanes[i] = i <= FULL_LANES ? lanes_load(words[i]) : lanes_broadcast(0);
    lanes[KECCAK_RATE_BYTES / 8 - 1] = lanes_broadcast(UINT64_C(0x80) << 56);
}

KERNEL_ENTRY void hash_many(const uint8_t (*messages)[PUZZLE_MESSAGE_BYTES], size_t count,
                            uint8_t (*digests)[KECCAK_DIGEST_BYTES])
{
    for (size_t done = 0; done < count; done += WIDTH) {
        const size_t left = count - done;
        Lanes lanes[KECCAK_LANES];
        uint64_t words[KECCAK_DIGEST_BYTES / 8][WIDTH];

        load_messages(messages + done, left, lanes);
        keccak_rounds(lanes, 0, KECCAK_ROUNDS);
        for (unsigned i = 0; i < KECCAK_DIGEST_BYTES / 8; i++)
            lanes_store(words[i], lanes[i]);
        for (size_t s = 0; s < WIDTH && s < left; s++)
            for (unsigned i = 0; i < KECCAK_DIGEST_BYTES / 8; i++)
                keccak_store_lane(digests[done + s] + 8 * i, words[i][s]);
    }
}
