/* verify_many: a batch of claims, checked one by one, hashed together without the GIL. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "arguments.h"
#include "module.h"

enum { CLAIM_ITEMS = 4 };

/* Messages of one call of verify_many, their nonces and digests: what is worked on without the GIL. */
typedef struct {
    size_t count;
    uint64_t *nonces;
    uint8_t (*messages)[PUZZLE_MESSAGE_BYTES];
    uint8_t (*digests)[KECCAK_DIGEST_BYTES];
} Batch;

static void batch_free(Batch *batch)
{
    PyMem_Free(batch->nonces);
    PyMem_Free(batch->messages);
    PyMem_Free(batch->digests);
}

static int batch_new(Batch *batch, size_t count)
{
    const size_t room = count > 0 ? count : 1;

    batch->count = count;
    batch->nonces = PyMem_Calloc(room, sizeof *batch->nonces);
    batch->messages = PyMem_Calloc(room, sizeof *batch->messages);
    batch->digests = PyMem_Calloc(room, sizeof *batch->digests);
    if (batch->nonces != NULL && batch->messages != NULL && batch->digests != NULL)
        return 0;
    batch_free(batch);
    PyErr_NoMemory();
    return -1;
}

static int parse_claim(PyObject *claim, uint64_t *nonce, uint8_t message[PUZZLE_MESSAGE_BYTES])
{
    Puzzle puzzle;

    if (!PyTuple_Check(claim)) {
        refuse_type("it", "a tuple (index, entropy, farmer_key, nonce)", claim);
        return -1;
    }
    if (PyTuple_Size(claim) != CLAIM_ITEMS) {
        PyErr_Format(PyExc_TypeError, "it must have %d items (index, entropy, farmer_key, nonce), got %zd", CLAIM_ITEMS,
                     PyTuple_Size(claim));
        return -1;
    }
    if (parse_puzzle(PyTuple_GetItem(claim, 0), PyTuple_GetItem(claim, 1), PyTuple_GetItem(claim, 2), &puzzle) < 0 ||
        parse_unsigned(PyTuple_GetItem(claim, 3), "nonce", 0, UINT64_MAX, nonce) < 0)
        return -1;
    puzzle_message(&puzzle, *nonce, message);
    return 0;
}

/* Say which claim it was that is wrong. The new error is none of a subclass: those take arguments of their own. */
static void name_claim(Py_ssize_t position)
{
    PyObject *type, *error;

    if (PyErr_ExceptionMatches(PyExc_ValueError))
        type = PyExc_ValueError;
    else if (PyErr_ExceptionMatches(PyExc_TypeError))
        type = PyExc_TypeError;
    else
        return;
    error = take_error();
    raise_from(error, type, "claim %zd: %S", position, error);
}

/* Put all claims of the list into the batch. */
static int parse_claims(PyObject *claims, Batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (parse_claim(PyList_GetItem(claims, (Py_ssize_t)i), &batch->nonces[i], batch->messages[i]) < 0) {
            name_claim((Py_ssize_t)i);
            return -1;
        }
    }
    return 0;
}

static PyObject *build_solutions(const ModuleState *state, const Batch *batch)
{
    PyObject *solutions = PyList_New((Py_ssize_t)batch->count);

    for (size_t i = 0; solutions != NULL && i < batch->count; i++) {
        Solution solution = {.nonce = batch->nonces[i], .zeros = puzzle_zeros(batch->digests[i])};
        PyObject *item;

        memcpy(solution.hash, batch->digests[i], sizeof solution.hash);
        item = build_solution(state, &solution);
        if (item == NULL || PyList_SetItem(solutions, (Py_ssize_t)i, item) < 0)
            Py_CLEAR(solutions);
    }
    return solutions;
}

PyObject *module_verify_many(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"claims", "isa", NULL};
    const ModuleState *const state = PyModule_GetState(module);
    PyObject *iterable, *isa = NULL, *claims = NULL, *result = NULL;
    const Kernel *kernel;
    Batch batch;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$O:verify_many", keywords, &iterable, &isa))
        return NULL;
    kernel = isas_parse(&state->isas, isa);
    if (kernel == NULL)
        return NULL;
    claims = PySequence_List(iterable); /* a list of our own, which nobody changes meanwhile */
    if (claims == NULL)
        return NULL;
    if (batch_new(&batch, (size_t)PyList_Size(claims)) < 0)
        goto done;
    if (parse_claims(claims, &batch) == 0) {
        Py_BEGIN_ALLOW_THREADS
        kernel->hash_many((const uint8_t(*)[PUZZLE_MESSAGE_BYTES])batch.messages, batch.count, batch.digests);
        Py_END_ALLOW_THREADS
        result = build_solutions(state, &batch);
    }
    batch_free(&batch);
done:
    Py_DECREF(claims);
    return result;
}
