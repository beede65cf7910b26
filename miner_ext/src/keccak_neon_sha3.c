/* Two states side by side in AdvSIMD registers, with the instructions that ARMv8.2 has for Keccak. */
#if defined(__aarch64__)
#include <arm_neon.h>
#include <stdint.h>

#define WIDTH_BITS 1
#if defined(__clang__)
#define KERNEL_TARGET __attribute__((target("sha3")))
#else
#define KERNEL_TARGET __attribute__((target("arch=armv8.2-a+sha3")))
#endif
#define T_BITS 4 /* a larger tile would take too long for a quick stop */

typedef uint64x2_t Lanes;

#define lanes_load(p) vld1q_u64(p)
#define lanes_store(p, a) vst1q_u64(p, a)
#define lanes_broadcast(u) vdupq_n_u64(u)
#define lanes_xor(a, b) veorq_u64(a, b)

/* Assembly, because compilers disagree about these intrinsics: to older clangs they exist only in files that are
 * compiled for SHA-3 as a whole. */
#define SHA3_FUNCTION static inline __attribute__((always_inline)) KERNEL_TARGET

SHA3_FUNCTION Lanes lanes_xor3(Lanes a, Lanes b, Lanes c)
{
    Lanes result;

    __asm__("eor3 %0.16b, %1.16b, %2.16b, %3.16b" : "=w"(result) : "w"(a), "w"(b), "w"(c));
    return result;
}

SHA3_FUNCTION Lanes lanes_theta_effect(Lanes a, Lanes b)
{
    Lanes result;

    __asm__("rax1 %0.2d, %1.2d, %2.2d" : "=w"(result) : "w"(a), "w"(b));
    return result;
}

SHA3_FUNCTION Lanes lanes_chi(Lanes a, Lanes b, Lanes c)
{
    Lanes result;

    __asm__("bcax %0.16b, %1.16b, %2.16b, %3.16b" : "=w"(result) : "w"(a), "w"(c), "w"(b));
    return result;
}

/* XAR rotates right. Its count stands in the instruction, so this cannot be a function. */
#define lanes_xor_rotate(a, b, n)                                                                                      \
    __extension__({                                                                                                    \
        Lanes result;                                                                                                  \
                                                                                                                       \
        __asm__("xar %0.2d, %1.2d, %2.2d, %3" : "=w"(result) : "w"(a), "w"(b), "i"((64 - (n)) & 63));                  \
        result;                                                                                                        \
    })

#define lanes_xor5(a, b, c, d, e) lanes_xor3(lanes_xor3(a, b, c), d, e)

SHA3_FUNCTION unsigned lanes_zero_states(Lanes a, uint64_t mask)
{
    const Lanes zero = vceqzq_u64(vandq_u64(a, lanes_broadcast(mask)));

    return (unsigned)((vgetq_lane_u64(zero, 0) & 1) | (vgetq_lane_u64(zero, 1) & 2));
}

#include "scan_template.h"

const Kernel kernel_neon_sha3 = {"neon-sha3", TILE_NONCES, scan_tile, hash_many};
#else
typedef int no_kernel_for_this_machine;
#endif
