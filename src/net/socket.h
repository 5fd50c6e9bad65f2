/* SPDX-License-Identifier: BSD-2-Clause */
/* net/socket.h: what UDP and TCP sockets have in common. For this room only. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>

#include <wherry/res.h>

#include "net/addr.h"

/* Closes fd (-1: none) and says what errno means, as udp_listen() has it; errno is kept. */
enum res socket_give_up(int fd);
/* Non-blocking and close-on-exec, as all of ours are from the beginning. False: errno says why. */
bool socket_adopt(int fd);
/* An IPv6 wildcard takes IPv4 too, any other IPv6 address does not. Said in both cases: the default
 * is a sysctl. Nothing for IPv4. */
bool socket_set_dual_stack(int fd, const struct addr *a);

#endif
