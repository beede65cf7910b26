/* The Python face of the search: the module, its functions and its state. Documented in _search.pyi. The rest of the
 * face: arguments.c checks what is passed in, isas.c chooses kernels, results.c, search_type.c and verify_many.c hold
 * what their names say. Only these include Python.h. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "module.h"

#include "arguments.h"
#include "keccak.h"

/* Bytes that keccak256 hashes with the GIL: fewer take less time than others need to notice. */
#define GIL_HELD_BYTES (64 * 1024)

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

static PyObject *module_keccak256(PyObject *Py_UNUSED(module), PyObject *data)
{
    Py_buffer view;
    uint8_t digest[KECCAK_DIGEST_BYTES];

    if (parse_bytes(data, "data", &view) < 0)
        return NULL;
    if (view.len > GIL_HELD_BYTES) {
        Py_BEGIN_ALLOW_THREADS
        keccak256(view.buf, (size_t)view.len, digest);
        Py_END_ALLOW_THREADS
    } else {
        keccak256(view.buf, (size_t)view.len, digest);
    }
    PyBuffer_Release(&view);
    return PyBytes_FromStringAndSize((const char *)digest, sizeof digest);
}

static PyObject *module_kernel_name(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    const ModuleState *const state = PyModule_GetState(module);
    const Kernel *const kernel = isas_default(&state->isas);

    return kernel == NULL ? NULL : PyUnicode_FromString(kernel->name);
}

static PyObject *module_isas(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    const ModuleState *const state = PyModule_GetState(module);

    return isas_names(&state->isas);
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

    if (isas_init(&state->isas) < 0)
        return -1;
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
