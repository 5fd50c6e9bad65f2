/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/link.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/number.h"
#include "client/dial.h"
#include "client/link_words.h"
#include "client/meter.h"
#include "client/resolve.h"
#include "client/waiter.h"
#include "net/tcp.h"

#define BUFFER_BYTES 262144u
#define KEEP_IDLE_NS (30 * NUMBER_SECOND) /* a server gives up an idle connection after 120 s */

struct link {
    struct console *console;
    char host[URL_HOST_BYTES];
    uint16_t port;
    struct waiter waiter;
    int fd;
    struct addr peer;
    struct wherry_client_exchange *exchange;
    uint64_t sent_ns; /* when something last left */

    uint8_t *buffer;
    size_t start; /* of what the exchange has not seen */
    size_t end;
    enum res stream; /* RES_LATER: it goes on; else how it ended: RES_OK, RES_LOST */
    bool deaf;       /* the peer takes nothing any more; what it said may still be read */

    struct outcome goaway; /* side NETWORK once it came */
    bool may_be_done;
    bool over;
    struct outcome why;
};

/* --- how it ends --- */

static bool fail(struct link *l, const struct outcome *o)
{
    l->over = true;
    l->why = *o;
    return false;
}

static bool fail_by_signal(struct link *l)
{
    struct outcome o = {.side = OUTCOME_SIGNAL, .result = RES_SHUTDOWN, .signum = l->waiter.signum};

    return fail(l, &o);
}

static void take_goaway(struct link *l, const struct wherry_client_end *end)
{
    link_words_goaway(&l->goaway, &l->peer, end);
    console_say(l->console, CONSOLE_NOTE, "%s", l->goaway.detail);
}

/* The stream is over, and everything that was said on it is known. */
static bool fail_by_close(struct link *l, enum res result, const char *said)
{
    struct outcome o;

    link_words_close(&o, &l->peer, result, said);
    if (o.side == OUTCOME_NETWORK && l->goaway.side == OUTCOME_NETWORK) {
        o = l->goaway;
    }
    return fail(l, &o);
}

static bool fail_by_refusal(struct link *l, const struct wherry_client_end *end)
{
    struct outcome o;

    outcome_set_end(&o, end);
    return fail(l, &o);
}

/* Deals with what is the link's; *ret becomes NONE then. False: the link is over. */
static bool judge(struct link *l, struct wherry_client_event *ret)
{
    switch (ret->kind) {
    case WHERRY_CLIENT_HELLO:
    case WHERRY_CLIENT_PING_REPLY:
        break;
    case WHERRY_CLIENT_GOAWAY:
        take_goaway(l, &ret->end);
        break;
    case WHERRY_CLIENT_LOST: /* CLOSED follows, and says why */
        l->may_be_done = l->may_be_done || ret->lost.may_be_done;
        break;
    case WHERRY_CLIENT_REFUSED:
        return fail_by_refusal(l, &ret->end);
    case WHERRY_CLIENT_CLOSED:
        return fail_by_close(l, ret->closed.result, ret->closed.why);
    default:
        return true;
    }
    ret->kind = WHERRY_CLIENT_NONE;
    return true;
}

/* --- bytes in and out --- */

static void flush(struct link *l)
{
    struct wherry_view out = wherry_client_exchange_output(l->exchange);

    while (out.len > 0 && !l->deaf) {
        bool more = wherry_client_exchange_body(l->exchange) > 0;
        size_t sent = 0;
        enum res r = tcp_send(l->fd, out.bytes, out.len, more, &sent);

        if (r == RES_LATER) {
            break;
        }
        l->deaf = r != RES_OK;
        l->sent_ns = waiter_now_ns(&l->waiter);
        wherry_client_exchange_output_sent(l->exchange, sent, l->sent_ns);
        out = wherry_client_exchange_output(l->exchange);
    }
}

static bool has_room(const struct link *l)
{
    return l->stream == RES_LATER && l->end < BUFFER_BYTES;
}

/* Whether there is anything new: bytes, or the end of the stream. */
static bool receive(struct link *l)
{
    size_t len = 0;
    enum res r;

    if (l->start == l->end) {
        l->start = 0;
        l->end = 0;
    }
    if (!has_room(l)) {
        return false;
    }
    r = tcp_receive(l->fd, l->buffer + l->end, BUFFER_BYTES - l->end, &len);
    if (r == RES_LATER) {
        return false;
    }
    l->end += len;
    if (r != RES_OK || len == 0) {
        l->stream = r;
    }
    return true;
}

/* Until something can be read, or written if that is wanted. */
static bool wait(struct link *l, bool to_write)
{
    unsigned events = (has_room(l) ? LOOP_READ : 0u) | (to_write ? LOOP_WRITE : 0u);

    (void)waiter_wait(&l->waiter, l->fd, events, wherry_client_exchange_deadline(l->exchange));
    if (l->waiter.signum != 0) {
        return fail_by_signal(l);
    }
    return true;
}

/* What the exchange makes of the bytes that are here; *ret is NONE if they are not enough. */
static bool decode(struct link *l, struct wherry_client_event *ret)
{
    do {
        bool was_end = l->start == l->end && l->stream != RES_LATER;

        if (was_end) {
            wherry_client_exchange_closed(l->exchange, l->stream);
        }
        l->start += wherry_client_exchange_input(l->exchange, l->buffer + l->start,
                                                 l->end - l->start, waiter_now_ns(&l->waiter), ret);
        if (ret->kind == WHERRY_CLIENT_NONE) {
            return true;
        }
        if (!judge(l, ret)) {
            return false;
        }
    } while (ret->kind == WHERRY_CLIENT_NONE);
    return true;
}

static bool pull(struct link *l, bool block, struct wherry_client_event *ret)
{
    for (;;) {
        if (!decode(l, ret)) {
            return false;
        }
        if (ret->kind != WHERRY_CLIENT_NONE) {
            return true;
        }
        flush(l);
        if (receive(l)) {
            /* Who talks without an end does not keep us from being ended. */
            waiter_look(&l->waiter);
            if (l->waiter.signum != 0) {
                return fail_by_signal(l);
            }
            continue;
        }
        if (l->stream == RES_LATER) {
            if (!block) {
                return true;
            }
            if (!wait(l, !l->deaf && wherry_client_exchange_output(l->exchange).len > 0)) {
                return false;
            }
            wherry_client_exchange_expire(l->exchange, waiter_now_ns(&l->waiter));
        }
    }
}

/* Between calls the caller works on its files, and what comes meanwhile waits in the socket: that
 * time is nobody's silence. */
static bool enter(struct link *l)
{
    if (l->over) {
        return false;
    }
    waiter_look(&l->waiter);
    if (l->waiter.signum != 0) {
        return fail_by_signal(l);
    }
    wherry_client_exchange_hold(l->exchange, false, waiter_now_ns(&l->waiter));
    return true;
}

static bool leave(struct link *l, bool well, struct outcome *why)
{
    wherry_client_exchange_hold(l->exchange, true, waiter_now_ns(&l->waiter));
    if (!well) {
        *why = l->why;
    }
    return well;
}

bool link_next(struct link *l, struct wherry_client_event *ret, struct outcome *why)
{
    return leave(l, enter(l) && pull(l, true, ret), why);
}

static void keep(struct link *l)
{
    static const struct wherry_view nothing;
    uint64_t now_ns = waiter_now_ns(&l->waiter);

    if (wherry_client_exchange_outstanding(l->exchange) == 0 &&
        now_ns - l->sent_ns >= KEEP_IDLE_NS) {
        /* BUSY: one is under way, which keeps it as well. */
        (void)wherry_client_exchange_ping(l->exchange, nothing, now_ns);
    }
}

bool link_poll(struct link *l, struct wherry_client_event *ret, struct outcome *why)
{
    bool well = enter(l);

    if (well) {
        keep(l);
        well = pull(l, false, ret);
    }
    return leave(l, well, why);
}

/* As much of the body as the kernel takes. */
static enum res send_body(struct link *l, const uint8_t *bytes, uint32_t len)
{
    size_t sent = 0;
    enum res r = tcp_send(l->fd, bytes, len, false, &sent);

    if (r == RES_OK) {
        l->sent_ns = waiter_now_ns(&l->waiter);
        wherry_client_exchange_body_sent(l->exchange, (uint32_t)sent, l->sent_ns);
    }
    return r;
}

/* Reads all the while, or two sides that both only send would wait for each other. */
static bool send_all(struct link *l, const uint8_t *bytes, uint32_t len)
{
    while (!l->deaf && wherry_client_exchange_state(l->exchange) != WHERRY_CLIENT_OVER) {
        uint32_t left = wherry_client_exchange_body(l->exchange);
        enum res r = RES_LATER;

        flush(l);
        if (wherry_client_exchange_output(l->exchange).len == 0 && !l->deaf) {
            if (left == 0) {
                return true;
            }
            r = send_body(l, bytes + (len - left), left);
        }
        if (r == RES_LATER && !l->deaf) {
            if (!wait(l, true)) {
                return false;
            }
            (void)receive(l);
            wherry_client_exchange_expire(l->exchange, waiter_now_ns(&l->waiter));
        } else if (r != RES_OK) {
            l->deaf = true;
        }
    }
    return true;
}

bool link_send(struct link *l, const uint8_t *bytes, uint32_t len, struct outcome *why)
{
    return leave(l, enter(l) && send_all(l, bytes, len), why);
}

bool link_wait_writable(struct link *l, int fd, struct outcome *why)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (poll(&p, 1, 0) == 0) {
        (void)waiter_wait(&l->waiter, fd, LOOP_WRITE, LOOP_NEVER);
        waiter_forget(&l->waiter);
    }
    if (l->waiter.signum != 0) {
        (void)fail_by_signal(l);
        *why = l->why;
        return false;
    }
    return true;
}

/* --- open and close --- */

/* The exchange, on a socket that is connected. */
static enum res begin(struct link *l, const struct link_params *p)
{
    static const struct tcp_care care = {
        .keep_idle_ns = 60 * NUMBER_SECOND,
        .keep_interval_ns = 10 * NUMBER_SECOND,
        .keep_count = 3,
    };
    const struct wherry_client_params params = {
        .hello_patience_ns = p->settings->patience_ns,
        .silence_patience_ns = p->settings->patience_ns,
        .now_ns = waiter_now_ns(&l->waiter),
    };

    tcp_tend(l->fd, &care);
    l->sent_ns = params.now_ns;
    l->buffer = malloc(BUFFER_BYTES);
    return l->buffer == NULL ? RES_NO_MEMORY : wherry_client_exchange_new(&l->exchange, &params);
}

static bool connect_to(struct link *l, const struct link_params *p, const struct addr *addresses,
                       size_t count, struct outcome *why)
{
    const struct dial_params dialled = {
        .addresses = addresses,
        .count = count,
        .patience_ns = p->settings->patience_ns,
        .waiter = &l->waiter,
        .console = p->console,
    };
    enum res r;

    if (!dial(&dialled, &l->fd, &l->peer, why)) {
        return false;
    }
    r = begin(l, p);
    *why = (struct outcome){.side = OUTCOME_LOCAL, .result = r};
    return r == RES_OK;
}

bool link_open(struct link **ret, const struct link_params *p, struct outcome *why)
{
    struct addr addresses[RESOLVE_MAX];
    size_t count = 0;
    struct link *l;
    enum res r;

    /* First, since the resolver blocks and nothing of ours would hear a signal meanwhile. */
    if (!resolve_url(p->url, p->settings, addresses, &count, why)) {
        return false;
    }
    l = calloc(1, sizeof(*l));
    r = l != NULL ? waiter_init(&l->waiter) : RES_NO_MEMORY;
    if (r != RES_OK) {
        free(l);
        *why = (struct outcome){.side = OUTCOME_LOCAL, .result = r};
        return false;
    }
    l->console = p->console;
    l->fd = -1;
    l->stream = RES_LATER;
    l->port = p->url->port;
    (void)snprintf(l->host, sizeof(l->host), "%s", p->url->host);
    if (!connect_to(l, p, addresses, count, why)) {
        link_close(l);
        return false;
    }
    *ret = l;
    return true;
}

void link_close(struct link *l)
{
    if (l == NULL) {
        return;
    }
    console_wipe(l->console);
    waiter_clear(&l->waiter);
    if (l->fd != -1) {
        (void)close(l->fd); /* what was sent is the server's business */
    }
    wherry_client_exchange_free(l->exchange);
    free(l->buffer);
    free(l);
}

bool link_leads_to(const struct link *l, const struct url *url)
{
    enum wherry_client_state state = wherry_client_exchange_state(l->exchange);

    return !l->over && state != WHERRY_CLIENT_LEAVING && state != WHERRY_CLIENT_OVER &&
           url->scheme == URL_WHERRY && l->port == url->port && strcasecmp(l->host, url->host) == 0;
}

struct wherry_client_exchange *link_exchange(struct link *l)
{
    return l->exchange;
}

uint64_t link_now_ns(const struct link *l)
{
    return waiter_now_ns(&l->waiter);
}

void link_explain(const struct link *l, enum res result, struct outcome *why)
{
    if (l->over) {
        *why = l->why;
    } else if (result == RES_SHUTDOWN && l->goaway.side == OUTCOME_NETWORK) {
        *why = l->goaway;
    } else if (result == RES_SHUTDOWN) {
        *why = (struct outcome){.side = OUTCOME_NETWORK, .result = result};
        (void)snprintf(why->detail, sizeof(why->detail), "the connection is over");
    } else {
        *why = (struct outcome){.side = OUTCOME_LOCAL, .result = result};
    }
}

bool link_may_be_done(const struct link *l)
{
    return l->may_be_done;
}

void link_tick(struct link *l, void (*fn)(void *arg, uint64_t now_ns), void *arg)
{
    waiter_tick(&l->waiter, METER_EVERY_NS, fn, arg);
}
