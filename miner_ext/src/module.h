/* What the files of the Python face share. */
#ifndef MINER_EXT_MODULE_H
#define MINER_EXT_MODULE_H

#include <Python.h>

#include "isas.h"
#include "puzzle.h"
#include "search.h"

typedef struct {
    PyTypeObject *search_type;
    PyTypeObject *solution_type;
    PyTypeObject *progress_type;
    Isas isas;
} ModuleState;

/* results.c */
extern PyStructSequence_Desc solution_desc;
extern PyStructSequence_Desc progress_desc;

PyObject *build_solution(const ModuleState *state, const Solution *solution);
PyObject *build_progress(const ModuleState *state, Search *search);

/* search_type.c */
extern PyType_Spec search_spec;

/* verify_many.c */
PyObject *module_verify_many(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
