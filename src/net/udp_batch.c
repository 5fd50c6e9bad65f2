/* SPDX-License-Identifier: BSD-2-Clause */
/* The receiving half of udp.h: one recvmmsg, and what its control messages say about where each
 * datagram was sent to, and where one ends and the next begins. */
#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

/* The kernel joins at most 64 datagrams; over loopback they come as they were sent, there up to
 * 128. */
#define JOINED_MAX 128u
#define BATCH_PACKETS (UDP_RECEIVE_MAX * JOINED_MAX)

#define CONTROL_BYTES                                                                              \
    (CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo)) +              \
     CMSG_SPACE(sizeof(int)))

struct udp_batch {
    struct mmsghdr message[UDP_RECEIVE_MAX];
    struct iovec part[UDP_RECEIVE_MAX];
    struct addr peer[UDP_RECEIVE_MAX];
    struct {
        _Alignas(struct cmsghdr) uint8_t bytes[CONTROL_BYTES];
    } control[UDP_RECEIVE_MAX];
    struct udp_packet packet[BATCH_PACKETS];
    uint8_t datagram[UDP_RECEIVE_MAX][UDP_DATAGRAM_BYTES];
};

enum res udp_batch_new(struct udp_batch **ret)
{
    struct udp_batch *b = malloc(sizeof(*b));

    if (b == NULL) {
        return RES_NO_MEMORY;
    }
    memset(b, 0, offsetof(struct udp_batch, packet));
    for (size_t i = 0; i < UDP_RECEIVE_MAX; i++) {
        struct msghdr *m = &b->message[i].msg_hdr;

        b->part[i].iov_base = b->datagram[i];
        b->part[i].iov_len = sizeof(b->datagram[i]);
        m->msg_iov = &b->part[i];
        m->msg_iovlen = 1;
        m->msg_name = &b->peer[i].u;
        m->msg_control = b->control[i].bytes;
    }
    *ret = b;
    return RES_OK;
}

void udp_batch_free(struct udp_batch *b)
{
    free(b);
}

/* A datagram came to ipi_addr; the address of ours that it means is ipi_spec_dst. They differ when
 * it was sent to a broadcast address, also one such as 192.0.2.255 that only the routes know.
 * Without an interface it came before anybody asked for ipi_spec_dst, which is not known then. */
static void take_ipv4_info(struct udp_packet *p, const struct in_pktinfo *info)
{
    p->broadcast = IN_MULTICAST(ntohl(info->ipi_addr.s_addr)) ||
                   info->ipi_addr.s_addr == htonl(INADDR_BROADCAST) ||
                   (info->ipi_ifindex != 0 && info->ipi_addr.s_addr != info->ipi_spec_dst.s_addr);
    if (!p->broadcast) {
        p->local.u.in4.sin_family = AF_INET;
        p->local.u.in4.sin_addr = info->ipi_addr;
        p->local.len = sizeof(p->local.u.in4);
    }
}

static void take_ipv6_info(struct udp_packet *p, const struct in6_pktinfo *info)
{
    if (IN6_IS_ADDR_V4MAPPED(&info->ipi6_addr)) {
        return; /* IP_PKTINFO comes beside it and knows of broadcasts */
    }
    p->broadcast = IN6_IS_ADDR_MULTICAST(&info->ipi6_addr);
    if (!p->broadcast) {
        p->local.u.in6.sin6_family = AF_INET6;
        p->local.u.in6.sin6_addr = info->ipi6_addr;
        if (IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) {
            p->local.u.in6.sin6_scope_id = info->ipi6_ifindex;
        }
        p->local.len = sizeof(p->local.u.in6);
    }
}

/* Returns how long each of the datagrams is that were joined to this message, but the last; 0 if it
 * is one alone. */
static size_t take_control(struct udp_packet *p, struct msghdr *m)
{
    size_t segment = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            take_ipv4_info(p, &info);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            take_ipv6_info(p, &info);
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int bytes;

            memcpy(&bytes, CMSG_DATA(c), sizeof(bytes));
            segment = bytes > 0 ? (size_t)bytes : 0;
        }
    }
    return segment;
}

/* Adds the datagrams of message i behind the `count` that are there; returns how many are then. */
static size_t add_packets(struct udp_batch *b, size_t i, size_t count)
{
    struct msghdr *m = &b->message[i].msg_hdr;
    struct udp_packet p = {.peer = b->peer[i], .bytes = b->datagram[i]};
    size_t left = b->message[i].msg_len;
    size_t most = count + JOINED_MAX;
    size_t segment;

    p.peer.len = m->msg_namelen;
    addr_unmap(&p.peer);
    segment = take_control(&p, m);
    do {
        p.len = segment > 0 && segment < left ? segment : left;
        b->packet[count++] = p;
        p.bytes += p.len;
        left -= p.len;
    } while (left > 0 && count < most);
    return count;
}

size_t udp_receive(int fd, struct udp_batch *b, size_t most, const struct udp_packet **ret,
                   bool *ret_errors)
{
    bool errors = false;
    size_t count = 0;
    int n;

    most = most < UDP_RECEIVE_MAX ? most : UDP_RECEIVE_MAX;
    for (size_t i = 0; i < most; i++) {
        b->message[i].msg_hdr.msg_namelen = sizeof(b->peer[i].u);
        b->message[i].msg_hdr.msg_controllen = CONTROL_BYTES;
    }
    n = recvmmsg(fd, b->message, (unsigned)most, MSG_DONTWAIT, NULL);
    if (n < 0 && errno != EAGAIN) {
        /* What ICMP said about a datagram of ours, told once; datagrams may wait behind it. An
         * error met behind datagrams is not told here: the kernel keeps it for the next call. */
        errors = true;
        n = recvmmsg(fd, b->message, (unsigned)most, MSG_DONTWAIT, NULL);
    }
    for (int i = 0; i < n; i++) {
        count = add_packets(b, (size_t)i, count);
    }
    *ret = b->packet;
    *ret_errors = errors || count == 0;
    return count;
}

size_t udp_receive_one(int fd, struct udp_batch *b, const struct udp_packet **ret, bool *ret_errors)
{
    struct udp_packet *p = &b->packet[0];
    bool errors = false;
    ssize_t n;

    *p = (struct udp_packet){.peer.len = sizeof(p->peer.u), .bytes = b->datagram[0]};
    n = recvfrom(fd, b->datagram[0], sizeof(b->datagram[0]), MSG_DONTWAIT, &p->peer.u.sa,
                 &p->peer.len);
    if (n < 0 && errno != EAGAIN) { /* as above */
        errors = true;
        n = recvfrom(fd, b->datagram[0], sizeof(b->datagram[0]), MSG_DONTWAIT, &p->peer.u.sa,
                     &p->peer.len);
    }
    if (n >= 0) {
        p->len = (size_t)n;
        addr_unmap(&p->peer);
    }
    *ret = p;
    *ret_errors = errors || n < 0;
    return n >= 0 ? 1 : 0;
}
