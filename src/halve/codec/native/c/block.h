/* A block of a sequential scan (F.2.2). */

#ifndef HALVE_BLOCK_H
#define HALVE_BLOCK_H

#include "coefficients.h"
#include "huffman.h"

/* F.2.2.1: the difference to the component's last DC. False where it cannot be. */
static inline bool decode_dc(Bits *bits, const Decoder *decoder, int32_t *predicted) {
    refill(bits);
    Symbol symbol = take_symbol(bits, decoder);
    *predicted += difference_of(symbol);
    return advance_of(symbol) == 1 && *predicted >= DC_LEAST && *predicted <= DC_MOST;
}

/* F.2.2.2: writes the coefficients that the sieve keeps, at most 63, and says how many. False where the code cannot be.
 *
 * Symbols of one look each follow one another without asking, as many as surely are there after a refill. */
static inline bool decode_ac(Bits *bits, const Decoder *decoder, const Sieve *sieve, Coefficient *out, unsigned *count) {
    const Coefficient last = (Coefficient)(BLOCK - 1) << 24;
    Coefficient here = 0;
    unsigned n = 0;
    do {
        refill(bits);
        for (int i = 0; i < LOOKS_IN_REFILL; i++) {
            bool partial;
            Symbol symbol = take_look(bits, decoder, &partial);
            here = (here & 0xFF000000) + symbol;
            out[n] = here;
            n += worth_keeping(sieve, here);
            if (here >= last || partial) break;
        }
    } while (here < last);
    *count = n;
    return position_of(here) - BLOCK >= END - BLOCK; /* 63, or END and beyond */
}

#endif
