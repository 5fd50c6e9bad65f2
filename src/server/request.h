/* SPDX-License-Identifier: BSD-2-Clause */
/* server/request.h: the door: what a datagram at a listening port leads to.
 *
 *   no RRQ, no WRQ, or sent to everybody        nothing
 *   malformed, or not allowed                   ERROR from a transfer port, one record
 *   from a client without a transfer            a transfer begins
 *   the running transfer's request once more
 *     nothing was answered to it yet            its first answer leaves again
 *     the transfer has moved on                 a second begins beside it; the client chooses
 *   another request, or while we dally          the old one ends, a new one begins
 *
 * A request of a transfer that has moved on was repeated by the network, or its board was reset.
 * Only the client knows: the first packet it sends to the second transfer ends the first, unless it
 * is an ERROR, with which a client that kept its first TID turns the second down (RFC 1350
 * section 4). */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include <stdint.h>

#include "net/udp.h"
#include "server/tftp_session.h"

/* listener: a number of the socket it came to. */
void request_arrived(struct tftp_room *room, uint64_t listener, const struct udp_packet *datagram,
                     uint64_t now_ns);

#endif
