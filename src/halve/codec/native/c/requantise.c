#include "requantise.h"

#include "halving.h"
#include "interval.h"
#include "memory.h"
#include "pass.h"
#include "row.h"
#include "search.h"
#include "sequential.h"
#include "turning.h"

/* Which qualities are weighed where the bytes are bounded: those that are likely to do; all; those that leave chroma as it came. The
 * first two have it halved, wherever it can be. */
typedef enum { LIKELY, ALL, WHOLE } Reach;

/* One attempt within a bound, and what it leaves open. */
typedef struct {
    Reach reach;
    int ceiling; /* the best quality to weigh */
    int below;   /* chroma would be halved below that quality only; 0 or 1 if it cannot be */
    bool more;   /* a better one would fit */
} Search;

/* All that one image needs. */
typedef struct {
    const Request *request;
    Search search;
    Reader reader;
    Tables tables;
    bool seen[MAX_COMPONENTS]; /* components that have had a scan */
    Interval interval;         /* of a frame of one scan */
    Pass *pass[MAX_SCANS];     /* of a frame of several */
    int passes;
    Progress progress;
    Positions positions;
    Band band[MAX_COMPONENTS];
    Rule rule[MAX_COMPONENTS];
    Tokens tokens;
    Frame lying, frame; /* as it is written, before it is turned and after */
    Halving halving;
    Turning turning;
    List list, turned;  /* where several qualities are to be weighed, or all is to be there before it is turned */
    Sink arrival, sink; /* where blocks come to, and where they go on to if chroma is to be halved first; the same otherwise */
} Job;

/* A component is quantised by what its table holds when its first scan begins. */
static Refusal settle_quant_tables(Job *job, const Scan *scan) {
    Frame *frame = &job->tables.frame;
    for (int i = 0; i < scan->components; i++) {
        int c = scan->component[i];
        Component *component = &frame->component[c];
        if (job->seen[c]) {
            if (!frame->progressive) return "a component with two scans in a sequential frame";
            continue;
        }
        component->quant = job->tables.quant[component->quant_table];
        if (!component->quant.defined) return "a component with an undefined quantisation table";
        job->seen[c] = true;
    }
    return ACCEPTED;
}

/* Settle the best quality to weigh; whether chroma is halved for it. Both cannot be weighed at once. Within a bound it is halved, also
 * where the quality by itself would leave it whole: that takes no fewer bytes, so it is tried once it is known that there is room. */
static bool choose_ceiling(Job *job) {
    const Request *request = job->request;
    const Frame *frame = &job->tables.frame;
    Search *search = &job->search;
    search->below = request->whole ? 0 : halved_below(frame, &job->tables.metadata, request->smooth);
    if (request->max_bytes == 0) return search->ceiling < search->below;
    bool halved = search->below > 1 && search->reach != WHOLE;
    if (search->reach == LIKELY) {
        size_t size = halved ? job->reader.size / 4 * 3 : job->reader.size; /* a quarter or more goes by halving alone */
        search->ceiling = likely_ceiling(&frame->component[0].quant, size, request->max_bytes, request->quality);
    }
    return halved;
}

/* Of those that are likely to do, one quality more is weighed than may be had: if not even that fits, the search is over. */
static int best_weighed(const Job *job) {
    bool beyond = job->request->max_bytes > 0 && job->search.reach == LIKELY && job->search.ceiling < job->request->quality;
    return job->search.ceiling + beyond;
}

static bool lies_upright(const Job *job) { return job->request->orientation == 1; }

/* Decide where blocks go. To be asked when the steps of all components are known. */
static Refusal open_sink(Job *job) {
    const Frame *frame = &job->tables.frame;
    bool halved = choose_ceiling(job);
    job->lying = halved ? halved_frame(frame) : *frame;
    TRY(turnable(&job->turning, &job->lying));
    job->frame = turned_frame(&job->turning, &job->lying);
    make_rules(job->rule, &job->frame, &job->tables.metadata, best_weighed(job), job->request->smooth);
    job->sink.tokens = &job->tokens;
    job->sink.list = &job->list;
    if (job->request->max_bytes == 0 && lies_upright(job)) job->sink.rule = job->rule;
    for (int c = 0; c < frame->components; c++) job->sink.sieve[c] = sieve_before_turning(&job->turning, &job->rule[c].sieve);
    job->arrival = job->sink;
    if (!halved) return ACCEPTED;
    job->arrival.halving = &job->halving;
    TRY(halving_open(&job->halving, frame, &job->sink));
    for (int c = 1; c < frame->components; c++) job->arrival.sieve[c] = halving_sieve(&job->halving);
    return ACCEPTED;
}

/* All blocks have come. */
static Refusal close_sink(Job *job) { return job->arrival.halving ? halving_finish(&job->halving) : ACCEPTED; }

static Refusal add_pass(Job *job, const Scan *scan) {
    if (job->passes == MAX_SCANS) return "too many scans";
    if (job->passes == 0) {
        progress_start(&job->progress);
        fill_positions(&job->positions);
    }
    Pass *pass = calloc(1, sizeof *pass);
    if (!pass) return NO_MEMORY;
    job->pass[job->passes++] = pass;
    return open_pass(pass, &job->reader, &job->tables, scan, &job->progress, &job->positions);
}

static Refusal read_scan_data(Job *job, const Scan *scan) {
    const Frame *frame = &job->tables.frame;
    TRY(settle_quant_tables(job, scan));
    if (frame->progressive || scan->components < frame->components) return add_pass(job, scan);
    TRY(open_sink(job));
    TRY(open_interval(&job->interval, job->reader.size - job->reader.at));
    TRY(read_whole_scan(&job->reader, &job->tables, scan, &job->interval, &job->arrival));
    return close_sink(job);
}

static Refusal read_passes(Job *job) {
    const Frame *frame = &job->tables.frame;
    if (!progress_complete(&job->progress, frame->components)) return "progressive scans that end early";
    TRY(open_sink(job));
    for (int c = 0; c < frame->components; c++) {
        TRY(band_open(&job->band[c], frame->component[c].columns * (size_t)frame->component[c].v));
    }
    for (size_t row = 0; row < frame->mcu_rows; row++) {
        for (int c = 0; c < frame->components; c++) band_clear(&job->band[c]);
        for (int i = 0; i < job->passes; i++) TRY(read_pass(job->pass[i], frame, row, job->band));
        TRY(pass_on_row(frame, job->band, row, &job->arrival));
    }
    return close_sink(job);
}

static Refusal read_image(Job *job) {
    Scan scan;
    bool ended;
    TRY(read_start(&job->reader));
    for (;;) {
        TRY(read_segments(&job->reader, &job->tables, &scan, &ended, job->request->max_pixels));
        if (ended) break;
        TRY(read_scan_data(job, &scan));
    }
    if (!job->tables.has_frame) return "no picture";
    for (int c = 0; c < job->tables.frame.components; c++)
        if (!job->seen[c]) return "a component without a scan";
    return job->passes ? read_passes(job) : ACCEPTED;
}

static Refusal write_image(Job *job, Output *output) {
    Plan plan;
    make_plan(&plan, &job->frame, &job->tables.metadata, job->rule, &job->tokens);
    return write_file(output, &plan, &job->tokens);
}

/* All blocks upright, in a list. */
static Refusal set_upright(Job *job, const List **upright) {
    *upright = &job->list;
    if (lies_upright(job)) return ACCEPTED;
    *upright = &job->turned;
    TRY(turn(&job->turning, &job->lying, &job->list, &job->turned));
    list_free(&job->list);
    return ACCEPTED;
}

/* The best quality that fits. Stuffing shows only once a file is written: one that it makes too large gives way to the next lower.
 */
static Refusal write_within(Job *job, Trial *trial, Output *output, int *quality) {
    Search *search = &job->search;
    int least = search->reach == WHOLE ? search->below : 1;
    TRY(best_quality(trial, best_weighed(job), job->request->max_bytes, quality));
    search->more = *quality > search->ceiling;
    if (search->more) *quality = search->ceiling;
    for (; *quality >= least; --*quality) {
        TRY(requantise_list(trial, *quality));
        TRY(write_image(job, output));
        if (output->size <= job->request->max_bytes) return ACCEPTED;
        free(output->bytes);
    }
    return "no quality is small enough";
}

static Refusal write_list(Job *job, Result *result) {
    Trial trial = {&job->frame, &job->tables.metadata, NULL, job->request->smooth, job->rule, &job->tokens, 0};
    TRY(set_upright(job, &trial.list));
    if (job->request->max_bytes > 0) return write_within(job, &trial, &result->output, &result->quality);
    TRY(requantise_list(&trial, result->quality));
    return write_image(job, &result->output);
}

static Refusal run(Job *job, Result *result) {
    job->turning = turning_of(job->request->orientation);
    TRY(read_image(job));
    job->tables.metadata.transposed = job->turning.transposed;
    result->quality = job->request->quality;
    TRY(job->sink.rule ? write_image(job, &result->output) : write_list(job, result));
    result->width = job->frame.width;
    result->height = job->frame.height;
    return ACCEPTED;
}

static Refusal attempt(const uint8_t *data, size_t size, const Request *request, Search *search, Result *result) {
    Job *job = calloc(1, sizeof *job);
    if (!job) return NO_MEMORY;
    job->request = request;
    job->reader.data = data;
    job->reader.size = size;
    job->search = *search;
    Refusal refusal = run(job, result);
    *search = job->search;
    close_interval(&job->interval);
    for (int i = 0; i < job->passes; i++) {
        close_pass(job->pass[i]);
        free(job->pass[i]);
    }
    for (int c = 0; c < MAX_COMPONENTS; c++) band_close(&job->band[c]);
    halving_close(&job->halving);
    tokens_free(&job->tokens);
    list_free(&job->list);
    list_free(&job->turned);
    free(job);
    return refusal;
}

/* What another attempt gives instead; where it gives nothing, what was there stays. */
static void try_instead(const uint8_t *data, size_t size, const Request *request, Search *search, Result *result) {
    Result other;
    if (attempt(data, size, request, search, &other)) return;
    free(result->output.bytes);
    *result = other;
}

Refusal requantise(const uint8_t *data, size_t size, const Request *request, Result *result) {
    Search search = {.reach = LIKELY, .ceiling = request->quality};
    TRY(attempt(data, size, request, &search, result));
    if (search.more) { /* than was thought likely */
        search.reach = ALL;
        search.ceiling = request->quality;
        try_instead(data, size, request, &search, result);
    }
    if (request->max_bytes > 0 && search.below > 1 && result->quality >= search.below) {
        search.reach = WHOLE;
        search.ceiling = result->quality;
        try_instead(data, size, request, &search, result);
    }
    return ACCEPTED;
}
