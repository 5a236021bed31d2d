#include "search.h"

/* A first guess looks at every eighth stripe of so many MCUs, where there are so many that this tells something. */
enum { SAMPLE = 8, STRIPE = 16 };
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { ENOUGH = 8 }; /* what a fuzzer reaches */
#else
enum { ENOUGH = 4096 };
#endif

/* Requantise the stripes of a list that a step of `every` hits. `keep`: keep the tokens too, else they are only counted. */
static Refusal requantise_stripes(Trial *trial, int quality, size_t every, bool keep) {
    const Frame *frame = trial->frame;
    const List *list = trial->list;
    Tokens *tokens = trial->tokens;
    const Coefficient *from = list->ac;
    size_t mcu_blocks = (size_t)frame->mcu_blocks;
    make_rules(trial->rule, frame, trial->metadata, quality);
    tokens_restart(tokens);
    for (size_t block = 0; block < list->blocks; block++) {
        int component = frame->mcu_component[block % mcu_blocks];
        const Rule *rule = &trial->rule[component];
        bool filler = list->count[block] == FILLER;
        const Coefficient *end = from + (filler ? 0 : list->count[block]);
        Coefficient ac[BLOCK];
        unsigned count = 0;
        if (block / mcu_blocks / STRIPE % every != 0) {
            from = end;
            continue;
        }
        TRY(tokens_reserve(tokens, 1));
        for (; from < end; from++) {
            ac[count] = *from;
            count += worth_keeping(&rule->sieve, *from);
        }
        if (filler) {
            put_filler(tokens, component);
        } else {
            put_block(tokens, component, list->dc[block], ac, count, rule);
        }
        if (!keep) tokens->count = 0;
    }
    return ACCEPTED;
}

Refusal requantise_list(Trial *trial, int quality) { return requantise_stripes(trial, quality, 1, true); }

/* The size at a quality, or near it where only some stripes are looked at. */
static Refusal size_at(Trial *trial, int quality, size_t every, size_t *size) {
    Plan plan;
    TRY(requantise_stripes(trial, quality, every, false));
    make_plan(&plan, trial->frame, trial->metadata, trial->rule, trial->tokens);
    plan.bits *= every;
    *size = planned_size(&plan);
    return ACCEPTED;
}

/* Qualities known to fit, 0 if none is, and to exceed, one too many if none is. */
typedef struct {
    int fits, exceeds;
} Bracket;

static Refusal try(Trial *trial, int quality, size_t every, size_t max_bytes, Bracket *bracket) {
    size_t size;
    TRY(size_at(trial, quality, every, &size));
    if (size <= max_bytes) {
        bracket->fits = quality;
    } else {
        bracket->exceeds = quality;
    }
    return ACCEPTED;
}

Refusal best_quality(Trial *trial, int ceiling, size_t max_bytes, int *quality) {
    Bracket guess = {0, ceiling + 1}, exact = guess;
    if (trial->list->blocks / (size_t)trial->frame->mcu_blocks >= ENOUGH) {
        while (guess.exceeds - guess.fits > 1) TRY(try(trial, (guess.fits + guess.exceeds) / 2, SAMPLE, max_bytes, &guess));
        /* go from the guess in steps that double, until the truth is between two */
        int step = 1, next = guess.fits > 0 ? guess.fits : 1;
        TRY(try(trial, next, 1, max_bytes, &exact));
        bool up = exact.fits > 0;
        for (; up ? exact.exceeds > ceiling && exact.fits < ceiling : exact.fits == 0 && exact.exceeds > 1; step *= 2) {
            next = up ? exact.fits + step : exact.exceeds - step;
            TRY(try(trial, next < 1 ? 1 : next > ceiling ? ceiling : next, 1, max_bytes, &exact));
        }
    }
    while (exact.exceeds - exact.fits > 1) TRY(try(trial, (exact.fits + exact.exceeds) / 2, 1, max_bytes, &exact));
    *quality = exact.fits;
    return ACCEPTED;
}
