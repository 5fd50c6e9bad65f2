/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tcp_door.h: the listening sockets of the file protocol: who gets in.
 *
 *   a connection --> too many in all, or from its address: GOAWAY BUSY, closed in good order
 *                --> no descriptor is left: the one in reserve is given up to accept it, to say the
 *                    same, and taken again; until that succeeds nothing is accepted
 *                --> tcp_session_begin()
 *
 * Loopback counts towards `connections-max` only. */
#ifndef SERVER_TCP_DOOR_H
#define SERVER_TCP_DOOR_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#include "server/tcp_session.h"

struct tcp_door;

/* room outlives the door, which sets room->ended and room->arg. drained(arg): from the loop, after
 * tcp_door_drain(), when no connection is left. */
enum res tcp_door_new(struct tcp_door **ret, struct tcp_room *room, void (*drained)(void *arg),
                      void *arg);
/* Closes all connections without a word. Takes NULL. */
void tcp_door_free(struct tcp_door *d);
/* Serves this bound socket (tcp_listen()), which the door closes in the end. */
enum res tcp_door_listen(struct tcp_door *d, int fd);
/* Closes the listening sockets; every connection gets GOAWAY SHUTDOWN. */
void tcp_door_drain(struct tcp_door *d, uint64_t now_ns);
/* `drain-timeout` is over: see tcp_session_hurry(). */
void tcp_door_hurry(struct tcp_door *d, uint64_t now_ns);
size_t tcp_door_count(const struct tcp_door *d);

#endif
