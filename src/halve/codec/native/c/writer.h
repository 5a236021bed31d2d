/* The output: a baseline file of as few segments as can be. */

#ifndef HALVE_WRITER_H
#define HALVE_WRITER_H

#include "tokens.h"

typedef struct {
    uint8_t *bytes;
    size_t size;
} Output;

/* Everything but the entropy-coded data, and how the latter is to be coded. */
typedef struct {
    const Frame *frame;
    const Metadata *metadata;
    const Rule *rule; /* one a component */
    HuffmanSpec huffman[OUTPUT_TABLES];
    int tables;    /* 2 for grey, else 4 */
    uint64_t bits; /* entropy-coded, before padding and stuffing */
} Plan;

/* Build the tables for what was counted. */
void make_plan(Plan *plan, const Frame *frame, const Metadata *metadata, const Rule *rule, const Tokens *tokens);

/* The size of the whole file but for stuffing. */
size_t planned_size(const Plan *plan);

/* Write the file. `output->bytes` is the caller's to free. */
Refusal write_file(Output *output, const Plan *plan, const Tokens *tokens);

#endif
