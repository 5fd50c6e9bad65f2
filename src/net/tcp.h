/* SPDX-License-Identifier: BSD-2-Clause */
/* net/tcp.h: TCP sockets. All are non-blocking and close-on-exec; a write to a peer that went away
 * is an error, never a SIGPIPE, except that sendfile() knows no such flag: programs that call
 * tcp_send_file() ignore that signal. RES_LATER from any of them: wait until the socket is readable
 * or writable and call again. */
#ifndef NET_TCP_H
#define NET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#include "net/addr.h"

/* A listening socket; an IPv6 wildcard takes IPv4 too. Errors as udp_listen(); errno is kept. */
enum res tcp_listen(const struct addr *a, int *ret_fd);
/* Makes a listening socket that another program opened one like those of tcp_listen(). fd stays the
 * caller's; the errno is kept. */
enum res tcp_adopt(int fd);
/* The next connection, IPv4 peers on a dual-stack socket unmapped. RES_LATER: none (any more);
 * RES_BUSY: no descriptor for it is left, it waits on in the kernel; RES_NO_MEMORY. Connections
 * that failed before they were accepted are passed over. */
enum res tcp_accept(int fd, int *ret_fd, struct addr *ret_peer, struct addr *ret_local);

struct tcp_care {
    uint32_t not_sent_low;     /* bytes; TCP_NOTSENT_LOWAT: more than this is not held in the kernel
                                  unsent when the socket counts as writable. 0: as it is */
    uint64_t user_timeout_ns;  /* TCP_USER_TIMEOUT. 0: as it is */
    uint64_t keep_idle_ns;     /* keep-alive probes after this ... 0: none */
    uint64_t keep_interval_ns; /* ... this apart ... */
    uint32_t keep_count;       /* ... so many before the peer counts as dead */
};
/* Also TCP_NODELAY. What the kernel does not know is left. */
void tcp_tend(int fd, const struct tcp_care *care);

/* Begins to connect. RES_OK: connected at once. RES_LATER: when writable ask tcp_connected().
 * RES_UNREACHABLE, RES_TIMEOUT, RES_DENIED ...; errno is kept. */
enum res tcp_connect(const struct addr *peer, int *ret_fd);
enum res tcp_connected(int fd);

/* RES_OK with *ret 0: the peer has shut its sending side. RES_LOST: reset, timed out ... */
enum res tcp_receive(int fd, uint8_t *to, size_t cap, size_t *ret);
/* *ret may be less than len. more: more follows at once (MSG_MORE). RES_LOST. */
enum res tcp_send(int fd, const uint8_t *bytes, size_t len, bool more, size_t *ret);
/* From a regular file (sendfile). RES_OK with *ret 0: the file ends at offset. RES_IO: the file
 * cannot be read; RES_LOST: the connection. */
enum res tcp_send_file(int fd, int file_fd, uint64_t offset, size_t len, size_t *ret);
/* Ends our sending side; what was sent still arrives. */
void tcp_shut(int fd);

#endif
