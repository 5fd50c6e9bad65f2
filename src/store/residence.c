/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/residence.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The file system cannot say what is in memory. Asked once for each open file. */
static enum residence without_answer(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC ? RESIDENCE_ALL : RESIDENCE_NOTHING;
}

ssize_t residence_read(enum residence *r, int fd, uint64_t offset, uint8_t *to, size_t len)
{
    const struct iovec iov = {.iov_base = to, .iov_len = len};
    ssize_t n;

    if (*r == RESIDENCE_ASK) {
        n = preadv2(fd, &iov, 1, (off_t)offset, RWF_NOWAIT);
        /* ENOSYS and EINVAL: a kernel or a sandbox that knows neither the call nor the flag */
        if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)) {
            return n;
        }
        *r = without_answer(fd);
    }
    if (*r == RESIDENCE_ALL) {
        return pread(fd, to, len, (off_t)offset);
    }
    errno = EAGAIN;
    return -1;
}
