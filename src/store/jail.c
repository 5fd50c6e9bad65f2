/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "store/beneath.h"
#include "store/jail_path.h"
#include "store/judge.h"

#define LINKS_MAX 40 /* as the kernel */
#define COMPONENT_MAX 255
#define SWAPS_MAX 16

struct jail {
    int root_fd;
};

enum res jail_open(struct jail **ret, const char *root)
{
    struct jail *j = malloc(sizeof(*j));
    enum res r = RES_OK;
    int probe;

    if (j == NULL) {
        return RES_NO_MEMORY;
    }
    j->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (j->root_fd == -1) {
        r = res_from_errno(errno);
        goto fail;
    }
    probe = beneath_open(j->root_fd, ".", O_PATH, 0);
    if (probe == -1) {
        /* EPERM is how a seccomp filter says no; a missing permission would be EACCES. */
        r = errno == ENOSYS || errno == EPERM ? RES_UNSUPPORTED : res_from_errno(errno);
        goto fail;
    }
    close(probe);
    *ret = j;
    return RES_OK;
fail:
    jail_free(j);
    return r;
}

void jail_free(struct jail *j)
{
    if (j == NULL) {
        return;
    }
    if (j->root_fd != -1) {
        close(j->root_fd);
    }
    free(j);
}

int jail_fd(const struct jail *j)
{
    return j->root_fd;
}

/* What no file system needs to be asked for. Backslashes separate here even before they are
 * folded, so that folding brings nothing new to light. */
static enum res check_name(const char *name)
{
    const char *at = name;

    if (strlen(name) >= JAIL_NAME_BYTES) {
        return RES_NAME;
    }
    while (*at != '\0') {
        size_t len = strcspn(at, "/\\");

        if (len > COMPONENT_MAX || (len == 2 && memcmp(at, "..", 2) == 0) ||
            strncmp(at, JAIL_TEMP_PREFIX, strlen(JAIL_TEMP_PREFIX)) == 0) {
            return RES_NAME;
        }
        at += len;
        at += *at != '\0';
    }
    return RES_OK;
}

/* The components of name, one slash between each and none in front; a closing slash stays, it asks
 * for a directory. Unfolded components that are too long exist nowhere. */
static enum res clean_name(const char *name, const char *separators, char path[JAIL_NAME_BYTES])
{
    const char *at = name + strspn(name, separators);
    size_t used = 0;

    if (*at == '\0') {
        return RES_IS_DIR;
    }
    while (*at != '\0') {
        size_t len = strcspn(at, separators);

        if (len > COMPONENT_MAX) {
            return RES_NOT_FOUND;
        }
        memcpy(path + used, at, len);
        used += len;
        at += len;
        if (*at != '\0') {
            path[used++] = '/';
            at += strspn(at, separators);
        }
    }
    path[used] = '\0';
    return RES_OK;
}

static enum res judge_type(mode_t mode)
{
    if (S_ISREG(mode)) {
        return RES_OK;
    }
    return S_ISDIR(mode) ? RES_IS_DIR : RES_DENIED;
}

/* The file behind an O_PATH descriptor, opened for reading. The link in /proc leads to just that
 * file, whatever its name means by now. Without /proc the name is opened again and must still mean
 * the same file; O_NONBLOCK so that what took its place cannot hold us. */
static enum res reopen(const struct jail *j, const char *path, int path_fd, enum jail_how how,
                       int *ret_fd)
{
    char link[64];
    struct stat before;
    struct stat after;
    int fd;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
    do {
        /* O_NONBLOCK: do not wait for somebody's lease (fcntl F_SETLEASE) to be given back. */
        fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | (how == JAIL_CACHED ? O_NONBLOCK : 0));
    } while (fd == -1 && errno == EINTR);
    if (fd != -1) {
        *ret_fd = fd;
        return RES_OK;
    }
    if (how == JAIL_CACHED && (errno == EAGAIN || errno == ENOENT)) {
        return RES_LATER;
    }
    if (errno != ENOENT) {
        return res_from_errno(errno);
    }
    fd = beneath_open(j->root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd == -1) {
        return res_from_errno(errno);
    }
    if (fstat(path_fd, &before) == -1 || fstat(fd, &after) == -1) {
        close(fd);
        return RES_IO;
    }
    if (!beneath_same_file(&before, &after)) {
        close(fd);
        return RES_CHANGED;
    }
    *ret_fd = fd;
    return RES_OK;
}

enum res jail_path_look(const struct jail *j, const char *path, enum jail_how how, int *ret_fd)
{
    int fd = beneath_open(j->root_fd, path, O_PATH, how == JAIL_CACHED ? RESOLVE_CACHED : 0);

    if (fd == -1) {
        /* EINVAL: the kernel is older than RESOLVE_CACHED (Linux 5.12). */
        return how == JAIL_CACHED && (errno == EAGAIN || errno == EINVAL) ? RES_LATER
                                                                          : res_from_errno(errno);
    }
    *ret_fd = fd;
    return RES_OK;
}

static enum res open_once(const struct jail *j, const char *path, enum jail_how how,
                          const struct jail_terms *terms, int *ret_fd, struct stat *ret_stat)
{
    int path_fd = -1;
    int fd = -1;
    bool open_already = false;
    struct stat st;
    enum res r = jail_path_look(j, path, how, &path_fd);

    if (r != RES_OK) {
        return r;
    }
    r = judge_fd(j, path_fd, terms->who, POLICY_READ);
    if (r == RES_OK) {
        r = fstat(path_fd, &st) == -1 ? res_from_errno(errno) : judge_type(st.st_mode);
    }
    open_already = r == RES_OK && terms->known != NULL && terms->known(terms->arg, &st);
    if (r == RES_OK && !open_already) {
        r = reopen(j, path, path_fd, how, &fd);
    }
    close(path_fd);
    if (r == RES_OK && !open_already && fstat(fd, &st) == -1) {
        r = res_from_errno(errno);
        close(fd);
    }
    if (r == RES_OK) {
        *ret_fd = fd;
        *ret_stat = st;
    }
    return r;
}

static enum res open_path(const struct jail *j, const char *path, enum jail_how how,
                          const struct jail_terms *terms, int *ret_fd, struct stat *ret_stat)
{
    enum res r = RES_CHANGED;

    for (int i = 0; i < SWAPS_MAX && r == RES_CHANGED; i++) {
        r = open_once(j, path, how, terms, ret_fd, ret_stat);
    }
    return r == RES_CHANGED ? RES_BUSY : r;
}

enum res jail_path_open_file(const struct jail *j, const char *path, enum jail_how how,
                             const struct jail_terms *terms, int *ret_fd, struct stat *ret_stat)
{
    enum res r = open_path(j, path, how, terms, ret_fd, ret_stat);

    return judge_miss(j, path, how, terms->who, POLICY_READ, r);
}

enum res jail_open_file(const struct jail *j, const char *name, enum jail_how how,
                        const struct jail_terms *terms, int *ret_fd, struct stat *ret_stat)
{
    static const struct jail_terms anybody = {.who = NULL};
    char path[JAIL_NAME_BYTES] = "";
    enum res r = check_name(name);

    if (r != RES_OK) {
        return r;
    }
    terms = terms != NULL ? terms : &anybody;
    r = clean_name(name, "/", path);
    if (r == RES_OK) {
        r = open_path(j, path, how, terms, ret_fd, ret_stat);
    }
    if (r == RES_NOT_FOUND && strchr(name, '\\') != NULL) {
        r = clean_name(name, "/\\", path);
        if (r == RES_OK) {
            r = open_path(j, path, how, terms, ret_fd, ret_stat);
        }
    }
    return r == RES_NOT_FOUND ? judge_miss(j, path, how, terms->who, POLICY_READ, r) : r;
}

/* A path from the root, or, without a jail, of the local file system. */
static int open_at(const struct jail *j, const char *path, int flags)
{
    return j != NULL ? beneath_open(j->root_fd, path, flags, 0) : open(path, flags | O_CLOEXEC);
}

/* Puts what the link says in place of the last component of path, which begins at `last`. */
static enum res follow_link(const struct jail *j, char path[JAIL_NAME_BYTES], char *last,
                            int dir_fd, const char *name)
{
    char text[JAIL_NAME_BYTES];
    ssize_t len;
    int fd = open_at(j, path, O_PATH);

    /* A dangling link is fine; one of /proc, or one in a circle, is not. */
    if (fd == -1 && errno != ENOENT) {
        return res_from_errno(errno);
    }
    if (fd != -1) {
        close(fd);
    }
    len = readlinkat(dir_fd, name, text, sizeof(text) - 1);
    if (len == -1) {
        return res_from_errno(errno);
    }
    text[len] = '\0';
    if (text[0] == '/') {
        last = path;
    }
    if ((size_t)len >= JAIL_NAME_BYTES - (size_t)(last - path)) {
        return RES_NAME;
    }
    memcpy(last, text, (size_t)len + 1);
    return RES_OK;
}

/* What was found out about a target is told only to those who may put something there. */
static enum res judge_target(const struct jail *j, const struct policy_who *who,
                             struct jail_target *t, enum res found)
{
    enum res r = judge_at(j, t->dir_fd, t->last, who, POLICY_REPLACE);

    t->replaceable = r == RES_OK;
    return r == RES_OK || r == RES_EXISTS ? found : r;
}

/* One step towards the target: *ret_link says that path was a link and is now what it says. */
static enum res find_step(const struct jail *j, char path[JAIL_NAME_BYTES],
                          const struct policy_who *who, bool *ret_link, struct jail_target *ret)
{
    char *slash = strrchr(path, '/');
    char *last = slash != NULL ? slash + 1 : path;
    struct jail_target t = {.dir_fd = -1};
    char dir[JAIL_NAME_BYTES];
    enum res r;

    if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        int fd = open_at(j, path, O_PATH | O_DIRECTORY);

        r = fd == -1 ? res_from_errno(errno) : RES_IS_DIR;
        if (fd != -1) {
            close(fd);
        }
        return r;
    }
    if (strlen(last) > COMPONENT_MAX) {
        return RES_NAME;
    }
    snprintf(t.last, sizeof(t.last), "%s", last);
    snprintf(dir, sizeof(dir), "%.*s%s", (int)(last - path), path, slash == NULL ? "." : "");
    t.dir_fd = open_at(j, dir, O_PATH | O_DIRECTORY);
    if (t.dir_fd == -1) {
        return res_from_errno(errno);
    }
    *ret_link = false;
    t.exists = fstatat(t.dir_fd, t.last, &t.stat, AT_SYMLINK_NOFOLLOW) == 0;
    if (!t.exists) {
        r = errno == ENOENT ? RES_OK : res_from_errno(errno);
    } else if (S_ISLNK(t.stat.st_mode)) {
        *ret_link = true;
        r = follow_link(j, path, last, t.dir_fd, t.last);
    } else {
        r = judge_type(t.stat.st_mode);
        t.writable = faccessat(t.dir_fd, t.last, W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0;
    }
    if (!*ret_link) {
        r = judge_target(j, who, &t, r);
    }
    if (r != RES_OK || *ret_link) {
        close(t.dir_fd);
        return r;
    }
    *ret = t;
    return RES_OK;
}

/* j NULL: of the local file system. */
enum res jail_path_find_target(const struct jail *j, char path[JAIL_NAME_BYTES],
                               const struct policy_who *who, struct jail_target *ret)
{
    bool is_link = true;
    enum res r = RES_OK;
    int links = 0;
    int swaps = 0;

    while (links <= LINKS_MAX && is_link && r == RES_OK) {
        r = find_step(j, path, who, &is_link, ret);
        if (r == RES_CHANGED && ++swaps < SWAPS_MAX) {
            r = RES_OK;
            is_link = true; /* the same step again */
        } else {
            links++;
        }
    }
    if (r == RES_CHANGED) {
        return RES_BUSY;
    }
    return r == RES_OK && is_link ? RES_DENIED : r;
}

/* What separates the components of an upload's name: backslashes do unless such a name exists. */
static const char *find_separators(const struct jail *j, const char *name)
{
    char path[JAIL_NAME_BYTES];
    struct jail_target t;
    enum res r;

    if (strchr(name, '\\') == NULL) {
        return "/";
    }
    r = clean_name(name, "/", path);
    if (r == RES_OK) {
        r = jail_path_find_target(j, path, NULL, &t);
    }
    if (r == RES_OK) {
        close(t.dir_fd);
    }
    return r == RES_NOT_FOUND || (r == RES_OK && !t.exists) ? "/\\" : "/";
}

enum res jail_find_target(const struct jail *j, const char *name, const struct policy_who *who,
                          struct jail_target *ret)
{
    const char *separators;
    char path[JAIL_NAME_BYTES];
    enum res r = check_name(name);

    if (r != RES_OK) {
        return r;
    }
    separators = find_separators(j, name);
    r = clean_name(name, separators, path);
    if (r != RES_OK) {
        return r;
    }
    r = jail_path_find_target(j, path, who, ret);
    if (r == RES_NOT_FOUND || r == RES_IS_DIR) {
        (void)clean_name(name, separators, path); /* links were followed in it */
        r = judge_miss(j, path, JAIL_ANY, who, POLICY_CREATE, r);
    }
    return r;
}

enum res jail_find_local(const char *path, struct jail_target *ret)
{
    char copy[JAIL_NAME_BYTES];

    if (path[0] == '\0') {
        return RES_NOT_FOUND;
    }
    if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy)) {
        return RES_NAME;
    }
    return jail_path_find_target(NULL, copy, NULL, ret);
}
