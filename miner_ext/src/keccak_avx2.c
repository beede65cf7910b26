/* Four states side by side in AVX2 registers. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

#define WIDTH_BITS 2
#define T_BITS 4 /* a larger tile would take too long for a quick stop */
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

static inline __attribute__((always_inline)) KERNEL_TARGET unsigned lanes_zero_states(Lanes a, uint64_t mask)
{
    const Lanes shown = _mm256_and_si256(a, lanes_broadcast(mask));

    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(shown, _mm256_setzero_si256())));
}

#include "scan_template.h"

const Kernel kernel_avx2 = {"avx2", TILE_NONCES, scan_tile, hash_many};
#else
typedef int no_kernel_for_this_machine;
#endif
