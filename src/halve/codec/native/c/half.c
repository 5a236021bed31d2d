#include "half.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { SHARE_BITS = 13, FRACTION_BITS = 2 /* of what is between the two directions */ };

uint8_t place_in_low(Halves halves, bool right, bool lower, int x, int y) {
    int half = halves.wide == 2 ? right : lower;
    int first = halves.wide == 2 ? x : y, other = halves.wide == 2 ? y : x;
    if (halves.wide == 2 && halves.high == 2) other += LOW * lower;
    return (uint8_t)((BLOCK / 2 * half + EDGE * first + other) % BLOCK);
}

/* SHARE[j][k], in 2^-SHARE_BITS: how much of frequency k two blocks of eight samples have, averaged two by two into one, for each
 * unit of frequency j of the first of them; of the second it is as much, but negative where j + k is odd. That is, with the basis
 * b(k, n) = c(k) cos((2n + 1) kπ/16) of A.3.3: the sum of b(k, n) (b(j, 2n) + b(j, 2n + 1)) / 2 over n from 0 to 3.
 * An even k has its share of one j alone, k / 2. A column's magnitudes make less than 1 together: so from MOST_VALUE on, sums of
 * two fit in 16 bits, and sums of products in 32. */
static const int16_t SHARE[LOW][EDGE] = {
    {4096, 3711, 0, -1303, 0, 871, 0, -738},
    {0, 1670, 4017, 3178, 0, -1416, 0, 1116},
    {0, -283, 0, 1942, 3784, 2907, 0, -1420},
    {0, 78, 0, -332, 0, 1670, 3406, 2948},
};

/* To the nearest, halves up. */
static int32_t rounded(int32_t value, int bits) { return (value + (1 << (bits - 1))) >> bits; }

/* Eight rows or columns of two blocks, made those of one. `low`: of the first block all eight of frequency 0, of 1 and so on to
 * 3, then of the second. Results are in 2^(bits - SHARE_BITS). */
#ifdef __SSE2__
static __m128i load8(const int16_t *from) { return _mm_loadu_si128((const __m128i *)from); }
static void store8(int16_t *to, __m128i eight) { _mm_storeu_si128((__m128i *)to, eight); }

/* Two factors, for _mm_madd_epi16: it multiplies pairs of numbers of 16 bits and adds the two products. */
static __m128i pair(int first, int second) { return _mm_set1_epi32((int32_t)((uint32_t)second << 16 | (uint16_t)first)); }

static void halve(const int16_t low[BLOCK], int bits, int16_t out[BLOCK]) {
    const __m128i half = _mm_set1_epi32(1 << (bits - 1)), one = _mm_set1_epi16(1);
    __m128i even[LOW], odd[LOW]; /* what both blocks give to even frequencies, and to odd ones */
    for (int j = 0; j < LOW; j++) {
        __m128i first = load8(low + EDGE * j), second = load8(low + BLOCK / 2 + EDGE * j);
        __m128i sum = _mm_add_epi16(first, second), difference = _mm_sub_epi16(first, second);
        even[j] = j % 2 ? difference : sum;
        odd[j] = j % 2 ? sum : difference;
    }
    for (int k = 0; k < EDGE; k += 2) {
        __m128i share = pair(SHARE[k / 2][k], 1 << (bits - 1));
        __m128i a = _mm_madd_epi16(_mm_unpacklo_epi16(even[k / 2], one), share);
        __m128i b = _mm_madd_epi16(_mm_unpackhi_epi16(even[k / 2], one), share);
        store8(out + EDGE * k, _mm_packs_epi32(_mm_srai_epi32(a, bits), _mm_srai_epi32(b, bits)));
    }
    __m128i a01 = _mm_unpacklo_epi16(odd[0], odd[1]), b01 = _mm_unpackhi_epi16(odd[0], odd[1]);
    __m128i a23 = _mm_unpacklo_epi16(odd[2], odd[3]), b23 = _mm_unpackhi_epi16(odd[2], odd[3]);
    for (int k = 1; k < EDGE; k += 2) {
        __m128i share01 = pair(SHARE[0][k], SHARE[1][k]), share23 = pair(SHARE[2][k], SHARE[3][k]);
        __m128i a = _mm_add_epi32(_mm_madd_epi16(a01, share01), _mm_madd_epi16(a23, share23));
        __m128i b = _mm_add_epi32(_mm_madd_epi16(b01, share01), _mm_madd_epi16(b23, share23));
        a = _mm_srai_epi32(_mm_add_epi32(a, half), bits);
        b = _mm_srai_epi32(_mm_add_epi32(b, half), bits);
        store8(out + EDGE * k, _mm_packs_epi32(a, b));
    }
}

static void transpose(const int16_t in[BLOCK], int16_t out[BLOCK]) {
    __m128i one[EDGE], two[EDGE]; /* rows interleaved once, and twice */
    for (int i = 0; i < LOW; i++) {
        one[2 * i] = _mm_unpacklo_epi16(load8(in + EDGE * i), load8(in + EDGE * (i + LOW)));
        one[2 * i + 1] = _mm_unpackhi_epi16(load8(in + EDGE * i), load8(in + EDGE * (i + LOW)));
    }
    for (int i = 0; i < LOW; i++) {
        two[2 * i] = _mm_unpacklo_epi16(one[i], one[i + LOW]);
        two[2 * i + 1] = _mm_unpackhi_epi16(one[i], one[i + LOW]);
    }
    for (int i = 0; i < LOW; i++) {
        store8(out + EDGE * (2 * i), _mm_unpacklo_epi16(two[i], two[i + LOW]));
        store8(out + EDGE * (2 * i + 1), _mm_unpackhi_epi16(two[i], two[i + LOW]));
    }
}

/* Values as a band has them: magnitude << 1 | negative. */
static void in_band(const int16_t value[BLOCK], uint16_t out[BLOCK]) {
    for (int at = 0; at < BLOCK; at += EDGE) {
        __m128i eight = load8(value + at), minus = _mm_srai_epi16(eight, 15);
        __m128i magnitude = _mm_min_epi16(_mm_sub_epi16(_mm_xor_si128(eight, minus), minus), _mm_set1_epi16(AC_MOST));
        store8((int16_t *)out + at, _mm_sub_epi16(_mm_add_epi16(magnitude, magnitude), minus));
    }
}
#else
static void halve(const int16_t low[BLOCK], int bits, int16_t out[BLOCK]) {
    for (int i = 0; i < EDGE; i++) {
        int32_t even[LOW], odd[LOW]; /* what both blocks give to even frequencies, and to odd ones */
        for (int j = 0; j < LOW; j++) {
            int32_t first = low[EDGE * j + i], second = low[BLOCK / 2 + EDGE * j + i];
            even[j] = j % 2 ? first - second : first + second;
            odd[j] = j % 2 ? first + second : first - second;
        }
        for (int k = 0; k < EDGE; k += 2) {
            int32_t sum = odd[0] * SHARE[0][k + 1] + odd[1] * SHARE[1][k + 1] + odd[2] * SHARE[2][k + 1] + odd[3] * SHARE[3][k + 1];
            out[EDGE * k + i] = (int16_t)rounded(even[k / 2] * SHARE[k / 2][k], bits);
            out[EDGE * (k + 1) + i] = (int16_t)rounded(sum, bits);
        }
    }
}

static void transpose(const int16_t in[BLOCK], int16_t out[BLOCK]) {
    for (int y = 0; y < EDGE; y++)
        for (int x = 0; x < EDGE; x++) out[EDGE * y + x] = in[EDGE * x + y];
}

/* Values as a band has them: magnitude << 1 | negative. */
static void in_band(const int16_t value[BLOCK], uint16_t out[BLOCK]) {
    for (int at = 0; at < BLOCK; at++) {
        bool negative = value[at] < 0;
        out[at] = (uint16_t)(2 * within(negative ? -value[at] : value[at], 0, AC_MOST) + negative);
    }
}
#endif

/* Beyond the picture's edge it goes on as in a mirror: a second block like the first, but negative where the frequency is odd. */
static void mirror(int16_t low[BLOCK]) {
    for (int at = 0; at < BLOCK / 2; at++) low[BLOCK / 2 + at] = (int16_t)(at / EDGE % 2 ? -low[at] : low[at]);
}

int make_half(Halves halves, Low *low, bool right_edge, bool lower_edge, uint16_t ac[BLOCK]) {
    int16_t across[BLOCK], rows[BLOCK], value[BLOCK];
    if (halves.wide == 2) {
        if (right_edge) mirror(low->value);
        halve(low->value, SHARE_BITS - FRACTION_BITS, across);
        transpose(across, rows);
    } else {
        for (int at = 0; at < BLOCK; at++) rows[at] = (int16_t)(low->value[at] * (1 << FRACTION_BITS));
    }
    if (halves.high == 2) {
        if (lower_edge) mirror(rows);
        halve(rows, SHARE_BITS + FRACTION_BITS, value);
    } else {
        for (int at = 0; at < BLOCK; at++) value[at] = (int16_t)rounded(rows[at], FRACTION_BITS);
    }
    in_band(value, ac);
    return within(value[0], DC_LEAST, DC_MOST);
}
