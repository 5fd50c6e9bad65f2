/* SPDX-License-Identifier: BSD-2-Clause */
/* server/handover.h: requests on their way to the worker that serves the client.
 *
 * A socket that was handed over is one for all workers. The first one reads it, and gives each
 * request to the worker that the client's address and port stand for, so that a repeated request
 * meets its first. Each of the others has one of these queues, which it makes, empties and frees in
 * its own thread. Only requests come this way: all packets behind them go to the transfer's port,
 * which its worker reads itself.
 *
 * The queue is bounded. What finds no room is dropped, as the kernel drops what its own buffer does
 * not hold: the client asks again. */
#ifndef SERVER_HANDOVER_H
#define SERVER_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include <wherry/res.h>

#include "io/loop.h"
#include "net/udp.h"

/* What may wait, with its bookkeeping: some ten thousand requests. */
#define HANDOVER_BYTES (4u << 20)

struct handover;

/* listener: as in server/request.h. The packet's bytes are good until it returns. */
typedef void handover_fn(void *arg, uint64_t listener, const struct udp_packet *packet);

/* fn is called from this loop, for a batch of requests a turn, in their order. */
enum res handover_new(struct handover **ret, struct loop *loop, handover_fn *fn, void *arg);
/* Nobody gives any more. What waits is forgotten. Takes NULL. */
void handover_free(struct handover *h);
/* Copies the packet; from any thread. False: no room, or no memory. */
bool handover_give(struct handover *h, uint64_t listener, const struct udp_packet *packet);

/* Which of `count` workers serves this client, from 0. */
unsigned handover_worker(const struct addr *peer, unsigned count);

#endif
