/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tcp_session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utlist.h>

#include "net/tcp.h"
#include "server/tcp_record.h"
#include "server/tcp_request.h"

/* Received at a time, but for uploads: what is not taken yet is kept, and nobody but who uploads
 * has a reason to make us keep more. */
#define ASKED_BYTES 16384u
/* So much output is worth a system call. While less waits, the answers of several requests are
 * gathered. */
#define SEND_BYTES 32768u

/* Received and not taken yet, for the length of a flush: in the room's input or in s->rest. */
struct intake {
    const uint8_t *bytes;
    size_t len;
};

static void exchange_params(const struct config *c, struct wherry_exchange_params *ret)
{
    wherry_exchange_params_init(ret);
    ret->max_frame = c->max_frame;
    ret->requests_max = c->requests_max;
    ret->output_bytes_max = c->output_max;
    ret->body_rate = c->body_rate;
    ret->body_ns = c->body_timeout_ns;
    ret->hello_ns = c->hello_timeout_ns;
    ret->frame_ns = c->frame_timeout_ns;
    ret->idle_ns = c->idle_timeout_ns;
}

static void act(struct tcp_session *s, const struct wherry_exchange_event *e, uint64_t now_ns)
{
    switch (e->kind) {
    case WHERRY_EXCHANGE_REQUEST:
        tcp_request_begin(s, e->request, now_ns);
        break;
    case WHERRY_EXCHANGE_SHUT:
        tcp_shut(s->fd);
        break;
    case WHERRY_EXCHANGE_OVER:
        s->over = true;
        break;
    default:
        tcp_request_event(s, e, now_ns);
        break;
    }
}

/* Each of the following answers whether something changed that others have to look at. */

static bool hear(struct tcp_session *s, uint64_t now_ns)
{
    struct wherry_exchange_event e;
    bool heard = false;

    while (!s->over && wherry_exchange_event(s->exchange, &e)) {
        act(s, &e, now_ns);
        heard = true;
    }
    return heard;
}

static bool pump(struct tcp_session *s, uint64_t now_ns)
{
    bool stirred;

    if (s->driver != NULL && s->driver->pump != NULL) {
        s->driver->pump(s, now_ns);
    }
    stirred = s->stirred;
    s->stirred = false;
    return stirred;
}

/* Input */

static void free_rest(struct tcp_session *s)
{
    free(s->rest);
    s->rest = NULL;
}

static void receive(struct tcp_session *s, struct intake *in)
{
    enum wherry_exchange_state state = wherry_exchange_state(s->exchange);
    bool upload = state == WHERRY_EXCHANGE_READY || state == WHERRY_EXCHANGE_DISCARDING;
    size_t cap = upload ? TCP_INPUT_BYTES : ASKED_BYTES;
    size_t n = 0;
    enum res r = tcp_receive(s->fd, s->room->input, cap, &n);

    s->readable = false;
    free_rest(s);
    if (r == RES_OK) {
        *in = (struct intake){.bytes = s->room->input, .len = n};
        s->received_end = n == 0;
    } else if (r != RES_LATER) {
        wherry_exchange_lose(s->exchange, r);
    }
}

static bool feed(struct tcp_session *s, struct intake *in, uint64_t now_ns)
{
    bool fed = false;

    if (in->len == 0 && s->readable && wherry_exchange_wants_input(s->exchange)) {
        receive(s, in);
        fed = true;
    }
    if (in->len > 0 && wherry_exchange_wants_input(s->exchange)) {
        size_t used = wherry_exchange_input(s->exchange, in->bytes, in->len, now_ns);

        in->bytes += used;
        in->len -= used;
        fed = true;
    }
    if (in->len == 0 && s->received_end && !s->said_end) {
        s->said_end = true;
        wherry_exchange_eof(s->exchange, now_ns);
        fed = true;
    }
    return fed;
}

/* What was not taken waits for its time in memory of its own. False: there is none. */
static bool keep_rest(struct tcp_session *s, const struct intake *in)
{
    if (in->len == 0) {
        free_rest(s);
        return true;
    }
    if (s->rest == NULL) {
        s->rest = malloc(in->len);
        if (s->rest == NULL) {
            return false;
        }
        memcpy(s->rest, in->bytes, in->len);
        s->rest_at = 0;
    } else {
        s->rest_at = (size_t)(in->bytes - s->rest);
    }
    s->rest_len = in->len;
    return true;
}

/* Output */

static bool has_output(const struct tcp_session *s)
{
    struct wherry_view due;
    bool more;

    return wherry_exchange_output(s->exchange, &due, &more) ||
           wherry_exchange_data_due(s->exchange) > 0;
}

/* A socket that is full is no reason to stop listening: CANCEL may come. */
static bool wants_to_send(const struct tcp_session *s)
{
    struct wherry_view due;
    bool more;

    return !s->full && s->turn_left > 0 && wherry_exchange_output(s->exchange, &due, &more) &&
           due.len >= SEND_BYTES;
}

static uint32_t least(size_t len, uint32_t most)
{
    return len < most ? (uint32_t)len : most;
}

/* RES_OK: *ret bytes left. RES_LATER: the socket is full. RES_BUSY: nothing is due, or not yet. */
static enum res send_next(struct tcp_session *s, uint32_t *ret, uint64_t now_ns)
{
    uint32_t due = wherry_exchange_data_due(s->exchange);
    struct wherry_view out;
    size_t n = 0;
    bool more;
    enum res r;

    if (wherry_exchange_output(s->exchange, &out, &more)) {
        r = tcp_send(s->fd, out.bytes, least(out.len, s->turn_left), more, &n);
        if (r == RES_OK) {
            *ret = (uint32_t)n;
            wherry_exchange_output_sent(s->exchange, n, now_ns);
        }
        return r;
    }
    if (due == 0 || s->driver == NULL) {
        return RES_BUSY;
    }
    r = s->driver->body(s, least(due, s->turn_left), ret, now_ns);
    if (r == RES_OK) {
        wherry_exchange_data_sent(s->exchange, *ret, now_ns);
    }
    return r;
}

static bool send_due(struct tcp_session *s, uint64_t now_ns)
{
    bool sent = false;
    uint32_t n;

    while (!s->full && s->turn_left > 0) {
        enum res r = send_next(s, &n, now_ns);

        if (r == RES_BUSY) {
            return sent;
        }
        sent = true;
        if (r == RES_OK) {
            s->turn_left -= n;
        } else if (r == RES_LATER) {
            s->full = true;
        } else {
            wherry_exchange_lose(s->exchange, r);
            return sent;
        }
    }
    /* Also when only the turn is over: nobody else would notice that the socket is full too. */
    wherry_exchange_blocked(s->exchange, now_ns);
    return sent;
}

/* The whole */

static void work(struct tcp_session *s, struct intake *in, uint64_t now_ns)
{
    bool moved;

    do {
        moved = hear(s, now_ns);
        moved = pump(s, now_ns) || moved;
        if (!wants_to_send(s)) {
            moved = feed(s, in, now_ns) || moved;
        }
    } while (moved && !s->over);
}

/* Sockets and the clock, from here to the next wake-up. */
static void wait_for_more(struct tcp_session *s)
{
    unsigned events = 0;

    if (s->rest == NULL && !s->received_end && wherry_exchange_wants_input(s->exchange)) {
        events |= LOOP_READ;
    }
    if (s->full || (s->turn_left == 0 && has_output(s))) {
        events |= LOOP_WRITE;
    }
    loop_io_events(&s->io, events);
    loop_timer_at(&s->timer, wherry_exchange_deadline(s->exchange));
}

void tcp_session_flush(struct tcp_session *s, uint64_t now_ns)
{
    struct intake in = {.len = 0};

    if (s->flushing) {
        s->stirred = true;
        return;
    }
    s->flushing = true;
    if (s->turn_ns != now_ns) {
        s->turn_ns = now_ns;
        s->turn_left = s->room->config->turn_max;
    }
    if (s->rest != NULL) {
        in = (struct intake){.bytes = s->rest + s->rest_at, .len = s->rest_len};
    }
    do {
        work(s, &in, now_ns);
    } while (!s->over && send_due(s, now_ns));
    if (!s->over && !keep_rest(s, &in)) {
        wherry_exchange_lose(s->exchange, RES_NO_MEMORY);
        (void)hear(s, now_ns);
    }
    s->flushing = false;
    if (s->over) {
        tcp_record_over(s);
        tcp_session_free(s);
        return;
    }
    wait_for_more(s);
}

static void on_io(void *arg, unsigned events)
{
    struct tcp_session *s = arg;

    s->readable = (events & LOOP_READ) != 0;
    if ((events & LOOP_WRITE) != 0) {
        s->full = false;
    }
    tcp_session_flush(s, loop_now_ns(s->room->loop));
}

static void on_timer(void *arg)
{
    struct tcp_session *s = arg;
    uint64_t now_ns = loop_now_ns(s->room->loop);

    wherry_exchange_expire(s->exchange, now_ns);
    tcp_session_flush(s, now_ns);
}

enum res tcp_session_begin(struct tcp_room *room, int fd, const struct addr *peer,
                           const struct addr *local, uint64_t now_ns, struct tcp_session **ret)
{
    struct tcp_session *s = calloc(1, sizeof(*s));
    struct wherry_exchange_params params;
    enum res r = RES_NO_MEMORY;

    if (s == NULL) {
        goto fail;
    }
    exchange_params(room->config, &params);
    r = wherry_exchange_new(&s->exchange, &params, now_ns);
    if (r != RES_OK) {
        goto fail;
    }
    s->room = room;
    s->fd = fd;
    s->peer = *peer;
    s->local = *local;
    DL_APPEND(room->sessions, s);
    room->count++;
    loop_timer_init(room->loop, &s->timer, on_timer, s);
    loop_timer_at(&s->timer, wherry_exchange_deadline(s->exchange));
    loop_io_start(room->loop, &s->io, fd, LOOP_READ, on_io, s);
    *ret = s;
    return RES_OK;
fail:
    free(s);
    close(fd);
    return r;
}

void tcp_session_goaway(struct tcp_session *s, enum res why, uint32_t retry_after_s,
                        uint64_t now_ns)
{
    wherry_exchange_goaway(s->exchange, why, retry_after_s, now_ns);
    tcp_session_flush(s, now_ns);
}

void tcp_session_hurry(struct tcp_session *s, uint64_t now_ns)
{
    wherry_exchange_hurry(s->exchange, now_ns);
    if (s->driver != NULL) {
        s->flushing = true;
        s->driver->stop(s, RES_SHUTDOWN, now_ns);
        s->flushing = false;
    }
    tcp_session_flush(s, now_ns);
}

void tcp_session_free(struct tcp_session *s)
{
    struct tcp_room *room = s->room;

    if (s->driver != NULL) {
        tcp_request_abort(s, RES_SHUTDOWN, wherry_res_text(RES_SHUTDOWN), loop_now_ns(room->loop));
    }
    loop_io_stop(&s->io);
    loop_timer_stop(&s->timer);
    close(s->fd);
    free_rest(s);
    wherry_exchange_free(s->exchange);
    DL_DELETE(room->sessions, s);
    room->count--;
    if (room->ended != NULL) {
        room->ended(room->arg, s);
    }
    free(s);
}

bool tcp_session_idle(const struct tcp_session *s)
{
    return wherry_exchange_state(s->exchange) == WHERRY_EXCHANGE_IDLE && s->rest == NULL &&
           wherry_exchange_held_bytes(s->exchange) == 0;
}
