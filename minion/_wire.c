/* What minion/wire.py does, natively: the stretches in received BSON bytes, and their arrays;
   and arrays to be sent.

   Nothing is read that was not checked to lie inside the bytes. What is not as Minion writes it
   ends in None: then minion/wire.py reads it once more, and says what is wrong. */

#define Py_LIMITED_API 0x030B0000 /* one build for every Python from 3.11 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if PY_BIG_ENDIAN
#error "BSON is little-endian; minion/wire.py reads it on this machine"
#endif

enum { DOUBLE = 0x01, STRING = 0x02, DOCUMENT = 0x03, ARRAY = 0x04, OBJECT_ID = 0x07 };
enum { BOOLEAN = 0x08, DATE = 0x09, NOTHING = 0x0A, INT32 = 0x10, TIMESTAMP = 0x11, INT64 = 0x12 };
enum { END = 0, ELEMENT = 1, FOREIGN = -1 };

#define MANY 32768 /* values; below, letting other threads run costs more than it gives */

typedef struct {
    const uint8_t *place, *end; /* of the elements that are left */
    uint8_t kind;
    const char *name;
    const uint8_t *value; /* NULL: there is none */
    Py_ssize_t size;
} Element;

static int32_t
int32_at(const uint8_t *at)
{
    int32_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

/* Stand before the first element of the document in the next `left` bytes. */
static int
enter(Element *e, const uint8_t *at, Py_ssize_t left)
{
    int32_t size = left < 5 ? 0 : int32_at(at);
    if (size < 5 || size > left || at[size - 1] != 0)
        return FOREIGN;
    e->place = at + 4;
    e->end = at + size - 1;
    return ELEMENT;
}

static int
next(Element *e)
{
    if (e->place >= e->end)
        return END;
    e->kind = e->place[0];
    e->name = (const char *)e->place + 1;
    const uint8_t *stop = memchr(e->name, 0, (size_t)(e->end - e->place - 1));
    if (stop == NULL)
        return FOREIGN;
    e->value = stop + 1;
    Py_ssize_t left = e->end - e->value;
    switch (e->kind) {
    case DOUBLE: case DATE: case TIMESTAMP: case INT64:
        e->size = 8;
        break;
    case INT32:
        e->size = 4;
        break;
    case OBJECT_ID:
        e->size = 12;
        break;
    case BOOLEAN:
        e->size = 1;
        break;
    case NOTHING:
        e->size = 0;
        break;
    case STRING: case DOCUMENT: case ARRAY: {
        int32_t size = left < 4 ? 0 : int32_at(e->value);
        if (size < (e->kind == STRING ? 1 : 5))
            return FOREIGN;
        e->size = (Py_ssize_t)size + (e->kind == STRING ? 4 : 0);
        break;
    }
    default:
        return FOREIGN;
    }
    if (e->size > left)
        return FOREIGN;
    e->place = e->value + e->size;
    return ELEMENT;
}

/* ---------------------------------------------------------------- the fields of a stretch */

enum { SIMULATION, HOSTNAME, CHART, CONTEXT, UNIT, FIRST, LAST, STEP, ROWS, TIMES, DIMENSIONS, FIELDS };
static const char *const NAMES[FIELDS] = {
    "simulation", "hostname", "chart", "context", "unit", "first", "last", "step", "n", "t",
    "dimensions",
};
static const uint8_t KINDS[FIELDS] = {
    OBJECT_ID, STRING, STRING, STRING, STRING, DOUBLE, DOUBLE, DOUBLE, INT32, ARRAY, ARRAY,
};

/* A new reference; NULL without an exception: it is not a text. */
static PyObject *
text(const Element *e)
{
    if (e->value == NULL || e->kind != STRING || e->value[e->size - 1] != 0)
        return NULL;
    PyObject *found = PyUnicode_DecodeUTF8((const char *)e->value + 4, e->size - 5, "strict");
    if (found == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        PyErr_Clear();
    return found;
}

/* A field as an object, likewise; an array is the place where it begins. */
static PyObject *
object(const Element *e, const uint8_t *batch)
{
    double value;
    if (e->value == NULL)
        return Py_NewRef(Py_None);
    switch (e->kind) {
    case STRING:
        return text(e);
    case DOUBLE:
        memcpy(&value, e->value, sizeof value);
        return PyFloat_FromDouble(value);
    case OBJECT_ID:
        return PyBytes_FromStringAndSize((const char *)e->value, e->size);
    case ARRAY:
        return PyLong_FromSsize_t(e->value - batch);
    default:
        return NULL;
    }
}

/* Append each dimension's id and the place of its values. 0: an exception, or foreign. */
static int
dimensions(const Element *array, const uint8_t *batch, PyObject *ids, PyObject *places)
{
    Element one, field;
    int state = enter(&one, array->value, array->size);
    while (state == ELEMENT && (state = next(&one)) == ELEMENT) {
        Element id = {0}, values = {0};
        if (one.kind != DOCUMENT || enter(&field, one.value, one.size) != ELEMENT)
            return 0;
        while ((state = next(&field)) == ELEMENT) {
            if (strcmp(field.name, "id") == 0)
                id = field;
            else if (strcmp(field.name, "values") == 0)
                values = field;
        }
        if (state == FOREIGN || values.value == NULL || values.kind != ARRAY)
            return 0;
        PyObject *name = text(&id);
        PyObject *place = name ? PyLong_FromSsize_t(values.value - batch) : NULL;
        int done = place && PyList_Append(ids, name) == 0 && PyList_Append(places, place) == 0;
        Py_XDECREF(name);
        Py_XDECREF(place);
        if (!done)
            return 0;
        state = ELEMENT;
    }
    return state == END;
}

/* The tuple of one document's fields; NULL: an exception, or foreign. */
static PyObject *
stretch(Element *e, const uint8_t *batch, Py_ssize_t length)
{
    Element found[FIELDS] = {0};
    int state;
    while ((state = next(e)) == ELEMENT)
        for (int field = 0; field < FIELDS; field++)
            if (strcmp(e->name, NAMES[field]) == 0) {
                found[field] = *e;
                break;
            }
    if (state == FOREIGN)
        return NULL;
    for (int field = 0; field < FIELDS; field++) {
        const Element *it = &found[field];
        int optional = field == STEP || field == TIMES;
        if (it->value == NULL ? !optional
                              : it->kind != KINDS[field] && !(field == ROWS && it->kind == INT64))
            return NULL;
    }
    if (found[STEP].value == NULL && found[TIMES].value == NULL)
        return NULL;
    int64_t rows = 0;
    if (found[ROWS].kind == INT64)
        memcpy(&rows, found[ROWS].value, sizeof rows);
    else
        rows = int32_at(found[ROWS].value);
    if (rows < 0 || rows > length)
        return NULL;

    PyObject *ids = PyList_New(0), *places = PyList_New(0);
    PyObject *result = ids && places ? PyTuple_New(FIELDS + 1) : NULL;
    int whole = result && dimensions(&found[DIMENSIONS], batch, ids, places);
    for (int field = 0; whole && field <= FIELDS; field++) {
        PyObject *part = field == ROWS         ? PyLong_FromLongLong(rows)
                         : field == DIMENSIONS ? PyList_AsTuple(ids)
                         : field == FIELDS     ? PyList_AsTuple(places)
                                               : object(&found[field], batch);
        whole = part && PyTuple_SetItem(result, field, part) == 0;
    }
    Py_XDECREF(ids);
    Py_XDECREF(places);
    if (!whole)
        Py_CLEAR(result);
    return result;
}

static PyObject *
stretches(PyObject *Py_UNUSED(module), PyObject *batch)
{
    Py_buffer bytes;
    if (PyObject_GetBuffer(batch, &bytes, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *result = PyList_New(0);
    const uint8_t *start = bytes.buf, *at = start, *end = start + bytes.len;
    while (result && at < end) {
        Element e;
        PyObject *found = NULL;
        if (enter(&e, at, end - at) == ELEMENT) {
            at = e.end + 1;
            found = stretch(&e, start, bytes.len);
        }
        if (found == NULL || PyList_Append(result, found) < 0)
            Py_CLEAR(result);
        Py_XDECREF(found);
    }
    PyBuffer_Release(&bytes);
    if (result == NULL && !PyErr_Occurred())
        Py_RETURN_NONE;
    return result;
}

/* ---------------------------------------------------------------- the arrays */

/* How many of the `count` values of an array are NaN; FOREIGN: they are not that many, or others.

   A key of the length that it has by the rule needs no search for its end: the lowest zero among
   the eight bytes behind the type is found by subtraction. */
static Py_ssize_t
doubles(const uint8_t *at, Py_ssize_t left, char *out, Py_ssize_t count)
{
    Element e;
    if (enter(&e, at, left) != ELEMENT)
        return FOREIGN;
    const uint8_t *place = e.place, *end = e.end;
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    Py_ssize_t nan = 0, border = 10;
    int digits = 1;
    for (Py_ssize_t index = 0; index < count; index++) {
        double value;
        if (index == border) {
            digits++;
            border *= 10;
        }
        if (digits < 7 && end - place >= 10 + digits && place[0] == DOUBLE) {
            uint64_t key;
            memcpy(&key, place + 1, sizeof key);
            uint64_t zeros = (key - ones) & ~key & tops;
            uint64_t up_to_the_end = ((uint64_t)2 << (8 * digits + 7)) - 1;
            if ((zeros & up_to_the_end) == (uint64_t)0x80 << 8 * digits) {
                memcpy(&value, place + 2 + digits, sizeof value);
                place += 10 + digits;
                goto write;
            }
        }
        const uint8_t *stop = place < end ? memchr(place + 1, 0, (size_t)(end - place - 1)) : NULL;
        if (stop == NULL)
            return FOREIGN;
        uint8_t kind = place[0];
        place = stop + 1;
        if (kind == DOUBLE && end - place >= 8) {
            memcpy(&value, place, sizeof value);
            place += 8;
        }
        else if (kind == NOTHING)
            value = NAN;
        else
            return FOREIGN;
    write:
        nan += value != value;
        memcpy(out + 8 * index, &value, sizeof value);
    }
    return place == end ? nan : FOREIGN;
}

static PyObject *
values(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Py_buffer bytes, out;
    if (given != 3 || !PyTuple_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "values(batch, places: tuple, out)");
        return NULL;
    }
    if (PyObject_GetBuffer(args[0], &bytes, PyBUF_SIMPLE) < 0)
        return NULL;
    if (PyObject_GetBuffer(args[2], &out, PyBUF_WRITABLE | PyBUF_STRIDES | PyBUF_FORMAT) < 0) {
        PyBuffer_Release(&bytes);
        return NULL;
    }
    Py_ssize_t arrays = PyTuple_Size(args[1]), nan = 0;
    Py_ssize_t *places = PyMem_Malloc((size_t)(arrays + 1) * sizeof *places);
    if (places == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (out.ndim != 2 || out.format == NULL || strcmp(out.format, "d") != 0
        || out.shape[0] != arrays || (out.shape[1] > 1 && out.strides[1] != 8)) {
        PyErr_SetString(PyExc_ValueError, "out: a row of doubles per array, without gaps");
        goto done;
    }
    for (Py_ssize_t array = 0; array < arrays; array++) {
        places[array] = PyLong_AsSsize_t(PyTuple_GetItem(args[1], array));
        if (places[array] < 0 || places[array] > bytes.len) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "a place outside of the batch");
            goto done;
        }
    }
    PyThreadState *others = arrays * out.shape[1] >= MANY ? PyEval_SaveThread() : NULL;
    for (Py_ssize_t array = 0; array < arrays && nan != FOREIGN; array++) {
        Py_ssize_t found = doubles((const uint8_t *)bytes.buf + places[array],
                                   bytes.len - places[array],
                                   (char *)out.buf + array * out.strides[0], out.shape[1]);
        nan = found == FOREIGN ? FOREIGN : nan + found;
    }
    if (others)
        PyEval_RestoreThread(others);
done:
    PyMem_Free(places);
    PyBuffer_Release(&out);
    PyBuffer_Release(&bytes);
    if (PyErr_Occurred())
        return NULL;
    if (nan == FOREIGN)
        Py_RETURN_NONE;
    return PyLong_FromSsize_t(nan);
}

/* The BSON array of `count` doubles that lie `stride` bytes apart; NaN becomes null. */
static PyObject *
written(const char *at, Py_ssize_t count, Py_ssize_t stride)
{
    Py_ssize_t nan = 0, size = 5, border = 10;
    int digits = 1;
    for (Py_ssize_t index = 0; index < count; index++) {
        double value;
        memcpy(&value, at + index * stride, sizeof value);
        nan += value != value;
        if (index == border) {
            digits++;
            border *= 10;
        }
        size += 10 + digits;
    }
    size -= 8 * nan;
    if (size > INT32_MAX || digits > 10) {
        PyErr_SetString(PyExc_OverflowError, "more values than a BSON array holds");
        return NULL;
    }
    PyObject *array = PyBytes_FromStringAndSize(NULL, size);
    if (array == NULL)
        return NULL;
    uint8_t *place = (uint8_t *)PyBytes_AsString(array);
    int32_t length = (int32_t)size;
    memcpy(place, &length, sizeof length);
    place += 4;
    char key[12] = "0";
    digits = 1;
    for (Py_ssize_t index = 0; index < count; index++) {
        double value;
        memcpy(&value, at + index * stride, sizeof value);
        int there = value == value;
        *place++ = there ? DOUBLE : NOTHING;
        memcpy(place, key, (size_t)digits + 1);
        place += digits + 1;
        if (there) {
            memcpy(place, &value, sizeof value);
            place += 8;
        }
        int digit = digits - 1; /* one more, in decimal */
        while (digit >= 0 && key[digit] == '9')
            key[digit--] = '0';
        if (digit >= 0)
            key[digit]++;
        else {
            key[0] = '1';
            key[digits++] = '0';
            key[digits] = 0;
        }
    }
    *place = 0;
    return Py_BuildValue("Nn", array, nan);
}

static PyObject *
array(PyObject *Py_UNUSED(module), PyObject *doubles)
{
    Py_buffer view;
    if (PyObject_GetBuffer(doubles, &view, PyBUF_STRIDES | PyBUF_FORMAT) < 0)
        return NULL;
    PyObject *result = NULL;
    if (view.ndim != 1 || view.format == NULL || strcmp(view.format, "d") != 0)
        PyErr_SetString(PyExc_ValueError, "array: one row of doubles");
    else
        result = written(view.buf, view.shape[0], view.strides[0]);
    PyBuffer_Release(&view);
    return result;
}

static PyMethodDef methods[] = {
    {"stretches", stretches, METH_O,
     "stretches(batch): a tuple of fields per document of the batch; None: something is foreign."},
    {"values", (PyCFunction)(void (*)(void))values, METH_FASTCALL,
     "values(batch, places, out): decode the arrays at these places of the batch into the rows of\n"
     "out; how many values are NaN. None: something is foreign."},
    {"array", array, METH_O,
     "array(doubles): a BSON array of them, NaN as null, and how many NaN there are."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "minion._wire", "BSON bytes to NumPy's memory; see minion/wire.py.", 0,
    methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__wire(void)
{
    return PyModuleDef_Init(&module);
}
