/* SPDX-License-Identifier: BSD-2-Clause */
/* The ids of a server: who uses one, what is kept, and when that ends. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/exact.h"
#include "store/upload_state.h"

/* Behind uthash's pointer arithmetic gcc's analyzer loses the buckets of the table. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* A file of one byte takes a block of the disk; as many as one likes would else be for free. */
#define LEAST_BYTES 4096u

/* The files of an id on their way out. */
struct upload_removal {
    struct pool_job base; /* first: the pool's handle */
    struct upload_removal *prev, *next;
    struct uploads *all;
    struct upload_slot *slot;
    struct upload *for_whom; /* waits for the room; or NULL */
    const struct jail *jail;
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    char name[];
};

/* --- slots --- */

static struct upload_slot *find_slot(struct uploads *all, const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    struct upload_slot *slot;

    HASH_FIND(hh, all->slots, id, WHERRY_UPLOAD_ID_BYTES, slot);
    return slot;
}

static struct upload_kept *find_kept(struct uploads *all, const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    struct upload_kept *k;

    HASH_FIND(hh, all->kept, id, WHERRY_UPLOAD_ID_BYTES, k);
    return k;
}

/* NULL: out of memory. */
static struct upload_slot *add_slot(struct uploads *all, const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    struct upload_slot *slot = calloc(1, sizeof(*slot));

    if (slot == NULL) {
        return NULL;
    }
    memcpy(slot->id, id, sizeof(slot->id));
    HASH_ADD(hh, all->slots, id, sizeof(slot->id), slot);
    if (slot->hh.tbl == NULL) {
        free(slot);
        return NULL;
    }
    return slot;
}

/* The holder is through. */
static void pass_on(struct uploads *all, struct upload_slot *slot)
{
    slot->holder = slot->waiting;
    slot->waiting = NULL;
    if (slot->holder != NULL) {
        upload_open_now(slot->holder);
        return;
    }
    HASH_DEL(all->slots, slot);
    free(slot);
}

/* The upload that would have to give way; NULL: none, though there may be a holder to wait for. */
static struct upload *rival(const struct upload_slot *slot)
{
    if (slot->waiting != NULL) {
        return slot->waiting;
    }
    return slot->holder != NULL && slot->holder->attached && upload_may_stop(slot->holder)
               ? slot->holder
               : NULL;
}

enum res upload_table_claim(struct uploads *all, struct upload *u)
{
    const uint8_t *id = u->work.id;
    const struct keep_facts *facts = &u->work.record.facts;
    struct upload_slot *slot;
    struct upload_kept *k;
    struct upload *older;

    upload_table_reap(all); /* what is over counts no more */
    slot = find_slot(all, id);
    if (slot == NULL) {
        k = find_kept(all, id);
        /* All that agrees here is compared with the record once more. */
        if (k != NULL && (strcmp(k->name, facts->name) != 0 ||
                          memcmp(k->network, facts->network, sizeof(k->network)) != 0)) {
            return RES_OFFSET;
        }
        slot = add_slot(all, id);
        if (slot == NULL) {
            return RES_NO_MEMORY;
        }
        slot->holder = u;
        u->slot = slot;
        return RES_OK;
    }
    older = rival(slot);
    if (older != NULL) {
        /* Whoever could not go on from it does not end it either. */
        if (!keep_same(&older->work.record.facts, facts)) {
            return RES_OFFSET;
        }
        older->superseded = true;
        loop_timer_at(&all->teller, loop_now_ns(all->loop));
    }
    if (slot->waiting != NULL) {
        slot->waiting->slot = NULL;
    }
    slot->waiting = u;
    u->slot = slot;
    return RES_LATER;
}

void upload_table_release(struct uploads *all, struct upload *u)
{
    struct upload_slot *slot = u->slot;

    if (slot == NULL) {
        return;
    }
    u->slot = NULL;
    if (slot->waiting == u) {
        slot->waiting = NULL;
    } else {
        pass_on(all, slot);
    }
    upload_table_reap(all);
}

/* --- what is kept --- */

struct upload_kept *upload_kept_new(const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                                    const struct keep_record *rec, int64_t used_ns)
{
    size_t len = strlen(rec->facts.name);
    struct upload_kept *k = calloc(1, sizeof(*k) + len + 1);

    if (k == NULL) {
        return NULL;
    }
    memcpy(k->id, id, sizeof(k->id));
    memcpy(k->network, rec->facts.network, sizeof(k->network));
    memcpy(k->name, rec->facts.name, len);
    k->bytes = rec->synced > LEAST_BYTES ? rec->synced : LEAST_BYTES;
    k->used_ns = used_ns;
    return k;
}

static void kept_delete(struct uploads *all, struct upload_kept *k)
{
    HASH_DEL(all->kept, k);
    free(k);
}

static void kept_add(struct uploads *all, struct upload_kept *k)
{
    HASH_ADD(hh, all->kept, id, sizeof(k->id), k);
    if (k->hh.tbl == NULL) {
        free(k); /* out of memory: a walk at the next start finds it */
    }
}

static int by_last_use(const struct upload_kept *a, const struct upload_kept *b)
{
    return (a->used_ns > b->used_ns) - (a->used_ns < b->used_ns);
}

/* What was begun or broken while the walk went on is newer than what it saw. */
void upload_table_found(struct uploads *all, struct upload_kept *found)
{
    struct upload_kept *next;

    for (struct upload_kept *k = found; k != NULL; k = next) {
        next = k->hh.next;
        if (find_slot(all, k->id) == NULL && find_kept(all, k->id) == NULL) {
            kept_add(all, k);
        } else {
            free(k);
        }
    }
    HASH_SORT(all->kept, by_last_use);
    upload_table_reap(all);
}

/* In the directory that the name is in. */
static void remove_beside(const struct upload_removal *rm)
{
    const char *slash = strrchr(rm->name, '/');
    size_t len = slash != NULL ? (size_t)(slash - rm->name) : 0;
    char dir[WHERRY_STRING_MAX + 1u];
    struct stat st;
    int fd;

    memcpy(dir, rm->name, len);
    dir[len] = '\0';
    if (exact_open_dir(rm->jail, dir, NULL, &fd, &st) == RES_OK) {
        (void)keep_remove(fd, rm->id);
        close(fd);
    }
}

static void removal_work(struct pool_job *base)
{
    struct upload_removal *rm = (struct upload_removal *)base;
    struct jail_target t;

    /* The name may be that of a directory by now: a client that makes one must not get room that
     * nobody counts. Where directories were renamed the next walk removes it. */
    if (exact_find_target(rm->jail, rm->name, NULL, &t) == RES_OK) {
        (void)keep_remove(t.dir_fd, rm->id);
        close(t.dir_fd);
    } else {
        remove_beside(rm);
    }
}

static void removal_unlink(struct upload_removal *rm)
{
    if (rm->prev != NULL) {
        rm->prev->next = rm->next;
    } else {
        rm->all->removals = rm->next;
    }
    if (rm->next != NULL) {
        rm->next->prev = rm->prev;
    }
}

static void removal_done(struct pool_job *base, void *owner)
{
    struct upload_removal *rm = (struct upload_removal *)base;
    struct uploads *all = owner;
    struct upload *u = rm->for_whom;

    if (all != NULL) {
        removal_unlink(rm);
        pass_on(all, rm->slot);
        if (u != NULL) {
            upload_retry(u);
        }
    }
    free(rm);
}

/* False: out of memory, nothing happened. */
static bool kept_remove(struct uploads *all, struct upload_kept *k, struct upload *for_whom)
{
    size_t len = strlen(k->name);
    struct upload_removal *rm = calloc(1, sizeof(*rm) + len + 1);

    if (rm == NULL) {
        return false;
    }
    rm->slot = add_slot(all, k->id);
    if (rm->slot == NULL) {
        free(rm);
        return false;
    }
    rm->base.work = removal_work;
    rm->base.done = removal_done;
    rm->base.owner = all;
    rm->all = all;
    rm->for_whom = for_whom;
    rm->jail = all->jail;
    memcpy(rm->id, k->id, sizeof(rm->id));
    memcpy(rm->name, k->name, len);
    rm->next = all->removals;
    if (rm->next != NULL) {
        rm->next->prev = rm;
    }
    all->removals = rm;
    kept_delete(all, k);
    pool_submit(all->pool, &rm->base);
    return true;
}

void upload_table_resumed(struct uploads *all, const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    struct upload_kept *k = find_kept(all, id);

    if (k != NULL) {
        kept_delete(all, k);
    }
}

bool upload_table_evict(struct uploads *all, struct upload *u)
{
    for (struct upload_kept *k = all->kept; k != NULL; k = k->hh.next) {
        if (find_slot(all, k->id) == NULL) {
            return kept_remove(all, k, u);
        }
    }
    return false;
}

static void keep_total(struct uploads *all, const uint8_t network[UPLOAD_NETWORK_BYTES])
{
    struct upload_kept *next;
    uint64_t total = 0;

    for (struct upload_kept *k = all->kept; k != NULL; k = k->hh.next) {
        if (memcmp(k->network, network, UPLOAD_NETWORK_BYTES) == 0) {
            total += k->bytes;
        }
    }
    for (struct upload_kept *k = all->kept; k != NULL && total > all->limits.kept_total; k = next) {
        uint64_t bytes = k->bytes;

        next = k->hh.next;
        if (memcmp(k->network, network, UPLOAD_NETWORK_BYTES) == 0 &&
            find_slot(all, k->id) == NULL && kept_remove(all, k, NULL)) {
            total -= bytes;
        }
    }
}

void upload_table_keep(struct uploads *all, struct upload *u)
{
    const struct keep_record *rec = &u->work.record;
    struct upload_kept *k = upload_kept_new(u->work.id, rec, (int64_t)loop_now_ns(all->loop));

    upload_table_resumed(all, u->work.id);
    if (k != NULL) {
        kept_add(all, k);
    }
    upload_table_release(all, u);
    keep_total(all, rec->facts.network);
    upload_table_reap(all);
}

void upload_table_reap(struct uploads *all)
{
    int64_t now_ns = (int64_t)loop_now_ns(all->loop);
    int64_t keep_ns =
        all->limits.keep_ns < INT64_MAX / 2 ? (int64_t)all->limits.keep_ns : INT64_MAX / 2;
    struct upload_kept *next;

    for (struct upload_kept *k = all->kept; k != NULL; k = next) {
        next = k->hh.next;
        if (find_slot(all, k->id) != NULL) {
            continue; /* in use: looked at again when the slot is let go */
        }
        if (now_ns - k->used_ns < keep_ns) {
            loop_timer_at(&all->reaper, (uint64_t)(k->used_ns + keep_ns));
            return;
        }
        if (!kept_remove(all, k, NULL)) {
            break;
        }
    }
    loop_timer_stop(&all->reaper);
}

void upload_table_free(struct uploads *all)
{
    struct upload_slot *slot = all->slots;
    struct upload_slot *next_slot;
    struct upload_kept *k = all->kept;
    struct upload_kept *next_kept;

    for (struct upload_removal *rm = all->removals; rm != NULL; rm = rm->next) {
        pool_forget(&rm->base);
    }
    HASH_CLEAR(hh, all->slots);
    for (; slot != NULL; slot = next_slot) {
        next_slot = slot->hh.next;
        free(slot);
    }
    HASH_CLEAR(hh, all->kept);
    for (; k != NULL; k = next_kept) {
        next_kept = k->hh.next;
        free(k);
    }
}
