#include "pass.h"

#include "memory.h"
#include "progressive.h"

void progress_start(Progress *progress) { memset(progress->low, UNSEEN, sizeof progress->low); }

bool progress_complete(const Progress *progress, int components) {
    for (int c = 0; c < components; c++)
        for (int k = 0; k < BLOCK; k++)
            if (progress->low[c][k] != 0) return false;
    return true;
}

/* G.1.1.1: DC by itself, AC of one component at a time; each bit after the first scan one lower than the last, and none twice.
 * A sequential scan is all of it at once (B.2.3). */
static Refusal note_progress(Progress *progress, const Scan *scan, bool progressive) {
    if (scan->first > scan->last || scan->last > 63) return "an impossible band of coefficients";
    if (!progressive && (scan->first != 0 || scan->last != 63 || scan->high != 0 || scan->low != 0))
        return "a band of coefficients in a sequential frame";
    if (progressive && scan->first == 0 && scan->last != 0) return "DC and AC in one scan of a progressive frame";
    if (scan->first > 0 && scan->components != 1) return "AC of several components in one scan";
    if (scan->low > 13 || (scan->high != 0 && scan->high != scan->low + 1)) return "an impossible successive approximation";
    for (int i = 0; i < scan->components; i++) {
        int8_t *low = progress->low[scan->component[i]];
        if (scan->first > 0 && low[0] == UNSEEN) return "AC before DC";
        for (int k = scan->first; k <= scan->last; k++) {
            if (low[k] != (scan->high == 0 ? UNSEEN : scan->high)) return "progressive scans out of order";
            low[k] = (int8_t)scan->low;
        }
    }
    return ACCEPTED;
}

static Refusal build_decoders(Pass *pass, const Tables *tables, bool progressive) {
    const Scan *scan = &pass->scan;
    bool dc = scan->first == 0 && scan->high == 0, ac = scan->last > 0;
    Alphabet alphabet = !progressive ? AC_COEFFICIENTS : scan->high ? AC_REFINEMENT : AC_FIRST;
    if (dc && !(pass->dc = allocate((size_t)scan->components, sizeof *pass->dc))) return NO_MEMORY;
    if (ac && !(pass->ac = allocate((size_t)scan->components, sizeof *pass->ac))) return NO_MEMORY;
    for (int i = 0; i < scan->components; i++) {
        if (dc) TRY(build_decoder(&pass->dc[i], &tables->dc[scan->dc_table[i]], DC_DIFFERENCES, scan->low));
        if (ac) TRY(build_decoder(&pass->ac[i], &tables->ac[scan->ac_table[i]], alphabet, scan->low));
    }
    return ACCEPTED;
}

/* A scan of one component goes by its own blocks, those that carry picture alone (A.2.2); one of several by the frame's MCUs. */
static size_t scan_mcus(const Frame *frame, const Scan *scan) {
    const Component *component = &frame->component[scan->component[0]];
    return scan->components > 1 ? frame->mcu_columns * frame->mcu_rows : component->columns * component->rows;
}

Refusal open_pass(Pass *pass, Reader *reader, const Tables *tables, const Scan *scan, Progress *progress,
                  const Positions *positions) {
    TRY(note_progress(progress, scan, tables->frame.progressive));
    pass->scan = *scan;
    pass->positions = positions;
    pass->reader = *reader;
    TRY(skip_scan(reader));
    pass->end = reader->at;
    pass->mcus = scan_mcus(&tables->frame, scan);
    pass->restart_interval = tables->restart_interval;
    TRY(open_interval(&pass->interval, pass->end - pass->reader.at));
    return build_decoders(pass, tables, tables->frame.progressive);
}

/* E.2.4: the first interval, or the next behind a restart marker. */
static Refusal begin_interval(Pass *pass, bool first) {
    if (!first) TRY(read_restart(&pass->reader, pass->restarts++));
    TRY(read_interval(&pass->reader, &pass->interval));
    pass->bits = start_bits(&pass->interval);
    pass->mcus_left = pass->restart_interval && pass->restart_interval < pass->mcus ? pass->restart_interval : pass->mcus;
    memset(pass->predicted, 0, sizeof pass->predicted);
    return ACCEPTED;
}

static Refusal end_interval(const Pass *pass) {
    if (!used_up(&pass->bits, &pass->interval)) return "more data in a scan than belongs there";
    if (pass->run > 0) return "a run of blocks beyond the scan's end";
    if (pass->mcus == 0 && pass->reader.at != pass->end) return "more intervals in a scan than belong there";
    return ACCEPTED;
}

Refusal read_pass(Pass *pass, const Frame *frame, size_t row, Band *bands) {
    const Scan *scan = &pass->scan;
    const Component *component = &frame->component[scan->component[0]];
    size_t in_row = frame->mcu_columns, done = 0;
    if (scan->components == 1) {
        size_t above = row * (size_t)component->v, left = component->rows - above;
        in_row = component->columns * (left < (size_t)component->v ? left : (size_t)component->v);
    }
    while (done < in_row) {
        if (pass->mcus_left == 0) TRY(begin_interval(pass, pass->bits.next == NULL));
        size_t now = in_row - done < pass->mcus_left ? in_row - done : pass->mcus_left;
        pass->mcus_left -= now;
        pass->mcus -= now;
        if (scan->first > 0) {
            Band *band = &bands[scan->component[0]];
            TRY(scan->high ? refine_ac(pass, band, done, done + now) : read_first_ac(pass, band, done, done + now));
        } else {
            TRY(read_interleaved(pass, frame, bands, row, done, done + now));
        }
        done += now;
        if (pass->mcus_left == 0) TRY(end_interval(pass));
    }
    return ACCEPTED;
}

void close_pass(Pass *pass) {
    close_interval(&pass->interval);
    free(pass->dc);
    free(pass->ac);
}
