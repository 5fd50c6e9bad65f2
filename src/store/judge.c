/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "store/beneath.h"
#include "store/jail_path.h"

#define DELETED " (deleted)" /* what the kernel writes behind the path of a name that is gone */

/* The path by which the kernel knows an open descriptor. */
static enum res path_of(int fd, char path[JAIL_NAME_BYTES])
{
    char link[64];
    ssize_t len;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlinkat(AT_FDCWD, link, path, JAIL_NAME_BYTES); /* as links are read elsewhere */
    if (len == -1) {
        return errno == ENOENT ? RES_UNSUPPORTED : res_from_errno(errno);
    }
    if (len == JAIL_NAME_BYTES) {
        return RES_NAME;
    }
    path[len] = '\0';
    return RES_OK;
}

/* A file may well be called so. */
static bool is_deleted(const struct jail *j, int fd, const char *path)
{
    size_t len = strlen(path);
    struct stat ours;
    struct stat there;
    bool gone;
    int again;

    if (len < strlen(DELETED) || strcmp(path + len - strlen(DELETED), DELETED) != 0) {
        return false;
    }
    again = beneath_open(jail_fd(j), path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
    if (again == -1) {
        return true;
    }
    gone =
        fstat(fd, &ours) == -1 || fstat(again, &there) == -1 || !beneath_same_file(&ours, &there);
    (void)close(again);
    return gone;
}

/* From the root, which may be renamed at any time, so both paths are asked for. */
static enum res path_beneath(const struct jail *j, int fd, char ret[JAIL_NAME_BYTES])
{
    char root[JAIL_NAME_BYTES];
    char path[JAIL_NAME_BYTES];
    const char *at;
    size_t len;
    enum res r = path_of(jail_fd(j), root);

    if (r == RES_OK) {
        r = path_of(fd, path);
    }
    if (r != RES_OK) {
        return r;
    }
    len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0')) {
        return RES_CHANGED;
    }
    at = path + len;
    at += *at == '/';
    if (is_deleted(j, fd, at)) {
        return RES_CHANGED;
    }
    memcpy(ret, at, strlen(at) + 1);
    return RES_OK;
}

enum res judge_at(const struct jail *j, int dir_fd, const char *last, const struct policy_who *who,
                  enum policy_action action)
{
    char path[JAIL_NAME_BYTES];
    size_t len;
    enum res r;

    if (who == NULL) {
        return RES_OK;
    }
    if (!policy_needs_path(who)) {
        return policy_judge(who, NULL, action);
    }
    r = path_beneath(j, dir_fd, path);
    if (r != RES_OK) {
        return r;
    }
    len = strlen(path);
    if (sizeof(path) - len < strlen(last) + 2) {
        return RES_NAME;
    }
    (void)snprintf(path + len, sizeof(path) - len, "%s%s", len > 0 && *last != '\0' ? "/" : "",
                   last);
    return policy_judge(who, path, action);
}

enum res judge_fd(const struct jail *j, int fd, const struct policy_who *who,
                  enum policy_action action)
{
    return judge_at(j, fd, "", who, action);
}

/* What there is of the path, and the rest of it as it was called. */
static enum res judge_called(const struct jail *j, const char *path, enum jail_how how,
                             const struct policy_who *who, enum policy_action action)
{
    char there[JAIL_NAME_BYTES];
    size_t len = strlen(path);
    enum res r = RES_NOT_FOUND;
    int fd;

    while (r == RES_NOT_FOUND) {
        const char *rest = path + len;

        (void)snprintf(there, sizeof(there), "%.*s", len > 0 ? (int)len : 1, len > 0 ? path : ".");
        r = jail_path_look(j, there, how, &fd);
        if (r == RES_OK) {
            rest += strspn(rest, "/");
            r = judge_at(j, fd, rest, who, action);
            (void)close(fd);
            break;
        }
        if (len == 0) {
            break;
        }
        while (len > 0 && path[len - 1] == '/') {
            len--;
        }
        while (len > 0 && path[len - 1] != '/') {
            len--;
        }
    }
    return r;
}

enum res judge_miss(const struct jail *j, const char *path, enum jail_how how,
                    const struct policy_who *who, enum policy_action action, enum res found)
{
    enum res r;

    if ((found != RES_NOT_FOUND && found != RES_IS_DIR) || who == NULL) {
        return found;
    }
    r = policy_needs_path(who) ? judge_called(j, path, how, who, action)
                               : policy_judge(who, NULL, action);
    return r == RES_DENIED || r == RES_UNSUPPORTED || r == RES_LATER ? r : found;
}
