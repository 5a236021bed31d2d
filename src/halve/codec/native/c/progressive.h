/* The blocks of a pass: all that is read between two restarts within a row of MCUs. Each refuses codes that cannot be and data that
 * ends early. */

#ifndef HALVE_PROGRESSIVE_H
#define HALVE_PROGRESSIVE_H

#include "pass.h"

/* A scan with DC: its first bits, one more of them, or sequential blocks; MCUs `from` to `to` of the row. */
Refusal read_interleaved(Pass *pass, const Frame *frame, Band *bands, size_t row, size_t from, size_t to);

/* First bits of AC coefficients, blocks `from` to `to` of the band (G.1.2.2). */
Refusal read_first_ac(Pass *pass, Band *band, size_t from, size_t to);

/* One bit more of them (G.1.2.3). */
Refusal refine_ac(Pass *pass, Band *band, size_t from, size_t to);

#endif
