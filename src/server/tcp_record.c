/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tcp_record.h"

#include <string.h>

#include "base/log.h"
#include "proto/wire_error.h"

static struct wherry_view path_of(const struct wherry_exchange_request *q)
{
    switch (q->type) {
    case WHERRY_FRAME_LIST:
        return q->m.list.path;
    case WHERRY_FRAME_GET:
        return q->m.get.path;
    case WHERRY_FRAME_PUT:
        return q->m.put.path;
    default:
        return q->m.path.path;
    }
}

void tcp_record_begin(struct tcp_record *t, const struct tcp_session *s, uint64_t now_ns)
{
    struct wherry_view path = path_of(s->request);

    if (path.len > 0) {
        memcpy(t->name, path.bytes, path.len);
    }
    t->r = (struct transfer_record){
        .op = s->driver->op,
        .offset = s->offset,
        .peer = s->peer,
        .name = {.bytes = t->name, .len = path.len},
        .bytes = s->bytes,
        .duration_ns = now_ns - s->begun_ns,
    };
}

/* The client asked for a version that is no longer there: that is no failure of ours. */
static bool is_other_version(const struct tcp_session *s, enum res r)
{
    return r == RES_CHANGED && s->driver == &tcp_get_driver && !s->get.open;
}

void tcp_record_end(struct tcp_record *t, const struct tcp_session *s, enum res r)
{
    t->r.outcome = transfer_log_outcome(r);
    t->r.status = (uint16_t)wire_error_status(r);
    t->r.reason = r == RES_OK ? NULL : wherry_res_text(r);
    if (is_other_version(s, r)) {
        t->r.outcome = OUTCOME_REFUSED;
        t->r.reason = "not the version that was asked for";
    }
    transfer_log_record(s->room->transfers, &t->r);
}

void tcp_record_abort(struct tcp_record *t, const struct tcp_session *s, enum res r,
                      const char *why)
{
    t->r.outcome = r == RES_OK ? OUTCOME_ABORTED : transfer_log_outcome(r);
    t->r.reason = why[0] != '\0' ? why : "the client ended the connection";
    transfer_log_record(s->room->transfers, &t->r);
}

/* A client that goes away or idles is nothing to tell; one that speaks something else is. */
static enum log_level level_of(enum res r)
{
    switch (r) {
    case RES_PROTOCOL:
    case RES_UNSUPPORTED:
        return LOG_LEVEL_WARNING;
    case RES_NO_MEMORY:
    case RES_IO:
        return LOG_LEVEL_ERROR;
    default:
        return LOG_LEVEL_DEBUG;
    }
}

void tcp_record_over(const struct tcp_session *s)
{
    enum res r = wherry_exchange_result(s->exchange);
    enum log_level level = level_of(r);
    char peer[ADDR_TEXT_BYTES];

    if (r != RES_OK && s->room->log != NULL && level <= s->room->log->level) {
        log_line(s->room->log, level, "tcp: connection closed, peer %s, why '%s'",
                 addr_print(&s->peer, peer), wherry_exchange_why(s->exchange));
    }
}
