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

/* A block of every MCU, and what decodes it. */
typedef struct {
    const Decoder *dc, *ac;
    const Sieve *sieve;
    int component;
    size_t x, y; /* its place within the component's part of the MCU */
} Slot;

static void list_slots(Slot slot[MAX_MCU_BLOCKS], const Frame *frame, const Decoders *decoders, const Sink *sink) {
    for (int i = 0; i < frame->mcu_blocks; i++) {
        int c = frame->mcu_component[i];
        slot[i] =
            (Slot){&decoders->dc[c], &decoders->ac[c], sink_sieve(sink, c), c, (size_t)frame->mcu_x[i], (size_t)frame->mcu_y[i]};
    }
}

/* Whether the slot's block, in the MCU at `column` and `row`, is more than filler. */
static inline bool carries_picture(const Frame *frame, const Slot *slot, size_t column, size_t row) {
    const Component *component = &frame->component[slot->component];
    return column * (size_t)component->h + slot->x < component->columns && row * (size_t)component->v + slot->y < component->rows;
}

/* The MCUs of one interval, `from` to `to` of the image, interleaved (A.2.3). */
static Refusal read_whole_interval(const Frame *frame, const Slot slots[MAX_MCU_BLOCKS], const Interval *interval, Sink *sink,
                                   size_t from, size_t to) {
    Bits bits = start_bits(interval);
    int32_t predicted[MAX_COMPONENTS] = {0};
    Coefficient ac[BLOCK];
    size_t column = from % frame->mcu_columns, row = from / frame->mcu_columns;
    for (size_t mcu = from; mcu < to; mcu++) {
        bool edge = column + 1 == frame->mcu_columns || row + 1 == frame->mcu_rows;
        TRY(sink_reserve(sink, frame->mcu_blocks));
        for (const Slot *slot = slots; slot < slots + frame->mcu_blocks; slot++) {
            unsigned count;
            if (!decode_dc(&bits, slot->dc, &predicted[slot->component])) return "a DC code that cannot be";
            if (!decode_ac(&bits, slot->ac, slot->sieve, ac, &count)) return "an AC code that cannot be";
            if (ran_over(&bits, interval)) return "a scan cut short";
            if (edge && !carries_picture(frame, slot, column, row)) {
                sink_filler(sink, slot->component);
            } else {
                sink_block(sink, slot->component, predicted[slot->component], ac, count);
            }
        }
        if (++column == frame->mcu_columns) {
            column = 0;
            row++;
        }
    }
    return used_up(&bits, interval) ? ACCEPTED : "more data in a scan than belongs there";
}

static Refusal read_intervals(Reader *reader, const Tables *tables, const Scan *scan, Decoders *decoders, Interval *interval,
                              Sink *sink) {
    Slot slots[MAX_MCU_BLOCKS];
    TRY(build_decoders(decoders, tables, scan));
    list_slots(slots, &tables->frame, decoders, sink);
    size_t mcus = tables->frame.mcu_columns * tables->frame.mcu_rows,
           step = tables->restart_interval ? tables->restart_interval : mcus;
    unsigned restarts = 0;
    for (size_t from = 0; from < mcus; from += step) {
        if (from > 0) TRY(read_restart(reader, restarts++));
        TRY(read_interval(reader, interval));
        TRY(read_whole_interval(&tables->frame, slots, interval, sink, from, mcus - from < step ? mcus : from + step));
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
