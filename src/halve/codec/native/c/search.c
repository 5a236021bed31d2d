#include "search.h"

Refusal requantise_list(Trial *trial, int quality, bool keep) {
    const Frame *frame = trial->frame;
    const List *list = trial->list;
    Tokens *tokens = trial->tokens;
    const Coefficient *from = list->ac;
    make_rules(trial->rule, frame, trial->metadata, quality);
    tokens_restart(tokens);
    for (size_t block = 0; block < list->blocks; block++) {
        int component = frame->mcu_component[block % (size_t)frame->mcu_blocks];
        Coefficient ac[BLOCK];
        unsigned count = 0;
        TRY(tokens_reserve(tokens, 1));
        if (list->count[block] == FILLER) {
            put_filler(tokens, component);
        } else {
            const Rule *rule = &trial->rule[component];
            for (const Coefficient *end = from + list->count[block]; from < end; from++) {
                ac[count] = *from;
                count += worth_keeping(&rule->sieve, *from);
            }
            put_block(tokens, component, list->dc[block], ac, count, rule);
        }
        if (!keep) tokens->count = 0;
    }
    return ACCEPTED;
}

static Refusal size_at(Trial *trial, int quality, size_t *size) {
    Plan plan;
    TRY(requantise_list(trial, quality, false));
    make_plan(&plan, trial->frame, trial->metadata, trial->rule, trial->tokens);
    *size = planned_size(&plan);
    return ACCEPTED;
}

Refusal best_quality(Trial *trial, int ceiling, size_t max_bytes, int *quality) {
    int fits = 0, exceeds = ceiling + 1;
    for (int next = ceiling; exceeds - fits > 1; next = (fits + exceeds) / 2) {
        size_t size;
        TRY(size_at(trial, next, &size));
        if (size <= max_bytes) {
            fits = next;
        } else {
            exceeds = next;
        }
    }
    *quality = fits;
    return ACCEPTED;
}
