/* Requantised blocks as the writer wants them: a symbol and its extra bits each, counted as they come. */

#ifndef HALVE_TOKENS_H
#define HALVE_TOKENS_H

#include "coefficients.h"
#include "memory.h"
#include "quantise.h"

/* table << 24 | symbol << 16 | extra bits. The table is 2 × its pair, + 1 for AC. */
typedef uint32_t Token;

enum {
    OUTPUT_TABLES = 4, /* a pair for the first component, one for the others: baseline allows no more (B.2.3) */
    EOB = 0x00,
    ZRL = 0xF0,
    BLOCK_TOKENS = 1 + 63 + 3 + 1 /* DC, coefficients, ZRLs, EOB: more than any block can have */
};

typedef struct {
    Token *token;
    size_t count, room;
    uint32_t frequency[OUTPUT_TABLES][256];
    int32_t predicted[MAX_COMPONENTS]; /* the DC last written (F.1.1.5.1) */
} Tokens;

/* Room for `blocks` blocks more. */
Refusal tokens_reserve(Tokens *tokens, size_t blocks);

/* Forget all tokens and counts, but not the room. */
void tokens_restart(Tokens *tokens);
void tokens_free(Tokens *tokens);

/* SSSS of a magnitude: how many bits it has (tables F.1 and F.2). The difference of two DCs from DC_LEAST to DC_MOST is within.
 * Many processors count leading zeros more slowly than they look this up. */
extern const uint8_t CATEGORY[1 << MAX_DC_SIZE];

/* The DC of a block, as the difference to its component's last (F.1.2.1). Returns where to go on. */
static inline Token *put_dc(Token *out, Tokens *tokens, int component, int dc, const Rule *rule) {
    unsigned table = component ? 2 : 0;
    uint32_t magnitude = (uint32_t)(dc < 0 ? -dc : dc);
    int32_t level = (int32_t)requantised(rule, 0, magnitude);
    if (dc < 0) level = -level;
    int32_t difference = level - tokens->predicted[component];
    tokens->predicted[component] = level;
    uint32_t negative = (uint32_t)difference >> 31;
    unsigned size = CATEGORY[difference < 0 ? -difference : difference];
    tokens->frequency[table][size]++;
    *out++ = (Token)table << 24 | (Token)size << 16 | (((uint32_t)difference - negative) & ((1u << size) - 1));
    return out;
}

/* An AC coefficient of which something is left (F.1.2.2). `*last` is the position of the last one put. */
static inline Token *put_ac(Token *out, uint32_t *frequency, unsigned *last, Coefficient c, unsigned table, const Rule *rule) {
    unsigned position = position_of(c), run = position - *last - 1;
    uint32_t level = requantised(rule, position, magnitude_of(c));
    unsigned size = CATEGORY[level];
    *last = position;
    for (; __builtin_expect(run > 15, 0); run -= 16) {
        *out++ = (Token)table << 24 | ZRL << 16;
        frequency[ZRL]++;
    }
    unsigned symbol = run << 4 | size;
    frequency[symbol]++;
    *out++ = (Token)table << 24 | symbol << 16 | ((level ^ -negative_of(c)) & ((1u << size) - 1));
    return out;
}

static inline Token *put_end(Token *out, uint32_t *frequency, unsigned last, unsigned table) {
    if (last != BLOCK - 1) {
        *out++ = (Token)table << 24 | EOB << 16;
        frequency[EOB]++;
    }
    return out;
}

/* A block, of whose coefficients the rule's sieve has left these. There must be room for BLOCK_TOKENS. */
static inline void put_block(Tokens *tokens, int component, int dc, const Coefficient *ac, unsigned count, const Rule *rule) {
    unsigned table = component ? 3 : 1, last = 0;
    uint32_t *frequency = tokens->frequency[table];
    Token *out = put_dc(tokens->token + tokens->count, tokens, component, dc, rule);
    for (unsigned i = 0; i < count; i++) out = put_ac(out, frequency, &last, ac[i], table, rule);
    out = put_end(out, frequency, last, table);
    tokens->count = (size_t)(out - tokens->token);
}

/* A block of a band, of whose coefficients the rule's sieve has left `which`. */
static inline void put_band_block(Tokens *tokens, int component, const Band *band, size_t block, uint64_t which, const Rule *rule) {
    unsigned table = component ? 3 : 1, last = 0;
    uint32_t *frequency = tokens->frequency[table];
    Token *out = put_dc(tokens->token + tokens->count, tokens, component, band->dc[block], rule);
    for (; which; which &= which - 1) {
        out = put_ac(out, frequency, &last, band_coefficient(band, block, (unsigned)__builtin_ctzll(which)), table, rule);
    }
    out = put_end(out, frequency, last, table);
    tokens->count = (size_t)(out - tokens->token);
}

/* A block that only fills up the MCU beyond the picture's edge: like the one before it, so that it costs least. */
static inline void put_filler(Tokens *tokens, int component) {
    unsigned table = component ? 2 : 0;
    tokens->token[tokens->count++] = (Token)table << 24;
    tokens->token[tokens->count++] = (Token)(table + 1) << 24 | EOB << 16;
    tokens->frequency[table][0]++;
    tokens->frequency[table + 1][EOB]++;
}

#endif
