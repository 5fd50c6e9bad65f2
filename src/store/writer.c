/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "store/temp.h"

#define MODE_BITS ((mode_t)01777)
#define APPEARANCES_MAX 16 /* of the name, while it is being committed */

struct writer {
    struct temp temp;
    int dir_fd;
    char last[256];
    bool replace;
    mode_t mode;
    enum res failed;
};

static enum res check_space(int dir_fd, uint64_t expected_size)
{
    struct statvfs fs;

    if (expected_size == WRITER_SIZE_UNKNOWN) {
        return RES_OK;
    }
    if (fstatvfs(dir_fd, &fs) == -1) {
        return res_from_errno(errno);
    }
    /* Some file systems do not count blocks. f_frsize can be 0 there, too. */
    if (fs.f_blocks == 0 || fs.f_frsize == 0) {
        return RES_OK;
    }
    return expected_size / fs.f_frsize + (expected_size % fs.f_frsize != 0) <= fs.f_bavail
               ? RES_OK
               : RES_NO_SPACE;
}

static enum res keep_owner(int fd, const struct stat *old)
{
    struct stat own;

    if (fstat(fd, &own) == -1) {
        return res_from_errno(errno);
    }
    if ((own.st_uid != old->st_uid || own.st_gid != old->st_gid) &&
        fchown(fd, old->st_uid, old->st_gid) == -1) {
        return res_from_errno(errno);
    }
    return RES_OK;
}

/* Set-user-ID and set-group-ID were given to the old bytes, not to what a stranger sends: they go,
 * as a write(2) by another user takes them away. */
static enum res keep_mode(int fd, const struct stat *old)
{
    return fchmod(fd, old->st_mode & MODE_BITS) == -1 ? res_from_errno(errno) : RES_OK;
}

static void writer_free(struct writer *w)
{
    if (w == NULL) {
        return;
    }
    temp_close(&w->temp);
    close(w->dir_fd);
    free(w);
}

/* Takes the target's directory over, also on failure. */
static enum res begin_at(struct writer **ret, const struct jail_target *t,
                         const struct writer_params *p)
{
    struct writer *w = calloc(1, sizeof(*w));
    enum res r;

    if (w == NULL) {
        close(t->dir_fd);
        return RES_NO_MEMORY;
    }
    w->temp.fd = -1;
    w->dir_fd = t->dir_fd;
    w->replace = p->replace;
    w->mode = p->mode;
    memcpy(w->last, t->last, sizeof(w->last));
    if (t->exists && !p->replace) {
        r = RES_EXISTS;
        goto fail;
    }
    if (t->exists && !t->writable) {
        r = RES_DENIED;
        goto fail;
    }
    r = check_space(w->dir_fd, p->expected_size);
    if (r != RES_OK) {
        goto fail;
    }
    r = temp_open(&w->temp, w->dir_fd, TEMP_UNNAMED);
    if (r != RES_OK) {
        goto fail;
    }
    /* Tried already here, so that nobody sends a file in vain. */
    r = t->exists ? keep_owner(w->temp.fd, &t->stat) : RES_OK;
    if (r != RES_OK) {
        goto fail;
    }
    *ret = w;
    return RES_OK;
fail:
    writer_free(w);
    return r;
}

enum res writer_begin(struct writer **ret, const struct jail *j, const char *name,
                      enum policy_write policy, mode_t mode, uint64_t expected_size)
{
    const struct writer_params p = {
        .replace = policy == POLICY_WRITE_REPLACE,
        .mode = mode,
        .expected_size = expected_size,
    };
    struct jail_target t;
    /* Where nobody may upload, nobody learns this way which names exist. */
    enum res r = policy_judge_write(policy, false);

    if (r == RES_OK) {
        r = jail_find_target(j, name, &t);
    }
    if (r != RES_OK) {
        return r;
    }
    r = policy_judge_write(policy, t.exists);
    if (r != RES_OK) {
        close(t.dir_fd);
        return r;
    }
    return begin_at(ret, &t, &p);
}

enum res writer_begin_local(struct writer **ret, const char *path, const struct writer_params *p)
{
    struct jail_target t;
    enum res r = jail_find_local(path, &t);

    return r == RES_OK ? begin_at(ret, &t, p) : r;
}

enum res writer_write(struct writer *w, const uint8_t *bytes, size_t len)
{
    while (len > 0 && w->failed == RES_OK) {
        ssize_t n = write(w->temp.fd, bytes, len);

        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (errno != EINTR) {
            w->failed = res_from_errno(errno);
        }
    }
    return w->failed;
}

/* Network file systems tell of failed writes when a descriptor is closed, which for the file's own
 * would be after it got its name. */
static enum res flush_errors(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int rc = copy == -1 ? fdatasync(fd) : close(copy);

    return rc == -1 && errno != EINTR ? res_from_errno(errno) : RES_OK;
}

static enum res commit_new(struct writer *w)
{
    if (fchmod(w->temp.fd, w->mode & MODE_BITS) == -1) {
        return res_from_errno(errno);
    }
    return temp_become(&w->temp, w->last);
}

/* The name may have appeared, changed hands or vanished since the writer began. RES_EXISTS: it
 * appeared just now. */
static enum res commit_replace(struct writer *w)
{
    struct stat old;
    enum res r;

    if (fstatat(w->dir_fd, w->last, &old, AT_SYMLINK_NOFOLLOW) == -1) {
        return errno == ENOENT ? commit_new(w) : res_from_errno(errno);
    }
    if (!S_ISREG(old.st_mode)) {
        return S_ISDIR(old.st_mode) ? RES_IS_DIR : RES_DENIED;
    }
    if (faccessat(w->dir_fd, w->last, W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == -1) {
        return errno == ENOENT ? RES_EXISTS : res_from_errno(errno);
    }
    r = keep_owner(w->temp.fd, &old);
    if (r == RES_OK) {
        r = keep_mode(w->temp.fd, &old);
    }
    return r == RES_OK ? temp_replace(&w->temp, w->last) : r;
}

enum res writer_commit(struct writer *w)
{
    enum res r = w->failed;

    if (r == RES_OK) {
        r = flush_errors(w->temp.fd);
    }
    if (r == RES_OK && !w->replace) {
        r = commit_new(w);
    } else if (r == RES_OK) {
        r = RES_EXISTS;
        for (int i = 0; i < APPEARANCES_MAX && r == RES_EXISTS; i++) {
            r = commit_replace(w);
        }
    }
    writer_free(w);
    return r;
}

void writer_abort(struct writer *w)
{
    writer_free(w);
}
