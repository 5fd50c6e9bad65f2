/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/exchange.h>

#include <string.h>

#include "proto/exchange_machine.h"

static void bad_frame(struct wherry_exchange *x, enum res result, const char *why)
{
    exchange_end_input(x, result, why);
    x->last_words_due = true;
}

static bool takes_frames(const struct wherry_exchange *x)
{
    return !x->input_over && x->piece == EXCHANGE_PIECE_NONE && !exchange_has_event(x) &&
           x->queue.refused < x->params.refusals_max &&
           x->output.replies < x->params.ping_bytes_max;
}

/* While CLOSING nothing is read before all was sent: who does not read has to stop sending too. */
static bool takes_rubbish(const struct wherry_exchange *x)
{
    return x->state == WHERRY_EXCHANGE_CLOSING && x->sent_all && !x->peer_gone;
}

bool wherry_exchange_wants_input(const struct wherry_exchange *x)
{
    return takes_frames(x) || takes_rubbish(x);
}

static void take_hello(struct wherry_exchange *x, struct wherry_view payload)
{
    struct wherry_message_hello_reply reply = {
        .version = WHERRY_PROTOCOL_VERSION,
        .max_frame = x->params.max_frame,
    };
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    struct wherry_message_hello m;
    enum res r = wherry_message_parse_hello(&m, payload);

    if (r == RES_UNSUPPORTED) {
        bad_frame(x, r, "HELLO asks for something that this server does not know");
    } else if (r != RES_OK) {
        bad_frame(x, r, "HELLO is \"WHRY\", the lowest and the highest version");
    } else if (m.lowest > WHERRY_PROTOCOL_VERSION || m.highest < WHERRY_PROTOCOL_VERSION) {
        bad_frame(x, RES_UNSUPPORTED, "this server speaks version 1");
    } else {
        x->state = WHERRY_EXCHANGE_IDLE;
        exchange_timers_stop(&x->timers, EXCHANGE_TIMER_HELLO);
        exchange_say(x, frame, wherry_message_write_hello_reply(frame, sizeof(frame), &reply));
    }
}

static void take_ping(struct wherry_exchange *x, struct wherry_view payload)
{
    uint8_t frame[WHERRY_FRAME_HEADER_BYTES + WHERRY_FRAME_PING_MAX];
    size_t len = wherry_message_write_ping(frame, sizeof(frame), WHERRY_FRAME_PING_REPLY, payload);

    exchange_say_aside(x, frame, len, true);
}

static void stop_running(struct wherry_exchange *x, enum res result)
{
    if (!x->stopped) {
        x->stopped = true;
        x->stop_due = true;
        x->stop_result = result;
    }
    if (x->state == WHERRY_EXCHANGE_READY) {
        x->state = WHERRY_EXCHANGE_REPLYING;
    }
}

/* For any id, also between a PUT and its END: what runs before the PUT may be what takes long. */
static void take_cancel(struct wherry_exchange *x, const struct wherry_decoded *d)
{
    struct exchange_entry *e = exchange_queue_find(&x->queue, d->frame.id);
    enum res r = wherry_message_parse_cancel(d->bytes);

    if (r == RES_PROTOCOL) {
        bad_frame(x, r, "CANCEL carries nothing but whole tags");
        return;
    }
    r = r == RES_OK ? RES_CANCELLED : r;
    if (x->upload != EXCHANGE_UPLOAD_NONE && x->upload_id == d->frame.id) {
        exchange_close_upload(x);
    }
    if (e == NULL) {
        return;
    }
    if (x->running && e == x->queue.first) {
        stop_running(x, r);
    } else if (e->verdict == RES_OK) {
        exchange_queue_refuse(&x->queue, e, r);
    }
}

/* What is wrong with DATA or END of this id, or NULL. */
static const char *judge_upload(const struct wherry_exchange *x, uint32_t id)
{
    if (x->upload == EXCHANGE_UPLOAD_NONE || x->upload_id != id) {
        return "DATA or END without a PUT of that id";
    }
    if (x->upload == EXCHANGE_UPLOAD_ASKED) {
        return "DATA or END before READY";
    }
    return NULL;
}

static void take_data(struct wherry_exchange *x, const struct wherry_decoded *d)
{
    const char *why = judge_upload(x, d->frame.id);

    if (why != NULL) {
        bad_frame(x, RES_PROTOCOL, why);
        return;
    }
    exchange_rate_moved(&x->in, d->bytes.len, x->now_ns);
    if (x->upload == EXCHANGE_UPLOAD_OPEN && d->bytes.len > 0) {
        x->upload_offset += d->bytes.len;
        x->piece_bytes = d->bytes;
        x->piece = EXCHANGE_PIECE_DUE;
    }
}

static void take_end(struct wherry_exchange *x, const struct wherry_decoded *d)
{
    const char *why = judge_upload(x, d->frame.id);
    struct wherry_message_end m = {.sha256 = NULL};
    enum res r = wherry_message_parse_end(&m, d->bytes);

    if (why == NULL && r == RES_PROTOCOL) {
        why = "END carries nothing but whole tags";
    }
    if (why != NULL) {
        bad_frame(x, RES_PROTOCOL, why);
        return;
    }
    if (x->upload == EXCHANGE_UPLOAD_OPEN && r == RES_OK) {
        x->put_sha256 = NULL;
        if (m.sha256 != NULL) {
            memcpy(x->sha256, m.sha256, sizeof(x->sha256));
            x->put_sha256 = x->sha256;
        }
        x->put_ended = true;
        x->put_end_due = true;
        x->state = WHERRY_EXCHANGE_COMMITTING;
    } else if (x->upload == EXCHANGE_UPLOAD_OPEN) {
        stop_running(x, r);
    }
    exchange_close_upload(x);
}

static enum res parse_request(struct wherry_exchange_request *ret, struct wherry_view payload)
{
    switch (ret->type) {
    case WHERRY_FRAME_LIST:
        return wherry_message_parse_list(&ret->m.list, payload);
    case WHERRY_FRAME_GET:
        return wherry_message_parse_get(&ret->m.get, payload);
    case WHERRY_FRAME_PUT:
        return wherry_message_parse_put(&ret->m.put, payload);
    default:
        return wherry_message_parse_path(&ret->m.path, payload);
    }
}

static const char *judge_request(const struct wherry_exchange *x, uint32_t id)
{
    if (exchange_queue_find(&x->queue, id) != NULL ||
        (x->upload == EXCHANGE_UPLOAD_DISCARD && x->upload_id == id)) {
        return "the id of a request that has not ended";
    }
    if (x->upload != EXCHANGE_UPLOAD_NONE) {
        return "a request between a PUT and its END or CANCEL";
    }
    return NULL;
}

static void take_request(struct wherry_exchange *x, const struct wherry_decoded *d)
{
    struct wherry_exchange_request request = {
        .id = d->frame.id,
        .type = (enum wherry_frame_type)d->frame.type,
    };
    const char *why = judge_request(x, request.id);
    enum res r = parse_request(&request, d->bytes);

    if (why == NULL && r == RES_PROTOCOL) {
        why = "a request that is shorter than its fields, or whose strings or tags go beyond it";
    }
    if (why != NULL) {
        bad_frame(x, RES_PROTOCOL, why);
        return;
    }
    if (x->draining && !x->spared) {
        r = RES_SHUTDOWN;
    } else if (x->queue.count >= x->params.requests_max) {
        r = RES_BUSY;
    }
    x->spared = false;
    if (exchange_queue_add(&x->queue, &request, r) != RES_OK) {
        bad_frame(x, RES_NO_MEMORY, "no memory for a request");
        return;
    }
    if (request.type == WHERRY_FRAME_PUT) {
        x->upload = EXCHANGE_UPLOAD_ASKED;
        x->upload_id = request.id;
    }
}

static void take_whole(struct wherry_exchange *x, const struct wherry_decoded *d)
{
    exchange_timers_stop(&x->timers, EXCHANGE_TIMER_IDLE); /* it begins anew */
    switch (d->frame.type) {
    case WHERRY_FRAME_HELLO:
        take_hello(x, d->bytes);
        break;
    case WHERRY_FRAME_PING:
        take_ping(x, d->bytes);
        break;
    case WHERRY_FRAME_PING_REPLY:
        break;
    case WHERRY_FRAME_CANCEL:
        take_cancel(x, d);
        break;
    case WHERRY_FRAME_END:
        take_end(x, d);
        break;
    default: /* the decoder lets nothing else through */
        take_request(x, d);
        break;
    }
}

/* From the first byte of a frame to the whole of it. DATA has the rate of a body instead. */
static void watch_frame(struct wherry_exchange *x)
{
    const struct wherry_frame *current = wherry_frame_decoder_current(&x->decoder);
    bool is_data = current != NULL && current->type == WHERRY_FRAME_DATA;

    if (!x->input_over && wherry_frame_decoder_midway(&x->decoder) && !is_data) {
        exchange_timers_start(&x->timers, EXCHANGE_TIMER_FRAME, x->now_ns + x->params.frame_ns);
    } else {
        exchange_timers_stop(&x->timers, EXCHANGE_TIMER_FRAME);
    }
}

static size_t take_next(struct wherry_exchange *x, const uint8_t *bytes, size_t len)
{
    struct wherry_decoded d;
    size_t used = wherry_frame_decode(&x->decoder, bytes, len, &d);

    switch (d.kind) {
    case WHERRY_DECODED_MORE:
        break;
    case WHERRY_DECODED_WHOLE:
        take_whole(x, &d);
        break;
    case WHERRY_DECODED_DATA:
        take_data(x, &d);
        break;
    case WHERRY_DECODED_BAD:
        bad_frame(x, d.result, d.why);
        break;
    }
    watch_frame(x);
    exchange_settle(x);
    return used;
}

static size_t drop(struct wherry_exchange *x, size_t len)
{
    size_t room = x->params.drop_bytes_max - x->dropped;
    size_t n = len < room ? len : room;

    x->dropped += (uint32_t)n;
    if (x->dropped == x->params.drop_bytes_max) {
        exchange_close(x);
    }
    return n;
}

size_t wherry_exchange_input(struct wherry_exchange *x, const uint8_t *bytes, size_t len,
                             uint64_t now_ns)
{
    size_t used = 0;

    x->now_ns = now_ns;
    while (used < len && takes_frames(x)) {
        used += take_next(x, bytes + used, len - used);
    }
    if (takes_rubbish(x)) {
        used += drop(x, len - used);
    }
    return used;
}
