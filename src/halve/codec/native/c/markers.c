#include "markers.h"

#include <string.h>

#include "memory.h"
#include "metadata.h"

Refusal read_start(Reader *reader) {
    if (reader->size < 4 || reader->data[0] != 0xFF || reader->data[1] != SOI) return "no SOI marker at the start";
    reader->at = 2;
    return ACCEPTED;
}

/* A marker is 0xFF and a code that is neither 0 nor 0xFF; any number of fill bytes 0xFF may stand before it (B.1.1.2). */
static Refusal read_marker(Reader *reader, int *marker) {
    if (reader->at >= reader->size) return "ends before EOI";
    if (reader->data[reader->at] != 0xFF) return "stray bytes between segments";
    while (reader->at < reader->size && reader->data[reader->at] == 0xFF) reader->at++;
    if (reader->at >= reader->size) return "ends before EOI";
    *marker = reader->data[reader->at++];
    if (*marker == 0) return "stray bytes between segments";
    return ACCEPTED;
}

/* A segment's length counts its own two bytes (B.1.1.4). Leaves the reader behind the segment. */
static Refusal read_segment(Reader *reader, const uint8_t **payload, size_t *size) {
    size_t left = reader->size - reader->at;
    if (left < 2) return "ends within a segment";
    size_t length = load16(reader->data + reader->at);
    if (length < 2) return "a segment of impossible length";
    if (length > left) return "ends within a segment";
    *payload = reader->data + reader->at + 2;
    *size = length - 2;
    reader->at += length;
    return ACCEPTED;
}

/* B.2.4.1. Several tables may share a segment; a later one replaces an earlier one of the same destination. */
static Refusal read_quant_tables(Tables *tables, const uint8_t *p, size_t size) {
    while (size > 0) {
        int wide = p[0] >> 4, destination = p[0] & 15;
        size_t need = wide ? 129 : 65;
        if (wide > 1 || destination >= MAX_TABLES) return "a quantisation table of unknown form";
        if (size < need) return "a quantisation table cut short";
        QuantTable *table = &tables->quant[destination];
        for (int k = 0; k < BLOCK; k++) {
            unsigned step = wide ? load16(p + 1 + 2 * k) : p[1 + k];
            if (step == 0) return "a quantisation step of zero";
            table->step[k] = (uint16_t)step;
        }
        table->defined = true;
        p += need;
        size -= need;
    }
    return ACCEPTED;
}

/* B.2.4.2. That the code fits its lengths is seen when the decoding table is built. */
static Refusal read_huffman_tables(Tables *tables, const uint8_t *p, size_t size) {
    while (size > 0) {
        if (size < 17) return "a Huffman table cut short";
        int class = p[0] >> 4, destination = p[0] & 15;
        if (class > 1 || destination >= MAX_TABLES) return "a Huffman table of unknown form";
        HuffmanSpec *spec = class ? &tables->ac[destination] : &tables->dc[destination];
        int symbols = 0;
        for (int length = 1; length <= 16; length++) symbols += p[length];
        if (symbols > 256) return "a Huffman table with more than 256 codes";
        if (size < 17 + (size_t)symbols) return "a Huffman table cut short";
        spec->codes_of_length[0] = 0;
        memcpy(spec->codes_of_length + 1, p + 1, 16);
        memcpy(spec->symbol, p + 17, (size_t)symbols);
        spec->symbols = symbols;
        spec->defined = true;
        p += 17 + symbols;
        size -= 17 + (size_t)symbols;
    }
    return ACCEPTED;
}

static size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

Refusal lay_out(Frame *frame) {
    int blocks = 0;
    if (frame->components == 1)
        frame->component[0].h = frame->component[0].v = 1; /* its MCU is one block whatever they say (A.2.2) */
    frame->h_max = frame->v_max = 1;
    for (int c = 0; c < frame->components; c++) {
        Component *component = &frame->component[c];
        if (component->h > frame->h_max) frame->h_max = component->h;
        if (component->v > frame->v_max) frame->v_max = component->v;
        if (blocks + component->h * component->v > MAX_MCU_BLOCKS) return "more than 10 blocks in an MCU";
        for (int y = 0; y < component->v; y++) {
            for (int x = 0; x < component->h; x++) {
                frame->mcu_component[blocks] = c;
                frame->mcu_x[blocks] = x;
                frame->mcu_y[blocks++] = y;
            }
        }
    }
    frame->mcu_blocks = blocks;
    frame->mcu_columns = divide_up(frame->width, 8 * (size_t)frame->h_max);
    frame->mcu_rows = divide_up(frame->height, 8 * (size_t)frame->v_max);
    for (int c = 0; c < frame->components; c++) {
        Component *component = &frame->component[c];
        if (frame->h_max % component->h || frame->v_max % component->v) return "fractional sampling factors";
        component->columns = divide_up(divide_up(frame->width * (size_t)component->h, (size_t)frame->h_max), 8);
        component->rows = divide_up(divide_up(frame->height * (size_t)component->v, (size_t)frame->v_max), 8);
    }
    return ACCEPTED;
}

/* B.2.2. */
static Refusal read_frame(Tables *tables, int marker, const uint8_t *p, size_t size, uint64_t max_pixels) {
    Frame *frame = &tables->frame;
    if (tables->has_frame) return "more than one frame";
    if (marker > SOF2) return "neither baseline nor progressive Huffman coding";
    if (size < 6) return "a frame header cut short";
    if (p[0] != 8) return "not 8 bits a sample";
    frame->progressive = marker == SOF2;
    frame->height = load16(p + 1);
    frame->width = load16(p + 3);
    frame->components = p[5];
    if (frame->height == 0) return "height left to a DNL marker";
    if (frame->width == 0) return "no width";
    if ((uint64_t)frame->width * frame->height > max_pixels) return "more pixels than allowed";
    if (frame->components != 1 && frame->components != 3) return "neither one nor three components";
    if (size != 6 + 3 * (size_t)frame->components) return "a frame header of the wrong length";
    for (int c = 0; c < frame->components; c++) {
        const uint8_t *entry = p + 6 + 3 * c;
        Component *component = &frame->component[c];
        component->id = entry[0];
        component->h = entry[1] >> 4;
        component->v = entry[1] & 15;
        component->quant_table = entry[2];
        if (component->h < 1 || component->h > 4 || component->v < 1 || component->v > 4) return "impossible sampling factors";
        if (component->quant_table >= MAX_TABLES) return "a component with an unknown quantisation table";
        for (int other = 0; other < c; other++)
            if (frame->component[other].id == component->id) return "two components of one name";
    }
    tables->has_frame = true;
    return lay_out(frame);
}

/* B.2.3. What the spectral band may be is for the kind of frame to say. */
static Refusal read_scan(const Tables *tables, Scan *scan, const uint8_t *p, size_t size) {
    const Frame *frame = &tables->frame;
    if (!tables->has_frame) return "a scan before the frame";
    if (size < 1) return "a scan header cut short";
    scan->components = p[0];
    if (scan->components < 1 || scan->components > frame->components) return "a scan of an impossible number of components";
    if (size != 4 + 2 * (size_t)scan->components) return "a scan header of the wrong length";
    int index = -1;
    for (int i = 0; i < scan->components; i++) {
        const uint8_t *entry = p + 1 + 2 * i;
        /* components of a scan come in the order of the frame */
        do {
            if (++index >= frame->components) return "a scan of components that the frame has not, or in another order";
        } while (frame->component[index].id != entry[0]);
        scan->component[i] = index;
        scan->dc_table[i] = entry[1] >> 4;
        scan->ac_table[i] = entry[1] & 15;
        if (scan->dc_table[i] >= MAX_TABLES || scan->ac_table[i] >= MAX_TABLES) return "a scan with an unknown Huffman table";
    }
    p += 1 + 2 * scan->components;
    scan->first = p[0];
    scan->last = p[1];
    scan->high = p[2] >> 4;
    scan->low = p[2] & 15;
    return ACCEPTED;
}

Refusal read_segments(Reader *reader, Tables *tables, Scan *scan, bool *ended, uint64_t max_pixels) {
    *ended = false;
    for (;;) {
        int marker = 0;
        const uint8_t *payload = NULL;
        size_t size = 0;
        TRY(read_marker(reader, &marker));
        if (marker == EOI) {
            *ended = true;
            return ACCEPTED;
        }
        if (marker == TEM || (marker >= RST0 && marker <= SOI)) return "a marker where none may stand";
        TRY(read_segment(reader, &payload, &size));
        if (marker == DQT) {
            TRY(read_quant_tables(tables, payload, size));
        } else if (marker == DHT) {
            TRY(read_huffman_tables(tables, payload, size));
        } else if (marker == DRI) { /* B.2.4.4 */
            if (size != 2) return "a restart interval of the wrong length";
            tables->restart_interval = load16(payload);
        } else if (marker == SOS) {
            tables->has_scan = true;
            return read_scan(tables, scan, payload, size);
        } else if (marker >= SOF0 && marker <= SOF15 && marker != JPG && marker != DAC) {
            TRY(read_frame(tables, marker, payload, size, max_pixels));
        } else if (marker >= APP0 && marker <= APP15) {
            /* decoders settle what colours mean when the first scan begins */
            if (!tables->has_scan) TRY(read_application_segment(&tables->metadata, marker, payload, size));
        } else if (marker != COM) {
            return "a marker that this path does not know"; /* DAC, DNL, DHP, EXP, JPGn, reserved */
        }
    }
}
