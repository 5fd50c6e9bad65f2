/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/loop.h"

#include <stdlib.h>
#include <time.h>

#define EV_COMPAT3 0
#include <ev.h>

#include "base/number.h"

_Static_assert(sizeof(ev_io) <= LOOP_WATCHER_BYTES, "room for libev's ev_io");
_Static_assert(sizeof(ev_timer) <= LOOP_WATCHER_BYTES, "room for libev's ev_timer");
_Static_assert(sizeof(ev_signal) <= LOOP_WATCHER_BYTES, "room for libev's ev_signal");
_Static_assert(sizeof(ev_async) <= LOOP_WATCHER_BYTES, "room for libev's ev_async");
_Static_assert(sizeof(ev_prepare) <= LOOP_WATCHER_BYTES, "room for libev's ev_prepare");
_Static_assert(sizeof(ev_check) <= LOOP_WATCHER_BYTES, "room for libev's ev_check");
_Static_assert(_Alignof(ev_timer) <= _Alignof(uint64_t), "libev's ev_timer can lie there");

struct loop {
    struct ev_loop *ev;
    ev_check awake; /* also keeps ev_run() going when no other watcher is active */
    uint64_t now_ns;
    bool stopped;
};

static void read_clock(struct loop *l)
{
    struct timespec ts = {0};

    /* CLOCK_MONOTONIC with a valid pointer cannot fail on Linux. */
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    l->now_ns = (uint64_t)ts.tv_sec * NUMBER_SECOND + (uint64_t)ts.tv_nsec;
}

/* Runs before every other callback of a turn: it has the highest priority, all others the normal
 * one. libev's own ev_now() is wall time, which may jump. */
static void on_awake(struct ev_loop *ev, ev_check *w, int revents)
{
    (void)ev;
    (void)revents;
    read_clock(w->data);
}

enum res loop_new(struct loop **ret)
{
    struct loop *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        return RES_NO_MEMORY;
    }
    l->ev = ev_loop_new(EVFLAG_AUTO);
    if (l->ev == NULL) {
        free(l);
        return RES_IO;
    }
    ev_check_init(&l->awake, on_awake);
    l->awake.data = l;
    ev_set_priority(&l->awake, EV_MAXPRI);
    ev_check_start(l->ev, &l->awake);
    read_clock(l);
    *ret = l;
    return RES_OK;
}

void loop_free(struct loop *l)
{
    if (l == NULL) {
        return;
    }
    ev_check_stop(l->ev, &l->awake);
    ev_loop_destroy(l->ev);
    free(l);
}

void loop_run(struct loop *l)
{
    ev_now_update(l->ev);
    read_clock(l);
    if (!l->stopped) {
        ev_run(l->ev, 0);
    }
    l->stopped = false;
}

void loop_turn(struct loop *l, bool block)
{
    ev_run(l->ev, block ? EVRUN_ONCE : EVRUN_NOWAIT);
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
    ev_break(l->ev, EVBREAK_ALL);
}

uint64_t loop_now_ns(const struct loop *l)
{
    return l->now_ns;
}

/* Descriptors */

static int ev_events(unsigned events)
{
    return ((events & LOOP_READ) != 0 ? EV_READ : 0) | ((events & LOOP_WRITE) != 0 ? EV_WRITE : 0);
}

static void on_io(struct ev_loop *ev, ev_io *w, int revents)
{
    struct loop_io *io = w->data;
    unsigned events = 0;

    (void)ev;
    if ((revents & EV_READ) != 0) {
        events |= LOOP_READ;
    }
    if ((revents & EV_WRITE) != 0) {
        events |= LOOP_WRITE;
    }
    io->fn(io->arg, events); /* last: it may free io */
}

void loop_io_start(struct loop *l, struct loop_io *io, int fd, unsigned events,
                   void (*fn)(void *arg, unsigned events), void *arg)
{
    ev_io *w = (ev_io *)(void *)io->watcher;

    io->loop = l;
    io->fn = fn;
    io->arg = arg;
    io->fd = fd;
    io->events = events;
    ev_io_init(w, on_io, fd, ev_events(events));
    w->data = io;
    if (events != 0) {
        ev_io_start(l->ev, w);
    }
}

void loop_io_events(struct loop_io *io, unsigned events)
{
    ev_io *w = (ev_io *)(void *)io->watcher;

    if (events == io->events) {
        return;
    }
    io->events = events;
    ev_io_stop(io->loop->ev, w);
    if (events != 0) {
        ev_io_set(w, io->fd, ev_events(events));
        ev_io_start(io->loop->ev, w);
    }
}

void loop_io_stop(struct loop_io *io)
{
    if (io->loop == NULL) {
        return;
    }
    ev_io_stop(io->loop->ev, (ev_io *)(void *)io->watcher);
    io->loop = NULL;
}

/* Timers */

static void timer_arm(struct loop_timer *t)
{
    ev_timer *w = (ev_timer *)(void *)t->watcher;
    uint64_t now_ns = t->loop->now_ns;
    double after = 0;

    if (t->deadline_ns > now_ns) {
        after = (double)(t->deadline_ns - now_ns) / 1e9;
    }
    ev_timer_stop(t->loop->ev, w);
    ev_timer_set(w, after, 0.);
    ev_timer_start(t->loop->ev, w);
    t->armed_ns = t->deadline_ns;
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct loop_timer *t = w->data;

    (void)ev;
    (void)revents;
    if (t->loop->now_ns < t->deadline_ns) {
        timer_arm(t); /* the deadline was moved while we slept */
        return;
    }
    t->deadline_ns = LOOP_NEVER;
    t->armed_ns = LOOP_NEVER;
    t->fn(t->arg); /* last: it may free t */
}

void loop_timer_init(struct loop *l, struct loop_timer *t, void (*fn)(void *arg), void *arg)
{
    ev_timer *w = (ev_timer *)(void *)t->watcher;

    t->loop = l;
    t->fn = fn;
    t->arg = arg;
    t->deadline_ns = LOOP_NEVER;
    t->armed_ns = LOOP_NEVER;
    ev_timer_init(w, on_timer, 0., 0.);
    w->data = t;
}

void loop_timer_at(struct loop_timer *t, uint64_t deadline_ns)
{
    if (deadline_ns == LOOP_NEVER) {
        loop_timer_stop(t);
        return;
    }
    t->deadline_ns = deadline_ns;
    if (t->armed_ns == LOOP_NEVER || deadline_ns < t->armed_ns) {
        timer_arm(t);
    }
}

void loop_timer_stop(struct loop_timer *t)
{
    if (t->loop == NULL) {
        return;
    }
    ev_timer_stop(t->loop->ev, (ev_timer *)(void *)t->watcher);
    t->deadline_ns = LOOP_NEVER;
    t->armed_ns = LOOP_NEVER;
}

/* Signals */

static void on_signal(struct ev_loop *ev, ev_signal *w, int revents)
{
    struct loop_signal *s = w->data;

    (void)ev;
    (void)revents;
    s->fn(s->arg, w->signum); /* last: it may free s */
}

void loop_signal_start(struct loop *l, struct loop_signal *s, int signum,
                       void (*fn)(void *arg, int signum), void *arg)
{
    ev_signal *w = (ev_signal *)(void *)s->watcher;

    s->loop = l;
    s->fn = fn;
    s->arg = arg;
    ev_signal_init(w, on_signal, signum);
    w->data = s;
    ev_signal_start(l->ev, w);
}

void loop_signal_stop(struct loop_signal *s)
{
    if (s->loop == NULL) {
        return;
    }
    ev_signal_stop(s->loop->ev, (ev_signal *)(void *)s->watcher);
    s->loop = NULL;
}

/* The end of a turn */

static void on_prepare(struct ev_loop *ev, ev_prepare *w, int revents)
{
    struct loop_prepare *p = w->data;

    (void)ev;
    (void)revents;
    p->fn(p->arg); /* last: it may free p */
}

/* Runs after every other callback of a turn: it has the lowest priority, all others a higher one.
 */
static void on_behind(struct ev_loop *ev, ev_check *w, int revents)
{
    struct loop_prepare *p = w->data;

    (void)ev;
    (void)revents;
    p->fn(p->arg); /* last: it may free p */
}

void loop_prepare_start(struct loop *l, struct loop_prepare *p, void (*fn)(void *arg), void *arg)
{
    ev_prepare *before = (ev_prepare *)(void *)p->before;
    ev_check *behind = (ev_check *)(void *)p->behind;

    p->loop = l;
    p->fn = fn;
    p->arg = arg;
    ev_prepare_init(before, on_prepare);
    before->data = p;
    ev_prepare_start(l->ev, before);
    ev_check_init(behind, on_behind);
    behind->data = p;
    ev_set_priority(behind, EV_MINPRI);
    ev_check_start(l->ev, behind);
}

void loop_prepare_stop(struct loop_prepare *p)
{
    if (p->loop == NULL) {
        return;
    }
    ev_prepare_stop(p->loop->ev, (ev_prepare *)(void *)p->before);
    ev_check_stop(p->loop->ev, (ev_check *)(void *)p->behind);
    p->loop = NULL;
}

/* Wakers */

static void on_waker(struct ev_loop *ev, ev_async *w, int revents)
{
    struct loop_waker *waker = w->data;

    (void)ev;
    (void)revents;
    waker->fn(waker->arg); /* last: it may free waker */
}

void loop_waker_start(struct loop *l, struct loop_waker *w, void (*fn)(void *arg), void *arg)
{
    ev_async *async = (ev_async *)(void *)w->watcher;

    w->loop = l;
    w->fn = fn;
    w->arg = arg;
    ev_async_init(async, on_waker);
    async->data = w;
    ev_async_start(l->ev, async);
}

void loop_waker_wake(struct loop_waker *w)
{
    ev_async_send(w->loop->ev, (ev_async *)(void *)w->watcher);
}

void loop_waker_stop(struct loop_waker *w)
{
    if (w->loop == NULL) {
        return;
    }
    ev_async_stop(w->loop->ev, (ev_async *)(void *)w->watcher);
    w->loop = NULL;
}
