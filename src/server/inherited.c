/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/inherited.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/text.h"
#include "net/tcp.h"
#include "net/udp.h"

#define QUOTED_BYTES 64

static bool is_for_us(const char *pid)
{
    uint64_t whose;

    return pid != NULL && number_parse(pid, 1, INT32_MAX, &whose) && whose == (uint64_t)getpid();
}

enum res inherited_count(unsigned *ret, char *why, size_t cap)
{
    const char *text = getenv("LISTEN_FDS");
    char quoted[QUOTED_BYTES];
    enum res r = RES_OK;
    uint64_t count = 0;

    if (text != NULL && is_for_us(getenv("LISTEN_PID")) &&
        !number_parse(text, 0, INHERITED_MAX, &count)) {
        snprintf(why, cap, "LISTEN_FDS=\"%s\": not a number of descriptors from 0 to %u",
                 text_quote((const uint8_t *)text, strlen(text), quoted, sizeof(quoted)),
                 INHERITED_MAX);
        r = RES_PROTOCOL;
    }
    /* Names without '=' in them cannot be refused. */
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDNAMES");
    if (r == RES_OK) {
        *ret = (unsigned)count;
    }
    return r;
}

/* 0: the kernel does not say, or no socket. */
static int option_of(int fd, int name)
{
    int value = 0;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : 0;
}

static bool is_connected(int fd)
{
    struct addr peer = {.len = sizeof(peer.u)};

    return getpeername(fd, &peer.u.sa, &peer.len) == 0;
}

/* What is wrong with it, or NULL. */
static const char *fault_of(int fd, const struct addr *bound)
{
    int protocol = option_of(fd, SO_PROTOCOL);

    if (bound->u.sa.sa_family != AF_INET && bound->u.sa.sa_family != AF_INET6) {
        return "a socket of another family than IPv4 and IPv6";
    }
    if (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) {
        return "a socket of another protocol than UDP and TCP";
    }
    if (addr_port(bound) == 0) {
        return "a socket without a port";
    }
    if (is_connected(fd)) {
        return "connected to one peer";
    }
    if (protocol == IPPROTO_TCP && option_of(fd, SO_ACCEPTCONN) == 0) {
        return "a TCP socket that does not listen";
    }
    return NULL;
}

enum res inherited_adopt(int fd, struct endpoint *ret, char *why, size_t cap)
{
    struct endpoint e = {.addr = {.len = sizeof(e.addr.u)}};
    const char *fault;
    enum res r;

    fault =
        getsockname(fd, &e.addr.u.sa, &e.addr.len) != 0 ? strerror(errno) : fault_of(fd, &e.addr);
    if (fault != NULL) {
        snprintf(why, cap,
                 "descriptor %d was handed over (LISTEN_FDS) and is not to be served: %s; allowed "
                 "are bound UDP sockets for TFTP (ListenDatagram=) and listening TCP sockets for "
                 "the file protocol (ListenStream= with Accept=no)",
                 fd, fault);
        return RES_UNSUPPORTED;
    }
    e.scheme = option_of(fd, SO_PROTOCOL) == IPPROTO_UDP ? ENDPOINT_TFTP : ENDPOINT_WHERRY;
    r = e.scheme == ENDPOINT_TFTP ? udp_adopt(fd) : tcp_adopt(fd);
    if (r != RES_OK) {
        snprintf(why, cap, "descriptor %d was handed over (LISTEN_FDS) and cannot be served: %s",
                 fd, strerror(errno));
        return r;
    }
    *ret = e;
    return RES_OK;
}
