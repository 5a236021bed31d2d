#include "coefficients.h"

#include "memory.h"

/* Twice the room, at least `least`; the old memory stays good where there is no more. */
static bool grow(void **memory, size_t *room, size_t least, size_t size) {
    size_t more = *room < least / 2 ? least : *room * 2;
    if (more < *room || more > SIZE_MAX / size) return false;
    void *larger = realloc(*memory, more * size);
    if (!larger) return false;
    *memory = larger;
    *room = more;
    return true;
}

Refusal list_reserve(List *list, size_t blocks) {
    if (list->coefficients_room - list->coefficients < blocks * BLOCK) {
        if (!grow((void **)&list->ac, &list->coefficients_room, 1 << 16, sizeof *list->ac)) return NO_MEMORY;
    }
    if (list->blocks_room - list->blocks < blocks) {
        size_t room = list->blocks_room;
        if (!grow((void **)&list->dc, &room, 1 << 12, sizeof *list->dc)) return NO_MEMORY;
        if (!grow((void **)&list->count, &list->blocks_room, 1 << 12, sizeof *list->count)) return NO_MEMORY;
    }
    return ACCEPTED;
}

void list_free(List *list) {
    free(list->dc);
    free(list->count);
    free(list->ac);
    *list = (List){0};
}

Refusal band_open(Band *band, size_t blocks) {
    band->blocks = blocks;
    band->dc = allocate(blocks, sizeof *band->dc);
    band->nonzero = allocate(blocks, sizeof *band->nonzero);
    band->ac = calloc(blocks, BLOCK * sizeof *band->ac);
    return band->dc && band->nonzero && band->ac ? ACCEPTED : NO_MEMORY;
}

void band_clear(Band *band) {
    memset(band->dc, 0, band->blocks * sizeof *band->dc);
    memset(band->nonzero, 0, band->blocks * sizeof *band->nonzero);
}

void band_close(Band *band) {
    free(band->dc);
    free(band->nonzero);
    free(band->ac);
}
