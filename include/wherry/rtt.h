/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/rtt.h: when to send again (RFC 6298, Karn's rule).
 *
 * 1 s before the first sample, then smoothed mean + 4 x variance (or a quarter of the mean, if that
 * is more): at least 400 ms until 8 samples are in, at least 50 ms after, at most 8 s. Doubled on
 * each expiry until an answer comes that can only be one to what was sent last. The floor is below
 * RFC 6298's 1 s on purpose: LAN round trips are 0.1 to 10 ms and one lost block must not cost a
 * second. An agreed timeout (RFC 2349) replaces the estimate and does not double. */
#ifndef WHERRY_RTT_H
#define WHERRY_RTT_H

#include <stdint.h>

struct wherry_rtt {
    uint64_t fixed_ns; /* agreed time-out, 0 for none */
    uint64_t mean_ns;
    uint64_t variance_ns;
    uint64_t smallest_ns; /* 0 before the first sample */
    uint32_t samples;
    uint32_t doublings;
};

void wherry_rtt_init(struct wherry_rtt *r, uint64_t fixed_ns);
/* A round trip of something that was sent exactly once. */
void wherry_rtt_sample(struct wherry_rtt *r, uint64_t trip_ns);
/* An answer to what was sent last; how long that took is not known. */
void wherry_rtt_answered(struct wherry_rtt *r);
/* The time-out ran out. */
void wherry_rtt_expired(struct wherry_rtt *r);
/* How long to wait for an answer now. */
uint64_t wherry_rtt_timeout_ns(const struct wherry_rtt *r);

#endif
