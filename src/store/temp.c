/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errno_res.h"

#define NAMES_TRIED_MAX 100

/* Letters that stay apart where upper and lower case are the same. */
static enum res random_name(struct temp *t)
{
    static const char letters[32] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t random[TEMP_LETTERS];
    char text[TEMP_LETTERS + 1] = "";

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return RES_IO;
    }
    for (size_t i = 0; i < TEMP_LETTERS; i++) {
        text[i] = letters[random[i] % sizeof(letters)];
    }
    snprintf(t->name, sizeof(t->name), JAIL_TEMP_PREFIX "%s", text);
    return RES_OK;
}

/* False: somebody's sweep came between the file's making and its locking, and may have removed it.
 * File systems without locks never say so; their left-overs are not swept either. */
static bool lock(int fd)
{
    struct stat st;

    if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        return errno != EWOULDBLOCK;
    }
    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static enum res open_named(struct temp *t)
{
    for (int i = 0; i < NAMES_TRIED_MAX; i++) {
        enum res r = random_name(t);

        if (r != RES_OK) {
            return r;
        }
        t->fd =
            openat(t->dir_fd, t->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (t->fd == -1) {
            if (errno != EEXIST) {
                return res_from_errno(errno);
            }
        } else if (lock(t->fd)) {
            return RES_OK;
        } else {
            unlinkat(t->dir_fd, t->name, 0);
            close(t->fd);
        }
    }
    return RES_IO;
}

enum res temp_open(struct temp *ret, int dir_fd, enum temp_kind kind)
{
    struct temp t = {.fd = -1, .dir_fd = dir_fd};
    enum res r = RES_OK;

    /* An unnamed file gets its name through /proc. */
    if (kind == TEMP_UNNAMED && access("/proc/self/fd", F_OK) == 0) {
        t.fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        /* Nobody else can hold the lock of a file that nobody else can see. */
        if (t.fd != -1 && flock(t.fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK) {
            close(t.fd);
            return RES_IO;
        }
        /* File systems and kernels without O_TMPFILE say so in three ways (open(2)). */
        if (t.fd == -1 && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
            return res_from_errno(errno);
        }
    }
    if (t.fd == -1) {
        r = open_named(&t);
    }
    if (r == RES_OK) {
        *ret = t;
    }
    return r;
}

static int link_unnamed(const struct temp *t, const char *name)
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", t->fd);
    return linkat(AT_FDCWD, link, t->dir_fd, name, AT_SYMLINK_FOLLOW);
}

enum res temp_become(struct temp *t, const char *last)
{
    if (t->name[0] == '\0') {
        return link_unnamed(t, last) == 0 ? RES_OK : res_from_errno(errno);
    }
    if (renameat2(t->dir_fd, t->name, t->dir_fd, last, RENAME_NOREPLACE) == 0) {
        t->name[0] = '\0';
        return RES_OK;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return res_from_errno(errno);
    }
    /* The file system has no such rename; temp_close() removes the first name. */
    return linkat(t->dir_fd, t->name, t->dir_fd, last, 0) == 0 ? RES_OK : res_from_errno(errno);
}

enum res temp_replace(struct temp *t, const char *last)
{
    for (int i = 0; t->name[0] == '\0'; i++) {
        enum res r = random_name(t);

        if (r == RES_OK && link_unnamed(t, t->name) == -1) {
            t->name[0] = '\0';
            r = errno == EEXIST && i < NAMES_TRIED_MAX ? RES_OK : res_from_errno(errno);
        }
        if (r != RES_OK) {
            return r;
        }
    }
    if (renameat(t->dir_fd, t->name, t->dir_fd, last) == -1) {
        return res_from_errno(errno);
    }
    t->name[0] = '\0';
    return RES_OK;
}

void temp_unlink(struct temp *t)
{
    if (t->name[0] != '\0') {
        unlinkat(t->dir_fd, t->name, 0);
        t->name[0] = '\0';
    }
}

void temp_close(struct temp *t)
{
    temp_unlink(t);
    temp_leave(t);
}

void temp_leave(struct temp *t)
{
    if (t->fd != -1) {
        close(t->fd);
        t->fd = -1;
    }
}
