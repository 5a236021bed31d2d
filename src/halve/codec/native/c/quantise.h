/* From the source's steps to coarser ones. */

#ifndef HALVE_QUANTISE_H
#define HALVE_QUANTISE_H

#include "coefficients.h"
#include "memory.h"

/* How one component is requantised. A ratio is source step ÷ target step, at most 1, as a fraction of 2^RATIO_BITS, rounded up.
 * With magnitudes up to 1024 and steps up to 255, or equal ones, that is exact: rounding errs less than the nearest fraction
 * lies away. */
enum { RATIO_BITS = 31 };

typedef struct {
    uint16_t target[BLOCK];
    uint32_t ratio[BLOCK];
    Sieve sieve; /* what does not vanish */
} Rule;

/* What is added before cutting off the fraction: DC goes to the nearest, AC up from 0.6 only. The dead zone, twice 0.6 wide instead
 * of twice 0.5, saves bits where the eye sees least. */
#define ROUND_DC ((uint64_t)1 << (RATIO_BITS - 1))
#define ROUND_AC (((uint64_t)2 << RATIO_BITS) / 5)

/* The rules of all components. Targets are the standard's example tables (K.1: luminance for the first component, or all three
 * where they are red, green and blue; else chrominance) scaled to a quality from 1 to 100 as the Independent JPEG Group does, but
 * never finer than the source's steps: what those have lost does not come back. */
void make_rules(Rule *rule, const Frame *frame, const Metadata *metadata, int quality);

/* Which of a band's 64 values the sieve keeps, as bits. Those that are not set are looked at too: that takes no branch, and eight
 * go at once. */
static inline uint64_t kept_in_band(const uint16_t *ac, const Sieve *sieve) {
    uint8_t kept[BLOCK];
    uint64_t bits = 0;
    for (int k = 0; k < BLOCK; k++) kept[k] = (int16_t)ac[k] >= sieve->least_in_band[k];
    for (int i = 7; i >= 0; i--)
        bits = bits << 8 | load64(kept + 8 * i) * 0x8040201008040201 >> 56; /* gathers eight bytes' lowest bits */
    return bits;
}

#endif
