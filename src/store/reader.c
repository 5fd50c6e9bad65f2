/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "store/residence.h"
#include "store/version.h"

struct reader {
    int fd;
    enum residence residence;
    bool changed;
    size_t holders;
    dev_t device;
    ino_t inode;
    struct version version;
};

enum res reader_new(struct reader **ret, int fd, const struct stat *st)
{
    struct reader *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        return RES_NO_MEMORY;
    }
    r->fd = fd;
    r->holders = 1;
    r->device = st->st_dev;
    r->inode = st->st_ino;
    r->version = version_of(st);
    *ret = r;
    return RES_OK;
}

struct reader *reader_hold(struct reader *r)
{
    r->holders++;
    return r;
}

void reader_free(struct reader *r)
{
    if (r == NULL || --r->holders > 0) {
        return;
    }
    (void)close(r->fd); /* nothing was written: no error to lose */
    free(r);
}

uint64_t reader_size(const struct reader *r)
{
    return (uint64_t)r->version.size;
}

bool reader_is(const struct reader *r, const struct stat *st)
{
    const struct version now = version_of(st);

    /* Of equal link counts, so that the ctime has to be equal too. */
    return !r->changed && r->device == st->st_dev && r->inode == st->st_ino &&
           r->version.links == now.links && version_is_same(&r->version, &now);
}

bool reader_has_changed(const struct reader *r)
{
    return r->changed;
}

bool reader_is_settled(const struct reader *r)
{
    struct timespec now;

    /* The clock of which file systems take their time stamps. */
    return clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0 && version_is_settled(&r->version, now);
}

bool reader_is_blind(const struct reader *r)
{
    return r->residence == RESIDENCE_NOTHING;
}

enum res reader_check(struct reader *r)
{
    struct stat st;
    struct version now;

    if (r->changed) {
        return RES_CHANGED;
    }
    if (fstat(r->fd, &st) == -1) {
        return res_from_errno(errno);
    }
    now = version_of(&st);
    if (!version_is_same(&r->version, &now)) {
        r->changed = true;
        return RES_CHANGED;
    }
    r->version = now; /* another name for it, or one less: the ctime to go by from now on */
    return RES_OK;
}

enum res reader_get_some(struct reader *r, uint64_t offset, uint8_t *to, size_t len, size_t *ret)
{
    ssize_t n = 0;
    enum res res;

    if (r->changed) {
        return RES_CHANGED;
    }
    if (len > 0) {
        n = residence_read(&r->residence, r->fd, offset, to, len);
        if (n == -1 && errno != EAGAIN && errno != EINTR) {
            return res_from_errno(errno);
        }
    }
    res = reader_check(r);
    if (res == RES_OK) {
        *ret = n > 0 ? (size_t)n : 0;
    }
    return res;
}

enum res reader_get(struct reader *r, uint64_t offset, uint8_t *to, size_t len)
{
    size_t have = 0;
    enum res res = reader_get_some(r, offset, to, len, &have);

    return res == RES_OK && have < len ? RES_LATER : res;
}

enum res reader_load(const struct reader *r, uint64_t offset, uint8_t *to, size_t len)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = pread(r->fd, to + have, len - have, (off_t)(offset + have));

        if (n > 0) {
            have += (size_t)n;
        } else if (n == 0) {
            return RES_CHANGED; /* shorter than when it was opened */
        } else if (errno != EINTR) {
            return res_from_errno(errno);
        }
    }
    return RES_OK;
}
