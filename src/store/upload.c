/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/upload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "store/upload_state.h"

/* Two of these, one with the pool and one that fills, are what an upload holds; the latter grows by
 * one piece of what arrives. */
#define GATHER_BYTES 131072u

static const uint8_t no_id[WHERRY_UPLOAD_ID_BYTES];

/* --- jobs of the pool --- */

static void on_done(struct pool_job *base, void *owner);

static void submit(struct upload *u, enum upload_step step)
{
    u->in_pool = true;
    u->work.step = step;
    u->work.worked = false;
    u->work.base.work = upload_work_do;
    u->work.base.done = on_done;
    u->work.base.owner = u;
    pool_submit(u->all->pool, &u->work.base);
}

static void upload_free(struct upload *u)
{
    if (u->all != NULL) {
        upload_table_release(u->all, u);
        if (u->prev != NULL) {
            u->prev->next = u->next;
        } else {
            u->all->first = u->next;
        }
        if (u->next != NULL) {
            u->next->prev = u->prev;
        }
    }
    upload_work_release(&u->work);
    buffer_clear(&u->gather);
    free(u);
}

/* The batch that was written lends its room to what comes next. */
static void take_batch(struct upload *u)
{
    struct buffer empty = u->work.batch;

    empty.len = 0;
    u->work.batch = u->gather;
    u->work.batch_done = 0;
    u->gather = empty;
}

static bool batch_is_written(const struct upload *u)
{
    return u->work.batch_done == u->work.batch.len;
}

/* --- what is due --- */

static void on_hashed(void *owner, const struct hasher_answer *a);

/* The bytes are all written. */
static void commit(struct upload *u)
{
    const struct keep_facts *facts = &u->work.record.facts;
    enum res r = u->failed;

    if (r == RES_OK && facts->size != WHERRY_SIZE_UNKNOWN && facts->size != u->bytes) {
        r = RES_OFFSET;
    }
    if (r == RES_OK && facts->has_sha256 && u->end_has_sha256 &&
        memcmp(facts->sha256, u->end_sha256, sizeof(u->end_sha256)) != 0) {
        r = RES_DIGEST;
    }
    if (r == RES_OK && (facts->has_sha256 || u->end_has_sha256)) {
        r = hasher_fd(u->all->hasher, writer_fd(u->work.writer), on_hashed, u, &u->hashing);
        if (r == RES_OK) {
            u->phase = UPLOAD_HASHING;
            return;
        }
    }
    u->failed = r;
    u->phase = UPLOAD_FINISHING;
    submit(u, r == RES_OK ? UPLOAD_FINISH : UPLOAD_DROP);
}

/* Gives the pool what is due next, if nothing is under way. */
static void go_on(struct upload *u)
{
    if (u->in_pool || u->evicting || u->hashing != NULL || u->phase != UPLOAD_TAKING) {
        return;
    }
    if (u->failed == RES_OK && u->gather.len > 0) {
        take_batch(u);
        submit(u, UPLOAD_WRITE);
    } else if (u->commit_wanted) {
        commit(u);
    }
}

/* The same for one without an owner, which is freed in the end. */
static void wind_up(struct upload *u)
{
    if (u->in_pool || u->evicting) {
        return;
    }
    if (u->phase != UPLOAD_TAKING && u->phase != UPLOAD_HASHING) {
        upload_free(u); /* nothing is open */
        return;
    }
    if (batch_is_written(u)) {
        take_batch(u);
    }
    u->phase = UPLOAD_FINISHING;
    submit(u, u->end == UPLOAD_IS_BROKEN && u->failed == RES_OK ? UPLOAD_KEEP : UPLOAD_DROP);
}

static void on_hashed(void *owner, const struct hasher_answer *a)
{
    struct upload *u = owner;
    const struct keep_facts *facts = &u->work.record.facts;
    const uint8_t *expected = facts->has_sha256 ? facts->sha256 : u->end_sha256;

    u->hashing = NULL;
    u->failed = a->result;
    if (a->result == RES_OK && memcmp(a->sha256, expected, sizeof(a->sha256)) != 0) {
        u->failed = RES_DIGEST;
    }
    u->phase = UPLOAD_FINISHING;
    submit(u, u->failed == RES_OK ? UPLOAD_FINISH : UPLOAD_DROP);
}

static void opened(struct upload *u, enum res r)
{
    if (r == RES_OK) {
        u->bytes = u->work.record.synced;
        u->phase = UPLOAD_TAKING;
        if (u->work.has_id) {
            upload_table_resumed(u->all, u->work.id);
        }
    } else {
        u->failed = r;
        u->phase = UPLOAD_OVER;
        upload_table_release(u->all, u);
    }
    if (!u->attached) {
        wind_up(u);
        return;
    }
    u->p.opened(u->p.owner, r, u->bytes, u->work.has_id ? u->work.id : no_id);
}

static void written(struct upload *u, enum res r)
{
    if (r != RES_OK) {
        u->failed = r;
    }
    if (u->end != UPLOAD_GOES_ON) {
        wind_up(u);
        return;
    }
    go_on(u);
    if (!u->in_pool && batch_is_written(u)) {
        buffer_clear(&u->work.batch); /* one that waits for its client holds one */
        u->work.batch_done = 0;
    }
    /* A failure after the last byte is told by committed(). */
    if (!u->commit_wanted && (u->failed != RES_OK || u->wants_room)) {
        u->wants_room = false;
        u->p.taken(u->p.owner, u->failed);
    }
}

static void ended(struct upload *u, enum res r)
{
    u->phase = UPLOAD_OVER;
    if (u->work.step == UPLOAD_KEEP && r == RES_OK) {
        upload_table_keep(u->all, u);
    } else {
        upload_table_release(u->all, u);
    }
    if (!u->attached) {
        upload_free(u);
        return;
    }
    if (u->work.step == UPLOAD_FINISH) {
        u->failed = r;
    }
    u->p.committed(u->p.owner, u->failed, u->work.validator);
}

void upload_finish_alone(struct upload *u)
{
    if (!u->work.worked) {
        upload_work_do(&u->work.base);
    }
    if (u->work.writer != NULL) {
        if (u->work.result != RES_OK) {
            u->failed = u->work.result;
        }
        if (batch_is_written(u)) {
            take_batch(u);
        }
        u->work.step =
            u->end == UPLOAD_IS_BROKEN && u->failed == RES_OK ? UPLOAD_KEEP : UPLOAD_DROP;
        upload_work_do(&u->work.base);
    }
    upload_free(u);
}

static void on_done(struct pool_job *base, void *owner)
{
    struct upload *u = (struct upload *)base;
    enum upload_step step = u->work.step;
    enum res r = u->work.result;

    (void)owner;
    u->in_pool = false;
    if (u->all == NULL) {
        upload_finish_alone(u);
        return;
    }
    if (r == RES_NO_SPACE && u->end == UPLOAD_GOES_ON &&
        (step == UPLOAD_OPEN || step == UPLOAD_WRITE) && upload_table_evict(u->all, u)) {
        u->evicting = true;
        return;
    }
    switch (step) {
    case UPLOAD_ANSWER:
    case UPLOAD_OPEN:
        opened(u, r);
        break;
    case UPLOAD_WRITE:
        written(u, r);
        break;
    case UPLOAD_FINISH:
    case UPLOAD_KEEP:
    case UPLOAD_DROP:
        ended(u, r);
        break;
    }
}

/* --- from the table --- */

void upload_open_now(struct upload *u)
{
    u->phase = UPLOAD_OPENING;
    submit(u, UPLOAD_OPEN);
}

void upload_retry(struct upload *u)
{
    u->evicting = false;
    if (u->end != UPLOAD_GOES_ON) {
        wind_up(u);
    } else {
        submit(u, u->work.step);
    }
}

/* --- from its owner --- */

static void take_request(struct upload *u, const struct upload_request *q)
{
    struct keep_facts *facts = &u->work.record.facts;

    facts->size = q->size;
    facts->create = q->create;
    facts->has_sha256 = q->sha256 != NULL;
    if (q->sha256 != NULL) {
        memcpy(facts->sha256, q->sha256, sizeof(facts->sha256));
    }
    memcpy(facts->network, q->network, sizeof(facts->network));
    memcpy(facts->name, q->name, strlen(q->name));
    u->work.sync = q->sync;
}

static enum res take_id(struct upload *u, const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    u->work.has_id = true;
    memcpy(u->work.id, id, sizeof(u->work.id));
    if (memcmp(id, no_id, sizeof(no_id)) == 0 &&
        getrandom(u->work.id, sizeof(u->work.id), 0) != (ssize_t)sizeof(u->work.id)) {
        return RES_IO;
    }
    return upload_table_claim(u->all, u);
}

enum res upload_begin(struct upload **ret, struct uploads *all, const struct upload_request *q,
                      const struct upload_params *p)
{
    const struct policy_who who = {
        .rules = all->limits.rules, .write = all->limits.policy, .host = q->host};
    struct upload *u = calloc(1, sizeof(*u));
    enum res r = strlen(q->name) <= WHERRY_STRING_MAX ? RES_OK : RES_NAME;

    if (u == NULL) {
        return RES_NO_MEMORY;
    }
    u->all = all;
    u->p = *p;
    u->attached = true;
    u->work.dir_fd = -1;
    u->work.jail = all->jail;
    u->work.limits = all->limits;
    u->work.limits.rules = NULL;
    u->work.who = policy_who_hold(&who);
    u->next = all->first;
    if (u->next != NULL) {
        u->next->prev = u;
    }
    all->first = u;
    if (r == RES_OK) {
        take_request(u, q);
    }
    if (r == RES_OK && q->upload_id != NULL && all->limits.keep_ns > 0 &&
        all->limits.kept_total > 0) {
        r = take_id(u, q->upload_id);
    }
    if (r == RES_NO_MEMORY) {
        upload_free(u);
        return r;
    }
    if (r == RES_OK) {
        upload_open_now(u);
    } else if (r != RES_LATER) {
        u->phase = UPLOAD_OPENING;
        u->work.result = r;
        submit(u, UPLOAD_ANSWER);
    }
    *ret = u;
    return RES_LATER;
}

/* 0 means no limit, as does the highest number. */
static uint64_t size_max(const struct upload *u)
{
    return u->work.limits.size_max > 0 ? u->work.limits.size_max : UINT64_MAX;
}

enum res upload_add(struct upload *u, struct wherry_view bytes)
{
    const uint64_t announced = u->work.record.facts.size;

    if (u->failed != RES_OK) {
        return u->failed;
    }
    if (announced != WHERRY_SIZE_UNKNOWN &&
        (u->bytes > announced || bytes.len > announced - u->bytes)) {
        u->failed = RES_OFFSET;
    } else if (u->bytes > size_max(u) || bytes.len > size_max(u) - u->bytes) {
        u->failed = RES_TOO_LARGE;
    } else if (!buffer_reserve(&u->gather, bytes.len, GATHER_BYTES)) {
        u->failed = RES_NO_MEMORY;
    }
    if (u->failed != RES_OK || bytes.len == 0) {
        return u->failed;
    }
    memcpy(u->gather.bytes + u->gather.len, bytes.bytes, bytes.len);
    u->gather.len += bytes.len;
    u->bytes += bytes.len;
    go_on(u);
    if (u->gather.len < GATHER_BYTES) {
        return RES_OK;
    }
    u->wants_room = true;
    return RES_LATER;
}

void upload_commit(struct upload *u, const uint8_t *sha256)
{
    u->commit_wanted = true;
    if (sha256 != NULL) {
        u->end_has_sha256 = true;
        memcpy(u->end_sha256, sha256, sizeof(u->end_sha256));
    }
    go_on(u);
}

bool upload_may_stop(const struct upload *u)
{
    return u->phase != UPLOAD_FINISHING;
}

static void end(struct upload *u, enum upload_end how)
{
    u->attached = false;
    u->superseded = false;
    if (u->phase == UPLOAD_FINISHING) {
        return; /* it is freed when it is through */
    }
    u->end = how;
    hashing_cancel(u->hashing);
    u->hashing = NULL;
    if (u->phase == UPLOAD_WAITING) {
        upload_free(u);
    } else {
        wind_up(u);
    }
}

void upload_drop(struct upload *u)
{
    if (u != NULL) {
        end(u, UPLOAD_IS_DROPPED);
    }
}

void upload_break(struct upload *u)
{
    if (u != NULL) {
        end(u, UPLOAD_IS_BROKEN);
    }
}
