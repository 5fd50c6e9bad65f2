/* SPDX-License-Identifier: BSD-2-Clause */
/* store/keeper.h: the window of a stream that cannot be read twice. Bytes come in at its end and
 * are let go at its front; between the two any span can be had again.
 *
 *       offset             end
 *   ......[ kept, readable ][ room to add ]
 *
 * Room is reused by moving what is kept to the front only when at least as much was let go, so a
 * byte is moved once at most for each that left. */
#ifndef STORE_KEEPER_H
#define STORE_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty one at offset 0. */
struct keeper {
    uint8_t *memory;
    size_t cap;
    size_t start; /* of the kept bytes in memory */
    size_t len;
    uint64_t offset; /* of the first kept byte in the stream */
};

void keeper_clear(struct keeper *k); /* frees the memory */
uint64_t keeper_end(const struct keeper *k);
/* Room for len bytes behind the end, valid until the next call. NULL: no memory. */
uint8_t *keeper_room(struct keeper *k, size_t len);
/* This many bytes of the room were filled. */
void keeper_add(struct keeper *k, size_t len);
/* Nothing before this offset (at most the end) is asked for again. */
void keeper_release(struct keeper *k, uint64_t offset);
/* False: a part of it was let go or has not come. */
bool keeper_get(const struct keeper *k, uint64_t offset, uint8_t *to, size_t len);

#endif
