/* From the source's steps to coarser ones. */

#ifndef HALVE_QUANTISE_H
#define HALVE_QUANTISE_H

#include "coefficients.h"
#include "memory.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* How one component is requantised. */
typedef struct {
    uint16_t target[BLOCK]; /* steps */
    uint32_t ratio[BLOCK];  /* source's step ÷ target, at most 1, as a fraction of 2^RATIO_BITS, rounded up */
    Sieve sieve;            /* AC coefficients that do not vanish */
} Rule;

/* An AC coefficient below so many hundredths of a target step vanishes, all others go to the nearest step. A dead zone wider than
 * the nearest's 0.5 saves bits where the eye sees least: docs/decisions/0012-jpegs-by-their-coefficients.md. None is above 1, so
 * that nothing vanishes where the step stays. DEAD_ZONE is that of grey, and of red, green and blue; luminance has a wider one,
 * since what that costs the eye is given back by finer chroma. */
enum { DEAD_ZONE = 52, DEAD_ZONE_LUMINANCE = 66, DEAD_ZONE_CHROMA = 60, RATIO_BITS = 31 };

/* Steps in hundredths of the standard's: of chroma, and of luminance's DC where smooth shading comes first. */
enum { CHROMA_DC_STEP = 40, CHROMA_AC_STEP = 80, SMOOTH_DC_STEP = 50 };

/* A magnitude in steps of the target, to the nearest, halves up. Exact for magnitudes up to 1024 and steps up to 255, or equal
 * ones: what the ratio errs by is less than the nearest fraction lies away. */
static inline uint32_t requantised(const Rule *rule, unsigned position, uint32_t magnitude) {
    return (uint32_t)((magnitude * (uint64_t)rule->ratio[position] + ((uint64_t)1 << (RATIO_BITS - 1))) >> RATIO_BITS);
}

/* The rules of all components. Targets are the standard's example tables (K.1: luminance for the first component, or all three
 * where they are red, green and blue; else chrominance, made finer) scaled to a quality from 1 to 100 as the Independent JPEG Group
 * does, but never finer than the source's steps: what those have lost does not come back. `smooth`: with finer steps for the DC of
 * luminance. */
void make_rules(Rule *rule, const Frame *frame, const Metadata *metadata, int quality, bool smooth);

/* The sum of the standard's steps for luminance, at quality 50. */
unsigned standard_steps(void);

#ifdef __SSE2__
/* Which of eight values are below their least ones. */
static inline __m128i eight_below(const uint16_t *ac, const int16_t *least) {
    return _mm_cmplt_epi16(_mm_loadu_si128((const __m128i *)ac), _mm_loadu_si128((const __m128i *)least));
}
#endif

/* Which of a band's 64 values the sieve keeps, as bits. Those that are not set are looked at too: that takes no branch, and eight
 * or sixteen go at once. */
static inline uint64_t kept_in_band(const uint16_t *ac, const Sieve *sieve) {
    uint64_t bits = 0;
#ifdef __SSE2__
    for (int k = 0; k < BLOCK; k += 16) {
        const int16_t *least = sieve->least_in_band + k;
        __m128i below = _mm_packs_epi16(eight_below(ac + k, least), eight_below(ac + k + 8, least + 8));
        bits |= (uint64_t)(~_mm_movemask_epi8(below) & 0xFFFF) << k;
    }
#else
    uint8_t kept[BLOCK];
    for (int k = 0; k < BLOCK; k++) kept[k] = (int16_t)ac[k] >= sieve->least_in_band[k];
    for (int i = 7; i >= 0; i--)
        bits = bits << 8 | load64(kept + 8 * i) * 0x8040201008040201 >> 56; /* gathers eight bytes' lowest bits */
#endif
    return bits;
}

#endif
