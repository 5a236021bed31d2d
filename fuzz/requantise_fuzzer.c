/* libFuzzer harness of the requantiser, and what must hold of whatever it accepts. Built and run by fuzz/run.
 *
 * With -DREPLAY it is a plain program instead, which tries the files that it is given: for other sanitizers and for coverage. */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "requantise.h"

enum { MAX_PIXELS = 1 << 20 };

static void must(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static bool smooth, whole; /* of all attempts at an input */

static Refusal attempt_turned(const uint8_t *data, size_t size, int quality, size_t max_bytes, int orientation, Result *result) {
    Request request = {quality, max_bytes, MAX_PIXELS, orientation, smooth, whole};
    return requantise(data, size, &request, result);
}

static Refusal attempt(const uint8_t *data, size_t size, int quality, size_t max_bytes, Result *result) {
    return attempt_turned(data, size, quality, max_bytes, 1, result);
}

static void must_be_equal(const Output *one, const Output *other, const char *what) {
    must(one->size == other->size && memcmp(one->bytes, other->bytes, one->size) == 0, what);
}

/* Turned and turned back it is the same; and turned with a bound it keeps that. */
static void try_turning(const uint8_t *data, size_t size, int orientation) {
    Result plain, turned, back;
    if (attempt_turned(data, size, 100, 0, orientation, &turned)) return; /* an edge within an MCU */
    must(attempt(data, size, 100, 0, &plain) == ACCEPTED, "what can be turned is accepted as it is");
    int reverse = orientation == 6 ? 8 : orientation == 8 ? 6 : orientation;
    if (attempt_turned(turned.output.bytes, turned.output.size, 100, 0, reverse, &back) == ACCEPTED) {
        must_be_equal(&back.output, &plain.output, "what is turned back is as it was");
        free(back.output.bytes);
    }
    if (attempt_turned(data, size, 100, size / 2 + 1, orientation, &back) == ACCEPTED) {
        must(back.output.size <= size / 2 + 1, "the bound is kept by what is turned");
        free(back.output.bytes);
    }
    free(plain.output.bytes);
    free(turned.output.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* any quality, but the same for the same input */
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 16777619u;
    int quality = hash % 4 ? (int)(hash >> 8) % 100 + 1 : 50;
    smooth = hash >> 31;
    whole = hash >> 30 & 1;

    Result result, again, listed, fitted;
    if (attempt(data, size, quality, 0, &result)) {
        must(attempt(data, size, quality, SIZE_MAX, &listed) != ACCEPTED, "refused at once is refused in a list");
        return 0;
    }

    /* what was written can be read, and means the same: as it is already coded as well as can be, not a byte changes */
    must(attempt(result.output.bytes, result.output.size, 100, 0, &again) == ACCEPTED, "the output is accepted");
    must_be_equal(&again.output, &result.output, "the output requantised to what it is comes out unchanged");
    must(again.width == result.width && again.height == result.height, "the size stays");
    free(again.output.bytes);

    /* the way through a list gives the same */
    must(attempt(data, size, quality, SIZE_MAX, &listed) == ACCEPTED, "accepted at once is accepted in a list");
    must_be_equal(&listed.output, &result.output, "the list writes the same file");
    free(listed.output.bytes);

    /* a bound is kept, and kept by the same file that its quality gives by itself, unless that is too large with its whole chroma */
    size_t bound = result.output.size - result.output.size / 4;
    if (attempt(data, size, quality, bound, &fitted) == ACCEPTED) {
        must(fitted.output.size <= bound, "the bound is kept");
        must(attempt(data, size, fitted.quality, 0, &again) == ACCEPTED, "accepted at one quality is accepted at another");
        if (again.output.size <= bound)
            must_be_equal(&again.output, &fitted.output, "the quality that fits gives the same file by itself");
        free(again.output.bytes);
        free(fitted.output.bytes);
    }
    free(result.output.bytes);
    try_turning(data, size, (int)(hash >> 16) % 7 + 2);
    return 0;
}

#ifdef STARVE
/* Memory that comes to its end: every allocation after so many fails. */
static long allocations_left;

static int starved(void) { return allocations_left-- <= 0; }

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size) { return starved() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return starved() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *memory, size_t size) { return starved() ? NULL : __real_realloc(memory, size); }

/* All that may happen is a refusal, and nothing may leak. */
static void starve(const uint8_t *data, size_t size) {
    for (int way = 0; way < 4; way++) {
        long most = 0;
        Refusal refusal;
        do {
            Result result;
            allocations_left = most++;
            refusal = attempt_turned(data, size, 50, way & 1 ? size / 2 : 0, way & 2 ? 6 : 1, &result);
            if (!refusal) free(result.output.bytes);
        } while (allocations_left < 0);
        allocations_left = LONG_MAX;
    }
}
#endif

#ifdef REPLAY
int main(int count, char **paths) {
#ifdef STARVE
    allocations_left = LONG_MAX;
#endif
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        if (!file || fseek(file, 0, SEEK_END)) return 2;
        long size = ftell(file);
        uint8_t *data = malloc(size > 0 ? (size_t)size : 1); /* exactly as large as the file, so that a byte too far is seen */
        rewind(file);
        if (!data || fread(data, 1, (size_t)size, file) != (size_t)size) return 2;
        fclose(file);
#ifdef STARVE
        starve(data, (size_t)size);
        allocations_left = LONG_MAX;
#else
        LLVMFuzzerTestOneInput(data, (size_t)size);
#endif
        free(data);
    }
    printf("%d files\n", count - 1);
    return 0;
}
#endif
