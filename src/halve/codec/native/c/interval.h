/* Entropy-coded data, one restart interval at a time, with its stuffing undone (B.1.1.5, F.1.2.3). */

#ifndef HALVE_INTERVAL_H
#define HALVE_INTERVAL_H

#include "markers.h"

/* Bytes that may be read behind an interval's end before anyone looks whether it has ended. A block takes at most 63 AC
 * symbols of 16 + 15 bits, a DC one more, and a refinement pass 63 correction bits: 256 bytes. The rest is for the
 * eight-byte loads. */
enum { SLACK = 512 };

/* One interval; what stands behind `size` is zero for SLACK bytes. */
typedef struct {
    uint8_t *bytes;
    size_t size;
} Interval;

/* Room for intervals of up to `size` bytes as they stand in the file. */
Refusal open_interval(Interval *interval, size_t size);
void close_interval(Interval *interval);

/* Go to the end of the scan that begins here: to the next marker that is no restart. */
Refusal skip_scan(Reader *reader);

/* Take the bytes up to the next marker, stuffing undone. The reader then stands at that marker. */
Refusal read_interval(Reader *reader, Interval *interval);

/* Step over RSTm, which must be the one with number `index` modulo 8 (E.1.4, F.2.2.5). */
Refusal read_restart(Reader *reader, unsigned index);

#endif
