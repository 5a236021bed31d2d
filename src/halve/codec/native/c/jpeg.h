/* The words all parts share. Clauses cited as (B.2.3) are those of ITU-T T.81, the JPEG standard. */

#ifndef HALVE_JPEG_H
#define HALVE_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why this path does not take an image, as a sentence without full stop; ACCEPTED where nothing is wrong. */
typedef const char *Refusal;
#define ACCEPTED ((Refusal)0)
#define TRY(call)                      \
    do {                               \
        Refusal refusal_ = (call);     \
        if (refusal_) return refusal_; \
    } while (0)

#define NO_MEMORY "not enough memory"

enum {
    BLOCK = 64,            /* coefficients of a block, 0 the DC, in zigzag order throughout (A.3.6) */
    MAX_COMPONENTS = 3,    /* grey or three colours; four are left to pixels */
    MAX_TABLES = 4,        /* destinations of each kind of table (B.2.4) */
    MAX_MCU_BLOCKS = 10,   /* blocks of an interleaved MCU (B.2.3) */
    MAX_AC_SIZE = 10,      /* magnitude category of an AC coefficient at 8 bits (F.1.2.2) */
    MAX_DC_SIZE = 11,      /* and of a DC difference (F.1.2.1) */
    MAX_SCANS = 100,       /* more than any encoder writes; bounds the work of a hostile file */
    MAX_ICC_SEGMENTS = 255 /* as many as the profile's own numbering can count */
};

/* A quantisation table: steps in zigzag order, each 1 to 65535 (B.2.4.1). */
typedef struct {
    uint16_t step[BLOCK];
    bool defined;
} QuantTable;

/* A Huffman table as a DHT segment carries it (B.2.4.2): how many codes of each length, and their symbols in order. */
typedef struct {
    uint8_t codes_of_length[17]; /* 1 to 16 are used */
    uint8_t symbol[256];
    int symbols;
    bool defined;
} HuffmanSpec;

typedef struct {
    uint8_t id;
    int h, v;             /* sampling factors, 1 to 4 */
    int quant_table;      /* destination named by the frame header */
    QuantTable quant;     /* what that destination held when the component's first scan began */
    bool halved;          /* by us: its coefficients stand in steps of 1, whatever its table says */
    size_t columns, rows; /* blocks that carry picture, in a row and in a column (A.2.4) */
} Component;

typedef struct {
    size_t width, height; /* pixels */
    bool progressive;
    int components;
    Component component[MAX_COMPONENTS];
    int h_max, v_max;
    size_t mcu_columns, mcu_rows;      /* of an interleaved scan of all components; of blocks where there is one component */
    int mcu_blocks;                    /* blocks of such an MCU */
    int mcu_component[MAX_MCU_BLOCKS]; /* component of each of them, in order */
    int mcu_x[MAX_MCU_BLOCKS], mcu_y[MAX_MCU_BLOCKS]; /* its place within the component's part of the MCU */
} Frame;

/* What is kept of the segments that carry no picture. Pointers lead into the input. */
typedef struct {
    const uint8_t *jfif;                  /* payload of APP0 JFIF, at least 14 bytes, or NULL */
    const uint8_t *adobe;                 /* payload of APP14 Adobe, at least 12 bytes, or NULL */
    const uint8_t *icc[MAX_ICC_SEGMENTS]; /* payloads of APP2 ICC_PROFILE, in order */
    size_t icc_size[MAX_ICC_SEGMENTS];
    int icc_segments;
    bool transposed; /* rows have been made columns, so JFIF's two densities change places */
} Metadata;

#endif
