/* Eight states side by side in AVX-512F registers, the hot path by hand: 21 rounds without a spill that is not
 * meant.
 *
 * A round in place has 25 lanes, 5 parities c of the columns, the same rotated by one (r), and 2 temporaries of chi:
 * 37 values for 32 registers. Compilers spill as it comes. Here the five lanes of the row that is done last, one of
 * each column, go to memory; their registers become the parities of their columns, r has five of its own, and when
 * the last row is done, where each column's parity has its last use, the parities' registers become its lanes.
 * Ternary logic does theta in one instruction a lane and chi in another. That makes a round 90 operations for the two
 * ports that execute 512 bits, 9 copies between registers, which CPUs do by renaming, and 5 stores.
 *
 * Every round moves the lanes: after it, each is in the register where it was computed. The macros take the registers
 * as arguments, and AFTER_ROUND says where each lane is then. */
#if defined(__x86_64__)
#include "avx512_lanes.h"
#include "keccak.h"

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

#define COPY(d, a) "vmovdqa64 %%zmm" #a ", %%zmm" #d "\n"
#define TERNARY(table, source, a, d) "vpternlogq $" STRING(table) ", " source ", %%zmm" #a ", %%zmm" #d "\n"
#define XOR3(d, a, b) TERNARY(TERNARY_XOR, "%%zmm" #b, a, d)
#define XOR3_SPILLED(d, a, slot) TERNARY(TERNARY_XOR, "64*" #slot "(%[spilled])", a, d)
#define CHI(d, a, b) TERNARY(TERNARY_CHI, "%%zmm" #b, a, d)
#define ROTATE(d, a, n) "vprolq $" #n ", %%zmm" #a ", %%zmm" #d "\n"
#define SPILL(slot, a) "vmovdqa64 %%zmm" #a ", 64*" #slot "(%[spilled])\n"
#define XOR_CONSTANT(d, a, round) "vpxorq 8*(" #round ")(%[constants])%{1to8%}, %%zmm" #a ", %%zmm" #d "\n"

/* The XOR of a column, in the place of its first. */
#define PARITY(c, a, b, d, e) XOR3(c, a, b) XOR3(c, d, e)
#define THETA(a, c, r) XOR3(a, c, r)
#define THETA_RHO(a, c, r, n) XOR3(a, c, r) ROTATE(a, a, n)
#define THETA_RHO_SPILLED(c, r, slot, n) XOR3_SPILLED(c, r, slot) ROTATE(c, c, n)

/* chi of a row in place: its first two lanes are needed once more at its end. */
#define CHI_IN_PLACE(t, a, b, c, d, e)                                                                                 \
    COPY(t, a) COPY(31, b) CHI(a, b, c) CHI(b, c, d) CHI(c, d, e) CHI(d, e, t) CHI(e, t, 31)

/* chi and iota of the first row. The copy takes the round constant along: the first lane is then in t, and a free. */
#define CHI_IOTA(t, round, a, b, c, d, e)                                                                              \
    XOR_CONSTANT(t, a, round) COPY(31, b) CHI(t, b, c) CHI(b, c, d) CHI(c, d, e) CHI(d, e, a) CHI(e, a, 31)

#define ROUND(round, t, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, \
              a21, a22, a23, a24)                                                                                      \
    ROUND_OF(round, t, a0, a1, a2, a3, a6, a7, a8, a9, a10, a12, a13, a14, a15, a16, a18, a19, a20, a21, a22, a24,     \
             /* c0 to c4, lanes of the fourth row: */ a5, a11, a17, a23, a4, /* r0 to r4: */ 25, 26, 27, 28, 29)
#define ROUND_OF(round, t, a0, a1, a2, a3, a6, a7, a8, a9, a10, a12, a13, a14, a15, a16, a18, a19, a20, a21, a22, a24, \
                 c0, c1, c2, c3, c4, r0, r1, r2, r3, r4)                                                               \
    SPILL(0, c0) SPILL(1, c1) SPILL(2, c2) SPILL(3, c3) SPILL(4, c4)                                                   \
    PARITY(c1, a1, a6, a16, a21) ROTATE(r1, c1, 1)                                                                     \
    PARITY(c2, a2, a7, a12, a22) ROTATE(r2, c2, 1)                                                                     \
    PARITY(c3, a3, a8, a13, a18) ROTATE(r3, c3, 1)                                                                     \
    PARITY(c4, a9, a14, a19, a24) ROTATE(r4, c4, 1)                                                                    \
    PARITY(c0, a0, a10, a15, a20) ROTATE(r0, c0, 1)                                                                    \
    THETA(a0, c4, r1) THETA_RHO(a6, c0, r2, 44) THETA_RHO(a12, c1, r3, 43) THETA_RHO(a18, c2, r4, 21)                  \
        THETA_RHO(a24, c3, r0, 14) CHI_IOTA(t, round, a0, a6, a12, a18, a24)                                           \
    THETA_RHO(a1, c0, r2, 1) THETA_RHO(a7, c1, r3, 6) THETA_RHO(a13, c2, r4, 25) THETA_RHO(a19, c3, r0, 8)             \
        THETA_RHO(a20, c4, r1, 18) CHI_IN_PLACE(a0, a1, a7, a13, a19, a20)                                             \
    THETA_RHO(a2, c1, r3, 62) THETA_RHO(a8, c2, r4, 55) THETA_RHO(a14, c3, r0, 39) THETA_RHO(a15, c4, r1, 41)          \
        THETA_RHO(a21, c0, r2, 2) CHI_IN_PLACE(a0, a2, a8, a14, a15, a21)                                              \
    THETA_RHO(a3, c2, r4, 28) THETA_RHO(a9, c3, r0, 20) THETA_RHO(a10, c4, r1, 3) THETA_RHO(a16, c0, r2, 45)           \
        THETA_RHO(a22, c1, r3, 61) CHI_IN_PLACE(a0, a3, a9, a10, a16, a22)                                             \
    THETA_RHO_SPILLED(c3, r0, 4, 27) THETA_RHO_SPILLED(c4, r1, 0, 36) THETA_RHO_SPILLED(c0, r2, 1, 10)                 \
        THETA_RHO_SPILLED(c1, r3, 2, 15) THETA_RHO_SPILLED(c2, r4, 3, 56) CHI_IN_PLACE(a0, c3, c4, c0, c1, c2)

#define AFTER_ROUND(round, t, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19,\
                    a20, a21, a22, a23, a24)                                                                           \
    round + 1, a0, t, a6, a12, a18, a24, a3, a9, a10, a16, a22, a1, a7, a13, a19, a20, a23, a4, a5, a11, a17, a2, a8,  \
        a14, a15, a21

/* The last round, as far as the digest's first lane needs it. */
#define LAST_ROUND(round, t, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, \
                   a20, a21, a22, a23, a24)                                                                            \
    PARITY(a1, a6, a11, a16, a21) ROTATE(25, a1, 1)                                                                    \
    PARITY(a2, a7, a12, a17, a22) ROTATE(26, a2, 1)                                                                    \
    PARITY(a3, a8, a13, a18, a23) ROTATE(27, a3, 1)                                                                    \
    PARITY(a4, a9, a14, a19, a24)                                                                                      \
    PARITY(a5, a0, a10, a15, a20)                                                                                      \
    THETA(a0, a4, 25) THETA_RHO(a6, a5, 26, 44) THETA_RHO(a12, a1, 27, 43)                                             \
    CHI(a0, a6, a12) XOR_CONSTANT(a0, a0, round)                                                                       \
    "vptestnmq (%[zero_mask])%{1to8%}, %%zmm" #a0 ", %%k1\n"                                                           \
    "kmovw %%k1, %[zero_states]\n"

/* A macro is not expanded inside itself, so each number of rounds has its own. */
#define ROUNDS_1(...) ROUND(__VA_ARGS__) LAST_ROUND_AT(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_2(...) ROUND(__VA_ARGS__) ROUNDS_1(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_3(...) ROUND(__VA_ARGS__) ROUNDS_2(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_4(...) ROUND(__VA_ARGS__) ROUNDS_3(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_5(...) ROUND(__VA_ARGS__) ROUNDS_4(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_6(...) ROUND(__VA_ARGS__) ROUNDS_5(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_7(...) ROUND(__VA_ARGS__) ROUNDS_6(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_8(...) ROUND(__VA_ARGS__) ROUNDS_7(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_9(...) ROUND(__VA_ARGS__) ROUNDS_8(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_10(...) ROUND(__VA_ARGS__) ROUNDS_9(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_11(...) ROUND(__VA_ARGS__) ROUNDS_10(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_12(...) ROUND(__VA_ARGS__) ROUNDS_11(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_13(...) ROUND(__VA_ARGS__) ROUNDS_12(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_14(...) ROUND(__VA_ARGS__) ROUNDS_13(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_15(...) ROUND(__VA_ARGS__) ROUNDS_14(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_16(...) ROUND(__VA_ARGS__) ROUNDS_15(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_17(...) ROUND(__VA_ARGS__) ROUNDS_16(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_18(...) ROUND(__VA_ARGS__) ROUNDS_17(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_19(...) ROUND(__VA_ARGS__) ROUNDS_18(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_20(...) ROUND(__VA_ARGS__) ROUNDS_19(AFTER_ROUND(__VA_ARGS__))
#define ROUNDS_21(...) ROUND(__VA_ARGS__) ROUNDS_20(AFTER_ROUND(__VA_ARGS__))
#define LAST_ROUND_AT(...) LAST_ROUND(__VA_ARGS__)

#define START_LANE(i)                                                                                                  \
    "vmovdqa64 64*" #i "(%[group]), %%zmm" #i "\n"                                                                     \
    "vpxorq 8*" #i "(%[difference])%{1to8%}, %%zmm" #i ", %%zmm" #i "\n"
#define START_LANES(a, b, c, d, e) START_LANE(a) START_LANE(b) START_LANE(c) START_LANE(d) START_LANE(e)

static inline __attribute__((always_inline)) KERNEL_TARGET unsigned
find_zeros_by_hand(const Lanes group[], const uint64_t difference[], uint64_t zero_mask)
{
    Lanes spilled[5];
    unsigned zero_states;

    __asm__(START_LANES(0, 1, 2, 3, 4) CHI_IOTA(30, 1, 0, 1, 2, 3, 4)
            START_LANES(5, 6, 7, 8, 9) CHI_IN_PLACE(0, 5, 6, 7, 8, 9)
            START_LANES(10, 11, 12, 13, 14) CHI_IN_PLACE(0, 10, 11, 12, 13, 14)
            START_LANES(15, 16, 17, 18, 19) CHI_IN_PLACE(0, 15, 16, 17, 18, 19)
            START_LANES(20, 21, 22, 23, 24) CHI_IN_PLACE(0, 20, 21, 22, 23, 24)
            ROUNDS_21(2, 0, 30, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24)
            : [zero_states] "=r"(zero_states), "=m"(spilled)
            : [group] "r"(group), [difference] "r"(difference), [zero_mask] "r"(&zero_mask),
              [constants] "r"(KECCAK_ROUND_CONSTANTS), [spilled] "r"(spilled),
              "m"(*(const Lanes(*)[25])group), "m"(*(const uint64_t(*)[25])difference), "m"(zero_mask)
            : "k1", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
              "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22",
              "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
    return zero_states;
}

#define FIND_ZEROS find_zeros_by_hand
#include "scan_template.h"

const Kernel kernel_avx512 = {"avx512", TILE_NONCES, scan_tile, hash_many};
#else
typedef int no_kernel_for_this_machine;
#endif
