#include "quantise.h"

#include "metadata.h"

/* Tables K.1 and K.2, in zigzag order. */
static const uint8_t LUMINANCE[BLOCK] = {16, 11, 12,  14,  12,  10, 16, 14,  13,  14,  18,  17,  16, 19,  24,  40,
                                         26, 24, 22,  22,  24,  49, 35, 37,  29,  40,  58,  51,  61, 60,  57,  51,
                                         56, 55, 64,  72,  92,  78, 64, 68,  87,  69,  55,  56,  80, 109, 81,  87,
                                         95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99};
static const uint8_t CHROMINANCE[BLOCK] = {17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99,
                                           99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
                                           99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

/* What makes a component's rule, but for the quality: a table, of whose steps it takes so many hundredths, and its dead zone. */
typedef struct {
    const uint8_t *table;
    unsigned dc_step, ac_step, zone;
} Manner;

static unsigned scaled_step(const Manner *manner, int k, int quality) {
    unsigned percent = quality < 50 ? 5000u / (unsigned)quality : 200u - 2u * (unsigned)quality;
    unsigned scaled = (manner->table[k] * percent * (k ? manner->ac_step : manner->dc_step) + 5000) / 10000;
    return scaled < 1 ? 1 : scaled > 255 ? 255 : scaled;
}

static void make_rule(Rule *rule, const Component *component, const Manner *manner, int quality) {
    for (int k = BLOCK; k < 256; k++) rule->sieve.least[k] = UINT32_MAX;
    for (int k = 0; k < BLOCK; k++) {
        unsigned source = component->quant.step[k], target = scaled_step(manner, k, quality), step = component->halved ? 1 : source;
        if (target < source) target = source;
        rule->target[k] = (uint16_t)target;
        /* the least magnitude with magnitude × step ÷ target outside the dead zone */
        uint32_t least = (manner->zone * target + 100 * step - 1) / (100 * step);
        rule->sieve.least[k] = (Coefficient)k << 24 | least << 9;
        rule->sieve.least_in_band[k] = (int16_t)(least << 1);
        rule->ratio[k] = (uint32_t)((((uint64_t)step << RATIO_BITS) + target - 1) / target);
    }
}

void make_rules(Rule *rule, const Frame *frame, const Metadata *metadata, int quality, bool smooth) {
    bool alone = frame->components == 1 || components_are_rgb(metadata, frame);
    for (int c = 0; c < frame->components; c++) {
        Manner manner = {LUMINANCE, smooth ? SMOOTH_DC_STEP : 100, 100, alone ? DEAD_ZONE : DEAD_ZONE_LUMINANCE};
        if (c > 0 && !alone) manner = (Manner){CHROMINANCE, CHROMA_DC_STEP, CHROMA_AC_STEP, DEAD_ZONE_CHROMA};
        make_rule(&rule[c], &frame->component[c], &manner, quality);
    }
}

unsigned standard_steps(void) {
    unsigned sum = 0;
    for (int k = 0; k < BLOCK; k++) sum += LUMINANCE[k];
    return sum;
}
