/* Rounds of Keccak on 64 states side by side in slices of bits, for AVX2.
 *
 * AVX2 has no rotation: of a lane it takes three operations. So the states are kept otherwise. Slice j of a lane has
 * the bits j, 16 + j, 32 + j and 48 + j of it, a word of 64 bits each, and each state has one bit of a word. A lane is
 * 16 slices, a state 400. Rotated by n, slice j is what was slice j - n, counted around 16, and each time around turns
 * its words by one: a rotation is another choice among slices and at most one permutation of words. Where the first
 * word of a slice stands is a choice too (FIRST_WORD), made so that few rotations turn words.
 *
 * A round goes slice by slice and row by row, from one array into another, so all that 16 registers must hold is a row
 * before chi, five parities of columns that grow while chi's results come, and the five of the slice before, with which
 * they make what theta will add in the next round. The last row of a slice comes when that is known, and has it added
 * before it is stored. */
#ifndef MINER_EXT_AVX2_SLICES_H
#define MINER_EXT_AVX2_SLICES_H

#include <immintrin.h>
#include <stdint.h>

#include "keccak.h"

#define SLICES_TARGET __attribute__((target("avx2")))
#define SLICES_FUNCTION static inline __attribute__((always_inline)) SLICES_TARGET

enum {
    SLICES = 16,
    SLICE_WORDS = 4,
    SLICE_STATES = 64,
};

typedef __m256i Slice;

/* In the order in which a round makes them. Behind a round, those with THETA_ADDED have what theta adds to them in the
 * next one. */
typedef union {
    Slice of[SLICES][KECCAK_LANES];
    uint64_t words[SLICES][KECCAK_LANES][SLICE_WORDS];
} SlicedStates;

/* What theta adds to the other lanes of a column. */
typedef struct {
    Slice of[SLICES][5];
} SlicedEffects;

/* Lanes that all states share: for each word of each slice a byte of ones or of zeros. */
typedef struct {
    _Alignas(Slice) uint32_t of[KECCAK_LANES][SLICES];
} UniformLanes;

/* Where the first word of slice j is. Any choice is right; with all of them 0, 278 slices of a round would have to be
 * turned, with these 262, and no choice has fewer. */
#define FIRST_WORD(j) ((j) < 2 ? 3 : (j) < 7 ? 2 : (j) < 13 ? 1 : 0)
#define WORD_OF_BIT(bit) (((bit) / SLICES + FIRST_WORD((bit) % SLICES)) % SLICE_WORDS)

/* Which slice becomes slice j when a lane is rotated by n, and how far its words are turned then. */
#define SLICE_BEFORE(j, n) (((j) - (n) + 64) % SLICES)
#define WORDS_TURNED(j, n)                                                                                             \
    (((SLICE_BEFORE(j, n) + (n) - (j)) / SLICES + FIRST_WORD(j) + SLICE_WORDS - FIRST_WORD(SLICE_BEFORE(j, n))) %      \
     SLICE_WORDS)

/* The effects of the first slice need the parities of the last one, so its last row is stored without them. */
#define LAST_ROW 4
#define THETA_ADDED(j, lane) ((j) > 0 && (lane) >= 5 * LAST_ROW)

/* The order of instructions matters: loads and stores spread among the others, so that all ports have work. Compilers
 * arrange them otherwise, so each is a statement that stays where it is. Sanitizers do not see what they read and
 * write: all places are constants. */
#define LOAD(d, m) __asm__ volatile("vmovdqa %1, %0" : "=x"(d) : "m"(m))
#define STORE(m, a) __asm__ volatile("vmovdqa %1, %0" : "=m"(m) : "x"(a))
#define XOR(d, a, b) __asm__ volatile("vpxor %2, %1, %0" : "=x"(d) : "x"(a), "x"(b))
#define XOR_FROM(d, a, m) __asm__ volatile("vpxor %2, %1, %0" : "=x"(d) : "x"(a), "m"(m))
#define AND_NOT(d, a, b) __asm__ volatile("vpandn %2, %1, %0" : "=x"(d) : "x"(a), "x"(b))
#define SPREAD(d, m) __asm__ volatile("vpmovsxbq %1, %0" : "=x"(d) : "m"(m))
#define TURN(d, a, words)                                                                                              \
    __asm__ volatile("vpermq %2, %1, %0" : "=x"(d) : "x"(a), "i"((words) == 1 ? 0x93 : (words) == 2 ? 0x4E : 0x39))

/* theta, rho and pi of slice j of a lane of column x, into r. */
#define BEFORE_CHI(r, j, lane, x, n)                                                                                   \
    do {                                                                                                               \
        LOAD(r, in->of[SLICE_BEFORE(j, n)][lane]);                                                                     \
        if (!THETA_ADDED(SLICE_BEFORE(j, n), lane))                                                                    \
            XOR_FROM(r, r, effects->of[SLICE_BEFORE(j, n)][x]);                                                        \
        if (WORDS_TURNED(j, n) != 0)                                                                                   \
            TURN(r, r, WORDS_TURNED(j, n));                                                                            \
    } while (0)

/* Of slice j of row y, what stands in column x before chi. */
#define BEFORE_CHI_0_0(r, j) BEFORE_CHI(r, j, 0, 0, 0)
#define BEFORE_CHI_0_1(r, j) BEFORE_CHI(r, j, 6, 1, 44)
#define BEFORE_CHI_0_2(r, j) BEFORE_CHI(r, j, 12, 2, 43)
#define BEFORE_CHI_0_3(r, j) BEFORE_CHI(r, j, 18, 3, 21)
#define BEFORE_CHI_0_4(r, j) BEFORE_CHI(r, j, 24, 4, 14)
#define BEFORE_CHI_1_0(r, j) BEFORE_CHI(r, j, 3, 3, 28)
#define BEFORE_CHI_1_1(r, j) BEFORE_CHI(r, j, 9, 4, 20)
#define BEFORE_CHI_1_2(r, j) BEFORE_CHI(r, j, 10, 0, 3)
#define BEFORE_CHI_1_3(r, j) BEFORE_CHI(r, j, 16, 1, 45)
#define BEFORE_CHI_1_4(r, j) BEFORE_CHI(r, j, 22, 2, 61)
#define BEFORE_CHI_2_0(r, j) BEFORE_CHI(r, j, 1, 1, 1)
#define BEFORE_CHI_2_1(r, j) BEFORE_CHI(r, j, 7, 2, 6)
#define BEFORE_CHI_2_2(r, j) BEFORE_CHI(r, j, 13, 3, 25)
#define BEFORE_CHI_2_3(r, j) BEFORE_CHI(r, j, 19, 4, 8)
#define BEFORE_CHI_2_4(r, j) BEFORE_CHI(r, j, 20, 0, 18)
#define BEFORE_CHI_3_0(r, j) BEFORE_CHI(r, j, 4, 4, 27)
#define BEFORE_CHI_3_1(r, j) BEFORE_CHI(r, j, 5, 0, 36)
#define BEFORE_CHI_3_2(r, j) BEFORE_CHI(r, j, 11, 1, 10)
#define BEFORE_CHI_3_3(r, j) BEFORE_CHI(r, j, 17, 2, 15)
#define BEFORE_CHI_3_4(r, j) BEFORE_CHI(r, j, 23, 3, 56)
#define BEFORE_CHI_4_0(r, j) BEFORE_CHI(r, j, 2, 2, 62)
#define BEFORE_CHI_4_1(r, j) BEFORE_CHI(r, j, 8, 3, 55)
#define BEFORE_CHI_4_2(r, j) BEFORE_CHI(r, j, 14, 4, 39)
#define BEFORE_CHI_4_3(r, j) BEFORE_CHI(r, j, 15, 0, 41)
#define BEFORE_CHI_4_4(r, j) BEFORE_CHI(r, j, 21, 1, 2)

#define NO_ROW_0(r, j) (void)0
#define NO_ROW_1(r, j) (void)0
#define NO_ROW_2(r, j) (void)0
#define NO_ROW_3(r, j) (void)0
#define NO_ROW_4(r, j) (void)0

#define SET(parity, lane) (parity) = (lane)
#define ADD(parity, lane) XOR(parity, parity, lane)
#define NO_SLICE_IOTA(j, lane) (void)0
#define SLICE_IOTA(j, lane)                                                                                            \
    do {                                                                                                               \
        SPREAD(product, iota[j]);                                                                                      \
        XOR(lane, lane, product);                                                                                      \
    } while (0)

/* chi of slice j of row y, which is in r0 to r4, into `out` and into the parities, while the row next_y of slice next_j
 * comes into the registers that are free. */
#define CHI_ROW_OF_SLICE(j, y, iota_of, sum, next, next_j)                                                             \
    do {                                                                                                               \
        Slice *const row = &out->of[j][5 * (y)];                                                                       \
        Slice product, last_product, lane;                                                                             \
        AND_NOT(product, r1, r2);                                                                                      \
        XOR(lane, r0, product);                                                                                        \
        iota_of(j, lane);                                                                                              \
        STORE(row[0], lane);                                                                                           \
        sum(c0, lane);                                                                                                 \
        AND_NOT(product, r2, r3);                                                                                      \
        XOR(lane, r1, product);                                                                                        \
        STORE(row[1], lane);                                                                                           \
        sum(c1, lane);                                                                                                 \
        AND_NOT(last_product, r0, r1);                                                                                 \
        AND_NOT(product, r3, r4);                                                                                      \
        XOR(lane, r2, product);                                                                                        \
        STORE(row[2], lane);                                                                                           \
        sum(c2, lane);                                                                                                 \
        next##_2(r2, next_j);                                                                                          \
        AND_NOT(product, r4, r0);                                                                                      \
        XOR(lane, r3, product);                                                                                        \
        STORE(row[3], lane);                                                                                           \
        sum(c3, lane);                                                                                                 \
        next##_0(r0, next_j);                                                                                          \
        next##_3(r3, next_j);                                                                                          \
        XOR(lane, r4, last_product);                                                                                   \
        STORE(row[4], lane);                                                                                           \
        sum(c4, lane);                                                                                                 \
        next##_1(r1, next_j);                                                                                          \
        next##_4(r4, next_j);                                                                                          \
    } while (0)

#define CHI_FIRST_ROWS(j, iota_of, rows)                                                                               \
    CHI_ROW_OF_SLICE(j, 0, iota_of, SET, rows##_1, j);                                                                 \
    CHI_ROW_OF_SLICE(j, 1, NO_SLICE_IOTA, ADD, rows##_2, j);                                                           \
    CHI_ROW_OF_SLICE(j, 2, NO_SLICE_IOTA, ADD, rows##_3, j);                                                           \
    CHI_ROW_OF_SLICE(j, 3, NO_SLICE_IOTA, ADD, rows##_4, j)

/* A column's effect is the parity of the column before and, rotated by 1, of the one behind, which may be turned where
 * it is, as it is needed no longer. */
#define EFFECT(effect, j, x, parity, parity_before)                                                                    \
    do {                                                                                                               \
        if (WORDS_TURNED(j, 1) != 0)                                                                                   \
            TURN(parity_before, parity_before, WORDS_TURNED(j, 1));                                                    \
        XOR(effect, parity, parity_before);                                                                            \
        STORE(out_effects->of[j][x], effect);                                                                          \
    } while (0)

/* Each effect is known as soon as the lane before it is, and is added to its own lane. */
#define CHI_LAST_ROW_OF_SLICE(j, next, next_j)                                                                         \
    do {                                                                                                               \
        Slice *const row = &out->of[j][5 * LAST_ROW];                                                                  \
        Slice product, last_product, first_lane, lane, effect;                                                         \
        AND_NOT(product, r1, r2);                                                                                      \
        XOR(first_lane, r0, product);                                                                                  \
        ADD(c0, first_lane);                                                                                           \
        EFFECT(effect, j, 1, c0, p2);                                                                                  \
        AND_NOT(product, r2, r3);                                                                                      \
        XOR(lane, r1, product);                                                                                        \
        AND_NOT(last_product, r0, r1);                                                                                 \
        ADD(c1, lane);                                                                                                 \
        XOR(lane, lane, effect);                                                                                       \
        STORE(row[1], lane);                                                                                           \
        EFFECT(effect, j, 2, c1, p3);                                                                                  \
        AND_NOT(product, r3, r4);                                                                                      \
        XOR(lane, r2, product);                                                                                        \
        ADD(c2, lane);                                                                                                 \
        XOR(lane, lane, effect);                                                                                       \
        STORE(row[2], lane);                                                                                           \
        EFFECT(effect, j, 3, c2, p4);                                                                                  \
        next##_1(r1, next_j);                                                                                          \
        AND_NOT(product, r4, r0);                                                                                      \
        XOR(lane, r3, product);                                                                                        \
        ADD(c3, lane);                                                                                                 \
        XOR(lane, lane, effect);                                                                                       \
        STORE(row[3], lane);                                                                                           \
        EFFECT(effect, j, 4, c3, p0);                                                                                  \
        next##_2(r2, next_j);                                                                                          \
        next##_0(r0, next_j);                                                                                          \
        XOR(lane, r4, last_product);                                                                                   \
        ADD(c4, lane);                                                                                                 \
        XOR(lane, lane, effect);                                                                                       \
        STORE(row[4], lane);                                                                                           \
        EFFECT(effect, j, 0, c4, p1);                                                                                  \
        XOR(first_lane, first_lane, effect);                                                                           \
        STORE(row[0], first_lane);                                                                                     \
        next##_3(r3, next_j);                                                                                          \
        next##_4(r4, next_j);                                                                                          \
        p0 = c0, p1 = c1, p2 = c2, p3 = c3, p4 = c4;                                                                   \
    } while (0)

/* The effects of the first slice need the parities of the last one. */
#define CHI_FIRST_SLICE(rows)                                                                                          \
    rows##_0_0(r0, 0);                                                                                                 \
    rows##_0_1(r1, 0);                                                                                                 \
    rows##_0_2(r2, 0);                                                                                                 \
    rows##_0_3(r3, 0);                                                                                                 \
    rows##_0_4(r4, 0);                                                                                                 \
    CHI_FIRST_ROWS(0, SLICE_IOTA, rows);                                                                               \
    CHI_ROW_OF_SLICE(0, LAST_ROW, NO_SLICE_IOTA, ADD, rows##_0, 1);                                                    \
    STORE(first[0], c0);                                                                                               \
    STORE(first[1], c1);                                                                                               \
    STORE(first[2], c2);                                                                                               \
    STORE(first[3], c3);                                                                                               \
    STORE(first[4], c4);                                                                                               \
    p0 = c0, p1 = c1, p2 = c2, p3 = c3, p4 = c4

#define EFFECT_OF_FIRST_SLICE(x, parity_of, last_parity)                                                               \
    do {                                                                                                               \
        XOR_FROM(last_parity, last_parity, first[parity_of]);                                                          \
        STORE(out_effects->of[0][x], last_parity);                                                                     \
    } while (0)

/* Before the first slice comes the last one, and none of its words has to be turned. */
_Static_assert(WORDS_TURNED(0, 1) == 0, "the parities of the last slice would have to be turned");
#define EFFECTS_OF_FIRST_SLICE                                                                                         \
    EFFECT_OF_FIRST_SLICE(0, 4, p1);                                                                                   \
    EFFECT_OF_FIRST_SLICE(1, 0, p2);                                                                                   \
    EFFECT_OF_FIRST_SLICE(2, 1, p3);                                                                                   \
    EFFECT_OF_FIRST_SLICE(3, 2, p4);                                                                                   \
    EFFECT_OF_FIRST_SLICE(4, 3, p0)

#define CHI_SLICE(j, iota_of, rows, next_row)                                                                          \
    CHI_FIRST_ROWS(j, iota_of, rows);                                                                                  \
    CHI_LAST_ROW_OF_SLICE(j, next_row, (j) + 1)

/* All slices, whose rows before chi `rows` makes. Round constants have their bits in few of them. */
#define CHI_ALL_SLICES(rows)                                                                                           \
    CHI_FIRST_SLICE(rows);                                                                                             \
    CHI_SLICE(1, SLICE_IOTA, rows, rows##_0);                                                                          \
    CHI_SLICE(2, NO_SLICE_IOTA, rows, rows##_0);                                                                       \
    CHI_SLICE(3, SLICE_IOTA, rows, rows##_0);                                                                          \
    CHI_SLICE(4, NO_SLICE_IOTA, rows, rows##_0);                                                                       \
    CHI_SLICE(5, NO_SLICE_IOTA, rows, rows##_0);                                                                       \
    CHI_SLICE(6, NO_SLICE_IOTA, rows, rows##_0);                                                                       \
    CHI_SLICE(7, SLICE_IOTA, rows, rows##_0);                                                                          \
    CHI_SLICE(8, NO_SLICE_IOTA, rows, rows##_0);                                                                       \
    CHI_SLICE(9, NO_SLICE_IOTA, rows, rows##_0);                                                                       \
    CHI_SLICE(10, NO_SLICE_IOTA, rows, rows##_0);                                                                      \
    CHI_SLICE(11, NO_SLICE_IOTA, rows, rows##_0);                                                                      \
    CHI_SLICE(12, NO_SLICE_IOTA, rows, rows##_0);                                                                      \
    CHI_SLICE(13, NO_SLICE_IOTA, rows, rows##_0);                                                                      \
    CHI_SLICE(14, NO_SLICE_IOTA, rows, rows##_0);                                                                      \
    CHI_SLICE(15, SLICE_IOTA, rows, NO_ROW);                                                                           \
    EFFECTS_OF_FIRST_SLICE

/* A round. */
static __attribute__((noinline)) SLICES_TARGET void
sliced_round(const SlicedStates *in, const SlicedEffects *effects, SlicedStates *out, SlicedEffects *out_effects,
             const uint32_t iota[SLICES])
{
    Slice r0, r1, r2, r3, r4, c0, c1, c2, c3, c4, p0, p1, p2, p3, p4, first[5];

    CHI_ALL_SLICES(BEFORE_CHI);
}

/* Of slice j of a lane before chi: what the states differ in, and what they share. */
#define SHARED(r, j, lane)                                                                                             \
    do {                                                                                                               \
        SPREAD(r, shared->of[lane][j]);                                                                                \
        XOR_FROM(r, r, before_chi->of[j][lane]);                                                                       \
    } while (0)

#define SHARED_0_0(r, j) SHARED(r, j, 0)
#define SHARED_0_1(r, j) SHARED(r, j, 1)
#define SHARED_0_2(r, j) SHARED(r, j, 2)
#define SHARED_0_3(r, j) SHARED(r, j, 3)
#define SHARED_0_4(r, j) SHARED(r, j, 4)
#define SHARED_1_0(r, j) SHARED(r, j, 5)
#define SHARED_1_1(r, j) SHARED(r, j, 6)
#define SHARED_1_2(r, j) SHARED(r, j, 7)
#define SHARED_1_3(r, j) SHARED(r, j, 8)
#define SHARED_1_4(r, j) SHARED(r, j, 9)
#define SHARED_2_0(r, j) SHARED(r, j, 10)
#define SHARED_2_1(r, j) SHARED(r, j, 11)
#define SHARED_2_2(r, j) SHARED(r, j, 12)
#define SHARED_2_3(r, j) SHARED(r, j, 13)
#define SHARED_2_4(r, j) SHARED(r, j, 14)
#define SHARED_3_0(r, j) SHARED(r, j, 15)
#define SHARED_3_1(r, j) SHARED(r, j, 16)
#define SHARED_3_2(r, j) SHARED(r, j, 17)
#define SHARED_3_3(r, j) SHARED(r, j, 18)
#define SHARED_3_4(r, j) SHARED(r, j, 19)
#define SHARED_4_0(r, j) SHARED(r, j, 20)
#define SHARED_4_1(r, j) SHARED(r, j, 21)
#define SHARED_4_2(r, j) SHARED(r, j, 22)
#define SHARED_4_3(r, j) SHARED(r, j, 23)
#define SHARED_4_4(r, j) SHARED(r, j, 24)

/* chi and iota of states before chi, each lane the XOR of what differs and of what all states share. */
static __attribute__((noinline)) SLICES_TARGET void
sliced_chi(const SlicedStates *before_chi, const UniformLanes *shared, SlicedStates *out, SlicedEffects *out_effects,
           const uint32_t iota[SLICES])
{
    Slice r0, r1, r2, r3, r4, c0, c1, c2, c3, c4, p0, p1, p2, p3, p4, first[5];

    CHI_ALL_SLICES(SHARED);
}

#define KEEP_ROW_BEFORE_CHI(j, y)                                                                                      \
    do {                                                                                                               \
        Slice r;                                                                                                       \
        BEFORE_CHI_##y##_0(r, j);                                                                                      \
        STORE(before_chi->of[j][5 * (y) + 0], r);                                                                      \
        BEFORE_CHI_##y##_1(r, j);                                                                                      \
        STORE(before_chi->of[j][5 * (y) + 1], r);                                                                      \
        BEFORE_CHI_##y##_2(r, j);                                                                                      \
        STORE(before_chi->of[j][5 * (y) + 2], r);                                                                      \
        BEFORE_CHI_##y##_3(r, j);                                                                                      \
        STORE(before_chi->of[j][5 * (y) + 3], r);                                                                      \
        BEFORE_CHI_##y##_4(r, j);                                                                                      \
        STORE(before_chi->of[j][5 * (y) + 4], r);                                                                      \
    } while (0)
#define KEEP_SLICE_BEFORE_CHI(j)                                                                                       \
    KEEP_ROW_BEFORE_CHI(j, 0);                                                                                         \
    KEEP_ROW_BEFORE_CHI(j, 1);                                                                                         \
    KEEP_ROW_BEFORE_CHI(j, 2);                                                                                         \
    KEEP_ROW_BEFORE_CHI(j, 3);                                                                                         \
    KEEP_ROW_BEFORE_CHI(j, 4);

#define EACH_SLICE(of_slice)                                                                                           \
    of_slice(0) of_slice(1) of_slice(2) of_slice(3) of_slice(4) of_slice(5) of_slice(6) of_slice(7)                    \
    of_slice(8) of_slice(9) of_slice(10) of_slice(11) of_slice(12) of_slice(13) of_slice(14) of_slice(15)

/* theta, rho and pi. */
static __attribute__((noinline)) SLICES_TARGET void sliced_before_chi(const SlicedStates *in,
                                                                      const SlicedEffects *effects,
                                                                      SlicedStates *before_chi)
{
    EACH_SLICE(KEEP_SLICE_BEFORE_CHI)
}

/* Four bytes of a lane's, one for each word of slice j, in the order of these words. */
#define BYTES_OF_WORDS(bytes, j)                                                                                       \
    (int)((bytes) << 8 * FIRST_WORD(j) | (uint64_t)(bytes) >> (32 - 8 * FIRST_WORD(j)))

/* The bytes of one of UniformLanes. The lane's even bytes have the bits of slices 0 to 7, its odd ones the others. */
SLICES_FUNCTION void uniform_lane(uint64_t lane, uint32_t of_slice[SLICES])
{
    const Slice all = _mm256_set1_epi64x((long long)lane);
    const Slice bits = _mm256_setr_epi32(0x01010101, 0x02020202, 0x04040404, 0x08080808, 0x10101010, 0x20202020,
                                         0x40404040, (int)0x80808080);
#define BYTES_OF_EIGHT(bytes, j)                                                                                       \
    _mm256_setr_epi32(BYTES_OF_WORDS(bytes, (j) + 0), BYTES_OF_WORDS(bytes, (j) + 1), BYTES_OF_WORDS(bytes, (j) + 2),  \
                      BYTES_OF_WORDS(bytes, (j) + 3), BYTES_OF_WORDS(bytes, (j) + 4), BYTES_OF_WORDS(bytes, (j) + 5),  \
                      BYTES_OF_WORDS(bytes, (j) + 6), BYTES_OF_WORDS(bytes, (j) + 7))
    const Slice even = _mm256_and_si256(_mm256_shuffle_epi8(all, BYTES_OF_EIGHT(0x06040200u, 0)), bits);
    const Slice odd = _mm256_and_si256(_mm256_shuffle_epi8(all, BYTES_OF_EIGHT(0x07050301u, 8)), bits);
#undef BYTES_OF_EIGHT

    _mm256_storeu_si256((Slice *)of_slice, _mm256_cmpeq_epi8(even, bits));
    _mm256_storeu_si256((Slice *)(of_slice + SLICES / 2), _mm256_cmpeq_epi8(odd, bits));
}

SLICES_FUNCTION void uniform_lanes(const uint64_t lanes[KECCAK_LANES], UniformLanes *uniform)
{
    for (unsigned i = 0; i < KECCAK_LANES; i++)
        uniform_lane(lanes[i], uniform->of[i]);
}

#endif
