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
/* At most so much in one write(2). For more, file systems ask for pages that lie side by side, and
 * those cost more to find than the calls that are saved. */
#define PIECE_BYTES 65536u

struct writer {
    struct temp temp;
    int dir_fd;
    bool dir_ours; /* to close */
    char last[256];
    bool replace;
    bool sync;
    mode_t mode;
    uint64_t size_max; /* UINT64_MAX: no limit */
    uint64_t reserve;
    uint64_t bytes;
    uint64_t look_at; /* bytes at which the reserve is looked at again */
    enum res failed;
};

/* Room for so many bytes beside the reserve. */
static enum res check_space(int fd, uint64_t bytes, uint64_t reserve)
{
    struct statvfs fs;
    uint64_t blocks;
    uint64_t kept;

    if (fstatvfs(fd, &fs) == -1) {
        return res_from_errno(errno);
    }
    /* Some file systems do not count blocks. f_frsize can be 0 there, too. */
    if (fs.f_blocks == 0 || fs.f_frsize == 0) {
        return RES_OK;
    }
    blocks = bytes / fs.f_frsize + (bytes % fs.f_frsize != 0);
    kept = reserve / fs.f_frsize + (reserve % fs.f_frsize != 0);
    return kept <= fs.f_bavail && blocks <= fs.f_bavail - kept ? RES_OK : RES_NO_SPACE;
}

static enum res check_room(int dir_fd, const struct writer_params *p)
{
    uint64_t more = 0;

    if (p->expected_size != WRITER_SIZE_UNKNOWN) {
        if (p->size_max > 0 && p->expected_size > p->size_max) {
            return RES_TOO_LARGE;
        }
        more = p->expected_size > p->offset ? p->expected_size - p->offset : 0;
    } else if (p->reserve == 0) {
        return RES_OK;
    }
    return check_space(dir_fd, more, p->reserve);
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
    if (w->dir_ours) {
        close(w->dir_fd);
    }
    free(w);
}

enum res writer_judge(const struct jail_target *t, const struct writer_params *p)
{
    if (t->exists && !p->replace) {
        return RES_EXISTS;
    }
    return t->exists && !t->writable ? RES_DENIED : RES_OK;
}

enum res writer_begin_at(struct writer **ret, const struct jail_target *t,
                         const struct writer_params *p, const struct temp *own)
{
    struct writer *w = NULL;
    enum res r = check_room(t->dir_fd, p);

    if (r != RES_OK) {
        return r;
    }
    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return RES_NO_MEMORY;
    }
    w->temp.fd = -1;
    w->dir_fd = t->dir_fd;
    w->replace = p->replace;
    w->sync = p->sync;
    w->mode = p->mode;
    w->size_max = p->size_max > 0 ? p->size_max : UINT64_MAX;
    w->reserve = p->reserve;
    w->bytes = p->offset;
    w->look_at = p->offset + WRITER_LOOK_BYTES;
    memcpy(w->last, t->last, sizeof(w->last));
    if (own == NULL) {
        r = temp_open(&w->temp, w->dir_fd, TEMP_UNNAMED);
        own = &w->temp;
    }
    /* Tried already here, so that nobody sends a file in vain. */
    if (r == RES_OK && t->exists) {
        r = keep_owner(own->fd, &t->stat);
    }
    if (r != RES_OK) {
        writer_free(w);
        return r;
    }
    w->temp = *own;
    *ret = w;
    return RES_OK;
}

/* Takes the target's directory over, also on failure. */
static enum res begin_alone(struct writer **ret, const struct jail_target *t,
                            const struct writer_params *p)
{
    enum res r = writer_judge(t, p);

    if (r == RES_OK) {
        r = writer_begin_at(ret, t, p, NULL);
    }
    if (r != RES_OK) {
        close(t->dir_fd);
        return r;
    }
    (*ret)->dir_ours = true;
    return RES_OK;
}

enum res writer_begin(struct writer **ret, const struct jail *j, const char *name,
                      const struct policy_who *who, const struct writer_params *p)
{
    struct writer_params allowed = *p;
    struct jail_target t;
    /* Where nobody may upload, nobody learns this way which names exist. */
    enum res r = policy_judge_anywhere(who, POLICY_CREATE);

    if (r == RES_OK) {
        r = jail_find_target(j, name, who, &t);
    }
    if (r != RES_OK) {
        return r;
    }
    allowed.replace = p->replace && t.replaceable;
    return begin_alone(ret, &t, &allowed);
}

enum res writer_begin_local(struct writer **ret, const char *path, const struct writer_params *p)
{
    struct jail_target t;
    enum res r = jail_find_local(path, &t);

    return r == RES_OK ? begin_alone(ret, &t, p) : r;
}

static enum res check_limits(struct writer *w, size_t len)
{
    enum res r;

    if (w->bytes > w->size_max || len > w->size_max - w->bytes) {
        return RES_TOO_LARGE;
    }
    if (w->reserve == 0 || w->bytes < w->look_at) {
        return RES_OK;
    }
    r = check_space(w->temp.fd, len, w->reserve);
    if (r == RES_OK) {
        w->look_at = w->bytes + WRITER_LOOK_BYTES;
    }
    return r;
}

enum res writer_write(struct writer *w, const uint8_t *bytes, size_t len)
{
    if (w->failed == RES_OK) {
        w->failed = check_limits(w, len);
    }
    while (len > 0 && w->failed == RES_OK) {
        ssize_t n = write(w->temp.fd, bytes, len < PIECE_BYTES ? len : PIECE_BYTES);

        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
            w->bytes += (uint64_t)n;
        } else if (errno != EINTR) {
            w->failed = res_from_errno(errno);
        }
    }
    return w->failed;
}

uint64_t writer_bytes(const struct writer *w)
{
    return w->bytes;
}

void writer_retry(struct writer *w)
{
    if (w->failed == RES_NO_SPACE) {
        w->failed = RES_OK;
    }
}

int writer_fd(const struct writer *w)
{
    return w->temp.fd;
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

static enum res give_name(struct writer *w)
{
    enum res r = RES_EXISTS;

    if (!w->replace) {
        return commit_new(w);
    }
    for (int i = 0; i < APPEARANCES_MAX && r == RES_EXISTS; i++) {
        r = commit_replace(w);
    }
    return r;
}

/* The writer's descriptor of the directory cannot be synced: it is for names only. */
static enum res sync_dir(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum res r = fd == -1 || fsync(fd) == -1 ? res_from_errno(errno) : RES_OK;

    if (fd != -1) {
        close(fd);
    }
    return r;
}

enum res writer_commit(struct writer *w, struct stat *ret)
{
    enum res r = w->failed;

    if (r == RES_OK) {
        r = flush_errors(w->temp.fd);
    }
    if (r == RES_OK && w->sync && fsync(w->temp.fd) == -1) {
        r = res_from_errno(errno);
    }
    if (r == RES_OK) {
        r = give_name(w);
    }
    /* Every change of names leaves its mark in the file's ctime. */
    temp_unlink(&w->temp);
    /* Once more for mode and owner, which it took with its name; the bytes are there already. */
    if (r == RES_OK && w->sync && fsync(w->temp.fd) == -1) {
        r = res_from_errno(errno);
    }
    if (r == RES_OK && w->sync) {
        r = sync_dir(w->dir_fd);
    }
    if (r == RES_OK && ret != NULL && fstat(w->temp.fd, ret) == -1) {
        r = res_from_errno(errno);
    }
    writer_free(w);
    return r;
}

void writer_abort(struct writer *w)
{
    writer_free(w);
}

void writer_leave(struct writer *w)
{
    temp_leave(&w->temp);
    w->temp.name[0] = '\0';
    writer_free(w);
}
