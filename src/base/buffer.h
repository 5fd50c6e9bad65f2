/* SPDX-License-Identifier: BSD-2-Clause */
/* base/buffer.h: bytes that are gathered in memory of ours. All zeros is an empty one. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

/* Room for so many more behind bytes + len. It grows twofold, up to `most`, and beyond that only by
 * what is needed. False: no memory, and all is as it was. */
bool buffer_reserve(struct buffer *b, size_t more, size_t most);
/* Gives the memory back; the buffer is an empty one. */
void buffer_clear(struct buffer *b);

#endif
