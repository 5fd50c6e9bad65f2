/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp.h"

#include <errno.h>
#include <limits.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "net/socket.h"
#include "net/udp_hold.h"

#define IPV4_HEADER_BYTES 20u
#define IPV6_HEADER_BYTES 40u
#define UDP_HEADER_BYTES 8u

/* The largest buffer there can be, full of the smallest datagrams with their bookkeeping. */
#define EMPTY_BATCHES (INT_MAX / 512 / (int)UDP_RECEIVE_MAX)

struct option_row {
    int level;
    int name;
    int value;
};

/* IPv4's rows go on IPv6 sockets too: a dual-stack socket talks IPv4 by these. */
static const struct option_row every_socket[] = {
    {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT},
    {IPPROTO_IP, IP_RECVERR, 1},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT},
    {IPPROTO_IPV6, IPV6_RECVERR, 1},
};

static const struct option_row listening_socket[] = {
    {IPPROTO_IP, IP_PKTINFO, 1},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
};

static const struct option_row shared_socket = {SOL_SOCKET, SO_REUSEPORT, 1};

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static bool set_options(int fd, int family, const struct option_row *row, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (row[i].level == IPPROTO_IPV6 && family != AF_INET6) {
            continue;
        }
        if (setsockopt(fd, row[i].level, row[i].name, &row[i].value, sizeof(row[i].value)) != 0) {
            return false;
        }
    }
    return true;
}

static int open_socket(int family)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd != -1 && !set_options(fd, family, every_socket, ROWS(every_socket))) {
        (void)socket_give_up(fd);
        fd = -1;
    }
    return fd;
}

static int asked_buffer(uint32_t bytes)
{
    return bytes > INT_MAX / 2 ? INT_MAX / 2 : (int)bytes; /* the kernel doubles it */
}

/* No SO_REUSEADDR: on Linux two UDP servers that set it share the port without a word. */
static enum res listen_at(const struct addr *a, bool sharing, int *ret_fd)
{
    int family = a->u.sa.sa_family;
    int fd = open_socket(family);

    if (fd == -1) {
        return socket_give_up(-1);
    }
    if (!socket_set_dual_stack(fd, a) ||
        !set_options(fd, family, listening_socket, ROWS(listening_socket)) ||
        (sharing && !set_options(fd, family, &shared_socket, 1)) ||
        bind(fd, &a->u.sa, a->len) != 0) {
        return socket_give_up(fd);
    }
    *ret_fd = fd;
    return RES_OK;
}

enum res udp_listen(const struct addr *a, int *ret_fd)
{
    return listen_at(a, false, ret_fd);
}

enum res udp_adopt(int fd)
{
    int family = AF_UNSPEC;
    socklen_t len = sizeof(family);

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) != 0 || !socket_adopt(fd) ||
        !set_options(fd, family, every_socket, ROWS(every_socket)) ||
        !set_options(fd, family, listening_socket, ROWS(listening_socket))) {
        return res_from_errno(errno);
    }
    return RES_OK;
}

bool udp_share(int fd)
{
    return set_options(fd, AF_UNSPEC, &shared_socket, 1);
}

enum res udp_listen_shared(const struct addr *a, int *ret_fd)
{
    return listen_at(a, true, ret_fd);
}

enum res udp_bind(int fd, const struct addr *local, int family, struct addr *ret_local)
{
    struct addr bound = {0};

    if (local->len != 0) {
        bound = *local;
        addr_set_port(&bound, 0);
    } else {
        bound.u.sa.sa_family = (sa_family_t)family; /* all zero is any address in both families */
        bound.len = family == AF_INET6 ? sizeof(bound.u.in6) : sizeof(bound.u.in4);
    }
    if (bind(fd, &bound.u.sa, bound.len) != 0) {
        return socket_give_up(-1);
    }
    bound.len = sizeof(bound.u);
    if (getsockname(fd, &bound.u.sa, &bound.len) != 0) {
        return socket_give_up(-1);
    }
    *ret_local = bound;
    return RES_OK;
}

enum res udp_open(const struct addr *local, int family, int *ret_fd, struct addr *ret_local)
{
    int fd = open_socket(local->len != 0 ? local->u.sa.sa_family : family);
    enum res r;

    if (fd == -1) {
        return socket_give_up(-1);
    }
    r = udp_bind(fd, local, family, ret_local);
    if (r != RES_OK) {
        (void)socket_give_up(fd);
        return r;
    }
    *ret_fd = fd;
    return RES_OK;
}

enum res udp_open_unbound(int family, uint32_t bytes, int *ret_fd)
{
    int asked = asked_buffer(bytes);
    int fd = open_socket(family);

    if (fd == -1) {
        return socket_give_up(-1);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &asked, sizeof(asked)) != 0) {
        return socket_give_up(fd);
    }
    *ret_fd = fd;
    return RES_OK;
}

/* A port that the kernel chose it takes back when the socket is connected to nobody. */
bool udp_unbind(int fd)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    struct addr bound = {.len = sizeof(bound.u)};

    return connect(fd, &nobody, sizeof(nobody)) == 0 &&
           getsockname(fd, &bound.u.sa, &bound.len) == 0 && addr_port(&bound) == 0;
}

bool udp_empty(int fd)
{
    struct mmsghdr messages[UDP_RECEIVE_MAX];
    struct addr peer;
    bool unreachable;

    while (udp_take_error(fd, &peer, &unreachable)) {
    }
    for (int i = 0; i < EMPTY_BATCHES; i++) {
        memset(messages, 0, sizeof(messages)); /* no room: the kernel forgets what it cuts off */
        if (recvmmsg(fd, messages, UDP_RECEIVE_MAX, MSG_DONTWAIT, NULL) < 0 && errno == EAGAIN) {
            return true; /* also an error that waited to be told would have come instead */
        }
    }
    return false;
}

bool udp_receive_joined(int fd)
{
    static const struct option_row joined = {IPPROTO_UDP, UDP_GRO, 1};

    return set_options(fd, AF_UNSPEC, &joined, 1);
}

static uint32_t buffer_of(int fd)
{
    int real = 0;
    socklen_t len = sizeof(real);

    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &real, &len) != 0 || real < 0) {
        return 0;
    }
    return (uint32_t)real;
}

uint32_t udp_receive_buffer(int fd, uint32_t bytes, uint32_t datagram_bytes)
{
    int asked = asked_buffer(bytes);
    uint64_t cost;
    uint64_t fit;

    if (buffer_of(fd) < 2 * (uint32_t)asked &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &asked, sizeof(asked)) != 0) {
        /* Not privileged: up to net.core.rmem_max. What we got is read back in any case. */
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &asked, sizeof(asked));
    }
    /* The kernel charges a datagram's whole memory: the payload and its headers rounded up to a
     * power of two (or the driver's 2 KiB), and the bookkeeping beside it. */
    cost = 2 * (uint64_t)datagram_bytes + 1280;
    fit = buffer_of(fd) / cost * datagram_bytes;
    return fit > UINT32_MAX ? UINT32_MAX : (uint32_t)fit;
}

bool udp_send(int fd, const struct addr *peer, const uint8_t *bytes, size_t len)
{
    for (int tries = 0; tries < UDP_SEND_TRIES; tries++) {
        if (sendto(fd, bytes, len, MSG_NOSIGNAL, &peer->u.sa, peer->len) >= 0) {
            return true;
        }
        if (udp_error_is_full(errno)) {
            break;
        }
    }
    return false;
}

static bool is_port_unreachable(const struct sock_extended_err *e)
{
    return (e->ee_origin == SO_EE_ORIGIN_ICMP && e->ee_type == ICMP_DEST_UNREACH &&
            e->ee_code == ICMP_PORT_UNREACH) ||
           (e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMP6_DST_UNREACH &&
            e->ee_code == ICMP6_DST_UNREACH_NOPORT);
}

bool udp_take_error(int fd, struct addr *ret_peer, bool *ret_unreachable)
{
    /* Room for the error and the address of who reported it; our own bytes are not wanted back. */
    _Alignas(struct cmsghdr) uint8_t control[512];
    struct addr peer = {0};
    struct msghdr message = {
        .msg_name = &peer.u,
        .msg_namelen = sizeof(peer.u),
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    bool unreachable = false;

    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
        return false;
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
            struct sock_extended_err e;

            memcpy(&e, CMSG_DATA(c), sizeof(e));
            unreachable = is_port_unreachable(&e);
        }
    }
    peer.len = message.msg_namelen;
    addr_unmap(&peer);
    *ret_peer = peer;
    *ret_unreachable = unreachable;
    return true;
}

uint32_t udp_route_mtu(const struct addr *peer, const struct addr *local)
{
    bool six = peer->u.sa.sa_family == AF_INET6;
    int mtu = 0;
    socklen_t len = sizeof(mtu);
    int fd = open_socket(peer->u.sa.sa_family);

    if (fd == -1) {
        return 0;
    }
    if (local->len != 0) {
        struct addr from = *local;

        addr_set_port(&from, 0);
        if (bind(fd, &from.u.sa, from.len) != 0) {
            goto out;
        }
    }
    /* Connecting a UDP socket sends nothing; it fixes the route that the MTU is asked of. */
    if (connect(fd, &peer->u.sa, peer->len) != 0 ||
        getsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_MTU : IP_MTU, &mtu, &len) != 0) {
        mtu = 0;
    }
out:
    close(fd);
    return mtu > 0 ? (uint32_t)mtu : 0;
}

uint16_t udp_blksize_of_mtu(uint32_t mtu, int family)
{
    uint32_t headers = (family == AF_INET6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES) +
                       UDP_HEADER_BYTES + WHERRY_HEADER_BYTES;

    if (mtu == 0) {
        return 0;
    }
    if (mtu < headers + WHERRY_BLKSIZE_MIN) {
        return WHERRY_BLKSIZE_MIN;
    }
    if (mtu - headers > WHERRY_BLKSIZE_MAX) {
        return WHERRY_BLKSIZE_MAX;
    }
    return (uint16_t)(mtu - headers);
}
