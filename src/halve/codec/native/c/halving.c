#include "halving.h"

#include "markers.h"
#include "memory.h"
#include "metadata.h"

enum {
    HALVED_BELOW = 90, /* where libvips begins to, for whoever goes through pixels */
    EDGE = 8,
    LOW = 4, /* frequencies of a block that one of half as many samples can have */
    SHARE_BITS = 13,
    FRACTION_BITS = 2,   /* of sums between the two directions */
    MOST_VALUE = 2047,   /* of a coefficient in steps of 1: more than 8-bit samples can give */
    MOST_ACROSS = 16383, /* of a sum between the two directions, more than can be, too: two of them fit in 16 bits */
    WIDEST = 255         /* step of chroma */
};

/* FIRST[j][k], in 2^-SHARE_BITS: how much of frequency k two blocks of eight samples have, averaged two by two into one, for each
 * unit of frequency j of the first of them; of the second it is as much, but negative where j + k is odd. That is, with the basis
 * b(k, n) = c(k) cos((2n + 1) kπ/16) of A.3.3: the sum of b(k, n) (b(j, 2n) + b(j, 2n + 1)) / 2 over n from 0 to 3.
 * A column's magnitudes make less than 1 together, so that sums of products of 16 bits fit in 32. */
static const int16_t FIRST[LOW][EDGE] = {
    {4096, 3711, 0, -1303, 0, 871, 0, -738},
    {0, 1670, 4017, 3178, 0, -1416, 0, 1116},
    {0, -283, 0, 1942, 3784, 2907, 0, -1420},
    {0, 78, 0, -332, 0, 1670, 3406, 2948},
};

/* Where a coefficient stands, row by row (A.3.6). */
static const uint8_t NATURAL[BLOCK] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
                                       41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
                                       30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/* And the other way round. */
static const uint8_t ZIGZAG[BLOCK] = {0,  1,  5,  6,  14, 15, 27, 28, 2,  4,  7,  13, 16, 26, 29, 42, 3,  8,  12, 17, 25, 30,
                                      41, 43, 9,  11, 18, 24, 31, 40, 44, 53, 10, 19, 23, 32, 39, 45, 52, 54, 20, 22, 33, 38,
                                      46, 51, 55, 60, 21, 34, 37, 47, 50, 56, 59, 61, 35, 36, 48, 49, 57, 58, 62, 63};

/* Whether any step becomes coarser. */
static bool coarser(const Frame *frame, const Metadata *metadata, int quality) {
    Rule rule[MAX_COMPONENTS];
    make_rules(rule, frame, metadata, quality);
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

int halved_below(const Frame *frame, const Metadata *metadata) {
    if (!can_be_halved(frame, metadata)) return 0;
    int below = HALVED_BELOW;
    while (below > 1 && !coarser(frame, metadata, below - 1)) below--;
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
    halving->wide = 2 / from->component[0].h;
    halving->high = 2 / from->component[0].v;
    halving->columns = (from->mcu_columns + (size_t)halving->wide - 1) / (size_t)halving->wide;
    for (int j = 0; j < LOW; j++) {
        for (int k = 0; k < EDGE; k++) {
            halving->share[0][j][k] = FIRST[j][k];
            halving->share[1][j][k] = (int16_t)((j + k) % 2 ? -FIRST[j][k] : FIRST[j][k]);
        }
    }
    for (int c = 0; c < 2; c++) {
        const Sieve *kept = sink_sieve(to, c + 1);
        for (int k = 0; k < BLOCK; k++) halving->sieve[c].least_in_band[NATURAL[k]] = kept->least_in_band[k];
        for (int y = 0; y < halving->high; y++) {
            Across *across = &halving->chroma[c][y];
            across->sum = allocate(halving->columns, BLOCK * sizeof *across->sum);
            across->rows = allocate(halving->columns, sizeof *across->rows);
            if (!across->sum || !across->rows) return NO_MEMORY;
        }
    }
    return ACCEPTED;
}

Sieve halving_sieve(const Halving *halving) {
    Sieve sieve = sieve_for_all();
    for (int k = 1; k < BLOCK; k++) {
        bool low = (halving->wide == 1 || NATURAL[k] % EDGE < LOW) && (halving->high == 1 || NATURAL[k] / EDGE < LOW);
        if (low) continue;
        sieve.least[k] = UINT32_MAX;
        sieve.least_in_band[k] = INT16_MAX;
    }
    return sieve;
}

void halving_close(Halving *halving) {
    for (int i = 0; i < 2; i++) {
        list_free(&halving->luminance[i]);
        for (int y = 0; y < 2; y++) {
            free(halving->chroma[i][y].sum);
            free(halving->chroma[i][y].rows);
        }
    }
}

/* ── across, as blocks come ─────────────────────────────────────────────────────────────────────────────────────────── */

static int32_t within(int32_t value, int32_t least, int32_t most) { return value < least ? least : value > most ? most : value; }

/* To the nearest, halves up. */
static int32_t rounded(int32_t value, int bits) { return (value + (1 << (bits - 1))) >> bits; }

/* Eight numbers, each times one, added to eight sums: written so that compilers see products of 16 bits, eight at once. */
static inline void add_products(int32_t *restrict sum, const int16_t *restrict number, int16_t factor) {
    int16_t factors[EDGE];
#pragma GCC unroll 1
    for (int i = 0; i < EDGE; i++) factors[i] = factor;
#pragma GCC unroll 1
    for (int i = 0; i < EDGE; i++) sum[i] += number[i] * factors[i];
}

/* Add a coefficient to the one of its block's eight rows that it is in. */
static void add_across(const Halving *halving, Across *across, size_t block, unsigned at, int32_t value) {
    unsigned j = at % EDGE, bit = 1u << at / EDGE;
    int32_t *row = across->sum + block * BLOCK + (at - j);
    int16_t bounded = (int16_t)within(value, -MOST_VALUE, MOST_VALUE);
    if (!(across->rows[block] & bit)) memset(row, 0, EDGE * sizeof *row);
    across->rows[block] |= (uint8_t)bit;
    if (halving->wide == 1) {
        row[j] = bounded * (1 << SHARE_BITS);
    } else {
        add_products(row, halving->share[halving->column % 2][j], bounded);
    }
}

static void take_chroma(Halving *halving, int component, int dc, const Coefficient *ac, unsigned count) {
    const uint16_t *step = halving->from->component[component].quant.step;
    Across *across = &halving->chroma[component - 1][halving->row % (size_t)halving->high];
    size_t block = halving->column / (size_t)halving->wide;
    if (halving->column % (size_t)halving->wide == 0) across->rows[block] = 0;
    add_across(halving, across, block, 0, dc * step[0]);
    for (unsigned i = 0; i < count; i++) {
        unsigned position = position_of(ac[i]);
        int32_t value = (int32_t)(magnitude_of(ac[i]) * step[position]);
        add_across(halving, across, block, NATURAL[position], negative_of(ac[i]) ? -value : value);
    }
}

/* ── down, when all of an MCU is there ──────────────────────────────────────────────────────────────────────────────── */

/* Beyond the picture's edge it goes on as in a mirror: a second block of two like the first, but negative where j is odd. */
static void mirror_across(Across *across, size_t block) {
    for (int at = 0; at < BLOCK; at++) {
        int32_t *sum = &across->sum[block * BLOCK + (size_t)at];
        if (across->rows[block] >> at / EDGE & 1) *sum = at % 2 ? 0 : 2 * *sum;
    }
}

/* Row `j` of a block, transformed across. */
static void row_across(const Across *across, size_t block, int j, int16_t row[EDGE]) {
    const int32_t *sum = across->sum + block * BLOCK + j * EDGE;
    if (!(across->rows[block] >> j & 1)) {
        memset(row, 0, EDGE * sizeof *row);
        return;
    }
    for (int x = 0; x < EDGE; x++) row[x] = (int16_t)within(rounded(sum[x], SHARE_BITS - FRACTION_BITS), -MOST_ACROSS, MOST_ACROSS);
}

/* Two blocks, one above the other, made one; or one, and what it is like in a mirror. In 2^-(SHARE_BITS + FRACTION_BITS). */
static void transform_down(const Across *upper, const Across *lower, size_t block, bool mirrored, int32_t out[BLOCK]) {
    unsigned rows = upper->rows[block] | (mirrored ? 0u : lower->rows[block]);
    for (int k = 0; k < EDGE; k++) memset(out + k * EDGE, 0, EDGE * sizeof *out); /* in pieces that fit in registers */
    for (int j = 0; j < LOW; j++) {
        int16_t up[EDGE], low[EDGE], even[EDGE], odd[EDGE]; /* these two: what both give to even frequencies, and to odd ones */
        if (!(rows >> j & 1)) continue;
        row_across(upper, block, j, up);
        row_across(mirrored ? upper : lower, block, j, low);
        bool minus = j % 2 && !mirrored;
        for (int x = 0; x < EDGE; x++) {
            even[x] = (int16_t)(minus ? up[x] - low[x] : up[x] + low[x]);
            odd[x] = (int16_t)(minus ? up[x] + low[x] : up[x] - low[x]);
        }
        for (int k = 0; k < EDGE; k++)
            if (FIRST[j][k] != 0) add_products(out + k * EDGE, k % 2 ? odd : even, FIRST[j][k]);
    }
}

static void leave_as_it_is(const Across *across, size_t block, int32_t out[BLOCK]) {
    for (int j = 0; j < EDGE; j++) {
        int16_t row[EDGE];
        row_across(across, block, j, row);
        for (int x = 0; x < EDGE; x++) out[j * EDGE + x] = row[x] * (1 << SHARE_BITS);
    }
}

static void pass_on_chroma(const Halving *halving, int colour, size_t block, bool mirrored) {
    const Across *across = halving->chroma[colour];
    int32_t sum[BLOCK];
    uint16_t by_row[BLOCK], ac[BLOCK];
    uint64_t which = 0;
    Coefficient kept[BLOCK];
    Band band = {.ac = ac};
    if (halving->high == 1)
        leave_as_it_is(across, block, sum);
    else
        transform_down(&across[0], &across[1], block, mirrored, sum);
    int dc = within(rounded(sum[0], SHARE_BITS + FRACTION_BITS), DC_LEAST, DC_MOST);
    for (int at = 0; at < BLOCK; at++) {
        int32_t value = within(rounded(sum[at], SHARE_BITS + FRACTION_BITS), -AC_MOST, AC_MOST);
        by_row[at] = (uint16_t)(value < 0 ? -2 * value | 1 : 2 * value);
    }
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
static Refusal pass_on(Halving *halving, bool mirrored) {
    Cursor cursor[2] = {{0, 0}, {0, 0}};
    bool odd = halving->from->mcu_columns % (size_t)halving->wide != 0;
    for (size_t mcu = 0; mcu < halving->columns; mcu++) {
        TRY(sink_reserve(halving->to, 6));
        for (int i = 0; i < 4; i++) pass_on_luminance(halving, i / 2, &cursor[i / 2]);
        for (int colour = 0; colour < 2; colour++) {
            if (odd && mcu + 1 == halving->columns)
                for (int y = 0; y < (mirrored ? 1 : halving->high); y++) mirror_across(&halving->chroma[colour][y], mcu);
            pass_on_chroma(halving, colour, mcu, mirrored);
        }
    }
    for (int y = 0; y < 2; y++) halving->luminance[y].blocks = halving->luminance[y].coefficients = 0;
    return ACCEPTED;
}

/* ── blocks as they come ────────────────────────────────────────────────────────────────────────────────────────────── */

Refusal halving_reserve(Halving *halving) {
    if (halving->column == 0 && halving->row > 0 && halving->row % (size_t)halving->high == 0) TRY(pass_on(halving, false));
    for (int y = 0; y < 2; y++) TRY(list_reserve(&halving->luminance[y], 2));
    return ACCEPTED;
}

/* The list of the next luminance block's row. */
static List *next_luminance(Halving *halving) {
    const Component *first = &halving->from->component[0];
    int y = halving->place++ / first->h;
    return &halving->luminance[halving->high == 1 ? (size_t)y : halving->row % 2];
}

void halving_block(Halving *halving, int component, int dc, const Coefficient *ac, unsigned count) {
    if (component == 0) {
        list_block(next_luminance(halving), dc, ac, count);
        return;
    }
    take_chroma(halving, component, dc, ac, count);
    if (component == 1) return;
    halving->place = 0; /* the MCU's last block */
    if (++halving->column == halving->from->mcu_columns) {
        halving->column = 0;
        halving->row++;
    }
}

/* Only luminance has them: a block of chroma is as wide and as high as the MCU. */
void halving_filler(Halving *halving) { list_filler(next_luminance(halving)); }

Refusal halving_finish(Halving *halving) { return pass_on(halving, halving->row % (size_t)halving->high != 0); }
