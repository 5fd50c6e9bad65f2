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
#include "store/files.h"
#include "store/keeper.h"

#define CHUNK_BYTES PIECE_BURST /* of input that one step turns into stream bytes */
#define FEW_BLOCKS 8u           /* a burst of fewer is one of many that want the same pages */

/* What a stream needs that cannot be read twice: netascii, pipes. */
struct stream {
    struct loop *loop;
    struct loop_io io;
    int fd; /* of a pipe; -1: a regular file */
    bool netascii;
    bool ended;
    bool waiting;    /* for a pipe to become readable */
    uint64_t wanted; /* end of the burst that waits */
    uint64_t taken;  /* bytes of the file that went into it */
    struct wherry_netascii state;
    struct keeper keeper;
};

/* One for each transfer, so it is kept small. */
struct source {
    struct files *own; /* of a source that shares with nobody */
    struct file *file; /* NULL: a pipe, or not open yet */
    struct piece_wait wait;
    uint64_t base;         /* where the stream begins in the file */
    struct open_job *job;  /* under way in the pool, NULL: none */
    struct stream *stream; /* NULL: octets of a regular file */
    enum res failed;       /* RES_OK: nothing did */
};

/* A look-up that may block. */
struct open_job {
    struct pool_job pool_job; /* first */
    struct files *files;
    void (*opened)(void *owner, enum res r);
    enum res res;
    int fd;
    struct stat stat;
    const struct jail *jail;
    struct policy_who who;
    char name[];
};

static struct source *source_new(const struct source_params *p)
{
    struct source *s = calloc(1, sizeof(*s));

    if (s != NULL) {
        s->wait.ready = p->ready;
        s->wait.owner = p->owner;
    }
    return s;
}

/* fd -1: reads the source's file. */
static enum res add_stream(struct source *s, const struct source_params *p, int fd)
{
    s->stream = calloc(1, sizeof(*s->stream));
    if (s->stream == NULL) {
        return RES_NO_MEMORY;
    }
    s->stream->loop = p->loop;
    s->stream->fd = fd;
    s->stream->netascii = p->netascii;
    return RES_OK;
}

static void stream_free(struct stream *t)
{
    if (t == NULL) {
        return;
    }
    loop_io_stop(&t->io);
    if (t->fd != -1) {
        (void)close(t->fd); /* nothing was written: no error to lose */
    }
    keeper_clear(&t->keeper);
    free(t);
}

void source_free(struct source *s)
{
    if (s == NULL) {
        return;
    }
    if (s->job != NULL) {
        pool_forget(&s->job->pool_job); /* its end closes what it opened */
    }
    pieces_forget(&s->wait);
    file_leave(s->file);
    files_free(s->own);
    stream_free(s->stream);
    free(s);
}

uint64_t source_length(const struct source *s)
{
    if (s->stream != NULL) {
        return s->stream->ended ? keeper_end(&s->stream->keeper) : WHERRY_LENGTH_UNKNOWN;
    }
    return s->file == NULL ? WHERRY_LENGTH_UNKNOWN : file_size(s->file) - s->base;
}

/* --- opening --- */

static void open_work(struct pool_job *pool_job)
{
    struct open_job *job = (struct open_job *)pool_job;

    const struct jail_terms terms = {.who = &job->who};

    job->res = jail_open_file(job->jail, job->name, JAIL_ANY, &terms, &job->fd, &job->stat);
}

static void open_done(struct pool_job *pool_job, void *owner)
{
    struct open_job *job = (struct open_job *)pool_job;
    struct source *s = owner; /* NULL: nobody waits any more */
    void (*opened)(void *owner, enum res r) = job->opened;

    if (s != NULL) {
        s->job = NULL;
        if (job->res == RES_OK) {
            job->res = files_get(job->files, job->fd, &job->stat, &s->file);
        }
        if (job->res == RES_OK) {
            job->fd = -1;
        }
        s->failed = job->res;
    }
    if (job->fd != -1) {
        (void)close(job->fd);
    }
    policy_who_release(&job->who);
    free(job);
    if (s != NULL) {
        opened(s->wait.owner, s->failed); /* last: may free s */
    }
}

static enum res open_later(struct source *s, const struct source_params *p, struct files *files,
                           const struct jail *j, const char *name)
{
    const size_t size = strlen(name) + 1;
    struct open_job *job = calloc(1, sizeof(*job) + size);

    if (job == NULL) {
        return RES_NO_MEMORY;
    }
    job->pool_job.work = open_work;
    job->pool_job.done = open_done;
    job->pool_job.owner = s;
    job->files = files;
    job->opened = p->opened;
    job->res = RES_IO; /* until it was tried */
    job->fd = -1;
    job->jail = j;
    job->who = policy_who_hold(p->who);
    memcpy(job->name, name, size);
    s->job = job;
    pool_submit(p->pool, &job->pool_job);
    return RES_LATER;
}

static enum res open_now(struct source *s, const struct source_params *p, struct files *files,
                         const struct jail *j, const char *name)
{
    const struct jail_terms terms = {.who = p->who, .known = files_know, .arg = files};
    struct stat st;
    int fd = -1;
    enum res r = jail_open_file(j, name, JAIL_CACHED, &terms, &fd, &st);

    if (r == RES_BUSY && files_close_idle(files)) { /* descriptors may be what is missing */
        r = jail_open_file(j, name, JAIL_CACHED, &terms, &fd, &st);
    }
    if (r == RES_OK) {
        r = files_get(files, fd, &st, &s->file);
        if (r != RES_OK && fd != -1) {
            (void)close(fd);
        }
    }
    return r;
}

/* The table of open files that this source uses. */
static enum res find_files(struct source *s, const struct source_params *p, struct files **ret)
{
    enum res r = p->files != NULL ? RES_OK : files_new(&s->own, p->loop, p->pool);

    if (r == RES_OK) {
        *ret = p->files != NULL ? p->files : s->own;
    }
    return r;
}

enum res source_open(struct source **ret, const struct source_params *p, const struct jail *j,
                     const char *name)
{
    struct source *s = source_new(p);
    struct files *files = NULL;
    enum res r;

    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    r = p->netascii ? add_stream(s, p, -1) : RES_OK;
    if (r == RES_OK) {
        r = find_files(s, p, &files);
    }
    if (r == RES_OK) {
        r = open_now(s, p, files, j, name);
    }
    if (r == RES_LATER) {
        r = open_later(s, p, files, j, name);
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

static enum res take_file(struct source *s, const struct source_params *p, int fd,
                          const struct stat *st)
{
    struct files *files = NULL;
    off_t at = lseek(fd, 0, SEEK_CUR);
    enum res r = at == -1 ? res_from_errno(errno) : RES_OK;

    if (r == RES_OK && p->netascii) {
        r = add_stream(s, p, -1);
    }
    if (r == RES_OK) {
        r = find_files(s, p, &files);
    }
    if (r == RES_OK) {
        r = files_get(files, fd, st, &s->file); /* last: it takes fd over */
    }
    s->base = (uint64_t)(at < st->st_size ? at : st->st_size);
    return r;
}

enum res source_from_fd(struct source **ret, const struct source_params *p, int fd)
{
    struct source *s = NULL;
    struct stat st;
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
    r = S_ISREG(st.st_mode) && !size_is_unknown(fd, &st) ? take_file(s, p, fd, &st)
                                                         : add_stream(s, p, fd);
    if (r != RES_OK) {
        source_free(s);
        return r;
    }
    *ret = s;
    return RES_OK;
}

/* --- streams that are kept --- */

/* Bytes of the input become bytes of the stream. */
static enum res keep(struct stream *t, const uint8_t *bytes, size_t len)
{
    size_t cap = t->netascii ? 2 * len : len; /* each byte becomes two at most */
    size_t used = 0;
    uint8_t *room = keeper_room(&t->keeper, cap);

    if (room == NULL) {
        return RES_NO_MEMORY;
    }
    if (t->netascii) {
        cap = wherry_netascii_encode(&t->state, bytes, len, &used, room, cap);
    } else {
        memcpy(room, bytes, len);
    }
    keeper_add(&t->keeper, cap);
    return RES_OK;
}

static enum res keep_from_file(struct source *s)
{
    uint8_t chunk[CHUNK_BYTES];
    struct stream *t = s->stream;
    uint64_t left = file_size(s->file) - s->base - t->taken;
    uint64_t missing = t->wanted - keeper_end(&t->keeper); /* a byte makes one at least */
    size_t len = CHUNK_BYTES;
    enum res r;

    len = missing < len ? (size_t)missing : len;
    len = left < len ? (size_t)left : len;
    /* Also of 0 bytes: the file may have changed. */
    r = file_read(s->file, s->base + t->taken, chunk, len, true, &s->wait);
    if (r == RES_OK && len == 0) {
        t->ended = true;
    } else if (r == RES_OK) {
        r = keep(t, chunk, len);
        t->taken += len;
    }
    return r;
}

/* One read(2), which does not block when the pipe is readable. */
static enum res keep_from_pipe(struct stream *t)
{
    uint8_t chunk[CHUNK_BYTES];
    ssize_t n = read(t->fd, chunk, sizeof(chunk));

    if (n > 0) {
        return keep(t, chunk, (size_t)n);
    }
    if (n == 0) {
        t->ended = true;
        return RES_OK;
    }
    return errno == EINTR || errno == EAGAIN ? RES_OK : res_from_errno(errno);
}

static bool enough(const struct source *s)
{
    const struct stream *t = s->stream;

    return s->failed != RES_OK || t->ended || keeper_end(&t->keeper) >= t->wanted;
}

static void pipe_readable(void *arg, unsigned events)
{
    struct source *s = arg;

    (void)events;
    s->failed = keep_from_pipe(s->stream);
    if (enough(s)) {
        s->stream->waiting = false;
        loop_io_stop(&s->stream->io);
        s->wait.ready(s->wait.owner); /* last: may free s */
    }
}

static enum res fill_from_pipe(struct source *s)
{
    struct stream *t = s->stream;
    struct pollfd pollfd = {.fd = t->fd, .events = POLLIN};
    uint64_t before;

    do {
        before = keeper_end(&t->keeper);
        if (!enough(s) && poll(&pollfd, 1, 0) == 1) {
            s->failed = keep_from_pipe(t);
        }
    } while (keeper_end(&t->keeper) > before);
    if (enough(s)) {
        return s->failed;
    }
    t->waiting = true;
    loop_io_start(t->loop, &t->io, t->fd, LOOP_READ, pipe_readable, s);
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

static enum res burst_of_file(struct source *s, const struct wherry_burst *b, uint8_t *to,
                              size_t len, bool *ret_ended)
{
    *ret_ended = b->offset + len > source_length(s);
    return *ret_ended
               ? RES_OK
               : file_read(s->file, s->base + b->offset, to, len, b->count < FEW_BLOCKS, &s->wait);
}

static enum res burst_of_stream(struct source *s, const struct wherry_burst *b, uint8_t *to,
                                size_t len, bool *ret_ended)
{
    struct stream *t = s->stream;
    enum res r;

    keeper_release(&t->keeper, b->kept);
    t->wanted = b->offset + len;
    r = t->fd == -1 ? fill_from_file(s) : fill_from_pipe(s);
    *ret_ended = r == RES_OK && t->wanted > keeper_end(&t->keeper);
    if (r == RES_OK && !*ret_ended && !keeper_get(&t->keeper, b->offset, to, len)) {
        r = RES_IO; /* behind what was kept */
    }
    return r;
}

enum res source_burst(struct source *s, const struct wherry_burst *b, uint8_t *to, bool *ret_ended)
{
    const size_t len = (size_t)(b->count - 1) * b->blksize + b->last_len;
    bool ended = false;
    enum res r = s->failed;

    if (r != RES_OK) {
        return r;
    }
    if (s->job != NULL || (s->stream != NULL && s->stream->waiting)) {
        return RES_LATER; /* it still comes */
    }
    r = s->stream != NULL ? burst_of_stream(s, b, to, len, &ended)
                          : burst_of_file(s, b, to, len, &ended);
    if (r == RES_OK) {
        *ret_ended = ended;
    }
    return r;
}
