/* SPDX-License-Identifier: BSD-2-Clause */
/* client/local_file.h: the file on this side of a transfer: a sink that a get writes to, or a
 * source that a put reads from. It outlives attempts. */
#ifndef CLIENT_LOCAL_FILE_H
#define CLIENT_LOCAL_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <wherry/packet.h>
#include <wherry/res.h>

#include "io/loop.h"
#include "io/pool.h"
#include "store/sink.h"
#include "store/source.h"

/* All zero: none. One of the two is there once it is open. */
struct local_file {
    struct sink *sink;
    struct source *source;
};

struct local_file_params {
    enum wherry_opcode opcode; /* WHERRY_RRQ: to be written; WHERRY_WRQ: to be read */
    enum wherry_mode mode;
    const char *path; /* of a get that has no fd */
    int fd;           /* stays the caller's; -1: the path */
    bool replace;     /* the path may exist */
    struct loop *loop;
    struct pool *pool;
    /* As in store/sink.h and store/source.h. */
    void (*opened)(void *owner, enum res r);
    void (*stored)(void *owner, enum res r, uint64_t block);
    void (*committed)(void *owner, enum res r);
    void (*ready)(void *owner);
    void *owner;
};

/* Of a new file: what the umask leaves. */
mode_t local_file_mode(void);
/* How many threads its pool needs. */
unsigned local_file_threads(enum wherry_opcode opcode, int fd);
/* RES_OK: it is open. RES_LATER: opened() comes. */
enum res local_file_open(struct local_file *ret, const struct local_file_params *p);
void local_file_close(struct local_file *f);

#endif
