/* A JPEG made smaller without ever being a picture. */

#ifndef HALVE_REQUANTISE_H
#define HALVE_REQUANTISE_H

#include "writer.h"

typedef struct {
    int quality;         /* 1 to 100; with `max_bytes` the best to try */
    size_t max_bytes;    /* 0: no matter */
    uint64_t max_pixels; /* largest width × height to take */
    int orientation;     /* 1 to 8, as Exif counts: it is turned upright */
    bool smooth;         /* brightness in finer steps from block to block than the quality has */
    bool whole;          /* chroma as it was sampled, at any quality */
} Request;

typedef struct {
    Output output;
    int quality;
    size_t width, height;
} Result;

/* Read `data`, requantise, write. On refusal `result` is as it was; otherwise its bytes are the caller's to free. */
Refusal requantise(const uint8_t *data, size_t size, const Request *request, Result *result);

#endif
