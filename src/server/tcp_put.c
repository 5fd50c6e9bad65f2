/* SPDX-License-Identifier: BSD-2-Clause */
/* PUT: bytes become a file, and END leaves when it has its name. */
#include "server/tcp_session.h"

#include <string.h>

#include "server/who.h"

static void fail(struct tcp_session *s, enum res r, uint64_t now_ns)
{
    tcp_session_end(s, r, NULL, now_ns);
}

static void on_opened(void *owner, enum res r, uint64_t offset,
                      const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    struct tcp_session *s = owner;
    uint64_t now_ns = loop_now_ns(s->room->loop);
    struct wherry_message_ready ready = {.offset = offset};

    if (r != RES_OK) {
        fail(s, r, now_ns);
    } else {
        s->offset = offset;
        memcpy(ready.upload_id, id, sizeof(ready.upload_id));
        (void)wherry_exchange_ready(s->exchange, &ready, now_ns); /* else STOP or ABORT is due */
    }
    tcp_session_flush(s, now_ns);
}

static void on_taken(void *owner, enum res r)
{
    struct tcp_session *s = owner;
    uint64_t now_ns = loop_now_ns(s->room->loop);

    if (r != RES_OK) {
        fail(s, r, now_ns);
    } else {
        (void)wherry_exchange_put_taken(s->exchange, now_ns); /* else ABORT is due */
    }
    tcp_session_flush(s, now_ns);
}

static void on_committed(void *owner, enum res r, const uint8_t validator[WHERRY_VALIDATOR_BYTES])
{
    const struct wherry_message_end_reply reply = {.validator = validator};
    struct tcp_session *s = owner;
    uint64_t now_ns = loop_now_ns(s->room->loop);

    tcp_session_end(s, r, r == RES_OK ? &reply : NULL, now_ns);
    tcp_session_flush(s, now_ns);
}

static void on_superseded(void *owner)
{
    struct tcp_session *s = owner;
    uint64_t now_ns = loop_now_ns(s->room->loop);

    upload_break(s->put.upload);
    s->put.upload = NULL;
    fail(s, RES_CANCELLED, now_ns);
    tcp_session_flush(s, now_ns);
}

/* Neighbours share what may be kept: who has many addresses of a network gets no more for it. */
static void network_of(const struct addr *peer, uint8_t ret[UPLOAD_NETWORK_BYTES])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct addr a = *peer;

    addr_unmap(&a);
    memset(ret, 0, UPLOAD_NETWORK_BYTES);
    if (a.u.sa.sa_family == AF_INET) {
        memcpy(ret, mapped, sizeof(mapped));
        memcpy(ret + sizeof(mapped), &a.u.in4.sin_addr, 3);
    } else {
        memcpy(ret, &a.u.in6.sin6_addr, 8);
    }
}

static void put_begin(struct tcp_session *s, uint64_t now_ns)
{
    static const struct upload_params callbacks = {
        .opened = on_opened,
        .taken = on_taken,
        .committed = on_committed,
        .superseded = on_superseded,
    };
    const struct wherry_message_put *m = &s->request->m.put;
    struct upload_params p = callbacks;
    struct upload_request q = {
        .name = tcp_session_name(s, m->path),
        .size = m->size,
        .create = m->mode == WHERRY_PUT_CREATE,
        .sync = m->fsync,
        .sha256 = m->sha256,
        .upload_id = m->upload_id,
        .host = who_of(s->room->config, &s->peer).host,
    };
    enum res r;

    p.owner = s;
    network_of(&s->peer, q.network);
    r = upload_begin(&s->put.upload, s->room->uploads, &q, &p);
    if (r != RES_LATER) {
        fail(s, r, now_ns);
    }
}

static void put_bytes(struct tcp_session *s, const struct wherry_exchange_event *e, uint64_t now_ns)
{
    enum res r = upload_add(s->put.upload, e->bytes);

    if (r != RES_OK && r != RES_LATER) {
        fail(s, r, now_ns);
        return;
    }
    s->bytes += e->bytes.len;
    if (r == RES_OK) {
        (void)wherry_exchange_put_taken(s->exchange, now_ns); /* else ABORT is due */
    }
}

static void put_end(struct tcp_session *s, const struct wherry_exchange_event *e, uint64_t now_ns)
{
    (void)now_ns;
    upload_commit(s->put.upload, e->sha256);
}

static void put_stop(struct tcp_session *s, enum res why, uint64_t now_ns)
{
    if (s->put.upload == NULL || !upload_may_stop(s->put.upload)) {
        return;
    }
    if (why == RES_SHUTDOWN) {
        upload_break(s->put.upload);
    } else {
        upload_drop(s->put.upload);
    }
    s->put.upload = NULL;
    fail(s, why, now_ns);
}

static void put_drop(struct tcp_session *s)
{
    upload_break(s->put.upload);
    s->put.upload = NULL;
}

/* What ended otherwise than by put_stop() and put_drop() came to nothing, or is through. */
static void put_free(struct tcp_session *s)
{
    upload_drop(s->put.upload);
    s->put.upload = NULL;
}

const struct tcp_driver tcp_put_driver = {
    .op = "write",
    .begin = put_begin,
    .bytes = put_bytes,
    .put_end = put_end,
    .stop = put_stop,
    .drop = put_drop,
    .free = put_free,
};
