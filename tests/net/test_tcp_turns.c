/* SPDX-License-Identifier: BSD-2-Clause */
/* What one connection may take from the others: time, memory. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tcp_served.h"
#include "support/scratch.h"

#define BIG_BYTES (8u * 1024u * 1024u)
#define TURN_BYTES 65536u
#define STALLED 8u
#define NAMES 3000u
#define NAME_BYTES 200 /* so that no socket holds a whole listing */
#define IDLE 200u
#define IDLE_BYTES 4096u
#define QUEUE_BYTES 49152u /* 16 requests of this size and 64 refusals */

#if defined(__SANITIZE_ADDRESS__)
#define COUNTS_MEMORY false /* the allocator is not the one that mallinfo2() asks */
#else
#define COUNTS_MEMORY true
#endif

/* --- time --- */

/* What has come; nobody waits. */
static bool read_some(const struct tcp_client *c)
{
    static uint8_t bytes[BIG_BYTES / 8];

    return recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0;
}

static void test_big_body_lets_others_have_their_turn(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client reader;
    struct tcp_client asker;
    struct tcp_session *s;
    uint64_t before;

    f->config.turn_max = TURN_BYTES;
    tcp_served_pattern("big", BIG_BYTES);
    tcp_client_greet(&reader, f);
    s = tcp_served_newest(f);
    tcp_client_greet(&asker, f);
    tcp_client_get(&reader, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    tcp_served_limit(f);
    while (s->bytes == 0) {
        tcp_served_turn(f);
    }
    tcp_client_path(&asker, WHERRY_FRAME_STAT, 1, "big");
    while (!read_some(&asker)) {
        (void)read_some(&reader);
        before = s->bytes;
        tcp_served_turn(f);
        assert_true(s->bytes - before <= TURN_BYTES);
    }
    assert_true(s->bytes <= 20 * TURN_BYTES); /* of 128 */
    tcp_client_close(&reader);
    tcp_client_close(&asker);
}

/* --- memory --- */

static void make_names(void)
{
    char name[NAME_BYTES + 1];

    scratch_dir("many");
    for (unsigned i = 0; i < NAMES; i++) {
        (void)snprintf(name, sizeof(name), "many/%0*u", NAME_BYTES - 5, i);
        scratch_file(name, "");
    }
}

static void expect_names(struct tcp_client *c, uint32_t id)
{
    unsigned count = 0;

    for (;;) {
        struct wherry_message_entry entry;

        tcp_client_receive(c);
        assert_int_equal(c->frame.id, id);
        if (c->frame.type != WHERRY_FRAME_ENTRIES) {
            break;
        }
        while (c->payload.len > 0) {
            assert_int_equal(wherry_message_next_entry(&c->payload, &entry), RES_OK);
            count++;
        }
    }
    assert_int_equal(c->frame.type, WHERRY_FRAME_END_REPLY);
    assert_int_equal(c->frame.status, WHERRY_STATUS_OK);
    assert_int_equal(count, NAMES);
}

static void test_clients_that_read_nothing_are_held_in_bounds_and_delay_nobody(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client stalled[STALLED];
    struct tcp_client c;
    const struct tcp_session *s;

    make_names();
    tcp_served_pattern("big", BIG_BYTES);
    for (size_t i = 0; i < STALLED; i++) {
        tcp_client_greet(&stalled[i], f);
        if (i % 2 == 0) {
            tcp_client_list(&stalled[i], 1, "many", "");
        } else {
            tcp_client_get(&stalled[i], 1, "big", 0, WHERRY_COUNT_ALL, NULL);
        }
    }
    tcp_served_settle(f);
    for (s = f->room.sessions; s != NULL; s = s->next) {
        assert_in_range(wherry_exchange_held_bytes(s->exchange), 1,
                        f->config.output_max + QUEUE_BYTES);
        assert_null(s->rest);
    }
    tcp_client_greet(&c, f);
    tcp_client_get(&c, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_body(&c, 1, 0, BIG_BYTES);
    tcp_client_close(&c);
    for (size_t i = 0; i < STALLED; i++) {
        if (i % 2 == 0) {
            expect_names(&stalled[i], 1);
        } else {
            tcp_client_expect_body(&stalled[i], 1, 0, BIG_BYTES);
        }
        tcp_client_close(&stalled[i]);
    }
}

/* STAT of "big", over and over, until the sockets are full of them and of answers. */
static void ask_without_end(struct tcp_client *c)
{
    static const uint8_t frame[] = "\0\0\0\5\3\0\0\0\0\0\0\0\0\3big";
    const size_t len = sizeof(frame) - 1;
    uint8_t ask[sizeof(frame)];
    size_t sent = len;
    unsigned quiet = 0;

    for (uint32_t id = 2; quiet < 10; id += sent == len) {
        if (sent == len) {
            memcpy(ask, frame, len);
            for (size_t i = 0; i < 4; i++) {
                ask[8 + i] = (uint8_t)(id >> (24 - 8 * i));
            }
            sent = 0;
        }
        sent += tcp_client_try(c, ask + sent, len - sent);
        if (sent < len || id % 512 == 0) {
            loop_turn(c->f->loop, false);
        }
        quiet = sent < len ? quiet + 1 : 0;
    }
}

static void test_client_that_asks_and_never_reads_is_held_in_bounds(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;
    const struct tcp_session *s;

    tcp_served_pattern("big", BIG_BYTES);
    tcp_client_greet(&c, f);
    s = tcp_served_newest(f);
    tcp_client_get(&c, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    ask_without_end(&c);
    assert_true(wherry_exchange_held_bytes(s->exchange) <= f->config.output_max + QUEUE_BYTES);
    assert_true(s->rest_len <= 16384);
    tcp_client_expect_body(&c, 1, 0, BIG_BYTES); /* and goes on as if nothing had been */
    for (uint32_t id = 2; id <= 16; id++) {
        tcp_client_expect(&c, WHERRY_FRAME_INFO, id);
        tcp_client_expect_end(&c, id, WHERRY_STATUS_OK);
    }
    tcp_client_expect_end(&c, 17, WHERRY_STATUS_BUSY);
    tcp_client_close(&c);
}

static void test_idle_connection_costs_less_than_4_kib(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client *clients = calloc(IDLE, sizeof(*clients));
    size_t before;
    size_t after;

    assert_non_null(clients);
    scratch_file("file", "123");
    before = mallinfo2().uordblks;
    for (size_t i = 0; i < IDLE; i++) {
        tcp_client_greet(&clients[i], f);
        tcp_client_path(&clients[i], WHERRY_FRAME_STAT, 1, "file");
        tcp_client_expect(&clients[i], WHERRY_FRAME_INFO, 1);
        tcp_client_expect_end(&clients[i], 1, WHERRY_STATUS_OK);
        free(clients[i].bytes); /* ours */
        clients[i].bytes = NULL;
    }
    after = mallinfo2().uordblks;
    for (size_t i = 0; i < IDLE; i++) {
        tcp_client_close(&clients[i]);
    }
    free(clients);
    if (!COUNTS_MEMORY) {
        scratch_skip("memory is the sanitizer's here");
    }
    assert_true(after > before);
    assert_true((after - before) / IDLE < IDLE_BYTES);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, tcp_served_setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_big_body_lets_others_have_their_turn),
        SERVED(test_clients_that_read_nothing_are_held_in_bounds_and_delay_nobody),
        SERVED(test_client_that_asks_and_never_reads_is_held_in_bounds),
        SERVED(test_idle_connection_costs_less_than_4_kib),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
