/* SPDX-License-Identifier: BSD-2-Clause */
/* store/upload.h: one upload of the file protocol, as a loop sees it: nothing here blocks.
 *
 *   OPENING --opened--> OPEN --upload_add*, taken--> OPEN --upload_commit--> COMMITTING --committed
 *   any but the last step of COMMITTING --upload_drop--> gone, as if it had never been
 *                                       --upload_break--> kept, if it has an id, else gone
 *
 * Bytes go through the same writer as TFTP's (store/writer.h). With an upload id they go to a file
 * of a name that nobody sees, beside a record of what they are (store/keep.h), and outlive a broken
 * connection and a restart of the server for `keep_ns`, within `kept_total` for each network. Of
 * several uploads that name an id the newest wins; the older ends through superseded(), and the
 * newer opens when the older's bytes are safe.
 *
 * An id is its upload's: one of another name, size, mode, digest or network is RES_OFFSET, neither
 * ends the older nor touches what is kept. What failed, and what broke before its first byte, is
 * not kept. Before anybody gets RES_NO_SPACE here, what is kept goes, oldest first.
 *
 * Where uploads are allowed, uploads_new() walks through the whole store once, in the pool beside
 * the first requests, and removes what a killed server left (store/sweep.h), TFTP's too; so does
 * uploads_limit() when it begins to allow them. Until the
 * walk is over, an id that an earlier server kept in another directory counts as unknown.
 *
 * To end: upload_break() or upload_drop() for each, uploads_free(), pool_free(), which still does
 * what is left to do. */
#ifndef STORE_UPLOAD_H
#define STORE_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <wherry/message.h>
#include <wherry/packet.h>
#include <wherry/res.h>

#include "io/loop.h"
#include "io/pool.h"
#include "store/hasher.h"
#include "store/jail.h"
#include "store/policy.h"

/* Bytes of an address prefix, IPv4 as ::ffff:a.b.c.0/120 (so /24), IPv6 as /64. */
#define UPLOAD_NETWORK_BYTES 16u

struct uploads; /* all of a server: their ids, and what is kept */
struct upload;

struct uploads_limits {
    enum policy_write policy;   /* without rules */
    struct policy_rules *rules; /* NULL: none; held for as long as they are in force */
    mode_t mode;                /* of new files, umask applied */
    uint64_t size_max;          /* bytes of one file; 0, UINT64_MAX: no limit. RES_TOO_LARGE */
    uint64_t reserve;           /* bytes of free space that stay free. RES_NO_SPACE */
    uint64_t keep_ns;           /* how long a broken upload stays; 0: not at all */
    uint64_t kept_total; /* bytes kept for one network, at least 4 KiB each; oldest first out */
};

/* All of these outlive the uploads, jail the pool too. */
enum res uploads_new(struct uploads **ret, struct loop *l, struct pool *pool,
                     const struct jail *jail, struct hasher *hasher,
                     const struct uploads_limits *limits);
void uploads_free(struct uploads *all); /* takes NULL; every upload must be free */
void uploads_limit(struct uploads *all, const struct uploads_limits *limits);
/* Told from the loop of the end of each walk: how many left-over files went; or why it was not
 * completed. To be set right behind uploads_new(). */
void uploads_tell_swept(struct uploads *all, void (*swept)(void *arg, enum res r, size_t removed),
                        void *arg);
size_t uploads_kept(const struct uploads *all); /* broken ones that may be resumed; for tests */

struct upload_params {
    /* Called from the loop, never from inside a call to the upload. */
    /* RES_OK: offset to go on from, and its id (zeros: it has none, or nothing is ever kept). */
    void (*opened)(void *owner, enum res r, uint64_t offset,
                   const uint8_t id[WHERRY_UPLOAD_ID_BYTES]);
    /* After upload_add() answered RES_LATER: there is room again, or why the upload failed (which
     * may come at any time in OPEN: the disk is full). */
    void (*taken)(void *owner, enum res r);
    /* RES_OK: the name leads to the new bytes. RES_DIGEST, RES_EXISTS, RES_NO_SPACE ... */
    void (*committed)(void *owner, enum res r, const uint8_t validator[WHERRY_VALIDATOR_BYTES]);
    /* Another upload has taken the id over; free this one, by upload_break(). */
    void (*superseded)(void *owner);
    void *owner;
};

struct upload_request {
    const char *name;         /* as store/exact.h */
    uint64_t size;            /* or WHERRY_SIZE_UNKNOWN */
    bool create;              /* new names only */
    bool sync;                /* file and directory are on disk before committed() */
    const uint8_t *sha256;    /* of the whole; or NULL */
    const uint8_t *upload_id; /* NULL: not to be kept; all zeros: choose one */
    uint8_t network[UPLOAD_NETWORK_BYTES];
    struct policy_host host; /* judged by the rules */
};

/* Everything is copied. RES_LATER: opened() comes. RES_NO_MEMORY. */
enum res upload_begin(struct upload **ret, struct uploads *all, const struct upload_request *q,
                      const struct upload_params *p);
/* Takes bytes (copied). RES_OK: more may come at once; RES_LATER: when taken() says so. Else it
 * has failed: RES_OFFSET (more than announced), RES_TOO_LARGE, RES_NO_SPACE, RES_IO. */
enum res upload_add(struct upload *u, struct wherry_view bytes);
/* All bytes were added: committed() follows. sha256 (of the client's END) or NULL. */
void upload_commit(struct upload *u, const uint8_t *sha256);
/* False: the last step is under way; then upload_drop() and upload_break() only stop listening. */
bool upload_may_stop(const struct upload *u);
/* Both free the upload; take NULL. */
void upload_drop(struct upload *u);
void upload_break(struct upload *u);

#endif
