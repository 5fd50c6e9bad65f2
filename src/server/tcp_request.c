/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tcp_request.h"

#include <string.h>

#include "server/tcp_record.h"

static const struct tcp_driver *driver_of(enum wherry_frame_type type)
{
    switch (type) {
    case WHERRY_FRAME_LIST:
        return &tcp_list_driver;
    case WHERRY_FRAME_STAT:
        return &tcp_stat_driver;
    case WHERRY_FRAME_GET:
        return &tcp_get_driver;
    case WHERRY_FRAME_PUT:
        return &tcp_put_driver;
    case WHERRY_FRAME_HASH:
        return &tcp_hash_driver;
    default: /* the exchange lets no other type through */
        return &tcp_mkdir_driver;
    }
}

void tcp_request_begin(struct tcp_session *s, const struct wherry_exchange_request *q,
                       uint64_t now_ns)
{
    s->request = q;
    s->driver = driver_of(q->type);
    s->begun_ns = now_ns;
    s->offset = q->type == WHERRY_FRAME_GET ? q->m.get.offset : 0;
    s->bytes = 0;
    memset(&s->list, 0, sizeof(s->list));
    memset(&s->ask, 0, sizeof(s->ask));
    memset(&s->get, 0, sizeof(s->get));
    memset(&s->put, 0, sizeof(s->put));
    s->driver->begin(s, now_ns);
}

static void release_request(struct tcp_session *s)
{
    s->driver->free(s);
    s->driver = NULL;
    s->request = NULL;
    s->stirred = true;
}

void tcp_request_abort(struct tcp_session *s, enum res why, const char *text, uint64_t now_ns)
{
    struct tcp_record record;

    tcp_record_begin(&record, s, now_ns);
    tcp_record_abort(&record, s, why, text);
    if (s->driver->drop != NULL) {
        s->driver->drop(s);
    }
    release_request(s);
}

void tcp_session_end(struct tcp_session *s, enum res r, const struct wherry_message_end_reply *m,
                     uint64_t now_ns)
{
    struct tcp_record record;

    tcp_record_begin(&record, s, now_ns);
    if (!wherry_exchange_end(s->exchange, r, m, now_ns)) {
        /* It is aborted already and ABORT is due; or it is half answered, and no client could make
         * sense of what comes next. */
        wherry_exchange_lose(s->exchange, RES_IO);
        s->stirred = true;
        return;
    }
    tcp_record_end(&record, s, r);
    release_request(s);
}

void tcp_request_event(struct tcp_session *s, const struct wherry_exchange_event *e,
                       uint64_t now_ns)
{
    if (s->driver == NULL) {
        return; /* the exchange says nothing of a request that has ended */
    }
    switch (e->kind) {
    case WHERRY_EXCHANGE_PUT_BYTES:
        s->driver->bytes(s, e, now_ns);
        break;
    case WHERRY_EXCHANGE_PUT_END:
        s->driver->put_end(s, e, now_ns);
        break;
    case WHERRY_EXCHANGE_STOP:
        s->driver->stop(s, e->result, now_ns);
        break;
    default:
        tcp_request_abort(s, e->result, wherry_exchange_why(s->exchange), now_ns);
        break;
    }
}

const char *tcp_session_name(struct tcp_session *s, struct wherry_view path)
{
    char *name = s->room->name;

    if (path.len > 0) {
        memcpy(name, path.bytes, path.len);
    }
    name[path.len] = '\0';
    return name;
}
