/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/exchange.h>

#include <stdlib.h>

#include "proto/exchange_machine.h"
#include "proto/wire_error.h"

/* The request that runs: over without an END. */
static void abort_running(struct wherry_exchange *x)
{
    if (x->running) {
        x->aborted = exchange_take_running(x);
        x->abort_due = true;
    }
}

/* All that was asked for is void, and nothing more is heard. */
static void give_up(struct wherry_exchange *x, enum res result, const char *why)
{
    x->input_over = true;
    x->last_words_due = false;
    x->result = result;
    x->why = why;
    abort_running(x);
    exchange_queue_clear(&x->queue);
    exchange_close_upload(x);
    exchange_timers_init(&x->timers);
    exchange_rate_reset(&x->out);
}

void exchange_close(struct wherry_exchange *x)
{
    if (x->state != WHERRY_EXCHANGE_CLOSED) {
        x->state = WHERRY_EXCHANGE_CLOSED;
        x->over_due = true;
        x->shut_due = false;
        exchange_timers_init(&x->timers);
        exchange_rate_reset(&x->out);
        exchange_output_drop(&x->output);
    }
}

void exchange_lose(struct wherry_exchange *x, enum res result, const char *why)
{
    if (x->state != WHERRY_EXCHANGE_CLOSED) {
        give_up(x, result, why);
        exchange_close(x);
    }
}

void wherry_exchange_lose(struct wherry_exchange *x, enum res why)
{
    exchange_lose(x, why, wherry_res_text(why));
}

static void say_goaway(struct wherry_exchange *x, enum res why, const char *text,
                       uint32_t retry_after_s)
{
    struct wherry_message_goaway m = {.text = exchange_text(text), .retry_after_s = retry_after_s};
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    size_t len = wherry_message_write_goaway(frame, sizeof(frame), wire_error_status(why), &m);

    exchange_say_aside(x, frame, len, false);
}

static void begin_closing(struct wherry_exchange *x)
{
    struct wherry_message_end_reply end;

    exchange_timers_init(&x->timers);
    x->input_over = true;
    x->state = WHERRY_EXCHANGE_CLOSING;
    if (x->last_words_due) {
        x->last_words_due = false;
        end = (struct wherry_message_end_reply){.text = exchange_text(x->why)};
        exchange_say_end(x, 0, x->result, &end);
    }
}

void exchange_close_in_order(struct wherry_exchange *x)
{
    bool nothing_open = (x->state == WHERRY_EXCHANGE_NEW || x->state == WHERRY_EXCHANGE_IDLE) &&
                        x->queue.first == NULL;

    if (nothing_open && (x->input_over || (x->draining && !x->spared))) {
        begin_closing(x);
    }
    if (x->state == WHERRY_EXCHANGE_CLOSING && !x->sent_all && exchange_output_empty(&x->output)) {
        x->sent_all = true;
        x->shut_due = true;
        exchange_timers_start(&x->timers, EXCHANGE_TIMER_LINGER, x->now_ns + x->params.linger_ns);
    }
    if (x->sent_all && x->peer_gone) {
        exchange_close(x);
    }
}

void exchange_end_input(struct wherry_exchange *x, enum res result, const char *why)
{
    struct exchange_entry *put = exchange_queue_find(&x->queue, x->upload_id);

    x->input_over = true;
    x->result = result;
    x->why = why;
    x->spared = false;
    exchange_timers_stop(&x->timers, EXCHANGE_TIMER_HELLO);
    exchange_timers_stop(&x->timers, EXCHANGE_TIMER_FRAME);
    if (x->upload == EXCHANGE_UPLOAD_ASKED || x->upload == EXCHANGE_UPLOAD_OPEN) {
        if (x->running && put == x->queue.first) {
            abort_running(x);
        } else if (put != NULL && put->verdict == RES_OK) {
            free(exchange_queue_take(&x->queue, put));
        }
    }
    exchange_close_upload(x);
}

void wherry_exchange_eof(struct wherry_exchange *x, uint64_t now_ns)
{
    x->now_ns = now_ns;
    x->peer_gone = true;
    if (!x->input_over) {
        exchange_end_input(x, RES_OK, "");
    }
    exchange_settle(x);
}

void wherry_exchange_goaway(struct wherry_exchange *x, enum res why, uint32_t retry_after_s,
                            uint64_t now_ns)
{
    const struct wherry_frame *current = wherry_frame_decoder_current(&x->decoder);

    x->now_ns = now_ns;
    if (x->input_over || x->draining) {
        return;
    }
    x->draining = true;
    x->spared = current != NULL && wherry_frame_is_request(current->type);
    if (why != RES_SHUTDOWN) {
        x->result = why;
        x->why = wherry_res_text(why);
    }
    say_goaway(x, why, wire_error_text(why), retry_after_s);
    exchange_settle(x);
}

void wherry_exchange_hurry(struct wherry_exchange *x, uint64_t now_ns)
{
    x->now_ns = now_ns;
    for (struct exchange_entry *e = x->queue.first; e != NULL; e = e->next) {
        if (e->verdict == RES_OK && !(x->running && e == x->queue.first)) {
            exchange_queue_refuse(&x->queue, e, RES_SHUTDOWN);
        }
    }
    exchange_settle(x);
}

/* A frame that was begun cannot be left for another one: then there are no last words. */
static void time_out(struct wherry_exchange *x, const char *why)
{
    bool midway = x->output.body > 0;

    give_up(x, RES_TIMEOUT, why);
    if (midway) {
        exchange_output_drop(&x->output);
    } else {
        say_goaway(x, RES_TIMEOUT, why, 0);
    }
    if (x->state != WHERRY_EXCHANGE_CLOSED) {
        begin_closing(x);
        exchange_timers_start(&x->timers, EXCHANGE_TIMER_LINGER, x->now_ns + x->params.linger_ns);
    }
    exchange_settle(x);
}

static const char *what_took_too_long(const struct wherry_exchange *x)
{
    uint64_t now_ns = x->now_ns;

    if (exchange_timers_due(&x->timers, EXCHANGE_TIMER_HELLO, now_ns)) {
        return "no HELLO came in time";
    }
    if (exchange_timers_due(&x->timers, EXCHANGE_TIMER_FRAME, now_ns)) {
        return "a frame did not become whole in time";
    }
    if (now_ns >= exchange_rate_deadline(&x->in)) {
        return "the bytes of an upload came too slowly";
    }
    if (now_ns >= exchange_rate_deadline(&x->out)) {
        return "what was sent was taken too slowly";
    }
    if (exchange_timers_due(&x->timers, EXCHANGE_TIMER_IDLE, now_ns)) {
        return "nothing was asked for too long";
    }
    return NULL;
}

void wherry_exchange_expire(struct wherry_exchange *x, uint64_t now_ns)
{
    const char *why;

    x->now_ns = now_ns;
    why = what_took_too_long(x);
    if (x->state == WHERRY_EXCHANGE_CLOSING) {
        if (why != NULL || exchange_timers_due(&x->timers, EXCHANGE_TIMER_LINGER, now_ns)) {
            exchange_close(x);
        }
        return;
    }
    if (why != NULL) {
        time_out(x, why);
    } else if (exchange_timers_due(&x->timers, EXCHANGE_TIMER_PING, now_ns)) {
        struct wherry_view nothing = {.len = 0};
        uint8_t frame[WHERRY_MESSAGE_BYTES];

        exchange_say_aside(
            x, frame, wherry_message_write_ping(frame, sizeof(frame), WHERRY_FRAME_PING, nothing),
            false);
        exchange_settle(x);
    }
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

uint64_t wherry_exchange_deadline(const struct wherry_exchange *x)
{
    uint64_t rates_ns = earlier(exchange_rate_deadline(&x->in), exchange_rate_deadline(&x->out));

    return earlier(rates_ns, exchange_timers_deadline(&x->timers));
}
