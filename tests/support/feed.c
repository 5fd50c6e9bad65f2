/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/feed.h"

bool feed_empty(const struct feed *f)
{
    return f->len == 0;
}

uint64_t feed_number(struct feed *f, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++) {
        number <<= 8;
        if (f->len > 0) {
            number |= *f->bytes++;
            f->len--;
        }
    }
    return number;
}

size_t feed_length(struct feed *f, unsigned bytes)
{
    return (size_t)feed_number(f, bytes);
}

struct wherry_view feed_bytes(struct feed *f, size_t len)
{
    struct wherry_view view = {.bytes = f->bytes, .len = len < f->len ? len : f->len};

    f->bytes += view.len;
    f->len -= view.len;
    return view;
}
