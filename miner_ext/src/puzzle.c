#include "puzzle.h"

#include <string.h>

enum { NONCE_AT = 4, ENTROPY_AT = 12, FARMER_KEY_AT = 44 };

static void store_big_endian(uint8_t *bytes, unsigned size, uint64_t value)
{
    for (unsigned i = size; i-- > 0; value >>= 8)
        bytes[i] = (uint8_t)value;
}

void puzzle_message(const Puzzle *puzzle, uint64_t nonce, uint8_t message[PUZZLE_MESSAGE_BYTES])
{
    store_big_endian(message, 4, puzzle->index);
    store_big_endian(message + NONCE_AT, 8, nonce);
    memcpy(message + ENTROPY_AT, puzzle->entropy, PUZZLE_KEY_BYTES);
    memcpy(message + FARMER_KEY_AT, puzzle->farmer_key, PUZZLE_KEY_BYTES);
}

unsigned puzzle_zeros(const uint8_t digest[KECCAK_DIGEST_BYTES])
{
    unsigned bytes = 0;

    while (bytes < KECCAK_DIGEST_BYTES && digest[bytes] == 0)
        bytes++;
    return 2 * bytes + (bytes < KECCAK_DIGEST_BYTES && digest[bytes] < 0x10);
}

void puzzle_span(const Puzzle *puzzle, uint32_t nonce_high, NonceSpan *span)
{
    uint8_t block[KECCAK_RATE_BYTES] = {0};
    uint64_t lanes[KECCAK_LANES] = {0};

    puzzle_message(puzzle, (uint64_t)nonce_high << 32, block);
    block[PUZZLE_MESSAGE_BYTES] = 0x01;
    block[KECCAK_RATE_BYTES - 1] |= 0x80;
    for (unsigned i = 0; i < KECCAK_RATE_BYTES / 8; i++)
        lanes[i] = keccak_load_lane(block + 8 * i);
    keccak_theta_rho_pi(lanes, span->before_chi);
}

void puzzle_solve(const Puzzle *puzzle, uint64_t nonce, Solution *solution)
{
    uint8_t message[PUZZLE_MESSAGE_BYTES];

    puzzle_message(puzzle, nonce, message);
    solution->nonce = nonce;
    keccak256(message, sizeof message, solution->hash);
    solution->zeros = puzzle_zeros(solution->hash);
}

uint64_t puzzle_zero_mask(unsigned zeros)
{
    uint8_t mask[8] = {0};

    for (unsigned digit = 0; digit < zeros && digit < 16; digit++)
        mask[digit / 2] |= digit % 2 ? 0x0F : 0xF0;
    return keccak_load_lane(mask);
}
