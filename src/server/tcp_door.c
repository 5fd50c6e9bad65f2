/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tcp_door.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utlist.h>

#include <wherry/message.h>

#include "base/number.h"
#include "net/tcp.h"
#include "proto/wire_error.h"
#include "server/crowd.h"

/* One listening socket in one turn of the loop; those who are connected have their turn between. */
#define ACCEPTED_MAX 64u
/* Refused ones that we see off in good order at a time. Each may cost 2 s and a descriptor, so
 * there are few; the others are told and closed at once. */
#define REFUSED_MAX 16u
#define RETRY_AFTER_S 5u
/* Without a descriptor there is no point in looking at the sockets, which stay readable. */
#define PAUSE_NS NUMBER_SECOND
#define SAY_AGAIN_NS NUMBER_SECOND
/* From tcp_door_hurry() to the end of those who do not read what would end them. */
#define HURRY_NS (3 * NUMBER_SECOND)
/* Closing with bytes unread makes a reset of it, which may overtake what we said. */
#define SCRAP_BYTES 4096u
#define SCRAP_READS 16u
#define NO_DESCRIPTOR "no descriptor is left (ulimit -n, LimitNOFILE=)"

struct door_listener {
    struct tcp_door *door;
    struct door_listener *next;
    int fd;
    struct loop_io io;
};

enum door_state { DOOR_OPEN, DOOR_DRAINING, DOOR_DRAINED };

struct tcp_door {
    struct tcp_room *room;
    struct door_listener *listeners;
    struct crowd *crowd;
    struct tcp_session *refused[REFUSED_MAX];
    size_t refused_count;
    int reserve; /* a descriptor that can be spared; -1: it is missing */
    bool paused;
    struct loop_timer pause;
    enum door_state state;
    struct loop_timer last; /* drained() comes from the loop; or hurry is over */
    void (*drained)(void *arg);
    void *arg;
    uint64_t said_ns; /* when a refusal was last logged; 0: never */
    uint64_t unsaid;  /* refusals since then */
};

/* At most once a second. */
static bool may_say(struct tcp_door *d)
{
    uint64_t now_ns = loop_now_ns(d->room->loop);

    if (d->said_ns != 0 && now_ns - d->said_ns < SAY_AGAIN_NS) {
        return false;
    }
    d->said_ns = now_ns;
    return true;
}

static void say_refused(struct tcp_door *d, const struct addr *peer, const char *why)
{
    char text[ADDR_TEXT_BYTES];

    if (!may_say(d)) {
        d->unsaid++;
    } else {
        log_warning(d->room->log, "tcp",
                    "connection refused, peer %s, why '%s', refused before and not told %" PRIu64,
                    addr_print(peer, text), why, d->unsaid);
        d->unsaid = 0;
    }
}

/* Descriptors */

static bool take_reserve(struct tcp_door *d)
{
    if (d->reserve == -1) {
        d->reserve = eventfd(0, EFD_CLOEXEC); /* no file: the sandbox opens none outside the root */
    }
    return d->reserve != -1;
}

static void give_up_reserve(struct tcp_door *d)
{
    if (d->reserve != -1) {
        close(d->reserve);
        d->reserve = -1;
    }
}

static void watch(struct tcp_door *d, unsigned events)
{
    struct door_listener *l;

    LL_FOREACH(d->listeners, l)
    {
        loop_io_events(&l->io, events);
    }
}

static void pause_accepting(struct tcp_door *d, enum res why)
{
    if (may_say(d)) {
        log_warning(d->room->log, "tcp", "connections have to wait, why '%s'",
                    why == RES_BUSY ? NO_DESCRIPTOR : wherry_res_text(why));
    }
    d->paused = true;
    watch(d, 0);
    loop_timer_at(&d->pause, loop_now_ns(d->room->loop) + PAUSE_NS);
}

/* A connection ended, or some time passed. */
static void try_again(struct tcp_door *d)
{
    if (!d->paused) {
        return;
    }
    if (!take_reserve(d)) {
        loop_timer_at(&d->pause, loop_now_ns(d->room->loop) + PAUSE_NS);
        return;
    }
    d->paused = false;
    loop_timer_stop(&d->pause);
    watch(d, LOOP_READ);
}

static void on_pause_over(void *arg)
{
    try_again(arg);
}

/* Who gets in */

/* Says GOAWAY and closes, in one go. */
static void refuse_at_once(int fd)
{
    const char *text = wire_error_text(RES_BUSY);
    struct wherry_message_goaway m = {.text = {(const uint8_t *)text, strlen(text)},
                                      .retry_after_s = RETRY_AFTER_S};
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    uint8_t scrap[SCRAP_BYTES];
    size_t n = wherry_message_write_goaway(frame, sizeof(frame), WHERRY_STATUS_BUSY, &m);
    unsigned reads = 0;

    /* An empty socket takes that little; if not, there is nobody to tell. */
    (void)tcp_send(fd, frame, n, false, &n);
    tcp_shut(fd);
    while (reads < SCRAP_READS && tcp_receive(fd, scrap, sizeof(scrap), &n) == RES_OK && n > 0) {
        reads++;
    }
    close(fd);
}

static void refuse(struct tcp_door *d, int fd, const struct addr *peer, const struct addr *local,
                   const char *why)
{
    uint64_t now_ns = loop_now_ns(d->room->loop);
    struct tcp_session *s;

    say_refused(d, peer, why);
    if (d->refused_count == REFUSED_MAX) {
        refuse_at_once(fd);
        return;
    }
    if (tcp_session_begin(d->room, fd, peer, local, now_ns, &s) == RES_OK) {
        d->refused[d->refused_count++] = s;
        tcp_session_goaway(s, RES_BUSY, RETRY_AFTER_S, now_ns);
    }
}

static void tend(const struct tcp_door *d, int fd)
{
    const struct config *c = d->room->config;
    struct tcp_care care = {
        .not_sent_low = c->output_max,
        .user_timeout_ns = c->user_timeout_ns,
        .keep_idle_ns = c->keepalive_idle_ns,
        .keep_interval_ns = c->keepalive_interval_ns,
        .keep_count = c->keepalive_count,
    };

    tcp_tend(fd, &care);
}

static void arrived(struct tcp_door *d, int fd, const struct addr *peer, const struct addr *local)
{
    const struct config *c = d->room->config;
    struct tcp_session *s;
    enum res r;

    tend(d, fd);
    if (tcp_door_count(d) >= c->connections_max) {
        refuse(d, fd, peer, local, "connections-max is reached");
        return;
    }
    r = crowd_enter(d->crowd, peer, c->connections_per_address);
    if (r != RES_OK) {
        refuse(d, fd, peer, local,
               r == RES_BUSY ? "connections-per-address is reached" : wherry_res_text(r));
        return;
    }
    r = tcp_session_begin(d->room, fd, peer, local, loop_now_ns(d->room->loop), &s);
    if (r != RES_OK) {
        crowd_leave(d->crowd, peer);
        say_refused(d, peer, wherry_res_text(r));
    }
}

/* The kernel has a connection for us, but no descriptor is left. False: it has to wait. */
static bool refuse_with_reserve(struct tcp_door *d, int listener)
{
    struct addr peer;
    struct addr local;
    int fd;
    enum res r;

    if (d->reserve == -1) {
        return false;
    }
    give_up_reserve(d);
    r = tcp_accept(listener, &fd, &peer, &local);
    if (r == RES_OK) {
        say_refused(d, &peer, NO_DESCRIPTOR);
        refuse_at_once(fd);
    }
    return take_reserve(d) && (r == RES_OK || r == RES_LATER);
}

static void on_connection(void *arg, unsigned events)
{
    struct door_listener *l = arg;
    struct tcp_door *d = l->door;

    (void)events;
    for (unsigned i = 0; i < ACCEPTED_MAX; i++) {
        struct addr peer;
        struct addr local;
        int fd;
        enum res r = tcp_accept(l->fd, &fd, &peer, &local);

        if (r == RES_LATER) {
            return;
        }
        if (r == RES_OK) {
            arrived(d, fd, &peer, &local);
        } else if (r != RES_BUSY || !refuse_with_reserve(d, l->fd)) {
            pause_accepting(d, r);
            return;
        }
    }
}

/* Who leaves */

static bool was_refused(struct tcp_door *d, const struct tcp_session *s)
{
    for (size_t i = 0; i < d->refused_count; i++) {
        if (d->refused[i] == s) {
            d->refused[i] = d->refused[--d->refused_count];
            return true;
        }
    }
    return false;
}

static void drained_if_empty(struct tcp_door *d)
{
    if (d->state == DOOR_DRAINING && d->room->count == 0) {
        d->state = DOOR_DRAINED;
        loop_timer_at(&d->last, loop_now_ns(d->room->loop));
    }
}

static void on_ended(void *arg, struct tcp_session *s)
{
    struct tcp_door *d = arg;

    if (!was_refused(d, s)) {
        crowd_leave(d->crowd, &s->peer);
    }
    try_again(d);
    drained_if_empty(d);
}

static void close_sessions(struct tcp_door *d)
{
    while (d->room->sessions != NULL) {
        tcp_session_free(d->room->sessions);
    }
}

static void on_last(void *arg)
{
    struct tcp_door *d = arg;

    if (d->state == DOOR_DRAINING) {
        close_sessions(d); /* hurry is over; the last one arms the timer again */
        return;
    }
    d->drained(d->arg); /* last: may free d */
}

enum res tcp_door_new(struct tcp_door **ret, struct tcp_room *room, void (*drained)(void *arg),
                      void *arg)
{
    struct tcp_door *d = calloc(1, sizeof(*d));
    enum res r;

    if (d == NULL) {
        return RES_NO_MEMORY;
    }
    r = crowd_new(&d->crowd);
    if (r != RES_OK) {
        free(d);
        return r;
    }
    d->reserve = -1;
    (void)take_reserve(d); /* without it, accepting pauses when descriptors are out */
    d->room = room;
    d->drained = drained;
    d->arg = arg;
    room->ended = on_ended;
    room->arg = d;
    loop_timer_init(room->loop, &d->pause, on_pause_over, d);
    loop_timer_init(room->loop, &d->last, on_last, d);
    *ret = d;
    return RES_OK;
}

static void close_listeners(struct tcp_door *d)
{
    while (d->listeners != NULL) {
        struct door_listener *l = d->listeners;

        LL_DELETE(d->listeners, l);
        loop_io_stop(&l->io);
        close(l->fd);
        free(l);
    }
    d->paused = false;
    loop_timer_stop(&d->pause);
}

void tcp_door_free(struct tcp_door *d)
{
    if (d == NULL) {
        return;
    }
    close_listeners(d);
    close_sessions(d);
    loop_timer_stop(&d->last);
    give_up_reserve(d);
    crowd_free(d->crowd);
    d->room->ended = NULL;
    free(d);
}

enum res tcp_door_listen(struct tcp_door *d, int fd)
{
    struct door_listener *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        return RES_NO_MEMORY;
    }
    l->door = d;
    l->fd = fd;
    LL_PREPEND(d->listeners, l);
    loop_io_start(d->room->loop, &l->io, fd, LOOP_READ, on_connection, l);
    return RES_OK;
}

void tcp_door_drain(struct tcp_door *d, uint64_t now_ns)
{
    struct tcp_session *s;
    struct tcp_session *next;

    if (d->state != DOOR_OPEN) {
        return;
    }
    d->state = DOOR_DRAINING;
    close_listeners(d);
    give_up_reserve(d);
    DL_FOREACH_SAFE(d->room->sessions, s, next)
    {
        tcp_session_goaway(s, RES_SHUTDOWN, 0, now_ns);
    }
    drained_if_empty(d);
}

void tcp_door_hurry(struct tcp_door *d, uint64_t now_ns)
{
    struct tcp_session *s;
    struct tcp_session *next;

    tcp_door_drain(d, now_ns);
    if (d->state != DOOR_DRAINING) {
        return;
    }
    loop_timer_at(&d->last, now_ns + HURRY_NS);
    DL_FOREACH_SAFE(d->room->sessions, s, next)
    {
        tcp_session_hurry(s, now_ns);
    }
}

size_t tcp_door_count(const struct tcp_door *d)
{
    return d->room->count - d->refused_count;
}
