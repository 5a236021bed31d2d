#include "metadata.h"

#include <string.h>

#include "markers.h"

enum { ADOBE_TRANSFORM = 11 };

Refusal read_application_segment(Metadata *metadata, int marker, const uint8_t *payload, size_t size) {
    if (marker == APP0 && size >= 14 && memcmp(payload, "JFIF\0", 5) == 0) {
        if (!metadata->jfif) metadata->jfif = payload;
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
