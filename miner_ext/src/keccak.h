/* Keccak-256 with the original padding (0x01), as Ethereum and KALE use it; SHA3-256 pads with 0x06.
 * Reference: "The Keccak reference", version 3.0. Lane (x, y) of that text is index x + 5 * y here. */
#ifndef MINER_EXT_KECCAK_H
#define MINER_EXT_KECCAK_H

#include <stddef.h>
#include <stdint.h>

#define KECCAK_LANES 25
#define KECCAK_ROUNDS 24
#define KECCAK_RATE_BYTES 136
#define KECCAK_DIGEST_BYTES 32

extern const uint64_t KECCAK_ROUND_CONSTANTS[KECCAK_ROUNDS];

static inline uint64_t keccak_rotate_left(uint64_t lane, unsigned bits)
{
    return (lane << (bits & 63)) | (lane >> ((64 - bits) & 63));
}

/* Lanes are little-endian on the wire, whatever the machine is. Compilers make one load, or store, of it. */
static inline uint64_t keccak_load_lane(const uint8_t *bytes)
{
    uint64_t lane = 0;

    for (unsigned i = 0; i < 8; i++)
        lane |= (uint64_t)bytes[i] << (8 * i);
    return lane;
}

static inline void keccak_store_lane(uint8_t *bytes, uint64_t lane)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(lane >> (8 * i));
}

/* theta, rho and pi of one round: all that is linear in it. */
void keccak_theta_rho_pi(const uint64_t lanes[KECCAK_LANES], uint64_t before_chi[KECCAK_LANES]);

void keccak256(const uint8_t *data, size_t length, uint8_t digest[KECCAK_DIGEST_BYTES]);

#endif
