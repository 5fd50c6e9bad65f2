/* SPDX-License-Identifier: BSD-2-Clause */
/* support/option_pairs.h: options written as "blksize=1428 tsize=0", for tests that ask, answer
 * and compare. `=` stands for the NUL behind a name, a space for the one behind a value. */
#ifndef SUPPORT_OPTION_PAIRS_H
#define SUPPORT_OPTION_PAIRS_H

#include <wherry/options.h>

#define OPTION_PAIRS_BYTES 512u

struct option_pairs {
    uint8_t bytes[OPTION_PAIRS_BYTES];
    size_t len;
    struct wherry_options parsed; /* its names are views into bytes */
};

void option_pairs_make(struct option_pairs *ret, const char *text);
/* Pairs from the wire back as text, in buf of OPTION_PAIRS_BYTES; returns buf. */
char *option_pairs_text(const uint8_t *pairs, size_t len, char *buf);

#endif
