#include "progressive.h"

#include "block.h"
#include "memory.h"
#include "row.h"

static void keep_block(Band *band, size_t block, int dc, const Coefficient *ac, unsigned count) {
    uint64_t nonzero = 0;
    for (unsigned i = 0; i < count; i++) {
        nonzero |= (uint64_t)1 << position_of(ac[i]);
        band->ac[block * BLOCK + position_of(ac[i])] = (uint16_t)(ac[i] >> 8);
    }
    band->dc[block] = (int16_t)dc;
    band->nonzero[block] = nonzero;
}

Refusal read_interleaved(Pass *pass, const Frame *frame, Band *bands, size_t row, size_t from, size_t to) {
    const Scan *scan = &pass->scan;
    Bits bits = pass->bits;
    Coefficient ac[BLOCK];
    unsigned count = 0;
    Sieve everything;
    /* a scan of one component goes by its own blocks one at a time (A.2.2) */
    RowSlot slots[MAX_MCU_BLOCKS] = {{.band = &bands[scan->component[0]], .step = 1, .end = SIZE_MAX}};
    int blocks = scan->components == 1 ? 1 : list_row_slots(slots, frame, scan->component, scan->components, bands, row);
    if (pass->ac) everything = sieve_for_all();
    for (size_t mcu = from; mcu < to; mcu++) {
        for (const RowSlot *slot = slots; slot < slots + blocks; slot++) {
            size_t block = slot->start + mcu * slot->step;
            bool picture = block < slot->end;
            int place = slot->place;
            Band *band = slot->band;
            if (!pass->dc) { /* G.1.2.1: a bit more */
                refill(&bits);
                int bit = (int)take(&bits, 1) << scan->low;
                if (picture) band->dc[block] |= (int16_t)bit;
            } else {
                if (!decode_dc(&bits, &pass->dc[place], &pass->predicted[place])) return "a DC code that cannot be";
                if (pass->ac && !decode_ac(&bits, &pass->ac[place], &everything, ac, &count)) return "an AC code that cannot be";
                if (picture) keep_block(band, block, pass->predicted[place], ac, count);
            }
            if (ran_over(&bits, &pass->interval)) return "a scan cut short";
        }
    }
    pass->bits = bits;
    return ACCEPTED;
}

/* The coefficients of one block, into `ac` and, as bits, `nonzero`. Returns where it has gone beyond the
 * band with what the symbol said, or 0 where it has not. */
static inline Coefficient read_first_block(Bits *bits, const Decoder *decoder, unsigned first, unsigned last, uint16_t *ac,
                                           uint64_t *nonzero) {
    Coefficient here = (Coefficient)(first - 1) << 24;
    for (;;) {
        refill(bits);
        for (int i = 0; i < LOOKS_IN_REFILL; i++) {
            bool partial;
            Symbol symbol = take_look(bits, decoder, &partial);
            here = (here & 0xFF000000) + symbol;
            if (position_of(here) > last) return here;
            ac[position_of(here)] = (uint16_t)(here >> 8);
            *nonzero |= (uint64_t)((symbol >> 8 & 0xFFFF) != 0) << position_of(here);
            if (position_of(here) == last) return 0;
            if (partial) break;
        }
    }
}

Refusal read_first_ac(Pass *pass, Band *band, size_t from, size_t to) {
    Bits bits = pass->bits;
    unsigned first = (unsigned)pass->scan.first, last = (unsigned)pass->scan.last;
    for (size_t block = from; block < to; block++) {
        if (pass->run > 0) { /* over for these blocks */
            size_t skipped = pass->run < to - block ? pass->run : to - block;
            pass->run -= skipped;
            block += skipped - 1;
            continue;
        }
        uint64_t nonzero = 0;
        Coefficient beyond = read_first_block(&bits, pass->ac, first, last, band->ac + block * BLOCK, &nonzero);
        if (beyond) {
            if (position_of(beyond) < END) return "an AC code that cannot be";
            pass->run = run_of(beyond) - 1;
        }
        band->nonzero[block] |= nonzero;
        if (ran_over(&bits, &pass->interval)) return "a scan cut short";
    }
    pass->bits = bits;
    return ACCEPTED;
}

/* The next `n` bits, 0 to 63, where 24 are valid. */
static inline uint64_t take_many(Bits *bits, unsigned n) {
    uint64_t value = 0;
    if (__builtin_expect(n > 24, 0)) {
        refill(bits);
        value = take(bits, n - 24);
        refill(bits);
        return value << 24 | take(bits, 24);
    }
    return take(bits, n);
}

#ifdef BMI2
static inline uint64_t reversed(uint64_t bits) {
    bits = __builtin_bswap64(bits);
    bits = (bits >> 4 & 0x0F0F0F0F0F0F0F0F) | (bits & 0x0F0F0F0F0F0F0F0F) << 4;
    bits = (bits >> 2 & 0x3333333333333333) | (bits & 0x3333333333333333) << 2;
    return (bits >> 1 & 0x5555555555555555) | (bits & 0x5555555555555555) << 1;
}
#endif

/* Correct the `count` coefficients that `which` names, each by a bit of `correction`, whose lowest is the last one's. */
static inline void correct(uint16_t *ac, uint64_t which, unsigned count, uint64_t correction, unsigned shift) {
#ifdef BMI2 /* eight at once, without a branch for each: how many are corrected cannot be foretold */
    uint64_t corrected = _pdep_u64(reversed(correction) >> 1 >> (63 - count), which);
    const __m128i bit = _mm_set_epi16(128, 64, 32, 16, 8, 4, 2, 1), step = _mm_set1_epi16((short)(1 << shift));
    for (int k = 0; corrected; k += 8, corrected >>= 8) {
        __m128i *eight = (__m128i *)(ac + k), set = _mm_and_si128(_mm_set1_epi16((short)(corrected & 255)), bit);
        __m128i steps = _mm_and_si128(_mm_cmpeq_epi16(set, bit), step);
        _mm_storeu_si128(eight, _mm_add_epi16(_mm_loadu_si128(eight), steps));
    }
#else
    while (count-- > 0) {
        ac[__builtin_ctzll(which)] += (uint16_t)((correction >> count & 1) << shift);
        which &= which - 1;
    }
#endif
}

/* What a refinement scan says of one block: the coefficients that are not zero any more, as bits; and the correction bits of those
 * that were not zero before, which come in order between the new ones, gathered to be applied at once. */
typedef struct {
    uint64_t fresh, correction;
} Refinement;

/* The end of a block's band: `run` of the blocks behind it have ended, too. False where the symbol is none. */
static inline bool end_band(Symbol symbol, size_t *run) {
    if (advance_of(symbol) < END) return false;
    *run = run_of(symbol) - 1;
    return true;
}

/* One block's band, of which `before` was not zero. False where a code cannot be. */
static inline bool refine_block(Bits *bits, const Decoder *decoder, unsigned first, unsigned end, uint64_t before, Zeros *zeros,
                                uint16_t *ac, Refinement *refinement, size_t *run) {
    unsigned position = first - 1, corrected_to = before ? 63 - (unsigned)__builtin_clzll(before) : position;
    while (position < corrected_to) {
        refill(bits);
        Symbol symbol = next_symbol(bits, decoder);
        unsigned go_on = advance_of(symbol), length = length_of(symbol);
        if (go_on >= WRONG) {
            skip(bits, length);
            unsigned passed = end - 1 - position - zeros_left(zeros);
            refinement->correction = refinement->correction << passed | take_many(bits, passed);
            return end_band(symbol, run);
        }
        unsigned next = next_zero(zeros, go_on);
        if (next == NOWHERE) return false;
        unsigned passed = next - position - go_on;
        if (__builtin_expect(passed > 24, 0)) {
            skip(bits, length);
            refinement->correction = refinement->correction << passed | take_many(bits, passed);
        } else { /* both at once: the next look waits for nothing else */
            refinement->correction = refinement->correction << passed | peek_behind(bits, length, passed);
            skip(bits, next + (length - position - go_on));
        }
        ac[next] = (uint16_t)(symbol >> 8);
        refinement->fresh |= (uint64_t)((symbol >> 8 & 0xFFFF) != 0) << next;
        position = next;
    }
    if (position + 1 == end) return true;
    /* nothing is corrected from here on: what is left reads like a first scan's */
    Coefficient beyond = read_first_block(bits, decoder, position + 1, end - 1, ac, &refinement->fresh);
    return !beyond || end_band(beyond, run);
}

Refusal refine_ac(Pass *pass, Band *band, size_t from, size_t to) {
    const Decoder *decoder = pass->ac;
    Bits bits = pass->bits;
    unsigned end = (unsigned)pass->scan.last + 1, first = (unsigned)pass->scan.first, shift = (unsigned)pass->scan.low + 1;
    uint64_t whole = ~(uint64_t)0 >> (64 - end) >> first << first;
    size_t run = pass->run;
    Zeros zeros;
    for (size_t block = from; block < to; block++) {
        uint16_t *ac = band->ac + block * BLOCK;
        uint64_t before = band->nonzero[block] & whole;
        unsigned corrected = count_bits(before);
        Refinement refinement = {0, 0};
        if (run > 0) {
            refill(&bits);
            refinement.correction = take_many(&bits, corrected);
            run--;
        } else {
            start_zeros(&zeros, pass->positions, ~before & whole);
            if (!refine_block(&bits, decoder, first, end, before, &zeros, ac, &refinement, &run)) return "an AC code that cannot be";
        }
        if (refinement.correction) correct(ac, before, corrected, refinement.correction, shift);
        band->nonzero[block] |= refinement.fresh;
        if (ran_over(&bits, &pass->interval)) return "a scan cut short";
    }
    pass->run = run;
    pass->bits = bits;
    return ACCEPTED;
}
