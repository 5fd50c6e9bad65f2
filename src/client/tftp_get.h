/* SPDX-License-Identifier: BSD-2-Clause */
/* client/tftp_get.h: a receiver and the sink behind it.
 *
 * To a file, blocks before the last are acknowledged when they are here, and written some at a
 * time: in lock-step a write for each would cost a quarter of all there is to do. So the server
 * hears of a full disk up to TFTP_GET_BEHIND_BYTES late, but before the last ACK in any case. To a
 * pipe, whose reader may wait for each of them, they are written as they come. */
#ifndef CLIENT_TFTP_GET_H
#define CLIENT_TFTP_GET_H

#include "client/tftp_core.h"
#include "store/sink.h"

#define TFTP_GET_BEHIND_BYTES 65536u /* beyond it an ACK waits for the disk */

struct tftp_get;

extern const struct tftp_core_ops tftp_get_ops;

/* The sink stays the caller's, is open, and outlives the core. gathers: see above. strict_size:
 * what arrives has to be as long as was announced, or it gets no name. RES_NO_MEMORY. */
enum res tftp_get_new(struct tftp_get **ret, const struct tftp_core_params *p, struct sink *sink,
                      bool gathers, bool strict_size);
/* The sink's answers. */
void tftp_get_stored(struct tftp_get *g, enum res r, uint64_t block, uint64_t now_ns);
void tftp_get_committed(struct tftp_get *g, enum res r, uint64_t now_ns);
/* The announced size, if there is one and another came (*ret_announced is set). */
bool tftp_get_size_differs(const struct tftp_get *g, uint64_t *ret_announced);

#endif
