/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/waiter.h"

static void on_signal(void *arg, int signum)
{
    struct waiter *w = arg;

    w->signum = signum;
}

static void on_ready(void *arg, unsigned events)
{
    struct waiter *w = arg;

    w->ready |= events;
}

/* It wakes; whoever waits looks at the clock. */
static void on_deadline(void *arg)
{
    (void)arg;
}

static void on_tick(void *arg)
{
    struct waiter *w = arg;

    w->tick_fn(w->tick_arg, waiter_now_ns(w));
    loop_timer_at(&w->tick, waiter_now_ns(w) + w->tick_every_ns);
}

enum res waiter_init(struct waiter *w)
{
    enum res r;

    *w = (struct waiter){.io = {.fd = -1}};
    r = loop_new(&w->loop);
    if (r != RES_OK) {
        return r;
    }
    loop_timer_init(w->loop, &w->deadline, on_deadline, w);
    loop_timer_init(w->loop, &w->tick, on_tick, w);
    end_signals_start(&w->signals, w->loop, on_signal, w);
    return RES_OK;
}

void waiter_clear(struct waiter *w)
{
    waiter_forget(w);
    loop_timer_stop(&w->deadline);
    loop_timer_stop(&w->tick);
    end_signals_stop(&w->signals);
    loop_free(w->loop);
    w->loop = NULL;
}

uint64_t waiter_now_ns(const struct waiter *w)
{
    return loop_now_ns(w->loop);
}

void waiter_look(struct waiter *w)
{
    loop_turn(w->loop, false);
}

static void watch(struct waiter *w, int fd, unsigned events)
{
    if (w->io.fd == fd) {
        loop_io_events(&w->io, events);
        return;
    }
    waiter_forget(w);
    loop_io_start(w->loop, &w->io, fd, events, on_ready, w);
}

unsigned waiter_wait(struct waiter *w, int fd, unsigned events, uint64_t deadline_ns)
{
    watch(w, fd, events);
    loop_timer_at(&w->deadline, deadline_ns);
    w->ready = 0;
    while (w->ready == 0 && w->signum == 0 && waiter_now_ns(w) < deadline_ns) {
        loop_turn(w->loop, true);
    }
    loop_timer_stop(&w->deadline);
    loop_io_events(&w->io, 0);
    return w->ready & events;
}

void waiter_forget(struct waiter *w)
{
    loop_io_stop(&w->io);
    w->io = (struct loop_io){.fd = -1};
}

void waiter_tick(struct waiter *w, uint64_t every_ns, void (*fn)(void *arg, uint64_t now_ns),
                 void *arg)
{
    w->tick_fn = fn;
    w->tick_arg = arg;
    w->tick_every_ns = every_ns;
    loop_timer_at(&w->tick, fn != NULL ? waiter_now_ns(w) + every_ns : LOOP_NEVER);
}
