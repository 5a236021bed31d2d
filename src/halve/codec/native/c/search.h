/* The best quality whose file is small enough, by counting alone. */

#ifndef HALVE_SEARCH_H
#define HALVE_SEARCH_H

#include "writer.h"

/* What a search needs to try a quality. */
typedef struct {
    const Frame *frame;
    const Metadata *metadata;
    const List *list;
    bool smooth;    /* as the request has it */
    Rule *rule;     /* room for one a component */
    Tokens *tokens; /* room to work in */
    int held;       /* the quality whose tokens and rule those are, 0 if none's */
} Trial;

/* Requantise the whole list to a quality, and keep its tokens; nothing is done where they are held already. */
Refusal requantise_list(Trial *trial, int quality);

/* The best quality from 1 to `ceiling` whose file, its stuffing not counted, has at most `max_bytes`; 0 if none has. That a better
 * quality takes no fewer bytes is taken for granted. The one found is counted to the bit; of a large picture the next one up may
 * only be known by a sample to be too large. */
Refusal best_quality(Trial *trial, int ceiling, size_t max_bytes, int *quality);

/* A quality from 1 to `ceiling` that the best is hardly above. Half the bytes take steps some three times as coarse; here it is
 * taken for granted that twice will not do. */
int likely_ceiling(const QuantTable *source, size_t size, size_t max_bytes, int ceiling);

#endif
