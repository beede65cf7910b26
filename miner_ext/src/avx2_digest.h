/* The last rounds on 64 states in slices of bits, for AVX2: does the digest begin with zeros?
 *
 * It rarely does, so slices 3 to 7 of its first lane are tested first. They are the upper five bits of every other
 * byte, the first included: with six digits wanted, ten bits, which are all 0 for one state in a thousand. For these
 * slices the round before the last one takes 256 of its 400 slices before chi, makes 30 of its 80 parities, and stores
 * 15 of its slices and 15 effects. */
#ifndef MINER_EXT_AVX2_DIGEST_H
#define MINER_EXT_AVX2_DIGEST_H

#include <immintrin.h>
#include <stdint.h>

#include "avx2_slices.h"

#define TESTED(j) ((j) >= 3 && (j) <= 7)
#define EACH_TESTED_SLICE(of_slice) of_slice(3) of_slice(4) of_slice(5) of_slice(6) of_slice(7)

/* Of which slices a lane and its effect are needed. Slice j of the digest comes from slice j of lane 0, j + 4 of lane 6
 * and j + 5 of lane 12, and the effect of a slice from parities of that one and of the one before: slices 2 to 12. */
#define NEEDS_LANE_0(j) TESTED(j)
#define NEEDS_LANE_6(j) TESTED((j) - 4)
#define NEEDS_LANE_12(j) TESTED((j) - 5)
_Static_assert(SLICE_BEFORE(3, 44) == 3 + 4 && SLICE_BEFORE(3, 43) == 3 + 5, "they come from other slices");
_Static_assert(SLICE_BEFORE(7, 44) == 7 + 4 && SLICE_BEFORE(7, 43) == 7 + 5, "they come from other slices");

/* Of which columns the parities are needed for these effects; which lanes are stored, made in all, taken before chi. */
#define NEEDS_PARITY(j, x)                                                                                             \
    ((x) == 0   ? NEEDS_LANE_6(j)                                                                                      \
     : (x) == 1 ? NEEDS_LANE_0((j) + 1) || NEEDS_LANE_12(j)                                                            \
     : (x) == 2 ? NEEDS_LANE_6((j) + 1)                                                                                \
     : (x) == 3 ? NEEDS_LANE_12((j) + 1)                                                                               \
                : NEEDS_LANE_0(j))
#define STORES(j, y, x)                                                                                                \
    (((y) == 0 && (x) == 0 && NEEDS_LANE_0(j)) || ((y) == 1 && (x) == 1 && NEEDS_LANE_6(j)) ||                         \
     ((y) == 2 && (x) == 2 && NEEDS_LANE_12(j)))
#define MAKES(j, y, x) (NEEDS_PARITY(j, x) || STORES(j, y, x))
#define TAKES(j, y, x) (MAKES(j, y, x) || MAKES(j, y, ((x) + 4) % 5) || MAKES(j, y, ((x) + 3) % 5))

#define LANE_IN_PART(j, y, x, r, r_behind, r_two_behind, parity)                                                       \
    do {                                                                                                               \
        if (MAKES(j, y, x)) {                                                                                          \
            Slice product, lane;                                                                                       \
            AND_NOT(product, r_behind, r_two_behind);                                                                  \
            XOR(lane, r, product);                                                                                     \
            if (STORES(j, y, x))                                                                                       \
                STORE(out->of[j][5 * (y) + (x)], lane);                                                                \
            if (NEEDS_PARITY(j, x) && (y) == 0)                                                                        \
                SET(parity, lane);                                                                                     \
            else if (NEEDS_PARITY(j, x))                                                                               \
                ADD(parity, lane);                                                                                     \
        }                                                                                                              \
    } while (0)

#define ROW_IN_PART(j, y)                                                                                              \
    do {                                                                                                               \
        Slice r0, r1, r2, r3, r4;                                                                                      \
        if (TAKES(j, y, 0))                                                                                            \
            BEFORE_CHI_##y##_0(r0, j);                                                                                 \
        if (TAKES(j, y, 1))                                                                                            \
            BEFORE_CHI_##y##_1(r1, j);                                                                                 \
        if (TAKES(j, y, 2))                                                                                            \
            BEFORE_CHI_##y##_2(r2, j);                                                                                 \
        if (TAKES(j, y, 3))                                                                                            \
            BEFORE_CHI_##y##_3(r3, j);                                                                                 \
        if (TAKES(j, y, 4))                                                                                            \
            BEFORE_CHI_##y##_4(r4, j);                                                                                 \
        LANE_IN_PART(j, y, 0, r0, r1, r2, c0);                                                                         \
        LANE_IN_PART(j, y, 1, r1, r2, r3, c1);                                                                         \
        LANE_IN_PART(j, y, 2, r2, r3, r4, c2);                                                                         \
        LANE_IN_PART(j, y, 3, r3, r4, r0, c3);                                                                         \
        LANE_IN_PART(j, y, 4, r4, r0, r1, c4);                                                                         \
    } while (0)

#define SLICE_IN_PART(j)                                                                                               \
    do {                                                                                                               \
        Slice effect;                                                                                                  \
        ROW_IN_PART(j, 0);                                                                                             \
        ROW_IN_PART(j, 1);                                                                                             \
        ROW_IN_PART(j, 2);                                                                                             \
        ROW_IN_PART(j, 3);                                                                                             \
        ROW_IN_PART(j, 4);                                                                                             \
        if (NEEDS_LANE_0(j))                                                                                           \
            EFFECT(effect, j, 0, c4, p1);                                                                              \
        if (NEEDS_LANE_6(j))                                                                                           \
            EFFECT(effect, j, 1, c0, p2);                                                                              \
        if (NEEDS_LANE_12(j))                                                                                          \
            EFFECT(effect, j, 2, c1, p3);                                                                              \
        p1 = c1, p2 = c2, p3 = c3;                                                                                     \
    } while (0)

/* Of the round before the last one, what sliced_zeros_in_part takes. That round's constant is 0x80000001: it has bits
 * in slices 0 and 15, and lane 0 is made in slices 3 to 11. */
static __attribute__((noinline)) SLICES_TARGET void
sliced_round_in_part(const SlicedStates *in, const SlicedEffects *effects, SlicedStates *out,
                     SlicedEffects *out_effects)
{
    Slice c0, c1, c2, c3, c4, p1, p2, p3;

    c2 = c3 = _mm256_setzero_si256(); /* made from slices 6 and 7 on, and copied before */
    SLICE_IN_PART(2);
    SLICE_IN_PART(3);
    SLICE_IN_PART(4);
    SLICE_IN_PART(5);
    SLICE_IN_PART(6);
    SLICE_IN_PART(7);
    SLICE_IN_PART(8);
    SLICE_IN_PART(9);
    SLICE_IN_PART(10);
    SLICE_IN_PART(11);
    SLICE_IN_PART(12);
}

#define ADD_SLICE_SHOWN(j)                                                                                             \
    do {                                                                                                               \
        Slice r0, r1, r2, constant, mask;                                                                              \
        BEFORE_CHI_0_0(r0, j);                                                                                         \
        BEFORE_CHI_0_1(r1, j);                                                                                         \
        BEFORE_CHI_0_2(r2, j);                                                                                         \
        SPREAD(constant, iota[j]);                                                                                     \
        SPREAD(mask, zero_mask[j]);                                                                                    \
        r0 = _mm256_xor_si256(_mm256_xor_si256(r0, _mm256_andnot_si256(r1, r2)), constant);                            \
        shown = _mm256_or_si256(shown, _mm256_and_si256(r0, mask));                                                    \
    } while (0);

/* The states that have no 1 in any word, as a set of bits. */
SLICES_FUNCTION uint64_t states_without(Slice words)
{
    const __m128i two = _mm_or_si128(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));

    return ~(uint64_t)_mm_cvtsi128_si64(_mm_or_si128(two, _mm_unpackhi_epi64(two, two)));
}

/* The states whose first lane, after one more round, is 0 under the mask, as a set of bits. That round's constant and
 * the mask are given in all their slices. */
static __attribute__((noinline)) SLICES_TARGET uint64_t sliced_zeros(const SlicedStates *in,
                                                                     const SlicedEffects *effects,
                                                                     const uint32_t iota[SLICES],
                                                                     const uint32_t zero_mask[SLICES])
{
    Slice shown = _mm256_setzero_si256();

    EACH_SLICE(ADD_SLICE_SHOWN)
    return states_without(shown);
}

/* Those and others: only the tested slices count. */
static __attribute__((noinline)) SLICES_TARGET uint64_t sliced_zeros_in_part(const SlicedStates *in,
                                                                             const SlicedEffects *effects,
                                                                             const uint32_t iota[SLICES],
                                                                             const uint32_t zero_mask[SLICES])
{
    Slice shown = _mm256_setzero_si256();

    EACH_TESTED_SLICE(ADD_SLICE_SHOWN)
    return states_without(shown);
}

#endif
