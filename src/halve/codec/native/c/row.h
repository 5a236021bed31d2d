/* A row of MCUs, held in a band for each component: where the blocks of an MCU lie in it (A.2.3). */

#ifndef HALVE_ROW_H
#define HALVE_ROW_H

#include "sink.h"

/* A block of every MCU of a row. */
typedef struct {
    int place; /* of its component in the list that the slots were made for */
    int component;
    Band *band;
    size_t start, step; /* its block in the first MCU; how far on it is in the next */
    size_t end;         /* from here on, blocks only fill up MCUs beyond the picture's edge */
} RowSlot;

/* The slots of an MCU of some of the frame's components, in order; `row` counts from the top. Returns how many, at most
 * MAX_MCU_BLOCKS. */
int list_row_slots(RowSlot slots[MAX_MCU_BLOCKS], const Frame *frame, const int *component, int components, Band *bands,
                   size_t row);

/* Give the whole row to the sink, in the order of an interleaved scan. */
Refusal pass_on_row(const Frame *frame, Band *bands, size_t row, Sink *sink);

#endif
