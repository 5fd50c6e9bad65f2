/* SPDX-License-Identifier: BSD-2-Clause */
/* store/listing.h: directories as sorted snapshots of names, shared by all who list the same
 * version of one (device, inode, mtime and ctime), and entries looked up as they are taken, so that
 * their sizes are of now and names that are gone meanwhile are left out.
 *
 *   listing_open() --opened()--> listing_next()* --RES_LATER, ready()--> listing_next()*
 *
 * Entries are regular files and directories, and links that lead to one inside the root; they are
 * sorted bytewise. What the protocol cannot name (over 255 bytes, WHERRY_TEMP_PREFIX) is left out.
 * A snapshot is not shared if the directory had changed within a tick of the clock before it was
 * read: what changed later in the same tick would be missing, and nothing would tell.
 * Nothing here blocks the loop: reading, sorting and looking up are the pool's, looking up in
 * batches of bounded size. */
#ifndef STORE_LISTING_H
#define STORE_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/message.h>
#include <wherry/res.h>

#include "io/pool.h"
#include "store/jail.h"
#include "store/policy.h"

struct listings; /* all snapshots of a loop */
struct listing;  /* one who reads one */

/* jail outlives the pool, the pool outlives the listings. most: snapshots at a time, at least 1. */
enum res listings_new(struct listings **ret, struct pool *pool, const struct jail *jail,
                      size_t most);
void listings_free(struct listings *all); /* takes NULL; every listing must be free */
void listings_limit(struct listings *all, size_t most);
size_t listings_held(const struct listings *all); /* snapshots in memory or being made; for tests */

struct listing_params {
    const struct policy_who *who; /* as store/exact.h; copied */
    /* Called from the loop, never from inside a call to the listing. */
    void (*opened)(void *owner, enum res r);
    /* Only after listing_next() answered RES_LATER. RES_BUSY, RES_NO_MEMORY: no descriptor, no
     * memory to follow a link with. */
    void (*ready)(void *owner, enum res r);
    void *owner;
};

/* name as store/exact.h; after: entries up to and with this name are left out. Both are copied.
 * RES_LATER: opened() comes. RES_NO_MEMORY. *ret is set with RES_LATER only. Through opened() may
 * come RES_NOT_FOUND, RES_NAME, RES_DENIED, and RES_BUSY: as many snapshots as are allowed are in
 * use or being read, and none of them can be shared. */
enum res listing_open(struct listing **ret, struct listings *all, const struct listing_params *p,
                      const char *name, struct wherry_view after);
/* Takes NULL; may be called from opened() and ready(). The last one who reads a snapshot frees
 * it. */
void listing_free(struct listing *l);

/* The entry to send next, until listing_take(): its name is good until then. RES_OK with
 * *ret_more false: there are no more. RES_LATER: ready() comes. */
enum res listing_next(struct listing *l, struct wherry_message_entry *ret, bool *ret_more);
void listing_take(struct listing *l);

#endif
