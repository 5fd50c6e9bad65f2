/* SPDX-License-Identifier: BSD-2-Clause */
/* net/udp.h: UDP sockets that keep the local address, in batches.
 *
 * Every socket is non-blocking, close-on-exec, sends without DF (IP_PMTUDISC_DONT: boot ROMs drop
 * packets that carry it) and has IP_RECVERR on. What ICMP says then wakes the loop until it is
 * taken from the error queue, and makes one call fail, a send or a receive, whichever comes first.
 * At every wake-up call udp_receive() and drain the queue (udp_take_error) when that says so: a
 * level-triggered loop never spins then, and no packet costs a look at the queue. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>
#include <wherry/res.h>

#include "net/addr.h"

#define UDP_DATAGRAM_BYTES 65535u
#define UDP_RECEIVE_MAX 32u /* messages in one batch */

/* A datagram that came. */
struct udp_packet {
    struct addr peer;
    struct addr local;    /* the address it was sent to, port 0; scope kept for link-local */
    bool broadcast;       /* it was sent to a broadcast or multicast address; local is then unset */
    const uint8_t *bytes; /* in the batch, until the next udp_receive() */
    size_t len;
};

/* Room for one recvmmsg; shared by all sockets of a loop. Pages that no large datagram ever touched
 * are not resident: at most 2.5 MiB in all. */
struct udp_batch;
enum res udp_batch_new(struct udp_batch **ret);
void udp_batch_free(struct udp_batch *b);

/* A listening socket: packet info on; an IPv6 wildcard takes IPv4 too. RES_BUSY: the address is in
 * use; RES_DENIED: the port is not allowed; RES_UNSUPPORTED: no such family on this machine (then
 * try 0.0.0.0); the errno is kept. */
enum res udp_listen(const struct addr *a, int *ret_fd);
/* Makes a bound socket that another program opened one like those of udp_listen(), but for IPv4 on
 * an IPv6 wildcard, which was settled when it was bound. What came before this call may lack the
 * address that it was sent to. fd stays the caller's; the errno is kept. */
enum res udp_adopt(int fd);
/* Several such sockets on one address; the kernel gives all datagrams of one peer to the same of
 * them (SO_REUSEPORT). The first comes from udp_listen(), which is alone there, so that an address
 * in use is RES_BUSY, also one whose sockets would share. Then udp_share() lets the others in that
 * udp_listen_shared() makes; from then on another program of the same user could join too. */
bool udp_share(int fd); /* false: errno says why */
enum res udp_listen_shared(const struct addr *a, int *ret_fd);
/* A transfer's own socket on a random free port of `local` (len 0: of any address in peer's
 * family). *ret_local is what it was bound to. */
enum res udp_open(const struct addr *local, int family, int *ret_fd, struct addr *ret_local);

/* The same in steps, for sockets that outlive their port. First an unbound socket whose receive
 * buffer has so many bytes in any case: RES_DENIED if that is over what privileges allow. */
enum res udp_open_unbound(int family, uint32_t bytes, int *ret_fd);
/* Then its port, as udp_open() chooses it. The socket stays the caller's. */
enum res udp_bind(int fd, const struct addr *local, int family, struct addr *ret_local);
/* Gives the port up: what is sent there from now on does not come here. What came before is still
 * queued. False: the kernel did not. */
bool udp_unbind(int fd);
/* Throws away all datagrams and errors of an unbound socket. False: there is no end of them. */
bool udp_empty(int fd);

/* Asks for a receive buffer of so many bytes (a larger one stays as it is; over net.core.rmem_max
 * only while privileged) and returns how many of payload it really holds when each datagram
 * carries datagram_bytes. */
uint32_t udp_receive_buffer(int fd, uint32_t bytes, uint32_t datagram_bytes);

/* Datagrams of one peer that came behind one another may be taken as one message from now on
 * (UDP_GRO), which udp_receive() takes apart again. False: not in this kernel. */
bool udp_receive_joined(int fd);
/* Takes what is there, at most `most` messages (UDP_RECEIVE_MAX: a whole batch). A message is one
 * datagram, or several after udp_receive_joined(). Returns the number of datagrams. *ret_errors:
 * the error queue is to be drained now; said when an error was met, and when nothing was received,
 * as a send may have met the error first. */
size_t udp_receive(int fd, struct udp_batch *b, size_t most, const struct udp_packet **ret,
                   bool *ret_errors);
/* The next datagram alone, for less; all that lock-step needs. Not for sockets that take what was
 * joined. Where it was sent to is not looked at (local and broadcast are unset). */
size_t udp_receive_one(int fd, struct udp_batch *b, const struct udp_packet **ret,
                       bool *ret_errors);

/* One datagram; an IPv6 socket sends to IPv4 peers too. For many, udp_out.h. False: the kernel did
 * not take it now (a later send or a timer repeats it). */
bool udp_send(int fd, const struct addr *peer, const uint8_t *bytes, size_t len);

/* Takes one entry off the error queue; call it until false. True: there was one; *ret_unreachable
 * says whether it is a port unreachable, *ret_peer to whom the datagram that caused it was sent. */
bool udp_take_error(int fd, struct addr *ret_peer, bool *ret_unreachable);

/* The MTU of the route from local (may be len 0) to peer, in bytes; 0 if unknown. */
uint32_t udp_route_mtu(const struct addr *peer, const struct addr *local);
/* The largest block that fits one packet of that MTU: less IP, UDP and TFTP headers, at least
 * WHERRY_BLKSIZE_MIN, at most WHERRY_BLKSIZE_MAX; 0 for mtu 0. */
uint16_t udp_blksize_of_mtu(uint32_t mtu, int family);

#endif
