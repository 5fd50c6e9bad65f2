/* SPDX-License-Identifier: BSD-2-Clause */
/* net/udp_hold.h: what udp_out.c and udp_hold.c, the two halves of udp_out.h, share: how a message
 * is read, sent and, on a full socket, copied to its line. For this room only. */
#ifndef NET_UDP_HOLD_H
#define NET_UDP_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/udp_out.h"

/* With IP_RECVERR a call may fail once with what ICMP said about an earlier datagram, also one to
 * another peer; the same call again then does its own work. */
#define UDP_SEND_TRIES 2

/* Room for the control message that says where the kernel shall cut. */
struct udp_cut {
    _Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
};

/* Waiting for the socket to become writable, or for a timer, helps. */
bool udp_error_is_full(int error);
/* A joined message was refused for what it is; its datagrams may pass one by one. */
bool udp_error_is_of_joined(int error);

/* The message is to be cut into datagrams of `segment` bytes. */
void udp_cut_set(struct msghdr *m, struct udp_cut *cut, uint16_t segment);
/* That number of bytes, 0 for a message of one datagram. */
uint16_t udp_cut_get(const struct msghdr *m);

/* The socket is full: copies these messages behind what the line holds already. What there is no
 * room for is lost. */
void udp_line_hold(struct udp_line *line, const struct mmsghdr *messages, size_t count);

#endif
