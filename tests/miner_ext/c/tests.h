/* The parts of the test program. `percent` of the cases are tried where trying all would take too long (an emulator,
 * a sanitizer); each part has some that are always tried. */
#ifndef TESTS_TESTS_H
#define TESTS_TESTS_H

#include <stdint.h>

#define SEED UINT64_C(20261122)

void test_hashes(void);
void test_kernels(unsigned percent);
void test_dispatch(void);
void test_search(unsigned percent);

#endif
