/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "store/reader.h"

/* Behind uthash's pointer arithmetic gcc's analyzer loses the buckets of the table. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* A larger burst than this costs one system call for so many bytes that nothing is left to save. */
#define CROWD_BURST (PIECE_BYTES / 2)
/* Readers for each stride of the file that make a crowd. */
#define CROWD_READERS 2

struct file_key {
    uint64_t device;
    uint64_t inode;
};

struct file {
    struct files *all;
    struct piece_file pieces;
    struct file_key key;
    UT_hash_handle hh;        /* hh.tbl NULL: not in the table, found by nobody */
    struct file *prev, *next; /* among the idle, the longest idle first */
    uint64_t idle_ns;         /* since */
    size_t users;
};

struct files {
    struct file *known;
    struct file *idle;
    size_t idle_count;
    size_t open;
    struct pieces pieces;
    struct loop_timer timer; /* runs while something is idle, or there are pieces */
    bool timed;
};

static void on_time(void *arg);

enum res files_new(struct files **ret, struct loop *loop, struct pool *pool)
{
    struct files *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return RES_NO_MEMORY;
    }
    f->pieces.loop = loop;
    f->pieces.pool = pool;
    loop_timer_init(loop, &f->timer, on_time, f);
    *ret = f;
    return RES_OK;
}

static void hide(struct file *file)
{
    if (file->hh.tbl != NULL) {
        HASH_DEL(file->all->known, file);
        file->hh.tbl = NULL;
    }
}

static void close_file(struct file *file)
{
    hide(file);
    pieces_drop(&file->pieces);
    reader_free(file->pieces.reader);
    file->all->open--;
    free(file);
}

static void take_from_idle(struct files *f, struct file *file)
{
    DL_DELETE(f->idle, file);
    f->idle_count--;
}

static void close_longest_idle(struct files *f)
{
    struct file *file = f->idle;

    take_from_idle(f, file);
    close_file(file);
}

bool files_close_idle(struct files *f)
{
    bool any = f->idle != NULL;

    while (f->idle != NULL) {
        close_longest_idle(f);
    }
    return any;
}

void files_free(struct files *f)
{
    if (f == NULL) {
        return;
    }
    (void)files_close_idle(f);
    loop_timer_stop(&f->timer);
    free(f);
}

size_t files_open(const struct files *f)
{
    return f->open;
}

size_t files_pieces(const struct files *f)
{
    return f->pieces.bytes;
}

/* --- what nobody uses --- */

static void set_timer(struct files *f)
{
    uint64_t now_ns = loop_now_ns(f->pieces.loop);

    f->timed = f->idle != NULL || f->pieces.recent != NULL;
    if (f->timed) {
        loop_timer_at(&f->timer, (f->idle != NULL ? f->idle->idle_ns : now_ns) + FILES_IDLE_NS);
    }
}

static void on_time(void *arg)
{
    struct files *f = arg;
    uint64_t now_ns = loop_now_ns(f->pieces.loop);

    while (f->idle != NULL && now_ns - f->idle->idle_ns >= FILES_IDLE_NS) {
        close_longest_idle(f);
    }
    pieces_expire(&f->pieces);
    set_timer(f);
}

void file_leave(struct file *file)
{
    struct files *f;

    if (file == NULL || --file->users > 0) {
        return;
    }
    f = file->all;
    if (file->hh.tbl == NULL || reader_has_changed(file->pieces.reader)) {
        close_file(file);
        return;
    }
    if (f->idle_count == FILES_IDLE_MAX) {
        close_longest_idle(f);
    }
    file->idle_ns = loop_now_ns(f->pieces.loop);
    DL_APPEND(f->idle, file);
    f->idle_count++;
    if (!f->timed) {
        set_timer(f);
    }
}

/* --- sharing --- */

static void make_key(const struct stat *st, struct file_key *ret)
{
    memset(ret, 0, sizeof(*ret)); /* what is between its members is hashed, too */
    ret->device = st->st_dev;
    ret->inode = st->st_ino;
}

static struct file *find(struct files *f, const struct file_key *key)
{
    struct file *file;

    HASH_FIND(hh, f->known, key, sizeof(*key), file);
    return file;
}

bool files_know(void *files, const struct stat *st)
{
    struct file_key key;
    const struct file *file;

    make_key(st, &key);
    file = find(files, &key);
    return file != NULL && reader_is(file->pieces.reader, st);
}

static enum res add(struct files *f, int fd, const struct stat *st, struct file **ret)
{
    struct file *file = calloc(1, sizeof(*file));
    enum res r;

    if (file == NULL) {
        return RES_NO_MEMORY;
    }
    r = reader_new(&file->pieces.reader, fd, st);
    if (r != RES_OK) {
        free(file);
        return r;
    }
    file->all = f;
    make_key(st, &file->key);
    HASH_ADD(hh, f->known, key, sizeof(file->key), file); /* no memory: it is not shared then */
    f->open++;
    *ret = file;
    return RES_OK;
}

enum res files_get(struct files *f, int fd, const struct stat *st, struct file **ret)
{
    struct file_key key;
    struct file *file;
    enum res r = RES_OK;

    make_key(st, &key);
    file = find(f, &key);
    if (file != NULL && reader_is(file->pieces.reader, st)) {
        if (file->users == 0) {
            take_from_idle(f, file);
        }
        if (fd != -1) {
            (void)close(fd); /* nothing was written: no error to lose */
        }
    } else {
        if (file != NULL && file->users == 0) {
            take_from_idle(f, file);
            close_file(file);
        } else if (file != NULL) {
            hide(file); /* another version of it */
        }
        r = add(f, fd, st, &file);
    }
    if (r == RES_OK) {
        file->users++;
        *ret = file;
    }
    return r;
}

uint64_t file_size(const struct file *file)
{
    return reader_size(file->pieces.reader);
}

/* What is copied from a piece was copied once more into it, so that larger bursts come from pieces
 * only where others read the same ones. Many who read a small file surely do. */
static bool is_crowded(const struct file *file)
{
    return file->users / CROWD_READERS >= file_size(file) / PIECE_STRIDE + 1;
}

enum res file_read(struct file *file, uint64_t offset, uint8_t *to, size_t len, bool small,
                   struct piece_wait *w)
{
    struct files *f = file->all;
    bool shared = (small && len <= PIECE_BURST) || (len <= CROWD_BURST && is_crowded(file));
    enum res r = pieces_read(&f->pieces, &file->pieces, offset, to, len, shared, w);

    if (!f->timed && f->pieces.recent != NULL) {
        set_timer(f);
    }
    return r;
}
