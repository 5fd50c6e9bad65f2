/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tftp_refusal.h: requests that never become a transfer. */
#ifndef SERVER_TFTP_REFUSAL_H
#define SERVER_TFTP_REFUSAL_H

#include <stdint.h>

#include <wherry/packet.h>
#include <wherry/res.h>

#include "net/udp.h"
#include "server/tftp_session.h"

/* Answers with the ERROR of this result from a port that a transfer could have had, and records the
 * request as refused. request: NULL when it could not be decoded. */
void tftp_refuse(struct tftp_room *room, const struct udp_packet *datagram,
                 const struct wherry_request *request, enum res why, uint64_t now_ns);

/* We have no descriptor or no memory for this request. It gets no answer, so that the client asks
 * again when things may be better. Said in the log at most once a second, with a count. */
void tftp_drop(struct tftp_room *room, const struct addr *peer, enum res why, uint64_t now_ns);

#endif
