/* Solution and Progress, as Python sees them. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "module.h"

static PyStructSequence_Field solution_fields[] = {
    {"nonce", "the nonce, 0 to 2**64 - 1"},
    {"hash", "keccak256 of the puzzle with this nonce, 32 bytes"},
    {"zeros", "leading zero hex digits of the hash, 0 to 64"},
    {NULL, NULL},
};

PyStructSequence_Desc solution_desc = {
    .name = "miner_ext.Solution",
    .doc = "One nonce with its hash and zeros.",
    .fields = solution_fields,
    .n_in_sequence = 3,
};

static PyStructSequence_Field progress_fields[] = {
    {"best", "the lowest nonce among those with the most zeros: a Solution, or None before the first"},
    {"hashes", "hashes done"},
    {NULL, NULL},
};

PyStructSequence_Desc progress_desc = {
    .name = "miner_ext.Progress",
    .doc = "How far a search is.",
    .fields = progress_fields,
    .n_in_sequence = 2,
};

/* Set one field of a struct sequence under construction: -1 with the exception set if the value could not be made. */
static int set_field(PyObject *sequence, Py_ssize_t position, PyObject *value)
{
    if (value == NULL)
        return -1;
    PyStructSequence_SetItem(sequence, position, value);
    return 0;
}

PyObject *build_solution(const ModuleState *state, const Solution *solution)
{
    PyObject *result = PyStructSequence_New(state->solution_type);

    if (result == NULL)
        return NULL;
    if (set_field(result, 0, PyLong_FromUnsignedLongLong(solution->nonce)) < 0 ||
        set_field(result, 1, PyBytes_FromStringAndSize((const char *)solution->hash, KECCAK_DIGEST_BYTES)) < 0 ||
        set_field(result, 2, PyLong_FromUnsignedLong(solution->zeros)) < 0)
        Py_CLEAR(result);
    return result;
}

PyObject *build_progress(const ModuleState *state, Search *search)
{
    SearchProgress progress;
    PyObject *result = PyStructSequence_New(state->progress_type);

    if (result == NULL)
        return NULL;
    search_progress(search, &progress);
    if (set_field(result, 0, progress.found ? build_solution(state, &progress.best) : Py_NewRef(Py_None)) < 0 ||
        set_field(result, 1, PyLong_FromUnsignedLongLong(progress.hashes)) < 0)
        Py_CLEAR(result);
    return result;
}
