/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/end_signals.h"

#include <signal.h>

static const int numbers[END_SIGNAL_COUNT] = {SIGINT, SIGTERM, SIGHUP};

void end_signals_start(struct end_signals *e, struct loop *l, void (*fn)(void *arg, int signum),
                       void *arg)
{
    for (size_t i = 0; i < END_SIGNAL_COUNT; i++) {
        loop_signal_start(l, &e->watchers[i], numbers[i], fn, arg);
    }
}

void end_signals_stop(struct end_signals *e)
{
    for (size_t i = 0; i < END_SIGNAL_COUNT; i++) {
        loop_signal_stop(&e->watchers[i]);
    }
}
