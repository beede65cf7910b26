/* The body of every kernel: included by keccak_<name>.c after it has defined, for WIDTH = 2^WIDTH_BITS states side
 * by side,
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
 *     lanes_zero_states(a, mask)      bit i is set if lane a of state i is 0 under the mask
 *
 * and, where that is not 5, T_BITS (see below). It defines TILE_NONCES, scan_tile and hash_many, as kernel.h asks for
 * them.
 *
 * How a tile is scanned. Only the nonce's lower half changes, 32 bits of one lane (NonceSpan). Before the first chi
 * that lane stands in 11 lanes, rotated. chi multiplies lanes that are neighbours in a row; of the 11, the only
 * neighbours are lanes 10 and 11 (rotated by 1 and by 6) and lanes 14 and 10 (by 19 and by 1). So bits i and j of the
 * lane are multiplied with each other only if |i - j| is 5 or 18. The nonce is big-endian in the message: its bits 0
 * to 7 are bits 24 to 31 of the lane, its bits 8 to 15 are bits 16 to 23.
 *
 * Let t be made of the nonce's bits from 8 on, T_BITS of them, and u of bits below 8. With T_BITS 5, t is made of lane
 * bits 16 to 20 and u of lane bits 26 to 31: no bit of t is 5 or 18 away from one of u or of t. Therefore the first
 * round is linear in t, whatever u is, and as theta, rho and pi are linear too,
 *
 *     state(base ^ u ^ t) = state(base ^ u) ^ state(base ^ t) ^ state(base),    the states before the second chi.
 *
 * state(base ^ u) is computed for 64 / WIDTH groups of states side by side, the 32 differences state(base ^ t) ^
 * state(base) once; each of their combinations begins with 25 XORs instead of the first round and half of the second.
 * Lane bits 24 and 25, the nonce's bits 0 and 1, are 5 away from lane bits 19 and 20, so they stay outside: the nonces
 * of a tile with the same bits 0 and 1 are a part.
 *
 * T_BITS 4 needs no lane bit 20: u has lane bit 25 too, 128 states a part and 16 differences. T_BITS 3 needs no lane
 * bit 19 either: u has bits 0 to 7 of the nonce, 256 states and 8 differences, and a tile is one part. Smaller tiles
 * make a stop quicker and share less. With T_BITS 6, lane bits 16 and 21 would be multiplied.
 *
 * The last round computes one lane, whose 64 bits show 16 leading zero digits. */
#include <string.h>

#include "kernel.h"

#define WIDTH (1u << WIDTH_BITS)
#define KERNEL_ENTRY static KERNEL_TARGET
#define KERNEL_FUNCTION static inline __attribute__((always_inline)) KERNEL_TARGET

#ifndef T_BITS
#define T_BITS 5
#endif

_Static_assert(T_BITS >= 3 && T_BITS <= 5, "the first round is not linear in more bits, and a part has at least one");

enum {
    PART_BITS = T_BITS - 3, /* of a nonce, the lowest: which part */
    U_BITS = 8 - PART_BITS,
    PARTS = 1 << PART_BITS,
    U_COUNT = 1 << U_BITS,
    T_COUNT = 1 << T_BITS,
    U_SHIFT = PART_BITS,
    T_SHIFT = PART_BITS + U_BITS,
    TILE_NONCES = PARTS * U_COUNT * T_COUNT,
    STATE_ROOM_LANES = 32, /* for a state, in whole vectors of the widest kernel */
};

/* Where the message's lane 1 holds the nonce's lower half, big-endian in its first four bytes. */
static inline uint64_t nonce_lane(uint32_t nonce_low)
{
    return (nonce_low >> 24) | ((nonce_low >> 8) & 0xFF00) | ((nonce_low << 8) & 0xFF0000) |
           ((uint64_t)(nonce_low & 0xFF) << 24);
}

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

/* The state before the second chi, of WIDTH nonces of a span by their lanes. rho and pi move the 11 lanes that theta
 * carries the nonce into: the index is where pi puts the lane, the rotation is its rho, plus theta's 1 in column 0. */
KERNEL_FUNCTION void before_second_chi(const NonceSpan *span, const uint64_t nonce_lanes[WIDTH],
                                       Lanes state[KECCAK_LANES])
{
    const Lanes nonces = lanes_load(nonce_lanes), nothing = lanes_broadcast(0);
    Lanes lanes[KECCAK_LANES], before_chi[KECCAK_LANES];

    for (unsigned i = 0; i < KECCAK_LANES; i++)
        before_chi[i] = lanes_broadcast(span->before_chi[i]);
#define ADD_NONCES(lane, rotation)                                                                                     \
    before_chi[lane] = lanes_xor(before_chi[lane], lanes_xor_rotate(nonces, nothing, rotation))
    ADD_NONCES(0, 1);
    ADD_NONCES(2, 43);
    ADD_NONCES(7, 4);
    ADD_NONCES(9, 61);
    ADD_NONCES(10, 1);
    ADD_NONCES(11, 6);
    ADD_NONCES(14, 19);
    ADD_NONCES(16, 37);
    ADD_NONCES(18, 15);
    ADD_NONCES(20, 62);
    ADD_NONCES(23, 42);
#undef ADD_NONCES
    chi_iota(before_chi, lanes, 0);
    {
        THETA_EFFECTS(lanes);
        THETA_RHO_PI(KEEP_ROW, state, lanes);
    }
}

/* state(base ^ t) ^ state(base) for every t made of nonce bits T_SHIFT and up, in their order. They are linear in t,
 * so the T_BITS single bits make them all. */
KERNEL_FUNCTION void part_differences(const NonceSpan *span, uint32_t base,
                                      uint64_t differences[T_COUNT][STATE_ROOM_LANES])
{
    enum { SAMPLES = 8 }; /* base, base with each single bit, and as many more as fill the widest kernel */
    uint64_t nonce_lanes[SAMPLES], samples[KECCAK_LANES][SAMPLES];

    for (unsigned i = 0; i < SAMPLES; i++)
        nonce_lanes[i] = nonce_lane(i == 0 || i > T_BITS ? base : base ^ (1u << (T_SHIFT + i - 1)));
    for (unsigned i = 0; i < SAMPLES; i += WIDTH) {
        Lanes state[KECCAK_LANES];

        before_second_chi(span, nonce_lanes + i, state);
        for (unsigned x = 0; x < KECCAK_LANES; x++)
            lanes_store(&samples[x][i], state[x]);
    }
    memset(differences[0], 0, sizeof differences[0]);
    for (unsigned bit = 0; bit < T_BITS; bit++) {
        uint64_t of_bit[STATE_ROOM_LANES] = {0};

        for (unsigned x = 0; x < KECCAK_LANES; x++)
            of_bit[x] = samples[x][bit + 1] ^ samples[x][0];
        for (unsigned t = 0; t < 1u << bit; t++)
            for (unsigned x = 0; x < STATE_ROOM_LANES; x += WIDTH)
                lanes_store(&differences[(1u << bit) + t][x],
                            lanes_xor(lanes_load(&differences[t][x]), lanes_load(&of_bit[x])));
    }
}

/* The states among WIDTH whose digest's first lane is 0 under the mask, as a set of bits. A kernel may have a faster
 * one of its own. */
#ifndef FIND_ZEROS
#define FIND_ZEROS find_zeros
KERNEL_FUNCTION unsigned find_zeros(const Lanes group[KECCAK_LANES], const uint64_t difference[KECCAK_LANES],
                                    uint64_t zero_mask)
{
    Lanes lanes[KECCAK_LANES], in[KECCAK_LANES];

    for (unsigned i = 0; i < KECCAK_LANES; i++)
        in[i] = lanes_xor(group[i], lanes_broadcast(difference[i]));
    chi_iota(in, lanes, 1);
    keccak_round(lanes, in, 2);
    keccak_rounds(in, 3, KECCAK_ROUNDS - 1);
    {
        const Lanes round_constant = lanes_broadcast(KECCAK_ROUND_CONSTANTS[KECCAK_ROUNDS - 1]);
        Lanes first_lane;

        THETA_EFFECTS(in);
        (void)e3, (void)e4;
        first_lane = lanes_chi(lanes_xor(in[0], e0), lanes_xor_rotate(in[6], e1, 44), lanes_xor_rotate(in[12], e2, 43));
        return lanes_zero_states(lanes_xor(first_lane, round_constant), zero_mask);
    }
}
#endif

KERNEL_FUNCTION void scan_part(const NonceSpan *span, uint32_t tile_low, unsigned part, uint64_t zero_mask,
                               TileHits *hits)
{
    const uint32_t base = tile_low | part;
    uint64_t differences[T_COUNT][STATE_ROOM_LANES];

    part_differences(span, base, differences);
    for (unsigned u = 0; u < U_COUNT; u += WIDTH) {
        uint64_t nonce_lanes[WIDTH];
        Lanes group[KECCAK_LANES];

        for (unsigned s = 0; s < WIDTH; s++)
            nonce_lanes[s] = nonce_lane(base | (u + s) << U_SHIFT);
        before_second_chi(span, nonce_lanes, group);
        for (unsigned t = 0; t < T_COUNT; t++) {
            unsigned zero_states = FIND_ZEROS(group, differences[t], zero_mask);

            for (unsigned s = 0; zero_states != 0; s++, zero_states >>= 1)
                if (zero_states & 1)
                    hits->offsets[hits->count++] = (uint16_t)(part | (u + s) << U_SHIFT | t << T_SHIFT);
        }
    }
}

KERNEL_ENTRY void scan_tile(const NonceSpan *span, uint32_t tile_low, uint64_t zero_mask, TileHits *hits)
{
    hits->count = 0;
    for (unsigned part = 0; part < PARTS; part++)
        scan_part(span, tile_low, part, zero_mask, hits);
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
