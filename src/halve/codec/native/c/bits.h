/* Reading bits, most significant first (F.2.2.5), from an interval whose stuffing is undone.
 *
 * `window` holds the next bits at its top, `valid` of them for sure; what stands below is either zero or the true bits that
 * follow. Nothing here looks for the end: a block is decoded wherever it leads, within SLACK, and then `ran_over` tells.
 */

#ifndef HALVE_BITS_H
#define HALVE_BITS_H

#include "interval.h"
#include "memory.h"

typedef struct {
    uint64_t window;
    unsigned valid; /* 0 to 63 */
    const uint8_t *next;
    uint64_t ahead; /* the eight bytes there, so that no refill waits for memory */
} Bits;

static inline Bits start_bits(const Interval *interval) {
    Bits bits = {0, 0, interval->bytes, load64(interval->bytes)};
    return bits;
}

/* At least 56 valid bits. */
static inline void refill(Bits *bits) {
    bits->window |= bits->ahead >> bits->valid;
    bits->next += (63 - bits->valid) >> 3;
    bits->ahead = load64(bits->next);
    bits->valid |= 56;
}

static inline void skip(Bits *bits, unsigned n) {
    bits->window <<= n;
    bits->valid -= n;
}

/* The next `n` bits, 0 to 63, which must be valid. */
static inline uint64_t peek(const Bits *bits, unsigned n) { return bits->window >> 1 >> (63 - n); }

/* The `n` bits, 0 to 63, behind the next `first` ones. */
static inline uint64_t peek_behind(const Bits *bits, unsigned first, unsigned n) { return bits->window << first >> 1 >> (63 - n); }

static inline uint64_t take(Bits *bits, unsigned n) {
    uint64_t value = peek(bits, n);
    skip(bits, n);
    return value;
}

/* Whether more has been taken than there is. To be asked after every block, and before any of it is believed. */
static inline bool ran_over(const Bits *bits, const Interval *interval) {
    return (size_t)(bits->next - interval->bytes) * 8 - bits->valid > interval->size * 8;
}

/* Whether all has been taken but for the bits that pad the last byte (F.1.2.3). */
static inline bool used_up(const Bits *bits, const Interval *interval) {
    return interval->size * 8 - ((size_t)(bits->next - interval->bytes) * 8 - bits->valid) < 8;
}

#endif
