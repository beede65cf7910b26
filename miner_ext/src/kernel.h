/* What the search engine asks of a kernel: one file an instruction set, keccak_<name>.c, each with one Kernel. */
#ifndef MINER_EXT_KERNEL_H
#define MINER_EXT_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "puzzle.h"

#define TILE_NONCES_MAX 8192u

/* Nonces of a tile, as offsets from its first, in no particular order. */
typedef struct {
    unsigned count;
    uint16_t offsets[TILE_NONCES_MAX];
} TileHits;

typedef struct {
    const char *name;
    /* The nonces of a tile: a power of two of at most TILE_NONCES_MAX, searched in a millisecond or so. */
    unsigned tile_nonces;
    /* Find the nonces of the tile at `tile_low` (the lower half of its first nonce, a multiple of tile_nonces) whose
     * digest's first lane is 0 under zero_mask: all of them and no others. */
    void (*scan_tile)(const NonceSpan *span, uint32_t tile_low, uint64_t zero_mask, TileHits *hits);
    /* keccak256 of `count` messages of PUZZLE_MESSAGE_BYTES each. */
    void (*hash_many)(const uint8_t (*messages)[PUZZLE_MESSAGE_BYTES], size_t count,
                      uint8_t (*digests)[KECCAK_DIGEST_BYTES]);
} Kernel;

extern const Kernel kernel_portable;
#if defined(__x86_64__)
extern const Kernel kernel_portable_bmi2; /* the same source, compiled for CPUs with BMI1 and BMI2 */
extern const Kernel kernel_avx2;
extern const Kernel kernel_avx512;
#elif defined(__aarch64__)
extern const Kernel kernel_neon;
extern const Kernel kernel_neon_sha3;
#endif

#endif
