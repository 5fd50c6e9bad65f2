/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "net/tcp.h"

static void describe_failure(struct outcome *why, const struct addr *peer, enum res r, int error)
{
    char address[ADDR_TEXT_BYTES];

    *why = (struct outcome){.side = OUTCOME_NETWORK, .result = r};
    (void)addr_print(peer, address);
    if (error == ECONNREFUSED) {
        (void)snprintf(why->detail, sizeof(why->detail), "nobody listens at %s", address);
    } else if (r == RES_TIMEOUT) {
        (void)snprintf(why->detail, sizeof(why->detail), "no answer from %s", address);
    } else {
        (void)snprintf(why->detail, sizeof(why->detail), "cannot connect to %s: %s", address,
                       error != 0 ? strerror(error) : wherry_res_text(r));
    }
}

/* Until it is connected, refused, or the time is up. */
static enum res await(struct waiter *w, int fd, uint64_t deadline_ns)
{
    enum res r = RES_LATER;

    while (r == RES_LATER) {
        if (waiter_wait(w, fd, LOOP_WRITE, deadline_ns) == 0) {
            errno = 0;
            return RES_TIMEOUT;
        }
        r = tcp_connected(fd);
    }
    return r;
}

static enum res try_address(const struct dial_params *p, const struct addr *peer, int *ret_fd)
{
    uint64_t patience_ns = number_min(p->patience_ns, DIAL_PATIENCE_NS);
    int fd = -1;
    enum res r = tcp_connect(peer, &fd);
    int error;

    if (r == RES_LATER) {
        r = await(p->waiter, fd, waiter_now_ns(p->waiter) + patience_ns);
    }
    if (r == RES_OK) {
        *ret_fd = fd;
        return RES_OK;
    }
    error = errno;
    if (fd != -1) {
        waiter_forget(p->waiter);
        (void)close(fd); /* nothing was sent */
    }
    errno = error;
    return r;
}

bool dial(const struct dial_params *p, int *ret_fd, struct addr *ret_peer, struct outcome *why)
{
    char address[ADDR_TEXT_BYTES];

    for (size_t i = 0; i < p->count; i++) {
        const struct addr *peer = &p->addresses[i];
        enum res r;

        console_say(p->console, CONSOLE_NOTE, "asking %s", addr_print(peer, address));
        waiter_look(p->waiter);
        r = try_address(p, peer, ret_fd);
        if (r == RES_OK) {
            *ret_peer = *peer;
            return true;
        }
        if (p->waiter->signum != 0) {
            *why = (struct outcome){
                .side = OUTCOME_SIGNAL, .result = RES_SHUTDOWN, .signum = p->waiter->signum};
            return false;
        }
        describe_failure(why, peer, r, errno);
        if (i + 1 < p->count) {
            console_say(p->console, CONSOLE_NOTE, "%s; trying the next address", why->detail);
        }
    }
    return false;
}
