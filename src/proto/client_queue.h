/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/client_queue.h: frames of a client that wait to leave, bounded, and the one place among
 * them where bytes of a file come in that the queue never sees.
 *
 * Places are counted from the beginning of the connection, bytes of files left out. */
#ifndef PROTO_CLIENT_QUEUE_H
#define PROTO_CLIENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>

#define CLIENT_QUEUE_BYTES 8192u /* three of the longest requests, hundreds of usual ones */

struct client_queue {
    uint64_t left; /* bytes that have left; head lies there */
    size_t head;
    size_t tail;
    uint64_t body_at; /* the place in front of which everything leaves before the body */
    uint32_t body;    /* bytes of file that are to leave there */
    uint8_t bytes[CLIENT_QUEUE_BYTES];
};

/* False, and nothing is added: no room. */
bool client_queue_add(struct client_queue *q, const uint8_t *bytes, size_t len);
/* Bytes of file come behind what was added so far; what is added later comes behind them. */
void client_queue_add_body(struct client_queue *q, uint32_t len);
/* The place behind what was added last. */
uint64_t client_queue_end(const struct client_queue *q);
/* Whether all before that place has left. */
bool client_queue_has_left(const struct client_queue *q, uint64_t place);
bool client_queue_empty(const struct client_queue *q); /* no body either */
/* What leaves next; empty if the body does. */
struct wherry_view client_queue_output(const struct client_queue *q);
void client_queue_sent(struct client_queue *q, size_t len);
void client_queue_body_sent(struct client_queue *q, uint32_t len);

#endif
