/* What of the application segments is kept: the colour's meaning, and the profile. */

#ifndef HALVE_METADATA_H
#define HALVE_METADATA_H

#include "jpeg.h"

/* Note what an APPn segment says, if it is one that matters. */
Refusal read_application_segment(Metadata *metadata, int marker, const uint8_t *payload, size_t size);

/* Whether the three components are red, green and blue rather than luminance and chrominance: by JFIF, else by Adobe's
 * transform flag, else by the components' names, as the common decoder has it. */
bool components_are_rgb(const Metadata *metadata, const Frame *frame);

#endif
