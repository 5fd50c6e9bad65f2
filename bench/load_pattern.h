/* SPDX-License-Identifier: BSD-2-Clause */
/* load_pattern.h: the bytes of the files that are measured, known without keeping them.
 *
 * File k is a sequence of 131,071 random bytes, over and over, begun at a place of its own. The
 * period is prime and larger than any block: two blocks of a file, or the same block of two files,
 * never look alike, and the whole stays in a processor's cache. */
#ifndef BENCH_LOAD_PATTERN_H
#define BENCH_LOAD_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_PERIOD 131071u
#define PATTERN_VIEW_BYTES 131072u /* that can be looked at from any offset */

struct pattern {
    uint8_t bytes[PATTERN_PERIOD + PATTERN_VIEW_BYTES];
};

void pattern_init(struct pattern *p);
/* The bytes from this offset of that file: PATTERN_VIEW_BYTES of them. */
const uint8_t *pattern_at(const struct pattern *p, uint32_t file, uint64_t offset);

#endif
