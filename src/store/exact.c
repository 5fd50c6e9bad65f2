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

enum res exact_open_file(const struct jail *j, const char *name, enum jail_how how, int *ret_fd,
                         struct stat *ret_stat)
{
    char path[JAIL_NAME_BYTES];
    enum res r = make_path(name, path);

    return r == RES_OK ? jail_path_open_file(j, path, how, ret_fd, ret_stat) : r;
}

enum res exact_stat(const struct jail *j, const char *name, enum jail_how how, struct stat *ret)
{
    char path[JAIL_NAME_BYTES];
    struct stat st;
    int fd = -1;
    enum res r = make_path(name, path);

    if (r == RES_OK) {
        r = jail_path_look(j, path, how, &fd);
    }
    if (r != RES_OK) {
        return r;
    }
    if (fstat(fd, &st) == -1) {
        r = res_from_errno(errno);
    } else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        r = RES_DENIED;
    }
    (void)close(fd);
    if (r == RES_OK) {
        *ret = st;
    }
    return r;
}

enum res exact_open_dir(const struct jail *j, const char *name, int *ret_fd, struct stat *ret_stat)
{
    char path[JAIL_NAME_BYTES];
    struct stat st;
    enum res r = make_path(name, path);
    int fd;

    if (r != RES_OK) {
        return r;
    }
    fd = beneath_open(jail_fd(j), path, O_RDONLY | O_DIRECTORY, 0);
    if (fd == -1) {
        return res_from_errno(errno);
    }
    if (fstat(fd, &st) == -1) {
        r = res_from_errno(errno);
        (void)close(fd);
        return r;
    }
    *ret_fd = fd;
    *ret_stat = st;
    return RES_OK;
}

enum res exact_find_target(const struct jail *j, const char *name, struct jail_target *ret)
{
    char path[JAIL_NAME_BYTES];
    enum res r = make_path(name, path);

    return r == RES_OK ? jail_path_find_target(j, path, ret) : r;
}

enum res exact_make_dir(const struct jail *j, const char *name, mode_t mode)
{
    char path[JAIL_NAME_BYTES];
    const char *dir = ".";
    char *slash;
    int dir_fd;
    enum res r = make_path(name, path);

    if (r != RES_OK) {
        return r;
    }
    slash = strrchr(path, '/');
    if (slash != NULL) {
        *slash = '\0';
        dir = path;
    }
    dir_fd = beneath_open(jail_fd(j), dir, O_PATH | O_DIRECTORY, 0);
    if (dir_fd == -1) {
        return res_from_errno(errno);
    }
    /* What has the name is never followed: a link that leads nowhere has it too. */
    if (mkdirat(dir_fd, slash != NULL ? slash + 1 : path, mode) == -1) {
        r = res_from_errno(errno);
    }
    (void)close(dir_fd);
    return r;
}
