/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/pace.h: whether a window leaves as one burst, or spread over the round trip.
 *
 *   BURST --a loss less than a window behind the last one--> SPREAD
 *   SPREAD --eight windows whole--> BURST
 *
 * A second loss before the window has moved past the first means that bursts overrun something on
 * the way: a boot ROM's few receive buffers, a queue. With windowsize 1 there is nothing to spread.
 */
#ifndef PROTO_PACE_H
#define PROTO_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: BURST, nothing lost. */
struct pace {
    bool spread;
    bool lost; /* at block loss_at */
    uint64_t loss_at;
    uint32_t whole_windows; /* since something was lost */
    bool torn;              /* something of the present window was lost */
    uint64_t opened_ns;     /* the present window */
    uint32_t released;      /* blocks of it that may leave */
};

/* Something behind block `acked` was lost. */
void pace_loss(struct pace *p, uint64_t acked, uint16_t windowsize);
/* A window was acknowledged to its end. */
void pace_window_passed(struct pace *p);
/* A window begins; the same one again (resent) or a new one. */
void pace_window_opened(struct pace *p, uint64_t now_ns);
void pace_window_is_new(struct pace *p);
/* How many blocks of a window of `window` may have left by now. */
uint32_t pace_limit(const struct pace *p, uint32_t window, uint64_t interval_ns);
void pace_release(struct pace *p, uint32_t window, uint64_t interval_ns, uint64_t now_ns);
/* When the next block is released; UINT64_MAX: none is held back. */
uint64_t pace_deadline_ns(const struct pace *p, uint32_t window, uint64_t interval_ns);

#endif
