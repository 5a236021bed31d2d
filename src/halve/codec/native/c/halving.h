/* Chroma of full resolution halved: of every two blocks side by side, or one above the other, or of every four, one. What comes is
 * 4:4:4, 4:2:2 or 4:4:0, what goes on is 4:2:0.
 *
 * Blocks come in the order of the file. Two rows of luminance blocks are held back until the MCUs that they make are whole. */

#ifndef HALVE_HALVING_H
#define HALVE_HALVING_H

#include "half.h"
#include "sink.h"

struct Halving {
    const Frame *from;
    Sink *to;                    /* where MCUs of the halved frame go */
    Halves halves;               /* MCUs that come for one that goes on */
    size_t column, row;          /* of the MCU that comes */
    int luminance_blocks;        /* that came of it */
    List luminance[2];           /* the upper row of blocks and the lower */
    Low *chroma[2];              /* of both colours, for the MCUs that go on in a row */
    uint8_t place[2][2][BLOCK];  /* in Low, by position: in the upper blocks and the lower, the left and the right */
    Sieve sieve[2];              /* what is kept of both colours' halved blocks: `least_in_band` row by row */
    size_t columns;              /* MCUs that go on, in a row */
};

/* Below which quality a frame's chroma is halved; 0 where it never is: without chroma, or where that is not of full resolution. At
 * most 90, and no quality at which the source is as coarse as asked: then nothing of it is to be lost. */
int halved_below(const Frame *frame, const Metadata *metadata, bool smooth);

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
