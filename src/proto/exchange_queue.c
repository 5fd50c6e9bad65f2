/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/exchange_queue.h"

#include <stdlib.h>
#include <string.h>

/* Lays bytes behind an entry. Without the entry it only counts them. */
static const uint8_t *keep(struct exchange_entry *e, size_t *len, const uint8_t *bytes, size_t n)
{
    const uint8_t *at = NULL;

    if (bytes == NULL || n == 0) {
        return NULL;
    }
    if (e != NULL) {
        memcpy(e->bytes + *len, bytes, n);
        at = e->bytes + *len;
    }
    *len += n;
    return at;
}

/* Makes the views of a request point into its entry, and returns how many bytes that takes. Without
 * the entry *r is left with views of nothing. */
static size_t keep_views(struct exchange_entry *e, struct wherry_exchange_request *r)
{
    size_t len = 0;

    switch (r->type) {
    case WHERRY_FRAME_LIST:
        r->m.list.path.bytes = keep(e, &len, r->m.list.path.bytes, r->m.list.path.len);
        r->m.list.after.bytes = keep(e, &len, r->m.list.after.bytes, r->m.list.after.len);
        break;
    case WHERRY_FRAME_GET:
        r->m.get.path.bytes = keep(e, &len, r->m.get.path.bytes, r->m.get.path.len);
        r->m.get.if_match = keep(e, &len, r->m.get.if_match, WHERRY_VALIDATOR_BYTES);
        break;
    case WHERRY_FRAME_PUT:
        r->m.put.path.bytes = keep(e, &len, r->m.put.path.bytes, r->m.put.path.len);
        r->m.put.sha256 = keep(e, &len, r->m.put.sha256, WHERRY_SHA256_BYTES);
        r->m.put.upload_id = keep(e, &len, r->m.put.upload_id, WHERRY_UPLOAD_ID_BYTES);
        break;
    default:
        r->m.path.path.bytes = keep(e, &len, r->m.path.path.bytes, r->m.path.path.len);
        break;
    }
    return len;
}

void exchange_queue_clear(struct exchange_queue *q)
{
    while (q->first != NULL) {
        free(exchange_queue_take(q, q->first));
    }
}

enum res exchange_queue_add(struct exchange_queue *q, const struct wherry_exchange_request *request,
                            enum res verdict)
{
    struct wherry_exchange_request kept = {.id = request->id, .type = request->type};
    struct exchange_entry *e;
    size_t len = 0;

    if (verdict == RES_OK) {
        kept = *request;
        len = keep_views(NULL, &kept);
        kept = *request;
    }
    e = calloc(1, sizeof(*e) + len);
    if (e == NULL) {
        return RES_NO_MEMORY;
    }
    if (verdict == RES_OK) {
        (void)keep_views(e, &kept);
    }
    e->request = kept;
    e->verdict = verdict;
    e->len = len;
    if (q->last != NULL) {
        q->last->next = e;
    } else {
        q->first = e;
    }
    q->last = e;
    q->count++;
    q->refused += verdict != RES_OK;
    q->bytes += sizeof(*e) + len;
    return RES_OK;
}

struct exchange_entry *exchange_queue_find(const struct exchange_queue *q, uint32_t id)
{
    struct exchange_entry *e = q->first;

    while (e != NULL && e->request.id != id) {
        e = e->next;
    }
    return e;
}

void exchange_queue_refuse(struct exchange_queue *q, struct exchange_entry *e, enum res verdict)
{
    q->refused += e->verdict == RES_OK;
    e->verdict = verdict;
}

struct exchange_entry *exchange_queue_take(struct exchange_queue *q, struct exchange_entry *e)
{
    struct exchange_entry *before = NULL;

    for (struct exchange_entry *at = q->first; at != e; at = at->next) {
        before = at;
    }
    if (before != NULL) {
        before->next = e->next;
    } else {
        q->first = e->next;
    }
    if (q->last == e) {
        q->last = before;
    }
    q->count--;
    q->refused -= e->verdict != RES_OK;
    q->bytes -= sizeof(*e) + e->len;
    e->next = NULL;
    return e;
}
