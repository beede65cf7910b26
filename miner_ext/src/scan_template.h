/* The body of a kernel that scans lane by lane: included by keccak_<name>.c after it has defined what lanes_template.h
 * asks for, and
 *
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
#include "lanes_template.h"

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
