/* SPDX-License-Identifier: BSD-2-Clause */
/* support/packets.h: packets as a peer would have sent them, already taken apart, so that tests of
 * the machines need no codec. Views point at what the caller passed. */
#ifndef SUPPORT_PACKETS_H
#define SUPPORT_PACKETS_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>

/* The number that a block carries: counted up one by one from 1, 65535 followed by rollover. */
uint16_t packets_wire(uint64_t block, uint16_t rollover);
struct wherry_packet packets_ack(uint16_t wire);
struct wherry_packet packets_data(uint16_t wire, const uint8_t *bytes, size_t len);
struct wherry_packet packets_error(uint16_t code, const char *text);
struct wherry_packet packets_oack(const uint8_t *pairs, size_t len);
struct wherry_packet packets_request(enum wherry_opcode opcode, const char *name);

#endif
