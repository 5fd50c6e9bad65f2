/* SPDX-License-Identifier: BSD-2-Clause */
/* io/pool.h: threads for calls that may block; answers return to the asking loop.
 *
 *   pool_submit() --work() in a thread--> done(job, owner) in the loop's thread
 *
 * An owner that goes away calls pool_forget(); its job still runs to its end and done() is called
 * with owner NULL, so that it can release what work() made. Jobs of one pool may run in any order
 * and at the same time. Threads are started when first needed. */
#ifndef IO_POOL_H
#define IO_POOL_H

#include <stdbool.h>

#include <wherry/res.h>

#include "io/loop.h"

struct pool;

/* Embedded as the first member of what the caller allocates. work() touches the job only; done()
 * frees it. */
struct pool_job {
    void (*work)(struct pool_job *job);
    void (*done)(struct pool_job *job, void *owner);
    void *owner;
    struct pool_job *next;
};

/* At most `threads` threads, answers to this loop. All signals are blocked in them. With 0 the
 * loop's own thread does the work, in its next turn: for a loop that has nobody else to serve, and
 * would only wait for what a thread does. */
enum res pool_new(struct pool **ret, struct loop *l, unsigned threads);
/* Waits for running work, calls done(job, NULL) for what is left: also for jobs whose work() never
 * began. Takes NULL. Not from inside done(). */
void pool_free(struct pool *p);
/* The job belongs to the pool until done(). Never fails: when no thread can be started it waits
 * for one that exists, and the first is started by pool_new(). */
void pool_submit(struct pool *p, struct pool_job *job);
/* Nobody waits for this job any more. Only between submit and done. */
void pool_forget(struct pool_job *job);
/* No job is waiting, running or unanswered. For tests. */
bool pool_idle(const struct pool *p);

#endif
