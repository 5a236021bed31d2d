/* Where blocks go, in the order in which they will be written: requantised at once into tokens, or as they are into a list; or in
 * the order in which they come, to be halved first. */

#ifndef HALVE_SINK_H
#define HALVE_SINK_H

#include "tokens.h"

typedef struct Halving Halving;

Refusal halving_reserve(Halving *halving);
void halving_block(Halving *halving, int component, int dc, const Coefficient *ac, unsigned count);
void halving_filler(Halving *halving);

typedef struct {
    Halving *halving; /* NULL: as follows */
    const Rule *rule; /* one a component; NULL: into the list */
    Tokens *tokens;
    List *list;
    Sieve sieve[MAX_COMPONENTS]; /* what comes here at all: what the best quality keeps that is weighed */
} Sink;

/* What a block's coefficients are to be sieved through before they come here. */
static inline const Sieve *sink_sieve(const Sink *sink, int component) { return &sink->sieve[component]; }

/* Room for the `blocks` of an MCU, which begins. */
static inline Refusal sink_reserve(Sink *sink, int blocks) {
    if (sink->halving) return halving_reserve(sink->halving);
    return sink->rule ? tokens_reserve(sink->tokens, (size_t)blocks) : list_reserve(sink->list, (size_t)blocks);
}

static inline void sink_block(Sink *sink, int component, int dc, const Coefficient *ac, unsigned count) {
    if (sink->halving) {
        halving_block(sink->halving, component, dc, ac, count);
    } else if (sink->rule) {
        put_block(sink->tokens, component, dc, ac, count, &sink->rule[component]);
    } else {
        list_block(sink->list, dc, ac, count);
    }
}

/* A block of a band, of whose coefficients `which` come. */
static inline void sink_band_block(Sink *sink, int component, const Band *band, size_t block, uint64_t which) {
    if (!sink->halving && sink->rule) {
        put_band_block(sink->tokens, component, band, block, which, &sink->rule[component]);
    } else {
        Coefficient ac[BLOCK];
        unsigned count = band_coefficients(band, block, which, ac);
        sink_block(sink, component, band->dc[block], ac, count);
    }
}

/* A block that only fills up an MCU beyond the picture's edge. */
static inline void sink_filler(Sink *sink, int component) {
    if (sink->halving) {
        halving_filler(sink->halving);
    } else if (sink->rule) {
        put_filler(sink->tokens, component);
    } else {
        list_filler(sink->list);
    }
}

#endif
