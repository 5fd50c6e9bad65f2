/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/client_exchange.h>

#include <stdlib.h>
#include <string.h>

#include "proto/client_state.h"

enum res wherry_client_exchange_new(struct wherry_client_exchange **ret,
                                    const struct wherry_client_params *p)
{
    const struct wherry_message_hello hello = {.lowest = WHERRY_PROTOCOL_VERSION,
                                               .highest = WHERRY_PROTOCOL_VERSION};
    struct wherry_client_exchange *x = calloc(1, sizeof(*x));
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    size_t len;

    if (x == NULL) {
        return RES_NO_MEMORY;
    }
    x->next_id = p->first_id;
    x->hello_patience_ns = p->hello_patience_ns;
    x->silence_patience_ns = p->silence_patience_ns;
    x->start_ns = p->now_ns;
    x->life_ns = p->now_ns;
    wherry_frame_decoder_init(&x->decoder, WHERRY_FROM_SERVER, WHERRY_MAX_FRAME_HIGHEST, true);
    len = wherry_message_write_hello(frame, sizeof(frame), &hello);
    (void)client_queue_add(&x->queue, frame, len); /* it is empty */
    *ret = x;
    return RES_OK;
}

void wherry_client_exchange_free(struct wherry_client_exchange *x)
{
    if (x != NULL) {
        wherry_frame_decoder_clear(&x->decoder);
        free(x);
    }
}

struct client_request *client_state_oldest(struct wherry_client_exchange *x)
{
    return x->count > 0 ? &x->requests[x->first] : NULL;
}

/* The PUT that is not closed; there is nothing behind it. */
static struct client_request *open_put(struct wherry_client_exchange *x)
{
    struct client_request *last;

    if (x->count == 0 || x->state == WHERRY_CLIENT_OVER) {
        return NULL;
    }
    last = &x->requests[(x->first + x->count - 1) % WHERRY_PIPELINE_MAX];
    return last->type == WHERRY_FRAME_PUT && !last->closed ? last : NULL;
}

void client_state_end(struct wherry_client_exchange *x, enum res result, const char *why)
{
    if (x->state != WHERRY_CLIENT_OVER) {
        x->state = WHERRY_CLIENT_OVER;
        x->result = result;
        x->why = why;
    }
}

/* Whether the server is to do something. A PUT that is READY waits for us. */
static bool server_owes(const struct wherry_client_exchange *x)
{
    const struct client_request *oldest = &x->requests[x->first];

    if (!client_queue_empty(&x->queue) || x->ping_due) {
        return true;
    }
    return x->count > 0 && (oldest->type != WHERRY_FRAME_PUT || !oldest->replied || oldest->closed);
}

/* Adds a frame. A silence before the server owed anything does not count. */
static bool add(struct wherry_client_exchange *x, const uint8_t *frame, size_t len, uint64_t now_ns)
{
    bool owed = server_owes(x);
    bool added = client_queue_add(&x->queue, frame, len);

    if (added && !owed) {
        x->life_ns = now_ns;
    }
    return added;
}

static enum res may_request(struct wherry_client_exchange *x, struct wherry_view path)
{
    if (x->state == WHERRY_CLIENT_LEAVING || x->state == WHERRY_CLIENT_OVER) {
        return RES_SHUTDOWN;
    }
    if (x->count == WHERRY_PIPELINE_MAX || open_put(x) != NULL) {
        return RES_BUSY;
    }
    return wherry_message_check_path(path);
}

static uint32_t free_id(const struct wherry_client_exchange *x)
{
    /* 0 is the connection. At most 16 numbers in a row are in use, so a number that comes again
     * after 2^32 is free. */
    return x->next_id != 0 ? x->next_id : 1;
}

/* Queues the frame of a request that may be made; returns its place, NULL: no room. */
static struct client_request *add_request(struct wherry_client_exchange *x, uint8_t type,
                                          const uint8_t *frame, size_t len, uint64_t now_ns)
{
    struct client_request *r = &x->requests[(x->first + x->count) % WHERRY_PIPELINE_MAX];

    if (!add(x, frame, len, now_ns)) {
        return NULL;
    }
    client_request_init(r, type, free_id(x));
    r->asked_at = client_queue_end(&x->queue);
    r->done_at = type == WHERRY_FRAME_PUT ? CLIENT_STATE_NOWHERE : r->asked_at;
    x->next_id = r->id + 1;
    x->count++;
    return r;
}

static bool is_start_after(struct wherry_view after)
{
    return after.len <= WHERRY_STRING_MAX &&
           (after.len == 0 || memchr(after.bytes, 0, after.len) == NULL);
}

enum res wherry_client_exchange_list(struct wherry_client_exchange *x,
                                     const struct wherry_message_list *m, uint64_t now_ns,
                                     uint32_t *ret)
{
    enum res result = may_request(x, m->path);
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    struct client_request *r;
    size_t len;

    if (result != RES_OK) {
        return result;
    }
    if (!is_start_after(m->after)) {
        return RES_NAME;
    }
    len = wherry_message_write_list(frame, sizeof(frame), free_id(x), m);
    r = add_request(x, WHERRY_FRAME_LIST, frame, len, now_ns);
    if (r == NULL) {
        return RES_BUSY;
    }
    client_request_set_list(r, m);
    *ret = r->id;
    return RES_OK;
}

enum res wherry_client_exchange_get(struct wherry_client_exchange *x,
                                    const struct wherry_message_get *m, uint64_t now_ns,
                                    uint32_t *ret)
{
    enum res result = may_request(x, m->path);
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    struct client_request *r;
    size_t len;

    if (result != RES_OK) {
        return result;
    }
    len = wherry_message_write_get(frame, sizeof(frame), free_id(x), m);
    r = add_request(x, WHERRY_FRAME_GET, frame, len, now_ns);
    if (r == NULL) {
        return RES_BUSY;
    }
    client_request_set_get(r, m);
    *ret = r->id;
    return RES_OK;
}

enum res wherry_client_exchange_put(struct wherry_client_exchange *x,
                                    const struct wherry_message_put *m, uint64_t now_ns,
                                    uint32_t *ret)
{
    enum res result = may_request(x, m->path);
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    struct client_request *r;
    size_t len;

    if (result != RES_OK) {
        return result;
    }
    len = wherry_message_write_put(frame, sizeof(frame), free_id(x), m);
    r = add_request(x, WHERRY_FRAME_PUT, frame, len, now_ns);
    if (r == NULL) {
        return RES_BUSY;
    }
    client_request_set_put(r, m);
    *ret = r->id;
    return RES_OK;
}

static enum res ask_by_path(struct wherry_client_exchange *x, enum wherry_frame_type type,
                            struct wherry_view path, uint64_t now_ns, uint32_t *ret)
{
    const struct wherry_message_path m = {.path = path};
    enum res result = may_request(x, path);
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    struct client_request *r;
    size_t len;

    if (result != RES_OK) {
        return result;
    }
    len = wherry_message_write_path(frame, sizeof(frame), type, free_id(x), &m);
    r = add_request(x, (uint8_t)type, frame, len, now_ns);
    if (r == NULL) {
        return RES_BUSY;
    }
    *ret = r->id;
    return RES_OK;
}

enum res wherry_client_exchange_stat(struct wherry_client_exchange *x, struct wherry_view path,
                                     uint64_t now_ns, uint32_t *ret)
{
    return ask_by_path(x, WHERRY_FRAME_STAT, path, now_ns, ret);
}

enum res wherry_client_exchange_hash(struct wherry_client_exchange *x, struct wherry_view path,
                                     uint64_t now_ns, uint32_t *ret)
{
    return ask_by_path(x, WHERRY_FRAME_HASH, path, now_ns, ret);
}

enum res wherry_client_exchange_mkdir(struct wherry_client_exchange *x, struct wherry_view path,
                                      uint64_t now_ns, uint32_t *ret)
{
    return ask_by_path(x, WHERRY_FRAME_MKDIR, path, now_ns, ret);
}

bool client_state_add_cancel(struct wherry_client_exchange *x, uint32_t id, uint64_t now_ns)
{
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    size_t len = wherry_message_write_cancel(frame, sizeof(frame), id);

    return add(x, frame, len, now_ns);
}

enum res wherry_client_exchange_cancel(struct wherry_client_exchange *x, uint32_t request,
                                       uint64_t now_ns)
{
    uint32_t i = 0;
    struct client_request *r;

    while (i < x->count && x->requests[(x->first + i) % WHERRY_PIPELINE_MAX].id != request) {
        i++;
    }
    if (i == x->count || x->state == WHERRY_CLIENT_OVER) {
        return RES_NOT_FOUND;
    }
    r = &x->requests[(x->first + i) % WHERRY_PIPELINE_MAX];
    if (r->cancelled) {
        return RES_CANCELLED;
    }
    if (!client_state_add_cancel(x, request, now_ns)) {
        return RES_BUSY;
    }
    r->cancelled = true;
    r->closed = true;
    return RES_OK;
}

enum res wherry_client_exchange_ping(struct wherry_client_exchange *x, struct wherry_view bytes,
                                     uint64_t now_ns)
{
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    size_t len;

    if (bytes.len > sizeof(x->ping)) {
        return RES_TOO_LARGE;
    }
    if (x->state == WHERRY_CLIENT_OVER) {
        return RES_SHUTDOWN;
    }
    len = wherry_message_write_ping(frame, sizeof(frame), WHERRY_FRAME_PING, bytes);
    if (x->ping_due || !add(x, frame, len, now_ns)) {
        return RES_BUSY;
    }
    if (bytes.len > 0) {
        memcpy(x->ping, bytes.bytes, bytes.len);
    }
    x->ping_len = bytes.len;
    x->ping_at = client_queue_end(&x->queue);
    x->ping_due = true;
    return RES_OK;
}

/* The PUT that may send, in *ret. */
static enum res ready_put(struct wherry_client_exchange *x, struct client_request **ret)
{
    struct client_request *r = open_put(x);

    if (r == NULL) {
        return RES_CANCELLED;
    }
    if (!r->replied || x->queue.body > 0) {
        return RES_BUSY;
    }
    *ret = r;
    return RES_OK;
}

enum res wherry_client_exchange_data_begin(struct wherry_client_exchange *x, uint32_t len,
                                           uint64_t now_ns)
{
    struct wherry_frame f = {.length = len, .type = WHERRY_FRAME_DATA};
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];
    struct client_request *r = NULL;
    enum res result = ready_put(x, &r);

    if (result != RES_OK) {
        return result;
    }
    if (len == 0 || len > x->max_frame) {
        return RES_TOO_LARGE;
    }
    if (r->size != WHERRY_SIZE_UNKNOWN && len > r->count) {
        return RES_OFFSET;
    }
    f.id = r->id;
    wherry_frame_write(header, &f);
    if (!add(x, header, sizeof(header), now_ns)) {
        return RES_BUSY;
    }
    client_queue_add_body(&x->queue, len);
    if (r->size != WHERRY_SIZE_UNKNOWN) {
        r->count -= len;
    }
    return RES_OK;
}

enum res wherry_client_exchange_put_end(struct wherry_client_exchange *x, const uint8_t *sha256,
                                        uint64_t now_ns)
{
    const struct wherry_message_end m = {.sha256 = sha256};
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    struct client_request *r = NULL;
    enum res result = ready_put(x, &r);

    if (result != RES_OK) {
        return result;
    }
    if (r->size != WHERRY_SIZE_UNKNOWN && r->count > 0) {
        return RES_OFFSET;
    }
    if (!add(x, frame, wherry_message_write_end(frame, sizeof(frame), r->id, &m), now_ns)) {
        return RES_BUSY;
    }
    r->closed = true;
    r->done_at = client_queue_end(&x->queue);
    return RES_OK;
}

struct wherry_view wherry_client_exchange_output(const struct wherry_client_exchange *x)
{
    struct wherry_view none = {.bytes = NULL, .len = 0};

    return x->state == WHERRY_CLIENT_OVER ? none : client_queue_output(&x->queue);
}

void wherry_client_exchange_output_sent(struct wherry_client_exchange *x, size_t len,
                                        uint64_t now_ns)
{
    size_t most = wherry_client_exchange_output(x).len;

    if (len > 0 && most > 0) {
        client_queue_sent(&x->queue, len < most ? len : most);
        x->life_ns = now_ns;
    }
}

uint32_t wherry_client_exchange_body(const struct wherry_client_exchange *x)
{
    return x->state == WHERRY_CLIENT_OVER ? 0 : x->queue.body;
}

void wherry_client_exchange_body_sent(struct wherry_client_exchange *x, uint32_t len,
                                      uint64_t now_ns)
{
    uint32_t most = wherry_client_exchange_body(x);

    if (len > 0 && most > 0) {
        client_queue_body_sent(&x->queue, len < most ? len : most);
        x->life_ns = now_ns;
    }
}

void wherry_client_exchange_hold(struct wherry_client_exchange *x, bool held, uint64_t now_ns)
{
    if (x->held && !held) {
        x->life_ns = now_ns;
    }
    x->held = held;
}

uint64_t wherry_client_exchange_deadline(const struct wherry_client_exchange *x)
{
    uint64_t from_ns = x->greeted ? x->life_ns : x->start_ns;
    uint64_t span_ns = x->greeted ? x->silence_patience_ns : x->hello_patience_ns;

    if (x->state == WHERRY_CLIENT_OVER || x->held || (x->greeted && !server_owes(x))) {
        return WHERRY_NEVER;
    }
    return span_ns > WHERRY_NEVER - from_ns ? WHERRY_NEVER : from_ns + span_ns;
}

void wherry_client_exchange_expire(struct wherry_client_exchange *x, uint64_t now_ns)
{
    uint64_t deadline_ns = wherry_client_exchange_deadline(x);

    if (deadline_ns != WHERRY_NEVER && now_ns >= deadline_ns) {
        client_state_end(x, RES_TIMEOUT,
                         x->greeted ? "the server was silent for too long"
                                    : "the server did not say HELLO in time");
    }
}

enum wherry_client_state wherry_client_exchange_state(const struct wherry_client_exchange *x)
{
    return x->state;
}

uint32_t wherry_client_exchange_outstanding(const struct wherry_client_exchange *x)
{
    return x->count;
}

uint32_t wherry_client_exchange_max_frame(const struct wherry_client_exchange *x)
{
    return x->max_frame;
}
