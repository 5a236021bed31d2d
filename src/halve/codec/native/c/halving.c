#include "halving.h"

#include "markers.h"
#include "memory.h"
#include "metadata.h"
#include "zigzag.h"

enum {
    HALVED_BELOW = 90, /* where libvips begins to, for whoever goes through pixels */
    WIDEST = 255 /* step of chroma */
};

/* Whether any step becomes coarser. */
static bool coarser(const Frame *frame, const Metadata *metadata, int quality, bool smooth) {
    Rule rule[MAX_COMPONENTS];
    make_rules(rule, frame, metadata, quality, smooth);
    for (int c = 0; c < frame->components; c++)
        if (memcmp(rule[c].target, frame->component[c].quant.step, sizeof rule[c].target) != 0) return true;
    return false;
}

static bool can_be_halved(const Frame *frame, const Metadata *metadata) {
    if (frame->components != 3 || components_are_rgb(metadata, frame)) return false;
    const Component *first = &frame->component[0];
    if (first->h > 2 || first->v > 2 || first->h * first->v == 4) return false;
    for (int c = 1; c < frame->components; c++) {
        const Component *chroma = &frame->component[c];
        if (chroma->h != 1 || chroma->v != 1) return false;
        for (int k = 0; k < BLOCK; k++)
            if (chroma->quant.step[k] > WIDEST) return false;
    }
    return true;
}

int halved_below(const Frame *frame, const Metadata *metadata, bool smooth) {
    if (!can_be_halved(frame, metadata)) return 0;
    int below = HALVED_BELOW;
    while (below > 1 && !coarser(frame, metadata, below - 1, smooth)) below--;
    return below;
}

Frame halved_frame(const Frame *frame) {
    Frame halved = *frame;
    halved.component[0].h = halved.component[0].v = 2;
    halved.component[1].halved = halved.component[2].halved = true;
    lay_out(&halved); /* six blocks an MCU, factors of one and two: nothing to refuse */
    return halved;
}

Refusal halving_open(Halving *halving, const Frame *from, Sink *to) {
    halving->from = from;
    halving->to = to;
    halving->halves = (Halves){2 / from->component[0].h, 2 / from->component[0].v};
    halving->columns = (from->mcu_columns + (size_t)halving->halves.wide - 1) / (size_t)halving->halves.wide;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < BLOCK; k++)
            halving->place[i / 2][i % 2][k] = place_in_low(halving->halves, i % 2, i / 2, NATURAL[k] % EDGE, NATURAL[k] / EDGE);
    for (int c = 0; c < 2; c++) {
        const Sieve *kept = sink_sieve(to, c + 1);
        for (int k = 0; k < BLOCK; k++) halving->sieve[c].least_in_band[NATURAL[k]] = kept->least_in_band[k];
        halving->chroma[c] = allocate(halving->columns, sizeof *halving->chroma[c]);
        if (!halving->chroma[c]) return NO_MEMORY;
    }
    return ACCEPTED;
}

Sieve halving_sieve(const Halving *halving) {
    Sieve sieve = sieve_for_all();
    for (int k = 1; k < BLOCK; k++) {
        bool low = NATURAL[k] % EDGE < EDGE / halving->halves.wide && NATURAL[k] / EDGE < EDGE / halving->halves.high;
        if (low) continue;
        sieve.least[k] = UINT32_MAX;
        sieve.least_in_band[k] = INT16_MAX;
    }
    return sieve;
}

void halving_close(Halving *halving) {
    for (int i = 0; i < 2; i++) {
        list_free(&halving->luminance[i]);
        free(halving->chroma[i]);
    }
}

/* 1 for the lower one of two rows of MCUs that make one. */
static size_t row_within(const Halving *halving) { return halving->row & (size_t)(halving->halves.high - 1); }

/* ── chroma ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void take_chroma(Halving *halving, int component, int dc, const Coefficient *ac, unsigned count) {
    const uint16_t *step = halving->from->component[component].quant.step;
    int shift = halving->halves.wide - 1; /* a division by one or two would take as long as all the rest */
    size_t right = halving->column & (size_t)shift, lower = row_within(halving);
    const uint8_t *place = halving->place[lower][right];
    int16_t *low = halving->chroma[component - 1][halving->column >> shift].value;
    if (right == 0 && lower == 0)
        for (int at = 0; at < BLOCK; at += EDGE) memset(low + at, 0, EDGE * sizeof *low); /* in pieces that fit in registers */
    low[place[0]] = (int16_t)within(dc * step[0], -MOST_VALUE, MOST_VALUE);
    for (unsigned i = 0; i < count; i++) {
        unsigned position = position_of(ac[i]);
        int32_t value = within((int32_t)(magnitude_of(ac[i]) * step[position]), 0, MOST_VALUE), sign = -(int32_t)negative_of(ac[i]);
        low[place[position]] = (int16_t)((value ^ sign) - sign); /* no branch: signs cannot be foretold */
    }
}

static void pass_on_chroma(const Halving *halving, int colour, size_t block, bool right_edge, bool lower_edge) {
    uint16_t by_row[BLOCK], ac[BLOCK];
    uint64_t which = 0;
    Coefficient kept[BLOCK];
    Band band = {.ac = ac};
    int dc = make_half(halving->halves, &halving->chroma[colour][block], right_edge, lower_edge, by_row);
    for (uint64_t rest = kept_in_band(by_row, &halving->sieve[colour]) & ~(uint64_t)1; rest; rest &= rest - 1) {
        unsigned at = (unsigned)__builtin_ctzll(rest), position = ZIGZAG[at];
        which |= (uint64_t)1 << position;
        ac[position] = by_row[at];
    }
    unsigned count = band_coefficients(&band, 0, which, kept);
    sink_block(halving->to, colour + 1, dc, kept, count);
}

/* How far a row of luminance has been passed on. */
typedef struct {
    size_t block, coefficient;
} Cursor;

static void pass_on_luminance(const Halving *halving, int y, Cursor *cursor) {
    const List *list = &halving->luminance[y];
    if (cursor->block >= list->blocks || list->count[cursor->block] == FILLER) {
        sink_filler(halving->to, 0);
    } else {
        unsigned count = list->count[cursor->block];
        sink_block(halving->to, 0, list->dc[cursor->block], list->ac + cursor->coefficient, count);
        cursor->coefficient += count;
    }
    cursor->block++;
}

/* The row of MCUs whose blocks are here. */
static Refusal pass_on(Halving *halving, bool lower_edge) {
    Cursor cursor[2] = {{0, 0}, {0, 0}};
    bool odd = halving->from->mcu_columns % (size_t)halving->halves.wide != 0;
    for (size_t mcu = 0; mcu < halving->columns; mcu++) {
        TRY(sink_reserve(halving->to, 6));
        for (int i = 0; i < 4; i++) pass_on_luminance(halving, i / 2, &cursor[i / 2]);
        bool right_edge = odd && mcu + 1 == halving->columns;
        for (int colour = 0; colour < 2; colour++) pass_on_chroma(halving, colour, mcu, right_edge, lower_edge);
    }
    for (int y = 0; y < 2; y++) halving->luminance[y].blocks = halving->luminance[y].coefficients = 0;
    return ACCEPTED;
}

/* ── blocks as they come ────────────────────────────────────────────────────────────────────────────────────────────── */

Refusal halving_reserve(Halving *halving) {
    if (halving->column == 0 && halving->row > 0 && row_within(halving) == 0) TRY(pass_on(halving, false));
    for (int y = 0; y < 2; y++) TRY(list_reserve(&halving->luminance[y], 2));
    return ACCEPTED;
}

/* The list of the next luminance block's row. */
static List *next_luminance(Halving *halving) {
    const Component *first = &halving->from->component[0];
    int y = halving->luminance_blocks++ / first->h;
    return &halving->luminance[halving->halves.high == 1 ? (size_t)y : halving->row % 2];
}

void halving_block(Halving *halving, int component, int dc, const Coefficient *ac, unsigned count) {
    if (component == 0) {
        list_block(next_luminance(halving), dc, ac, count);
        return;
    }
    take_chroma(halving, component, dc, ac, count);
    if (component == 1) return;
    halving->luminance_blocks = 0; /* that was the MCU's last one */
    if (++halving->column == halving->from->mcu_columns) {
        halving->column = 0;
        halving->row++;
    }
}

/* Only luminance has them: a block of chroma is as wide and as high as the MCU. */
void halving_filler(Halving *halving) { list_filler(next_luminance(halving)); }

Refusal halving_finish(Halving *halving) { return pass_on(halving, row_within(halving) != 0); }
