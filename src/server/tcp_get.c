/* SPDX-License-Identifier: BSD-2-Clause */
/* GET: a file, or a part of it.
 *
 *   begin() --span_open()--> open_now() --> pump(): frames of DATA --> the file's END
 *
 * What is small is copied into the output, so that the whole answer leaves in one system call.
 * What is large leaves by sendfile, a frame at a time, once it is in memory. A frame that was begun
 * is always finished, with zeros if the file no longer has the bytes: only END can say so. */
#include "server/tcp_session.h"

#include <string.h>

#include "net/tcp.h"
#include "server/who.h"
#include "store/validator.h"

#define SMALL_BYTES 16384u /* costs less to copy than another system call */
#define ZERO_BYTES 16384u

static const uint8_t zeros[ZERO_BYTES];

static void get_free(struct tcp_session *s)
{
    span_free(s->get.span);
    s->get.span = NULL;
}

static bool midway(const struct tcp_session *s)
{
    return s->get.sent < s->get.offset;
}

/* --- what may leave --- */

static bool begin_frame(struct tcp_session *s, uint64_t now_ns)
{
    uint64_t left = s->get.end - s->get.offset;
    uint32_t most = s->room->config->max_frame;
    uint32_t len;

    most = most < WHERRY_FRAME_DATA_DEFAULT ? most : WHERRY_FRAME_DATA_DEFAULT;
    len = left < most ? (uint32_t)left : most;
    if (!wherry_exchange_data_begin(s->exchange, len, now_ns)) {
        /* This client may have been told less, before the configuration was read anew. */
        len = len < WHERRY_MAX_FRAME_LOWEST ? len : WHERRY_MAX_FRAME_LOWEST;
        if (!wherry_exchange_data_begin(s->exchange, len, now_ns)) {
            return false;
        }
    }
    s->get.offset += len;
    return true;
}

/* The rest, which is small, in one frame. RES_BUSY: there is no room in the output for now. */
static enum res put_rest(struct tcp_session *s, uint64_t now_ns)
{
    uint32_t len = (uint32_t)(s->get.end - s->get.offset);
    uint8_t *to = wherry_exchange_data_room(s->exchange, len);
    enum res r;

    if (to == NULL) {
        return RES_BUSY;
    }
    r = span_read(s->get.span, s->get.offset, to, len);
    if (r != RES_OK) {
        return r;
    }
    if (!wherry_exchange_data_put(s->exchange, len, now_ns)) {
        return RES_BUSY;
    }
    s->get.offset = s->get.end;
    s->get.sent = s->get.end;
    s->bytes += len;
    return RES_OK;
}

static void pump(struct tcp_session *s, uint64_t now_ns)
{
    if (!s->get.open || s->get.waits || midway(s)) {
        return;
    }
    if (s->get.broken != RES_OK) {
        tcp_session_end(s, s->get.broken, NULL, now_ns);
        return;
    }
    if (s->get.offset < s->get.end && s->get.stopped != RES_OK) {
        tcp_session_end(s, s->get.stopped, NULL, now_ns);
        return;
    }
    if (s->get.end - s->get.offset > SMALL_BYTES) {
        (void)begin_frame(s, now_ns); /* not now: pump() comes again */
        return;
    }
    if (s->get.offset < s->get.end) {
        enum res r = put_rest(s, now_ns);

        if (r == RES_BUSY) {
            return;
        }
        if (r == RES_LATER) {
            s->get.waits = true;
            return;
        }
        if (r != RES_OK) {
            tcp_session_end(s, r, NULL, now_ns);
            return;
        }
    }
    tcp_session_end(s, span_check(s->get.span), NULL, now_ns);
}

static enum res send_zeros(struct tcp_session *s, uint32_t len, uint32_t *ret)
{
    size_t n = 0;
    enum res r = tcp_send(s->fd, zeros, len < ZERO_BYTES ? len : ZERO_BYTES, true, &n);

    if (r == RES_OK) {
        s->get.sent += n;
        *ret = (uint32_t)n;
    }
    return r;
}

/* RES_OK with *ret 0: the file cannot be sent, s->get.broken says why. */
static enum res send_file(struct tcp_session *s, uint32_t len, uint32_t *ret)
{
    size_t n = 0;
    enum res r = span_resident(s->get.span, s->get.sent, len, &n);

    if (r == RES_LATER) {
        s->get.waits = true;
        return RES_BUSY;
    }
    if (r == RES_OK) {
        r = tcp_send_file(s->fd, span_fd(s->get.span), s->get.sent, n, &n);
        if (r == RES_LATER || r == RES_LOST) {
            return r;
        }
        if (r == RES_OK && n == 0) {
            r = RES_CHANGED;
        }
    }
    if (r != RES_OK) {
        s->get.broken = r;
        n = 0;
    }
    s->get.sent += n;
    s->bytes += n;
    *ret = (uint32_t)n;
    return RES_OK;
}

static enum res body(struct tcp_session *s, uint32_t len, uint32_t *ret, uint64_t now_ns)
{
    enum res r = RES_OK;
    uint32_t n = 0;

    (void)now_ns;
    if (s->get.broken == RES_OK) {
        r = send_file(s, len, &n);
    }
    if (r == RES_OK && s->get.broken != RES_OK) {
        r = send_zeros(s, len, &n);
    }
    if (r == RES_OK) {
        *ret = n;
    }
    return r;
}

/* --- the file --- */

static enum res answer(struct tcp_session *s, uint64_t now_ns)
{
    const struct wherry_message_get *m = &s->request->m.get;
    struct wherry_message_get_reply reply = {.offset = m->offset};
    uint64_t left;

    validator_info(span_stat(s->get.span), &reply.info);
    if (m->if_match != NULL &&
        memcmp(m->if_match, reply.info.validator, sizeof(reply.info.validator)) != 0) {
        return RES_CHANGED;
    }
    if (m->offset > reply.info.size) {
        return RES_RANGE;
    }
    left = reply.info.size - m->offset;
    reply.count = m->count < left ? m->count : left;
    s->get.offset = m->offset;
    s->get.sent = m->offset;
    s->get.end = m->offset + reply.count;
    (void)wherry_exchange_get_reply(s->exchange, &reply, now_ns); /* refused, so is the rest */
    s->get.open = true;
    return RES_OK;
}

static void open_now(struct tcp_session *s, enum res r, uint64_t now_ns)
{
    if (r == RES_OK) {
        r = answer(s, now_ns);
    }
    if (r != RES_OK) {
        tcp_session_end(s, r, NULL, now_ns);
        return;
    }
    pump(s, now_ns);
}

static void on_opened(void *owner, enum res r)
{
    struct tcp_session *s = owner;
    uint64_t now_ns = loop_now_ns(s->room->loop);

    open_now(s, r, now_ns);
    tcp_session_flush(s, now_ns);
}

static void on_ready(void *owner, enum res r)
{
    struct tcp_session *s = owner;
    uint64_t now_ns = loop_now_ns(s->room->loop);

    s->get.waits = false;
    if (r != RES_OK) {
        s->get.broken = r;
    }
    pump(s, now_ns);
    tcp_session_flush(s, now_ns);
}

static void get_begin(struct tcp_session *s, uint64_t now_ns)
{
    const char *name = tcp_session_name(s, s->request->m.get.path);
    const struct policy_who who = who_of(s->room->config, &s->peer);
    const struct span_params p = {
        .pool = s->room->pool, .who = &who, .opened = on_opened, .ready = on_ready, .owner = s};
    enum res r = span_open(&s->get.span, &p, s->room->jail, name);

    if (r != RES_LATER) {
        open_now(s, r, now_ns);
    }
}

static void get_stop(struct tcp_session *s, enum res why, uint64_t now_ns)
{
    if (!midway(s)) {
        tcp_session_end(s, why, NULL, now_ns);
    } else if (s->get.stopped == RES_OK) {
        s->get.stopped = why;
    }
}

const struct tcp_driver tcp_get_driver = {
    .op = "read",
    .begin = get_begin,
    .pump = pump,
    .body = body,
    .stop = get_stop,
    .free = get_free,
};
