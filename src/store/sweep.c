/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "store/beneath.h"
#include "store/jail.h"

/* Directories that are still to be read, as paths from the root: one descriptor is open at a time,
 * however deep the tree is. What lies deeper than PATH_MAX no client can name. */
struct pending {
    struct pending *next;
    char path[];
};

/* False: out of memory. */
static bool push(struct pending **top, const char *dir, const char *name)
{
    char path[JAIL_NAME_BYTES];
    int len = snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
    struct pending *p = NULL;

    if (len < 0 || (size_t)len >= sizeof(path)) {
        return true;
    }
    p = malloc(sizeof(*p) + (size_t)len + 1);
    if (p == NULL) {
        return false;
    }
    memcpy(p->path, path, (size_t)len + 1);
    p->next = *top;
    *top = p;
    return true;
}

/* True: it was a dead writer's, and is gone. */
static bool remove_dead(int dir_fd, const char *name)
{
    const int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat opened;
    struct stat named;
    bool removed = false;
    int fd;

    if (fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(named.st_mode)) {
        return false;
    }
    /* NFS locks only what is open for writing; elsewhere reading will do. */
    fd = openat(dir_fd, name, O_RDWR | flags);
    if (fd == -1) {
        fd = openat(dir_fd, name, O_RDONLY | flags);
    }
    if (fd == -1) {
        return false;
    }
    /* With the lock held no writer can begin to use the file; the name is looked at again. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 &&
        fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        beneath_same_file(&opened, &named)) {
        removed = unlinkat(dir_fd, name, 0) == 0;
    }
    close(fd);
    return removed;
}

static bool is_dir(int dir_fd, const struct dirent *e)
{
    struct stat st;

    if (e->d_type != DT_UNKNOWN) {
        return e->d_type == DT_DIR;
    }
    return fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Data without a record: its upload was killed early, or runs. With one, the record decides. */
static bool sweep_data(int dir_fd, const char *name, const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    return !keep_has_record(dir_fd, id) && remove_dead(dir_fd, name);
}

static bool sweep_record(const struct sweep_params *p, int dir_fd,
                         const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    struct keep_record rec;
    enum res r = keep_inspect(dir_fd, id, &rec);

    if (r == RES_OK && (p->kept == NULL || p->kept(p->arg, dir_fd, id, &rec))) {
        return false;
    }
    return (r == RES_OK || r == RES_NOT_FOUND) && keep_remove(dir_fd, id) == RES_OK;
}

/* True: it was of no use, and is gone. */
static bool sweep_file(const struct sweep_params *p, int dir_fd, const char *name)
{
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];

    if (strncmp(name, JAIL_TEMP_PREFIX, strlen(JAIL_TEMP_PREFIX)) != 0) {
        return false;
    }
    switch (keep_parse_name(name, id)) {
    case KEEP_DATA:
        return sweep_data(dir_fd, name, id);
    case KEEP_RECORD:
        return sweep_record(p, dir_fd, id);
    case KEEP_NONE:
        break;
    }
    return remove_dead(dir_fd, name);
}

static enum res sweep_dir(const struct sweep_params *p, const char *path, struct pending **todo,
                          size_t *removed)
{
    int fd = beneath_open(p->root_fd, path[0] != '\0' ? path : ".", O_RDONLY | O_DIRECTORY,
                          RESOLVE_NO_SYMLINKS);
    const struct dirent *e;
    enum res r = RES_OK;
    DIR *dir;

    if (fd == -1) {
        return RES_OK;
    }
    dir = fdopendir(fd);
    if (dir == NULL) {
        r = res_from_errno(errno);
        close(fd);
        return r;
    }
    while (r == RES_OK && (e = readdir(dir)) != NULL) {
        if (atomic_load(p->stop)) {
            r = RES_SHUTDOWN;
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        if (is_dir(fd, e)) {
            r = push(todo, path, e->d_name) ? RES_OK : RES_NO_MEMORY;
        } else if (sweep_file(p, fd, e->d_name)) {
            ++*removed;
        }
    }
    closedir(dir);
    return r;
}

enum res sweep(const struct sweep_params *params, size_t *ret_removed)
{
    struct pending *todo = NULL;
    size_t removed = 0;
    enum res r = sweep_dir(params, "", &todo, &removed);

    while (todo != NULL) {
        struct pending *p = todo;

        todo = p->next;
        if (r == RES_OK) {
            r = sweep_dir(params, p->path, &todo, &removed);
        }
        free(p);
    }
    if (r == RES_OK) {
        *ret_removed = removed;
    }
    return r;
}
