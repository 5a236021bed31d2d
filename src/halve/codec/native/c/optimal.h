/* The Huffman code that writes given symbols in the fewest bits (T.81 Annex K.2). */

#ifndef HALVE_OPTIMAL_H
#define HALVE_OPTIMAL_H

#include "jpeg.h"

/* Codes of at most 16 bits for every symbol whose frequency is not zero, none of them all ones (C.2). With no symbol at all, one
 * code that is never used. */
void build_optimal(HuffmanSpec *spec, const uint32_t frequency[256]);

#endif
