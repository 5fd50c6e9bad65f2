/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/loop_server.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint8_t loop_server_byte(uint64_t size, uint64_t offset)
{
    return (uint8_t)(size * 31 + offset * 7 + (offset >> 8));
}

void loop_server_name(char name[LOOP_PATH_BYTES], uint64_t number)
{
    (void)snprintf(name, LOOP_PATH_BYTES, "a%03" PRIu64, number);
}

size_t loop_some(struct chance *c, size_t most)
{
    return most == 0 ? 0 : (size_t)chance_between(c, 1, most);
}

size_t loop_pipe_room(struct chance *c, const struct loop_pipe *p, size_t most)
{
    size_t room = sizeof(p->bytes) - p->len;

    return loop_some(c, most < room ? most : room);
}

void loop_pipe_add(struct loop_pipe *p, const uint8_t *bytes, size_t len)
{
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
}

void loop_pipe_drop(struct loop_pipe *p, size_t len)
{
    memmove(p->bytes, p->bytes + len, p->len - len);
    p->len -= len;
}

static uint64_t size_of(const char *path)
{
    return (uint64_t)strtoul(path + 1, NULL, 10);
}

void loop_server_init(struct loop_server *s, struct chance *chance)
{
    struct wherry_exchange_params params;

    *s = (struct loop_server){.chance = chance};
    wherry_exchange_params_init(&params);
    params.max_frame = WHERRY_MAX_FRAME_LOWEST;
    assert_int_equal(wherry_exchange_new(&s->exchange, &params, 0), RES_OK);
}

void loop_server_clear(struct loop_server *s)
{
    wherry_exchange_free(s->exchange);
}

static struct wherry_view path_of(const struct wherry_exchange_request *r)
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

static void begin(struct loop_server *s, const struct wherry_exchange_request *r)
{
    struct wherry_view path = path_of(r);

    assert_null(s->running);
    assert_true(path.len > 0 && path.len < sizeof(s->path));
    memcpy(s->path, path.bytes, path.len);
    s->path[path.len] = '\0';
    s->running = r;
    s->size = size_of(s->path);
    s->offset = r->type == WHERRY_FRAME_GET ? r->m.get.offset : 0;
    s->end = r->type == WHERRY_FRAME_GET ? s->offset + r->m.get.count : s->size;
    s->replied = false;
    s->put_ended = false;
    s->stop = RES_OK;
}

static void take_bytes(struct loop_server *s, const struct wherry_exchange_event *e)
{
    assert_int_equal(e->offset, s->offset);
    for (size_t i = 0; i < e->bytes.len; i++) {
        assert_int_equal(e->bytes.bytes[i], loop_server_byte(s->size, s->offset++));
    }
    assert_true(wherry_exchange_put_taken(s->exchange, s->now_ns));
}

static void hear(struct loop_server *s)
{
    struct wherry_exchange_event e;

    while (wherry_exchange_event(s->exchange, &e)) {
        switch (e.kind) {
        case WHERRY_EXCHANGE_REQUEST:
            begin(s, e.request);
            break;
        case WHERRY_EXCHANGE_PUT_BYTES:
            take_bytes(s, &e);
            break;
        case WHERRY_EXCHANGE_PUT_END:
            assert_int_equal(s->offset, s->size);
            s->put_ended = true;
            break;
        case WHERRY_EXCHANGE_STOP:
            s->stop = e.result;
            break;
        default:
            fail_msg("the server gives up: %s", wherry_exchange_why(s->exchange));
        }
    }
}

void loop_server_read(struct loop_server *s)
{
    size_t len = loop_some(s->chance, s->up.len);
    size_t used = wherry_exchange_input(s->exchange, s->up.bytes, len, s->now_ns);

    hear(s);
    loop_pipe_drop(&s->up, used);
}

static void end_running(struct loop_server *s, enum res result)
{
    if (wherry_exchange_end(s->exchange, result, NULL, s->now_ns)) {
        s->running = NULL;
    }
}

static void list(struct loop_server *s)
{
    struct wherry_message_entries entries;
    size_t left = (size_t)chance_between(s->chance, 1, 50);
    char name[LOOP_PATH_BYTES];

    if (s->offset == s->size) {
        end_running(s, RES_OK);
    } else if (wherry_exchange_entries_begin(s->exchange, &entries)) {
        for (; left > 0 && s->offset < s->size; left--) {
            struct wherry_message_entry entry = {.kind = WHERRY_KIND_FILE};

            loop_server_name(name, s->offset);
            entry.name = (struct wherry_view){(const uint8_t *)name, strlen(name)};
            if (!wherry_message_entries_add(&entries, &entry)) {
                break;
            }
            s->offset++;
        }
        assert_true(wherry_exchange_entries_end(s->exchange, &entries, s->now_ns));
    }
}

static void give(struct loop_server *s)
{
    uint64_t left = s->end - s->offset;
    uint32_t len = (uint32_t)loop_some(s->chance, (size_t)left);

    if (s->path[0] == 'x' && (left == 0 || chance_happens(s->chance, 300))) {
        end_running(s, RES_CHANGED);
    } else if (left == 0) {
        end_running(s, RES_OK);
    } else if (chance_happens(s->chance, 500)) {
        uint8_t *room = wherry_exchange_data_room(s->exchange, len);

        for (uint32_t i = 0; room != NULL && i < len; i++) {
            room[i] = loop_server_byte(s->size, s->offset++);
        }
        assert_true(room == NULL || wherry_exchange_data_put(s->exchange, len, s->now_ns));
    } else if (wherry_exchange_data_due(s->exchange) == 0) {
        (void)wherry_exchange_data_begin(s->exchange, len, s->now_ns);
    }
}

static bool reply(struct loop_server *s)
{
    const struct wherry_message_info info = {.kind = WHERRY_KIND_FILE, .size = s->size};
    const struct wherry_message_get_reply get = {
        .info = info, .offset = s->offset, .count = s->end - s->offset};
    const struct wherry_message_hash_reply hash = {.sha256 = {(uint8_t)s->size}};
    const struct wherry_message_ready ready = {.offset = 0};

    switch (s->running->type) {
    case WHERRY_FRAME_STAT:
        return wherry_exchange_info(s->exchange, &info, s->now_ns);
    case WHERRY_FRAME_GET:
        return wherry_exchange_get_reply(s->exchange, &get, s->now_ns);
    case WHERRY_FRAME_PUT:
        return wherry_exchange_ready(s->exchange, &ready, s->now_ns);
    case WHERRY_FRAME_HASH:
        return wherry_exchange_hash_reply(s->exchange, &hash, s->now_ns);
    default:
        return true;
    }
}

void loop_server_work(struct loop_server *s)
{
    if (s->running == NULL) {
        return;
    }
    if (s->stop != RES_OK) {
        end_running(s, s->stop);
    } else if (s->path[0] == 'n') {
        end_running(s, RES_NOT_FOUND);
    } else if (!s->replied) {
        s->replied = reply(s);
    } else if (s->running->type == WHERRY_FRAME_LIST) {
        list(s);
    } else if (s->running->type == WHERRY_FRAME_GET) {
        give(s);
    } else if (s->running->type == WHERRY_FRAME_PUT && s->path[0] == 'x') {
        if (s->put_ended || s->offset >= s->size / 2) {
            end_running(s, RES_NO_SPACE);
        }
    } else if (s->running->type != WHERRY_FRAME_PUT || s->put_ended) {
        end_running(s, RES_OK);
    }
    hear(s);
}

void loop_server_send(struct loop_server *s)
{
    uint32_t due = wherry_exchange_data_due(s->exchange);
    struct wherry_view out;
    bool more;
    size_t n;

    if (wherry_exchange_output(s->exchange, &out, &more)) {
        n = loop_pipe_room(s->chance, &s->down, out.len);
        loop_pipe_add(&s->down, out.bytes, n);
        wherry_exchange_output_sent(s->exchange, n, s->now_ns);
    } else if (due > 0) {
        n = loop_pipe_room(s->chance, &s->down, due);
        for (size_t i = 0; i < n; i++) {
            uint8_t byte = loop_server_byte(s->size, s->offset++);

            loop_pipe_add(&s->down, &byte, 1);
        }
        wherry_exchange_data_sent(s->exchange, (uint32_t)n, s->now_ns);
    }
    hear(s);
}
