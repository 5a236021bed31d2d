/* Scans of sequential frames (T.81 Annex F). */

#ifndef HALVE_SEQUENTIAL_H
#define HALVE_SEQUENTIAL_H

#include "interval.h"
#include "sink.h"

/* A scan of all components at once: each block goes to the sink. */
Refusal read_whole_scan(Reader *reader, const Tables *tables, const Scan *scan, Interval *interval, Sink *sink);

#endif
