/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/workers.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "io/pool.h"
#include "io/thread.h"
#include "server/worker.h"

/* Threads for calls that may block: a few slow disks or mounts at once. They are divided, but one
 * stalled file never takes all that a worker has. */
#define POOL_THREADS 8u
#define POOL_THREADS_LEAST 2u
/* Descriptors that a worker has at least, with some for its first transfers. Asked for before any
 * is made: libev ends the process when it gets none. */
#define DESCRIPTORS_EACH 16u
#define NAME_BYTES 16 /* of a thread, Linux's limit */

/* A worker and what it works with. The caller's thread looks at the results between the lock's
 * give and take. */
struct seat {
    struct workers *all;
    unsigned number;
    struct log log;
    struct loop *loop;
    struct pool *pool;
    struct transfer_log *transfers;
    struct worker *worker;
    struct loop_waker waker;
    pthread_t thread;
    bool has_thread;
    bool called;            /* all->fn waits for it; guarded by the lock */
    bool asked;             /* workers_ask() waits for it; guarded by the lock */
    enum res r;             /* of the last call that can fail */
    _Atomic size_t running; /* when it was asked last; relaxed, for nothing follows from it */
};

struct workers {
    struct workers_params params;
    struct handover **handovers; /* of each seat, where one reads for all; else NULL */
    struct loop_waker drained;
    struct loop_waker answered;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t done;
    void (*fn)(struct seat *s, const void *arg);
    const void *arg;
    unsigned left;      /* seats that have not done it yet */
    unsigned unheard;   /* seats that have not answered yet */
    unsigned undrained; /* seats */
    unsigned count;
    struct seat seats[];
};

/* Calls */

static void report_done(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    if (--w->left == 0) {
        pthread_cond_signal(&w->done);
    }
    pthread_mutex_unlock(&w->lock);
}

static void wait_until_done(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->left > 0) {
        pthread_cond_wait(&w->done, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

static void count_seat(struct seat *s, const void *arg)
{
    (void)arg;
    atomic_store_explicit(&s->running, worker_running(s->worker), memory_order_relaxed);
}

static void answer(struct seat *s)
{
    struct workers *w = s->all;
    bool last;

    count_seat(s, NULL);
    pthread_mutex_lock(&w->lock);
    last = --w->unheard == 0;
    pthread_mutex_unlock(&w->lock);
    if (last) {
        loop_waker_wake(&w->answered);
    }
}

static void on_call(void *arg)
{
    struct seat *s = arg;
    struct workers *w = s->all;
    bool called;
    bool asked;

    pthread_mutex_lock(&w->lock);
    called = s->called;
    asked = s->asked;
    s->called = false;
    s->asked = false;
    pthread_mutex_unlock(&w->lock);
    if (called) {
        w->fn(s, w->arg); /* neither changes before all have reported */
        report_done(w);
    }
    if (asked) {
        answer(s);
    }
}

/* Has every worker do it, each in its own thread. They never wait for this one, so this wait is one
 * turn of the busiest. */
static void call_all(struct workers *w, void (*fn)(struct seat *s, const void *arg),
                     const void *arg)
{
    pthread_mutex_lock(&w->lock);
    w->fn = fn;
    w->arg = arg;
    for (unsigned i = 1; i < w->count; i++) {
        w->seats[i].called = w->seats[i].has_thread;
        w->left += w->seats[i].has_thread ? 1 : 0;
    }
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 1; i < w->count; i++) {
        if (w->seats[i].has_thread) {
            loop_waker_wake(&w->seats[i].waker);
        }
    }
    if (w->seats[0].worker != NULL) {
        fn(&w->seats[0], arg);
    }
    wait_until_done(w);
}

/* Seats */

static void on_seat_drained(void *arg)
{
    struct workers *w = ((struct seat *)arg)->all;
    bool last;

    pthread_mutex_lock(&w->lock);
    last = --w->undrained == 0;
    pthread_mutex_unlock(&w->lock);
    if (last) {
        loop_waker_wake(&w->drained);
    }
}

static unsigned pool_threads(const struct workers *w)
{
    unsigned share = POOL_THREADS / w->count;

    return share < POOL_THREADS_LEAST ? POOL_THREADS_LEAST : share;
}

static enum res make_transfer_log(struct seat *s)
{
    struct seat *first = &s->all->seats[0];

    return s == first ? transfer_log_new(&s->transfers, s->loop, &s->log)
                      : transfer_log_new_beside(&s->transfers, first->transfers, s->loop, &s->log);
}

/* On a loop that is there. */
static enum res furnish(struct seat *s)
{
    const struct workers_params *p = &s->all->params;
    struct worker_params wp = {
        .loop = s->loop,
        .jail = p->jail,
        .config = p->config,
        .log = &s->log,
        .spares = p->listeners->spares != NULL ? &p->listeners->spares[s->number] : NULL,
        .tftp_only = s->number > 0,
        .is_given_requests = s->number > 0 && p->listeners->handed_over,
        .drained = on_seat_drained,
        .arg = s,
    };
    enum res r = pool_new(&s->pool, s->loop, pool_threads(s->all));

    if (r == RES_OK) {
        r = make_transfer_log(s);
    }
    if (r == RES_OK) {
        wp.pool = s->pool;
        wp.transfers = s->transfers;
        r = worker_new(&s->worker, &wp);
    }
    return r;
}

static void clear(struct seat *s)
{
    worker_free(s->worker);
    pool_free(s->pool);
    transfer_log_free(s->transfers);
}

static void *run_seat(void *arg)
{
    struct seat *s = arg;
    char name[NAME_BYTES];

    snprintf(name, sizeof(name), "worker-%u", s->number + 1);
    (void)pthread_setname_np(pthread_self(), name); /* for top and ps -L, no more */
    s->r = loop_new(&s->loop);
    if (s->r == RES_OK) {
        loop_waker_start(s->loop, &s->waker, on_call, s);
        s->r = furnish(s);
    }
    if (s->r == RES_OK) {
        report_done(s->all);
        loop_run(s->loop);
        clear(s);
    } else {
        clear(s);
        report_done(s->all);
    }
    loop_waker_stop(&s->waker);
    loop_free(s->loop);
    return NULL;
}

static enum res start_seat(struct seat *s)
{
    s->all->left = 1;
    if (!thread_start(&s->thread, run_seat, s)) {
        s->all->left = 0;
        return RES_BUSY;
    }
    wait_until_done(s->all);
    if (s->r != RES_OK) {
        pthread_join(s->thread, NULL);
        return s->r;
    }
    s->has_thread = true;
    return RES_OK;
}

static void listen_seat(struct seat *s, const void *arg)
{
    const struct listeners *listeners = arg;

    for (size_t i = 0; i < listeners->count && s->r == RES_OK; i++) {
        struct listener *l = &listeners->items[i];

        if (l->worker == s->number) {
            s->r = worker_listen(s->worker, l->fd, &l->endpoint);
            if (s->r == RES_OK) {
                l->fd = -1;
            }
        }
    }
}

static void configure_seat(struct seat *s, const void *arg)
{
    const struct config *config = arg;

    s->log.level = config->log_level;
    worker_configure(s->worker, config);
}

static void drain_seat(struct seat *s, const void *arg)
{
    (void)arg;
    worker_drain(s->worker);
}

static void stop_seat(struct seat *s, const void *arg)
{
    (void)arg;
    worker_stop(s->worker);
}

static void end_seat(struct seat *s, const void *arg)
{
    (void)arg;
    if (s->number > 0) {
        loop_stop(s->loop);
    }
}

/* All */

/* The first one reads for all: it is told where the others take what is theirs. */
static enum res share_out(struct workers *w)
{
    w->handovers = calloc(w->count, sizeof(struct handover *));
    if (w->handovers == NULL) {
        return RES_NO_MEMORY;
    }
    for (unsigned i = 1; i < w->count; i++) {
        w->handovers[i] = worker_handover(w->seats[i].worker);
    }
    worker_share_out(w->seats[0].worker, w->handovers, w->count);
    return RES_OK;
}

static void on_answered(void *arg)
{
    const struct workers *w = arg;

    w->params.answered(w->params.arg);
}

static void on_drained(void *arg)
{
    const struct workers *w = arg;

    w->params.drained(w->params.arg); /* last: may free w */
}

static bool descriptors_suffice(const struct workers *w, char *why, size_t cap)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_cur >= (rlim_t)w->count * DESCRIPTORS_EACH) {
        return true;
    }
    snprintf(why, cap,
             "cannot start %u workers: each needs %u open files, and the limit is %" PRIu64
             " (ulimit -n): raise it, or choose fewer with --workers",
             w->count, DESCRIPTORS_EACH, (uint64_t)limit.rlim_cur);
    return false;
}

static enum res start_all(struct workers *w, char *why, size_t cap)
{
    enum res r = furnish(&w->seats[0]);
    unsigned i = 0;

    while (r == RES_OK && ++i < w->count) {
        r = start_seat(&w->seats[i]);
    }
    if (r == RES_OK && w->count > 1 && w->params.listeners->handed_over) {
        r = share_out(w);
    }
    if (r == RES_OK) {
        call_all(w, listen_seat, w->params.listeners);
        for (i = 0; i < w->count && r == RES_OK; i++) {
            r = w->seats[i].r;
        }
    }
    if (r != RES_OK && w->count > 1) {
        snprintf(why, cap, "cannot start %u workers: %s: choose fewer with --workers", w->count,
                 r == RES_BUSY ? "the system allows no more threads" : wherry_res_text(r));
    } else if (r != RES_OK) {
        snprintf(why, cap, "cannot serve: %s", wherry_res_text(r));
    }
    return r;
}

enum res workers_new(struct workers **ret, const struct workers_params *p, char *why, size_t cap)
{
    unsigned count = p->listeners->workers;
    struct workers *w = calloc(1, sizeof(*w) + count * sizeof(w->seats[0]));
    enum res r;

    if (w == NULL) {
        snprintf(why, cap, "out of memory");
        return RES_NO_MEMORY;
    }
    w->params = *p;
    w->count = count;
    w->undrained = count;
    for (unsigned i = 0; i < count; i++) {
        w->seats[i].all = w;
        w->seats[i].number = i;
        w->seats[i].log = *p->log;
    }
    w->seats[0].loop = p->loop;
    /* glibc's default mutex and condition need no resources and cannot fail to be made. */
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->done, NULL);
    loop_waker_start(p->loop, &w->drained, on_drained, w);
    loop_waker_start(p->loop, &w->answered, on_answered, w);
    r = descriptors_suffice(w, why, cap) ? start_all(w, why, cap) : RES_BUSY;
    if (r != RES_OK) {
        workers_free(w);
        return r;
    }
    *ret = w;
    return RES_OK;
}

void workers_free(struct workers *w)
{
    if (w == NULL) {
        return;
    }
    call_all(w, end_seat, NULL);
    for (unsigned i = 1; i < w->count; i++) {
        if (w->seats[i].has_thread) {
            pthread_join(w->seats[i].thread, NULL);
        }
    }
    clear(&w->seats[0]); /* last: the others sum up with its transfer log */
    loop_waker_stop(&w->drained);
    loop_waker_stop(&w->answered);
    free(w->handovers);
    pthread_cond_destroy(&w->done);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void workers_configure(struct workers *w, const struct config *config)
{
    w->params.config = config;
    call_all(w, configure_seat, config);
}

void workers_drain(struct workers *w)
{
    call_all(w, drain_seat, NULL);
}

void workers_stop(struct workers *w)
{
    call_all(w, stop_seat, NULL);
}

size_t workers_running(struct workers *w)
{
    call_all(w, count_seat, NULL);
    return workers_running_lately(w);
}

void workers_ask(struct workers *w)
{
    bool open;

    pthread_mutex_lock(&w->lock);
    open = w->unheard > 0;
    if (!open) {
        w->unheard = w->count;
        for (unsigned i = 1; i < w->count; i++) {
            w->seats[i].asked = true;
        }
    }
    pthread_mutex_unlock(&w->lock);
    if (open) {
        return;
    }
    for (unsigned i = 1; i < w->count; i++) {
        loop_waker_wake(&w->seats[i].waker);
    }
    answer(&w->seats[0]); /* its loop turns: this is its thread */
}

size_t workers_running_lately(const struct workers *w)
{
    size_t running = 0;

    for (unsigned i = 0; i < w->count; i++) {
        running += atomic_load_explicit(&w->seats[i].running, memory_order_relaxed);
    }
    return running;
}

void workers_count(const struct workers *w, struct transfer_counts *ret)
{
    *ret = (struct transfer_counts){.bytes = 0};
    for (unsigned i = 0; i < w->count; i++) {
        transfer_log_count(w->seats[i].transfers, ret);
    }
}
