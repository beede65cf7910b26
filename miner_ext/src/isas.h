/* The kernels of this machine under the names that Python knows them by, and which one a search takes. */
#ifndef MINER_EXT_ISAS_H
#define MINER_EXT_ISAS_H

#include <Python.h>

#include "dispatch.h"

typedef struct {
    const Kernel *kernels[KERNELS_MAX]; /* that this machine can run, the fastest first */
    unsigned count;
    const Kernel *chosen; /* for searches that name none; NULL if the environment names one that there isn't */
} Isas;

/* -1 with the exception set when out of memory. A wrong name in the environment is told to whoever needs it, by
 * isas_default, and not to all who import the module. */
int isas_init(Isas *isas);

/* A tuple of str, the fastest first. */
PyObject *isas_names(const Isas *isas);

/* The kernel for searches that name none: the fastest, or the one that the environment asks for. NULL with a ValueError
 * if there is none of that name. */
const Kernel *isas_default(const Isas *isas);

/* The kernel that an `isa` argument names; the default one for None and for no argument (NULL). NULL with the exception
 * set if there is none. */
const Kernel *isas_parse(const Isas *isas, PyObject *isa);

#endif
