/* SPDX-License-Identifier: BSD-2-Clause */
/* store/sink.h: where a receiver's bytes go, as a loop sees it: nothing here blocks (with a pool
 * that has no threads: the loop's next turn does).
 *
 *   OPENING --opened--> OPEN --sink_add*, sink_flush--> WRITING --stored--> OPEN
 *                       OPEN --sink_commit--> COMMITTING --committed
 *
 * Blocks of one batch are gathered and written by the pool in one call; blocks added meanwhile wait
 * for the next. netascii is decoded on the way. */
#ifndef STORE_SINK_H
#define STORE_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <wherry/packet.h>
#include <wherry/res.h>

#include "io/pool.h"
#include "store/jail.h"
#include "store/writer.h"

struct sink;

struct sink_params {
    struct pool *pool;
    bool netascii;
    /* Called from the loop, never from inside a call to the sink. */
    void (*opened)(void *owner, enum res r);
    void (*stored)(void *owner, enum res r, uint64_t block); /* all up to this block */
    void (*committed)(void *owner, enum res r);
    void *owner;
};

/* Begins a writer for a name in the jail; the answer comes through opened(). name is copied; jail
 * outlives the pool, where work may end after its sink; the pool outlives the sink. RES_LATER, or
 * RES_NO_MEMORY (*ret untouched). who: copied; w->replace: where the policy lets it. */
enum res sink_open(struct sink **ret, const struct sink_params *p, const struct jail *j,
                   const char *name, const struct policy_who *who, const struct writer_params *w);
/* The same at a local path, for a client. What exists there and is neither a regular file nor a
 * directory (a device, a FIFO) is written straight into, whatever w says. */
enum res sink_open_local(struct sink **ret, const struct sink_params *p, const char *path,
                         const struct writer_params *w);
/* To a descriptor (standard output), which stays the caller's; open at once: RES_OK. May be
 * nonblocking; a reader that went away is RES_IO, one that is slow holds up the pool's thread, but
 * not beyond sink_free(). */
enum res sink_from_fd(struct sink **ret, const struct sink_params *p, int fd);

/* Takes a block's bytes (copied). RES_NO_MEMORY. */
enum res sink_add(struct sink *s, uint64_t block, struct wherry_view bytes);
/* Everything added may be written now; stored() follows unless nothing was added. */
void sink_flush(struct sink *s);
/* After the last block was stored: committed() follows. */
void sink_commit(struct sink *s);
/* Before committed(): nothing of it appears (unless the commit is already under way in the pool,
 * then it is finished or fails whole). Takes NULL. */
void sink_free(struct sink *s);
/* Bytes that were added and are not written yet. */
size_t sink_waiting(const struct sink *s);
/* Those of them that no write has begun with: what a flush would be for. */
size_t sink_gathered(const struct sink *s);
uint64_t sink_bytes(const struct sink *s); /* written to the file so far; for tests */

#endif
