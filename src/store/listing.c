/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/listing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/exact.h"
#include "store/names.h"
#include "store/snapshot.h"

#define BATCH_MAX 256u /* names that one job of the pool looks up */

/* What is asked of the pool on opening. */
struct opening {
    struct pool_job job; /* first */
    const struct jail *jail;
    struct policy_who who;
    enum res res;
    int dir_fd;
    struct stat st;
    char name[];
};

/* Entries that are looked up in one go. */
struct batch {
    struct pool_job job; /* first */
    struct snapshot *snapshot;
    size_t first; /* of the names to look up */
    size_t count;
    enum res res;
    size_t found;
    size_t taken;
    struct wherry_message_entry entries[BATCH_MAX];
};

struct listing {
    struct snapshot_wait wait; /* first */
    struct listings *all;
    struct listing_params p;
    struct opening *opening; /* NULL: the directory is open */
    struct snapshot *snapshot;
    struct batch *batch; /* NULL: nothing was looked up yet */
    bool looking;        /* the batch is the pool's */
    size_t at;           /* of the next name to look up */
    char after[];
};

/* --- opening --- */

static void open_work(struct pool_job *job)
{
    struct opening *o = (struct opening *)job;

    o->res = exact_open_dir(o->jail, o->name, &o->who, &o->dir_fd, &o->st);
}

static void begin(struct listing *l, struct snapshot *s)
{
    l->snapshot = s;
    l->at = names_up_to(&s->names, l->after);
}

static void on_read(struct snapshot_wait *w, enum res r, struct snapshot *s)
{
    struct listing *l = (struct listing *)w;

    if (r == RES_OK) {
        begin(l, s);
    }
    l->p.opened(l->p.owner, r); /* last: may free it */
}

static void open_done(struct pool_job *job, void *owner)
{
    struct opening *o = (struct opening *)job;
    struct listing *l = owner; /* NULL: nobody waits any more */
    struct snapshot *s;
    enum res r = o->res;

    if (l != NULL) {
        l->opening = NULL;
        if (r == RES_OK) {
            r = snapshot_join(&s, l->all, o->name, &o->dir_fd, &o->st, &l->wait);
        }
        if (r == RES_OK) {
            begin(l, s);
        }
    }
    if (o->dir_fd != -1) {
        (void)close(o->dir_fd);
    }
    policy_who_release(&o->who);
    free(o);
    if (l != NULL && r != RES_LATER) {
        l->p.opened(l->p.owner, r); /* last: may free it */
    }
}

static struct opening *opening_new(const struct jail *jail, const char *name)
{
    size_t name_bytes = strlen(name) + 1;
    struct opening *o = calloc(1, sizeof(*o) + name_bytes);

    if (o != NULL) {
        o->jail = jail;
        o->dir_fd = -1;
        memcpy(o->name, name, name_bytes);
        o->job.work = open_work;
        o->job.done = open_done;
    }
    return o;
}

enum res listing_open(struct listing **ret, struct listings *all, const struct listing_params *p,
                      const char *name, struct wherry_view after)
{
    struct listing *l = calloc(1, sizeof(*l) + after.len + 1);

    if (l == NULL) {
        return RES_NO_MEMORY;
    }
    l->wait.read = on_read;
    l->all = all;
    l->p = *p;
    if (after.len > 0) {
        memcpy(l->after, after.bytes, after.len); /* the NUL behind it is there */
    }
    l->opening = opening_new(all->jail, name);
    if (l->opening == NULL) {
        free(l);
        return RES_NO_MEMORY;
    }
    l->opening->who = policy_who_hold(p->who);
    l->p.who = NULL; /* good during this call only */
    l->opening->job.owner = l;
    pool_submit(all->pool, &l->opening->job);
    *ret = l;
    return RES_LATER;
}

/* --- entries --- */

static void batch_free(struct batch *b)
{
    if (b != NULL) {
        snapshot_release(b->snapshot);
        free(b);
    }
}

static void look_work(struct pool_job *job)
{
    struct batch *b = (struct batch *)job;
    const struct snapshot *s = b->snapshot;

    b->res = RES_OK;
    b->found = 0;
    b->taken = 0;
    for (size_t i = 0; i < b->count && b->res == RES_OK; i++) {
        enum res r = names_look(s->names.sorted[b->first + i], s->jail, s->dir_fd, s->dir_name,
                                &b->entries[b->found]);

        b->found += r == RES_OK;
        b->res = r == RES_NOT_FOUND ? RES_OK : r;
    }
}

static void look_done(struct pool_job *job, void *owner)
{
    struct batch *b = (struct batch *)job;
    struct listing *l = owner;

    if (l == NULL) {
        batch_free(b);
        return;
    }
    l->looking = false;
    l->at = b->first + b->count;
    l->p.ready(l->p.owner, b->res); /* last: may free it */
}

/* Looks up the names from l->at on. */
static enum res look_on(struct listing *l)
{
    size_t left = l->snapshot->names.count - l->at;
    struct batch *b = l->batch;

    if (b == NULL) {
        b = calloc(1, sizeof(*b));
        if (b == NULL) {
            return RES_NO_MEMORY;
        }
        b->job.work = look_work;
        b->job.done = look_done;
        b->snapshot = l->snapshot;
        snapshot_hold(b->snapshot);
        l->batch = b;
    }
    b->job.owner = l;
    b->first = l->at;
    b->count = left < BATCH_MAX ? left : BATCH_MAX;
    l->looking = true;
    pool_submit(l->all->pool, &b->job);
    return RES_LATER;
}

enum res listing_next(struct listing *l, struct wherry_message_entry *ret, bool *ret_more)
{
    const struct batch *b = l->batch;

    if (l->looking) {
        return RES_LATER;
    }
    if (b != NULL && b->taken < b->found) {
        *ret = b->entries[b->taken];
        *ret_more = true;
        return RES_OK;
    }
    if (l->at < l->snapshot->names.count) {
        return look_on(l);
    }
    *ret_more = false;
    return RES_OK;
}

void listing_take(struct listing *l)
{
    l->batch->taken++;
}

void listing_free(struct listing *l)
{
    if (l == NULL) {
        return;
    }
    if (l->opening != NULL) {
        pool_forget(&l->opening->job);
    }
    snapshot_leave(&l->wait);
    if (l->looking) {
        pool_forget(&l->batch->job); /* its end frees the batch */
    } else {
        batch_free(l->batch);
    }
    snapshot_release(l->snapshot);
    free(l);
}
