/* SPDX-License-Identifier: BSD-2-Clause */
/* net/udp.h: UDP sockets that keep the local address, in batches.
 *
 * Every socket is non-blocking, close-on-exec, sends without DF (IP_PMTUDISC_DONT: boot ROMs drop
 * packets that carry it) and has IP_RECVERR on. Drain the error queue first at every wake-up
 * (udp_take_error), else a level-triggered loop spins. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>
#include <wherry/res.h>

#include "net/addr.h"

#define UDP_DATAGRAM_BYTES 65535u
#define UDP_SEND_MAX 64u /* datagrams in one sendmmsg */

/* A datagram that came. */
struct udp_packet {
    struct addr peer;
    struct addr local;    /* the address it was sent to, port 0; scope kept for link-local */
    bool broadcast;       /* it was sent to a broadcast or multicast address; local is then unset */
    const uint8_t *bytes; /* in the batch, until the next udp_receive() */
    size_t len;
};

/* Room for one recvmmsg; shared by all sockets of a loop. */
struct udp_batch;
enum res udp_batch_new(struct udp_batch **ret);
void udp_batch_free(struct udp_batch *b);

/* A listening socket: packet info on; an IPv6 wildcard takes IPv4 too. RES_BUSY: the address is in
 * use; RES_DENIED: the port is not allowed; RES_UNSUPPORTED: no such family on this machine (then
 * try 0.0.0.0); the errno is kept. */
enum res udp_listen(const struct addr *a, int *ret_fd);
/* A transfer's own socket on a random free port of `local` (len 0: of any address in peer's
 * family). *ret_local is what it was bound to. */
enum res udp_open(const struct addr *local, int family, int *ret_fd, struct addr *ret_local);
/* Asks for a receive buffer of so many bytes (a larger one stays as it is; over net.core.rmem_max
 * only while privileged) and returns how many of payload it really holds when each datagram
 * carries datagram_bytes. */
uint32_t udp_receive_buffer(int fd, uint32_t bytes, uint32_t datagram_bytes);

/* Takes what is there, at most one batch. Returns the number of datagrams, 0 when there is nothing
 * (or only an error that udp_take_error() will explain). */
size_t udp_receive(int fd, struct udp_batch *b, const struct udp_packet **ret);

/* One datagram; an IPv6 socket sends to IPv4 peers too. False: the kernel did not take it now (a
 * later send or a timer repeats it). */
bool udp_send(int fd, const struct addr *peer, const uint8_t *bytes, size_t len);
/* A DATA packet that leaves as header and block, gathered by the kernel. */
struct udp_data {
    uint8_t header[WHERRY_HEADER_BYTES];
    const uint8_t *bytes;
    size_t len;
};
/* count (at most UDP_SEND_MAX) of them, in order, one system call. Returns how many the kernel
 * took: fewer than count, or 0, when the socket is full. -1: the kernel refuses the first one and
 * waiting does not help (EMSGSIZE, EPERM, ENETUNREACH ...); errno is kept. */
int udp_send_data(int fd, const struct addr *peer, const struct udp_data *data, uint32_t count);

/* Takes one entry off the error queue. True: there was one; *ret_unreachable says whether it is a
 * port unreachable, *ret_peer to whom the datagram that caused it was sent. */
bool udp_take_error(int fd, struct addr *ret_peer, bool *ret_unreachable);

/* The MTU of the route from local (may be len 0) to peer, in bytes; 0 if unknown. */
uint32_t udp_route_mtu(const struct addr *peer, const struct addr *local);
/* The largest block that fits one packet of that MTU: less IP, UDP and TFTP headers, at least
 * WHERRY_BLKSIZE_MIN, at most WHERRY_BLKSIZE_MAX; 0 for mtu 0. */
uint16_t udp_blksize_of_mtu(uint32_t mtu, int family);

#endif
