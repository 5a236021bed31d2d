#include "interval.h"

#include "memory.h"

Refusal open_interval(Interval *interval, size_t size) {
    if (size > SIZE_MAX - SLACK) return NO_MEMORY;
    interval->bytes = malloc(size + SLACK);
    interval->size = 0;
    return interval->bytes ? ACCEPTED : NO_MEMORY;
}

void close_interval(Interval *interval) {
    free(interval->bytes);
    interval->bytes = NULL;
}

Refusal skip_scan(Reader *reader) {
    const uint8_t *from = reader->data + reader->at, *end = reader->data + reader->size;
    for (;;) {
        const uint8_t *marker = memchr(from, 0xFF, (size_t)(end - from)), *code = marker;
        if (!marker) return "ends within a scan";
        while (code < end && *code == 0xFF) code++; /* fill bytes */
        if (code == end) return "ends within a scan";
        from = code + 1;
        if (*code == 0 || (*code >= RST0 && *code <= RST7)) continue;
        reader->at = (size_t)(marker - reader->data);
        return ACCEPTED;
    }
}

Refusal read_interval(Reader *reader, Interval *interval) {
    const uint8_t *from = reader->data + reader->at, *end = reader->data + reader->size;
    uint8_t *to = interval->bytes; /* never written beyond what was read: undoing makes it shorter */
    for (;;) {
        const uint8_t *ff = memchr(from, 0xFF, (size_t)(end - from));
        if (!ff || end - ff < 2) return "ends within a scan";
        size_t plain = (size_t)(ff - from);
        memcpy(to, from, plain);
        to += plain;
        from = ff;
        if (ff[1] != 0) break;
        *to++ = 0xFF; /* a stuffed one */
        from += 2;
    }
    reader->at = (size_t)(from - reader->data);
    interval->size = (size_t)(to - interval->bytes);
    memset(to, 0, SLACK);
    return ACCEPTED;
}

Refusal read_restart(Reader *reader, unsigned index) {
    while (reader->at < reader->size && reader->data[reader->at] == 0xFF) reader->at++;
    if (reader->at >= reader->size) return "ends within a scan";
    if (reader->data[reader->at++] != (unsigned)RST0 + index % 8) return "a restart marker is missing";
    return ACCEPTED;
}
