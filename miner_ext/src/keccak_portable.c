/* One state at a time, in plain C: for any machine. keccak_portable_bmi2.c compiles it once more. */
#ifndef KERNEL
#define KERNEL kernel_portable
#define KERNEL_TARGET
#endif

#include <stdint.h>

#define WIDTH_BITS 0
#define T_BITS 3 /* a larger tile would take too long for a quick stop */

typedef uint64_t Lanes;

#define lanes_load(p) (*(p))
#define lanes_store(p, a) (*(p) = (a))
#define lanes_broadcast(u) ((Lanes)(u))
#define lanes_xor(a, b) ((a) ^ (b))
#define lanes_xor5(a, b, c, d, e) ((a) ^ (b) ^ (c) ^ (d) ^ (e))
#define lanes_theta_effect(a, b) ((a) ^ keccak_rotate_left(b, 1))
#define lanes_xor_rotate(a, b, n) keccak_rotate_left((a) ^ (b), n)
#define lanes_chi(a, b, c) ((a) ^ (~(b) & (c)))
#define lanes_zero_states(a, mask) (((a) & (mask)) == 0)

#include "scan_template.h"

const Kernel KERNEL = {"portable", TILE_NONCES, scan_tile, hash_many};
