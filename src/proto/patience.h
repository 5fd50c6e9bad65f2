/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/patience.h: when a transfer is given up; the same for both directions.
 *
 * Without progress: the patience that was configured, at least three agreed time-outs. A peer that
 * never answered at all gets 60 s at most, however long the time-out it asked for: its address may
 * be forged. */
#ifndef PROTO_PATIENCE_H
#define PROTO_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

/* The moment to give up. timeout_ns: the agreed one, 0 for none. start_ns: of the transfer;
 * progress_ns: of the last progress. */
uint64_t patience_end_ns(uint64_t patience_ns, uint64_t timeout_ns, bool heard, uint64_t start_ns,
                         uint64_t progress_ns);

#endif
