/* SPDX-License-Identifier: BSD-2-Clause */
/* client/end_signals.h: the signals by which a user or the system asks a transfer to end: SIGINT,
 * SIGTERM and SIGHUP. */
#ifndef CLIENT_END_SIGNALS_H
#define CLIENT_END_SIGNALS_H

#include "io/loop.h"

#define END_SIGNAL_COUNT 3

/* In its owner's memory, zeroed before first use. */
struct end_signals {
    struct loop_signal watchers[END_SIGNAL_COUNT];
};

void end_signals_start(struct end_signals *e, struct loop *l, void (*fn)(void *arg, int signum),
                       void *arg);
void end_signals_stop(struct end_signals *e);

#endif
