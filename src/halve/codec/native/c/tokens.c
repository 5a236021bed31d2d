#include "tokens.h"

#include "memory.h"

const uint8_t CATEGORY[1 << MAX_DC_SIZE] = {
    [1] = 1,          [2 ... 3] = 2,     [4 ... 7] = 3,     [8 ... 15] = 4,      [16 ... 31] = 5,      [32 ... 63] = 6,
    [64 ... 127] = 7, [128 ... 255] = 8, [256 ... 511] = 9, [512 ... 1023] = 10, [1024 ... 2047] = 11,
};

Refusal tokens_reserve(Tokens *tokens, size_t blocks) {
    size_t need = blocks * BLOCK_TOKENS;
    if (tokens->room - tokens->count >= need) return ACCEPTED;
    size_t room = tokens->room * 2 < need + 4096 ? need + 4096 : tokens->room * 2;
    if (room < tokens->room || room > SIZE_MAX / sizeof(Token)) return NO_MEMORY;
    Token *larger = realloc(tokens->token, room * sizeof(Token));
    if (!larger) return NO_MEMORY;
    tokens->token = larger;
    tokens->room = room;
    return ACCEPTED;
}

void tokens_restart(Tokens *tokens) {
    tokens->count = 0;
    memset(tokens->frequency, 0, sizeof tokens->frequency);
    memset(tokens->predicted, 0, sizeof tokens->predicted);
}

void tokens_free(Tokens *tokens) { free(tokens->token); }
