/* SPDX-License-Identifier: BSD-2-Clause */
/* client/waiter.h: waits for one descriptor at a time, and meanwhile for a deadline and for the
 * signals that end us, so that a program which does one thing after the other never hangs. */
#ifndef CLIENT_WAITER_H
#define CLIENT_WAITER_H

#include <stdbool.h>
#include <stdint.h>

#include <wherry/res.h>

#include "client/end_signals.h"
#include "io/loop.h"

/* In its owner's memory; all of it is the waiter's but signum and now. */
struct waiter {
    int signum; /* that came; 0: none. Once it is set nothing waits any more */
    struct loop *loop;
    struct end_signals signals;
    struct loop_io io;
    unsigned ready; /* of io, in this turn */
    struct loop_timer deadline;
    struct loop_timer tick;
    uint64_t tick_every_ns;
    void (*tick_fn)(void *arg, uint64_t now_ns);
    void *tick_arg;
};

/* RES_NO_MEMORY, RES_IO. On failure there is nothing to clear. */
enum res waiter_init(struct waiter *w);
void waiter_clear(struct waiter *w);

/* Monotonic, as of the last turn. */
uint64_t waiter_now_ns(const struct waiter *w);
/* Looks at the clock and for signals, without waiting. */
void waiter_look(struct waiter *w);
/* Until the descriptor is LOOP_READ or LOOP_WRITE as asked, which is returned; 0: the deadline has
 * come (LOOP_NEVER: it never does), or a signal. */
unsigned waiter_wait(struct waiter *w, int fd, unsigned events, uint64_t deadline_ns);
/* To be called before the descriptor that was last waited for is closed. */
void waiter_forget(struct waiter *w);
/* Called every so often while something waits or looks. fn NULL: nothing is. */
void waiter_tick(struct waiter *w, uint64_t every_ns, void (*fn)(void *arg, uint64_t now_ns),
                 void *arg);

#endif
