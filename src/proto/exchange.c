/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/exchange.h>

#include <stdlib.h>
#include <string.h>

#include "proto/exchange_machine.h"
#include "proto/wire_error.h"

#define SECOND_NS UINT64_C(1000000000)

void wherry_exchange_params_init(struct wherry_exchange_params *p)
{
    *p = (struct wherry_exchange_params){
        .max_frame = WHERRY_MAX_FRAME_DEFAULT,
        .requests_max = 16,
        .refusals_max = 64,
        .ping_bytes_max = 4096,
        .output_bytes_max = WHERRY_FRAME_HEADER_BYTES + 65536,
        .drop_bytes_max = 65536,
        .body_rate = 1024,
        .body_ns = 30 * SECOND_NS,
        .hello_ns = 5 * SECOND_NS,
        .frame_ns = 10 * SECOND_NS,
        .idle_ns = 120 * SECOND_NS,
        .ping_ns = 15 * SECOND_NS,
        .linger_ns = 2 * SECOND_NS,
    };
}

enum res wherry_exchange_new(struct wherry_exchange **ret, const struct wherry_exchange_params *p,
                             uint64_t now_ns)
{
    struct wherry_exchange *x = calloc(1, sizeof(*x));

    if (x == NULL) {
        return RES_NO_MEMORY;
    }
    x->params = *p;
    x->now_ns = now_ns;
    x->why = "";
    wherry_frame_decoder_init(&x->decoder, WHERRY_FROM_CLIENT, p->max_frame, true);
    exchange_timers_init(&x->timers);
    exchange_timers_start(&x->timers, EXCHANGE_TIMER_HELLO, now_ns + p->hello_ns);
    exchange_rate_init(&x->in, p->body_rate, p->body_ns);
    exchange_rate_init(&x->out, p->body_rate, p->body_ns);
    *ret = x;
    return RES_OK;
}

void wherry_exchange_free(struct wherry_exchange *x)
{
    if (x == NULL) {
        return;
    }
    wherry_frame_decoder_clear(&x->decoder);
    exchange_queue_clear(&x->queue);
    exchange_output_clear(&x->output);
    free(x->aborted);
    free(x);
}

struct exchange_entry *exchange_take_running(struct wherry_exchange *x)
{
    x->running = false;
    x->replied = false;
    x->put_ended = false;
    x->stopped = false;
    x->count_left = 0;
    x->piece = EXCHANGE_PIECE_NONE;
    x->put_end_due = false;
    x->stop_due = false;
    x->state = WHERRY_EXCHANGE_IDLE;
    return exchange_queue_take(&x->queue, x->queue.first);
}

void exchange_close_upload(struct wherry_exchange *x)
{
    x->upload = EXCHANGE_UPLOAD_NONE;
    exchange_rate_reset(&x->in);
    if (x->state == WHERRY_EXCHANGE_DISCARDING) {
        x->state = WHERRY_EXCHANGE_IDLE;
    }
}

static void lose_memory(struct wherry_exchange *x)
{
    exchange_lose(x, RES_NO_MEMORY, "no memory for what is to be sent");
}

void exchange_say(struct wherry_exchange *x, const uint8_t *frame, size_t len)
{
    uint8_t *to;

    if (x->state == WHERRY_EXCHANGE_CLOSED) {
        return;
    }
    to = exchange_output_room(&x->output, len);
    if (to == NULL) {
        lose_memory(x);
        return;
    }
    memcpy(to, frame, len);
    exchange_output_add(&x->output, len);
}

void exchange_say_aside(struct wherry_exchange *x, const uint8_t *frame, size_t len, bool reply)
{
    if (x->state != WHERRY_EXCHANGE_CLOSED &&
        !exchange_output_aside(&x->output, frame, len, reply)) {
        lose_memory(x);
    }
}

/* The end of a text is what can be spared most. */
struct wherry_view exchange_text(const char *text)
{
    size_t len = strnlen(text, WHERRY_STRING_MAX);

    return (struct wherry_view){.bytes = (const uint8_t *)text, .len = len};
}

void exchange_say_end(struct wherry_exchange *x, uint32_t id, enum res result,
                      const struct wherry_message_end_reply *m)
{
    struct wherry_message_end_reply end = {.text = exchange_text("")};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    if (m != NULL) {
        end = *m;
        end.text.len = end.text.len < WHERRY_STRING_MAX ? end.text.len : WHERRY_STRING_MAX;
    } else if (result != RES_OK) {
        end.text = exchange_text(wire_error_text(result));
    }
    exchange_say(
        x, frame,
        wherry_message_write_end_reply(frame, sizeof(frame), id, wire_error_status(result), &end));
}

/* Beside the answers there have to fit: PING replies, the last of which may go over their limit;
 * INFO or its like and END of the request that runs; GOAWAY or the last END. */
size_t exchange_room(const struct wherry_exchange *x)
{
    size_t kept = x->params.ping_bytes_max + WHERRY_FRAME_HEADER_BYTES + WHERRY_FRAME_PING_MAX +
                  3 * WHERRY_MESSAGE_BYTES + exchange_output_held(&x->output);

    return x->params.output_bytes_max > kept ? x->params.output_bytes_max - kept : 0;
}

/* The END of whatever is first in the queue, if it is known. */
static void answer_refused(struct wherry_exchange *x)
{
    while (x->state == WHERRY_EXCHANGE_IDLE && !x->running && x->queue.first != NULL &&
           x->queue.first->verdict != RES_OK && exchange_room(x) > 0) {
        struct exchange_entry *e = exchange_queue_take(&x->queue, x->queue.first);

        if (x->upload == EXCHANGE_UPLOAD_ASKED && x->upload_id == e->request.id) {
            exchange_close_upload(x);
        }
        exchange_say_end(x, e->request.id, e->verdict, NULL);
        free(e);
    }
}

static bool request_due(const struct wherry_exchange *x)
{
    return x->state == WHERRY_EXCHANGE_IDLE && !x->running && x->queue.first != NULL &&
           x->queue.first->verdict == RES_OK && exchange_room(x) > 0;
}

/* The client waits for us, and hears nothing. */
static bool is_busy(const struct wherry_exchange *x)
{
    return exchange_output_empty(&x->output) &&
           (x->state == WHERRY_EXCHANGE_REPLYING || x->state == WHERRY_EXCHANGE_COMMITTING ||
            (x->state == WHERRY_EXCHANGE_READY && x->piece != EXCHANGE_PIECE_NONE));
}

static bool is_idle(const struct wherry_exchange *x)
{
    return x->state == WHERRY_EXCHANGE_IDLE && x->queue.first == NULL &&
           exchange_output_empty(&x->output);
}

static void run_timer(struct wherry_exchange *x, enum exchange_timer which, bool runs,
                      uint64_t span_ns)
{
    if (runs) {
        exchange_timers_start(&x->timers, which, x->now_ns + span_ns);
    } else {
        exchange_timers_stop(&x->timers, which);
    }
}

void exchange_settle(struct wherry_exchange *x)
{
    bool awaits_body = (x->upload == EXCHANGE_UPLOAD_OPEN && x->piece == EXCHANGE_PIECE_NONE) ||
                       x->upload == EXCHANGE_UPLOAD_DISCARD;

    answer_refused(x);
    exchange_close_in_order(x);
    run_timer(x, EXCHANGE_TIMER_PING, is_busy(x), x->params.ping_ns);
    run_timer(x, EXCHANGE_TIMER_IDLE, is_idle(x), x->params.idle_ns);
    if (awaits_body) {
        exchange_rate_wait(&x->in, x->now_ns);
    }
    if (exchange_output_empty(&x->output)) {
        exchange_rate_reset(&x->out);
    }
}

static bool say_event(struct wherry_exchange_event *e, enum wherry_exchange_event_kind kind,
                      const struct exchange_entry *entry)
{
    e->kind = kind;
    e->request = entry != NULL ? &entry->request : NULL;
    return true;
}

static bool say_upload_event(struct wherry_exchange *x, struct wherry_exchange_event *ret)
{
    if (x->piece == EXCHANGE_PIECE_DUE) {
        x->piece = EXCHANGE_PIECE_SAID;
        ret->bytes = x->piece_bytes;
        ret->offset = x->upload_offset - x->piece_bytes.len;
        return say_event(ret, WHERRY_EXCHANGE_PUT_BYTES, x->queue.first);
    }
    if (x->put_end_due) {
        x->put_end_due = false;
        ret->offset = x->upload_offset;
        ret->sha256 = x->put_sha256;
        return say_event(ret, WHERRY_EXCHANGE_PUT_END, x->queue.first);
    }
    return false;
}

bool wherry_exchange_event(struct wherry_exchange *x, struct wherry_exchange_event *ret)
{
    *ret = (struct wherry_exchange_event){.result = x->result};
    if (x->abort_due) {
        x->abort_due = false;
        return say_event(ret, WHERRY_EXCHANGE_ABORT, x->aborted);
    }
    free(x->aborted);
    x->aborted = NULL;
    if (say_upload_event(x, ret)) {
        return true;
    }
    if (x->stop_due) {
        x->stop_due = false;
        ret->result = x->stop_result;
        return say_event(ret, WHERRY_EXCHANGE_STOP, x->queue.first);
    }
    if (request_due(x)) {
        x->running = true;
        x->state = WHERRY_EXCHANGE_REPLYING;
        exchange_settle(x);
        return say_event(ret, WHERRY_EXCHANGE_REQUEST, x->queue.first);
    }
    if (x->shut_due) {
        x->shut_due = false;
        return say_event(ret, WHERRY_EXCHANGE_SHUT, NULL);
    }
    if (x->over_due) {
        x->over_due = false;
        return say_event(ret, WHERRY_EXCHANGE_OVER, NULL);
    }
    return false;
}

bool exchange_has_event(const struct wherry_exchange *x)
{
    return x->abort_due || x->piece == EXCHANGE_PIECE_DUE || x->put_end_due || x->stop_due ||
           x->shut_due || x->over_due || request_due(x);
}

bool wherry_exchange_output(const struct wherry_exchange *x, struct wherry_view *ret, bool *more)
{
    *ret = exchange_output_due(&x->output);
    *more = x->output.body > 0;
    return ret->len > 0;
}

void wherry_exchange_output_sent(struct wherry_exchange *x, size_t bytes, uint64_t now_ns)
{
    x->now_ns = now_ns;
    exchange_output_sent(&x->output, bytes);
    exchange_rate_moved(&x->out, bytes, now_ns);
    exchange_settle(x);
}

uint32_t wherry_exchange_data_due(const struct wherry_exchange *x)
{
    return exchange_output_due(&x->output).len == 0 ? x->output.body : 0;
}

void wherry_exchange_data_sent(struct wherry_exchange *x, uint32_t bytes, uint64_t now_ns)
{
    x->now_ns = now_ns;
    exchange_rate_moved(&x->out, bytes, now_ns);
    if (!exchange_output_body_sent(&x->output, bytes)) {
        lose_memory(x);
    }
    exchange_settle(x);
}

void wherry_exchange_blocked(struct wherry_exchange *x, uint64_t now_ns)
{
    x->now_ns = now_ns;
    if (!exchange_output_empty(&x->output)) {
        exchange_rate_wait(&x->out, now_ns);
    }
}

enum wherry_exchange_state wherry_exchange_state(const struct wherry_exchange *x)
{
    return x->state;
}

enum res wherry_exchange_result(const struct wherry_exchange *x)
{
    return x->result;
}

const char *wherry_exchange_why(const struct wherry_exchange *x)
{
    return x->why;
}

size_t wherry_exchange_held_bytes(const struct wherry_exchange *x)
{
    return x->queue.bytes + exchange_output_held(&x->output);
}
