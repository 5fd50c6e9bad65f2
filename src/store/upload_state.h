/* SPDX-License-Identifier: BSD-2-Clause */
/* store/upload_state.h: what the parts of the uploads share: upload.c (one of them),
 * uploads.c (all), upload_table.c (their ids, and what is kept), upload_walk.c (what an earlier
 * server left).
 *
 * An id has a slot as long as anything touches its files: an upload, or the removal of what is
 * kept. Whoever holds the slot is alone with them; one upload may wait behind the holder, and a
 * newer one takes its place. So the pool never has two jobs for the files of one id. */
#ifndef STORE_UPLOAD_STATE_H
#define STORE_UPLOAD_STATE_H

#include <stdatomic.h>
#include <string.h>

/* Ids come from getrandom(2), ours and a careful client's: their front finds the bucket. One that
 * chooses others slows down whoever does the same. */
#define HASH_FUNCTION(key, len, hash) ((hash) = upload_id_front(key))
/* What cannot be entered for want of memory says so. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "store/upload_work.h"

static inline unsigned upload_id_front(const void *id)
{
    unsigned front;

    memcpy(&front, id, sizeof(front));
    return front;
}

struct upload_slot {
    UT_hash_handle hh;
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    struct upload *holder;  /* NULL: a removal */
    struct upload *waiting; /* its turn comes next */
};

/* What lies in the store and is used by nobody. The table is in order of last use. */
struct upload_kept {
    UT_hash_handle hh;
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    uint8_t network[UPLOAD_NETWORK_BYTES];
    uint64_t bytes;
    int64_t used_ns; /* on the loop's clock; before its zero if the machine was started since */
    char name[];
};

enum upload_phase {
    UPLOAD_WAITING, /* for the slot of its id */
    UPLOAD_OPENING,
    UPLOAD_TAKING,
    UPLOAD_HASHING,
    UPLOAD_FINISHING,
    UPLOAD_OVER /* nothing is open any more */
};

enum upload_end { UPLOAD_GOES_ON, UPLOAD_IS_BROKEN, UPLOAD_IS_DROPPED };

struct upload {
    struct upload_work work; /* first: the pool's handle */
    struct uploads *all;     /* NULL: they are freed, only the pool still has this */
    struct upload *prev, *next;
    struct upload_params p;
    bool attached; /* it has an owner */
    enum upload_phase phase;
    enum upload_end end;
    bool in_pool;
    bool evicting; /* until room was made for it */
    bool wants_room;
    bool commit_wanted;
    bool superseded; /* its owner is to be told */
    enum res failed; /* stays */
    struct upload_slot *slot;
    struct buffer gather;
    uint64_t bytes; /* in all, those included that it was resumed with */
    bool end_has_sha256;
    uint8_t end_sha256[WHERRY_SHA256_BYTES];
    struct hashing *hashing;
};

struct upload_removal;
struct upload_walk;

struct uploads {
    struct loop *loop;
    struct pool *pool;
    const struct jail *jail;
    struct hasher *hasher;
    struct uploads_limits limits;
    struct upload *first; /* of all, also of those without an owner */
    struct upload_slot *slots;
    struct upload_kept *kept;
    struct upload_removal *removals;
    struct upload_walk *walk; /* under way */
    struct loop_timer reaper;
    struct loop_timer teller;
    void (*swept)(void *arg, enum res r, size_t removed);
    void *swept_arg;
};

/* upload.c */

/* It has the slot, or needs none. */
void upload_open_now(struct upload *u);
/* Room was made, or could not be: the step is done once more. */
void upload_retry(struct upload *u);
/* All are freed: what is open is closed here, as its owner wanted it. */
void upload_finish_alone(struct upload *u);

/* upload_table.c */

/* RES_OK: u holds the slot of its id. RES_LATER: upload_open_now() comes. RES_OFFSET: the id is
 * another upload's. RES_NO_MEMORY. */
enum res upload_table_claim(struct uploads *all, struct upload *u);
/* Lets the slot go, if u has any, to whoever waits for it. */
void upload_table_release(struct uploads *all, struct upload *u);
/* The id's files are in use by the holder of its slot: what was kept is not kept any more. */
void upload_table_resumed(struct uploads *all, const uint8_t id[WHERRY_UPLOAD_ID_BYTES]);
/* What u, broken, left behind is kept, within the limits; lets the slot go. */
void upload_table_keep(struct uploads *all, struct upload *u);
/* Removes the oldest that is kept to make room for u. False: there is none. */
bool upload_table_evict(struct uploads *all, struct upload *u);
/* The timer, after anything changed; reaps what is over. */
void upload_table_reap(struct uploads *all);
/* NULL: out of memory. used_ns: as in the struct. */
struct upload_kept *upload_kept_new(const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                                    const struct keep_record *rec, int64_t used_ns);
/* Takes over what a walk found, a list through hh.next. */
void upload_table_found(struct uploads *all, struct upload_kept *found);
void upload_table_free(struct uploads *all);

/* upload_walk.c */

/* Begins to look for what lies in the store, unless that is under way. */
void upload_walk_begin(struct uploads *all);
void upload_walk_stop(struct uploads *all);

#endif
