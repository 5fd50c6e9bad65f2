/* SPDX-License-Identifier: BSD-2-Clause */
/* net/relay.h: a bad link between real programs: a process on loopback that passes datagrams
 * between clients and one server, through support/link.h, which loses and delays them.
 *
 *   client --request--> relay's port --> server's port
 *   client <---DATA, ACK, ERROR---> a port for this client | another <---> the server's TID
 *
 * Datagrams above a size vanish, as on a path whose fragments are dropped. When one end's port is
 * closed, the other end gets the port unreachable that it would have got without a relay. */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/link.h"

struct relay_params {
    struct sockaddr_in server;
    struct link_params link; /* LINK_SENDER: towards the server; LINK_RECEIVER: towards clients */
    size_t largest_bytes;    /* of a datagram's payload; LINK_DATAGRAM_MAX at most */
    uint64_t seed;
};

struct relay {
    pid_t pid;
    uint16_t port; /* of 127.0.0.1 */
};

/* Fails the running test when it cannot. */
void relay_start(struct relay *r, const struct relay_params *p);
/* Fails the running test if it ended before. */
void relay_stop(struct relay *r);

#endif
