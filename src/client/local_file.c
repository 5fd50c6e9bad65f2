/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/local_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errno_res.h"

#define POOL_THREADS 2

/* A local file is written on the spot: in lock-step, handing each block to a thread takes longer
 * than all the rest. A pipe may be full for ever, and signals have to be heard meanwhile. */
unsigned local_file_threads(enum wherry_opcode opcode, int fd)
{
    return opcode == WHERRY_RRQ && fd == -1 ? 0 : POOL_THREADS;
}

mode_t local_file_mode(void)
{
    mode_t mask = umask(0); /* reading it means setting it */

    (void)umask(mask);
    return (mode_t)(0666 & ~mask);
}

static enum res open_sink(struct sink **ret, const struct local_file_params *p)
{
    struct sink_params params = {
        .pool = p->pool,
        .netascii = p->mode == WHERRY_NETASCII,
        .opened = p->opened,
        .stored = p->stored,
        .committed = p->committed,
        .owner = p->owner,
    };
    struct writer_params w = {
        .replace = p->replace,
        .mode = local_file_mode(),
        .expected_size = WRITER_SIZE_UNKNOWN,
    };

    if (p->fd != -1) {
        return sink_from_fd(ret, &params, p->fd);
    }
    return sink_open_local(ret, &params, p->path, &w);
}

static enum res open_source(struct source **ret, const struct local_file_params *p)
{
    struct source_params params = {
        .loop = p->loop,
        .pool = p->pool,
        .netascii = p->mode == WHERRY_NETASCII,
        .opened = p->opened,
        .ready = p->ready,
        .owner = p->owner,
    };
    int fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 0); /* the source closes its own */
    enum res r;

    if (fd == -1) {
        return res_from_errno(errno);
    }
    r = source_from_fd(ret, &params, fd);
    if (r != RES_OK) {
        (void)close(fd); /* it was read at most */
    }
    return r;
}

enum res local_file_open(struct local_file *ret, const struct local_file_params *p)
{
    return p->opcode == WHERRY_RRQ ? open_sink(&ret->sink, p) : open_source(&ret->source, p);
}

void local_file_close(struct local_file *f)
{
    sink_free(f->sink);
    source_free(f->source);
    *f = (struct local_file){0};
}
