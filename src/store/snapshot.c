/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/validator.h"

#define SECOND_NS INT64_C(1000000000)
#define TICK_NS (20 * SECOND_NS / 1000) /* twice the coarsest tick of kernels */

enum res listings_new(struct listings **ret, struct pool *pool, const struct jail *jail,
                      size_t most)
{
    struct listings *all = calloc(1, sizeof(*all));

    if (all == NULL) {
        return RES_NO_MEMORY;
    }
    all->pool = pool;
    all->jail = jail;
    all->most = most;
    *ret = all;
    return RES_OK;
}

void listings_free(struct listings *all)
{
    if (all == NULL) {
        return;
    }
    /* What is left belongs to jobs that run to their end. */
    for (struct snapshot *s = all->first; s != NULL; s = s->next) {
        s->all = NULL;
    }
    free(all);
}

void listings_limit(struct listings *all, size_t most)
{
    all->most = most;
}

size_t listings_held(const struct listings *all)
{
    return all->held;
}

/* --- who holds it --- */

void snapshot_hold(struct snapshot *s)
{
    s->holds++;
}

void snapshot_release(struct snapshot *s)
{
    if (s == NULL || --s->holds > 0) {
        return;
    }
    if (s->all != NULL) {
        *(s->prev != NULL ? &s->prev->next : &s->all->first) = s->next;
        if (s->next != NULL) {
            s->next->prev = s->prev;
        }
        s->all->held--;
    }
    names_clear(&s->names);
    (void)close(s->dir_fd);
    free(s);
}

static void enter(struct snapshot *s, struct snapshot_wait *w)
{
    w->of = s;
    w->prev = NULL;
    w->next = s->waiting;
    if (w->next != NULL) {
        w->next->prev = w;
    }
    s->waiting = w;
}

void snapshot_leave(struct snapshot_wait *w)
{
    if (w->of == NULL) {
        return;
    }
    *(w->prev != NULL ? &w->prev->next : &w->of->waiting) = w->next;
    if (w->next != NULL) {
        w->next->prev = w->prev;
    }
    w->of = NULL;
}

/* --- reading --- */

static void read_work(struct pool_job *job)
{
    struct snapshot *s = (struct snapshot *)job;

    s->res = names_read(&s->names, s->dir_fd);
}

/* Nobody forgets the job: what is being read counts until it is read, whoever still wants it. */
static void read_done(struct pool_job *job, void *owner)
{
    struct snapshot *s = (struct snapshot *)job;
    struct snapshot_wait *w;

    (void)owner;
    s->reading = false;
    while ((w = s->waiting) != NULL) {
        snapshot_leave(w);
        if (s->res == RES_OK) {
            snapshot_hold(s);
        }
        w->read(w, s->res, s->res == RES_OK ? s : NULL); /* may free it, and others that wait */
    }
    snapshot_release(s);
}

/* A change within the tick of the last one leaves no mark, so a version that is younger than a tick
 * may still get other names. File systems that keep whole seconds (FAT: two) show no fraction. The
 * ctime is enough: no program can set it back. */
static bool is_settled(const struct stat *st)
{
    int64_t tick_ns = st->st_ctim.tv_nsec == 0 ? 2 * SECOND_NS : TICK_NS;
    struct timespec now;
    int64_t age_ns;

    if (clock_gettime(CLOCK_REALTIME, &now) == -1) {
        return false;
    }
    age_ns = ((int64_t)now.tv_sec - st->st_ctim.tv_sec) * SECOND_NS;
    age_ns += now.tv_nsec - st->st_ctim.tv_nsec;
    return age_ns >= tick_ns;
}

/* Begins to read. *dir_fd goes with it. */
static enum res snapshot_new(struct snapshot **ret, struct listings *all, const char *dir_name,
                             int *dir_fd, const struct stat *st)
{
    size_t name_bytes = strlen(dir_name) + 1;
    struct snapshot *s;

    if (all->held >= all->most) {
        return RES_BUSY;
    }
    s = calloc(1, sizeof(*s) + name_bytes);
    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    s->all = all;
    s->jail = all->jail;
    s->dir_fd = *dir_fd;
    *dir_fd = -1;
    memcpy(s->dir_name, dir_name, name_bytes);
    validator_make(st, s->version);
    s->settled = is_settled(st);
    s->next = all->first;
    if (s->next != NULL) {
        s->next->prev = s;
    }
    all->first = s;
    all->held++;
    s->reading = true;
    s->holds = 1; /* the job's */
    s->job.work = read_work;
    s->job.done = read_done;
    s->job.owner = s;
    pool_submit(all->pool, &s->job);
    *ret = s;
    return RES_OK;
}

static struct snapshot *find(const struct listings *all, const struct stat *st)
{
    uint8_t version[WHERRY_VALIDATOR_BYTES];
    struct snapshot *s = all->first;

    validator_make(st, version);
    while (s != NULL && !(s->settled && memcmp(s->version, version, sizeof(version)) == 0)) {
        s = s->next;
    }
    return s;
}

enum res snapshot_join(struct snapshot **ret, struct listings *all, const char *dir_name,
                       int *dir_fd, const struct stat *st, struct snapshot_wait *w)
{
    struct snapshot *s = find(all, st);
    enum res r = s == NULL ? snapshot_new(&s, all, dir_name, dir_fd, st) : RES_OK;

    if (r != RES_OK) {
        return r;
    }
    if (s->reading) {
        enter(s, w);
        return RES_LATER;
    }
    snapshot_hold(s);
    *ret = s;
    return RES_OK;
}
