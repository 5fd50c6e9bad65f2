/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wherry/netascii.h>

#include "base/errno_res.h"
#include "store/keeper.h"
#include "store/reader.h"

#define CHUNK_BYTES 16384u /* of input that one step turns into stream bytes */

struct source {
    struct source_params p;
    struct source_job *job; /* under way in the pool, NULL: none */
    struct reader *reader;  /* of a regular file; the job's while one is under way */
    uint64_t base;          /* where the stream begins in the file */
    int fd;                 /* of a pipe; -1: a regular file */
    struct loop_io io;
    enum res failed; /* RES_OK: nothing did */
    /* A stream that is kept: netascii, pipes. */
    bool kept;
    bool ended;
    bool waiting;    /* for a pipe to become readable */
    uint64_t wanted; /* end of the burst that waits */
    uint64_t taken;  /* bytes of the file that went into it */
    struct wherry_netascii netascii;
    struct keeper keeper;
};

/* One call that may block: a look-up that makes a reader, or a piece that a reader loads. The
 * reader is the job's from submit to done. */
struct source_job {
    struct pool_job pool_job; /* first */
    struct reader *reader;
    enum res res;
    const struct jail *jail; /* to look up */
    char *name;
    uint64_t offset; /* to load */
    size_t len;
};

static struct source *source_new(const struct source_params *p)
{
    struct source *s = calloc(1, sizeof(*s));

    if (s != NULL) {
        s->p = *p;
        s->fd = -1;
        s->kept = p->netascii;
    }
    return s;
}

void source_free(struct source *s)
{
    if (s == NULL) {
        return;
    }
    if (s->job != NULL) {
        pool_forget(&s->job->pool_job); /* its end frees the reader */
    } else {
        reader_free(s->reader);
    }
    loop_io_stop(&s->io);
    if (s->fd != -1) {
        (void)close(s->fd); /* nothing was written: no error to lose */
    }
    keeper_clear(&s->keeper);
    free(s);
}

uint64_t source_length(const struct source *s)
{
    if (s->kept) {
        return s->ended ? keeper_end(&s->keeper) : WHERRY_LENGTH_UNKNOWN;
    }
    return s->reader == NULL ? WHERRY_LENGTH_UNKNOWN : reader_size(s->reader) - s->base;
}

/* The source's reader goes with the job. */
static enum res job_start(struct source *s, struct source_job *job,
                          void (*work)(struct pool_job *pool_job),
                          void (*done)(struct pool_job *pool_job, void *owner))
{
    job->pool_job.work = work;
    job->pool_job.done = done;
    job->pool_job.owner = s;
    job->reader = s->reader;
    s->job = job;
    pool_submit(s->p.pool, &job->pool_job);
    return RES_LATER;
}

static void job_free(struct source_job *job)
{
    free(job->name);
    free(job);
}

/* Gives the reader back. NULL: nobody waits any more. */
static struct source *job_end(struct pool_job *pool_job, void *owner)
{
    struct source_job *job = (struct source_job *)pool_job;
    struct source *s = owner;

    if (s == NULL) {
        reader_free(job->reader);
    } else {
        s->job = NULL;
        s->reader = job->reader;
        s->failed = job->res;
    }
    job_free(job);
    return s;
}

/* --- opening --- */

static enum res open_reader(const struct jail *j, const char *name, enum jail_how how,
                            struct reader **ret)
{
    struct stat st;
    int fd = -1;
    enum res r = jail_open_file(j, name, how, &fd, &st);

    if (r != RES_OK) {
        return r;
    }
    r = reader_new(ret, fd, &st);
    if (r != RES_OK) {
        (void)close(fd);
    }
    return r;
}

static void open_work(struct pool_job *pool_job)
{
    struct source_job *job = (struct source_job *)pool_job;

    job->res = open_reader(job->jail, job->name, JAIL_ANY, &job->reader);
}

static void open_done(struct pool_job *pool_job, void *owner)
{
    struct source *s = job_end(pool_job, owner);

    if (s != NULL) {
        s->p.opened(s->p.owner, s->failed); /* last: may free s */
    }
}

static enum res open_later(struct source *s, const struct jail *j, const char *name)
{
    struct source_job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return RES_NO_MEMORY;
    }
    job->jail = j;
    job->name = strdup(name);
    if (job->name == NULL) {
        job_free(job);
        return RES_NO_MEMORY;
    }
    return job_start(s, job, open_work, open_done);
}

enum res source_open(struct source **ret, const struct source_params *p, const struct jail *j,
                     const char *name)
{
    struct source *s = source_new(p);
    enum res r;

    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    r = open_reader(j, name, JAIL_CACHED, &s->reader);
    if (r == RES_LATER) {
        r = open_later(s, j, name);
    }
    if (r != RES_OK && r != RES_LATER) {
        source_free(s);
        return r;
    }
    *ret = s;
    return r;
}

/* Files of /proc are regular, have a size of 0, and bytes all the same. */
static bool size_is_unknown(int fd, const struct stat *st)
{
    char byte;

    return st->st_size == 0 && pread(fd, &byte, 1, 0) == 1;
}

enum res source_from_fd(struct source **ret, const struct source_params *p, int fd)
{
    struct source *s = NULL;
    struct stat st;
    off_t at;
    int flags = fcntl(fd, F_GETFL);
    enum res r = RES_OK;

    if (flags == -1 || fstat(fd, &st) == -1) {
        return res_from_errno(errno);
    }
    if (S_ISDIR(st.st_mode)) {
        return RES_IS_DIR;
    }
    if ((flags & O_ACCMODE) == O_WRONLY) {
        return RES_DENIED;
    }
    s = source_new(p);
    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    if (!S_ISREG(st.st_mode) || size_is_unknown(fd, &st)) {
        s->fd = fd;
        s->kept = true;
        *ret = s;
        return RES_OK;
    }
    at = lseek(fd, 0, SEEK_CUR);
    r = at == -1 ? res_from_errno(errno) : reader_new(&s->reader, fd, &st);
    if (r != RES_OK) {
        source_free(s);
        return r;
    }
    s->base = (uint64_t)(at < st.st_size ? at : st.st_size);
    *ret = s;
    return RES_OK;
}

/* --- bytes of a file --- */

static void load_work(struct pool_job *pool_job)
{
    struct source_job *job = (struct source_job *)pool_job;

    job->res = reader_load(job->reader, job->offset, job->len);
}

static void load_done(struct pool_job *pool_job, void *owner)
{
    struct source *s = job_end(pool_job, owner);

    if (s != NULL) {
        s->p.ready(s->p.owner); /* last: may free s */
    }
}

/* reader_get(), and the pool where that would block. */
static enum res read_file(struct source *s, uint64_t offset, uint8_t *to, size_t len)
{
    enum res r = reader_get(s->reader, offset, to, len);
    struct source_job *job = NULL;

    if (r != RES_LATER) {
        return r;
    }
    job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return RES_NO_MEMORY;
    }
    job->offset = offset;
    job->len = len;
    return job_start(s, job, load_work, load_done);
}

/* --- streams that are kept --- */

/* Bytes of the input become bytes of the stream. */
static enum res keep(struct source *s, const uint8_t *bytes, size_t len)
{
    size_t cap = s->p.netascii ? 2 * len : len; /* each byte becomes two at most */
    size_t used = 0;
    uint8_t *room = keeper_room(&s->keeper, cap);

    if (room == NULL) {
        return RES_NO_MEMORY;
    }
    if (s->p.netascii) {
        cap = wherry_netascii_encode(&s->netascii, bytes, len, &used, room, cap);
    } else {
        memcpy(room, bytes, len);
    }
    keeper_add(&s->keeper, cap);
    return RES_OK;
}

static enum res keep_from_file(struct source *s)
{
    uint8_t chunk[CHUNK_BYTES];
    uint64_t left = reader_size(s->reader) - s->base - s->taken;
    uint64_t missing = s->wanted - keeper_end(&s->keeper); /* a byte makes one at least */
    size_t len = CHUNK_BYTES;
    enum res r;

    len = missing < len ? (size_t)missing : len;
    len = left < len ? (size_t)left : len;
    /* Also of 0 bytes: the file may have changed. */
    r = read_file(s, s->base + s->taken, chunk, len);
    if (r == RES_OK && len == 0) {
        s->ended = true;
    } else if (r == RES_OK) {
        r = keep(s, chunk, len);
        s->taken += len;
    }
    return r;
}

/* One read(2), which does not block when the pipe is readable. */
static enum res keep_from_pipe(struct source *s)
{
    uint8_t chunk[CHUNK_BYTES];
    ssize_t n = read(s->fd, chunk, sizeof(chunk));

    if (n > 0) {
        return keep(s, chunk, (size_t)n);
    }
    if (n == 0) {
        s->ended = true;
        return RES_OK;
    }
    return errno == EINTR || errno == EAGAIN ? RES_OK : res_from_errno(errno);
}

static bool enough(const struct source *s)
{
    return s->failed != RES_OK || s->ended || keeper_end(&s->keeper) >= s->wanted;
}

static void pipe_readable(void *arg, unsigned events)
{
    struct source *s = arg;

    (void)events;
    s->failed = keep_from_pipe(s);
    if (enough(s)) {
        s->waiting = false;
        loop_io_stop(&s->io);
        s->p.ready(s->p.owner); /* last: may free s */
    }
}

static enum res fill_from_pipe(struct source *s)
{
    struct pollfd pollfd = {.fd = s->fd, .events = POLLIN};
    uint64_t before;

    do {
        before = keeper_end(&s->keeper);
        if (!enough(s) && poll(&pollfd, 1, 0) == 1) {
            s->failed = keep_from_pipe(s);
        }
    } while (keeper_end(&s->keeper) > before);
    if (enough(s)) {
        return s->failed;
    }
    s->waiting = true;
    loop_io_start(s->p.loop, &s->io, s->fd, LOOP_READ, pipe_readable, s);
    return RES_LATER;
}

static enum res fill_from_file(struct source *s)
{
    enum res r = RES_OK;

    while (r == RES_OK && !enough(s)) {
        r = keep_from_file(s);
    }
    return r;
}

/* --- bursts --- */

enum res source_burst(struct source *s, const struct wherry_burst *b, uint8_t *to, bool *ret_ended)
{
    size_t len = (size_t)(b->count - 1) * b->blksize + b->last_len;
    bool ended = false;
    enum res r = s->failed;

    if (r != RES_OK) {
        return r;
    }
    if (s->job != NULL || s->waiting) {
        return RES_LATER; /* it still comes, for an older burst */
    }
    if (!s->kept) {
        ended = b->offset + len > source_length(s);
        r = ended ? RES_OK : read_file(s, s->base + b->offset, to, len);
    } else {
        keeper_release(&s->keeper, b->kept);
        s->wanted = b->offset + len;
        r = s->fd == -1 ? fill_from_file(s) : fill_from_pipe(s);
        if (r == RES_OK && s->wanted > keeper_end(&s->keeper)) {
            ended = true;
        } else if (r == RES_OK && !keeper_get(&s->keeper, b->offset, to, len)) {
            r = RES_IO; /* behind what was kept */
        }
    }
    if (r == RES_OK) {
        *ret_ended = ended;
    }
    return r;
}
