/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/wire_error.h: enum res as numbers on the wire, the one table: TFTP errors and statuses
 * of the Wherry file protocol. */
#ifndef PROTO_WIRE_ERROR_H
#define PROTO_WIRE_ERROR_H

#include <stdint.h>

#include <wherry/frame.h>
#include <wherry/packet.h>
#include <wherry/res.h>

/* The number of an ERROR for this result: 1 no such file or a directory, 2 not allowed, 3 full or
 * too large, 4 illegal, 6 exists, 8 options, 0 everything else. */
enum wherry_error wire_error_code(enum res r);
/* The status of an END or GOAWAY for this result. No memory is BUSY: later there may be some. What
 * should never go out is IO. */
enum wherry_status wire_error_status(enum res r);
/* What a received status means; RES_PEER if no such number is known. */
enum res wire_error_from_status(uint16_t status);
/* Its text on the wire: short, no names, no paths of the server. */
const char *wire_error_text(enum res r);

#endif
