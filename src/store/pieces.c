/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/pieces.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#define LOOK_AGAIN_NS (PIECES_FRESH_NS / 20) /* for pieces that are not fresh any more */

enum piece_state { PIECE_LOADING, PIECE_THERE };

struct piece {
    struct pool_job job;         /* first; loads it */
    struct pieces *all;          /* NULL: in no list, of use only to those who hold it */
    struct piece *prev, *next;   /* in all->recent */
    struct piece *before, *then; /* in file->first */
    struct piece_file *file;
    struct reader *reader; /* held while it loads */
    struct piece_wait *waiting;
    size_t holders; /* waits whose piece it is, and the load */
    uint64_t read_ns;
    uint64_t offset;
    size_t len;
    size_t room; /* the end of it may not be in memory */
    enum piece_state state;
    enum res res;
    bool used_up; /* somebody has had its end */
    uint8_t bytes[];
};

static bool covers(const struct piece *p, uint64_t offset, size_t len)
{
    return offset >= p->offset && offset - p->offset <= p->len &&
           len <= p->len - (size_t)(offset - p->offset);
}

static bool is_fresh(const struct piece *p)
{
    return p->state == PIECE_LOADING || loop_now_ns(p->all->loop) - p->read_ns < PIECES_FRESH_NS;
}

/* Takes it out of the lists; the last who holds it frees it. */
static void retire(struct piece *p)
{
    struct pieces *all = p->all;

    if (all != NULL) {
        DL_DELETE(all->recent, p);
        DL_DELETE2(p->file->first, p, before, then);
        all->bytes -= p->room;
        all->full_ns = 0;
        p->all = NULL;
        p->file = NULL;
    }
    if (p->holders == 0) {
        free(p);
    }
}

static void release(struct piece *p)
{
    p->holders--;
    if (p->holders > 0) {
        return;
    }
    if (p->all == NULL) {
        free(p);
    } else {
        p->all->full_ns = 0;
    }
}

void pieces_forget(struct piece_wait *w)
{
    struct piece *p = w->piece;

    if (p == NULL) {
        return;
    }
    if (w->prev != NULL) {
        DL_DELETE(p->waiting, w);
        w->prev = NULL;
    }
    w->piece = NULL;
    release(p);
}

void pieces_drop(struct piece_file *f)
{
    while (f->first != NULL) {
        retire(f->first);
    }
}

void pieces_expire(struct pieces *all)
{
    struct piece *p;
    struct piece *next;

    DL_FOREACH_SAFE(all->recent, p, next)
    {
        if (!is_fresh(p)) {
            retire(p);
        }
    }
}

/* --- pieces that are in memory --- */

static void copy(struct piece *p, uint64_t offset, uint8_t *to, size_t len)
{
    const size_t at = (size_t)(offset - p->offset);

    memcpy(to, p->bytes + at, len);
    if (!p->used_up && (at + len >= PIECE_STRIDE || at + len == p->len)) {
        p->used_up = true;
        if (p->all != NULL) {
            p->all->full_ns = 0;
        }
    }
}

static void touch(struct piece *p)
{
    struct pieces *all = p->all;

    if (all->recent != p) {
        DL_DELETE(all->recent, p);
        DL_PREPEND(all->recent, p);
    }
    if (p->file->first != p) {
        DL_DELETE2(p->file->first, p, before, then);
        DL_PREPEND2(p->file->first, p, before, then);
    }
}

/* The piece that the span belongs to, loading or there. NULL: none that is fresh. */
static struct piece *find(struct piece_file *f, uint64_t offset, size_t len)
{
    const uint64_t begin = offset - offset % PIECE_STRIDE;
    struct piece *p;

    DL_FOREACH2(f->first, p, then)
    {
        if (p->offset == begin) {
            break;
        }
    }
    if (p != NULL && (!is_fresh(p) || !covers(p, offset, len))) {
        retire(p); /* old, or the end of it was not in memory */
        p = NULL;
    }
    if (p != NULL) {
        touch(p);
    }
    return p;
}

/* --- new pieces --- */

static bool make_room(struct pieces *all, size_t len)
{
    struct piece *p = all->recent != NULL ? all->recent->prev : NULL; /* the last */
    uint64_t now_ns = loop_now_ns(all->loop);

    if (all->bytes + len > PIECES_BYTES && all->full_ns != 0 &&
        now_ns - all->full_ns < LOOK_AGAIN_NS) {
        return false;
    }
    while (p != NULL && all->bytes + len > PIECES_BYTES) {
        struct piece *before = p == all->recent ? NULL : p->prev;

        if (p->holders == 0 && (p->used_up || !is_fresh(p))) {
            retire(p);
        }
        p = before;
    }
    if (all->bytes + len > PIECES_BYTES) {
        all->full_ns = now_ns;
        return false;
    }
    return true;
}

/* In no list. */
static struct piece *new_piece(uint64_t offset, size_t len)
{
    struct piece *p = malloc(sizeof(*p) + len);

    if (p != NULL) {
        memset(p, 0, sizeof(*p));
        p->offset = offset;
        p->len = len;
        p->room = len;
    }
    return p;
}

static void enlist(struct pieces *all, struct piece_file *f, struct piece *p)
{
    p->all = all;
    p->file = f;
    p->read_ns = loop_now_ns(all->loop);
    all->bytes += p->room;
    DL_PREPEND(all->recent, p);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): retire() took the freed ones out of the list */
    DL_PREPEND2(f->first, p, before, then);
}

static void load(struct pool_job *job)
{
    struct piece *p = (struct piece *)job;

    p->res = reader_load(p->reader, p->offset, p->bytes, p->len);
}

/* Also when load() never ran, and when nobody holds it any more. */
static void loaded(struct pool_job *job, void *owner)
{
    struct piece *p = (struct piece *)job;
    enum res checked = reader_check(p->reader);

    (void)owner;
    p->res = checked != RES_OK ? checked : p->res;
    p->state = PIECE_THERE;
    reader_free(p->reader);
    p->reader = NULL;
    if (p->res != RES_OK) {
        retire(p); /* the load still holds it */
    }
    while (p->waiting != NULL) {
        struct piece_wait *w = p->waiting;

        DL_DELETE(p->waiting, w);
        w->prev = NULL;
        w->ready(w->owner); /* may end any of the others */
    }
    release(p);
}

static void start_load(struct pieces *all, struct piece_file *f, struct piece *p)
{
    p->job.work = load;
    p->job.done = loaded;
    p->reader = reader_hold(f->reader);
    p->holders = 1;
    p->state = PIECE_LOADING;
    p->res = RES_IO; /* until it was read */
    pool_submit(all->pool, &p->job);
}

static enum res wait_for(struct piece *p, struct piece_wait *w)
{
    w->piece = p;
    p->holders++;
    DL_APPEND(p->waiting, w);
    return RES_LATER;
}

/* The piece of this span, there or loading. RES_BUSY: read it without one. */
static enum res make_piece(struct pieces *all, struct piece_file *f, uint64_t offset, size_t len,
                           struct piece **ret)
{
    const uint64_t begin = offset - offset % PIECE_STRIDE;
    const uint64_t left = reader_size(f->reader) - begin;
    const size_t whole = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    struct piece *p = NULL;
    size_t have = 0;
    enum res r;

    if (!reader_is_settled(f->reader) || !make_room(all, whole)) {
        return RES_BUSY;
    }
    p = new_piece(begin, whole);
    if (p == NULL) {
        return RES_BUSY; /* less memory may do */
    }
    r = reader_get_some(f->reader, begin, p->bytes, whole, &have);
    if (r != RES_OK) {
        free(p);
        return r;
    }
    if (have >= (size_t)(offset - begin) + len) {
        p->len = have;
        p->state = PIECE_THERE;
    } else {
        start_load(all, f, p);
    }
    enlist(all, f, p);
    *ret = p;
    return RES_OK;
}

/* --- reading --- */

static enum res read_piece(struct pieces *all, struct piece_file *f, uint64_t offset, uint8_t *to,
                           size_t len, struct piece_wait *w)
{
    struct piece *p = find(f, offset, len);
    enum res r = p != NULL ? RES_OK : make_piece(all, f, offset, len, &p);

    if (r != RES_OK) {
        return r;
    }
    if (p->state == PIECE_LOADING) {
        return wait_for(p, w);
    }
    copy(p, offset, to, len);
    return RES_OK;
}

/* Of one piece, or of more that lie side by side. */
static enum res read_pieces(struct pieces *all, struct piece_file *f, uint64_t offset, uint8_t *to,
                            size_t len, struct piece_wait *w)
{
    enum res r = RES_OK;

    while (len > 0 && r == RES_OK) {
        const size_t room = PIECE_BYTES - (size_t)(offset % PIECE_STRIDE);
        const size_t part = len < room ? len : room;

        r = read_piece(all, f, offset, to, part, w);
        offset += part;
        to += part;
        len -= part;
    }
    return r;
}

static enum res read_straight(struct pieces *all, struct piece_file *f, uint64_t offset,
                              uint8_t *to, size_t len, struct piece_wait *w)
{
    enum res r = reader_get(f->reader, offset, to, len);
    struct piece *p = NULL;

    if (r != RES_LATER) {
        return r;
    }
    p = new_piece(offset, len);
    if (p == NULL) {
        return RES_NO_MEMORY;
    }
    start_load(all, f, p);
    return wait_for(p, w);
}

/* What was loaded for this one. RES_BUSY: nothing of use. */
static enum res read_held(struct piece_wait *w, uint64_t offset, uint8_t *to, size_t len)
{
    struct piece *p = w->piece;
    enum res r = RES_BUSY;

    if (p != NULL && covers(p, offset, len)) {
        r = p->res;
        if (r == RES_OK) {
            copy(p, offset, to, len);
        }
    }
    pieces_forget(w);
    return r;
}

enum res pieces_read(struct pieces *all, struct piece_file *f, uint64_t offset, uint8_t *to,
                     size_t len, bool small, struct piece_wait *w)
{
    /* Who waited for one of several pieces reads straight then: on a slow disk the first of them
     * may be old when the next one is there, and so on for ever. */
    const bool one = offset % PIECE_STRIDE + len <= PIECE_BYTES;
    const bool may_wait = one || w->piece == NULL;
    enum res r;

    if (w->prev != NULL) {
        return RES_LATER;
    }
    if (reader_has_changed(f->reader)) {
        pieces_forget(w);
        return RES_CHANGED;
    }
    r = read_held(w, offset, to, len);
    if (r == RES_BUSY && len > 0 && may_wait &&
        (small || (len <= PIECE_BURST && reader_is_blind(f->reader)))) {
        r = read_pieces(all, f, offset, to, len, w);
    }
    return r == RES_BUSY ? read_straight(all, f, offset, to, len, w) : r;
}
