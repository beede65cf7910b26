/* The truth itself: keccak256 and the puzzle against hashes known from elsewhere. */
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "tests.h"
#include "truth.h"

static void test_keccak256(void)
{
    /* Of the empty string and "abc": well known. Of 135 to 137 and 272 times "x", around the block of 136 bytes: by
     * kale/keccak.py. */
    static const struct {
        const char *text;
        size_t repeats;
        const char *digest;
    } KNOWN[] = {
        {"", 1, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
        {"abc", 1, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
        {"x", 135, "16570bdb055e663ea1cb57ac6f09194f4bc7b7070847971fc0b86710366dc34f"},
        {"x", 136, "50da8ef3747b7a7f01d08563aa11c72a2a668563fb928adc6e8d2a1ab4e36096"},
        {"x", 137, "01e0852c139fa337a5d3f746ab3b2d3400442195225e2f10c34702f8f37ae8d3"},
        {"x", 272, "96bc2208643ac0c338f0aee0c5fce6b05e3deab879d939a413e8094ab5895377"},
    };

    group_begin("keccak256: known digests");
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        const size_t length = strlen(KNOWN[i].text);
        uint8_t data[512], digest[KECCAK_DIGEST_BYTES];
        char hex[2 * KECCAK_DIGEST_BYTES + 1];

        for (size_t r = 0; r < KNOWN[i].repeats; r++)
            memcpy(data + r * length, KNOWN[i].text, length);
        keccak256(data, length * KNOWN[i].repeats, digest);
        for (unsigned b = 0; b < KECCAK_DIGEST_BYTES; b++)
            snprintf(hex + 2 * b, 3, "%02x", digest[b]);
        check(strcmp(hex, KNOWN[i].digest) == 0, "\"%s\" %zu times gives %s", KNOWN[i].text, KNOWN[i].repeats, hex);
    }
    group_end();
}

static void test_puzzle(void)
{
    Solution solution;

    group_begin("puzzle: a nonce that KALE accepted");
    puzzle_solve(&KALE_PUZZLE, KALE_SOLUTION.nonce, &solution);
    check(same_solution(&solution, &KALE_SOLUTION), "nonce %llu of block 37", (unsigned long long)KALE_SOLUTION.nonce);
    group_end();
}

/* Digests with each number of zeros, and what stands behind them. */
static void test_zeros(void)
{
    group_begin("puzzle: zeros and their masks");
    for (unsigned zeros = 0; zeros <= PUZZLE_MOST_ZEROS; zeros++) {
        for (unsigned next = 1; next < 16; next++) {
            uint8_t digest[KECCAK_DIGEST_BYTES];

            memset(digest, 0xFF, sizeof digest);
            for (unsigned digit = 0; digit < zeros; digit++)
                digest[digit / 2] &= digit % 2 ? 0xF0 : 0x0F;
            if (zeros < PUZZLE_MOST_ZEROS) {
                digest[zeros / 2] &= zeros % 2 ? 0xF0 : 0x0F;
                digest[zeros / 2] |= (uint8_t)(zeros % 2 ? next : next << 4);
            }
            check(puzzle_zeros(digest) == zeros, "%u zeros, then %x: counted %u", zeros, next, puzzle_zeros(digest));
            for (unsigned wanted = 0; wanted <= PUZZLE_MOST_ZEROS; wanted++) {
                const bool shown = (keccak_load_lane(digest) & puzzle_zero_mask(wanted)) == 0;

                check(shown == (zeros >= (wanted < 16 ? wanted : 16)), "%u zeros under the mask of %u", zeros, wanted);
            }
        }
    }
    group_end();
}

void test_hashes(void)
{
    test_keccak256();
    test_puzzle();
    test_zeros();
}
