/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "io/thread.h"

struct job_list {
    struct pool_job *first;
    struct pool_job **end;
};

struct pool {
    pthread_mutex_t lock; /* guards waiting, answered, idle and stopping */
    pthread_cond_t more;
    struct job_list waiting;
    struct job_list answered;
    unsigned idle; /* threads that wait for a job */
    bool stopping;

    /* The loop's thread only. */
    struct loop_waker waker;
    size_t open; /* submitted and not yet given to done() */
    unsigned started;
    unsigned limit;
    pthread_t threads[];
};

static void list_init(struct job_list *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void list_append(struct job_list *l, struct pool_job *job)
{
    job->next = NULL;
    *l->end = job;
    l->end = &job->next;
}

static struct pool_job *list_take(struct job_list *l)
{
    struct pool_job *job = l->first;

    if (job != NULL) {
        l->first = job->next;
        if (l->first == NULL) {
            l->end = &l->first;
        }
    }
    return job;
}

static void *run_thread(void *arg)
{
    struct pool *p = arg;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct pool_job *job;
        bool first;

        while (p->waiting.first == NULL && !p->stopping) {
            p->idle++;
            pthread_cond_wait(&p->more, &p->lock);
            p->idle--;
        }
        if (p->stopping) {
            break;
        }
        job = list_take(&p->waiting);
        pthread_mutex_unlock(&p->lock);
        job->work(job);
        pthread_mutex_lock(&p->lock);
        first = p->answered.first == NULL;
        list_append(&p->answered, job);
        if (first) { /* later answers ride on the same wake-up */
            pthread_mutex_unlock(&p->lock);
            loop_waker_wake(&p->waker);
            pthread_mutex_lock(&p->lock);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* One more thread, if the limit and the system allow it. */
static bool start_thread(struct pool *p)
{
    if (p->started == p->limit || !thread_start(&p->threads[p->started], run_thread, p)) {
        return false;
    }
    p->started++;
    return true;
}

/* What the loop's thread has to finish, as it is now; done() may submit more. */
static struct pool_job *take_all(struct pool *p)
{
    struct job_list *l = p->limit == 0 ? &p->waiting : &p->answered;
    struct pool_job *first;

    pthread_mutex_lock(&p->lock);
    first = l->first;
    list_init(l);
    pthread_mutex_unlock(&p->lock);
    return first;
}

static void on_answers(void *arg)
{
    struct pool *p = arg;
    struct pool_job *job = take_all(p);

    while (job != NULL) {
        struct pool_job *next = job->next;

        if (p->limit == 0) {
            job->work(job);
        }
        p->open--;
        job->done(job, job->owner);
        job = next;
    }
}

enum res pool_new(struct pool **ret, struct loop *l, unsigned threads)
{
    struct pool *p = calloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));

    if (p == NULL) {
        return RES_NO_MEMORY;
    }
    p->limit = threads;
    list_init(&p->waiting);
    list_init(&p->answered);
    /* glibc's default mutex and condition need no resources and cannot fail to be made. */
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    loop_waker_start(l, &p->waker, on_answers, p);
    if (threads > 0 && !start_thread(p)) {
        pool_free(p);
        return RES_BUSY;
    }
    *ret = p;
    return RES_OK;
}

void pool_free(struct pool *p)
{
    struct pool_job *job;

    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->started; i++) {
        pthread_join(p->threads[i], NULL);
    }
    loop_waker_stop(&p->waker);
    while ((job = list_take(&p->answered)) != NULL || (job = list_take(&p->waiting)) != NULL) {
        job->done(job, NULL);
    }
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void pool_submit(struct pool *p, struct pool_job *job)
{
    bool busy;

    p->open++;
    pthread_mutex_lock(&p->lock);
    busy = p->waiting.first != NULL || p->idle == 0;
    list_append(&p->waiting, job);
    pthread_mutex_unlock(&p->lock);
    pthread_cond_signal(&p->more);
    if (p->limit == 0) {
        loop_waker_wake(&p->waker);
    } else if (busy) {
        (void)start_thread(p); /* else one of those that exist takes it */
    }
}

void pool_forget(struct pool_job *job)
{
    job->owner = NULL;
}

bool pool_idle(const struct pool *p)
{
    return p->open == 0;
}
