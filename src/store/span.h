/* SPDX-License-Identifier: BSD-2-Clause */
/* store/span.h: an open file whose bytes the kernel sends by itself (sendfile). Nothing here
 * blocks: what is in memory is asked of preadv2(RWF_NOWAIT) at points of the range, what is not is
 * read in by the pool first. tmpfs is memory; other file systems without an answer go through the
 * pool each time.
 *
 * Reclaim and read-ahead work in pieces of pages, so the range is probed at both ends of each
 * 64 KiB and not at every page: a probe of each page would cost a quarter of what sending costs. */
#ifndef STORE_SPAN_H
#define STORE_SPAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <wherry/res.h>

#include "io/pool.h"
#include "store/jail.h"
#include "store/policy.h"

struct span;

struct span_params {
    struct pool *pool;
    const struct policy_who *who; /* as store/exact.h; copied */
    /* Called from the loop, never from inside a call to the span. `opened` only after span_open()
     * answered RES_LATER, `ready` only after one of the others did. */
    void (*opened)(void *owner, enum res r);
    void (*ready)(void *owner, enum res r);
    void *owner;
};

/* name as store/exact.h, copied. RES_OK at once when the kernel has it in memory, RES_LATER when
 * the pool looks it up (*ret is set then too), else why not. jail outlives the pool. */
enum res span_open(struct span **ret, const struct span_params *p, const struct jail *j,
                   const char *name);
/* Takes NULL; may be called from `opened` and `ready`. */
void span_free(struct span *s);

const struct stat *span_stat(const struct span *s); /* as it was opened */
int span_fd(const struct span *s);                  /* stays the span's */

/* How many bytes from offset on, at most len, may be sent at once without blocking: RES_OK with
 * *ret > 0. RES_LATER: they are being read in, ready() comes (with RES_IO if they cannot be read).
 * What was read in so is good for the next call, wherever the kernel has put it since.
 * RES_NO_MEMORY.
 * A range beyond what the file holds now counts as in memory: sending it finds the end. */
enum res span_resident(struct span *s, uint64_t offset, size_t len, size_t *ret);
/* Copies a small range, at most 1 MiB. RES_LATER, RES_NO_MEMORY as above. RES_CHANGED: the file
 * ends before it; RES_IO. */
enum res span_read(struct span *s, uint64_t offset, uint8_t *to, size_t len);
/* RES_CHANGED: size or mtime differ from those at opening. */
enum res span_check(const struct span *s);

#endif
