/* Tiles by 64 states side by side in AVX2 registers, in slices of bits (avx2_slices.h, avx2_digest.h); messages by four,
 * lane by lane. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

#define WIDTH_BITS 2
#define KERNEL_TARGET __attribute__((target("avx2")))

typedef __m256i Lanes;

#define lanes_load(p) _mm256_loadu_si256((const Lanes *)(p))
#define lanes_store(p, a) _mm256_storeu_si256((Lanes *)(p), a)
#define lanes_broadcast(u) _mm256_set1_epi64x((long long)(u))
#define lanes_xor(a, b) _mm256_xor_si256(a, b)
#define lanes_xor5(a, b, c, d, e) lanes_xor(lanes_xor(lanes_xor(a, b), lanes_xor(c, d)), e)
#define lanes_chi(a, b, c) lanes_xor(a, _mm256_andnot_si256(b, c))

/* a + a needs no shifter, of which CPUs have fewer. */
static inline __attribute__((always_inline)) KERNEL_TARGET Lanes lanes_theta_effect(Lanes a, Lanes b)
{
    return lanes_xor(lanes_xor(a, _mm256_add_epi64(b, b)), _mm256_srli_epi64(b, 63));
}

/* Where each byte of a lane comes from when it is rotated left by 8 and by 56 bits. */
#define ROTATE_8 _mm_setr_epi8(7, 0, 1, 2, 3, 4, 5, 6, 15, 8, 9, 10, 11, 12, 13, 14)
#define ROTATE_56 _mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 15, 8)

/* There is no rotation, but whole bytes are moved by one shuffle. */
static inline __attribute__((always_inline)) KERNEL_TARGET Lanes lanes_xor_rotate(Lanes a, Lanes b, int n)
{
    const Lanes lanes = lanes_xor(a, b);

    if (n == 8)
        return _mm256_shuffle_epi8(lanes, _mm256_broadcastsi128_si256(ROTATE_8));
    if (n == 56)
        return _mm256_shuffle_epi8(lanes, _mm256_broadcastsi128_si256(ROTATE_56));
    return lanes_xor(_mm256_slli_epi64(lanes, n), _mm256_srli_epi64(lanes, 64 - n));
}

#include "avx2_digest.h"
#include "avx2_slices.h"
#include "lanes_template.h"

/* How a tile is scanned. As in scan_template.h, the first round is linear in some bits t of the nonce, whatever some
 * others, u, are, because no bit of t is 5 or 18 away in its lane from one of t or of u. Here u is what the 64 states
 * differ in, and t is stepped. The nonce's bits 0 to 7 are bits 24 to 31 of the lane, its bits 8 to 10 are bits 16 to
 * 18. Of these eleven, 24, 25 and 26 are 5 away from 29, 30 and 31: those six are u, and the other five t.
 *
 * The states of all u before the second chi are made once a part, by a round in slices. What a bit of t changes there
 * is the same in all of them. t takes the order of a Gray code, so that each step adds what one bit changes. */
enum {
    U_BITS = 6,
    T_BITS = 5,
    PART_SHIFT = 11, /* the nonce's bits from here on are the same in a part */
    PARTS = 2,
    TILE_NONCES = PARTS << PART_SHIFT,
    SAMPLES = 8, /* the base, the base with each bit of t, and as many more as fill Lanes */
};

static const uint8_t U_NONCE_BITS[U_BITS] = {0, 1, 2, 5, 6, 7}, T_NONCE_BITS[T_BITS] = {3, 4, 8, 9, 10};

/* Each bit of the state's number, in all 64 states. */
static const uint64_t U_WORDS[U_BITS] = {0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
                                         0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000};

/* All that a scan works on: what rounds use, 32 KB, and what the start of each step uses. */
typedef struct {
    _Alignas(64) SlicedStates states;
    SlicedStates next_states;
    SlicedEffects effects, next_effects;
    uint32_t zero_mask[SLICES], iota[KECCAK_ROUNDS][SLICES];
    SlicedStates start; /* before the second chi, of all u */
    UniformLanes changed, changed_by[T_BITS]; /* there, by t and by each of its bits */
} Scan;

/* The number's bits, from the lowest, at those places. */
static unsigned put_bits(unsigned number, const uint8_t places[], unsigned count)
{
    unsigned put = 0;

    for (unsigned bit = 0; bit < count; bit++)
        put |= (number >> bit & 1) << places[bit];
    return put;
}

KERNEL_ENTRY void prepare_scan(uint64_t zero_mask, Scan *scan)
{
    uniform_lane(zero_mask, scan->zero_mask);
    for (unsigned round = 0; round < KECCAK_ROUNDS; round++)
        uniform_lane(KECCAK_ROUND_CONSTANTS[round], scan->iota[round]);
}

/* What u changes before the first chi. */
static void add_u(SlicedStates *states)
{
    for (unsigned u = 0; u < U_BITS; u++) {
        const unsigned lane_bit = (unsigned)__builtin_ctzll(nonce_lane(1u << U_NONCE_BITS[u]));

#define ADD_BIT(lane, rotation)                                                                                        \
    states->words[(lane_bit + (rotation)) % SLICES][lane][WORD_OF_BIT((lane_bit + (rotation)) % 64)] ^= U_WORDS[u]
        NONCE_REACHES(ADD_BIT);
#undef ADD_BIT
    }
}

/* The states before the second chi of all u, with t 0. */
KERNEL_ENTRY void part_start(const NonceSpan *span, uint32_t base, Scan *scan)
{
    uint64_t before_chi[KECCAK_LANES];
    UniformLanes shared;

    memcpy(before_chi, span->before_chi, sizeof before_chi);
#define ADD_BASE(lane, rotation) before_chi[lane] ^= keccak_rotate_left(nonce_lane(base), rotation)
    NONCE_REACHES(ADD_BASE);
#undef ADD_BASE
    uniform_lanes(before_chi, &shared);
    memset(&scan->start, 0, sizeof scan->start);
    add_u(&scan->start);
    sliced_chi(&scan->start, &shared, &scan->states, &scan->effects, scan->iota[0]);
    sliced_before_chi(&scan->states, &scan->effects, &scan->start);
}

/* What each bit of t changes in the states before the second chi. */
KERNEL_ENTRY void part_differences(const NonceSpan *span, uint32_t base, Scan *scan)
{
    uint64_t nonce_lanes[SAMPLES], samples[KECCAK_LANES][SAMPLES];

    for (unsigned i = 0; i < SAMPLES; i++)
        nonce_lanes[i] = nonce_lane(i == 0 || i > T_BITS ? base : base ^ (1u << T_NONCE_BITS[i - 1]));
    for (unsigned i = 0; i < SAMPLES; i += WIDTH) {
        Lanes state[KECCAK_LANES];

        before_second_chi(span, nonce_lanes + i, state);
        for (unsigned x = 0; x < KECCAK_LANES; x++)
            lanes_store(&samples[x][i], state[x]);
    }
    for (unsigned bit = 0; bit < T_BITS; bit++)
        for (unsigned x = 0; x < KECCAK_LANES; x++)
            uniform_lane(samples[x][bit + 1] ^ samples[x][0], scan->changed_by[bit].of[x]);
}

/* The states whose digest's first lane is 0 under the mask, as a set of bits: from the second chi on. */
KERNEL_ENTRY uint64_t find_zeros(Scan *scan)
{
    SlicedStates *const states = &scan->states, *const next_states = &scan->next_states;
    SlicedEffects *const effects = &scan->effects, *const next_effects = &scan->next_effects;

    sliced_chi(&scan->start, &scan->changed, states, effects, scan->iota[1]);
    for (unsigned round = 2; round < KECCAK_ROUNDS - 2; round += 2) {
        sliced_round(states, effects, next_states, next_effects, scan->iota[round]);
        sliced_round(next_states, next_effects, states, effects, scan->iota[round + 1]);
    }
    sliced_round_in_part(states, effects, next_states, next_effects);
    if (sliced_zeros_in_part(next_states, next_effects, scan->iota[KECCAK_ROUNDS - 1], scan->zero_mask) == 0)
        return 0;
    sliced_round(states, effects, next_states, next_effects, scan->iota[KECCAK_ROUNDS - 2]);
    return sliced_zeros(next_states, next_effects, scan->iota[KECCAK_ROUNDS - 1], scan->zero_mask);
}

KERNEL_FUNCTION void add_changes(UniformLanes *changes, const UniformLanes *others)
{
    for (unsigned i = 0; i < KECCAK_LANES; i++)
        for (unsigned j = 0; j < SLICES; j += SLICES / 2)
            lanes_store(&changes->of[i][j], lanes_xor(lanes_load(&changes->of[i][j]), lanes_load(&others->of[i][j])));
}

KERNEL_ENTRY void scan_part(const NonceSpan *span, uint32_t tile_low, unsigned part, Scan *scan, TileHits *hits)
{
    const uint32_t base = tile_low | part << PART_SHIFT;

    part_start(span, base, scan);
    part_differences(span, base, scan);
    memset(&scan->changed, 0, sizeof scan->changed);
    for (unsigned step = 0; step < 1u << T_BITS; step++) {
        const unsigned t = step ^ step >> 1;

        if (step > 0)
            add_changes(&scan->changed, &scan->changed_by[__builtin_ctz(step)]);
        for (uint64_t zeros = find_zeros(scan); zeros != 0; zeros &= zeros - 1) {
            const unsigned u = (unsigned)__builtin_ctzll(zeros);

            hits->offsets[hits->count++] = (uint16_t)(part << PART_SHIFT | put_bits(u, U_NONCE_BITS, U_BITS) |
                                                      put_bits(t, T_NONCE_BITS, T_BITS));
        }
    }
}

KERNEL_ENTRY void scan_tile(const NonceSpan *span, uint32_t tile_low, uint64_t zero_mask, TileHits *hits)
{
    Scan scan;

    prepare_scan(zero_mask, &scan);
    hits->count = 0;
    for (unsigned part = 0; part < PARTS; part++)
        scan_part(span, tile_low, part, &scan, hits);
}

const Kernel kernel_avx2 = {"avx2", TILE_NONCES, scan_tile, hash_many};
#else
typedef int no_kernel_for_this_machine;
#endif
