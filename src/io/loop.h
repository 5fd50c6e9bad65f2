/* SPDX-License-Identifier: BSD-2-Clause */
/* io/loop.h: one event loop and its watchers. loop.c is the only file that includes libev.
 *
 * The clock is monotonic and read once per wake-up: all callbacks of one turn see the same
 * loop_now_ns(). Watchers live in their owner's memory, zeroed before first use; stopping a watcher
 * that was never started does nothing. A callback may stop and free any watcher, its own too. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#define LOOP_NEVER UINT64_MAX
#define LOOP_READ 1u
#define LOOP_WRITE 2u
#define LOOP_WATCHER_BYTES 48 /* checked against libev's structs in loop.c */

struct loop;

enum res loop_new(struct loop **ret);
/* Takes NULL. All watchers must be stopped. */
void loop_free(struct loop *l);
/* Runs until loop_stop(); returns at once if that was called before. */
void loop_run(struct loop *l);
/* One turn: waits for one event, or for none if !block. For who has other things to
 * do in between, or to wait for one thing that happens. */
void loop_turn(struct loop *l, bool block);
void loop_stop(struct loop *l);
uint64_t loop_now_ns(const struct loop *l);

/* A descriptor that became readable or writable; `events` is LOOP_READ | LOOP_WRITE. */
struct loop_io {
    _Alignas(uint64_t) unsigned char watcher[LOOP_WATCHER_BYTES];
    struct loop *loop;
    void (*fn)(void *arg, unsigned events);
    void *arg;
    int fd;
    unsigned events;
};
void loop_io_start(struct loop *l, struct loop_io *io, int fd, unsigned events,
                   void (*fn)(void *arg, unsigned events), void *arg);
/* Other events from now on; 0 pauses. Cheap when nothing changes. */
void loop_io_events(struct loop_io *io, unsigned events);
void loop_io_stop(struct loop_io *io);

/* A timer at a deadline, re-armed lazily: a later deadline is only stored, and the wake-up that
 * comes too early arms the rest. */
struct loop_timer {
    _Alignas(uint64_t) unsigned char watcher[LOOP_WATCHER_BYTES];
    struct loop *loop;
    void (*fn)(void *arg);
    void *arg;
    uint64_t deadline_ns;
    uint64_t armed_ns;
};
void loop_timer_init(struct loop *l, struct loop_timer *t, void (*fn)(void *arg), void *arg);
/* LOOP_NEVER stops it. A deadline in the past fires in the next turn. Fires once. */
void loop_timer_at(struct loop_timer *t, uint64_t deadline_ns);
void loop_timer_stop(struct loop_timer *t);

/* A signal, delivered as an event. */
struct loop_signal {
    _Alignas(uint64_t) unsigned char watcher[LOOP_WATCHER_BYTES];
    struct loop *loop;
    void (*fn)(void *arg, int signum);
    void *arg;
};
void loop_signal_start(struct loop *l, struct loop_signal *s, int signum,
                       void (*fn)(void *arg, int signum), void *arg);
void loop_signal_stop(struct loop_signal *s);

/* Called behind the last other callback of every turn, and before the loop waits: what a turn has
 * gathered, and what was begun from outside the loop, leaves here at once. What fn starts is looked
 * at in the next turn. */
struct loop_prepare {
    _Alignas(uint64_t) unsigned char before[LOOP_WATCHER_BYTES];
    _Alignas(uint64_t) unsigned char behind[LOOP_WATCHER_BYTES];
    struct loop *loop;
    void (*fn)(void *arg);
    void *arg;
};
void loop_prepare_start(struct loop *l, struct loop_prepare *p, void (*fn)(void *arg), void *arg);
void loop_prepare_stop(struct loop_prepare *p);

/* Wakes the loop from any thread; many wakes may become one call. */
struct loop_waker {
    _Alignas(uint64_t) unsigned char watcher[LOOP_WATCHER_BYTES];
    struct loop *loop;
    void (*fn)(void *arg);
    void *arg;
};
void loop_waker_start(struct loop *l, struct loop_waker *w, void (*fn)(void *arg), void *arg);
void loop_waker_wake(struct loop_waker *w);
void loop_waker_stop(struct loop_waker *w);

#endif
