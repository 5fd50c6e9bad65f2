/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/straight.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errno_res.h"

#define PIECE_BYTES 4096u /* PIPE_BUF: what a pipe that polls writable takes without blocking */
#define LOOK_MS 100

bool straight_needed(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static bool is_fifo(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

enum res straight_open(int *ret_fd, const char *path, const atomic_bool *abandoned)
{
    while (!atomic_load(abandoned)) {
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd != -1) {
            *ret_fd = fd;
            return RES_OK;
        }
        /* ENXIO: nobody reads the FIFO yet. There is no event for that. */
        if (errno == ENXIO && is_fifo(path)) {
            (void)poll(NULL, 0, LOOK_MS);
        } else if (errno != EINTR) {
            return res_from_errno(errno);
        }
    }
    return RES_SHUTDOWN;
}

static enum res wait_writable(int fd, const atomic_bool *abandoned)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    while (!atomic_load(abandoned)) {
        int n = poll(&p, 1, LOOK_MS);

        if (n > 0) {
            return RES_OK;
        }
        if (n == -1 && errno != EINTR) {
            return res_from_errno(errno);
        }
    }
    return RES_SHUTDOWN;
}

static bool is_regular(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

enum res straight_write(int fd, const uint8_t *bytes, size_t len, const atomic_bool *abandoned)
{
    size_t most = is_regular(fd) ? SIZE_MAX : PIECE_BYTES;

    while (len > 0) {
        enum res r = wait_writable(fd, abandoned);
        ssize_t n;

        if (r != RES_OK) {
            return r;
        }
        n = write(fd, bytes, len < most ? len : most);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (errno != EINTR && errno != EAGAIN) {
            return res_from_errno(errno);
        }
    }
    return RES_OK;
}
