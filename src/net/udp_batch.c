/* SPDX-License-Identifier: BSD-2-Clause */
/* The receiving half of udp.h: one recvmmsg, and what its control messages say about where each
 * datagram was sent to. */
#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Pages that no large datagram ever touched are not resident: at most 2 MiB in all. */
#define BATCH_DATAGRAMS 32u

#define CONTROL_BYTES                                                                              \
    (CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo)))

struct udp_batch {
    struct mmsghdr message[BATCH_DATAGRAMS];
    struct iovec part[BATCH_DATAGRAMS];
    struct udp_packet packet[BATCH_DATAGRAMS];
    struct {
        _Alignas(struct cmsghdr) uint8_t bytes[CONTROL_BYTES];
    } control[BATCH_DATAGRAMS];
    uint8_t datagram[BATCH_DATAGRAMS][UDP_DATAGRAM_BYTES];
};

enum res udp_batch_new(struct udp_batch **ret)
{
    struct udp_batch *b = malloc(sizeof(*b));

    if (b == NULL) {
        return RES_NO_MEMORY;
    }
    memset(b, 0, offsetof(struct udp_batch, datagram));
    for (size_t i = 0; i < BATCH_DATAGRAMS; i++) {
        struct msghdr *m = &b->message[i].msg_hdr;

        b->part[i].iov_base = b->datagram[i];
        b->part[i].iov_len = sizeof(b->datagram[i]);
        m->msg_iov = &b->part[i];
        m->msg_iovlen = 1;
        m->msg_name = &b->packet[i].peer.u;
        m->msg_control = b->control[i].bytes;
        b->packet[i].bytes = b->datagram[i];
    }
    *ret = b;
    return RES_OK;
}

void udp_batch_free(struct udp_batch *b)
{
    free(b);
}

/* A datagram came to ipi_addr; the address of ours that it means is ipi_spec_dst. They differ when
 * it was sent to a broadcast address, also one such as 192.0.2.255 that only the routes know. */
static void take_ipv4_info(struct udp_packet *p, const struct in_pktinfo *info)
{
    p->broadcast = IN_MULTICAST(ntohl(info->ipi_addr.s_addr)) ||
                   info->ipi_addr.s_addr == htonl(INADDR_BROADCAST) ||
                   info->ipi_addr.s_addr != info->ipi_spec_dst.s_addr;
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

static void take_control(struct udp_packet *p, struct msghdr *m)
{
    memset(&p->local, 0, sizeof(p->local));
    p->broadcast = false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            take_ipv4_info(p, &info);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            take_ipv6_info(p, &info);
        }
    }
}

size_t udp_receive(int fd, struct udp_batch *b, const struct udp_packet **ret)
{
    int n;

    for (size_t i = 0; i < BATCH_DATAGRAMS; i++) {
        b->message[i].msg_hdr.msg_namelen = sizeof(b->packet[i].peer.u);
        b->message[i].msg_hdr.msg_controllen = CONTROL_BYTES;
    }
    n = recvmmsg(fd, b->message, BATCH_DATAGRAMS, MSG_DONTWAIT, NULL);
    if (n < 0 && errno != EAGAIN) {
        /* What ICMP said about a datagram of ours, told once; datagrams may wait behind it. */
        n = recvmmsg(fd, b->message, BATCH_DATAGRAMS, MSG_DONTWAIT, NULL);
    }
    for (int i = 0; i < n; i++) {
        struct udp_packet *p = &b->packet[i];

        p->len = b->message[i].msg_len;
        p->peer.len = b->message[i].msg_hdr.msg_namelen;
        addr_unmap(&p->peer);
        take_control(p, &b->message[i].msg_hdr);
    }
    *ret = b->packet;
    return n > 0 ? (size_t)n : 0;
}
