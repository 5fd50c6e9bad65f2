/* SPDX-License-Identifier: BSD-2-Clause */
/* Both sides of a connection back to back, through bytes that are cut at random. */
#include <wherry/client_exchange.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/chance.h"
#include "support/loop_server.h"

#define SEEDS 400u
#define REQUESTS 60u /* in one connection */
#define STEPS_MAX 400000u
#define STEP_NS UINT64_C(20000)

/* What was asked and not ended, oldest first. */
struct asked {
    uint32_t id;
    enum wherry_frame_type type;
    char path[LOOP_PATH_BYTES];
    uint64_t size;
    uint64_t offset; /* GET: of the next byte; LIST: the next entry */
    uint64_t end;    /* GET: of the range; PUT: of what was announced in DATA */
    bool replied;
    bool cancelled;
};

struct world {
    struct chance chance;
    struct loop_server server;

    struct wherry_client_exchange *client;
    struct asked asked[WHERRY_PIPELINE_MAX];
    size_t count;
    uint64_t body_size; /* of the file that the last DATA frame is of, and where that ends */
    uint64_t body_end;
    uint32_t issued;
    uint32_t ended;
    uint32_t done; /* ended OK */
    uint32_t pongs;
};

static enum res issue(struct world *w, struct asked *a)
{
    struct wherry_view path = {(const uint8_t *)a->path, strlen(a->path)};
    const struct wherry_message_list list = {.path = path};
    const struct wherry_message_get get = {
        .path = path, .offset = a->offset, .count = a->end - a->offset};
    const struct wherry_message_put put = {
        .path = path, .size = a->size, .mode = WHERRY_PUT_REPLACE};

    switch (a->type) {
    case WHERRY_FRAME_LIST:
        return wherry_client_exchange_list(w->client, &list, w->server.now_ns, &a->id);
    case WHERRY_FRAME_GET:
        return wherry_client_exchange_get(w->client, &get, w->server.now_ns, &a->id);
    case WHERRY_FRAME_PUT:
        return wherry_client_exchange_put(w->client, &put, w->server.now_ns, &a->id);
    case WHERRY_FRAME_HASH:
        return wherry_client_exchange_hash(w->client, path, w->server.now_ns, &a->id);
    case WHERRY_FRAME_MKDIR:
        return wherry_client_exchange_mkdir(w->client, path, w->server.now_ns, &a->id);
    default:
        return wherry_client_exchange_stat(w->client, path, w->server.now_ns, &a->id);
    }
}

static void client_asks(struct world *w)
{
    static const enum wherry_frame_type types[] = {WHERRY_FRAME_LIST, WHERRY_FRAME_STAT,
                                                   WHERRY_FRAME_GET,  WHERRY_FRAME_PUT,
                                                   WHERRY_FRAME_HASH, WHERRY_FRAME_MKDIR};
    struct asked a = {.type = types[chance_between(&w->chance, 0, 5)]};
    char letter = "ffffnx"[chance_between(&w->chance, 0, 5)];
    enum res r;

    if (w->issued == REQUESTS) {
        return;
    }
    a.size = chance_between(&w->chance, 0, a.type == WHERRY_FRAME_LIST ? 300 : 9000);
    (void)snprintf(a.path, sizeof(a.path), "%c%" PRIu64, letter, a.size);
    if (a.type == WHERRY_FRAME_GET) {
        a.offset = chance_between(&w->chance, 0, a.size);
        a.end = chance_between(&w->chance, a.offset, a.size);
    }
    r = issue(w, &a);
    if (r == RES_BUSY) {
        return;
    }
    assert_int_equal(r, RES_OK);
    assert_true(w->count < WHERRY_PIPELINE_MAX);
    w->asked[w->count++] = a;
    w->issued++;
}

static void client_uploads(struct world *w)
{
    struct asked *a = w->count > 0 ? &w->asked[w->count - 1] : NULL;
    enum res r;

    if (a == NULL || a->type != WHERRY_FRAME_PUT || !a->replied) {
        return;
    }
    if (a->end < a->size) {
        uint32_t len = (uint32_t)chance_between(&w->chance, 1, a->size - a->end);

        r = wherry_client_exchange_data_begin(w->client, len, w->server.now_ns);
        if (r == RES_OK) {
            a->end += len;
            w->body_size = a->size;
            w->body_end = a->end;
        }
    } else {
        r = wherry_client_exchange_put_end(w->client, NULL, w->server.now_ns);
    }
    assert_true(r == RES_OK || r == RES_BUSY || r == RES_CANCELLED);
}

static void client_changes_its_mind(struct world *w)
{
    if (chance_happens(&w->chance, 100) && w->count > 0) {
        struct asked *a = &w->asked[chance_between(&w->chance, 0, w->count - 1)];
        enum res r = wherry_client_exchange_cancel(w->client, a->id, w->server.now_ns);

        assert_int_equal(r, a->cancelled ? RES_CANCELLED : RES_OK);
        a->cancelled = true;
    } else if (chance_happens(&w->chance, 100)) {
        enum res r = wherry_client_exchange_ping(
            w->client, (struct wherry_view){(const uint8_t *)"ping", 4}, w->server.now_ns);

        assert_true(r == RES_OK || r == RES_BUSY);
    }
}

static void client_sends(struct world *w)
{
    struct wherry_view out = wherry_client_exchange_output(w->client);
    uint32_t body = wherry_client_exchange_body(w->client);
    size_t n;

    if (out.len > 0) {
        n = loop_pipe_room(&w->chance, &w->server.up, out.len);
        loop_pipe_add(&w->server.up, out.bytes, n);
        wherry_client_exchange_output_sent(w->client, n, w->server.now_ns);
        return;
    }
    n = loop_pipe_room(&w->chance, &w->server.up, body);
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = loop_server_byte(w->body_size, w->body_end - body + i);

        loop_pipe_add(&w->server.up, &byte, 1);
    }
    wherry_client_exchange_body_sent(w->client, (uint32_t)n, w->server.now_ns);
}

static void take_end(struct world *w, const struct wherry_client_end *end)
{
    struct asked *a = &w->asked[0];
    enum res expected = RES_OK;

    if (a->path[0] == 'n') {
        expected = RES_NOT_FOUND;
    } else if (a->path[0] == 'x' && a->type == WHERRY_FRAME_GET) {
        expected = RES_CHANGED;
    } else if (a->path[0] == 'x' && a->type == WHERRY_FRAME_PUT) {
        expected = RES_NO_SPACE;
    }
    assert_true(end->result == expected || (a->cancelled && end->result == RES_CANCELLED));
    if (end->result == RES_OK && a->type == WHERRY_FRAME_GET) {
        assert_int_equal(a->offset, a->end);
    } else if (end->result == RES_OK && a->type == WHERRY_FRAME_LIST) {
        assert_int_equal(a->offset, a->size);
    }
    w->done += end->result == RES_OK ? 1 : 0;
    w->ended++;
    w->count--;
    memmove(w->asked, w->asked + 1, w->count * sizeof(w->asked[0]));
}

static void take_event(struct world *w, const struct wherry_client_event *e)
{
    struct asked *a = &w->asked[0];
    char name[LOOP_PATH_BYTES];

    assert_true(e->request == 0 || (w->count > 0 && e->request == a->id));
    switch (e->kind) {
    case WHERRY_CLIENT_ENTRY:
        loop_server_name(name, a->offset++);
        assert_int_equal(e->entry.name.len, strlen(name));
        assert_memory_equal(e->entry.name.bytes, name, strlen(name));
        break;
    case WHERRY_CLIENT_INFO:
        assert_int_equal(e->info.size, a->size);
        break;
    case WHERRY_CLIENT_GET_REPLY:
        assert_int_equal(e->get.count, a->end - a->offset);
        break;
    case WHERRY_CLIENT_BYTES:
        assert_int_equal(e->bytes.offset, a->offset);
        for (size_t i = 0; i < e->bytes.view.len; i++) {
            assert_int_equal(e->bytes.view.bytes[i], loop_server_byte(a->size, a->offset++));
        }
        break;
    case WHERRY_CLIENT_READY:
        a->replied = true;
        break;
    case WHERRY_CLIENT_HASH_REPLY:
        assert_int_equal(e->hash.sha256[0], (uint8_t)a->size);
        break;
    case WHERRY_CLIENT_END:
        take_end(w, &e->end);
        break;
    case WHERRY_CLIENT_PING_REPLY:
        w->pongs++;
        break;
    default:
        assert_int_equal(e->kind, WHERRY_CLIENT_HELLO);
    }
}

static void client_reads(struct world *w)
{
    size_t len = loop_some(&w->chance, w->server.down.len);
    struct wherry_client_event e;
    size_t used = 0;

    do {
        used += wherry_client_exchange_input(w->client, w->server.down.bytes + used, len - used,
                                             w->server.now_ns, &e);
        if (e.kind != WHERRY_CLIENT_NONE) {
            take_event(w, &e);
        }
    } while (e.kind != WHERRY_CLIENT_NONE);
    assert_int_equal(used, len);
    loop_pipe_drop(&w->server.down, len);
}

static void server_reads(struct world *w)
{
    loop_server_read(&w->server);
}

static void server_works(struct world *w)
{
    loop_server_work(&w->server);
}

static void server_sends(struct world *w)
{
    loop_server_send(&w->server);
}

static void (*const turns[])(struct world *w) = {
    client_asks,  client_uploads, client_changes_its_mind, client_sends, client_reads, server_reads,
    server_works, server_sends,
};

static void play(uint64_t seed, struct world *w)
{
    const struct wherry_client_params client = {.hello_patience_ns = UINT64_C(5000000000),
                                                .silence_patience_ns = UINT64_C(30000000000)};
    uint32_t steps = 0;

    memset(w, 0, sizeof(*w));
    chance_init(&w->chance, seed);
    loop_server_init(&w->server, &w->chance);
    assert_int_equal(wherry_client_exchange_new(&w->client, &client), RES_OK);
    while (w->ended < REQUESTS) {
        assert_true(steps++ < STEPS_MAX);
        w->server.now_ns += STEP_NS;
        turns[chance_between(&w->chance, 0, sizeof(turns) / sizeof(turns[0]) - 1)](w);
        wherry_client_exchange_expire(w->client, w->server.now_ns);
        wherry_exchange_expire(w->server.exchange, w->server.now_ns);
    }
    assert_int_equal(wherry_client_exchange_outstanding(w->client), 0);
    assert_int_equal(wherry_client_exchange_state(w->client), WHERRY_CLIENT_OPEN);
    wherry_client_exchange_free(w->client);
    loop_server_clear(&w->server);
}

static void test_both_sides_agree_however_the_bytes_are_cut(void **state)
{
    uint64_t done = 0;
    uint64_t pongs = 0;
    struct world *w = calloc(1, sizeof(*w));

    (void)state;
    assert_non_null(w);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %" PRIu64 "\n", seed);
        play(seed, w);
        done += w->done;
        pongs += w->pongs;
    }
    free(w);
    assert_true(done > SEEDS * REQUESTS / 3);
    assert_true(pongs > SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_sides_agree_however_the_bytes_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
