/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/block.h: 16-bit block numbers on the wire, 64-bit ones inside. Only this edge narrows and
 * widens them. After block 65535 the wire goes on with `rollover`, 0 or 1. */
#ifndef PROTO_BLOCK_H
#define PROTO_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The number a block carries. Block 0 (an ACK only) is 0 either way. */
uint16_t block_to_wire(uint64_t block, uint16_t rollover);
/* The block nearest to `near` that carries this number. False: none does (0 where the wire rolls
 * over to 1, except near the beginning). */
bool block_from_wire(uint16_t wire, uint64_t near, uint16_t rollover, uint64_t *ret);

#endif
