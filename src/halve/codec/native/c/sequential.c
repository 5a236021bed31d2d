#include "sequential.h"

#include "block.h"

typedef struct {
    Decoder dc[MAX_COMPONENTS], ac[MAX_COMPONENTS];
} Decoders;

/* F.1.1: one band, no successive approximation. */
static Refusal build_decoders(Decoders *decoders, const Tables *tables, const Scan *scan) {
    if (scan->first != 0 || scan->last != 63 || scan->high != 0 || scan->low != 0)
        return "a band of coefficients in a sequential frame";
    for (int i = 0; i < scan->components; i++) {
        TRY(build_decoder(&decoders->dc[i], &tables->dc[scan->dc_table[i]], DC_DIFFERENCES, 0));
        TRY(build_decoder(&decoders->ac[i], &tables->ac[scan->ac_table[i]], AC_COEFFICIENTS, 0));
    }
    return ACCEPTED;
}

/* Where a block of an interleaved MCU lies. */
typedef struct {
    size_t column, row; /* of MCUs */
} Place;

static inline bool carries_picture(const Frame *frame, int block, Place mcu) {
    const Component *component = &frame->component[frame->mcu_component[block]];
    return mcu.column * (size_t)component->h + (size_t)frame->mcu_x[block] < component->columns &&
           mcu.row * (size_t)component->v + (size_t)frame->mcu_y[block] < component->rows;
}

/* The MCUs of one interval, `from` to `to` of the image, interleaved (A.2.3). */
static Refusal read_whole_interval(const Frame *frame, const Decoders *decoders, const Interval *interval, Sink *sink, size_t from,
                                   size_t to) {
    Bits bits = start_bits(interval);
    int32_t predicted[MAX_COMPONENTS] = {0};
    Coefficient ac[BLOCK];
    Sieve sieve[MAX_COMPONENTS];
    for (int c = 0; c < frame->components; c++) sieve[c] = sink_sieve(sink, c);
    Place mcu = {from % frame->mcu_columns, from / frame->mcu_columns};
    for (size_t i = from; i < to; i++) {
        bool edge = mcu.column + 1 == frame->mcu_columns || mcu.row + 1 == frame->mcu_rows;
        TRY(sink_reserve(sink, frame->mcu_blocks));
        for (int block = 0; block < frame->mcu_blocks; block++) {
            int component = frame->mcu_component[block];
            unsigned count;
            if (!decode_dc(&bits, &decoders->dc[component], &predicted[component])) return "a DC code that cannot be";
            if (!decode_ac(&bits, &decoders->ac[component], &sieve[component], ac, &count)) return "an AC code that cannot be";
            if (ran_over(&bits, interval)) return "a scan cut short";
            if (edge && !carries_picture(frame, block, mcu)) {
                sink_filler(sink, component);
            } else {
                sink_block(sink, component, predicted[component], ac, count);
            }
        }
        if (++mcu.column == frame->mcu_columns) {
            mcu.column = 0;
            mcu.row++;
        }
    }
    return used_up(&bits, interval) ? ACCEPTED : "more data in a scan than belongs there";
}

static Refusal read_intervals(Reader *reader, const Tables *tables, const Scan *scan, Decoders *decoders, Interval *interval,
                              Sink *sink) {
    TRY(build_decoders(decoders, tables, scan));
    size_t mcus = tables->frame.mcu_columns * tables->frame.mcu_rows,
           step = tables->restart_interval ? tables->restart_interval : mcus;
    unsigned restarts = 0;
    for (size_t from = 0; from < mcus; from += step) {
        if (from > 0) TRY(read_restart(reader, restarts++));
        TRY(read_interval(reader, interval));
        TRY(read_whole_interval(&tables->frame, decoders, interval, sink, from, mcus - from < step ? mcus : from + step));
    }
    return ACCEPTED;
}

Refusal read_whole_scan(Reader *reader, const Tables *tables, const Scan *scan, Interval *interval, Sink *sink) {
    Decoders *decoders = malloc(sizeof *decoders); /* too large for the stack of a thread */
    if (!decoders) return NO_MEMORY;
    Refusal refusal = read_intervals(reader, tables, scan, decoders, interval, sink);
    free(decoders);
    return refusal;
}
