#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "isas.h"

#include <stdlib.h>

#include "arguments.h"

#define ISA_VARIABLE "KALE_MINER_ISA"

PyObject *isas_names(const Isas *isas)
{
    PyObject *names = PyTuple_New((Py_ssize_t)isas->count);

    if (names == NULL)
        return NULL;
    for (unsigned i = 0; i < isas->count; i++) {
        PyObject *name = PyUnicode_FromString(isas->kernels[i]->name);

        if (name == NULL || PyTuple_SetItem(names, (Py_ssize_t)i, name) < 0) {
            Py_DECREF(names);
            return NULL;
        }
    }
    return names;
}

/* The kernel of that name; NULL with a ValueError that calls the name `argument` when this machine has none. */
static const Kernel *find_kernel(const Isas *isas, const char *argument, PyObject *name)
{
    PyObject *names;

    for (unsigned i = 0; i < isas->count; i++)
        if (PyUnicode_CompareWithASCIIString(name, isas->kernels[i]->name) == 0)
            return isas->kernels[i];
    names = isas_names(isas);
    if (names != NULL) {
        PyErr_Format(PyExc_ValueError, "%s must be an instruction set of this machine, one of %R, got %R", argument,
                     names, name);
        Py_DECREF(names);
    }
    return NULL;
}

static const Kernel *choose_kernel(const Isas *isas)
{
    const char *const wanted = getenv(ISA_VARIABLE);
    const Kernel *kernel = NULL;
    PyObject *name;

    if (wanted == NULL || *wanted == '\0')
        return isas->kernels[0];
    name = PyUnicode_DecodeFSDefault(wanted);
    if (name != NULL)
        kernel = find_kernel(isas, ISA_VARIABLE, name);
    Py_XDECREF(name);
    return kernel;
}

int isas_init(Isas *isas)
{
    isas->count = kernels_for(cpu_features(), isas->kernels);
    if (KERNELS_NEED_MEASURING)
        kernels_sort_by_speed(isas->kernels, isas->count);
    isas->chosen = choose_kernel(isas);
    if (isas->chosen != NULL)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_ValueError))
        return -1;
    PyErr_Clear();
    return 0;
}

const Kernel *isas_default(const Isas *isas)
{
    return isas->chosen != NULL ? isas->chosen : choose_kernel(isas);
}

const Kernel *isas_parse(const Isas *isas, PyObject *isa)
{
    if (isa == NULL || isa == Py_None)
        return isas_default(isas);
    if (!PyUnicode_Check(isa)) {
        refuse_type("isa", "a str or None", isa);
        return NULL;
    }
    return find_kernel(isas, "isa", isa);
}
