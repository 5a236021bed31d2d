/* Sizes that cannot wrap, and big-endian loads and stores that the compiler turns into single instructions. */

#ifndef HALVE_MEMORY_H
#define HALVE_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* count × size bytes, or NULL where the product wraps or there is no memory. */
static inline void *allocate(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) return NULL;
    return malloc(count * size != 0 ? count * size : 1);
}

static inline unsigned load16(const uint8_t *p) { return (unsigned)p[0] << 8 | p[1]; }

static inline uint64_t load64(const uint8_t *p) {
    uint64_t word = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(&word, p, sizeof word);
    word = __builtin_bswap64(word);
#else
    for (int i = 0; i < 8; i++) word = word << 8 | p[i];
#endif
    return word;
}

static inline void store64(uint8_t *p, uint64_t word) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
    memcpy(p, &word, sizeof word);
#else
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(word >> (56 - 8 * i));
#endif
}

#endif
