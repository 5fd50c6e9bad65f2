/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "store/residence.h"
#include "store/version.h"

#define PIECE_BYTES UINT64_C(65536)

struct reader {
    int fd;
    enum residence residence;
    bool changed;
    struct version version;
    uint8_t *piece; /* NULL: none */
    uint64_t piece_offset;
    size_t piece_len;
};

enum res reader_new(struct reader **ret, int fd, const struct stat *st)
{
    struct reader *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        return RES_NO_MEMORY;
    }
    r->fd = fd;
    r->version = version_of(st);
    *ret = r;
    return RES_OK;
}

void reader_free(struct reader *r)
{
    if (r == NULL) {
        return;
    }
    (void)close(r->fd); /* nothing was written: no error to lose */
    free(r->piece);
    free(r);
}

uint64_t reader_size(const struct reader *r)
{
    return (uint64_t)r->version.size;
}

static enum res check_version(struct reader *r)
{
    struct stat st;
    struct version now;

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

static bool piece_covers(const struct reader *r, uint64_t offset, size_t len)
{
    return r->piece != NULL && offset >= r->piece_offset &&
           offset - r->piece_offset <= r->piece_len &&
           len <= r->piece_len - (size_t)(offset - r->piece_offset);
}

static void piece_drop(struct reader *r)
{
    free(r->piece);
    r->piece = NULL;
    r->piece_len = 0;
}

enum res reader_get(struct reader *r, uint64_t offset, uint8_t *to, size_t len)
{
    ssize_t n = 0;
    enum res res;

    if (r->changed) {
        return RES_CHANGED;
    }
    if (piece_covers(r, offset, len)) {
        memcpy(to, r->piece + (offset - r->piece_offset), len);
        n = (ssize_t)len;
    } else if (len > 0) {
        if (r->piece != NULL && offset >= r->piece_offset + r->piece_len) {
            piece_drop(r); /* the reader went past it: do not hold 64 KiB for each transfer */
        }
        n = residence_read(&r->residence, r->fd, offset, to, len);
        if (n == -1 && errno != EAGAIN && errno != EINTR) {
            return res_from_errno(errno);
        }
    }
    res = check_version(r);
    if (res != RES_OK) {
        return res;
    }
    return n == (ssize_t)len ? RES_OK : RES_LATER; /* part of it was in memory */
}

enum res reader_load(struct reader *r, uint64_t offset, size_t len)
{
    uint64_t size = reader_size(r);
    uint64_t from = offset - offset % PIECE_BYTES;
    uint64_t past = offset + len; /* rounded up to a whole piece, clipped to the size */
    size_t have = 0;
    enum res res = RES_OK;

    past =
        size - past < PIECE_BYTES ? size : past + (PIECE_BYTES - past % PIECE_BYTES) % PIECE_BYTES;
    piece_drop(r);
    r->piece = malloc(past > from ? (size_t)(past - from) : 1);
    if (r->piece == NULL) {
        return RES_NO_MEMORY;
    }
    while (have < past - from) {
        ssize_t n =
            pread(r->fd, r->piece + have, (size_t)(past - from) - have, (off_t)(from + have));

        if (n > 0) {
            have += (size_t)n;
        } else if (n == 0) {
            r->changed = true; /* shorter than when it was opened */
            res = RES_CHANGED;
            break;
        } else if (errno != EINTR) {
            res = res_from_errno(errno);
            break;
        }
    }
    if (res != RES_OK) {
        piece_drop(r);
        return res;
    }
    r->piece_offset = from;
    r->piece_len = have;
    return RES_OK;
}
