/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RENAME_RACES_MAX 64

int beneath_open(int root_fd, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
    };
    int races = 0;
    int fd;

    do {
        fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        /* The kernel gives up a walk through `..` when anything was renamed meanwhile. */
    } while (fd == -1 && (errno == EINTR || (errno == EAGAIN && (resolve & RESOLVE_CACHED) == 0 &&
                                             ++races < RENAME_RACES_MAX)));
    return fd;
}

bool beneath_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}
