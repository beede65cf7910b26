/* The AVX-512 kernel as a compiler makes it: the twin of keccak_avx512.c, which tests compare it with. */
#if defined(__x86_64__)
#include "avx512_lanes.h"
#include "known_kernels.h"
#include "scan_template.h"

const Kernel kernel_avx512_twin = {"avx512-twin", TILE_NONCES, scan_tile, hash_many};
#else
typedef int no_kernel_for_this_machine;
#endif
