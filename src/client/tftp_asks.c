/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/tftp_asks.h"

#include <wherry/packet.h>

#include "net/udp.h"

#define BLKSIZE_ROUTE_UNKNOWN 1428u /* fits Ethernet, also through a tunnel */
/* What udp_receive_buffer() reckons beside each datagram, so that the window asked for fits. */
#define DATAGRAM_OVERHEAD 640u

uint16_t tftp_asks_blksize(const struct addr *server)
{
    const struct addr anywhere = {0};
    uint32_t mtu = udp_route_mtu(server, &anywhere);
    uint16_t blksize = udp_blksize_of_mtu(mtu, server->u.sa.sa_family);

    return blksize != 0 ? blksize : BLKSIZE_ROUTE_UNKNOWN;
}

uint16_t tftp_asks_windowsize(int fd, uint16_t wanted, uint16_t blksize)
{
    uint32_t datagram = WHERRY_HEADER_BYTES + (uint32_t)blksize;
    uint64_t bytes = (uint64_t)wanted * (datagram + DATAGRAM_OVERHEAD);
    uint32_t fits =
        udp_receive_buffer(fd, bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes, datagram) /
        datagram;

    if (fits == 0) {
        return 1;
    }
    return fits < wanted ? (uint16_t)fits : wanted;
}

size_t tftp_asks_write(const struct tftp_asks *a, uint8_t pairs[WHERRY_OPTIONS_BYTES])
{
    const size_t cap = WHERRY_OPTIONS_BYTES;
    size_t len = 0;

    if (a->tsize) {
        len = wherry_options_append(pairs, len, cap, WHERRY_TSIZE, a->size);
    }
    if (a->blksize != 0) {
        len = wherry_options_append(pairs, len, cap, WHERRY_BLKSIZE, a->blksize);
    }
    if (a->timeout_s != 0) {
        len = wherry_options_append(pairs, len, cap, WHERRY_TIMEOUT, a->timeout_s);
    }
    if (a->windowsize != 0) {
        len = wherry_options_append(pairs, len, cap, WHERRY_WINDOWSIZE, a->windowsize);
    }
    return len;
}
