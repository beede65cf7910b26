#include "kernel.h"

const Kernel *kernel_for_this_machine(void)
{
    return &kernel_portable;
}
