/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/client_queue.h"

#include <string.h>

bool client_queue_add(struct client_queue *q, const uint8_t *bytes, size_t len)
{
    size_t used = q->tail - q->head;

    if (len > sizeof(q->bytes) - used) {
        return false;
    }
    if (len > sizeof(q->bytes) - q->tail) {
        memmove(q->bytes, q->bytes + q->head, used);
        q->head = 0;
        q->tail = used;
    }
    memcpy(q->bytes + q->tail, bytes, len);
    q->tail += len;
    return true;
}

void client_queue_add_body(struct client_queue *q, uint32_t len)
{
    q->body_at = client_queue_end(q);
    q->body = len;
}

uint64_t client_queue_end(const struct client_queue *q)
{
    return q->left + (q->tail - q->head);
}

bool client_queue_has_left(const struct client_queue *q, uint64_t place)
{
    return q->left >= place;
}

bool client_queue_empty(const struct client_queue *q)
{
    return q->tail == q->head && q->body == 0;
}

struct wherry_view client_queue_output(const struct client_queue *q)
{
    struct wherry_view ret = {.bytes = q->bytes + q->head, .len = q->tail - q->head};

    if (q->body > 0) {
        ret.len = (size_t)(q->body_at - q->left);
    }
    return ret;
}

void client_queue_sent(struct client_queue *q, size_t len)
{
    q->head += len;
    q->left += len;
    if (q->head == q->tail) {
        q->head = 0;
        q->tail = 0;
    }
}

void client_queue_body_sent(struct client_queue *q, uint32_t len)
{
    q->body -= len;
}
