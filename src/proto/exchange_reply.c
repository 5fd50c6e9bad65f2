/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/exchange.h>

#include <stdlib.h>

#include "proto/exchange_machine.h"

#define ENTRIES_LEAST 4096u /* room that is worth a frame of a listing */

/* Whether the request that runs is of this type and may say its one reply. */
static bool may_reply(const struct wherry_exchange *x, enum wherry_frame_type type)
{
    return x->running && x->queue.first->request.type == type && !x->replied;
}

static uint32_t running_id(const struct wherry_exchange *x)
{
    return x->queue.first->request.id;
}

static void reply(struct wherry_exchange *x, const uint8_t *frame, size_t len, uint64_t now_ns)
{
    x->now_ns = now_ns;
    x->replied = true;
    exchange_say(x, frame, len);
    exchange_settle(x);
}

bool wherry_exchange_info(struct wherry_exchange *x, const struct wherry_message_info *m,
                          uint64_t now_ns)
{
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    if (!may_reply(x, WHERRY_FRAME_STAT)) {
        return false;
    }
    reply(x, frame, wherry_message_write_info(frame, sizeof(frame), running_id(x), m), now_ns);
    return true;
}

bool wherry_exchange_hash_reply(struct wherry_exchange *x,
                                const struct wherry_message_hash_reply *m, uint64_t now_ns)
{
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    if (!may_reply(x, WHERRY_FRAME_HASH)) {
        return false;
    }
    reply(x, frame, wherry_message_write_hash_reply(frame, sizeof(frame), running_id(x), m),
          now_ns);
    return true;
}

bool wherry_exchange_get_reply(struct wherry_exchange *x, const struct wherry_message_get_reply *m,
                               uint64_t now_ns)
{
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    if (!may_reply(x, WHERRY_FRAME_GET)) {
        return false;
    }
    x->count_left = m->count;
    reply(x, frame, wherry_message_write_get_reply(frame, sizeof(frame), running_id(x), m), now_ns);
    return true;
}

bool wherry_exchange_ready(struct wherry_exchange *x, const struct wherry_message_ready *m,
                           uint64_t now_ns)
{
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    /* Cancelled, it is closed already, and another PUT may wait behind it. */
    if (!may_reply(x, WHERRY_FRAME_PUT) || x->upload != EXCHANGE_UPLOAD_ASKED ||
        x->upload_id != running_id(x)) {
        return false;
    }
    x->upload = EXCHANGE_UPLOAD_OPEN;
    x->upload_offset = m->offset;
    x->state = WHERRY_EXCHANGE_READY;
    reply(x, frame, wherry_message_write_ready(frame, sizeof(frame), running_id(x), m), now_ns);
    return true;
}

bool wherry_exchange_put_taken(struct wherry_exchange *x, uint64_t now_ns)
{
    if (x->piece != EXCHANGE_PIECE_SAID) {
        return false;
    }
    x->now_ns = now_ns;
    x->piece = EXCHANGE_PIECE_NONE;
    exchange_settle(x);
    return true;
}

static bool is_complete(const struct wherry_exchange *x)
{
    switch (x->queue.first->request.type) {
    case WHERRY_FRAME_LIST:
    case WHERRY_FRAME_MKDIR:
        return true;
    case WHERRY_FRAME_PUT:
        return x->put_ended;
    default:
        return x->replied && x->count_left == 0;
    }
}

/* Of the PUT that ended, if its client has not closed it. */
static void end_upload(struct wherry_exchange *x)
{
    if (x->upload == EXCHANGE_UPLOAD_ASKED) {
        exchange_close_upload(x); /* before READY it is over for the client too */
    } else if (x->upload == EXCHANGE_UPLOAD_OPEN) {
        x->upload = EXCHANGE_UPLOAD_DISCARD;
        x->state = WHERRY_EXCHANGE_DISCARDING;
    }
}

bool wherry_exchange_end(struct wherry_exchange *x, enum res result,
                         const struct wherry_message_end_reply *m, uint64_t now_ns)
{
    struct exchange_entry *e;

    if (!x->running || x->output.body > 0 || (result == RES_OK && !is_complete(x))) {
        return false;
    }
    x->now_ns = now_ns;
    e = exchange_take_running(x);
    exchange_say_end(x, e->request.id, result, m);
    if (x->upload_id == e->request.id) {
        end_upload(x);
    }
    free(e);
    exchange_settle(x);
    return true;
}

bool wherry_exchange_entries_begin(struct wherry_exchange *x, struct wherry_message_entries *ret)
{
    size_t cap = WHERRY_FRAME_HEADER_BYTES + (size_t)x->params.max_frame;
    size_t room = exchange_room(x);
    uint8_t *buf;

    if (!may_reply(x, WHERRY_FRAME_LIST) || x->stopped || room < ENTRIES_LEAST) {
        return false;
    }
    cap = room < cap ? room : cap;
    buf = exchange_output_room(&x->output, cap);
    if (buf == NULL) {
        wherry_exchange_lose(x, RES_NO_MEMORY);
        return false;
    }
    wherry_message_entries_begin(ret, buf, cap);
    return true;
}

bool wherry_exchange_entries_end(struct wherry_exchange *x, struct wherry_message_entries *e,
                                 uint64_t now_ns)
{
    if (!may_reply(x, WHERRY_FRAME_LIST)) {
        return false;
    }
    x->now_ns = now_ns;
    exchange_output_add(&x->output, wherry_message_entries_end(e, running_id(x)));
    exchange_settle(x);
    return true;
}

static bool may_send_data(const struct wherry_exchange *x, uint32_t length)
{
    return x->running && x->queue.first->request.type == WHERRY_FRAME_GET && !x->stopped &&
           x->output.body == 0 && length > 0 && length <= x->params.max_frame &&
           length <= x->count_left;
}

static void write_data_header(struct wherry_exchange *x, uint8_t *to, uint32_t length)
{
    struct wherry_frame f = {.length = length, .type = WHERRY_FRAME_DATA, .id = running_id(x)};

    wherry_frame_write(to, &f);
    x->count_left -= length;
}

bool wherry_exchange_data_begin(struct wherry_exchange *x, uint32_t length, uint64_t now_ns)
{
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];

    if (!may_send_data(x, length)) {
        return false;
    }
    x->now_ns = now_ns;
    write_data_header(x, header, length);
    exchange_say(x, header, sizeof(header));
    if (x->running) {
        exchange_output_open(&x->output, length);
    }
    exchange_settle(x);
    return true;
}

uint8_t *wherry_exchange_data_room(struct wherry_exchange *x, uint32_t length)
{
    uint8_t *room;

    if (!may_send_data(x, length) || WHERRY_FRAME_HEADER_BYTES + length > exchange_room(x)) {
        return NULL;
    }
    room = exchange_output_room(&x->output, WHERRY_FRAME_HEADER_BYTES + length);
    if (room == NULL) {
        wherry_exchange_lose(x, RES_NO_MEMORY);
        return NULL;
    }
    return room + WHERRY_FRAME_HEADER_BYTES;
}

bool wherry_exchange_data_put(struct wherry_exchange *x, uint32_t length, uint64_t now_ns)
{
    uint8_t *room = wherry_exchange_data_room(x, length);

    if (room == NULL) {
        return false;
    }
    x->now_ns = now_ns;
    write_data_header(x, room - WHERRY_FRAME_HEADER_BYTES, length);
    exchange_output_add(&x->output, WHERRY_FRAME_HEADER_BYTES + length);
    exchange_settle(x);
    return true;
}
