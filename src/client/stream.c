/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/errno_res.h"

#define PIECE_BYTES 4096u /* PIPE_BUF: what a pipe that polls writable takes without blocking */

/* A description of our own of the same pipe, so that only we do not block on it. */
static int open_again(int fd)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Files, and /dev/null, which has this number on every Linux. */
static bool never_blocks(const struct stat *st)
{
    return S_ISREG(st->st_mode) || (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3));
}

void stream_open(struct stream *s, int fd)
{
    struct stat st;
    bool known = fstat(fd, &st) == 0;

    *s = (struct stream){.fd = fd, .most = PIECE_BYTES};
    if (known && never_blocks(&st)) {
        s->most = SIZE_MAX;
    } else if (known && S_ISFIFO(st.st_mode)) {
        int own = open_again(fd);

        if (own != -1) {
            *s = (struct stream){.fd = own, .ours = true, .most = SIZE_MAX};
        }
    }
}

void stream_close(struct stream *s)
{
    if (s->ours) {
        (void)close(s->fd); /* a pipe has taken what it took */
        s->ours = false;
    }
}

static bool await_room(struct stream *s, struct link *l, struct outcome *why)
{
    uint64_t before_ns = link_now_ns(l);

    if (!link_wait_writable(l, s->fd, why)) {
        return false;
    }
    s->held_back = s->held_back || link_now_ns(l) > before_ns;
    return true;
}

bool stream_write(struct stream *s, struct link *l, const uint8_t *bytes, size_t len,
                  uint64_t *taken, struct outcome *why)
{
    while (len > 0) {
        size_t most = len < s->most ? len : s->most;
        ssize_t n;

        /* One that may block is asked first. */
        if (s->most != SIZE_MAX && !await_room(s, l, why)) {
            return false;
        }
        n = write(s->fd, bytes, most);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
            *taken += (uint64_t)n;
        } else if (errno != EAGAIN && errno != EINTR) {
            *why = (struct outcome){.side = OUTCOME_LOCAL, .result = res_from_errno(errno)};
            return false;
        }
        if (n < (ssize_t)most) {
            s->held_back = true;
            if (!await_room(s, l, why)) {
                return false;
            }
        }
    }
    return true;
}
