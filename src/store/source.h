/* SPDX-License-Identifier: BSD-2-Clause */
/* store/source.h: where a sender's bytes come from, as a loop sees it: nothing here blocks.
 *
 * An octet file is read where a burst wants it, small bursts from pieces that other sources of the
 * same file share (store/files.h, which says what is shared and why it is never stale). A stream
 * that cannot be read twice (a file as netascii, a pipe) is kept from the oldest byte that may be
 * asked for again, at most one window. What is not in memory is fetched by the pool, and `ready`
 * says when to ask again.
 *
 * A pipe is read when it is readable, one read(2) at a time, and stays in blocking mode: it may be
 * shared with programs that would not survive another. So a process that empties the same pipe in
 * between can hold up the loop. */
#ifndef STORE_SOURCE_H
#define STORE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <wherry/res.h>
#include <wherry/sender.h>

#include "io/loop.h"
#include "io/pool.h"
#include "store/files.h"
#include "store/jail.h"
#include "store/policy.h"

struct source;

struct source_params {
    struct loop *loop;
    struct pool *pool;
    struct files *files; /* of the same loop, outlives the source; NULL: shares with nobody */
    const struct policy_who *who; /* source_open(): judged by; copied; NULL: by nothing */
    bool netascii;
    /* Called from the loop, never from inside a call to the source. `opened` only after
     * source_open() answered RES_LATER, `ready` only after source_burst() answered RES_LATER. */
    void (*opened)(void *owner, enum res r);
    void (*ready)(void *owner);
    void *owner;
};

/* Opens a name in the jail, or shares the open file: RES_OK at once when the kernel has it in
 * memory, RES_LATER when the pool looks it up (*ret is set then too, and must be freed also if
 * opened() brings a failure), else why not. name is copied; jail outlives the pool, where a look-up
 * may end after its source; the pool outlives the source. */
enum res source_open(struct source **ret, const struct source_params *p, const struct jail *j,
                     const char *name);
/* From a descriptor that the source takes over on success: a regular file is read like one above,
 * from where the descriptor stands to the end; anything else (pipe, terminal, socket, device, a
 * file of /proc) as it comes. RES_IS_DIR, RES_DENIED (not open for reading). */
enum res source_from_fd(struct source **ret, const struct source_params *p, int fd);
/* Takes NULL; may be called from `opened` and `ready`. Work under way in the pool is dropped. */
void source_free(struct source *s);

/* Bytes of the stream, or WHERRY_LENGTH_UNKNOWN (netascii, pipes) until its end was met. */
uint64_t source_length(const struct source *s);

/* Reads the blocks of a burst into `to`, one behind the other (count * blksize bytes of room).
 * RES_OK: all of it is there. RES_LATER: ready() comes. RES_CHANGED, RES_IO: the transfer must end.
 * If the stream ends inside the burst the answer is RES_OK, *ret_ended is true and source_length()
 * is known: tell the sender and ask for a burst again. */
enum res source_burst(struct source *s, const struct wherry_burst *b, uint8_t *to, bool *ret_ended);

#endif
