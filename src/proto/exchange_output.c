/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/exchange_output.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 256u
#define KEPT_BYTES 512u      /* what an idle connection may hold on to */
#define DOUBLED_BYTES 32768u /* beyond twice this a buffer gets what it needs */

static void release(struct exchange_bytes *b)
{
    free(b->bytes);
    *b = (struct exchange_bytes){0};
}

/* Room behind the last byte; NULL: no memory. */
static uint8_t *room(struct exchange_bytes *b, size_t len)
{
    size_t cap = b->cap > FIRST_BYTES ? b->cap : FIRST_BYTES;
    uint8_t *bytes;

    if (b->cap - b->start - b->len >= len && b->bytes != NULL) {
        return b->bytes + b->start + b->len;
    }
    if (b->cap - b->len >= len && b->bytes != NULL) {
        memmove(b->bytes, b->bytes + b->start, b->len);
        b->start = 0;
        return b->bytes + b->len;
    }
    while (cap < b->len + len && cap <= DOUBLED_BYTES) {
        cap *= 2;
    }
    if (cap < b->len + len) {
        cap = b->len + len;
    }
    bytes = calloc(1, cap);
    if (bytes == NULL) {
        return NULL;
    }
    if (b->bytes != NULL) {
        memcpy(bytes, b->bytes + b->start, b->len);
    }
    free(b->bytes);
    b->bytes = bytes;
    b->cap = cap;
    b->start = 0;
    return bytes + b->len;
}

static void drain(struct exchange_bytes *b, size_t len)
{
    b->start += len;
    b->len -= len;
    if (b->len == 0) {
        b->start = 0;
        if (b->cap > KEPT_BYTES) {
            release(b);
        }
    }
}

void exchange_output_clear(struct exchange_output *o)
{
    release(&o->due);
    release(&o->aside);
}

void exchange_output_drop(struct exchange_output *o)
{
    exchange_output_clear(o);
    o->left = o->added;
    o->body = 0;
    o->replies = 0;
    o->replies_aside = false;
}

uint8_t *exchange_output_room(struct exchange_output *o, size_t len)
{
    return room(&o->due, len);
}

void exchange_output_add(struct exchange_output *o, size_t len)
{
    o->due.len += len;
    o->added += len;
}

void exchange_output_open(struct exchange_output *o, uint32_t body)
{
    o->body = body;
}

static bool add_copy(struct exchange_output *o, const uint8_t *bytes, size_t len)
{
    uint8_t *to = room(&o->due, len);

    if (to == NULL) {
        return false;
    }
    memcpy(to, bytes, len);
    exchange_output_add(o, len);
    return true;
}

bool exchange_output_aside(struct exchange_output *o, const uint8_t *frame, size_t len, bool reply)
{
    if (o->body == 0) {
        if (!add_copy(o, frame, len)) {
            return false;
        }
        o->replies_at = reply ? o->added : o->replies_at;
    } else {
        uint8_t *to = room(&o->aside, len);

        if (to == NULL) {
            return false;
        }
        memcpy(to, frame, len);
        o->aside.len += len;
        o->replies_aside = o->replies_aside || reply;
    }
    o->replies += reply ? (uint32_t)len : 0;
    return true;
}

struct wherry_view exchange_output_due(const struct exchange_output *o)
{
    struct wherry_view view = {.len = o->due.len};

    if (o->due.len > 0) {
        view.bytes = o->due.bytes + o->due.start;
    }
    return view;
}

void exchange_output_sent(struct exchange_output *o, size_t bytes)
{
    drain(&o->due, bytes);
    o->left += bytes;
    if (o->left >= o->replies_at && !o->replies_aside) {
        o->replies = 0;
    }
}

bool exchange_output_body_sent(struct exchange_output *o, uint32_t bytes)
{
    size_t waiting = o->aside.len;

    o->body -= bytes;
    if (o->body > 0 || waiting == 0) {
        return true;
    }
    if (!add_copy(o, o->aside.bytes + o->aside.start, waiting)) {
        return false;
    }
    drain(&o->aside, waiting);
    o->replies_at = o->replies_aside ? o->added : o->replies_at;
    o->replies_aside = false;
    return true;
}

bool exchange_output_empty(const struct exchange_output *o)
{
    return o->due.len == 0 && o->body == 0 && o->aside.len == 0;
}

size_t exchange_output_held(const struct exchange_output *o)
{
    return o->due.len + o->aside.len;
}
