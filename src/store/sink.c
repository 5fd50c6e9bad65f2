/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wherry/netascii.h>

#include "base/buffer.h"
#include "base/errno_res.h"
#include "store/straight.h"

enum step { STEP_OPEN, STEP_WRITE, STEP_COMMIT, STEP_ABORT };

/* What the pool works on; it outlives a sink that is freed meanwhile, and then releases itself. */
struct sink_job {
    struct pool_job base;
    enum step step;
    atomic_bool abandoned; /* the one member that both threads touch while the job is under way */
    enum res result;       /* a failure stays */

    struct writer *writer; /* NULL: not open, or to fd */
    int fd;                /* -1: not open, or to writer */
    bool fd_ours;          /* to close */

    const struct jail *jail; /* NULL: a local path */
    char *name;
    struct policy_who who;
    struct writer_params params;

    struct buffer batch;
    uint64_t block;
    uint8_t tail[1]; /* netascii's CR at the end of the file */
    size_t tail_len;
};

struct sink {
    struct sink_params p;
    struct sink_job *job;
    bool busy; /* the pool has the job */
    bool added;
    bool flush_wanted;
    bool commit_wanted;
    uint64_t block; /* the last added */
    struct buffer gather;
    struct wherry_netascii netascii;
    uint64_t bytes;
};

/* What is not committed by now is gone. */
static void job_close(struct sink_job *job)
{
    writer_abort(job->writer);
    job->writer = NULL;
    if (job->fd_ours) {
        (void)close(job->fd);
        job->fd_ours = false;
    }
    job->fd = -1;
}

static void job_free(struct sink_job *job)
{
    if (job != NULL) {
        job_close(job);
        policy_who_release(&job->who);
        free(job->name);
        buffer_clear(&job->batch);
        free(job);
    }
}

/* --- in the pool --- */

static enum res job_write(struct sink_job *job, const uint8_t *bytes, size_t len)
{
    if (job->result != RES_OK) {
        return job->result;
    }
    return job->writer != NULL ? writer_write(job->writer, bytes, len)
                               : straight_write(job->fd, bytes, len, &job->abandoned);
}

static enum res job_open(struct sink_job *job)
{
    enum res r;

    if (job->jail != NULL) {
        return writer_begin(&job->writer, job->jail, job->name, &job->who, &job->params);
    }
    if (!straight_needed(job->name)) {
        return writer_begin_local(&job->writer, job->name, &job->params);
    }
    r = straight_open(&job->fd, job->name, &job->abandoned);
    job->fd_ours = r == RES_OK;
    return r;
}

static enum res job_commit(struct sink_job *job)
{
    struct writer *w = job->writer;

    if (job->result != RES_OK) {
        return job->result;
    }
    if (w != NULL) {
        job->writer = NULL;
        return writer_commit(w, NULL);
    }
    if (job->fd_ours) {
        job->fd_ours = false;
        return close(job->fd) == -1 && errno != EINTR ? res_from_errno(errno) : RES_OK;
    }
    return RES_OK;
}

static void job_work(struct pool_job *base)
{
    struct sink_job *job = (struct sink_job *)base;

    switch (job->step) {
    case STEP_OPEN:
        job->result = atomic_load(&job->abandoned) ? RES_SHUTDOWN : job_open(job);
        break;
    case STEP_WRITE:
        job->result = job_write(job, job->batch.bytes, job->batch.len);
        break;
    case STEP_COMMIT:
        job->result = job_write(job, job->batch.bytes, job->batch.len);
        job->result = job_write(job, job->tail, job->tail_len);
        job->result = job_commit(job);
        break;
    case STEP_ABORT:
        break;
    }
    if (job->step == STEP_ABORT || atomic_load(&job->abandoned)) {
        job_close(job);
    }
}

/* --- in the loop --- */

static void submit(struct sink *s, enum step step);

/* Gives the pool what is due next, if it has nothing of ours. */
static void advance(struct sink *s)
{
    if (s->busy || (!(s->flush_wanted && s->added) && !s->commit_wanted)) {
        return;
    }
    s->job->batch = s->gather;
    s->job->block = s->block;
    s->gather = (struct buffer){0};
    if (s->flush_wanted && s->added) {
        s->flush_wanted = false;
        s->added = false;
        submit(s, STEP_WRITE);
        return;
    }
    s->commit_wanted = false;
    if (s->p.netascii) {
        s->job->tail_len = wherry_netascii_decode_end(&s->netascii, s->job->tail);
    }
    submit(s, STEP_COMMIT);
}

/* A sink at rest keeps one buffer. */
static void take_back_batch(struct sink *s)
{
    if (s->gather.bytes == NULL) {
        s->gather = s->job->batch;
        s->gather.len = 0;
        s->job->batch = (struct buffer){0};
    } else {
        buffer_clear(&s->job->batch);
    }
}

static void job_done(struct pool_job *base, void *owner)
{
    struct sink_job *job = (struct sink_job *)base;
    struct sink *s = owner;
    enum step step = job->step;
    enum res r = job->result;
    uint64_t block = job->block;

    if (s == NULL) {
        job_free(job);
        return;
    }
    s->busy = false;
    if (r == RES_OK) {
        s->bytes += job->batch.len + job->tail_len;
        take_back_batch(s);
        advance(s);
    } else {
        take_back_batch(s);
    }
    /* Last: the owner may free the sink. */
    if (step == STEP_OPEN) {
        s->p.opened(s->p.owner, r);
    } else if (step == STEP_WRITE) {
        s->p.stored(s->p.owner, r, block);
    } else {
        s->p.committed(s->p.owner, r);
    }
}

static void submit(struct sink *s, enum step step)
{
    s->busy = true;
    s->job->step = step;
    s->job->base.work = job_work;
    s->job->base.done = job_done;
    s->job->base.owner = s;
    pool_submit(s->p.pool, &s->job->base);
}

static struct sink *sink_alloc(const struct sink_params *p, const char *name)
{
    struct sink *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->p = *p;
    s->job = calloc(1, sizeof(*s->job));
    if (s->job != NULL) {
        s->job->fd = -1;
        atomic_init(&s->job->abandoned, false);
        s->job->name = name != NULL ? strdup(name) : NULL;
    }
    if (s->job == NULL || (name != NULL && s->job->name == NULL)) {
        sink_free(s);
        return NULL;
    }
    return s;
}

enum res sink_open(struct sink **ret, const struct sink_params *p, const struct jail *j,
                   const char *name, const struct policy_who *who, const struct writer_params *w)
{
    struct sink *s = sink_alloc(p, name);

    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    s->job->jail = j;
    s->job->who = policy_who_hold(who);
    s->job->params = *w;
    submit(s, STEP_OPEN);
    *ret = s;
    return RES_LATER;
}

enum res sink_open_local(struct sink **ret, const struct sink_params *p, const char *path,
                         const struct writer_params *w)
{
    struct sink *s = sink_alloc(p, path);

    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    s->job->params = *w;
    submit(s, STEP_OPEN);
    *ret = s;
    return RES_LATER;
}

enum res sink_from_fd(struct sink **ret, const struct sink_params *p, int fd)
{
    struct sink *s = NULL;

    if (fcntl(fd, F_GETFD) == -1) {
        return res_from_errno(errno);
    }
    s = sink_alloc(p, NULL);
    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    s->job->fd = fd;
    *ret = s;
    return RES_OK;
}

enum res sink_add(struct sink *s, uint64_t block, struct wherry_view bytes)
{
    struct buffer *b = &s->gather;

    /* Netascii may give back a CR that an earlier block held. */
    if (!buffer_reserve(b, bytes.len + (s->p.netascii ? 1 : 0), SIZE_MAX)) {
        return RES_NO_MEMORY;
    }
    if (s->p.netascii) {
        b->len += wherry_netascii_decode(&s->netascii, bytes.bytes, bytes.len, b->bytes + b->len);
    } else if (bytes.len > 0) {
        memcpy(b->bytes + b->len, bytes.bytes, bytes.len);
        b->len += bytes.len;
    }
    s->block = block;
    s->added = true;
    return RES_OK;
}

void sink_flush(struct sink *s)
{
    s->flush_wanted = s->added;
    advance(s);
}

void sink_commit(struct sink *s)
{
    s->commit_wanted = true;
    advance(s);
}

void sink_free(struct sink *s)
{
    if (s == NULL) {
        return;
    }
    if (s->busy) {
        /* The job gives up as soon as it can; a commit is finished. */
        atomic_store(&s->job->abandoned, true);
        pool_forget(&s->job->base);
    } else if (s->job != NULL && s->job->writer != NULL) {
        submit(s, STEP_ABORT); /* to remove a large file takes time */
        pool_forget(&s->job->base);
    } else {
        job_free(s->job);
    }
    buffer_clear(&s->gather);
    free(s);
}

size_t sink_waiting(const struct sink *s)
{
    return s->gather.len + (s->busy ? s->job->batch.len : 0);
}

size_t sink_gathered(const struct sink *s)
{
    return s->gather.len;
}

uint64_t sink_bytes(const struct sink *s)
{
    return s->bytes;
}
