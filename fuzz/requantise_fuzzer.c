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

static Refusal attempt(const uint8_t *data, size_t size, int quality, size_t max_bytes, Result *result) {
    Request request = {quality, max_bytes, MAX_PIXELS};
    return requantise(data, size, &request, result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* any quality, but the same for the same input */
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 16777619u;
    int quality = hash % 4 ? (int)(hash >> 8) % 100 + 1 : 50;

    Result result, again, listed, fitted;
    if (attempt(data, size, quality, 0, &result)) {
        must(attempt(data, size, quality, SIZE_MAX, &listed) != ACCEPTED, "refused at once is refused in a list");
        return 0;
    }

    /* what was written can be read, and means the same: as it is already coded as well as can be, not a byte changes */
    must(attempt(result.output.bytes, result.output.size, 100, 0, &again) == ACCEPTED, "the output is accepted");
    must(again.output.size == result.output.size && memcmp(again.output.bytes, result.output.bytes, result.output.size) == 0,
         "the output requantised to what it is comes out unchanged");
    must(again.width == result.width && again.height == result.height, "the size stays");
    free(again.output.bytes);

    /* the way through a list gives the same */
    must(attempt(data, size, quality, SIZE_MAX, &listed) == ACCEPTED, "accepted at once is accepted in a list");
    must(listed.output.size == result.output.size && memcmp(listed.output.bytes, result.output.bytes, result.output.size) == 0,
         "the list writes the same file");
    free(listed.output.bytes);

    /* a bound is kept, and kept by the same file that its quality gives by itself */
    size_t bound = result.output.size - result.output.size / 4;
    if (attempt(data, size, quality, bound, &fitted) == ACCEPTED) {
        must(fitted.output.size <= bound, "the bound is kept");
        must(attempt(data, size, fitted.quality, 0, &again) == ACCEPTED, "accepted at one quality is accepted at another");
        must(again.output.size == fitted.output.size && memcmp(again.output.bytes, fitted.output.bytes, again.output.size) == 0,
             "the quality that fits gives the same file by itself");
        free(again.output.bytes);
        free(fitted.output.bytes);
    }
    free(result.output.bytes);
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
    for (int bounded = 0; bounded < 2; bounded++) {
        long most = 0;
        Refusal refusal;
        do {
            Result result;
            allocations_left = most++;
            refusal = attempt(data, size, 50, bounded ? size / 2 : 0, &result);
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
