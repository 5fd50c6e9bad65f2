/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/exchange_story.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILL 'x' /* of DATA that the adapter sends itself */

static const char *const statuses[WHERRY_STATUS_COUNT] = {
    "OK",   "PROTOCOL", "NOT_FOUND", "DENIED",   "TOO_LARGE", "EXISTS",  "NO_SPACE",
    "NAME", "RANGE",    "DIGEST",    "IO",       "BUSY",      "CHANGED", "UNSUPPORTED",
    "AUTH", "TIMEOUT",  "CANCELLED", "SHUTDOWN", "IS_DIR",    "OFFSET",
};

static const char *type_name(uint8_t type)
{
    switch (type) {
    case WHERRY_FRAME_LIST:
        return "LIST";
    case WHERRY_FRAME_STAT:
        return "STAT";
    case WHERRY_FRAME_GET:
        return "GET";
    case WHERRY_FRAME_PUT:
        return "PUT";
    case WHERRY_FRAME_HASH:
        return "HASH";
    case WHERRY_FRAME_MKDIR:
        return "MKDIR";
    case WHERRY_FRAME_HELLO_REPLY:
        return "HELLO";
    case WHERRY_FRAME_ENTRIES:
        return "ENTRIES";
    case WHERRY_FRAME_INFO:
        return "INFO";
    case WHERRY_FRAME_GET_REPLY:
        return "GET_REPLY";
    case WHERRY_FRAME_READY:
        return "READY";
    case WHERRY_FRAME_END_REPLY:
        return "END";
    case WHERRY_FRAME_HASH_REPLY:
        return "HASH_REPLY";
    case WHERRY_FRAME_GOAWAY:
        return "GOAWAY";
    case WHERRY_FRAME_PING:
        return "PING";
    default:
        fail_msg("no such type: %u", type);
        return "";
    }
}

static const char *result_name(enum res r)
{
    switch (r) {
    case RES_OK:
        return "OK";
    case RES_PROTOCOL:
        return "PROTOCOL";
    case RES_UNSUPPORTED:
        return "UNSUPPORTED";
    case RES_TIMEOUT:
        return "TIMEOUT";
    case RES_BUSY:
        return "BUSY";
    case RES_CANCELLED:
        return "CANCELLED";
    case RES_NO_MEMORY:
        return "NO_MEMORY";
    case RES_UNREACHABLE:
        return "UNREACHABLE";
    default:
        fail_msg("unexpected: %s", wherry_res_text(r));
        return "";
    }
}

static void add_line(struct story_lines *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_line(struct story_lines *l, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < sizeof(l->text) - l->len);
    l->len += (size_t)len;
}

int exchange_story_setup(void **state)
{
    struct exchange_story *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return -1;
    }
    wherry_exchange_params_init(&f->params);
    *state = f;
    return 0;
}

int exchange_story_teardown(void **state)
{
    struct exchange_story *f = *state;

    wherry_exchange_free(f->x);
    wherry_frame_decoder_clear(&f->client);
    free(f);
    return 0;
}

void begin(struct exchange_story *f)
{
    assert_int_equal(wherry_exchange_new(&f->x, &f->params, f->now_ns), RES_OK);
    wherry_frame_decoder_init(&f->client, WHERRY_FROM_SERVER, f->params.max_frame, true);
}

void greet(struct exchange_story *f)
{
    begin(f);
    give_hello(f, 1, 1);
    expect_sent(f, "HELLO 0\n");
}

/* The pieces of an upload are cut as the stream was: they become one line. */
static void end_upload_line(struct exchange_story *f)
{
    if (f->upload_len > 0) {
        add_line(&f->events, "PUT_BYTES %" PRIu32 " @%" PRIu64 " %.*s\n", f->upload_id,
                 f->upload_at, (int)f->upload_len, (const char *)f->upload);
        f->upload_len = 0;
    }
}

static void note_piece(struct exchange_story *f, const struct wherry_exchange_event *e)
{
    if (f->upload_len == 0) {
        f->upload_at = e->offset;
        f->upload_id = e->request->id;
    }
    assert_int_equal(e->offset, f->upload_at + f->upload_len);
    assert_true(e->bytes.len > 0 && e->bytes.len <= sizeof(f->upload) - f->upload_len);
    memcpy(f->upload + f->upload_len, e->bytes.bytes, e->bytes.len);
    f->upload_len += e->bytes.len;
}

static struct wherry_view request_path(const struct wherry_exchange_request *r)
{
    switch (r->type) {
    case WHERRY_FRAME_LIST:
        return r->m.list.path;
    case WHERRY_FRAME_GET:
        return r->m.get.path;
    case WHERRY_FRAME_PUT:
        return r->m.put.path;
    default:
        return r->m.path.path;
    }
}

static void note_event(struct exchange_story *f, const struct wherry_exchange_event *e)
{
    struct wherry_view path;

    if (e->kind == WHERRY_EXCHANGE_PUT_BYTES) {
        note_piece(f, e);
        return;
    }
    end_upload_line(f);
    switch (e->kind) {
    case WHERRY_EXCHANGE_REQUEST:
        path = request_path(e->request);
        add_line(&f->events, "REQUEST %" PRIu32 " %s %.*s\n", e->request->id,
                 type_name((uint8_t)e->request->type), (int)path.len, (const char *)path.bytes);
        break;
    case WHERRY_EXCHANGE_PUT_END:
        add_line(&f->events, "PUT_END %" PRIu32 " @%" PRIu64, e->request->id, e->offset);
        if (e->sha256 != NULL) {
            add_line(&f->events, " %02x", e->sha256[0]);
        }
        add_line(&f->events, "\n");
        break;
    case WHERRY_EXCHANGE_STOP:
        add_line(&f->events, "STOP %" PRIu32 " %s\n", e->request->id, result_name(e->result));
        break;
    case WHERRY_EXCHANGE_ABORT:
        add_line(&f->events, "ABORT %" PRIu32 " %s\n", e->request->id, result_name(e->result));
        break;
    case WHERRY_EXCHANGE_SHUT:
        add_line(&f->events, "SHUT\n");
        break;
    default:
        add_line(&f->events, "OVER %s\n", result_name(e->result));
        break;
    }
}

static void note_frame(struct exchange_story *f, const struct wherry_decoded *d)
{
    uint8_t type = d->frame.type;

    if (d->kind == WHERRY_DECODED_DATA) {
        if (d->last) {
            add_line(&f->sent, "DATA %" PRIu32 " %" PRIu32 "\n", d->frame.id, d->frame.length);
        }
    } else if (type == WHERRY_FRAME_PING_REPLY) {
        add_line(&f->sent, "PING_REPLY %.*s\n", (int)d->bytes.len, (const char *)d->bytes.bytes);
    } else if (type == WHERRY_FRAME_END_REPLY || type == WHERRY_FRAME_GOAWAY) {
        assert_true(d->frame.status < WHERRY_STATUS_COUNT);
        add_line(&f->sent, "%s %" PRIu32 " %s\n", type_name(type), d->frame.id,
                 statuses[d->frame.status]);
    } else {
        assert_int_equal(d->frame.status, 0);
        add_line(&f->sent, "%s %" PRIu32 "\n", type_name(type), d->frame.id);
    }
}

static void arrive(struct exchange_story *f, const uint8_t *bytes, size_t len)
{
    struct wherry_decoded d;

    while (len > 0) {
        size_t used = wherry_frame_decode(&f->client, bytes, len, &d);

        if (d.kind == WHERRY_DECODED_BAD) {
            fail_msg("the client cannot read this: %s", d.why);
        }
        if (d.kind != WHERRY_DECODED_MORE) {
            note_frame(f, &d);
        }
        bytes += used;
        len -= used;
    }
}

static void send_output(struct exchange_story *f)
{
    struct wherry_view due;
    bool more;

    for (;;) {
        uint32_t body = wherry_exchange_data_due(f->x);

        if (wherry_exchange_output(f->x, &due, &more)) {
            assert_int_equal(body, 0);
            arrive(f, due.bytes, due.len);
            wherry_exchange_output_sent(f->x, due.len, f->now_ns);
        } else if (body > 0) {
            const uint8_t fill = FILL;

            arrive(f, &fill, 1);
            wherry_exchange_data_sent(f->x, 1, f->now_ns);
        } else {
            return;
        }
    }
}

static void answer_get(struct exchange_story *f)
{
    uint8_t *room;

    say_get_reply(f, 9);
    room = wherry_exchange_data_room(f->x, 4);
    assert_non_null(room);
    memset(room, FILL, 4);
    assert_true(wherry_exchange_data_put(f->x, 4, f->now_ns));
    assert_true(wherry_exchange_data_begin(f->x, 5, f->now_ns));
    send_output(f);
    say_end(f, RES_OK);
}

static void answer(struct exchange_story *f, const struct wherry_exchange_event *e)
{
    switch (e->request->type) {
    case WHERRY_FRAME_LIST:
        say_entry(f, "entry");
        say_end(f, RES_OK);
        break;
    case WHERRY_FRAME_STAT:
        say_info(f);
        say_end(f, RES_OK);
        break;
    case WHERRY_FRAME_GET:
        answer_get(f);
        break;
    case WHERRY_FRAME_PUT:
        say_ready(f, 0);
        break;
    case WHERRY_FRAME_HASH: /* stays open: for CANCEL */
        break;
    default:
        say_end(f, RES_EXISTS);
        break;
    }
}

static void react(struct exchange_story *f, const struct wherry_exchange_event *e)
{
    if (e->kind == WHERRY_EXCHANGE_PUT_BYTES && !f->keeps_piece) {
        assert_true(wherry_exchange_put_taken(f->x, f->now_ns));
    } else if (!f->answers) {
        return;
    } else if (e->kind == WHERRY_EXCHANGE_REQUEST) {
        answer(f, e);
    } else if (e->kind == WHERRY_EXCHANGE_PUT_END) {
        say_end(f, RES_OK);
    } else if (e->kind == WHERRY_EXCHANGE_STOP) {
        say_end(f, e->result);
    }
}

static bool pull_events(struct exchange_story *f)
{
    struct wherry_exchange_event e;
    bool any = false;

    while (wherry_exchange_event(f->x, &e)) {
        note_event(f, &e);
        react(f, &e);
        any = true;
    }
    return any;
}

void work(struct exchange_story *f)
{
    do {
        if (!f->is_full) {
            send_output(f);
        }
    } while (pull_events(f));
}

size_t give(struct exchange_story *f, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    size_t used = 0;
    size_t n;

    do {
        n = wherry_exchange_input(f->x, at + used, len - used, f->now_ns);
        used += n;
        work(f);
    } while (n > 0 && used < len);
    return used;
}

void give_frame(struct exchange_story *f, uint8_t type, uint32_t id, const void *payload,
                size_t len)
{
    struct wherry_frame header = {.length = (uint32_t)len, .type = type, .id = id};
    uint8_t frame[WHERRY_FRAME_HEADER_BYTES + 4096];

    assert_true(len <= 4096);
    wherry_frame_write(frame, &header);
    if (len > 0) {
        memcpy(frame + WHERRY_FRAME_HEADER_BYTES, payload, len);
    }
    (void)give(f, frame, WHERRY_FRAME_HEADER_BYTES + len);
}

void give_hello(struct exchange_story *f, uint8_t lowest, uint8_t highest)
{
    const uint8_t payload[] = {'W', 'H', 'R', 'Y', lowest, highest};

    give_frame(f, WHERRY_FRAME_HELLO, 0, payload, sizeof(payload));
}

static struct wherry_view view(const char *text)
{
    return (struct wherry_view){.bytes = (const uint8_t *)text, .len = strlen(text)};
}

void give_path(struct exchange_story *f, enum wherry_frame_type type, uint32_t id, const char *path)
{
    struct wherry_message_path m = {.path = view(path)};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    (void)give(f, frame, wherry_message_write_path(frame, sizeof(frame), type, id, &m));
}

void give_list(struct exchange_story *f, uint32_t id, const char *path)
{
    struct wherry_message_list m = {.path = view(path), .after = view("")};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    (void)give(f, frame, wherry_message_write_list(frame, sizeof(frame), id, &m));
}

void give_get(struct exchange_story *f, uint32_t id, const char *path)
{
    struct wherry_message_get m = {.count = WHERRY_COUNT_ALL, .path = view(path)};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    (void)give(f, frame, wherry_message_write_get(frame, sizeof(frame), id, &m));
}

void give_put(struct exchange_story *f, uint32_t id, const char *path)
{
    struct wherry_message_put m = {
        .size = WHERRY_SIZE_UNKNOWN,
        .mode = WHERRY_PUT_REPLACE,
        .path = view(path),
    };
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    (void)give(f, frame, wherry_message_write_put(frame, sizeof(frame), id, &m));
}

void give_data(struct exchange_story *f, uint32_t id, const char *text)
{
    give_frame(f, WHERRY_FRAME_DATA, id, text, strlen(text));
}

void give_end(struct exchange_story *f, uint32_t id)
{
    give_frame(f, WHERRY_FRAME_END, id, NULL, 0);
}

void give_cancel(struct exchange_story *f, uint32_t id)
{
    give_frame(f, WHERRY_FRAME_CANCEL, id, NULL, 0);
}

void give_ping(struct exchange_story *f, const char *text)
{
    give_frame(f, WHERRY_FRAME_PING, 0, text, strlen(text));
}

void say_info(struct exchange_story *f)
{
    struct wherry_message_info m = {.kind = WHERRY_KIND_FILE};

    assert_true(wherry_exchange_info(f->x, &m, f->now_ns));
}

void say_get_reply(struct exchange_story *f, uint64_t count)
{
    struct wherry_message_get_reply m = {.info.kind = WHERRY_KIND_FILE, .count = count};

    assert_true(wherry_exchange_get_reply(f->x, &m, f->now_ns));
}

void say_ready(struct exchange_story *f, uint64_t offset)
{
    struct wherry_message_ready m = {.offset = offset};

    assert_true(wherry_exchange_ready(f->x, &m, f->now_ns));
}

void say_hash(struct exchange_story *f)
{
    struct wherry_message_hash_reply m = {.sha256 = {1}};

    assert_true(wherry_exchange_hash_reply(f->x, &m, f->now_ns));
}

void say_entry(struct exchange_story *f, const char *name)
{
    struct wherry_message_entry entry = {.kind = WHERRY_KIND_FILE, .name = view(name)};
    struct wherry_message_entries e;

    assert_true(wherry_exchange_entries_begin(f->x, &e));
    assert_true(wherry_message_entries_add(&e, &entry));
    assert_true(wherry_exchange_entries_end(f->x, &e, f->now_ns));
}

void say_end(struct exchange_story *f, enum res result)
{
    assert_true(wherry_exchange_end(f->x, result, NULL, f->now_ns));
}

void upload(struct exchange_story *f)
{
    greet(f);
    give_put(f, 1, "a");
    expect_events(f, "REQUEST 1 PUT a\n");
    say_ready(f, 0);
    work(f);
    expect_sent(f, "READY 1\n");
    expect_state(f, WHERRY_EXCHANGE_READY);
}

static void expect_lines(struct story_lines *l, const char *lines)
{
    assert_string_equal(l->len > 0 ? l->text : "", lines);
    l->len = 0;
}

void expect_events(struct exchange_story *f, const char *lines)
{
    end_upload_line(f);
    expect_lines(&f->events, lines);
}

void expect_sent(struct exchange_story *f, const char *lines)
{
    expect_lines(&f->sent, lines);
}

void expect_nothing(struct exchange_story *f)
{
    work(f);
    expect_events(f, "");
    expect_sent(f, "");
}

void expect_state(struct exchange_story *f, enum wherry_exchange_state state)
{
    assert_int_equal(wherry_exchange_state(f->x), state);
}

void run_out(struct exchange_story *f, uint64_t at_ns)
{
    assert_int_equal(wherry_exchange_deadline(f->x), at_ns);
    f->now_ns = at_ns - 1;
    wherry_exchange_expire(f->x, f->now_ns);
    assert_int_equal(wherry_exchange_deadline(f->x), at_ns);
    f->now_ns = at_ns;
    wherry_exchange_expire(f->x, f->now_ns);
    work(f);
}
