#include "row.h"

int list_row_slots(RowSlot slots[MAX_MCU_BLOCKS], const Frame *frame, const int *component, int components, Band *bands,
                   size_t row) {
    int count = 0;
    for (int place = 0; place < components; place++) {
        const Component *c = &frame->component[component[place]];
        for (size_t y = 0; y < (size_t)c->v; y++) {
            size_t line = y * c->columns;
            bool below = row * (size_t)c->v + y >= c->rows;
            for (size_t x = 0; x < (size_t)c->h; x++) {
                slots[count++] = (RowSlot){.place = place,
                                           .component = component[place],
                                           .band = &bands[component[place]],
                                           .start = line + x,
                                           .step = (size_t)c->h,
                                           .end = below ? 0 : line + c->columns};
            }
        }
    }
    return count;
}

Refusal pass_on_row(const Frame *frame, Band *bands, size_t row, Sink *sink) {
    static const int all[MAX_COMPONENTS] = {0, 1, 2};
    RowSlot slots[MAX_MCU_BLOCKS];
    int count = list_row_slots(slots, frame, all, frame->components, bands, row);
    for (size_t mcu = 0; mcu < frame->mcu_columns; mcu++) {
        TRY(sink_reserve(sink, count));
        for (const RowSlot *slot = slots; slot < slots + count; slot++) {
            size_t block = slot->start + mcu * slot->step;
            if (block >= slot->end) {
                sink_filler(sink, slot->component);
                continue;
            }
            const Band *band = slot->band;
            uint64_t which = band->nonzero[block];
            if (which) which &= kept_in_band(band->ac + block * BLOCK, sink_sieve(sink, slot->component));
            sink_band_block(sink, slot->component, band, block, which);
        }
    }
    return ACCEPTED;
}
