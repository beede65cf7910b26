/* The test program of the C sources: kernels, dispatch and engine, without Python. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "dispatch.h"
#include "tests.h"

static const char USAGE[] =
    "Usage: miner-tests [--percent N] [--part hashes|kernels|dispatch|search] [--expect NAME,NAME,...]\n"
    "       miner-tests --list\n"
    "\n"
    "  --percent N   try about N percent of the cases, 1 to 100\n"
    "  --part PART   only this part\n"
    "  --expect ...  fail unless these are the kernels that this CPU can use, the fastest first\n"
    "  --list        print the kernels that this CPU can use, as --expect takes them\n";

enum { NAMES_BYTES = 256 };

static void usable_names(char names[NAMES_BYTES])
{
    const Kernel *kernels[KERNELS_MAX];
    const unsigned count = kernels_for(cpu_features(), kernels);

    names[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            strncat(names, ",", NAMES_BYTES - strlen(names) - 1);
        strncat(names, kernels[i]->name, NAMES_BYTES - strlen(names) - 1);
    }
}

static void test_expectation(const char *expected)
{
    char names[NAMES_BYTES];

    usable_names(names);
    group_begin("kernels of this CPU");
    check(strcmp(names, expected) == 0, "expected %s, usable are %s", expected, names);
    group_end();
}

int main(int argc, char *argv[])
{
    const char *part = NULL, *expected = NULL;
    char names[NAMES_BYTES];
    unsigned percent = 100;

    usable_names(names);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        printf("%s\n", names);
        return 0;
    }
    for (int i = 1; i < argc; i += 2) {
        const char *const value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--percent") == 0 && atoi(value) >= 1 && atoi(value) <= 100) {
            percent = (unsigned)atoi(value);
        } else if (strcmp(argv[i], "--part") == 0 &&
                   (strcmp(value, "hashes") == 0 || strcmp(value, "kernels") == 0 || strcmp(value, "dispatch") == 0 ||
                    strcmp(value, "search") == 0)) {
            part = value;
        } else if (strcmp(argv[i], "--expect") == 0 && value[0] != '\0') {
            expected = value;
        } else {
            fputs(USAGE, stderr);
            return 2;
        }
    }

    printf("seed %llu, kernels of this CPU: %s\n", (unsigned long long)SEED, names);
    if (expected != NULL)
        test_expectation(expected);
    if (part == NULL || strcmp(part, "hashes") == 0)
        test_hashes();
    if (part == NULL || strcmp(part, "kernels") == 0)
        test_kernels(percent);
    if (part == NULL || strcmp(part, "dispatch") == 0)
        test_dispatch();
    if (part == NULL || strcmp(part, "search") == 0)
        test_search(percent);
    return checks_end();
}
