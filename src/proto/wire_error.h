/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/wire_error.h: enum res as TFTP error numbers, the one table. */
#ifndef PROTO_WIRE_ERROR_H
#define PROTO_WIRE_ERROR_H

#include <wherry/packet.h>
#include <wherry/res.h>

/* The number of an ERROR for this result: 1 no such file or a directory, 2 not allowed, 3 full or
 * too large, 4 illegal, 6 exists, 8 options, 0 everything else. */
enum wherry_error wire_error_code(enum res r);
/* Its text on the wire: short, no names, no paths of the server. */
const char *wire_error_text(enum res r);

#endif
