/* SPDX-License-Identifier: BSD-2-Clause */
/* support/feed.h: a fuzzer's input, read from its beginning; behind its end everything is 0. */
#ifndef SUPPORT_FEED_H
#define SUPPORT_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>

struct feed {
    const uint8_t *bytes;
    size_t len;
};

bool feed_empty(const struct feed *f);
/* Unsigned, big-endian, of 1 to 8 bytes. */
uint64_t feed_number(struct feed *f, unsigned bytes);
/* The same, of 1 to 4 bytes, as a length. */
size_t feed_length(struct feed *f, unsigned bytes);
/* At most len bytes, not copied. */
struct wherry_view feed_bytes(struct feed *f, size_t len);

#endif
