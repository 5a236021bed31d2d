/* The best quality whose file is small enough, by counting alone. */

#ifndef HALVE_SEARCH_H
#define HALVE_SEARCH_H

#include "writer.h"

/* What a search needs to try a quality. */
typedef struct {
    const Frame *frame;
    const Metadata *metadata;
    const List *list;
    Rule *rule;     /* room for one a component */
    Tokens *tokens; /* room to work in */
} Trial;

/* Requantise the whole list to a quality, and keep its tokens. */
Refusal requantise_list(Trial *trial, int quality);

/* The best quality from 1 to `ceiling` whose file, its stuffing not counted, has at most `max_bytes`; 0 if none has. That a better
 * quality takes no fewer bytes is taken for granted. */
Refusal best_quality(Trial *trial, int ceiling, size_t max_bytes, int *quality);

#endif
