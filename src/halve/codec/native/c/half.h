/* Of two blocks of chroma, or of four, one of half as many samples: as if what it cannot have were left out, and the pixels then
 * averaged two by two. By coefficients alone, in whole numbers, so that it is the same everywhere. */

#ifndef HALVE_HALF_H
#define HALVE_HALF_H

#include "coefficients.h"
#include "zigzag.h"

enum {
    LOW = 4,          /* frequencies of a block that one of half as many samples can have */
    MOST_VALUE = 2047 /* of a coefficient in steps of 1: more than 8-bit samples can give */
};

/* Blocks that one is made of, in each direction: 1 or 2, and 2 in one at least. */
typedef struct {
    int wide, high;
} Halves;

/* What is needed of them, in steps of 1. Values of the left ones come first, or of the upper one where there is no right one; of
 * each half eight of frequency 0 in the direction that is halved first, eight of frequency 1, and so on to 3. */
typedef struct {
    int16_t value[BLOCK];
} Low;

/* Where in it a coefficient of one of the blocks has its place: `x` and `y` are its frequencies. Where those are too high to be
 * needed, that is of no meaning, but within. */
uint8_t place_in_low(Halves halves, bool right, bool lower, int x, int y);

static inline int32_t within(int32_t value, int32_t least, int32_t most) {
    return value < least ? least : value > most ? most : value;
}

/* `right_edge`, `lower_edge`: the picture ends there, so the second block is none, and goes on as in a mirror. Returns the DC;
 * AC as a Band has it, but row by row. */
int make_half(Halves halves, Low *low, bool right_edge, bool lower_edge, uint16_t ac[BLOCK]);

#endif
