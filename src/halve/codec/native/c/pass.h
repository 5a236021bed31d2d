/* Scans of frames that take several: progressive ones (T.81 Annex G), and sequential ones of a component at a time.
 *
 * All scans of a frame are read side by side, one row of MCUs of each after another, so that no more than that row's coefficients
 * are ever held. */

#ifndef HALVE_PASS_H
#define HALVE_PASS_H

#include "coefficients.h"
#include "huffman.h"
#include "interval.h"
#include "zeros.h"

/* One scan, and how far it has been read. */
typedef struct {
    Scan scan;
    Reader reader; /* at what of the entropy-coded data comes after `interval` */
    size_t end;    /* where in the file that data ends */
    Interval interval;
    Bits bits;              /* within the interval */
    size_t mcus, mcus_left; /* of the scan not begun; of the interval */
    unsigned restart_interval, restarts;
    size_t run; /* blocks to come whose band has ended (G.1.2.2) */
    int32_t predicted[MAX_COMPONENTS];
    const Positions *positions;
    Decoder *dc, *ac; /* one a component, or NULL where the scan has none */
} Pass;

/* What is known of each coefficient so far: its lowest bit, or UNSEEN. */
enum { UNSEEN = -1 };
typedef struct {
    int8_t low[MAX_COMPONENTS][BLOCK];
} Progress;

void progress_start(Progress *progress);

/* Whether every coefficient of every component has come to its last bit. */
bool progress_complete(const Progress *progress, int components);

/* Note a scan whose data the reader stands at, and step over that. */
Refusal open_pass(Pass *pass, Reader *reader, const Tables *tables, const Scan *scan, Progress *progress,
                  const Positions *positions);

/* Read the scan's share of a row of the frame's MCUs into the bands of its components. */
Refusal read_pass(Pass *pass, const Frame *frame, size_t row, Band *bands);

void close_pass(Pass *pass);

#endif
