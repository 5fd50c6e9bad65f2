/* SPDX-License-Identifier: BSD-2-Clause */
/* Encodes a read request with libwherry, decodes it again and prints what it says. To compile it:
 *   cc encode.c $(pkg-config --cflags --libs libwherry) */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <wherry/packet.h>

int main(void)
{
    static const uint8_t options[] = "blksize\0"
                                     "1428";
    uint8_t datagram[512];
    struct wherry_packet packet;
    size_t len = wherry_packet_request(datagram, sizeof(datagram), WHERRY_RRQ, "boot/grub.cfg",
                                       WHERRY_OCTET, options, sizeof(options));

    if (len == 0) {
        fputs("the request does not fit\n", stderr);
        return 1;
    }
    if (wherry_packet_decode(&packet, datagram, len) != RES_OK || packet.opcode != WHERRY_RRQ ||
        packet.request.mode != WHERRY_OCTET || packet.request.options.len != sizeof(options) ||
        memcmp(packet.request.options.bytes, options, sizeof(options)) != 0) {
        fputs("what was decoded is not what was encoded\n", stderr);
        return 1;
    }
    printf("%zu bytes, name %.*s\n", len, (int)packet.request.name.len,
           (const char *)packet.request.name.bytes);
    return 0;
}
