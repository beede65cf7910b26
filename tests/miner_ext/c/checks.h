/* Counts checks, and prints a line for each group of them and one for each that fails. Only for the main thread. */
#ifndef TESTS_CHECKS_H
#define TESTS_CHECKS_H

#include <stdbool.h>

void group_begin(const char *name);
void group_end(void);

/* Returns `passed`. The rest says what was checked, as for printf; only the first failures of a group show it. */
bool check(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The summary's line. Returns the program's exit code: 1 when a check failed or there was none. */
int checks_end(void);

#endif
