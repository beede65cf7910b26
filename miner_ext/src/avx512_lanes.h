/* Eight states side by side in AVX-512F registers, for scan_template.h: what the two AVX-512 kernels share. */
#ifndef MINER_EXT_AVX512_LANES_H
#define MINER_EXT_AVX512_LANES_H

#include <immintrin.h>
#include <stdint.h>

#define WIDTH_BITS 3
#define KERNEL_TARGET __attribute__((target("avx512f")))

typedef __m512i Lanes;

/* The immediate of a ternary logic instruction is its truth table. */
#define TERNARY_XOR 0x96
#define TERNARY_CHI 0xD2

#define lanes_load(p) _mm512_loadu_si512(p)
#define lanes_store(p, a) _mm512_storeu_si512(p, a)
#define lanes_broadcast(u) _mm512_set1_epi64((long long)(u))
#define lanes_xor(a, b) _mm512_xor_si512(a, b)
#define lanes_xor3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, TERNARY_XOR)
#define lanes_xor5(a, b, c, d, e) lanes_xor3(lanes_xor3(a, b, c), d, e)
#define lanes_theta_effect(a, b) lanes_xor(a, _mm512_rol_epi64(b, 1))
#define lanes_xor_rotate(a, b, n) _mm512_rol_epi64(lanes_xor(a, b), n)
#define lanes_chi(a, b, c) _mm512_ternarylogic_epi64(a, b, c, TERNARY_CHI)
#define lanes_zero_states(a, mask) ((unsigned)_mm512_testn_epi64_mask(a, lanes_broadcast(mask)))

#endif
