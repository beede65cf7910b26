#include "checks.h"

#include <stdarg.h>
#include <stdio.h>

enum { FAILURES_SHOWN = 5 }; /* of a group: a wrong kernel is wrong a million times */

static unsigned long passed_before, failed_before, passed_in_group, failed_in_group;
static const char *group_name;

void group_begin(const char *name)
{
    group_name = name;
    passed_in_group = failed_in_group = 0;
}

void group_end(void)
{
    printf("%-44s %9lu passed, %lu failed\n", group_name, passed_in_group, failed_in_group);
    fflush(stdout);
    passed_before += passed_in_group;
    failed_before += failed_in_group;
}

bool check(bool passed, const char *format, ...)
{
    va_list arguments;

    if (passed) {
        passed_in_group++;
        return true;
    }
    if (failed_in_group++ < FAILURES_SHOWN) {
        printf("FAILED: %s: ", group_name);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
        fflush(stdout);
    }
    return false;
}

int checks_end(void)
{
    printf("%lu passed, %lu failed\n", passed_before, failed_before);
    return failed_before > 0 || passed_before == 0;
}
