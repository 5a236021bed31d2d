#include "writer.h"

#include "optimal.h"

#include "markers.h"
#include "memory.h"

/* Segments are written twice through one and the same code: once to be counted, with no memory behind, once in earnest. */
typedef struct {
    uint8_t *bytes; /* NULL: only count */
    size_t size;
} Pen;

static void put(Pen *pen, const void *bytes, size_t size) {
    if (pen->bytes) memcpy(pen->bytes + pen->size, bytes, size);
    pen->size += size;
}

static void put8(Pen *pen, unsigned value) {
    uint8_t byte = (uint8_t)value;
    put(pen, &byte, 1);
}

static void put16(Pen *pen, size_t value) {
    put8(pen, (unsigned)(value >> 8));
    put8(pen, (unsigned)(value & 255));
}

static void put_segment(Pen *pen, int marker, size_t payload) {
    put8(pen, 0xFF);
    put8(pen, (unsigned)marker);
    put16(pen, payload + 2);
}

static void put_metadata(Pen *pen, const Metadata *metadata) {
    if (metadata->jfif) {
        put_segment(pen, APP0, 14);
        put(pen, metadata->jfif, 8); /* name, version, unit */
        put(pen, metadata->jfif + (metadata->transposed ? 10 : 8), 2);
        put(pen, metadata->jfif + (metadata->transposed ? 8 : 10), 2);
        put16(pen, 0); /* no thumbnail */
    }
    for (int i = 0; i < metadata->icc_segments; i++) {
        put_segment(pen, APP2, metadata->icc_size[i]);
        put(pen, metadata->icc[i], metadata->icc_size[i]);
    }
    if (metadata->adobe) {
        put_segment(pen, APP14, 12);
        put(pen, metadata->adobe, 12);
    }
}

static bool same_steps(const Rule *a, const Rule *b) { return memcmp(a->target, b->target, sizeof a->target) == 0; }

static bool wide_steps(const Rule *rule) {
    for (int k = 0; k < BLOCK; k++)
        if (rule->target[k] > 255) return true;
    return false;
}

/* B.2.4.1, one segment a table. Components of equal steps share one: `destination` says which. */
static bool put_quant_tables(Pen *pen, const Plan *plan, int destination[MAX_COMPONENTS]) {
    bool any_wide = false;
    for (int c = 0; c < plan->frame->components; c++) {
        destination[c] = c;
        for (int other = 0; other < c; other++) {
            if (same_steps(&plan->rule[c], &plan->rule[other])) {
                destination[c] = destination[other];
                break;
            }
        }
        if (destination[c] != c) continue;
        bool wide = wide_steps(&plan->rule[c]);
        put_segment(pen, DQT, wide ? 129 : 65);
        put8(pen, (unsigned)wide << 4 | (unsigned)c);
        for (int k = 0; k < BLOCK; k++) wide ? put16(pen, plan->rule[c].target[k]) : put8(pen, plan->rule[c].target[k]);
        any_wide |= wide;
    }
    return any_wide;
}

static void put_headers(Pen *pen, const Plan *plan) {
    const Frame *frame = plan->frame;
    int destination[MAX_COMPONENTS];
    put8(pen, 0xFF);
    put8(pen, SOI);
    put_metadata(pen, plan->metadata);
    bool wide = put_quant_tables(pen, plan, destination);
    put_segment(pen, wide ? SOF1 : SOF0, 6 + 3 * (size_t)frame->components); /* baseline has steps of 8 bits (B.2.4.1) */
    put8(pen, 8);
    put16(pen, frame->height);
    put16(pen, frame->width);
    put8(pen, (unsigned)frame->components);
    for (int c = 0; c < frame->components; c++) {
        const Component *component = &frame->component[c];
        put8(pen, component->id);
        put8(pen, (unsigned)(component->h << 4 | component->v));
        put8(pen, (unsigned)destination[c]);
    }
    size_t payload = 0;
    for (int t = 0; t < plan->tables; t++) payload += 17 + (size_t)plan->huffman[t].symbols;
    put_segment(pen, DHT, payload);
    for (int t = 0; t < plan->tables; t++) {
        put8(pen, (unsigned)((t & 1) << 4 | t >> 1));
        put(pen, plan->huffman[t].codes_of_length + 1, 16);
        put(pen, plan->huffman[t].symbol, (size_t)plan->huffman[t].symbols);
    }
    put_segment(pen, SOS, 4 + 2 * (size_t)frame->components);
    put8(pen, (unsigned)frame->components);
    for (int c = 0; c < frame->components; c++) {
        put8(pen, frame->component[c].id);
        put8(pen, c ? 0x11 : 0x00);
    }
    put8(pen, 0);
    put8(pen, 63);
    put8(pen, 0);
}

/* Extra bits of a symbol: for DC the symbol itself, for AC its lower half. */
static unsigned extra_bits(int table, unsigned symbol) { return table & 1 ? symbol & 15 : symbol; }

void make_plan(Plan *plan, const Frame *frame, const Metadata *metadata, const Rule *rule, const Tokens *tokens) {
    plan->frame = frame;
    plan->metadata = metadata;
    plan->rule = rule;
    plan->tables = frame->components == 1 ? 2 : 4;
    plan->bits = 0;
    for (int t = 0; t < plan->tables; t++) {
        HuffmanSpec *spec = &plan->huffman[t];
        build_optimal(spec, tokens->frequency[t]);
        int i = 0;
        for (unsigned length = 1; length <= 16; length++) {
            for (int n = 0; n < spec->codes_of_length[length]; n++, i++) {
                unsigned symbol = spec->symbol[i];
                plan->bits += (uint64_t)tokens->frequency[t][symbol] * (length + extra_bits(t, symbol));
            }
        }
    }
}

size_t planned_size(const Plan *plan) {
    Pen pen = {NULL, 0};
    put_headers(&pen, plan);
    return pen.size + (size_t)((plan->bits + 7) / 8) + 2;
}

/* What to write for a symbol: its code with room for the extra bits, and the length of both (C.2, F.1.2). */
typedef struct {
    uint32_t code;
    uint32_t length;
} Code;

static void make_codes(Code *code, const HuffmanSpec *spec, int table) {
    uint32_t next = 0;
    int i = 0;
    for (unsigned length = 1; length <= 16; length++, next <<= 1) {
        for (int n = 0; n < spec->codes_of_length[length]; n++, i++, next++) {
            unsigned symbol = spec->symbol[i], extra = extra_bits(table, symbol);
            code[symbol].code = next << extra;
            code[symbol].length = length + extra;
        }
    }
}

/* A symbol and its extra bits. */
static inline uint64_t bits_of(const Code *code, Token token) { return code->code | (token & 0xFFFF); }

/* All tokens as bits, the last byte padded with ones (F.1.2.3). `to` has room for them and eight bytes more. Returns the end. */
static uint8_t *write_bits(uint8_t *to, const Code code[OUTPUT_TABLES * 256], const Token *token, size_t count) {
    uint64_t window = 0; /* bits to come, at its top: fewer than 8 between two tokens and the next two, of 27 at most each */
    unsigned used = 0;
    for (size_t i = 0; i < count; i += 2) {
        const Code *c = &code[token[i] >> 16];
        uint64_t bits = bits_of(c, token[i]);
        used += c->length;
        if (__builtin_expect(i + 1 < count, 1)) {
            c = &code[token[i + 1] >> 16];
            bits = bits << c->length | bits_of(c, token[i + 1]);
            used += c->length;
        }
        window |= bits << (64 - used);
        store64(to, window);
        to += used >> 3;
        window <<= used & 56;
        used &= 7;
    }
    if (used) {
        window |= ~(uint64_t)0 >> used;
        *to++ = (uint8_t)(window >> 56);
    }
    return to;
}

static size_t count_ff(const uint8_t *from, const uint8_t *end) {
    size_t n = 0;
    for (; (from = memchr(from, 0xFF, (size_t)(end - from))); from++) n++;
    return n;
}

/* A zero byte behind every 0xFF (F.1.2.3). */
static void put_stuffed(Pen *pen, const uint8_t *from, const uint8_t *end) {
    const uint8_t *ff;
    while ((ff = memchr(from, 0xFF, (size_t)(end - from)))) {
        put(pen, from, (size_t)(ff + 1 - from));
        put8(pen, 0);
        from = ff + 1;
    }
    put(pen, from, (size_t)(end - from));
}

Refusal write_file(Output *output, const Plan *plan, const Tokens *tokens) {
    Code code[OUTPUT_TABLES * 256];
    memset(code, 0, sizeof code);
    for (int t = 0; t < plan->tables; t++) make_codes(code + 256 * t, &plan->huffman[t], t);
    if (plan->bits / 8 > SIZE_MAX / 4) return NO_MEMORY;
    uint8_t *plain = malloc((size_t)((plan->bits + 7) / 8) + 8);
    if (!plain) return NO_MEMORY;
    const uint8_t *end = write_bits(plain, code, tokens->token, tokens->count);
    Pen pen = {malloc(planned_size(plan) + count_ff(plain, end)), 0};
    if (!pen.bytes) {
        free(plain);
        return NO_MEMORY;
    }
    put_headers(&pen, plan);
    put_stuffed(&pen, plain, end);
    put8(&pen, 0xFF);
    put8(&pen, EOI);
    free(plain);
    output->bytes = pen.bytes;
    output->size = pen.size;
    return ACCEPTED;
}
