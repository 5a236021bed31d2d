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

/* What a code of that length says without its extra bits. */
static Symbol partial_symbol(const Decoder *decoder, unsigned symbol, unsigned length) {
    unsigned advance, extra;
    if (!meaning_of(symbol, decoder->alphabet, decoder->low, &advance, &extra)) return IMPOSSIBLE;
    return (Symbol)advance << 24 | extra << 8 | PARTIAL | length;
}

/* All looks that begin with a code: those that reach its extra bits hold the whole symbol, the others what the code says. */
static Symbol *fill_looks(Symbol *look, const Decoder *decoder, Symbol partial, unsigned length) {
    unsigned extra = extra_of(partial), room = LOOK_BITS - length;
    if (!(partial & PARTIAL) || extra > room) {
        for (unsigned n = 1u << room; n > 0; n--) *look++ = partial;
        return look;
    }
    for (uint64_t bits = 0; bits < 1u << extra; bits++) {
        Symbol whole = complete(decoder, bits << (64 - length - extra), partial);
        for (unsigned n = 1u << (room - extra); n > 0; n--) *look++ = whole;
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
            decoder->partial[index] = partial_symbol(decoder, spec->symbol[index], length);
            if (length <= LOOK_BITS) look = fill_looks(look, decoder, decoder->partial[index], length);
        }
        code += (uint32_t)codes;
        decoder->first_beyond[length] = code << (16 - length);
        code <<= 1;
    }
    while (look < decoder->look + (1 << LOOK_BITS)) *look++ = LOOK_LONGER;
    decoder->first_beyond[17] = UINT32_MAX;
    return ACCEPTED;
}

/* Figure F.16, begun where a look ends. */
Symbol find_long(const Decoder *decoder, uint64_t window) {
    uint32_t code = (uint32_t)(window >> 48);
    unsigned length = LOOK_BITS + 1;
    while (code >= decoder->first_beyond[length]) length++;
    if (length > 16) return IMPOSSIBLE;
    return decoder->partial[(int32_t)(code >> (16 - length)) + decoder->symbol_offset[length]];
}
