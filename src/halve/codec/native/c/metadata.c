#include "metadata.h"

#include <string.h>

#include "markers.h"
#include "memory.h"

enum { ORIENTATION_TAG = 0x0112, SHORT = 3, ADOBE_TRANSFORM = 11 };

static unsigned read16(const uint8_t *p, bool little) { return little ? (unsigned)p[1] << 8 | p[0] : load16(p); }

static size_t read32(const uint8_t *p, bool little) {
    return little ? (size_t)read16(p + 2, true) << 16 | read16(p, true) : (size_t)load16(p) << 16 | load16(p + 2);
}

/* The orientation of the first directory of Exif's TIFF (Exif 2.32, 4.6.2 and 4.6.4), or 1. */
static int read_orientation(const uint8_t *tiff, size_t size) {
    if (size < 8) return 1;
    bool little = tiff[0] == 'I';
    if (memcmp(tiff, little ? "II*\0" : "MM\0*", 4) != 0) return 1;
    size_t directory = read32(tiff + 4, little);
    if (directory > size - 2) return 1;
    size_t entries = read16(tiff + directory, little), room = (size - directory - 2) / 12;
    for (size_t i = 0; i < entries && i < room; i++) {
        const uint8_t *entry = tiff + directory + 2 + 12 * i;
        if (read16(entry, little) != ORIENTATION_TAG) continue;
        unsigned value = read16(entry + 8, little);
        bool fits = read16(entry + 2, little) == SHORT && read32(entry + 4, little) == 1;
        return fits && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

Refusal read_application_segment(Metadata *metadata, int marker, const uint8_t *payload, size_t size) {
    if (marker == APP0 && size >= 14 && memcmp(payload, "JFIF\0", 5) == 0) {
        if (!metadata->jfif) metadata->jfif = payload;
    } else if (marker == APP1 && size >= 6 && memcmp(payload, "Exif\0", 5) == 0) {
        if (metadata->orientation == 0) metadata->orientation = read_orientation(payload + 6, size - 6);
    } else if (marker == APP2 && size >= 14 && memcmp(payload, "ICC_PROFILE\0", 12) == 0) {
        if (metadata->icc_segments == MAX_ICC_SEGMENTS) return "more segments of a colour profile than it can number";
        metadata->icc[metadata->icc_segments] = payload;
        metadata->icc_size[metadata->icc_segments++] = size;
    } else if (marker == APP14 && size >= 12 && memcmp(payload, "Adobe", 5) == 0) {
        metadata->adobe = payload; /* the last one counts */
    }
    return ACCEPTED;
}

bool components_are_rgb(const Metadata *metadata, const Frame *frame) {
    if (frame->components != 3 || metadata->jfif) return false;
    if (metadata->adobe) return metadata->adobe[ADOBE_TRANSFORM] == 0;
    return frame->component[0].id == 'R' && frame->component[1].id == 'G' && frame->component[2].id == 'B';
}
