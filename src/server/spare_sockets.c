/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/spare_sockets.h"

#include <sys/resource.h>
#include <unistd.h>

#include <wherry/res.h>

#include "net/udp.h"
#include "server/tftp_port.h"

unsigned spare_sockets_each(unsigned workers)
{
    struct rlimit limit;
    rlim_t most = SPARE_SOCKETS_EACH;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 / 2 / workers < most) {
        most = limit.rlim_cur / 4 / 2 / workers; /* two families */
    }
    return (unsigned)most;
}

bool spare_sockets_open(struct spare_sockets *s, int family, unsigned count)
{
    enum res r = RES_OK;

    for (unsigned i = 0; i < count && r == RES_OK; i++) {
        struct spare_socket *item = &s->items[s->count];

        *item = (struct spare_socket){.family = family};
        r = udp_open_unbound(family, PORTS_BUFFER_BYTES, &item->fd);
        if (r == RES_OK) {
            s->count++;
        }
    }
    return r == RES_OK;
}

void spare_sockets_close(struct spare_sockets *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].fd != -1) {
            close(s->items[i].fd);
        }
    }
    *s = (struct spare_sockets){.count = 0};
}

int spare_sockets_take(struct spare_sockets *s, int family, uint64_t now_ns)
{
    for (size_t i = 0; s != NULL && i < s->count; i++) {
        struct spare_socket *item = &s->items[i];

        if (item->fd == -1 || item->taken || item->family != family || now_ns < item->rested_ns) {
            continue;
        }
        if (udp_empty(item->fd)) {
            item->taken = true;
            return item->fd;
        }
        close(item->fd);
        item->fd = -1;
    }
    return -1;
}

static struct spare_socket *find(struct spare_sockets *s, int fd)
{
    for (size_t i = 0; s != NULL && i < s->count; i++) {
        if (s->items[i].taken && s->items[i].fd == fd) {
            return &s->items[i];
        }
    }
    return NULL;
}

bool spare_sockets_give(struct spare_sockets *s, int fd, uint64_t now_ns)
{
    struct spare_socket *item = find(s, fd);

    if (item == NULL) {
        return false;
    }
    item->taken = false;
    item->rested_ns = now_ns + SPARE_SOCKETS_REST_NS;
    /* Emptied now, so that it holds no memory while it rests. */
    if (!udp_unbind(fd) || !udp_empty(fd)) {
        item->fd = -1;
        return false;
    }
    return true;
}
