/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/span.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "store/exact.h"
#include "store/residence.h"
#include "store/version.h"

#define PROBE_BYTES UINT64_C(65536) /* between two probes */
#define LOAD_LEAST UINT64_C(65536)
#define LOAD_MOST UINT64_C(1048576) /* for one who goes on behind the load before */
#define SCRATCH_BYTES 65536u

struct span {
    struct span_params p;
    struct span_job *job; /* under way in the pool, NULL: none */
    int fd;               /* -1: not open yet */
    struct stat stat;
    enum residence residence;
    /* What was loaded and not yet been asked for since. */
    uint64_t loaded_from;
    uint64_t loaded_past;
    bool fresh; /* nothing was asked for since the load */
};

/* One call that may block. The descriptor is the job's too, until done. */
struct span_job {
    struct pool_job pool_job; /* first */
    enum res res;
    int fd;
    const struct jail *jail; /* to look up */
    struct policy_who who;
    char *name;
    struct stat stat;
    uint64_t offset; /* to load */
    uint64_t past;
};

static void job_free(struct span_job *job)
{
    policy_who_release(&job->who);
    free(job->name);
    free(job);
}

static enum res job_start(struct span *s, struct span_job *job,
                          void (*work)(struct pool_job *pool_job),
                          void (*done)(struct pool_job *pool_job, void *owner))
{
    job->pool_job.work = work;
    job->pool_job.done = done;
    job->pool_job.owner = s;
    job->fd = s->fd;
    s->job = job;
    pool_submit(s->p.pool, &job->pool_job);
    return RES_LATER;
}

/* Nobody waits any more: the span has left its descriptor to the job. */
static void job_abandoned(struct span_job *job)
{
    if (job->fd != -1) {
        (void)close(job->fd); /* nothing was written: no error to lose */
    }
    job_free(job);
}

void span_free(struct span *s)
{
    if (s == NULL) {
        return;
    }
    if (s->job != NULL) {
        pool_forget(&s->job->pool_job);
    } else if (s->fd != -1) {
        (void)close(s->fd); /* nothing was written: no error to lose */
    }
    free(s);
}

const struct stat *span_stat(const struct span *s)
{
    return &s->stat;
}

int span_fd(const struct span *s)
{
    return s->fd;
}

/* --- opening --- */

static void open_work(struct pool_job *pool_job)
{
    struct span_job *job = (struct span_job *)pool_job;

    job->res = exact_open_file(job->jail, job->name, JAIL_ANY, &job->who, &job->fd, &job->stat);
}

static void open_done(struct pool_job *pool_job, void *owner)
{
    struct span_job *job = (struct span_job *)pool_job;
    struct span *s = owner;
    enum res r = job->res;

    if (s == NULL) {
        job_abandoned(job);
        return;
    }
    s->job = NULL;
    s->fd = job->fd;
    s->stat = job->stat;
    job_free(job);
    s->p.opened(s->p.owner, r); /* last: may free s */
}

static enum res open_later(struct span *s, const struct jail *j, const struct policy_who *who,
                           const char *name)
{
    struct span_job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return RES_NO_MEMORY;
    }
    job->jail = j;
    job->who = policy_who_hold(who);
    job->name = strdup(name);
    if (job->name == NULL) {
        job_free(job);
        return RES_NO_MEMORY;
    }
    return job_start(s, job, open_work, open_done);
}

enum res span_open(struct span **ret, const struct span_params *p, const struct jail *j,
                   const char *name)
{
    struct span *s = calloc(1, sizeof(*s));
    enum res r;

    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    s->p = *p;
    s->p.who = NULL; /* good during this call only */
    s->fd = -1;
    r = exact_open_file(j, name, JAIL_CACHED, p->who, &s->fd, &s->stat);
    if (r == RES_LATER) {
        r = open_later(s, j, p->who, name);
    }
    if (r != RES_OK && r != RES_LATER) {
        span_free(s);
        return r;
    }
    *ret = s;
    return r;
}

/* --- reading in --- */

/* The bytes go through a buffer that nobody looks at: what counts is that the kernel has them. A
 * file that ends before is no error here, for whoever sends it finds its end. */
static enum res read_in(int fd, uint64_t offset, uint64_t past)
{
    uint8_t *scratch = malloc(SCRATCH_BYTES);
    enum res r = scratch == NULL ? RES_NO_MEMORY : RES_OK;
    ssize_t n = 1;

    while (r == RES_OK && n != 0 && offset < past) {
        uint64_t left = past - offset;

        n = pread(fd, scratch, left < SCRATCH_BYTES ? (size_t)left : SCRATCH_BYTES, (off_t)offset);
        if (n > 0) {
            offset += (uint64_t)n;
        } else if (n == -1 && errno != EINTR) {
            r = res_from_errno(errno);
        }
    }
    free(scratch);
    return r;
}

static void load_work(struct pool_job *pool_job)
{
    struct span_job *job = (struct span_job *)pool_job;

    job->res = read_in(job->fd, job->offset, job->past);
}

static void load_done(struct pool_job *pool_job, void *owner)
{
    struct span_job *job = (struct span_job *)pool_job;
    struct span *s = owner;
    enum res r = job->res;

    if (s == NULL) {
        job_abandoned(job);
        return;
    }
    s->job = NULL;
    s->fresh = r == RES_OK;
    s->loaded_from = job->offset;
    s->loaded_past = r == RES_OK ? job->past : job->offset;
    job_free(job);
    s->p.ready(s->p.owner, r); /* last: may free s */
}

static enum res load(struct span *s, uint64_t offset, uint64_t len)
{
    /* Read-ahead may have brought some more. */
    bool goes_on =
        s->loaded_past > 0 && offset >= s->loaded_past && offset - s->loaded_past <= LOAD_MOST;
    uint64_t least = goes_on ? LOAD_MOST : LOAD_LEAST;
    struct span_job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return RES_NO_MEMORY;
    }
    len = len < least ? least : len;
    len = len > LOAD_MOST ? LOAD_MOST : len;
    job->offset = offset;
    job->past = offset + len;
    return job_start(s, job, load_work, load_done);
}

/* How much from offset on counts as in memory because it was loaded. Where the kernel can be asked,
 * only for the one who asks right after the load: else one whose pages are always gone again before
 * he comes would wait forever. */
static uint64_t loaded(struct span *s, uint64_t offset)
{
    bool counts = s->fresh || s->residence == RESIDENCE_NOTHING;

    s->fresh = false;
    return counts && offset >= s->loaded_from && offset < s->loaded_past ? s->loaded_past - offset
                                                                         : 0;
}

/* --- what may be sent --- */

static ssize_t probe(struct span *s, uint64_t offset, size_t len)
{
    uint8_t bytes[2];
    ssize_t n;

    do {
        n = residence_read(&s->residence, s->fd, offset, bytes, len);
    } while (n == -1 && errno == EINTR);
    return n;
}

/* Where what is in memory from offset on ends, at most at past. A probe at a border asks for the
 * last byte before it and the first behind it. Errors other than "not in memory" count as such: the
 * pool finds them again, and says them. */
static uint64_t find_end(struct span *s, uint64_t offset, uint64_t past)
{
    uint64_t at = offset;
    ssize_t n = probe(s, offset, 1);

    if (s->residence == RESIDENCE_ALL) {
        return past;
    }
    while (n > 0) {
        uint64_t border = at + (PROBE_BYTES - at % PROBE_BYTES);
        uint64_t end = border < past ? border : past;
        size_t len = end < past ? 2 : 1;

        n = end - at > 1 || len == 2 ? probe(s, end - 1, len) : 1;
        if (n > 0) {
            at = end;
        }
        if (at == past || (n > 0 && (size_t)n < len)) {
            return at;
        }
    }
    return n == 0 ? past : at; /* 0: the file ends before; sending finds where */
}

enum res span_resident(struct span *s, uint64_t offset, size_t len, size_t *ret)
{
    uint64_t have;

    if (s->job != NULL) {
        return RES_LATER;
    }
    have = find_end(s, offset, offset + len) - offset;
    if (have == 0) {
        have = loaded(s, offset);
    }
    s->fresh = false;
    if (have == 0) {
        return load(s, offset, len);
    }
    *ret = have < len ? (size_t)have : len;
    return RES_OK;
}

enum res span_read(struct span *s, uint64_t offset, uint8_t *to, size_t len)
{
    size_t have = 0;

    if (s->job != NULL) {
        return RES_LATER;
    }
    while (have < len) {
        uint64_t at = offset + have;
        ssize_t n = residence_read(&s->residence, s->fd, at, to + have, len - have);

        if (n == -1 && errno == EAGAIN) {
            if (loaded(s, at) < len - have) {
                return load(s, offset, len);
            }
            n = pread(s->fd, to + have, len - have, (off_t)at);
        }
        if (n == 0) {
            return RES_CHANGED;
        }
        if (n > 0) {
            have += (size_t)n;
        } else if (errno != EINTR) {
            return res_from_errno(errno);
        }
    }
    s->fresh = false;
    return RES_OK;
}

enum res span_check(const struct span *s)
{
    const struct version then = version_of(&s->stat);
    struct version now;
    struct stat st;

    if (fstat(s->fd, &st) == -1) {
        return res_from_errno(errno);
    }
    now = version_of(&st);
    return version_looks_same(&then, &now) ? RES_OK : RES_CHANGED;
}
