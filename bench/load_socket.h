/* SPDX-License-Identifier: BSD-2-Clause */
/* load_socket.h: the sockets of the load generator: many datagrams in one system call. */
#ifndef BENCH_LOAD_SOCKET_H
#define BENCH_LOAD_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>
#include <wherry/sender.h>

struct load_inbox;

/* datagrams: as many of up to datagram_bytes are taken in one call; gro: the kernel may hand
 * several over as one. NULL: no memory. */
struct load_inbox *load_inbox_new(uint32_t datagrams, size_t datagram_bytes, bool gro);
void load_inbox_free(struct load_inbox *in); /* takes NULL */
/* Takes what is there. False: nothing, or the port is unreachable (*refused). */
bool load_inbox_fill(struct load_inbox *in, int fd, bool *refused);
/* The next datagram of those, valid until the next fill. False: that was all. */
bool load_inbox_next(struct load_inbox *in, struct wherry_view *ret, struct sockaddr_in *ret_from);

/* A socket that holds a window of so many bytes. -1: errno says why. */
int load_socket_open(size_t window_bytes, bool gro);
/* The blocks of a burst, whose bytes lie behind one another; in_segments: joined into messages that
 * the kernel cuts. to: NULL on a connected socket. Returns how many blocks left; 0: errno says why.
 */
uint32_t load_socket_burst(int fd, const struct sockaddr_in *to, const struct wherry_burst *b,
                           const uint8_t *blocks, bool in_segments);

#endif
