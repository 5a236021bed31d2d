#include "turning.h"

#include "markers.h"
#include "memory.h"
#include "zigzag.h"

/* Of a coefficient, all but its position. */
enum { VALUE = 0x00FFFF00 };

Turning turning_of(int orientation) {
    Turning turning = {
        .transposed = orientation >= 5,
        .from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8,
        .from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7,
    };
    for (int k = 0; k < BLOCK; k++) {
        int x = NATURAL[k] % EDGE, y = NATURAL[k] / EDGE;
        turning.position[k] = ZIGZAG[turning.transposed ? EDGE * x + y : EDGE * y + x];
        turning.negated[k] = (turning.from_right && x % 2) != (turning.from_bottom && y % 2); /* odd ones are odd functions */
    }
    return turning;
}

Refusal turnable(const Turning *turning, const Frame *frame) {
    bool right = turning->from_right && frame->width % (EDGE * (size_t)frame->h_max);
    bool bottom = turning->from_bottom && frame->height % (EDGE * (size_t)frame->v_max);
    return right || bottom ? "an edge within an MCU, that turning would bring to the left or the top" : ACCEPTED;
}

Frame turned_frame(const Turning *turning, const Frame *frame) {
    Frame turned = *frame;
    if (!turning->transposed) return turned;
    turned.width = frame->height;
    turned.height = frame->width;
    for (int c = 0; c < frame->components; c++) {
        const Component *before = &frame->component[c];
        Component *after = &turned.component[c];
        after->h = before->v;
        after->v = before->h;
        for (int k = 0; k < BLOCK; k++) after->quant.step[turning->position[k]] = before->quant.step[k];
    }
    lay_out(&turned); /* what was accepted lying is so upright */
    return turned;
}

Sieve sieve_before_turning(const Turning *turning, const Sieve *after) {
    Sieve before = sieve_for_all();
    for (Coefficient k = 0; k < BLOCK; k++) {
        before.least[k] = k << 24 | (after->least[turning->position[k]] & 0x00FFFFFF);
        before.least_in_band[k] = after->least_in_band[turning->position[k]];
    }
    return before;
}

/* The block of the frame's that comes to stand as number `i` of an MCU of the turned frame's. */
static size_t block_before(const Turning *turning, const Frame *frame, const Frame *turned, size_t mcu, int i) {
    int c = turned->mcu_component[i], first = 0;
    const Component *before = &frame->component[c], *after = &turned->component[c];
    size_t h = (size_t)before->h, v = (size_t)before->v;
    size_t right = mcu % turned->mcu_columns * (size_t)after->h + (size_t)turned->mcu_x[i];
    size_t down = mcu / turned->mcu_columns * (size_t)after->v + (size_t)turned->mcu_y[i];
    size_t x = turning->transposed ? down : right, y = turning->transposed ? right : down;
    if (turning->from_right) x = frame->mcu_columns * h - 1 - x;
    if (turning->from_bottom) y = frame->mcu_rows * v - 1 - y;
    while (frame->mcu_component[first] != c) first++;
    return (y / v * frame->mcu_columns + x / h) * (size_t)frame->mcu_blocks + (size_t)first + y % v * h + x % h;
}

static void turn_block(const Turning *turning, int dc, const Coefficient *ac, unsigned count, List *to) {
    Coefficient by_position[BLOCK], turned[BLOCK];
    uint64_t which = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned from = position_of(ac[i]) % BLOCK, position = turning->position[from];
        by_position[position] = (Coefficient)position << 24 | ((ac[i] & VALUE) ^ (Coefficient)turning->negated[from] << 8);
        which |= (uint64_t)1 << position;
    }
    count = 0;
    for (; which; which &= which - 1) turned[count++] = by_position[__builtin_ctzll(which)];
    list_block(to, dc, turned, count);
}

static Refusal turn_blocks(const Turning *turning, const Frame *frame, const List *from, const uint32_t *start, List *to) {
    Frame turned = turned_frame(turning, frame);
    for (size_t mcu = 0; mcu < turned.mcu_columns * turned.mcu_rows; mcu++) {
        TRY(list_reserve(to, (size_t)turned.mcu_blocks));
        for (int i = 0; i < turned.mcu_blocks; i++) {
            size_t block = block_before(turning, frame, &turned, mcu, i);
            if (from->count[block] == FILLER)
                list_filler(to);
            else
                turn_block(turning, from->dc[block], from->ac + start[block], from->count[block], to);
        }
    }
    return ACCEPTED;
}

Refusal turn(const Turning *turning, const Frame *frame, const List *from, List *to) {
    uint32_t *start = allocate(from->blocks, sizeof *start); /* of each block's coefficients: 63 for a block at the most */
    if (!start) return NO_MEMORY;
    uint32_t at = 0;
    for (size_t block = 0; block < from->blocks; block++) {
        start[block] = at;
        if (from->count[block] != FILLER) at += from->count[block];
    }
    Refusal refusal = turn_blocks(turning, frame, from, start, to);
    free(start);
    return refusal;
}
