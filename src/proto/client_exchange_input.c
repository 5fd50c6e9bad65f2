/* SPDX-License-Identifier: BSD-2-Clause */
/* What the server sends, judged and said as events. */
#include <string.h>

#include "proto/client_state.h"
#include "proto/wire_error.h"

static void take_hello(struct wherry_client_exchange *x, const struct wherry_decoded *d,
                       struct wherry_client_event *ret)
{
    struct wherry_message_hello_reply m;
    enum res result = wherry_message_parse_hello_reply(&m, d->bytes);

    if (result != RES_OK) {
        client_state_end(x, result, "a HELLO that is malformed, or asks for more than version 1");
    } else if (m.version != WHERRY_PROTOCOL_VERSION) {
        client_state_end(x, RES_UNSUPPORTED, "the server chose a version that was not offered");
    } else {
        x->greeted = true;
        x->max_frame = m.max_frame;
        wherry_frame_decoder_set_max(&x->decoder, m.max_frame);
        if (x->state == WHERRY_CLIENT_GREETING) {
            x->state = WHERRY_CLIENT_OPEN;
        }
        ret->kind = WHERRY_CLIENT_HELLO;
        ret->hello = m;
    }
}

static void take_goaway(struct wherry_client_exchange *x, const struct wherry_decoded *d,
                        struct wherry_client_event *ret)
{
    struct wherry_message_goaway m;
    enum res result = wherry_message_parse_goaway(&m, d->bytes);

    if (result != RES_OK) {
        client_state_end(x, result, "a malformed GOAWAY");
        return;
    }
    result = wire_error_from_status(d->frame.status);
    x->goaway = result != RES_OK ? result : RES_SHUTDOWN;
    x->state = WHERRY_CLIENT_LEAVING;
    ret->kind = WHERRY_CLIENT_GOAWAY;
    ret->end = (struct wherry_client_end){
        .result = x->goaway,
        .status = d->frame.status,
        .text = m.text,
        .retry_after_s = m.retry_after_s,
    };
}

static void take_ping_reply(struct wherry_client_exchange *x, const struct wherry_decoded *d,
                            struct wherry_client_event *ret)
{
    if (!x->ping_due || !client_queue_has_left(&x->queue, x->ping_at) ||
        d->bytes.len != x->ping_len ||
        (x->ping_len > 0 && memcmp(d->bytes.bytes, x->ping, x->ping_len) != 0)) {
        return; /* whoever does not know it skips it */
    }
    x->ping_due = false;
    ret->kind = WHERRY_CLIENT_PING_REPLY;
    ret->bytes.offset = 0;
    ret->bytes.view = d->bytes;
}

/* END of id 0. */
static void take_refusal(struct wherry_client_exchange *x, const struct wherry_decoded *d,
                         struct wherry_client_event *ret)
{
    const char *why = NULL;
    enum res result = client_request_read_end(d, &ret->end, &why);

    if (result != RES_OK) {
        client_state_end(x, result, why);
    } else if (ret->end.status == WHERRY_STATUS_OK) {
        client_state_end(x, RES_PROTOCOL, "END of the connection that says OK");
    } else {
        ret->kind = WHERRY_CLIENT_REFUSED;
        client_state_end(x, ret->end.result, "the server ended the connection");
    }
}

static void take_connection_frame(struct wherry_client_exchange *x, const struct wherry_decoded *d,
                                  struct wherry_client_event *ret)
{
    switch (d->frame.type) {
    case WHERRY_FRAME_HELLO_REPLY:
        take_hello(x, d, ret);
        break;
    case WHERRY_FRAME_GOAWAY:
        take_goaway(x, d, ret);
        break;
    case WHERRY_FRAME_END_REPLY:
        take_refusal(x, d, ret);
        break;
    case WHERRY_FRAME_PING_REPLY:
        take_ping_reply(x, d, ret);
        break;
    default: /* PING: a client need not answer it */
        break;
    }
}

/* The request is over. The server drops what still comes of a PUT that it ended early, until it is
 * told that nothing more does. */
static void drop_oldest(struct wherry_client_exchange *x, uint64_t now_ns)
{
    const struct client_request *r = client_state_oldest(x);

    if (r->type == WHERRY_FRAME_PUT && r->replied && !r->closed) {
        /* There is room: since its PUT has left, nothing but short frames can have been queued. */
        (void)client_state_add_cancel(x, r->id, now_ns);
    }
    x->first = (x->first + 1) % WHERRY_PIPELINE_MAX;
    x->count--;
}

static enum res take_entries(struct wherry_client_exchange *x, const struct client_request *r,
                             const struct wherry_decoded *d, const char **why)
{
    if (r->type != WHERRY_FRAME_LIST) {
        *why = "ENTRIES for a request that is not LIST";
        return RES_PROTOCOL;
    }
    x->entries = d->bytes;
    return RES_OK;
}

static enum res judge_owner(const struct wherry_client_exchange *x, const struct client_request *r,
                            const struct wherry_frame *f, const char **why)
{
    if (r == NULL || r->id != f->id) {
        *why = "a reply to another request than the oldest that has not ended";
        return RES_PROTOCOL;
    }
    if (!client_queue_has_left(&x->queue, r->asked_at)) {
        *why = "a reply to a request that was not sent yet";
        return RES_PROTOCOL;
    }
    return RES_OK;
}

static void take_request_frame(struct wherry_client_exchange *x, const struct wherry_decoded *d,
                               uint64_t now_ns, struct wherry_client_event *ret)
{
    struct client_request *r = client_state_oldest(x);
    const char *why = NULL;
    enum res result = judge_owner(x, r, &d->frame, &why);

    if (result != RES_OK) {
        client_state_end(x, result, why);
        return;
    }
    if (d->kind == WHERRY_DECODED_DATA) {
        result = client_request_data(r, d, ret, &why);
    } else if (d->frame.type == WHERRY_FRAME_ENTRIES) {
        result = take_entries(x, r, d, &why);
    } else if (d->frame.type == WHERRY_FRAME_END_REPLY) {
        result = client_request_end(r, d, client_queue_has_left(&x->queue, r->done_at), ret, &why);
    } else {
        result = client_request_reply(r, d, ret, &why);
    }
    if (result != RES_OK) {
        ret->kind = WHERRY_CLIENT_NONE;
        client_state_end(x, result, why);
        return;
    }
    ret->request = r->id;
    if (ret->kind == WHERRY_CLIENT_END) {
        drop_oldest(x, now_ns);
    }
}

static void take_decoded(struct wherry_client_exchange *x, const struct wherry_decoded *d,
                         uint64_t now_ns, struct wherry_client_event *ret)
{
    if (d->kind == WHERRY_DECODED_BAD) {
        client_state_end(x, d->result, d->why);
    } else if (d->kind != WHERRY_DECODED_MORE) {
        if (d->frame.id == 0) {
            take_connection_frame(x, d, ret);
        } else {
            take_request_frame(x, d, now_ns, ret);
        }
    }
}

/* An entry of the frame that the decoder holds. */
static void say_entry(struct wherry_client_exchange *x, struct wherry_client_event *ret)
{
    const char *why = NULL;
    enum res result = client_request_entry(client_state_oldest(x), &x->entries, ret, &why);

    if (result != RES_OK) {
        x->entries.len = 0;
        client_state_end(x, result, why);
    }
}

/* OVER: one LOST after the other, then CLOSED. */
static void say_the_end(struct wherry_client_exchange *x, struct wherry_client_event *ret)
{
    const struct client_request *r = client_state_oldest(x);

    if (r != NULL) {
        ret->kind = WHERRY_CLIENT_LOST;
        ret->request = r->id;
        ret->lost.result = x->result;
        ret->lost.may_be_done = client_queue_has_left(&x->queue, r->done_at);
        x->first = (x->first + 1) % WHERRY_PIPELINE_MAX;
        x->count--;
    } else if (!x->said_closed) {
        x->said_closed = true;
        ret->kind = WHERRY_CLIENT_CLOSED;
        ret->closed.result = x->result;
        ret->closed.why = x->why;
    }
}

size_t wherry_client_exchange_input(struct wherry_client_exchange *x, const uint8_t *bytes,
                                    size_t len, uint64_t now_ns, struct wherry_client_event *ret)
{
    struct wherry_decoded d = {.kind = WHERRY_DECODED_WHOLE};
    size_t used = 0;

    *ret = (struct wherry_client_event){.kind = WHERRY_CLIENT_NONE};
    if (len > 0) {
        x->life_ns = now_ns;
    }
    while (ret->kind == WHERRY_CLIENT_NONE) {
        if (x->entries.len > 0) {
            say_entry(x, ret);
        } else if (x->state == WHERRY_CLIENT_OVER) {
            say_the_end(x, ret);
            return len; /* nothing that comes now means anything */
        } else if (d.kind == WHERRY_DECODED_MORE) {
            break;
        } else {
            used +=
                wherry_frame_decode(&x->decoder, len > 0 ? bytes + used : bytes, len - used, &d);
            take_decoded(x, &d, now_ns, ret);
        }
    }
    return used;
}

void wherry_client_exchange_closed(struct wherry_client_exchange *x, enum res why)
{
    enum res early = x->state == WHERRY_CLIENT_LEAVING ? x->goaway : RES_UNREACHABLE;

    if (why != RES_OK) {
        client_state_end(x, why, "the connection failed");
    } else if (wherry_frame_decoder_midway(&x->decoder)) {
        client_state_end(x, early, "the server closed the connection in the middle of a frame");
    } else if (!x->greeted) {
        client_state_end(x, early, "the server closed the connection before its HELLO");
    } else if (x->count > 0) {
        client_state_end(x, early, "the server closed the connection before it had answered");
    } else {
        client_state_end(x, RES_OK, "the server closed the connection");
    }
}
