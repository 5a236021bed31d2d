/* The positions of a block that are zero yet, among which a refinement scan goes from one to a later one (G.1.2.3). */

#ifndef HALVE_ZEROS_H
#define HALVE_ZEROS_H

#include <string.h>

#include "jpeg.h"

enum { NOWHERE = 255 };

/* For every byte, the positions of its bits, the lowest first, a byte each; and how many there are. */
typedef struct {
    uint64_t of_byte[256];
    uint8_t count[256];
} Positions;

void fill_positions(Positions *positions);

static inline unsigned count_bits(uint64_t mask) {
#ifdef BMI2
    return (unsigned)__builtin_popcountll(mask);
#else
    mask -= mask >> 1 & 0x5555555555555555;
    mask = (mask & 0x3333333333333333) + (mask >> 2 & 0x3333333333333333);
    mask = (mask + (mask >> 4)) & 0x0F0F0F0F0F0F0F0F;
    return (unsigned)(mask * 0x0101010101010101 >> 56);
#endif
}

#ifdef BMI2

#include <immintrin.h>

typedef struct {
    uint64_t left;
} Zeros;

/* The bits of `mask`. */
static inline void start_zeros(Zeros *zeros, const Positions *positions, uint64_t mask) {
    (void)positions;
    zeros->left = mask;
}

static inline unsigned zeros_left(const Zeros *zeros) { return count_bits(zeros->left); }

/* The `n`th one from here, 1 to 16, or NOWHERE. */
static inline unsigned next_zero(Zeros *zeros, unsigned n) {
    uint64_t at = _pdep_u64((uint64_t)1 << (n - 1), zeros->left);
    if (at == 0) return NOWHERE;
    zeros->left &= ~(at ^ (at - 1));
    return (unsigned)__builtin_ctzll(at);
}

#else

enum { POSITIONS = 63 + 16 + 8 /* behind the last one, as many NOWHEREs as can be stepped over; and what eight at once spill */ };

typedef struct {
    const uint8_t *next, *end;
    uint8_t list[POSITIONS];
} Zeros;

static inline void start_zeros(Zeros *zeros, const Positions *positions, uint64_t mask) {
    uint8_t *to = zeros->list;
    for (uint64_t base = 0; base < 0x4040404040404040; base += 0x0808080808080808, mask >>= 8) { /* eight of them at once */
        uint64_t eight = positions->of_byte[mask & 255] + base;
        memcpy(to, &eight, sizeof eight);
        to += positions->count[mask & 255];
    }
    memset(to, NOWHERE, 16);
    zeros->next = zeros->list;
    zeros->end = to;
}

static inline unsigned zeros_left(const Zeros *zeros) { return (unsigned)(zeros->end - zeros->next); }

/* The `n`th one from here, 1 to 16, or NOWHERE. */
static inline unsigned next_zero(Zeros *zeros, unsigned n) {
    zeros->next += n;
    return zeros->next[-1];
}

#endif

#endif
