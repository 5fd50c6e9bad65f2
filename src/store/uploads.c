/* SPDX-License-Identifier: BSD-2-Clause */
/* All uploads of a server: made, limited, freed. */
#include "store/upload.h"

#include <stdlib.h>

#include "store/upload_state.h"

static void on_reap(void *arg)
{
    upload_table_reap(arg);
}

/* Telling one may end others, so the search begins anew. */
static void on_tell(void *arg)
{
    struct uploads *all = arg;
    struct upload *u = all->first;

    while (u != NULL) {
        bool told = u->superseded && u->phase != UPLOAD_FINISHING && u->phase != UPLOAD_OVER;

        u->superseded = false;
        if (told) {
            u->p.superseded(u->p.owner);
            u = all->first;
        } else {
            u = u->next;
        }
    }
}

enum res uploads_new(struct uploads **ret, struct loop *l, struct pool *pool,
                     const struct jail *jail, struct hasher *hasher,
                     const struct uploads_limits *limits)
{
    struct uploads *all = calloc(1, sizeof(*all));

    if (all == NULL) {
        return RES_NO_MEMORY;
    }
    all->loop = l;
    all->pool = pool;
    all->jail = jail;
    all->hasher = hasher;
    loop_timer_init(l, &all->reaper, on_reap, all);
    loop_timer_init(l, &all->teller, on_tell, all);
    uploads_limit(all, limits);
    *ret = all;
    return RES_OK;
}

void uploads_free(struct uploads *all)
{
    struct upload *next;

    if (all == NULL) {
        return;
    }
    loop_timer_stop(&all->reaper);
    loop_timer_stop(&all->teller);
    for (struct upload *u = all->first; u != NULL; u = next) {
        next = u->next;
        u->all = NULL;
        if (!u->in_pool) {
            upload_finish_alone(u);
        } else {
            pool_forget(&u->work.base);
        }
    }
    upload_walk_stop(all);
    upload_table_free(all);
    policy_rules_release(all->limits.rules);
    free(all);
}

static bool may_write(const struct uploads_limits *limits)
{
    return limits->rules != NULL ? policy_rules_may_write(limits->rules)
                                 : limits->policy != POLICY_WRITE_NONE;
}

void uploads_limit(struct uploads *all, const struct uploads_limits *limits)
{
    struct policy_rules *before = all->limits.rules;
    bool allowed = may_write(&all->limits);

    all->limits = *limits;
    policy_rules_hold(all->limits.rules);
    policy_rules_release(before);
    if (!allowed && may_write(limits)) {
        upload_walk_begin(all);
    }
    upload_table_reap(all);
}

size_t uploads_kept(const struct uploads *all)
{
    return HASH_COUNT(all->kept);
}

void uploads_tell_swept(struct uploads *all, void (*swept)(void *arg, enum res r, size_t removed),
                        void *arg)
{
    all->swept = swept;
    all->swept_arg = arg;
}
