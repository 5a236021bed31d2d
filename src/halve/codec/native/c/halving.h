/* Chroma of full resolution halved by its coefficients: of every two blocks side by side, or one above the other, or of every four,
 * one, as if their pixels had been averaged two by two. What comes is 4:4:4, 4:2:2 or 4:4:0, what goes on is 4:2:0.
 *
 * Blocks come in the order of the file. Two rows of luminance blocks are held back until the MCUs that they make are whole. */

#ifndef HALVE_HALVING_H
#define HALVE_HALVING_H

#include "sink.h"

/* A row of chroma's blocks, transformed across: a sum of its pixels' frequencies by block and coefficient, row by row. */
typedef struct {
    int32_t *sum;
    uint8_t *rows; /* by block, which of its eight rows are not zero */
} Across;

struct Halving {
    const Frame *from;
    Sink *to;               /* where MCUs of the halved frame go */
    int wide, high;         /* MCUs that come for one that goes on, 1 or 2 in each direction */
    size_t column, row;     /* of the MCU that comes */
    int place;              /* of its next luminance block */
    List luminance[2];      /* the upper row of blocks and the lower */
    Across chroma[2][2];    /* of both colours, the upper row and the lower */
    size_t columns;         /* MCUs that go on, in a row */
    Sieve sieve[2];         /* what is kept of both colours' halved blocks: `least_in_band` row by row */
    int16_t share[2][4][8]; /* what the first block of two gives to each frequency, and what the second, by its own frequency */
};

/* Below which quality a frame's chroma is halved; 0 where it never is: without chroma, or where that is not of full resolution. At
 * most 90, and no quality at which the source is as coarse as asked: then nothing of it is to be lost. */
int halved_below(const Frame *frame, const Metadata *metadata);

/* The frame that comes of it. */
Frame halved_frame(const Frame *frame);

Refusal halving_open(Halving *halving, const Frame *from, Sink *to);

/* What of chroma's coefficients it takes: those of no higher frequency than the halved chroma can have, so that none of them turns
 * up as a lower one. */
Sieve halving_sieve(const Halving *halving);

void halving_close(Halving *halving);

/* All has come: pass on the rest. */
Refusal halving_finish(Halving *halving);

#endif
