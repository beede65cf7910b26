/* The Python face of the search: argument checks, types, the GIL. Documented in _search.pyi. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "keccak.h"
#include "puzzle.h"
#include "search.h"

#define ISA_VARIABLE "KALE_MINER_ISA"

typedef struct {
    PyTypeObject *search_type;
    PyTypeObject *solution_type;
    PyTypeObject *progress_type;
    const Kernel *kernels[KERNELS_MAX]; /* that this machine can run, the fastest first */
    unsigned kernel_count;
    const Kernel *kernel; /* for searches that name none; NULL if the environment names one that there isn't */
} ModuleState;

typedef struct {
    PyObject_HEAD
    Search *search;
    Puzzle puzzle;
    uint64_t nonce_from;
    uint64_t nonce_count;
    unsigned threads;
    const Kernel *kernel;
} SearchObject;

/* ---- arguments: copied out, errors state the limit and the value ---- */

static void refuse_type(const char *name, const char *wanted, PyObject *argument)
{
    PyObject *type_name = PyType_GetName(Py_TYPE(argument));

    if (type_name != NULL)
        PyErr_Format(PyExc_TypeError, "%s must be %s, got %U", name, wanted, type_name);
    Py_XDECREF(type_name);
}

static int parse_unsigned(PyObject *argument, const char *name, uint64_t minimum, uint64_t maximum, uint64_t *value)
{
    PyObject *number = NULL;
    int result = -1;

    if (!PyIndex_Check(argument)) {
        refuse_type(name, "an int", argument);
        goto done;
    }
    number = PyNumber_Index(argument);
    if (number == NULL)
        goto done;
    *value = PyLong_AsUnsignedLongLong(number);
    if (*value == UINT64_MAX && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            goto done;
        PyErr_Clear();
    } else if (*value >= minimum && *value <= maximum) {
        result = 0;
        goto done;
    }
    PyErr_Format(PyExc_ValueError, "%s must be from %llu to %llu, got %R", name, (unsigned long long)minimum,
                 (unsigned long long)maximum, number);
done:
    Py_XDECREF(number);
    return result;
}

static int parse_key(PyObject *argument, const char *name, uint8_t key[PUZZLE_KEY_BYTES])
{
    Py_buffer view = {0};
    int result = -1;

    if (!PyObject_CheckBuffer(argument)) {
        refuse_type(name, "bytes", argument);
        goto done;
    }
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        goto done;
    if (view.len != PUZZLE_KEY_BYTES) {
        PyErr_Format(PyExc_ValueError, "%s must be %d bytes, got %zd", name, PUZZLE_KEY_BYTES, view.len);
        goto done;
    }
    memcpy(key, view.buf, PUZZLE_KEY_BYTES);
    result = 0;
done:
    PyBuffer_Release(&view);
    return result;
}

static int parse_puzzle(PyObject *index, PyObject *entropy, PyObject *farmer_key, Puzzle *puzzle)
{
    uint64_t value;

    if (parse_unsigned(index, "index", 0, UINT32_MAX, &value) < 0)
        return -1;
    puzzle->index = (uint32_t)value;
    if (parse_key(entropy, "entropy", puzzle->entropy) < 0)
        return -1;
    return parse_key(farmer_key, "farmer_key", puzzle->farmer_key);
}

static int parse_range(PyObject *nonce_from, PyObject *nonce_count, SearchObject *self)
{
    if (parse_unsigned(nonce_from, "nonce_from", 0, UINT64_MAX, &self->nonce_from) < 0)
        return -1;
    if (parse_unsigned(nonce_count, "nonce_count", 0, UINT64_MAX, &self->nonce_count) < 0)
        return -1;
    if (self->nonce_count > 0 && self->nonce_count - 1 > UINT64_MAX - self->nonce_from) {
        PyErr_Format(PyExc_ValueError,
                     "nonce_from + nonce_count must be at most 2**64 = 18446744073709551616, got %llu + %llu",
                     (unsigned long long)self->nonce_from, (unsigned long long)self->nonce_count);
        return -1;
    }
    return 0;
}

static PyObject *isa_names(const ModuleState *state)
{
    PyObject *names = PyTuple_New((Py_ssize_t)state->kernel_count);

    if (names == NULL)
        return NULL;
    for (unsigned i = 0; i < state->kernel_count; i++) {
        PyObject *name = PyUnicode_FromString(state->kernels[i]->name);

        if (name == NULL || PyTuple_SetItem(names, (Py_ssize_t)i, name) < 0) {
            Py_DECREF(names);
            return NULL;
        }
    }
    return names;
}

/* The kernel of that name; NULL with a ValueError that calls the name `argument` when this machine has none. */
static const Kernel *find_kernel(const ModuleState *state, const char *argument, PyObject *name)
{
    PyObject *names;

    for (unsigned i = 0; i < state->kernel_count; i++)
        if (PyUnicode_CompareWithASCIIString(name, state->kernels[i]->name) == 0)
            return state->kernels[i];
    names = isa_names(state);
    if (names != NULL) {
        PyErr_Format(PyExc_ValueError, "%s must be an instruction set of this machine, one of %R, got %R", argument,
                     names, name);
        Py_DECREF(names);
    }
    return NULL;
}

/* The kernel for searches that name none: the fastest, or the one that the environment asks for. NULL with a ValueError
 * if there is none of that name. */
static const Kernel *choose_kernel(const ModuleState *state)
{
    const char *const wanted = getenv(ISA_VARIABLE);
    const Kernel *kernel = NULL;
    PyObject *name;

    if (wanted == NULL || *wanted == '\0')
        return state->kernels[0];
    name = PyUnicode_DecodeFSDefault(wanted);
    if (name != NULL)
        kernel = find_kernel(state, ISA_VARIABLE, name);
    Py_XDECREF(name);
    return kernel;
}

/* Chosen at the import. What was wrong then is told to whoever needs it, and not to all who import the module. */
static const Kernel *default_kernel(const ModuleState *state)
{
    return state->kernel != NULL ? state->kernel : choose_kernel(state);
}

/* The kernel that an `isa` argument names; the default one for None and for no argument. */
static const Kernel *parse_isa(const ModuleState *state, PyObject *isa)
{
    if (isa == NULL || isa == Py_None)
        return default_kernel(state);
    if (!PyUnicode_Check(isa)) {
        refuse_type("isa", "a str or None", isa);
        return NULL;
    }
    return find_kernel(state, "isa", isa);
}

/* ---- Solution and Progress ---- */

static PyStructSequence_Field solution_fields[] = {
    {"nonce", "the nonce, 0 to 2**64 - 1"},
    {"hash", "keccak256 of the puzzle with this nonce, 32 bytes"},
    {"zeros", "leading zero hex digits of the hash, 0 to 64"},
    {NULL, NULL},
};

static PyStructSequence_Desc solution_desc = {
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

static PyStructSequence_Desc progress_desc = {
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

static PyObject *build_solution(const ModuleState *state, const Solution *solution)
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

static PyObject *build_progress(const ModuleState *state, Search *search)
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

/* ---- Search ---- */

static PyObject *search_new_object(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"index",   "entropy",      "farmer_key", "nonce_from", "nonce_count",
                               "threads", "target_zeros", "isa",        NULL};
    const ModuleState *const state = PyType_GetModuleState(type);
    PyObject *index, *entropy, *farmer_key, *nonce_from, *nonce_count;
    PyObject *threads = NULL, *target_zeros = NULL, *isa = NULL;
    uint64_t thread_count = 1, target = SEARCH_NO_TARGET;
    SearchObject *self = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOO|$OOO:Search", keywords, &index, &entropy, &farmer_key,
                                     &nonce_from, &nonce_count, &threads, &target_zeros, &isa))
        return NULL;
    self = (SearchObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self == NULL)
        return NULL;
    if (parse_puzzle(index, entropy, farmer_key, &self->puzzle) < 0 || parse_range(nonce_from, nonce_count, self) < 0)
        goto error;
    if (threads != NULL && parse_unsigned(threads, "threads", 1, SEARCH_MAX_THREADS, &thread_count) < 0)
        goto error;
    if (target_zeros != NULL && target_zeros != Py_None &&
        parse_unsigned(target_zeros, "target_zeros", 0, PUZZLE_MOST_ZEROS, &target) < 0)
        goto error;
    self->kernel = parse_isa(state, isa);
    if (self->kernel == NULL)
        goto error;
    self->threads = (unsigned)thread_count;
    self->search = search_new(self->kernel, &self->puzzle, self->nonce_from, self->nonce_count, self->threads,
                              (unsigned)target);
    if (self->search == NULL) {
        PyErr_NoMemory();
        goto error;
    }
    return (PyObject *)self;
error:
    Py_DECREF(self);
    return NULL;
}

static int search_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void search_dealloc(PyObject *self)
{
    PyTypeObject *const type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    search_free(((SearchObject *)self)->search);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *search_repr(PyObject *object)
{
    const SearchObject *const self = (SearchObject *)object;

    return PyUnicode_FromFormat("<Search index=%lu nonce_from=%llu nonce_count=%llu threads=%u isa=%s>",
                                (unsigned long)self->puzzle.index, (unsigned long long)self->nonce_from,
                                (unsigned long long)self->nonce_count, self->threads, self->kernel->name);
}

static PyObject *search_run_method(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    Search *const search = ((SearchObject *)self)->search;
    int error;

    if (!search_begin(search)) {
        PyErr_SetString(PyExc_RuntimeError, "a Search runs once, and this one has been run");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    error = search_run(search);
    Py_END_ALLOW_THREADS
    if (error != 0) {
        PyErr_Format(PyExc_OSError, "cannot start %u threads: %s", ((SearchObject *)self)->threads, strerror(error));
        return NULL;
    }
    return build_progress(PyType_GetModuleState(Py_TYPE(self)), search);
}

static PyObject *search_stop_method(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    search_stop(((SearchObject *)self)->search);
    Py_RETURN_NONE;
}

static PyObject *search_progress_method(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return build_progress(PyType_GetModuleState(Py_TYPE(self)), ((SearchObject *)self)->search);
}

PyDoc_STRVAR(search_doc, "Search(index, entropy, farmer_key, nonce_from, nonce_count, *, threads=1, "
                         "target_zeros=None, isa=None)\n--\n\n"
                         "One search for the nonce with the most zeros in a range.");
PyDoc_STRVAR(run_doc, "run($self, /)\n--\n\nSearch the range, blocking, without the GIL; once.");
PyDoc_STRVAR(stop_doc, "stop($self, /)\n--\n\nEnd the run within 2 ms; also one that has not begun.");
PyDoc_STRVAR(progress_doc, "progress($self, /)\n--\n\nThe best so far and the hashes done, at any time.");

static PyMethodDef search_methods[] = {
    {"run", search_run_method, METH_NOARGS, run_doc},
    {"stop", search_stop_method, METH_NOARGS, stop_doc},
    {"progress", search_progress_method, METH_NOARGS, progress_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot search_slots[] = {
    {Py_tp_doc, (void *)search_doc},      {Py_tp_new, search_new_object}, {Py_tp_traverse, search_traverse},
    {Py_tp_dealloc, search_dealloc},      {Py_tp_repr, search_repr},      {Py_tp_methods, search_methods},
    {0, NULL},
};

/* Not a base type: Py_TYPE(self) is always this type, which knows its module. */
static PyType_Spec search_spec = {
    .name = "miner_ext.Search",
    .basicsize = sizeof(SearchObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = search_slots,
};

/* ---- module ---- */

static PyObject *module_verify(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"index", "entropy", "farmer_key", "nonce", NULL};
    PyObject *index, *entropy, *farmer_key, *nonce_argument;
    Puzzle puzzle;
    uint64_t nonce;
    Solution solution;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOO:verify", keywords, &index, &entropy, &farmer_key,
                                     &nonce_argument))
        return NULL;
    if (parse_puzzle(index, entropy, farmer_key, &puzzle) < 0)
        return NULL;
    if (parse_unsigned(nonce_argument, "nonce", 0, UINT64_MAX, &nonce) < 0)
        return NULL;
    puzzle_solve(&puzzle, nonce, &solution);
    return build_solution(PyModule_GetState(module), &solution);
}

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

/* Put the claim at `position` into the batch. An error keeps its type and says which claim it was. */
static int parse_claim(PyObject *claims, Py_ssize_t position, Batch *batch)
{
    PyObject *claim = PyList_GetItem(claims, position); /* borrowed */
    PyObject *index, *entropy, *farmer_key, *nonce;
    Puzzle puzzle;

    if (claim == NULL)
        return -1;
    if (!PyTuple_Check(claim))
        refuse_type("it", "a tuple (index, entropy, farmer_key, nonce)", claim);
    else if (PyArg_ParseTuple(claim, "OOOO", &index, &entropy, &farmer_key, &nonce) &&
        parse_puzzle(index, entropy, farmer_key, &puzzle) == 0 &&
        parse_unsigned(nonce, "nonce", 0, UINT64_MAX, &batch->nonces[position]) == 0) {
        puzzle_message(&puzzle, batch->nonces[position], batch->messages[position]);
        return 0;
    }
    if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyObject *type, *error, *traceback;

        PyErr_Fetch(&type, &error, &traceback);
        PyErr_Format(type, "claim %zd: %S", position, error);
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(traceback);
    }
    return -1;
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

static PyObject *module_verify_many(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"claims", "isa", NULL};
    const ModuleState *const state = PyModule_GetState(module);
    PyObject *iterable, *isa = NULL, *claims = NULL, *result = NULL;
    const Kernel *kernel;
    Batch batch;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$O:verify_many", keywords, &iterable, &isa))
        return NULL;
    kernel = parse_isa(state, isa);
    if (kernel == NULL)
        return NULL;
    claims = PySequence_List(iterable); /* a list of our own, which nobody changes meanwhile */
    if (claims == NULL)
        return NULL;
    if (batch_new(&batch, (size_t)PyList_Size(claims)) < 0)
        goto done;
    for (Py_ssize_t i = 0; i < (Py_ssize_t)batch.count; i++)
        if (parse_claim(claims, i, &batch) < 0)
            goto free_batch;
    Py_BEGIN_ALLOW_THREADS
    kernel->hash_many((const uint8_t(*)[PUZZLE_MESSAGE_BYTES])batch.messages, batch.count, batch.digests);
    Py_END_ALLOW_THREADS
    result = build_solutions(state, &batch);
free_batch:
    batch_free(&batch);
done:
    Py_DECREF(claims);
    return result;
}

static PyObject *module_keccak256(PyObject *Py_UNUSED(module), PyObject *data)
{
    Py_buffer view;
    uint8_t digest[KECCAK_DIGEST_BYTES];

    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    keccak256(view.buf, (size_t)view.len, digest);
    PyBuffer_Release(&view);
    return PyBytes_FromStringAndSize((const char *)digest, sizeof digest);
}

static PyObject *module_kernel_name(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    const Kernel *const kernel = default_kernel(PyModule_GetState(module));

    return kernel == NULL ? NULL : PyUnicode_FromString(kernel->name);
}

static PyObject *module_isas(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    return isa_names(PyModule_GetState(module));
}

PyDoc_STRVAR(verify_doc, "verify($module, /, index, entropy, farmer_key, nonce)\n--\n\n"
                         "The hash and zeros of one nonce, computed anew.");
PyDoc_STRVAR(keccak256_doc, "keccak256($module, data, /)\n--\n\nKeccak-256 (padding 0x01) of any bytes.");
PyDoc_STRVAR(verify_many_doc, "verify_many($module, /, claims, *, isa=None)\n--\n\n"
                              "The hash and zeros of each of many (index, entropy, farmer_key, nonce).");
PyDoc_STRVAR(isas_doc, "isas($module, /)\n--\n\nThe instruction sets that this machine can search with.");
PyDoc_STRVAR(kernel_name_doc, "kernel_name($module, /)\n--\n\nThe instruction set that searches use.");

static PyMethodDef module_methods[] = {
    {"verify", (PyCFunction)(void (*)(void))module_verify, METH_VARARGS | METH_KEYWORDS, verify_doc},
    {"verify_many", (PyCFunction)(void (*)(void))module_verify_many, METH_VARARGS | METH_KEYWORDS, verify_many_doc},
    {"isas", module_isas, METH_NOARGS, isas_doc},
    {"keccak256", module_keccak256, METH_O, keccak256_doc},
    {"kernel_name", module_kernel_name, METH_NOARGS, kernel_name_doc},
    {NULL, NULL, 0, NULL},
};

static int module_exec(PyObject *module)
{
    ModuleState *const state = PyModule_GetState(module);

    state->kernel_count = kernels_for(cpu_features(), state->kernels);
    state->kernel = choose_kernel(state);
    if (state->kernel == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError))
            return -1;
        PyErr_Clear();
    }
    state->search_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &search_spec, NULL);
    if (state->search_type == NULL || PyModule_AddType(module, state->search_type) < 0)
        return -1;
    state->solution_type = PyStructSequence_NewType(&solution_desc);
    if (state->solution_type == NULL || PyModule_AddType(module, state->solution_type) < 0)
        return -1;
    state->progress_type = PyStructSequence_NewType(&progress_desc);
    if (state->progress_type == NULL || PyModule_AddType(module, state->progress_type) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "MAX_THREADS", SEARCH_MAX_THREADS);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    const ModuleState *const state = PyModule_GetState(module);

    Py_VISIT(state->search_type);
    Py_VISIT(state->solution_type);
    Py_VISIT(state->progress_type);
    return 0;
}

static int module_clear(PyObject *module)
{
    ModuleState *const state = PyModule_GetState(module);

    Py_CLEAR(state->search_type);
    Py_CLEAR(state->solution_type);
    Py_CLEAR(state->progress_type);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "miner_ext._search",
    .m_doc = "Search for KALE nonces; see _search.pyi.",
    .m_size = sizeof(ModuleState),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC PyInit__search(void)
{
    return PyModuleDef_Init(&module_definition);
}
