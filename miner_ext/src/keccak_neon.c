/* Two states side by side in AdvSIMD registers, with the instructions of every ARMv8-A. */
#if defined(__aarch64__)
#include <arm_neon.h>
#include <stdint.h>

#define WIDTH_BITS 1
#define KERNEL_TARGET
#define T_BITS 3 /* a larger tile would take too long for a quick stop */

typedef uint64x2_t Lanes;

#define lanes_load(p) vld1q_u64(p)
#define lanes_store(p, a) vst1q_u64(p, a)
#define lanes_broadcast(u) vdupq_n_u64(u)
#define lanes_xor(a, b) veorq_u64(a, b)
#define lanes_xor5(a, b, c, d, e) lanes_xor(lanes_xor(lanes_xor(a, b), lanes_xor(c, d)), e)
#define lanes_chi(a, b, c) lanes_xor(a, vbicq_u64(c, b))

/* There is no rotation, but a shift that inserts saves its OR. The intrinsics of compilers want a literal n, which a
 * parameter of a function is not. */
#define lanes_rotate(a, n) vsriq_n_u64(vshlq_n_u64(a, n), a, 64 - (n))
#define lanes_xor_rotate(a, b, n) lanes_rotate(lanes_xor(a, b), n)
#define lanes_theta_effect(a, b) lanes_xor(a, lanes_rotate(b, 1))

static inline __attribute__((always_inline)) unsigned lanes_zero_states(Lanes a, uint64_t mask)
{
    const Lanes zero = vceqzq_u64(vandq_u64(a, lanes_broadcast(mask)));

    return (unsigned)((vgetq_lane_u64(zero, 0) & 1) | (vgetq_lane_u64(zero, 1) & 2));
}

#include "scan_template.h"

const Kernel kernel_neon = {"neon", TILE_NONCES, scan_tile, hash_many};
#else
typedef int no_kernel_for_this_machine;
#endif
