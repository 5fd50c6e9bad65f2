/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of the file protocol as sockets see them: pieces, pipelines, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/tcp_served.h"
#include "support/scratch.h"

#define BIG_BYTES                                                                                  \
    (8u * 1024u * 1024u) /* more than the sockets of a client that does not read hold */

/* Lets the server see what has come. Loopback is done with it when send() returns. */
static void let_server_work(struct tcp_served *f)
{
    for (int i = 0; i < 3; i++) {
        loop_turn(f->loop, false);
    }
}

static void expect_stat(struct tcp_client *c, uint32_t id, uint64_t size)
{
    struct wherry_message_info info;

    tcp_client_expect(c, WHERRY_FRAME_INFO, id);
    assert_int_equal(wherry_message_parse_info(&info, c->payload), RES_OK);
    assert_int_equal(info.size, size);
    tcp_client_expect_end(c, id, WHERRY_STATUS_OK);
}

/* --- one at a time --- */

static void test_ping_is_echoed(void **state)
{
    struct tcp_client c;

    tcp_client_greet(&c, *state);
    tcp_client_frame(&c, WHERRY_FRAME_PING, 0, "ping", 4);
    tcp_client_expect(&c, WHERRY_FRAME_PING_REPLY, 0);
    assert_int_equal(c.payload.len, 4);
    assert_memory_equal(c.payload.bytes, "ping", 4);
    tcp_client_close(&c);
}

static void test_request_is_answered_and_leaves_a_line(void **state)
{
    struct tcp_client c;

    scratch_file("file", "12345");
    tcp_client_greet(&c, *state);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 7, "file");
    expect_stat(&c, 7, 5);
    tcp_served_line(*state, "done op=stat via=wherry peer=127.0.0.1:");
    tcp_client_close(&c);
}

static void test_refused_request_leaves_a_line_with_status_and_reason(void **state)
{
    struct tcp_client c;
    const char *line;

    tcp_client_greet(&c, *state);
    tcp_client_get(&c, 1, "absent", 3, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_NOT_FOUND);
    line = tcp_served_line(*state, "missing op=read via=wherry ");
    assert_non_null(strstr(line, "name=\"absent\""));
    assert_non_null(strstr(line, "offset=3"));
    assert_non_null(strstr(line, "status=2"));
    assert_non_null(strstr(line, "reason=\"no such file\""));
    tcp_client_close(&c);
}

static void test_client_that_connects_and_leaves_is_nothing_to_tell(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    tcp_client_open(&c, f);
    tcp_client_close(&c);
    tcp_served_connections(f, 0);
    assert_int_equal(f->lines.count, 0);
}

/* --- pieces --- */

/* HELLO, STAT 1 of "file", GET 2 of it, STAT 3 of "none", PING, STAT 4 of the root. */
static const uint8_t script[] =
    "\0\0\0\6\1\0\0\0\0\0\0\0WHRY\1\1"
    "\0\0\0\6\3\0\0\0\0\0\0\1\0\4file"
    "\0\0\0\26\4\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\377\377\377\377\377\377\377\377\0\4file"
    "\0\0\0\6\3\0\0\0\0\0\0\3\0\4none"
    "\0\0\0\3\11\0\0\0\0\0\0\0abc"
    "\0\0\0\2\3\0\0\0\0\0\0\4\0\0";
#define SCRIPT_BYTES (sizeof(script) - 1)

static void expect_script(struct tcp_client *c)
{
    bool pong = false;

    tcp_client_expect(c, WHERRY_FRAME_HELLO_REPLY, 0);
    expect_stat(c, 1, 5000);
    tcp_client_expect_body(c, 2, 1, 4999);
    for (int ends = 0; ends < 2 || !pong;) {
        tcp_client_receive(c);
        if (c->frame.type == WHERRY_FRAME_PING_REPLY) {
            assert_false(pong); /* it may pass answers that are not there yet */
            assert_memory_equal(c->payload.bytes, "abc", 3);
            pong = true;
        } else if (ends == 0) {
            assert_int_equal(c->frame.id, 3);
            assert_int_equal(c->frame.type, WHERRY_FRAME_END_REPLY);
            assert_int_equal(c->frame.status, WHERRY_STATUS_NOT_FOUND);
            ends++;
        } else {
            assert_int_equal(c->frame.id, 4);
            ends += c->frame.type == WHERRY_FRAME_END_REPLY;
        }
    }
}

static void test_stream_cut_in_two_anywhere_means_the_same(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("file", 5000);
    for (size_t cut = 0; cut <= SCRIPT_BYTES; cut++) {
        tcp_client_open(&c, *state);
        tcp_client_send(&c, script, cut);
        let_server_work(*state);
        tcp_client_send(&c, script + cut, SCRIPT_BYTES - cut);
        expect_script(&c);
        tcp_client_close(&c);
    }
}

static void test_stream_of_single_bytes_means_the_same(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("file", 5000);
    tcp_client_open(&c, *state);
    for (size_t i = 0; i < SCRIPT_BYTES; i++) {
        tcp_client_send(&c, script + i, 1);
        let_server_work(*state);
    }
    expect_script(&c);
    tcp_client_close(&c);
}

/* --- pipelines --- */

/* HELLO is not part of the limit; all of these come in one piece. */
static void ask_pipelined(struct tcp_client *c, const char *first, uint32_t last)
{
    uint8_t frames[1024];
    size_t len = 0;

    for (uint32_t id = 2; id <= last; id++) {
        memcpy(frames + len, "\0\0\0\6\3\0\0\0\0\0\0\0\0\4file", 18);
        frames[len + 11] = (uint8_t)id;
        len += 18;
    }
    tcp_client_get(c, 1, first, 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_send(c, frames, len);
}

static void test_sixteen_requests_wait_and_one_more_is_busy_in_its_turn(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("big", BIG_BYTES);
    scratch_file("file", "123");
    tcp_client_greet(&c, *state);
    ask_pipelined(&c, "big", 18); /* nobody reads, so none of them can end */
    tcp_client_expect_body(&c, 1, 0, BIG_BYTES);
    for (uint32_t id = 2; id <= 16; id++) {
        expect_stat(&c, id, 3);
    }
    tcp_client_expect_end(&c, 17, WHERRY_STATUS_BUSY);
    tcp_client_expect_end(&c, 18, WHERRY_STATUS_BUSY);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 19, "file");
    expect_stat(&c, 19, 3);
    tcp_client_close(&c);
}

static void test_cancel_is_heard_while_a_body_waits_for_its_reader(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("big", BIG_BYTES);
    tcp_client_greet(&c, *state);
    tcp_client_get(&c, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    tcp_served_settle(*state);
    tcp_client_frame(&c, WHERRY_FRAME_CANCEL, 1, NULL, 0);
    tcp_served_settle(*state);
    tcp_client_expect(&c, WHERRY_FRAME_GET_REPLY, 1);
    do {
        tcp_client_receive(&c);
        assert_int_equal(c.frame.id, 1);
    } while (c.frame.type == WHERRY_FRAME_DATA);
    assert_int_equal(c.frame.type, WHERRY_FRAME_END_REPLY);
    assert_int_equal(c.frame.status, WHERRY_STATUS_CANCELLED);
    tcp_served_line(*state, "aborted op=read via=wherry ");
    tcp_client_close(&c);
}

/* --- ends --- */

static void test_client_that_shut_its_side_gets_its_answers(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("file", 5000);
    tcp_client_open(&c, *state);
    tcp_client_send(&c, script, SCRIPT_BYTES);
    tcp_client_shut(&c);
    expect_script(&c);
    tcp_client_expect_shut(&c);
    tcp_served_connections(*state, 0);
    tcp_client_close(&c);
}

static void test_client_that_shut_its_side_gets_a_body_it_reads_late(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("big", BIG_BYTES);
    tcp_client_greet(&c, *state);
    tcp_client_get(&c, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_shut(&c);
    tcp_served_settle(*state);
    tcp_client_expect_body(&c, 1, 0, BIG_BYTES);
    tcp_client_expect_shut(&c);
    tcp_served_connections(*state, 0);
    tcp_client_close(&c);
}

static void test_reset_in_the_middle_of_a_body_aborts_it(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("big", BIG_BYTES);
    tcp_client_greet(&c, *state);
    tcp_client_get(&c, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    tcp_served_settle(*state);
    tcp_client_reset(&c);
    tcp_served_connections(*state, 0);
    assert_non_null(strstr(tcp_served_line(*state, "aborted op=read via=wherry "),
                           "reason=\"connection lost\""));
}

/* HELLO, LIST 1 of the root, HASH 2 of "file", MKDIR 3, GET 4, PUT 5 with an id; DATA and END of
 * it, which nobody may send before READY, but a client that is about to vanish may do anything. */
static const uint8_t all_kinds[] =
    "\0\0\0\6\1\0\0\0\0\0\0\0WHRY\1\1"
    "\0\0\0\4\2\0\0\0\0\0\0\1\0\0\0\0"
    "\0\0\0\6\12\0\0\0\0\0\0\2\0\4file"
    "\0\0\0\3\13\0\0\0\0\0\0\3\0\1d"
    "\0\0\0\26\4\0\0\0\0\0\0\4\0\0\0\0\0\0\0\1\377\377\377\377\377\377\377\377\0\4file"
    "\0\0\0\41\5\0\0\0\0\0\0\5\0\0\0\0\0\0\0\2\2\0\3new"
    "\3\0\20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0\0\0\2\6\0\0\0\0\0\0\5xy"
    "\0\0\0\0\7\0\0\0\0\0\0\5";

static void test_client_that_vanishes_anywhere_leaves_nothing(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("file", 50000);
    for (size_t cut = 0; cut < sizeof(all_kinds); cut++) {
        tcp_client_open(&c, *state);
        tcp_client_send(&c, all_kinds, cut);
        if (cut % 2 == 0) {
            let_server_work(*state);
        }
        if (cut % 3 == 0) {
            tcp_client_close(&c);
        } else {
            tcp_client_reset(&c);
        }
        tcp_served_connections(*state, 0);
    }
}

static void test_free_in_the_middle_of_a_body_says_nothing_but_to_the_log(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    tcp_served_pattern("big", BIG_BYTES);
    tcp_client_greet(&c, f);
    tcp_client_get(&c, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    tcp_served_settle(f);
    tcp_session_free(tcp_served_newest(f));
    assert_int_equal(f->room.count, 0);
    tcp_served_line(f, "failed op=read via=wherry ");
    tcp_client_close(&c);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, tcp_served_setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_ping_is_echoed),
        SERVED(test_request_is_answered_and_leaves_a_line),
        SERVED(test_refused_request_leaves_a_line_with_status_and_reason),
        SERVED(test_client_that_connects_and_leaves_is_nothing_to_tell),
        SERVED(test_stream_cut_in_two_anywhere_means_the_same),
        SERVED(test_stream_of_single_bytes_means_the_same),
        SERVED(test_sixteen_requests_wait_and_one_more_is_busy_in_its_turn),
        SERVED(test_cancel_is_heard_while_a_body_waits_for_its_reader),
        SERVED(test_client_that_shut_its_side_gets_its_answers),
        SERVED(test_client_that_shut_its_side_gets_a_body_it_reads_late),
        SERVED(test_reset_in_the_middle_of_a_body_aborts_it),
        SERVED(test_client_that_vanishes_anywhere_leaves_nothing),
        SERVED(test_free_in_the_middle_of_a_body_says_nothing_but_to_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
