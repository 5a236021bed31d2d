/* A picture set upright by its coefficients: blocks change places, and their coefficients rows, columns and signs. Nothing is lost. */

#ifndef HALVE_TURNING_H
#define HALVE_TURNING_H

#include "coefficients.h"

/* What an orientation asks for, as Exif counts them (Exif 2.32, 4.6.4): rows taken for columns, from the right, from the bottom. */
typedef struct {
    bool transposed, from_right, from_bottom;
    uint8_t position[BLOCK]; /* where a coefficient goes, by its position */
    bool negated[BLOCK];     /* whether its sign changes */
} Turning;

/* 1 to 8; 1 asks for nothing. */
Turning turning_of(int orientation);

/* Refused where an edge of the picture that lies within an MCU would come to the left or the top: there, files have none. */
Refusal turnable(const Turning *turning, const Frame *frame);

/* The frame of the turned picture. */
Frame turned_frame(const Turning *turning, const Frame *frame);

/* The sieve for coefficients that are yet to be turned, by the one for those that are. */
Sieve sieve_before_turning(const Turning *turning, const Sieve *after);

/* All blocks of a frame's list, turned. `to` is empty at first. */
Refusal turn(const Turning *turning, const Frame *frame, const List *from, List *to);

#endif
