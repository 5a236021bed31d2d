/* The Python module: one function, which holds no lock while it works. It is built once for every processor, as `_requantiser`, and
 * on x86-64 once more, as `_requantiser_bmi2`, for those that shift by a variable in fewer steps and deposit bits where a mask has them. AMD's before
 * Zen 3 know that too, but take hundreds of cycles for it.
 */

#ifndef Py_GIL_DISABLED
#define Py_LIMITED_API 0x030B0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "requantise.h"

#ifdef BMI2
#define NAME "_requantiser_bmi2"
#define INIT PyInit__requantiser_bmi2
#else
#define NAME "_requantiser"
#define INIT PyInit__requantiser
#endif

PyDoc_STRVAR(
    requantise_doc,
    "requantise(data, quality, max_bytes, max_pixels, orientation, smooth, whole)\n--\n\n"
    "(bytes, quality, width, height) of the requantised JPEG, or a sentence that says why it is not taken. max_bytes 0: any size.");

static PyObject *requantise_in_c(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer data;
    int quality, orientation, smooth, whole;
    Py_ssize_t max_bytes;
    unsigned long long max_pixels;
    if (!PyArg_ParseTuple(args, "y*inKipp:requantise", &data, &quality, &max_bytes, &max_pixels, &orientation, &smooth,
                          &whole))
        return NULL;
    if (quality < 1 || quality > 100 || max_bytes < 0 || orientation < 1 || orientation > 8) {
        PyBuffer_Release(&data);
        PyErr_SetString(PyExc_ValueError, "quality must be from 1 to 100, max_bytes at least 0, orientation from 1 to 8");
        return NULL;
    }
    Request request = {quality, (size_t)max_bytes, max_pixels, orientation, smooth != 0, whole != 0};
    Result result;
    Refusal refusal;
    Py_BEGIN_ALLOW_THREADS refusal = requantise(data.buf, (size_t)data.len, &request, &result);
    Py_END_ALLOW_THREADS PyBuffer_Release(&data);
    if (refusal) return PyUnicode_FromString(refusal);
    PyObject *answer = NULL, *bytes = PyBytes_FromStringAndSize((const char *)result.output.bytes, (Py_ssize_t)result.output.size);
    free(result.output.bytes);
    if (bytes) answer = Py_BuildValue("Ninn", bytes, result.quality, (Py_ssize_t)result.width, (Py_ssize_t)result.height);
    return answer;
}

static PyMethodDef methods[] = {{"requantise", requantise_in_c, METH_VARARGS, requantise_doc}, {NULL, NULL, 0, NULL}};

static PyModuleDef_Slot slots[] = {
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                        .m_name = NAME,
                                        .m_doc = "A JPEG made smaller without ever being a picture.",
                                        .m_size = 0,
                                        .m_methods = methods,
                                        .m_slots = slots};

#ifdef BMI2
static bool is_for_this_processor(void) {
    bool able = __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
    return able && !__builtin_cpu_is("znver1") && !__builtin_cpu_is("znver2") && !__builtin_cpu_is("amdfam15h");
}
#endif

PyMODINIT_FUNC INIT(void) {
#ifdef BMI2
    __builtin_cpu_init();
    if (!is_for_this_processor()) {
        PyErr_SetString(PyExc_ImportError, "this processor has no BMI2, or a slow one");
        return NULL;
    }
#endif
    return PyModuleDef_Init(&definition);
}
