/* Huffman decoding (F.2.2.3, Annex C): one look at the next bits gives a symbol and, where they fit, its extra bits with it. */

#ifndef HALVE_HUFFMAN_H
#define HALVE_HUFFMAN_H

#include "bits.h"
#include "jpeg.h"

/* A symbol with its extra bits, packed so that adding it to a position makes a Coefficient:
 *   bits 0–5    how many bits it takes, code and extra
 *   bit  7      PARTIAL: only the code is known, or nothing; `complete` finds the rest
 *   bits 8–23   magnitude << 1 | negative, or how many blocks a run of ends of band ends (1 to 32767)
 *   bits 24–31  how far it goes on in the band: run + 1; 16 for ZRL; END for the end of the block or band; WRONG
 * Of a PARTIAL one, bits 0–5 count the code alone, 0 where it is longer than a look, and bits 8–11 the extra bits that follow. */
typedef uint32_t Symbol;

enum {
    LOOK_BITS = 10,
    LOOKS_IN_REFILL = 56 / LOOK_BITS,
    PARTIAL = 1 << 7,
    END = 128, /* beyond any position that a run can reach, 63 + 16 */
    WRONG = 64 /* what an impossible code goes on by: a position from 64 to END - 1 is an error */
};

static inline unsigned length_of(Symbol s) { return s & 63; }
static inline unsigned advance_of(Symbol s) { return s >> 24; }
static inline unsigned extra_of(Symbol partial) { return partial >> 8 & 15; }

typedef enum { DC_DIFFERENCES, AC_COEFFICIENTS, AC_FIRST, AC_REFINEMENT } Alphabet;

typedef struct {
    Symbol look[1 << LOOK_BITS];
    uint32_t first_beyond[18]; /* by length: the first code, left-aligned in 16 bits, that is longer; [17] ends the search */
    int32_t symbol_offset[17]; /* by length: what to add to a code of that length to find its symbol's index */
    Symbol partial[256];       /* what the codes alone say, in order */
    Alphabet alphabet;
    unsigned low; /* the scan's Al */
} Decoder;

/* Build a decoder. A symbol that has no meaning in this alphabet, or makes a coefficient larger than 8-bit samples can give, is an
 * error when it comes, not before: some encoders list symbols that they never use. */
Refusal build_decoder(Decoder *decoder, const HuffmanSpec *spec, Alphabet alphabet, int low);

/* What the code at the top of `window` says, where it is longer than a look. */
Symbol find_long(const Decoder *decoder, uint64_t window);

/* The whole symbol at the top of `window`, of which 31 bits must be valid, where one look was not enough. Numbers whose extra bits
 * begin with 0 are the one's complement of a negative one (figure F.12). */
static inline Symbol complete(const Decoder *decoder, uint64_t window, Symbol partial) {
    if (__builtin_expect(length_of(partial) == 0, 0)) partial = find_long(decoder, window);
    unsigned length = length_of(partial), extra = extra_of(partial);
    uint64_t bits = window << length, negative = (bits >> 63) - 1;
    uint32_t value;
    if (advance_of(partial) == END) {
        value = (1u << extra) + (uint32_t)(bits >> 1 >> (63 - extra));
    } else {
        uint32_t magnitude = (uint32_t)((bits ^ negative) >> 1 >> (63 - extra));
        value = magnitude << (decoder->low + 1) | (uint32_t)(negative & (extra > 0));
    }
    return (partial & 0xFF000000) | value << 8 | (length + extra);
}

static inline Symbol look(const Decoder *decoder, uint64_t window) { return decoder->look[window >> (64 - LOOK_BITS)]; }

/* The next symbol. 31 bits must be valid. */
static inline Symbol next_symbol(const Bits *bits, const Decoder *decoder) {
    Symbol symbol = look(decoder, bits->window);
    if (__builtin_expect(symbol & PARTIAL, 0)) symbol = complete(decoder, bits->window, symbol);
    return symbol;
}

/* The same, taken. */
static inline Symbol take_symbol(Bits *bits, const Decoder *decoder) {
    Symbol symbol = next_symbol(bits, decoder);
    skip(bits, length_of(symbol));
    return symbol;
}

/* The same, of which LOOKS_IN_REFILL may follow one another after a refill; but not behind a `partial` one, for which the window
 * was filled anew. */
static inline Symbol take_look(Bits *bits, const Decoder *decoder, bool *partial) {
    Symbol symbol = look(decoder, bits->window);
    *partial = symbol & PARTIAL;
    if (__builtin_expect(*partial, 0)) {
        refill(bits);
        symbol = complete(decoder, bits->window, symbol);
    }
    skip(bits, length_of(symbol));
    return symbol;
}

/* The number that a DC symbol says, its sign with it. */
static inline int32_t difference_of(Symbol symbol) {
    int32_t magnitude = (int32_t)(symbol >> 9 & 0x7FFF);
    return symbol >> 8 & 1 ? -magnitude : magnitude;
}

/* How many blocks an END ends, this one included. */
static inline size_t run_of(Symbol symbol) { return symbol >> 8 & 0xFFFF; }

#endif
