/* The segments between the entropy-coded data (T.81 Annex B). */

#ifndef HALVE_MARKERS_H
#define HALVE_MARKERS_H

#include "jpeg.h"

enum Marker {
    SOF0 = 0xC0,
    SOF1 = 0xC1,
    SOF2 = 0xC2,
    DHT = 0xC4,
    SOF15 = 0xCF,
    DAC = 0xCC,
    JPG = 0xC8,
    RST0 = 0xD0,
    RST7 = 0xD7,
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    DQT = 0xDB,
    DNL = 0xDC,
    DRI = 0xDD,
    DHP = 0xDE,
    EXP = 0xDF,
    APP0 = 0xE0,
    APP1 = 0xE1,
    APP2 = 0xE2,
    APP14 = 0xEE,
    APP15 = 0xEF,
    COM = 0xFE,
    TEM = 0x01
};

/* The file, and how far it has been read. `at` never passes `size`. */
typedef struct {
    const uint8_t *data;
    size_t size, at;
} Reader;

/* A scan header (B.2.3). */
typedef struct {
    int components;
    int component[MAX_COMPONENTS]; /* indexes into the frame's */
    int dc_table[MAX_COMPONENTS], ac_table[MAX_COMPONENTS];
    int first, last; /* spectral selection: Ss, Se */
    int high, low;   /* successive approximation: Ah, Al */
} Scan;

/* Everything the segments read so far have set. */
typedef struct {
    Frame frame;
    bool has_frame, has_scan;
    QuantTable quant[MAX_TABLES];
    HuffmanSpec dc[MAX_TABLES], ac[MAX_TABLES];
    unsigned restart_interval; /* MCUs; 0: none */
    Metadata metadata;
} Tables;

/* Expect SOI at the very start. */
Refusal read_start(Reader *reader);

/* Read segments up to the next SOS (then `*scan` holds its header and `reader` stands at the entropy-coded data) or EOI
 * (then `*ended` is true). `max_pixels` bounds width × height of the frame. */
Refusal read_segments(Reader *reader, Tables *tables, Scan *scan, bool *ended, uint64_t max_pixels);

/* By a frame's size and sampling factors, the size of each component in blocks (A.1.1, A.2.4) and the order of blocks within an MCU
 * (A.2.3). */
Refusal lay_out(Frame *frame);

#endif
