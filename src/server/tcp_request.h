/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tcp_request.h: the request that runs on a connection, from the exchange's side: which
 * driver it gets, what the driver is told, how it ends. The drivers' side (tcp_session_end() and
 * tcp_session_name()) is in server/tcp_session.h. */
#ifndef SERVER_TCP_REQUEST_H
#define SERVER_TCP_REQUEST_H

#include <stdint.h>

#include <wherry/exchange.h>
#include <wherry/res.h>

#include "server/tcp_session.h"

void tcp_request_begin(struct tcp_session *s, const struct wherry_exchange_request *q,
                       uint64_t now_ns);
/* PUT_BYTES, PUT_END, STOP or ABORT. */
void tcp_request_event(struct tcp_session *s, const struct wherry_exchange_event *e,
                       uint64_t now_ns);
/* It ends with its connection, without an END: its line in the log, the driver's drop() and free().
 */
void tcp_request_abort(struct tcp_session *s, enum res why, const char *text, uint64_t now_ns);

#endif
