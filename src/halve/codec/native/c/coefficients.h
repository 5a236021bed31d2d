/* Coefficients on their way: those that are not zero, never pixels. */

#ifndef HALVE_COEFFICIENTS_H
#define HALVE_COEFFICIENTS_H

#include <string.h>

#include "jpeg.h"

/* An AC coefficient that is not zero: position in zigzag order (1 to 63) << 24 | magnitude (1 to 1023) << 9 | negative << 8. The
 * lowest byte is of no meaning. */
typedef uint32_t Coefficient;

static inline unsigned position_of(Coefficient c) { return c >> 24; }
static inline uint32_t magnitude_of(Coefficient c) { return c >> 9 & 0x7FFF; }
static inline uint32_t negative_of(Coefficient c) { return c >> 8 & 1; }

/* Which coefficients are worth keeping: by position, the least one. What lies beyond position 63 never is. */
typedef struct {
    Coefficient least[256];
    int16_t least_in_band[BLOCK]; /* the same for a Band's values: magnitude << 1 */
} Sieve;

static inline bool worth_keeping(const Sieve *sieve, Coefficient c) { return c >= sieve->least[position_of(c)]; }

/* A sieve that keeps whatever is not zero. */
static inline Sieve sieve_for_all(void) {
    Sieve sieve;
    for (Coefficient k = 0; k < 256; k++) sieve.least[k] = k < BLOCK ? k << 24 | 1 << 9 : UINT32_MAX;
    for (int k = 0; k < BLOCK; k++) sieve.least_in_band[k] = 1 << 1;
    return sieve;
}

enum { DC_LEAST = -1024, DC_MOST = 1023, AC_MOST = 1023 }; /* what 8-bit samples can give (A.3.3, A.3.4) */

/* All blocks of an image in the order in which they are written, for weighing several qualities. */
typedef struct {
    int16_t *dc;
    uint8_t *count; /* AC coefficients of each block, or FILLER */
    size_t blocks, blocks_room;
    Coefficient *ac;
    size_t coefficients, coefficients_room;
} List;

enum { FILLER = 255 }; /* the count of a block that only fills up an MCU */

/* Room for `blocks` more of up to 63 coefficients. */
Refusal list_reserve(List *list, size_t blocks);
void list_free(List *list);

static inline void list_block(List *list, int dc, const Coefficient *ac, unsigned count) {
    list->dc[list->blocks] = (int16_t)dc;
    list->count[list->blocks++] = (uint8_t)count;
    memcpy(list->ac + list->coefficients, ac, count * sizeof *ac);
    list->coefficients += count;
}

static inline void list_filler(List *list) {
    list->dc[list->blocks] = 0;
    list->count[list->blocks++] = FILLER;
}

/* One component's blocks of one row of MCUs, in raster order. Of `ac`, 64 to a block, only those that `nonzero` has a bit for are
 * set: magnitude << 1 | negative, the middle of a Coefficient. */
typedef struct {
    int16_t *dc;
    uint16_t *ac;
    uint64_t *nonzero;
    size_t blocks;
} Band;

static inline Coefficient band_coefficient(const Band *band, size_t block, unsigned position) {
    return (Coefficient)position << 24 | (Coefficient)band->ac[block * BLOCK + position] << 8;
}

/* The coefficients of one of its blocks that `which` names, in order. Returns how many. */
static inline unsigned band_coefficients(const Band *band, size_t block, uint64_t which, Coefficient out[BLOCK]) {
    unsigned count = 0;
    for (; which; which &= which - 1) out[count++] = band_coefficient(band, block, (unsigned)__builtin_ctzll(which));
    return count;
}

Refusal band_open(Band *band, size_t blocks);
void band_clear(Band *band);
void band_close(Band *band);

#endif
