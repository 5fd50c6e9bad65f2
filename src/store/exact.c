/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/exact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <wherry/message.h>

#include "base/errno_res.h"
#include "store/beneath.h"
#include "store/jail_path.h"
#include "store/judge.h"

#define SWAPS_MAX 16 /* of a name, while it is being judged */

/* A name that is allowed is a path as it stands: no `..`, no slash but between components. */
static enum res make_path(const char *name, char path[JAIL_NAME_BYTES])
{
    struct wherry_view view = {(const uint8_t *)name, strlen(name)};
    enum res r = wherry_message_check_path(view);

    if (r == RES_OK) {
        (void)snprintf(path, JAIL_NAME_BYTES, "%s", view.len > 0 ? name : ".");
    }
    return r;
}

enum res exact_open_file(const struct jail *j, const char *name, enum jail_how how,
                         const struct policy_who *who, int *ret_fd, struct stat *ret_stat)
{
    const struct jail_terms terms = {.who = who};
    char path[JAIL_NAME_BYTES];
    enum res r = make_path(name, path);

    return r == RES_OK ? jail_path_open_file(j, path, how, &terms, ret_fd, ret_stat) : r;
}

static enum res stat_once(const struct jail *j, const char *path, enum jail_how how,
                          const struct policy_who *who, struct stat *ret)
{
    int fd = -1;
    enum res r = jail_path_look(j, path, how, &fd);

    if (r != RES_OK) {
        return judge_miss(j, path, how, who, POLICY_LOOK, r);
    }
    r = judge_fd(j, fd, who, POLICY_LOOK);
    if (r == RES_OK && fstat(fd, ret) == -1) {
        r = res_from_errno(errno);
    }
    (void)close(fd);
    return r;
}

enum res exact_stat(const struct jail *j, const char *name, enum jail_how how,
                    const struct policy_who *who, struct stat *ret)
{
    char path[JAIL_NAME_BYTES];
    struct stat st = {.st_mode = 0};
    enum res r = make_path(name, path);

    if (r != RES_OK) {
        return r;
    }
    r = RES_CHANGED;
    for (int i = 0; i < SWAPS_MAX && r == RES_CHANGED; i++) {
        r = stat_once(j, path, how, who, &st);
    }
    if (r != RES_OK) {
        return r == RES_CHANGED ? RES_BUSY : r;
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        return RES_DENIED;
    }
    *ret = st;
    return RES_OK;
}

static enum res open_dir_once(const struct jail *j, const char *path, const struct policy_who *who,
                              int *ret_fd, struct stat *ret_stat)
{
    struct stat st;
    enum res r;
    int fd = beneath_open(jail_fd(j), path, O_RDONLY | O_DIRECTORY, 0);

    if (fd == -1) {
        return judge_miss(j, path, JAIL_ANY, who, POLICY_LIST, res_from_errno(errno));
    }
    r = judge_fd(j, fd, who, POLICY_LIST);
    if (r == RES_OK && fstat(fd, &st) == -1) {
        r = res_from_errno(errno);
    }
    if (r != RES_OK) {
        (void)close(fd);
        return r;
    }
    *ret_fd = fd;
    *ret_stat = st;
    return RES_OK;
}

enum res exact_open_dir(const struct jail *j, const char *name, const struct policy_who *who,
                        int *ret_fd, struct stat *ret_stat)
{
    char path[JAIL_NAME_BYTES];
    enum res r = make_path(name, path);

    if (r != RES_OK) {
        return r;
    }
    r = RES_CHANGED;
    for (int i = 0; i < SWAPS_MAX && r == RES_CHANGED; i++) {
        r = open_dir_once(j, path, who, ret_fd, ret_stat);
    }
    return r == RES_CHANGED ? RES_BUSY : r;
}

enum res exact_find_target(const struct jail *j, const char *name, const struct policy_who *who,
                           struct jail_target *ret)
{
    char path[JAIL_NAME_BYTES];
    enum res r = make_path(name, path);

    if (r != RES_OK) {
        return r;
    }
    r = jail_path_find_target(j, path, who, ret);
    if (r == RES_NOT_FOUND || r == RES_IS_DIR) {
        (void)make_path(name, path); /* links were followed in it */
        r = judge_miss(j, path, JAIL_ANY, who, POLICY_CREATE, r);
    }
    return r;
}

static enum res make_dir_once(const struct jail *j, const char *path, const struct policy_who *who,
                              mode_t mode)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash != NULL ? slash + 1 : path;
    char dir[JAIL_NAME_BYTES] = ".";
    int dir_fd;
    enum res r;

    if (slash != NULL) {
        (void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
    }
    dir_fd = beneath_open(jail_fd(j), dir, O_PATH | O_DIRECTORY, 0);
    if (dir_fd == -1) {
        return judge_miss(j, path, JAIL_ANY, who, POLICY_CREATE, res_from_errno(errno));
    }
    r = judge_at(j, dir_fd, last, who, POLICY_CREATE);
    /* What has the name is never followed: a link that leads nowhere has it too. */
    if (r == RES_OK && mkdirat(dir_fd, last, mode) == -1) {
        r = res_from_errno(errno);
    }
    (void)close(dir_fd);
    return r;
}

enum res exact_make_dir(const struct jail *j, const char *name, const struct policy_who *who,
                        mode_t mode)
{
    char path[JAIL_NAME_BYTES];
    enum res r = make_path(name, path);

    if (r != RES_OK) {
        return r;
    }
    r = RES_CHANGED;
    for (int i = 0; i < SWAPS_MAX && r == RES_CHANGED; i++) {
        r = make_dir_once(j, path, who, mode);
    }
    return r == RES_CHANGED ? RES_BUSY : r;
}
