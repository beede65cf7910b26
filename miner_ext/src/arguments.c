#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "arguments.h"

#include <stdarg.h>
#include <string.h>

/* Above, an error tells an int's length: Python refuses to print long ones, and nobody would read them. */
enum { BITS_SHOWN = 256 };

PyObject *take_error(void)
{
    PyObject *type, *error, *traceback;

    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(error, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return error;
}

void raise_from(PyObject *cause, PyObject *type, const char *format, ...)
{
    PyObject *text, *error;
    va_list arguments;

    va_start(arguments, format);
    text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (text == NULL) {
        Py_DECREF(cause);
        return;
    }
    PyErr_SetObject(type, text);
    Py_DECREF(text);
    error = take_error();
    PyException_SetCause(error, cause);
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
}

void refuse_type(const char *name, const char *wanted, PyObject *argument)
{
    PyObject *type_name = PyType_GetName(Py_TYPE(argument));

    if (type_name != NULL)
        PyErr_Format(PyExc_TypeError, "%s must be %s, got %U", name, wanted, type_name);
    Py_XDECREF(type_name);
}

/* An int for an error's text. */
static PyObject *show_int(PyObject *number)
{
    PyObject *name, *bits, *text = NULL;
    int overflow = 0;

    name = PyUnicode_InternFromString("bit_length"); /* Python's cache of methods would keep each new str */
    if (name == NULL)
        return NULL;
    bits = PyObject_CallMethodObjArgs(number, name, NULL);
    Py_DECREF(name);
    if (bits == NULL)
        return NULL;
    if (PyLong_AsLong(bits) <= BITS_SHOWN) {
        text = PyObject_Repr(number);
    } else {
        PyLong_AsLongAndOverflow(number, &overflow); /* so long an int overflows: for its sign */
        text = PyUnicode_FromFormat("%s of %S bits", overflow < 0 ? "a negative int" : "an int", bits);
    }
    Py_DECREF(bits);
    return text;
}

static void refuse_value(PyObject *number, const char *name, uint64_t minimum, uint64_t maximum)
{
    PyObject *const value = show_int(number);

    if (value != NULL)
        PyErr_Format(PyExc_ValueError, "%s must be from %llu to %llu, got %U", name, (unsigned long long)minimum,
                     (unsigned long long)maximum, value);
    Py_XDECREF(value);
}

int parse_unsigned(PyObject *argument, const char *name, uint64_t minimum, uint64_t maximum, uint64_t *value)
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
    refuse_value(number, name, minimum, maximum);
done:
    Py_XDECREF(number);
    return result;
}

int parse_bytes(PyObject *argument, const char *name, Py_buffer *view)
{
    PyObject *error;

    if (!PyObject_CheckBuffer(argument)) {
        refuse_type(name, "bytes", argument);
        return -1;
    }
    if (PyObject_GetBuffer(argument, view, PyBUF_SIMPLE) == 0)
        return 0;
    if (PyErr_ExceptionMatches(PyExc_BufferError)) {
        error = take_error();
        raise_from(error, PyExc_ValueError, "%s must be contiguous bytes: %S", name, error);
    }
    return -1;
}

static int parse_key(PyObject *argument, const char *name, uint8_t key[PUZZLE_KEY_BYTES])
{
    Py_buffer view;
    int result = -1;

    if (parse_bytes(argument, name, &view) < 0)
        return -1;
    if (view.len == PUZZLE_KEY_BYTES) {
        memcpy(key, view.buf, PUZZLE_KEY_BYTES);
        result = 0;
    } else {
        PyErr_Format(PyExc_ValueError, "%s must be %d bytes, got %zd", name, PUZZLE_KEY_BYTES, view.len);
    }
    PyBuffer_Release(&view);
    return result;
}

int parse_puzzle(PyObject *index, PyObject *entropy, PyObject *farmer_key, Puzzle *puzzle)
{
    uint64_t value;

    if (parse_unsigned(index, "index", 0, UINT32_MAX, &value) < 0)
        return -1;
    puzzle->index = (uint32_t)value;
    if (parse_key(entropy, "entropy", puzzle->entropy) < 0)
        return -1;
    return parse_key(farmer_key, "farmer_key", puzzle->farmer_key);
}

int parse_range(PyObject *from_argument, PyObject *count_argument, uint64_t *nonce_from, uint64_t *nonce_count)
{
    if (parse_unsigned(from_argument, "nonce_from", 0, UINT64_MAX, nonce_from) < 0)
        return -1;
    if (parse_unsigned(count_argument, "nonce_count", 0, UINT64_MAX, nonce_count) < 0)
        return -1;
    if (*nonce_count > 0 && *nonce_count - 1 > UINT64_MAX - *nonce_from) {
        PyErr_Format(PyExc_ValueError,
                     "nonce_from + nonce_count must be at most 2**64 = 18446744073709551616, got %llu + %llu",
                     (unsigned long long)*nonce_from, (unsigned long long)*nonce_count);
        return -1;
    }
    return 0;
}
