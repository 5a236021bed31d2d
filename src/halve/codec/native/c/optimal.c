#include "optimal.h"

#include <string.h>

enum {
    SYMBOLS = 257, /* 256 is the reserved one, so that no code is all ones */
    LONGEST = 257  /* a code of Huffman's is never longer than there are symbols */
};

/* Figure K.1, on the symbols that occur: join the two least frequent trees until one is left, all their leaves a bit deeper. */
static int find_lengths(const uint32_t frequency[256], uint16_t length[SYMBOLS]) {
    struct {
        uint64_t weight;
        int root;
    } tree[SYMBOLS];
    int next[SYMBOLS], trees = 0, deepest = 0;
    for (int symbol = 0; symbol < SYMBOLS; symbol++) {
        uint32_t weight = symbol == 256 ? 1 : frequency[symbol];
        length[symbol] = 0;
        next[symbol] = -1;
        if (weight == 0) continue;
        tree[trees].weight = weight;
        tree[trees++].root = symbol;
    }
    while (trees > 1) {
        int least = 0, second = 1; /* of equal ones the later symbol, as the standard has it */
        if (tree[1].weight <= tree[0].weight) {
            least = 1;
            second = 0;
        }
        for (int i = 2; i < trees; i++) {
            if (tree[i].weight <= tree[least].weight) {
                second = least;
                least = i;
            } else if (tree[i].weight <= tree[second].weight) {
                second = i;
            }
        }
        int leaf = tree[least].root;
        for (;; leaf = next[leaf]) {
            if (++length[leaf] > deepest) deepest = length[leaf];
            if (next[leaf] < 0) break;
        }
        next[leaf] = tree[second].root;
        for (leaf = tree[second].root; leaf >= 0; leaf = next[leaf])
            if (++length[leaf] > deepest) deepest = length[leaf];
        tree[least].weight += tree[second].weight;
        tree[second] = tree[--trees];
    }
    return deepest;
}

void build_optimal(HuffmanSpec *spec, const uint32_t frequency[256]) {
    uint16_t length[SYMBOLS];
    int codes[LONGEST + 1] = {0};
    int deepest = find_lengths(frequency, length);
    memset(spec, 0, sizeof *spec);
    spec->defined = true;
    if (deepest == 0) { /* nothing but the reserved symbol */
        spec->codes_of_length[1] = 1;
        spec->symbols = 1;
        return;
    }
    for (int symbol = 0; symbol < SYMBOLS; symbol++) codes[length[symbol]]++;
    codes[0] = 0;
    /* Figure K.3: two leaves too deep give way; their common prefix becomes a leaf, and a leaf higher up makes room for the other.
     */
    for (int i = deepest; i > 16; i--) {
        while (codes[i] > 0) {
            int j = i - 2;
            while (codes[j] == 0) j--;
            codes[i] -= 2;
            codes[i - 1]++;
            codes[j + 1] += 2;
            codes[j]--;
        }
    }
    int longest = 16;
    while (codes[longest] == 0) longest--;
    codes[longest]--; /* the reserved one */
    for (int i = 1; i <= 16; i++) spec->codes_of_length[i] = (uint8_t)codes[i];
    /* Figure K.4: in order of length, and of value within. */
    for (int bits = 1; bits <= deepest; bits++)
        for (int symbol = 0; symbol < 256; symbol++)
            if (length[symbol] == bits) spec->symbol[spec->symbols++] = (uint8_t)symbol;
}
