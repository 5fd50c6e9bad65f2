/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "net/tcp.h"
#include "net/udp.h"
#include "server/inherited.h"

/* A thousand boards that are switched on together ask within a few milliseconds. */
#define BUFFER_BYTES (8u << 20)
#define REQUEST_BYTES 512u /* RFC 1350: the longest request without options */

/* What messages say of a kind of endpoint, and how its sockets are shown. */
static const struct {
    const char *scheme;
    const char *other; /* who else may have the port */
    const char *ss;
} kinds[] = {
    [ENDPOINT_TFTP] = {"tftp", " (another TFTP server?)", "-lunp"},
    [ENDPOINT_WHERRY] = {"wherry", "", "-ltnp"},
};

char *listeners_url(const struct endpoint *e, char *buf)
{
    char text[ADDR_TEXT_BYTES];

    snprintf(buf, LISTENERS_URL_BYTES, "%s://%s", kinds[e->scheme].scheme,
             addr_print(&e->addr, text));
    return buf;
}

static bool is_wildcard(const struct addr *a)
{
    return a->u.sa.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr)
                                         : a->u.in4.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* The one of ours that already has this port; [::] has it for IPv4 too. NULL: another program. */
static const struct listener *find_rival(const struct listeners *l, const struct endpoint *e)
{
    const struct addr *a = &e->addr;

    for (size_t i = 0; i < l->count; i++) {
        const struct addr *b = &l->items[i].endpoint.addr;
        bool same_family = a->u.sa.sa_family == b->u.sa.sa_family;
        bool wildcard = (is_wildcard(a) && (same_family || a->u.sa.sa_family == AF_INET6)) ||
                        (is_wildcard(b) && (same_family || b->u.sa.sa_family == AF_INET6));

        if (e->scheme == l->items[i].endpoint.scheme && addr_port(a) == addr_port(b) &&
            (wildcard || addr_same_host(a, b))) {
            return &l->items[i];
        }
    }
    return NULL;
}

static void explain(int error, const struct listeners *earlier, const struct endpoint *e, char *why,
                    size_t cap)
{
    const struct listener *rival = find_rival(earlier, e);
    const char *scheme = kinds[e->scheme].scheme;
    char url[LISTENERS_URL_BYTES];
    char rival_url[LISTENERS_URL_BYTES];
    uint16_t port = addr_port(&e->addr);

    listeners_url(e, url);
    if (error == EADDRINUSE && rival != NULL) {
        snprintf(why, cap,
                 "cannot listen on %s: listen names %s too, which has this port already ([::] "
                 "takes IPv4 too): leave one of them out",
                 url, listeners_url(&rival->endpoint, rival_url));
        return;
    }
    switch (error) {
    case EADDRINUSE:
        snprintf(why, cap,
                 "cannot listen on %s: port %" PRIu16 " is in use by another program%s: stop it "
                 "(ss %s 'sport = :%" PRIu16 "' shows it) or choose another with --listen "
                 "%s://ADDR:PORT",
                 url, port, kinds[e->scheme].other, kinds[e->scheme].ss, port, scheme);
        break;
    case EACCES:
    case EPERM:
        snprintf(why, cap,
                 "cannot listen on %s: port %" PRIu16 " needs root or CAP_NET_BIND_SERVICE, or "
                 "choose a port above 1023 with --listen %s://ADDR:PORT",
                 url, port, scheme);
        break;
    case EADDRNOTAVAIL:
        snprintf(why, cap,
                 "cannot listen on %s: this machine has no such address (ip addr shows those it "
                 "has): choose one with --listen %s://ADDR:PORT",
                 url, scheme);
        break;
    case EAFNOSUPPORT:
        snprintf(why, cap,
                 "cannot listen on %s: this kernel has no %s: choose an address with --listen "
                 "%s://ADDR:PORT",
                 url, e->addr.u.sa.sa_family == AF_INET6 ? "IPv6" : "IPv4", scheme);
        break;
    default:
        snprintf(why, cap, "cannot listen on %s: %s", url, strerror(error));
        break;
    }
}

/* The real port, when 0 was asked for. */
static enum res name_port(struct listener *l)
{
    struct addr bound = {.len = sizeof(bound.u)};

    if (getsockname(l->fd, &bound.u.sa, &bound.len) != 0) {
        return res_from_errno(errno);
    }
    addr_set_port(&l->endpoint.addr, addr_port(&bound));
    return RES_OK;
}

static void measure_buffer(struct listener *l)
{
    if (l->endpoint.scheme == ENDPOINT_TFTP) {
        l->buffer_bytes = udp_receive_buffer(l->fd, BUFFER_BYTES, REQUEST_BYTES);
    }
}

static enum res open_one(struct listener *l, const struct endpoint *e)
{
    enum res r;

    l->endpoint = *e;
    l->fd = -1;
    r = e->scheme == ENDPOINT_TFTP ? udp_listen(&e->addr, &l->fd) : tcp_listen(&e->addr, &l->fd);
    if (r != RES_OK) {
        l->fd = -1;
        return r;
    }
    measure_buffer(l);
    return name_port(l);
}

/* Of an address that was not asked for by name: errno of a socket says that there is no IPv6 here,
 * in the kernel or, for [::1], on the loopback interface. */
static bool lacks_ipv6(const struct endpoint *e, int error)
{
    return e->addr.u.sa.sa_family == AF_INET6 && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

static void use_ipv4(struct endpoint *e)
{
    uint16_t port = addr_port(&e->addr);

    e->addr = (struct addr){.len = sizeof(e->addr.u.in4)};
    e->addr.u.in4.sin_family = AF_INET;
    addr_set_port(&e->addr, port);
}

/* The endpoint's first socket, for the first worker. It is bound alone, so that a port which
 * another server has is noticed, also one that would share it. */
static enum res open_first(struct listeners *l, const struct config *c,
                           const struct endpoint *asked, char *why, size_t cap)
{
    struct listener *item = &l->items[l->count];
    struct endpoint e = *asked;
    enum res r = open_one(item, &e);

    if (r != RES_OK && c->endpoints_preset && lacks_ipv6(&e, errno)) {
        if (!is_wildcard(&e.addr)) {
            return RES_OK; /* done without */
        }
        use_ipv4(&e);
        r = open_one(item, &e);
    }
    if (r != RES_OK) {
        explain(errno, l, &e, why, cap);
        return r;
    }
    l->count++;
    return RES_OK;
}

/* One more socket on the last one's address for each further worker. */
static enum res open_further(struct listeners *l, char *why, size_t cap)
{
    const struct listener *first = &l->items[l->count - 1];
    enum res r = udp_share(first->fd) ? RES_OK : res_from_errno(errno);

    for (unsigned worker = 1; worker < l->workers && r == RES_OK; worker++) {
        struct listener *item = &l->items[l->count];

        *item = *first;
        item->worker = worker;
        r = udp_listen_shared(&first->endpoint.addr, &item->fd);
        if (r == RES_OK) {
            item->buffer_bytes = udp_receive_buffer(item->fd, BUFFER_BYTES, REQUEST_BYTES);
            l->count++;
        }
    }
    if (r != RES_OK) {
        char url[LISTENERS_URL_BYTES];

        snprintf(why, cap, "cannot listen on %s with %u workers: %s: try --workers 1",
                 listeners_url(&first->endpoint, url), l->workers, strerror(errno));
    }
    return r;
}

/* The service manager's sockets, in place of those of `listen`. */
static enum res take_inherited(struct listeners *l, const struct config *c, char *why, size_t cap)
{
    enum res r = RES_OK;

    for (unsigned i = 0; i < l->inherited && r == RES_OK; i++) {
        struct listener *item = &l->items[i];

        item->fd = INHERITED_FIRST + (int)i;
        r = inherited_adopt(item->fd, &item->endpoint, why, cap);
        if (r == RES_OK) {
            l->count++;
            measure_buffer(item);
        }
        if (r == RES_OK && item->endpoint.scheme == ENDPOINT_TFTP) {
            l->workers = config_workers(c);
        }
    }
    return r;
}

/* Only TFTP is served by more than one. */
static unsigned count_workers(const struct config *c)
{
    for (size_t i = 0; i < c->endpoint_count; i++) {
        if (c->endpoints[i].scheme == ENDPOINT_TFTP) {
            return config_workers(c);
        }
    }
    return 1;
}

enum res listeners_inherit(struct listeners *l, char *why, size_t cap)
{
    return inherited_count(&l->inherited, why, cap);
}

static enum res open_all(struct listeners *l, const struct config *c, char *why, size_t cap)
{
    enum res r = RES_OK;

    for (size_t i = 0; i < c->endpoint_count && r == RES_OK; i++) {
        size_t before = l->count;

        r = open_first(l, c, &c->endpoints[i], why, cap);
        if (r == RES_OK && l->count > before && l->workers > 1 &&
            l->items[before].endpoint.scheme == ENDPOINT_TFTP) {
            r = open_further(l, why, cap);
        }
    }
    return r;
}

/* [::] takes IPv4 too, or may do so, where it was handed over. */
static bool serves_family(const struct listeners *l, int family)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct endpoint *e = &l->items[i].endpoint;

        if (e->scheme == ENDPOINT_TFTP &&
            (e->addr.u.sa.sa_family == family || (family == AF_INET && is_wildcard(&e->addr)))) {
            return true;
        }
    }
    return false;
}

static enum res open_spares(struct listeners *l, char *why, size_t cap)
{
    static const int families[] = {AF_INET, AF_INET6};
    unsigned each = spare_sockets_each(l->workers);
    bool more = true;

    l->spares = calloc(l->workers, sizeof(*l->spares));
    if (l->spares == NULL) {
        snprintf(why, cap, "out of memory");
        return RES_NO_MEMORY;
    }
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        for (unsigned w = 0; w < l->workers && more && serves_family(l, families[i]); w++) {
            more = spare_sockets_open(&l->spares[w], families[i], each);
        }
    }
    return RES_OK;
}

enum res listeners_open(struct listeners *ret, const struct config *c, char *why, size_t cap)
{
    struct listeners l = {.inherited = ret->inherited, .handed_over = ret->inherited > 0};
    enum res r;

    l.workers = l.handed_over ? 1 : count_workers(c);
    l.items = calloc(l.handed_over ? l.inherited : c->endpoint_count * l.workers, sizeof(*l.items));
    if (l.items == NULL) {
        snprintf(why, cap, "out of memory");
        return RES_NO_MEMORY;
    }
    r = l.handed_over ? take_inherited(&l, c, why, cap) : open_all(&l, c, why, cap);
    if (r == RES_OK) {
        r = open_spares(&l, why, cap);
    }
    if (r != RES_OK) {
        listeners_close(&l);
        return r;
    }
    *ret = l;
    return RES_OK;
}

void listeners_close(struct listeners *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].fd != -1) {
            close(l->items[i].fd);
        }
    }
    for (unsigned w = 0; l->spares != NULL && w < l->workers; w++) {
        spare_sockets_close(&l->spares[w]);
    }
    free(l->spares);
    free(l->items);
    *l = (struct listeners){.count = 0};
}
