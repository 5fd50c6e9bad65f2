/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/client_exchange_story.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As the status codes are called. */
static const char *const results[RES_COUNT] = {
    [RES_OK] = "OK",
    [RES_PROTOCOL] = "PROTOCOL",
    [RES_UNSUPPORTED] = "UNSUPPORTED",
    [RES_NOT_FOUND] = "NOT_FOUND",
    [RES_IS_DIR] = "IS_DIR",
    [RES_DENIED] = "DENIED",
    [RES_NAME] = "NAME",
    [RES_EXISTS] = "EXISTS",
    [RES_NO_SPACE] = "NO_SPACE",
    [RES_TOO_LARGE] = "TOO_LARGE",
    [RES_CHANGED] = "CHANGED",
    [RES_IO] = "IO",
    [RES_BUSY] = "BUSY",
    [RES_NO_MEMORY] = "NO_MEMORY",
    [RES_TIMEOUT] = "TIMEOUT",
    [RES_PEER] = "PEER",
    [RES_UNREACHABLE] = "UNREACHABLE",
    [RES_SHUTDOWN] = "SHUTDOWN",
    [RES_RANGE] = "RANGE",
    [RES_DIGEST] = "DIGEST",
    [RES_OFFSET] = "OFFSET",
    [RES_CANCELLED] = "CANCELLED",
};

static const char *result_name(enum res r)
{
    assert_true((size_t)r < RES_COUNT && results[r] != NULL);
    return results[r];
}

int client_exchange_story_setup(void **state)
{
    struct client_exchange_story *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return -1;
    }
    f->now_ns = 7 * SECOND;
    f->params = (struct wherry_client_params){
        .hello_patience_ns = 5 * SECOND,
        .silence_patience_ns = 30 * SECOND,
        .now_ns = f->now_ns,
    };
    *state = f;
    return 0;
}

int client_exchange_story_teardown(void **state)
{
    struct client_exchange_story *f = *state;

    wherry_client_exchange_free(f->x);
    free(f);
    return 0;
}

void begin(struct client_exchange_story *f)
{
    assert_int_equal(wherry_client_exchange_new(&f->x, &f->params), RES_OK);
    expect_output(f, BYTES(FRAME("\0\6", "\1", "\0", "\0") "WHRY\1\1"));
}

void greet(struct client_exchange_story *f)
{
    begin(f);
    give(f, BYTES(HELLO));
    expect(f, STORY_HELLO);
}

void expect_output(struct client_exchange_story *f, const uint8_t *bytes, size_t len)
{
    assert_int_equal(wherry_client_exchange_output(f->x).len, len);
    expect_piece(f, bytes, len);
}

void expect_piece(struct client_exchange_story *f, const uint8_t *bytes, size_t len)
{
    struct wherry_view out = wherry_client_exchange_output(f->x);

    assert_true(out.len >= len);
    assert_memory_equal(out.bytes, bytes, len);
    wherry_client_exchange_output_sent(f->x, len, f->now_ns);
}

void expect_silence(struct client_exchange_story *f)
{
    assert_int_equal(wherry_client_exchange_output(f->x).len, 0);
    assert_int_equal(wherry_client_exchange_body(f->x), 0);
}

void flush(struct client_exchange_story *f)
{
    size_t len;
    uint32_t body;

    do {
        len = wherry_client_exchange_output(f->x).len;
        wherry_client_exchange_output_sent(f->x, len, f->now_ns);
        body = wherry_client_exchange_body(f->x);
        wherry_client_exchange_body_sent(f->x, body, f->now_ns);
    } while (len > 0 || body > 0);
}

static void put(struct client_exchange_story *f, const void *bytes, size_t len)
{
    assert_true(len < sizeof(f->log) - f->log_len);
    memcpy(f->log + f->log_len, bytes, len);
    f->log_len += len;
    f->log[f->log_len] = '\0';
}

static void putf(struct client_exchange_story *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void putf(struct client_exchange_story *f, const char *format, ...)
{
    char text[256];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < sizeof(text));
    put(f, text, (size_t)len);
}

static void put_view(struct client_exchange_story *f, struct wherry_view view)
{
    if (view.len > 0) {
        put(f, view.bytes, view.len);
    }
}

static void end_run(struct client_exchange_story *f)
{
    if (f->run_request != 0) {
        putf(f, "BYTES %" PRIu32 " @%" PRIu64 " ", f->run_request, f->run_offset);
        put(f, f->run, f->run_len);
        put(f, "\n", 1);
        f->run_request = 0;
        f->run_len = 0;
    }
}

static void keep_bytes(struct client_exchange_story *f, const struct wherry_client_event *e)
{
    if (f->run_request != e->request || f->run_offset + f->run_len != e->bytes.offset) {
        end_run(f);
        f->run_request = e->request;
        f->run_offset = e->bytes.offset;
    }
    assert_true(e->bytes.view.len > 0 && e->bytes.view.len <= sizeof(f->run) - f->run_len);
    memcpy(f->run + f->run_len, e->bytes.view.bytes, e->bytes.view.len);
    f->run_len += e->bytes.view.len;
}

static void put_end(struct client_exchange_story *f, const struct wherry_client_end *e)
{
    putf(f, " %s \"", result_name(e->result));
    put_view(f, e->text);
    put(f, "\"", 1);
    if (e->sha256 != NULL) {
        putf(f, " sha256 %x", e->sha256[0]);
    }
    if (e->validator != NULL) {
        putf(f, " validator %x", e->validator[0]);
    }
}

static void put_request_event(struct client_exchange_story *f, const struct wherry_client_event *e)
{
    switch (e->kind) {
    case WHERRY_CLIENT_ENTRY:
        putf(f, "ENTRY %" PRIu32 " %d %" PRIu64 " %" PRIu64 " ", e->request, (int)e->entry.kind,
             e->entry.size, e->entry.mtime_ns);
        put_view(f, e->entry.name);
        break;
    case WHERRY_CLIENT_INFO:
        putf(f, "INFO %" PRIu32 " %d %" PRIu64 " %" PRIu64 " %x", e->request, (int)e->info.kind,
             e->info.size, e->info.mtime_ns, e->info.validator[0]);
        break;
    case WHERRY_CLIENT_GET_REPLY:
        putf(f, "GET %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %x", e->request,
             e->get.info.size, e->get.offset, e->get.count, e->get.info.validator[0]);
        break;
    case WHERRY_CLIENT_READY:
        putf(f, "READY %" PRIu32 " %" PRIu64 " %x", e->request, e->ready.offset,
             e->ready.upload_id[0]);
        break;
    case WHERRY_CLIENT_HASH_REPLY:
        putf(f, "HASH %" PRIu32 " %x %x", e->request, e->hash.validator[0], e->hash.sha256[0]);
        break;
    case WHERRY_CLIENT_END:
        putf(f, "END %" PRIu32, e->request);
        put_end(f, &e->end);
        break;
    case WHERRY_CLIENT_LOST:
        putf(f, "LOST %" PRIu32 " %s%s", e->request, result_name(e->lost.result),
             e->lost.may_be_done ? ", may be done" : "");
        break;
    default:
        fail_msg("event %d with a request", (int)e->kind);
    }
}

static void put_connection_event(struct client_exchange_story *f,
                                 const struct wherry_client_event *e)
{
    switch (e->kind) {
    case WHERRY_CLIENT_HELLO:
        putf(f, "HELLO %u %" PRIu32, e->hello.version, e->hello.max_frame);
        break;
    case WHERRY_CLIENT_PING_REPLY:
        putf(f, "PING ");
        put_view(f, e->bytes.view);
        break;
    case WHERRY_CLIENT_GOAWAY:
        putf(f, "GOAWAY");
        put_end(f, &e->end);
        putf(f, " %" PRIu32, e->end.retry_after_s);
        break;
    case WHERRY_CLIENT_REFUSED:
        putf(f, "REFUSED");
        put_end(f, &e->end);
        break;
    case WHERRY_CLIENT_CLOSED:
        putf(f, "CLOSED %s", result_name(e->closed.result));
        f->why = e->closed.why;
        assert_non_null(f->why);
        break;
    default:
        fail_msg("event %d without a request", (int)e->kind);
    }
}

/* The bytes lie in a block of exactly their size, so that a read past the end is caught. */
void give(struct client_exchange_story *f, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    struct wherry_client_event e;
    size_t used = 0;

    assert_non_null(copy);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    for (;;) {
        used += wherry_client_exchange_input(f->x, copy + used, len - used, f->now_ns, &e);
        assert_true(used <= len);
        if (e.kind == WHERRY_CLIENT_NONE) {
            break;
        }
        if (e.kind == WHERRY_CLIENT_BYTES) {
            keep_bytes(f, &e);
            continue;
        }
        end_run(f);
        if (e.request != 0) {
            put_request_event(f, &e);
        } else {
            put_connection_event(f, &e);
        }
        put(f, "\n", 1);
    }
    assert_int_equal(used, len);
    free(copy);
}

void pull(struct client_exchange_story *f)
{
    give(f, NULL, 0);
}

void expect(struct client_exchange_story *f, const char *lines)
{
    end_run(f);
    assert_string_equal(f->log_len > 0 ? f->log : "", lines);
    f->log_len = 0;
}

uint32_t ask_list(struct client_exchange_story *f, struct wherry_view path,
                  struct wherry_view after)
{
    const struct wherry_message_list m = {.path = path, .after = after};
    uint32_t id = 0;

    assert_int_equal(wherry_client_exchange_list(f->x, &m, f->now_ns, &id), RES_OK);
    return id;
}

uint32_t ask_stat(struct client_exchange_story *f, struct wherry_view path)
{
    uint32_t id = 0;

    assert_int_equal(wherry_client_exchange_stat(f->x, path, f->now_ns, &id), RES_OK);
    return id;
}

uint32_t ask_get(struct client_exchange_story *f, struct wherry_view path, uint64_t offset,
                 uint64_t count)
{
    const struct wherry_message_get m = {.path = path, .offset = offset, .count = count};
    uint32_t id = 0;

    assert_int_equal(wherry_client_exchange_get(f->x, &m, f->now_ns, &id), RES_OK);
    return id;
}

uint32_t ask_put(struct client_exchange_story *f, struct wherry_view path, uint64_t size)
{
    const struct wherry_message_put m = {.path = path, .size = size, .mode = WHERRY_PUT_CREATE};
    uint32_t id = 0;

    assert_int_equal(wherry_client_exchange_put(f->x, &m, f->now_ns, &id), RES_OK);
    return id;
}

uint32_t ask_hash(struct client_exchange_story *f, struct wherry_view path)
{
    uint32_t id = 0;

    assert_int_equal(wherry_client_exchange_hash(f->x, path, f->now_ns, &id), RES_OK);
    return id;
}

uint32_t ask_mkdir(struct client_exchange_story *f, struct wherry_view path)
{
    uint32_t id = 0;

    assert_int_equal(wherry_client_exchange_mkdir(f->x, path, f->now_ns, &id), RES_OK);
    return id;
}
