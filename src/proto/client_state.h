/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/client_state.h: what the two halves of the client's exchange share: client_exchange.c asks
 * and sends, client_exchange_input.c reads. */
#ifndef PROTO_CLIENT_STATE_H
#define PROTO_CLIENT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/client_exchange.h>

#include "proto/client_queue.h"
#include "proto/client_request.h"

#define CLIENT_STATE_NOWHERE UINT64_MAX /* a place in the queue that nothing has come to */

struct wherry_client_exchange {
    enum wherry_client_state state;
    enum res result; /* OVER: of the connection */
    const char *why;
    bool said_closed;
    bool greeted; /* the server's HELLO came */
    bool held;
    enum res goaway; /* LEAVING: what GOAWAY said */
    uint32_t max_frame;

    uint64_t hello_patience_ns;
    uint64_t silence_patience_ns;
    uint64_t start_ns;
    uint64_t life_ns; /* the silence counts from here */

    uint32_t next_id;
    uint32_t first; /* the oldest request */
    uint32_t count;
    struct client_request requests[WHERRY_PIPELINE_MAX]; /* a ring */

    bool ping_due; /* its reply */
    uint64_t ping_at;
    size_t ping_len;
    uint8_t ping[WHERRY_FRAME_PING_MAX];

    struct wherry_view entries; /* of an ENTRIES frame in the decoder, not said yet */
    struct wherry_frame_decoder decoder;
    struct client_queue queue;
};

/* The only one that replies may belong to; NULL: none. */
struct client_request *client_state_oldest(struct wherry_client_exchange *x);
/* The connection is OVER; what made it so first stays. */
void client_state_end(struct wherry_client_exchange *x, enum res result, const char *why);
bool client_state_add_cancel(struct wherry_client_exchange *x, uint32_t id, uint64_t now_ns);

#endif
