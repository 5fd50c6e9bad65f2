/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/sandbox_landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "server/sandboxed_build.h"

/* Later than the headers of Linux 6.1. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

/* struct landlock_ruleset_attr as of ABI 6. Older kernels take the rest of it, if it is zero. */
struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING                                                                                    \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                                 \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_TRUNCATE)

static uint64_t files_of(int abi)
{
    uint64_t files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | READING |
                     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                     LANDLOCK_ACCESS_FS_MAKE_SYM;

    if (abi >= 2) {
        files |= LANDLOCK_ACCESS_FS_REFER; /* ABI 1 denies it always */
    }
    if (abi >= 3) {
        files |= LANDLOCK_ACCESS_FS_TRUNCATE;
    }
    if (abi >= 5) {
        files |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    }
    return files;
}

int sandbox_landlock_abi(const char **ret_why)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, 0, (unsigned)LANDLOCK_CREATE_RULESET_VERSION);

    if (abi >= 1) {
        return (int)abi;
    }
    *ret_why = errno == EOPNOTSUPP ? "switched off at boot"
               : errno == ENOSYS   ? "this kernel has none, Linux 5.13 or later can"
                                   : strerror(errno);
    return 0;
}

static int allow_beneath(int ruleset, int dir_fd, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = dir_fd};

    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
}

/* A directory that cannot be had now is of no use later. */
static int allow_reading(int ruleset, const char *dir)
{
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = fd == -1 ? 0 : allow_beneath(ruleset, fd, READING);

    if (fd != -1) {
        close(fd);
    }
    return rc;
}

/* Where the file is by its name, and where it really is if that is a link: an editor puts a new one
 * in its place, so the file alone would not do. */
static int allow_config(int ruleset, const char *file)
{
    char *name = strdup(file);
    char *real = realpath(file, NULL);
    int rc = name == NULL ? -1 : allow_reading(ruleset, dirname(name));

    if (rc == 0 && real != NULL) {
        rc = allow_reading(ruleset, dirname(real));
    }
    free(name);
    free(real);
    return rc;
}

static int add_rules(int ruleset, const struct sandbox_places *p, uint64_t handled)
{
    uint64_t root = (p->write ? READING | WRITING : READING) & handled;

    if (allow_beneath(ruleset, p->root_fd, root) != 0) {
        return -1;
    }
#ifdef WHERRY_SANDBOXED_SANITIZERS
    /* The leak checker looks at the threads, and the symbolizer at the program. */
    if (allow_reading(ruleset, "/proc") != 0) {
        return -1;
    }
#endif
    return p->config_file == NULL ? 0 : allow_config(ruleset, p->config_file);
}

enum res sandbox_landlock_enter(const struct sandbox_places *p, int abi, char *why, size_t cap)
{
    struct ruleset_attr attr = {.handled_access_fs = files_of(abi)};
    int error = 0;
    int ruleset;

    if (abi >= SANDBOX_LANDLOCK_TCP) {
        attr.handled_access_net = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP;
    }
    if (abi >= SANDBOX_LANDLOCK_SCOPE) {
        attr.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
    }
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0U);
    if (ruleset == -1 || add_rules(ruleset, p, attr.handled_access_fs) != 0 ||
        syscall(SYS_landlock_restrict_self, ruleset, 0U) != 0) {
        error = errno;
        snprintf(why, cap, "%s", strerror(error));
    }
    if (ruleset != -1) {
        close(ruleset);
    }
    return error == 0 ? RES_OK : res_from_errno(error);
}
