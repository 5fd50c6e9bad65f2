/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/exchange_queue.h: requests of one connection that were not answered, oldest first.
 *
 * Each is kept in compact form: what was parsed, and behind it the bytes that it names (path,
 * start-after, validator, digest, upload id), so at most some 2 KiB however large its frame was. A
 * refusal is an entry whose answer is known; it waits only for its turn and keeps no bytes. */
#ifndef PROTO_EXCHANGE_QUEUE_H
#define PROTO_EXCHANGE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/exchange.h>
#include <wherry/res.h>

struct exchange_entry {
    struct exchange_entry *next;
    struct wherry_exchange_request request;
    enum res verdict; /* RES_OK: to be answered by the adapter; else its END says so */
    size_t len;
    uint8_t bytes[];
};

/* Begins as all zeros. */
struct exchange_queue {
    struct exchange_entry *first;
    struct exchange_entry *last;
    uint32_t count;
    uint32_t refused; /* of them */
    size_t bytes;     /* of memory */
};

/* Frees what waits. */
void exchange_queue_clear(struct exchange_queue *q);
/* Copies the request and the bytes behind its views; with a verdict other than RES_OK only its id
 * and type. RES_NO_MEMORY: nothing was added. */
enum res exchange_queue_add(struct exchange_queue *q, const struct wherry_exchange_request *request,
                            enum res verdict);
/* NULL: no such id. */
struct exchange_entry *exchange_queue_find(const struct exchange_queue *q, uint32_t id);
/* A request that waits is not to be answered by the adapter after all. */
void exchange_queue_refuse(struct exchange_queue *q, struct exchange_entry *e, enum res verdict);
/* Takes one out; the caller frees it with free(). It has to be in the queue. */
struct exchange_entry *exchange_queue_take(struct exchange_queue *q, struct exchange_entry *e);

#endif
