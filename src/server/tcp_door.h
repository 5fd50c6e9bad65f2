/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tcp_door.h: the listening sockets of the file protocol: who gets in.
 *
 *   a connection --> too many in all, or from its address: GOAWAY BUSY, closed in good order; a few
 *                    at a time, the others are told the same and closed at once
 *                --> no descriptor is left: the one in reserve is given up to accept it, to say the
 *                    same, and taken again; until that succeeds nothing is accepted
 *                --> tcp_session_begin()
 *
 * Loopback counts towards `connections-max` only. Refusals are logged at most once a second, with
 * their number. */
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
/* `drain-timeout` is over: see tcp_session_hurry(). Who does not let itself be ended so, by reading
 * nothing, is closed without a word 3 s later. */
void tcp_door_hurry(struct tcp_door *d, uint64_t now_ns);
/* Connections that are served: those being refused do not count. */
size_t tcp_door_count(const struct tcp_door *d);

#endif
