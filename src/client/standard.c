/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/standard.h"

#include <fcntl.h>
#include <unistd.h>

/* open() answers the lowest that is free, which is the one that was found closed. */
bool standard_fill(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

/* O_RDONLY, O_WRONLY or O_RDWR; something else for one that is not open. */
static int access_of(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags == -1 ? -1 : flags & O_ACCMODE;
}

bool standard_readable(int fd)
{
    int access = access_of(fd);

    return access == O_RDONLY || access == O_RDWR;
}

bool standard_writable(int fd)
{
    int access = access_of(fd);

    return access == O_WRONLY || access == O_RDWR;
}
