/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/exchange_rate.h: whether a peer moves bytes fast enough while we wait for it.
 *
 * Of each span of waiting at least rate * span bytes have to move. A span begins with the waiting,
 * and anew as soon as that many have moved: a peer that keeps the rate over any span never fails, a
 * peer that stops does so one span after it was last ahead. Time in which we do not wait does not
 * count. */
#ifndef PROTO_EXCHANGE_RATE_H
#define PROTO_EXCHANGE_RATE_H

#include <stdint.h>

struct exchange_rate {
    uint64_t span_ns;
    uint64_t bytes_due; /* in each span */
    uint64_t moved;
    uint64_t spent_ns; /* of the span, before since_ns */
    uint64_t since_ns; /* WHERRY_NEVER: we do not wait */
};

/* rate: bytes a second. */
void exchange_rate_init(struct exchange_rate *r, uint32_t rate, uint64_t span_ns);
/* We wait for the peer; nothing happens if we do already. */
void exchange_rate_wait(struct exchange_rate *r, uint64_t now_ns);
/* So many bytes moved. We no longer wait, until wait() says so again. */
void exchange_rate_moved(struct exchange_rate *r, uint64_t bytes, uint64_t now_ns);
/* There is nothing to wait for any more: begins anew. */
void exchange_rate_reset(struct exchange_rate *r);
/* When the peer is too slow, if nothing moves until then. WHERRY_NEVER: we do not wait. */
uint64_t exchange_rate_deadline(const struct exchange_rate *r);

#endif
