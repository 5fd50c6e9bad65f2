/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/exchange_timers.h"

#include <wherry/sender.h>

void exchange_timers_init(struct exchange_timers *t)
{
    for (int i = 0; i < EXCHANGE_TIMER_COUNT; i++) {
        t->due_ns[i] = WHERRY_NEVER;
    }
}

void exchange_timers_start(struct exchange_timers *t, enum exchange_timer which, uint64_t due_ns)
{
    if (t->due_ns[which] == WHERRY_NEVER) {
        t->due_ns[which] = due_ns;
    }
}

void exchange_timers_stop(struct exchange_timers *t, enum exchange_timer which)
{
    t->due_ns[which] = WHERRY_NEVER;
}

uint64_t exchange_timers_deadline(const struct exchange_timers *t)
{
    uint64_t earliest_ns = WHERRY_NEVER;

    for (int i = 0; i < EXCHANGE_TIMER_COUNT; i++) {
        if (t->due_ns[i] < earliest_ns) {
            earliest_ns = t->due_ns[i];
        }
    }
    return earliest_ns;
}

bool exchange_timers_due(const struct exchange_timers *t, enum exchange_timer which,
                         uint64_t now_ns)
{
    return t->due_ns[which] != WHERRY_NEVER && now_ns >= t->due_ns[which];
}
