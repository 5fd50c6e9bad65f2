/* SPDX-License-Identifier: BSD-2-Clause */
/* Uploads whose client or server dies at any moment: the old file is whole at every moment, and
 * what was half sent is gone when nobody may go on with it any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/server_process.h"
#include "net/wire_client.h"
#include "support/chance.h"
#include "support/pattern.h"

#define OLD_BYTES 100000u
#define NEW_BYTES 300000u
#define PIECE_BYTES 20000u
#define CLIENTS 200u
#define UPLOADS 50u
#define STATUS_OK 0u
#define STATUS_NOT_FOUND 2u

static const char *const words[] = {SERVER_PROCESS_TCP, "--write", "replace",
                                    "--upload-keep",    "1s",      NULL};

static void make_old(const struct server_process *s, const char *name, size_t from)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", s->root, name);
    f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < OLD_BYTES; i++) {
        (void)putc(pattern_at(from + i), f);
    }
    assert_int_equal(fclose(f), 0);
}

static void expect_old(const struct server_process *s, const char *name, size_t from)
{
    struct wire w;
    size_t len;

    wire_open(&w, "127.0.0.1", &s->tcp);
    assert_int_equal(wire_fetch(&w, name, from, &len), STATUS_OK);
    assert_int_equal(len, OLD_BYTES);
    wire_close(&w);
}

/* A PUT of which this many bytes are sent: whole frames, then a part of one. */
static void put_part(struct wire *w, const char *name, const uint8_t *upload_id, size_t bytes)
{
    static const uint8_t piece[PIECE_BYTES] = {0xee};
    size_t at;

    (void)wire_put(w, name, NEW_BYTES, WHERRY_PUT_REPLACE, upload_id);
    at = (size_t)wire_ready(w);
    for (size_t sent = 0; sent + PIECE_BYTES <= bytes && at + PIECE_BYTES < NEW_BYTES;
         sent += PIECE_BYTES, at += PIECE_BYTES) {
        wire_data(w, piece, PIECE_BYTES);
    }
    if (bytes % PIECE_BYTES > WHERRY_FRAME_HEADER_BYTES && at + PIECE_BYTES < NEW_BYTES) {
        const struct wherry_frame f = {
            .length = PIECE_BYTES, .type = WHERRY_FRAME_DATA, .id = w->id};
        uint8_t header[WHERRY_FRAME_HEADER_BYTES];

        wherry_frame_write(header, &f);
        wire_send(w, header, sizeof(header));
        wire_send(w, piece, bytes % PIECE_BYTES - WHERRY_FRAME_HEADER_BYTES);
    }
}

static void test_a_client_that_dies_leaves_the_old_file(void **state)
{
    struct server_process s;
    struct chance chance;

    (void)state;
    chance_init(&chance, 7);
    server_process_start(&s, words);
    make_old(&s, "file", 11);
    for (unsigned i = 0; i < CLIENTS; i++) {
        uint8_t id[WHERRY_UPLOAD_ID_BYTES] = {(uint8_t)(1 + (i / 3) % 20)};
        const struct linger reset = {.l_onoff = 1};
        struct wire w;

        wire_open(&w, "127.0.0.1", &s.tcp);
        put_part(&w, "file", i % 3 == 0 ? NULL : id, (size_t)chance_between(&chance, 0, NEW_BYTES));
        if (i % 2 == 0) { /* as when its machine goes: no end in good order */
            assert_int_equal(setsockopt(w.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        }
        wire_close(&w);
        expect_old(&s, "file", 11);
    }
    server_process_await_no_leftovers(&s);
    expect_old(&s, "file", 11);
    server_process_stop(&s);
}

static void test_a_server_that_dies_leaves_the_old_files(void **state)
{
    struct server_process s;
    struct wire w[UPLOADS];
    struct chance chance;
    char name[16];

    (void)state;
    chance_init(&chance, 8);
    server_process_start(&s, words);
    for (unsigned i = 0; i < UPLOADS; i++) {
        uint8_t id[WHERRY_UPLOAD_ID_BYTES] = {(uint8_t)(1 + i)};

        (void)snprintf(name, sizeof(name), "%u", i);
        if (i % 2 == 0) {
            make_old(&s, name, i);
        }
        wire_open(&w[i], "127.0.0.1", &s.tcp);
        put_part(&w[i], name, i % 3 == 0 ? NULL : id,
                 (size_t)chance_between(&chance, 0, NEW_BYTES));
    }
    server_process_kill(&s);
    for (unsigned i = 0; i < UPLOADS; i++) {
        wire_close(&w[i]);
    }
    server_process_launch(&s, words);
    for (unsigned i = 0; i < UPLOADS; i++) {
        (void)snprintf(name, sizeof(name), "%u", i);
        if (i % 2 == 0) {
            expect_old(&s, name, i);
        } else {
            wire_open(&w[0], "127.0.0.1", &s.tcp);
            assert_int_equal(wire_status(&w[0], wire_ask(&w[0], WHERRY_FRAME_STAT, name)),
                             STATUS_NOT_FOUND);
            wire_close(&w[0]);
        }
    }
    server_process_await_no_leftovers(&s);
    server_process_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_client_that_dies_leaves_the_old_file),
        cmocka_unit_test(test_a_server_that_dies_leaves_the_old_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
