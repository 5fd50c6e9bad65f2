/* SPDX-License-Identifier: BSD-2-Clause */
/* store/snapshot.h: the names of one version of a directory, read by the pool and shared by all
 * who list it (store/listing.h). Kept as long as somebody holds it. */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <wherry/message.h>
#include <wherry/res.h>

#include "io/pool.h"
#include "store/jail.h"
#include "store/listing.h"
#include "store/names.h"

struct listings {
    struct pool *pool;
    const struct jail *jail;
    size_t most;
    size_t held;
    struct snapshot *first;
};

/* Who waits until the names are read. */
struct snapshot_wait {
    struct snapshot_wait *prev, *next;
    struct snapshot *of; /* NULL: waits for none */
    /* From the loop. RES_OK: s is held for the one who waited; else it is NULL. */
    void (*read)(struct snapshot_wait *w, enum res r, struct snapshot *s);
};

struct snapshot {
    struct pool_job job;  /* first; reads the names */
    struct listings *all; /* NULL: they are freed already */
    struct snapshot *prev, *next;
    struct snapshot_wait *waiting;
    size_t holds; /* the job's too */
    uint8_t version[WHERRY_VALIDATOR_BYTES];
    bool settled; /* who finds the same version later finds the same names */
    bool reading; /* the job is under way; until then res and names are its own */
    enum res res;
    /* Of those that hold it; they do not change any more. */
    struct names names;
    const struct jail *jail;
    int dir_fd;
    char dir_name[];
};

/* The names of the directory that was just opened under this name; *dir_fd becomes -1 if it is
 * needed. RES_OK: *ret is read, and held. RES_LATER: w->read() comes. RES_BUSY, RES_NO_MEMORY. */
enum res snapshot_join(struct snapshot **ret, struct listings *all, const char *dir_name,
                       int *dir_fd, const struct stat *st, struct snapshot_wait *w);
/* Waits no more; if it does. */
void snapshot_leave(struct snapshot_wait *w);
void snapshot_hold(struct snapshot *s);
void snapshot_release(struct snapshot *s); /* takes NULL */

#endif
