/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tcp_record.h: what the log says about a connection of the file protocol and its requests.
 */
#ifndef SERVER_TCP_RECORD_H
#define SERVER_TCP_RECORD_H

#include <stdint.h>

#include <wherry/message.h>
#include <wherry/res.h>

#include "server/tcp_session.h"
#include "server/transfer_log.h"

/* A record of the request that runs, with a copy of its name: the request may end meanwhile. */
struct tcp_record {
    struct transfer_record r;
    uint8_t name[WHERRY_STRING_MAX];
};

void tcp_record_begin(struct tcp_record *t, const struct tcp_session *s, uint64_t now_ns);
/* It ended so, and the client was told. */
void tcp_record_end(struct tcp_record *t, const struct tcp_session *s, enum res r);
/* It ended with its connection. */
void tcp_record_abort(struct tcp_record *t, const struct tcp_session *s, enum res r,
                      const char *why);
/* The connection is over; a line if that was not in good order. */
void tcp_record_over(const struct tcp_session *s);

#endif
