/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/exchange_timers.h: the moments a connection waits for, by what they are for. */
#ifndef PROTO_EXCHANGE_TIMERS_H
#define PROTO_EXCHANGE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

enum exchange_timer {
    EXCHANGE_TIMER_HELLO,
    EXCHANGE_TIMER_FRAME,
    EXCHANGE_TIMER_IDLE,
    EXCHANGE_TIMER_PING,
    EXCHANGE_TIMER_LINGER,
    EXCHANGE_TIMER_COUNT
};

struct exchange_timers {
    uint64_t due_ns[EXCHANGE_TIMER_COUNT]; /* WHERRY_NEVER: stopped */
};

/* All stopped. */
void exchange_timers_init(struct exchange_timers *t);
/* A timer that runs already goes on as it was. */
void exchange_timers_start(struct exchange_timers *t, enum exchange_timer which, uint64_t due_ns);
void exchange_timers_stop(struct exchange_timers *t, enum exchange_timer which);
/* The earliest moment; WHERRY_NEVER: none runs. */
uint64_t exchange_timers_deadline(const struct exchange_timers *t);
/* Whether this one runs and its moment has come. */
bool exchange_timers_due(const struct exchange_timers *t, enum exchange_timer which,
                         uint64_t now_ns);

#endif
