/* SPDX-License-Identifier: BSD-2-Clause */
/* support/link.h: a network between two ends, in memory, with its own clock. It loses, repeats,
 * delays and reorders datagrams as its parameters say, the same way for the same seed.
 *
 * Within one direction datagrams arrive in the order sent, except those picked for reordering. */
#ifndef SUPPORT_LINK_H
#define SUPPORT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#define LINK_QUIET UINT64_MAX
#define LINK_DATAGRAM_MAX 1600

enum link_end { LINK_SENDER, LINK_RECEIVER, LINK_ENDS };

struct link_params {
    uint32_t loss_permille[LINK_ENDS]; /* of what is sent to this end */
    uint32_t repeat_permille;
    uint32_t reorder_permille;
    uint64_t delay_ns;  /* of one direction */
    uint64_t jitter_ns; /* added to it, from 0 */
};

struct link_datagram {
    enum link_end to;
    size_t len;
    uint8_t bytes[LINK_DATAGRAM_MAX];
};

struct link;

/* The clock stands at 0. RES_OK or RES_NO_MEMORY; the caller frees it with link_free(). */
enum res link_new(struct link **ret, const struct link_params *params, uint64_t seed);
/* Takes NULL. */
void link_free(struct link *l);

uint64_t link_now_ns(const struct link *l);
/* Lets the clock run to at_ns (never back). */
void link_wait(struct link *l, uint64_t at_ns);
/* When the next datagram arrives; LINK_QUIET: none is on its way. */
uint64_t link_next_ns(const struct link *l);
/* RES_NO_MEMORY when too much is on its way; nothing is sent then. */
enum res link_send(struct link *l, enum link_end to, const uint8_t *bytes, size_t len);
/* The datagram that arrives now or has arrived before. False: none. */
bool link_receive(struct link *l, struct link_datagram *ret);
uint64_t link_sent(const struct link *l);
uint64_t link_lost(const struct link *l);

#endif
