/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/tcp.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "base/number.h"
#include "net/socket.h"

/* The largest that the kernel takes for these; more is refused, not cut. */
#define KEEP_SECONDS_MAX 32767u
#define KEEP_COUNT_MAX 127u

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

enum res tcp_listen(const struct addr *a, int *ret_fd)
{
    int on = 1;
    int fd = open_socket(a->u.sa.sa_family);

    if (fd == -1) {
        return socket_give_up(-1);
    }
    /* Connections of a predecessor that wait out their time keep no port; unlike with UDP, a second
     * listening socket is still refused. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        !socket_set_dual_stack(fd, a) || bind(fd, &a->u.sa, a->len) != 0 ||
        listen(fd, SOMAXCONN) != 0) {
        return socket_give_up(fd);
    }
    *ret_fd = fd;
    return RES_OK;
}

enum res tcp_adopt(int fd)
{
    return socket_adopt(fd) ? RES_OK : res_from_errno(errno);
}

/* accept() also reports what happened to the connection that it would have returned. */
static bool is_about_connection(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM: /* a firewall's rule */
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ENONET:
        return true;
    default:
        return false;
    }
}

static enum res res_of_accept(int error)
{
    switch (error) {
    case EAGAIN:
        return RES_LATER;
    case ENOBUFS:
        return RES_NO_MEMORY;
    default:
        errno = error;
        return socket_give_up(-1);
    }
}

enum res tcp_accept(int fd, int *ret_fd, struct addr *ret_peer, struct addr *ret_local)
{
    for (;;) {
        struct addr peer = {.len = sizeof(peer.u)};
        struct addr local = {.len = sizeof(local.u)};
        int got = accept4(fd, &peer.u.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (got == -1) {
            if (is_about_connection(errno)) {
                continue;
            }
            return res_of_accept(errno);
        }
        if (getsockname(got, &local.u.sa, &local.len) != 0) {
            close(got);
            continue;
        }
        addr_unmap(&peer);
        addr_unmap(&local);
        *ret_peer = peer;
        *ret_local = local;
        *ret_fd = got;
        return RES_OK;
    }
}

static void set_number(int fd, int level, int name, uint64_t value, uint64_t max)
{
    int number = (int)(value > max ? max : value);

    (void)setsockopt(fd, level, name, &number, sizeof(number));
}

/* Rounded up: less than one is not nothing. */
static uint64_t in_units(uint64_t ns, uint64_t unit_ns)
{
    return ns / unit_ns + (ns % unit_ns != 0 ? 1 : 0);
}

void tcp_tend(int fd, const struct tcp_care *care)
{
    set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1, 1);
    if (care->not_sent_low != 0) {
        set_number(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, care->not_sent_low, INT_MAX);
    }
    if (care->user_timeout_ns != 0) {
        set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                   in_units(care->user_timeout_ns, NUMBER_MILLISECOND), INT_MAX);
    }
    if (care->keep_idle_ns != 0) {
        set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, in_units(care->keep_idle_ns, NUMBER_SECOND),
                   KEEP_SECONDS_MAX);
        set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, in_units(care->keep_interval_ns, NUMBER_SECOND),
                   KEEP_SECONDS_MAX);
        set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, care->keep_count, KEEP_COUNT_MAX);
        set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1, 1);
    }
}

/* What errno means after a connect(); errno is kept. */
static enum res res_of_connect(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL: /* [::1] where loopback has no IPv6 */
        return RES_UNREACHABLE;
    case ETIMEDOUT:
        return RES_TIMEOUT;
    case ECONNRESET:
    case EPIPE:
        return RES_LOST;
    case EAGAIN: /* no local port is free */
        return RES_BUSY;
    default:
        errno = error;
        return socket_give_up(-1);
    }
}

enum res tcp_connect(const struct addr *peer, int *ret_fd)
{
    int fd = open_socket(peer->u.sa.sa_family);
    enum res r = RES_OK;

    if (fd == -1) {
        return socket_give_up(-1);
    }
    if (connect(fd, &peer->u.sa, peer->len) != 0) {
        int error = errno;

        /* EINTR: it goes on, as if it had returned EINPROGRESS. */
        if (error != EINPROGRESS && error != EINTR) {
            close(fd);
            errno = error;
            return res_of_connect(error);
        }
        r = RES_LATER;
    }
    *ret_fd = fd;
    return r;
}

enum res tcp_connected(int fd)
{
    struct addr peer = {.len = sizeof(peer.u)};
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        return res_of_connect(errno);
    }
    if (error != 0) {
        errno = error;
        return res_of_connect(error);
    }
    if (getpeername(fd, &peer.u.sa, &peer.len) != 0) {
        return errno == ENOTCONN ? RES_LATER : res_of_connect(errno);
    }
    return RES_OK;
}

enum res tcp_receive(int fd, uint8_t *to, size_t cap, size_t *ret)
{
    ssize_t n;

    do {
        n = recv(fd, to, cap, 0);
    } while (n == -1 && errno == EINTR);
    if (n == -1) {
        return errno == EAGAIN ? RES_LATER : RES_LOST;
    }
    *ret = (size_t)n;
    return RES_OK;
}

enum res tcp_send(int fd, const uint8_t *bytes, size_t len, bool more, size_t *ret)
{
    ssize_t n;

    do {
        n = send(fd, bytes, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    } while (n == -1 && errno == EINTR);
    if (n == -1) {
        return errno == EAGAIN ? RES_LATER : RES_LOST;
    }
    *ret = (size_t)n;
    return RES_OK;
}

/* sendfile() has one errno for both of its ends. */
static bool is_about_peer(int error)
{
    switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ECONNREFUSED:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
        return true;
    default:
        return false;
    }
}

enum res tcp_send_file(int fd, int file_fd, uint64_t offset, size_t len, size_t *ret)
{
    off_t at = (off_t)offset;
    ssize_t n;

    do {
        n = sendfile(fd, file_fd, &at, len);
    } while (n == -1 && errno == EINTR);
    if (n == -1) {
        if (errno == EAGAIN) {
            return RES_LATER;
        }
        return is_about_peer(errno) ? RES_LOST : RES_IO;
    }
    *ret = (size_t)n;
    return RES_OK;
}

void tcp_shut(int fd)
{
    (void)shutdown(fd, SHUT_WR); /* it fails when the peer is gone: nothing is left to end */
}
