/* Arguments from Python as C values, copied out. What is refused leaves a ValueError that states the limit and the
 * value, or a TypeError. The functions that return an int return -1 then, and 0 otherwise. */
#ifndef MINER_EXT_ARGUMENTS_H
#define MINER_EXT_ARGUMENTS_H

#include <Python.h>
#include <stdint.h>

#include "puzzle.h"

/* TypeError: `name` must be `wanted`, got the argument's type. */
void refuse_type(const char *name, const char *wanted, PyObject *argument);

int parse_unsigned(PyObject *argument, const char *name, uint64_t minimum, uint64_t maximum, uint64_t *value);

/* Any bytes. PyBuffer_Release ends a view that was given. */
int parse_bytes(PyObject *argument, const char *name, Py_buffer *view);

int parse_puzzle(PyObject *index, PyObject *entropy, PyObject *farmer_key, Puzzle *puzzle);

/* None beyond 2^64 - 1. */
int parse_range(PyObject *from_argument, PyObject *count_argument, uint64_t *nonce_from, uint64_t *nonce_count);

/* The exception that is set, as an object of the caller's, and set no more. */
PyObject *take_error(void);

/* Set an exception of this type with `cause`, of which it takes the reference, as its __cause__. */
void raise_from(PyObject *cause, PyObject *type, const char *format, ...);

#endif
