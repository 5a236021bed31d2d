#include "huffman.h"

enum { IMPOSSIBLE = WRONG << 24, LOOK_LONGER = PARTIAL };

/* How far a symbol goes on, and how many extra bits it has. False where the alphabet has no such symbol. */
static bool meaning_of(unsigned symbol, Alphabet alphabet, unsigned low, unsigned *advance, unsigned *extra) {
    unsigned run = symbol >> 4, size = symbol & 15;
    *advance = run + 1;
    *extra = size;
    if (alphabet == DC_DIFFERENCES) { /* F.1.2.1, G.1.2.1 */
        *advance = 1;
        *extra = symbol;
        return symbol + low <= MAX_DC_SIZE;
    }
    if (size == 0 &&
        run != 15) { /* the end of the block; in progressive frames of 2^run blocks and as many as the extra bits say (G.1.2.2) */
        *advance = END;
        *extra = run;
        return run == 0 || alphabet != AC_COEFFICIENTS;
    }
    if (alphabet == AC_REFINEMENT && size > 1) return false; /* new coefficients have but a sign (G.1.2.3) */
    return size == 0 || size + low <= MAX_AC_SIZE;           /* F.1.2.2, G.1.2.2 */
}

/* A symbol whose extra bits are `bits`. Of numbers, those that begin with 0 are the one's complement of a negative one (figure
 * F.12). */
static Symbol whole_symbol(Alphabet alphabet, unsigned low, unsigned advance, unsigned extra, unsigned bits, unsigned code_length) {
    unsigned value = 0;
    if (advance == END) {
        value = (1u << extra) + bits;
    } else if (extra > 0) {
        unsigned negative = ~bits >> (extra - 1) & 1, magnitude = negative ? ~bits & ((1u << extra) - 1) : bits;
        if (alphabet == AC_REFINEMENT) magnitude = 1;
        value = magnitude << (low + 1) | negative;
    }
    return (Symbol)advance << 24 | value << 8 | (code_length + extra);
}

/* All looks that begin with a code: those that reach its extra bits hold the whole symbol, else how to go on. */
static Symbol *fill_looks(Symbol *look, const Decoder *decoder, unsigned symbol, unsigned length) {
    unsigned advance, extra, room = LOOK_BITS - length;
    if (!meaning_of(symbol, decoder->alphabet, decoder->low, &advance, &extra)) {
        for (unsigned n = 1u << room; n > 0; n--) *look++ = IMPOSSIBLE;
    } else if (extra > room) {
        for (unsigned n = 1u << room; n > 0; n--) *look++ = PARTIAL | symbol << 8 | length;
    } else {
        for (unsigned bits = 0; bits < 1u << extra; bits++) {
            Symbol whole = whole_symbol(decoder->alphabet, decoder->low, advance, extra, bits, length);
            for (unsigned n = 1u << (room - extra); n > 0; n--) *look++ = whole;
        }
    }
    return look;
}

Refusal build_decoder(Decoder *decoder, const HuffmanSpec *spec, Alphabet alphabet, int low) {
    if (!spec->defined) return "a scan with an undefined Huffman table";
    decoder->alphabet = alphabet;
    decoder->low = (unsigned)low;
    uint32_t code = 0; /* the next code of the current length (C.2) */
    int index = 0;
    Symbol *look = decoder->look;
    for (unsigned length = 1; length <= 16; length++) {
        int codes = spec->codes_of_length[length];
        if (code + (uint32_t)codes > 1u << length) return "a Huffman table with more codes than there are";
        decoder->symbol_offset[length] = index - (int32_t)code;
        for (int i = 0; i < codes; i++, index++) {
            decoder->symbol[index] = spec->symbol[index];
            if (length <= LOOK_BITS) look = fill_looks(look, decoder, spec->symbol[index], length);
        }
        code += (uint32_t)codes;
        decoder->first_beyond[length] = code << (16 - length);
        code <<= 1;
    }
    while (look < decoder->look + (1 << LOOK_BITS)) *look++ = LOOK_LONGER;
    decoder->first_beyond[17] = UINT32_MAX;
    return ACCEPTED;
}

Symbol complete(const Decoder *decoder, uint64_t window, Symbol partial) {
    unsigned length = length_of(partial), symbol = partial >> 8 & 255, advance, extra;
    if (length == 0) { /* figure F.16, begun where a look ends */
        uint32_t code = (uint32_t)(window >> 48);
        length = LOOK_BITS + 1;
        while (code >= decoder->first_beyond[length]) length++;
        if (length > 16) return IMPOSSIBLE;
        symbol = decoder->symbol[(int32_t)(code >> (16 - length)) + decoder->symbol_offset[length]];
    }
    if (!meaning_of(symbol, decoder->alphabet, decoder->low, &advance, &extra)) return IMPOSSIBLE;
    unsigned bits = (unsigned)(window << length >> 1 >> (63 - extra));
    return whole_symbol(decoder->alphabet, decoder->low, advance, extra, bits, length);
}
