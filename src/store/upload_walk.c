/* SPDX-License-Identifier: BSD-2-Clause */
/* One walk through the store: left-overs go, and what an earlier server kept is found. */
#include <stdlib.h>
#include <unistd.h>

#include "store/beneath.h"
#include "store/exact.h"
#include "store/sweep.h"
#include "store/upload_state.h"

struct upload_walk {
    struct pool_job base; /* first: the pool's handle */
    const struct jail *jail;
    uint64_t keep_ns;
    uint64_t now_ns; /* since 1970 */
    int64_t loop_ns; /* at the same time */
    atomic_bool stop;
    enum res result;
    size_t removed;
    struct upload_kept *found; /* through hh.next, not in a table */
};

/* In the directory that its name leads to: else nobody could ever resume it. */
static bool lies_right(const struct jail *jail, const char *name, int dir_fd)
{
    struct jail_target t;
    struct stat found;
    struct stat meant;
    bool right;

    if (exact_find_target(jail, name, NULL, &t) != RES_OK) {
        return false;
    }
    right = fstat(dir_fd, &found) == 0 && fstat(t.dir_fd, &meant) == 0 &&
            beneath_same_file(&found, &meant);
    close(t.dir_fd);
    return right;
}

static bool walk_kept(void *arg, int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                      const struct keep_record *rec)
{
    struct upload_walk *walk = arg;
    uint64_t age_ns = keep_age_ns(rec, walk->now_ns);
    struct upload_kept *k;

    if (age_ns >= walk->keep_ns || rec->synced == 0 ||
        !lies_right(walk->jail, rec->facts.name, dir_fd)) {
        return false;
    }
    k = upload_kept_new(id, rec, walk->loop_ns - (int64_t)age_ns);
    if (k != NULL) {
        k->hh.next = walk->found;
        walk->found = k;
    }
    return true;
}

static void walk_work(struct pool_job *base)
{
    struct upload_walk *walk = (struct upload_walk *)base;
    const struct sweep_params p = {
        .root_fd = jail_fd(walk->jail), .stop = &walk->stop, .kept = walk_kept, .arg = walk};

    walk->result = sweep(&p, &walk->removed);
}

static void walk_done(struct pool_job *base, void *owner)
{
    struct upload_walk *walk = (struct upload_walk *)base;
    struct uploads *all = owner;
    struct upload_kept *next;

    if (all != NULL) {
        all->walk = NULL;
        upload_table_found(all, walk->found);
        if (all->swept != NULL) {
            all->swept(all->swept_arg, walk->result, walk->removed);
        }
    } else {
        for (struct upload_kept *k = walk->found; k != NULL; k = next) {
            next = k->hh.next;
            free(k);
        }
    }
    free(walk);
}

void upload_walk_begin(struct uploads *all)
{
    struct upload_walk *walk = all->walk == NULL ? calloc(1, sizeof(*walk)) : NULL;

    if (walk == NULL) {
        return;
    }
    walk->base.work = walk_work;
    walk->base.done = walk_done;
    walk->base.owner = all;
    walk->jail = all->jail;
    walk->keep_ns = all->limits.keep_ns;
    walk->now_ns = keep_now_ns();
    walk->loop_ns = (int64_t)loop_now_ns(all->loop);
    atomic_init(&walk->stop, false);
    all->walk = walk;
    pool_submit(all->pool, &walk->base);
}

void upload_walk_stop(struct uploads *all)
{
    if (all->walk != NULL) {
        atomic_store(&all->walk->stop, true); /* a large tree takes longer than anybody waits */
        pool_forget(&all->walk->base);
    }
}
