/* Search, as Python sees it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "arguments.h"
#include "module.h"

typedef struct {
    PyObject_HEAD
    Search *search;
    Puzzle puzzle;
    uint64_t nonce_from;
    uint64_t nonce_count;
    unsigned threads;
    const Kernel *kernel;
} SearchObject;

static PyObject *search_new_object(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"index",   "entropy",      "farmer_key", "nonce_from", "nonce_count",
                               "threads", "target_zeros", "isa",        NULL};
    const ModuleState *const state = PyType_GetModuleState(type);
    PyObject *index, *entropy, *farmer_key, *nonce_from, *nonce_count;
    PyObject *threads = NULL, *target_zeros = NULL, *isa = NULL;
    uint64_t range_from, range_count, thread_count = 1, target = SEARCH_NO_TARGET;
    const Kernel *kernel;
    Puzzle puzzle;
    SearchObject *self;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOO|$OOO:Search", keywords, &index, &entropy, &farmer_key,
                                     &nonce_from, &nonce_count, &threads, &target_zeros, &isa))
        return NULL;
    if (parse_puzzle(index, entropy, farmer_key, &puzzle) < 0 ||
        parse_range(nonce_from, nonce_count, &range_from, &range_count) < 0)
        return NULL;
    if (threads != NULL && parse_unsigned(threads, "threads", 1, SEARCH_MAX_THREADS, &thread_count) < 0)
        return NULL;
    if (target_zeros != NULL && target_zeros != Py_None &&
        parse_unsigned(target_zeros, "target_zeros", 0, PUZZLE_MOST_ZEROS, &target) < 0)
        return NULL;
    kernel = isas_parse(&state->isas, isa);
    if (kernel == NULL)
        return NULL;
    /* Only now: the object is in the collector's sight once it exists, and parsing may run code that looks there. */
    self = (SearchObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self == NULL)
        return NULL;
    self->puzzle = puzzle;
    self->nonce_from = range_from;
    self->nonce_count = range_count;
    self->threads = (unsigned)thread_count;
    self->kernel = kernel;
    self->search = search_new(kernel, &puzzle, range_from, range_count, (unsigned)thread_count, (unsigned)target);
    if (self->search == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
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
PyDoc_STRVAR(stop_doc, "stop($self, /)\n--\n\n"
                       "Where a core is free, end the run within 2 ms; also one that has not begun.");
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
PyType_Spec search_spec = {
    .name = "miner_ext.Search",
    .basicsize = sizeof(SearchObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = search_slots,
};
