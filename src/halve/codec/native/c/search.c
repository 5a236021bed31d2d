#include "search.h"

/* Where there are so many MCUs that this tells something, a guess looks at every sixteenth stripe of so many of them. */
enum { SAMPLE = 16, STRIPE = 2 };
enum { MOST_QUALITY = 100 };
enum { AIMED = 4 }; /* qualities tried where the size is likely to be; then halves it is */
static const double SURE = 1.004;
static const double NEIGHBOURS = 0.986; /* of a sample's size: they foretell a DC better than the stripe before does */

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { ENOUGH = 32 }; /* what a fuzzer reaches */
#else
enum { ENOUGH = 512 };
#endif

/* Requantise one MCU, whose first block and coefficient those are. Returns where the next one's coefficients are. */
static const Coefficient *requantise_mcu(Trial *trial, const List *list, size_t block, const Coefficient *from) {
    const Frame *frame = trial->frame;
    for (int i = 0; i < frame->mcu_blocks; i++, block++) {
        int component = frame->mcu_component[i];
        const Rule *rule = &trial->rule[component];
        Coefficient ac[BLOCK];
        unsigned count = 0;
        if (list->count[block] == FILLER) {
            put_filler(trial->tokens, component);
            continue;
        }
        for (const Coefficient *end = from + list->count[block]; from < end; from++) {
            ac[count] = *from;
            count += worth_keeping(&rule->sieve, *from);
        }
        put_block(trial->tokens, component, list->dc[block], ac, count, rule);
    }
    return from;
}

/* Requantise a list to a quality, into the trial's tokens. */
static Refusal requantise_blocks(Trial *trial, const List *list, int quality) {
    const Coefficient *from = list->ac;
    size_t mcu_blocks = (size_t)trial->frame->mcu_blocks;
    trial->held = 0;
    make_rules(trial->rule, trial->frame, trial->metadata, quality, trial->smooth);
    tokens_restart(trial->tokens);
    for (size_t block = 0; block < list->blocks; block += mcu_blocks) {
        TRY(tokens_reserve(trial->tokens, mcu_blocks));
        from = requantise_mcu(trial, list, block, from);
    }
    return ACCEPTED;
}

Refusal requantise_list(Trial *trial, int quality) {
    if (trial->held == quality) return ACCEPTED;
    TRY(requantise_blocks(trial, trial->list, quality));
    trial->held = quality;
    return ACCEPTED;
}

/* What the file is going to weigh if all is as what was requantised last, which is one of so many parts. */
static size_t size_of_trial(const Trial *trial, size_t parts) {
    Plan plan;
    make_plan(&plan, trial->frame, trial->metadata, trial->rule, trial->tokens);
    plan.bits *= parts;
    return planned_size(&plan);
}

/* A sample of a list, and what it said of the whole, by quality; 0: not asked for yet. */
typedef struct {
    List list;
    size_t size[MOST_QUALITY + 2];
} Sample;

static Refusal take_sample(Sample *sample, const List *list, size_t mcu_blocks) {
    size_t stripe = STRIPE * mcu_blocks, at = 0;
    for (size_t block = 0; block < list->blocks; block++) {
        unsigned count = list->count[block];
        if (block % (stripe * SAMPLE) < stripe) {
            TRY(list_reserve(&sample->list, 1));
            if (count == FILLER)
                list_filler(&sample->list);
            else
                list_block(&sample->list, list->dc[block], list->ac + at, count);
        }
        at += count == FILLER ? 0 : count;
    }
    return ACCEPTED;
}

static Refusal sampled_size(Trial *trial, Sample *sample, int quality, size_t *size) {
    if (sample->size[quality] == 0) {
        TRY(requantise_blocks(trial, &sample->list, quality));
        sample->size[quality] = size_of_trial(trial, SAMPLE);
    }
    *size = sample->size[quality];
    return ACCEPTED;
}

static Refusal size_at(Trial *trial, int quality, size_t *size) {
    TRY(requantise_list(trial, quality));
    *size = size_of_trial(trial, 1);
    return ACCEPTED;
}

/* Qualities known to fit, and to exceed. */
typedef struct {
    int fits, exceeds;
} Bracket;

/* A quality in hundredths of the standard's steps, as the Independent JPEG Group has it; and the other way round. */
static double percent_of(int quality) { return quality < 50 ? 5000.0 / quality : 200.0 - 2 * quality; }
static double quality_of(double percent) { return percent > 100 ? 5000 / percent : (200 - percent) / 2; }

/* Where the size is to be found that is wanted, if it is `ratio` times as much at this quality: steps grow somewhat faster than sizes
 * shrink. */
static int aimed(int quality, double ratio) { return (int)quality_of(percent_of(quality) * (1 + (ratio - 1) * 4 / 3)); }

static int inside(Bracket bracket, int quality) {
    return quality <= bracket.fits ? bracket.fits + 1 : quality >= bracket.exceeds ? bracket.exceeds - 1 : quality;
}

/* Within a bracket, the best quality that fits by the sample: `truth` is to `sample` as all is to what the sample gives. */
static Refusal best_by_sample(Trial *trial, Sample *sample, Bracket bracket, double truth_by_sample, size_t max_bytes,
                              int *quality) {
    int aim = bracket.exceeds * 7 / 8;
    for (int tried = 0; bracket.exceeds - bracket.fits > 1; tried++) {
        int middle = tried < AIMED ? inside(bracket, aim) : (bracket.fits + bracket.exceeds) / 2;
        size_t size;
        TRY(sampled_size(trial, sample, middle, &size));
        double ratio = (double)size * truth_by_sample / (double)max_bytes;
        if (ratio <= 1) {
            bracket.fits = middle;
        } else {
            bracket.exceeds = middle;
        }
        aim = aimed(middle, ratio);
    }
    *quality = bracket.fits;
    return ACCEPTED;
}

/* Whether the sample leaves no doubt that the next quality is too large: it foretells the step from one to the next far better than
 * the size itself, to about a thousandth. */
static Refusal next_exceeds(Trial *trial, Sample *sample, int quality, double truth_by_sample, size_t max_bytes, bool *surely) {
    size_t size;
    TRY(sampled_size(trial, sample, quality + 1, &size));
    *surely = (double)size * truth_by_sample > (double)max_bytes * SURE;
    return ACCEPTED;
}

/* What a sample's size is to be multiplied by, before anything is counted in full: symbols are as many as coefficients, nearly. */
static double by_coefficients(const List *list, const List *sample) {
    if (sample->coefficients == 0) return 1;
    return NEIGHBOURS * (double)list->coefficients / (SAMPLE * (double)sample->coefficients);
}

/* Guess by the sample, count, correct the sample by what was counted, and so on until the bracket is closed. */
static Refusal close_by_sample(Trial *trial, Sample *sample, Bracket *bracket, size_t max_bytes) {
    double truth_by_sample = by_coefficients(trial->list, &sample->list);
    while (bracket->exceeds - bracket->fits > 1) {
        int quality;
        size_t size, guess;
        bool surely = false;
        TRY(best_by_sample(trial, sample, *bracket, truth_by_sample, max_bytes, &quality));
        if (quality == bracket->fits) quality++;
        TRY(sampled_size(trial, sample, quality, &guess));
        if (quality + 1 < bracket->exceeds) TRY(sampled_size(trial, sample, quality + 1, &guess));
        TRY(size_at(trial, quality, &size));
        truth_by_sample = (double)size / (double)sample->size[quality];
        if (size > max_bytes) {
            bracket->exceeds = quality;
            continue;
        }
        bracket->fits = quality;
        if (quality + 1 < bracket->exceeds) TRY(next_exceeds(trial, sample, quality, truth_by_sample, max_bytes, &surely));
        if (surely) break;
    }
    return ACCEPTED;
}

static Refusal close_by_halves(Trial *trial, Bracket *bracket, size_t max_bytes) {
    while (bracket->exceeds - bracket->fits > 1) {
        int middle = (bracket->fits + bracket->exceeds) / 2;
        size_t size;
        TRY(size_at(trial, middle, &size));
        if (size <= max_bytes) {
            bracket->fits = middle;
        } else {
            bracket->exceeds = middle;
        }
    }
    return ACCEPTED;
}

Refusal best_quality(Trial *trial, int ceiling, size_t max_bytes, int *quality) {
    Bracket bracket = {0, ceiling + 1};
    size_t mcu_blocks = (size_t)trial->frame->mcu_blocks;
    if (trial->list->blocks / mcu_blocks >= ENOUGH) {
        Sample sample = {0};
        Refusal refusal = take_sample(&sample, trial->list, mcu_blocks);
        if (!refusal) refusal = close_by_sample(trial, &sample, &bracket, max_bytes);
        list_free(&sample.list);
        TRY(refusal);
    } else {
        TRY(close_by_halves(trial, &bracket, max_bytes));
    }
    *quality = bracket.fits;
    return ACCEPTED;
}

int likely_ceiling(const QuantTable *source, size_t size, size_t max_bytes, int ceiling) {
    uint64_t steps = 0;
    for (int k = 0; k < BLOCK; k++) steps += source->step[k];
    double percent = (double)steps * 100 / standard_steps() * (double)size / (double)max_bytes;
    double quality = quality_of(percent);
    return quality < 1 ? 1 : quality > ceiling ? ceiling : (int)quality;
}
