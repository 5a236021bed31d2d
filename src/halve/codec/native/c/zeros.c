#include "zeros.h"

void fill_positions(Positions *positions) {
    for (int byte = 0; byte < 256; byte++) {
        uint8_t list[8] = {0}, count = 0;
        for (uint8_t i = 0; i < 8; i++)
            if (byte >> i & 1) list[count++] = i;
        memcpy(&positions->of_byte[byte], list, sizeof list);
        positions->count[byte] = count;
    }
}
