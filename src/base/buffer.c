/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buffer.h"

#include <stdlib.h>

bool buffer_reserve(struct buffer *b, size_t more, size_t most)
{
    size_t cap = b->cap < most / 2 ? b->cap * 2 : most;
    uint8_t *bytes;

    if (b->cap - b->len >= more) {
        return true;
    }
    if (more > SIZE_MAX - b->len) {
        return false;
    }
    if (b->cap == 0 || cap < b->len + more) {
        cap = b->len + more;
    }
    bytes = realloc(b->bytes, cap);
    if (bytes == NULL) {
        return false;
    }
    b->bytes = bytes;
    b->cap = cap;
    return true;
}

void buffer_clear(struct buffer *b)
{
    free(b->bytes);
    *b = (struct buffer){0};
}
