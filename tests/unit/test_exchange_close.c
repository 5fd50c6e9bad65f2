/* SPDX-License-Identifier: BSD-2-Clause */
/* How a connection ends: after a bad frame, by the client, by draining, by the socket. */
#include <wherry/exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/exchange_story.h"

static void give_bad_frame(struct exchange_story *f)
{
    give_frame(f, 0x7f, 0, "", 0);
}

static void test_after_the_last_words_two_seconds_are_left_to_listen(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    f->now_ns = SECOND;
    give_bad_frame(f);
    expect_sent(f, "END 0 PROTOCOL\n");
    expect_events(f, "SHUT\n");
    assert_true(wherry_exchange_wants_input(f->x));
    run_out(f, 3 * SECOND);
    expect_events(f, "OVER PROTOCOL\n");
    expect_state(f, WHERRY_EXCHANGE_CLOSED);
    assert_int_equal(wherry_exchange_deadline(f->x), WHERRY_NEVER);
    expect_nothing(f);
}

static void test_after_the_last_words_64_kib_are_dropped(void **state)
{
    struct exchange_story *f = *state;
    uint8_t *bytes = calloc(1, 65536);

    assert_non_null(bytes);
    greet(f);
    give_bad_frame(f);
    expect_events(f, "SHUT\n");
    assert_int_equal(give(f, bytes, 65535), 65535);
    expect_state(f, WHERRY_EXCHANGE_CLOSING);
    assert_int_equal(give(f, bytes, 65536), 1);
    free(bytes);
    expect_events(f, "OVER PROTOCOL\n");
    assert_false(wherry_exchange_wants_input(f->x));
}

static void test_the_peers_end_of_input_ends_the_listening(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_bad_frame(f);
    wherry_exchange_eof(f->x, 0);
    work(f);
    expect_events(f, "SHUT\nOVER PROTOCOL\n");
}

static void test_nothing_is_dropped_before_the_last_words_have_left(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    f->is_full = true;
    give_bad_frame(f);
    expect_events(f, "");
    assert_false(wherry_exchange_wants_input(f->x));
    assert_int_equal(give(f, "x", 1), 0);
    f->is_full = false;
    work(f);
    expect_events(f, "SHUT\n");
    assert_int_equal(give(f, "x", 1), 1);
}

static void test_last_words_that_nobody_takes_are_given_up(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    f->is_full = true;
    give_bad_frame(f);
    wherry_exchange_blocked(f->x, 0);
    run_out(f, 30 * SECOND);
    expect_events(f, "OVER PROTOCOL\n");
}

static void test_a_large_answer_before_a_bad_frame_is_given_whole(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    give_path(f, WHERRY_FRAME_STAT, 2, "b");
    give_bad_frame(f);
    f->answers = true;
    say_get_reply(f, 100000);
    for (int i = 0; i < 100; i++) {
        assert_true(wherry_exchange_data_begin(f->x, 1000, 0));
        work(f);
    }
    f->sent.len = 0;
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "END 1 OK\nINFO 2\nEND 2 OK\nEND 0 PROTOCOL\n");
    expect_events(f, "REQUEST 1 GET a\nREQUEST 2 STAT b\nSHUT\n");
}

static void test_a_client_that_shuts_its_side_still_gets_the_answers(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_path(f, WHERRY_FRAME_STAT, 2, "b");
    wherry_exchange_eof(f->x, 0);
    assert_false(wherry_exchange_wants_input(f->x));
    f->answers = true;
    say_end(f, RES_IO);
    work(f);
    expect_sent(f, "END 1 IO\nINFO 2\nEND 2 OK\n");
    expect_events(f, "REQUEST 1 HASH a\nREQUEST 2 STAT b\nOVER OK\n");
    assert_string_equal(wherry_exchange_why(f->x), "");
}

static void test_half_a_request_at_the_end_of_input_is_dropped(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    assert_int_equal(give(f, "\0\0\0\3\3", 5), 5);
    wherry_exchange_eof(f->x, 0);
    work(f);
    expect_sent(f, "");
    expect_events(f, "OVER OK\n");
}

static void test_a_client_that_goes_before_hello_is_over(void **state)
{
    struct exchange_story *f = *state;

    begin(f);
    wherry_exchange_eof(f->x, 0);
    work(f);
    expect_events(f, "OVER OK\n");
}

static void test_an_upload_without_its_end_is_broken_by_the_end_of_input(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_data(f, 1, "abc");
    wherry_exchange_eof(f->x, 0);
    work(f);
    expect_events(f, "PUT_BYTES 1 @0 abc\nABORT 1 OK\nOVER OK\n");
    expect_sent(f, "");
}

static void test_bytes_that_are_being_stored_are_not_waited_for(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    f->keeps_piece = true;
    give_data(f, 1, "abc");
    wherry_exchange_eof(f->x, 0);
    work(f);
    expect_events(f, "PUT_BYTES 1 @0 abc\nABORT 1 OK\nOVER OK\n");
    assert_false(wherry_exchange_put_taken(f->x, 0));
}

static void test_a_whole_upload_is_answered_after_the_end_of_input(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_end(f, 1);
    wherry_exchange_eof(f->x, 0);
    say_end(f, RES_OK);
    work(f);
    expect_events(f, "PUT_END 1 @0\nOVER OK\n");
    expect_sent(f, "END 1 OK\n");
}

static void test_a_lost_connection_reports_the_broken_upload(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    wherry_exchange_lose(f->x, RES_UNREACHABLE);
    work(f);
    expect_events(f, "ABORT 1 UNREACHABLE\nOVER UNREACHABLE\n");
    wherry_exchange_lose(f->x, RES_IO);
    assert_int_equal(wherry_exchange_result(f->x), RES_UNREACHABLE);
    expect_nothing(f);
}

static void test_an_aborted_request_can_be_read_when_abort_is_said(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_exchange_event e;

    upload(f);
    wherry_exchange_eof(f->x, 0);
    assert_true(wherry_exchange_event(f->x, &e));
    assert_int_equal(e.kind, WHERRY_EXCHANGE_ABORT);
    assert_int_equal(e.request->m.put.path.len, 1);
    assert_memory_equal(e.request->m.put.path.bytes, "a", 1);
}

static void test_draining_closes_an_idle_connection_at_once(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    wherry_exchange_goaway(f->x, RES_SHUTDOWN, 0, 0);
    work(f);
    expect_sent(f, "GOAWAY 0 SHUTDOWN\n");
    expect_events(f, "SHUT\n");
    wherry_exchange_eof(f->x, 0);
    work(f);
    expect_events(f, "OVER OK\n");
}

static void test_draining_answers_what_was_asked_and_refuses_what_comes_later(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_path(f, WHERRY_FRAME_STAT, 2, "b");
    wherry_exchange_goaway(f->x, RES_SHUTDOWN, 0, 0);
    wherry_exchange_goaway(f->x, RES_SHUTDOWN, 0, 0); /* does nothing */
    give_path(f, WHERRY_FRAME_STAT, 3, "c");
    give_put(f, 4, "d");
    f->answers = true;
    say_end(f, RES_IO);
    work(f);
    expect_sent(f, "GOAWAY 0 SHUTDOWN\nEND 1 IO\nINFO 2\nEND 2 OK\nEND 3 SHUTDOWN\n"
                   "END 4 SHUTDOWN\n");
    expect_events(f, "REQUEST 1 HASH a\nREQUEST 2 STAT b\nSHUT\n");
}

static void test_a_request_whose_header_came_before_goaway_is_answered(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    assert_int_equal(give(f, "\0\0\0\3\3\0\0\0\0\0\0\1", 12), 12);
    wherry_exchange_goaway(f->x, RES_SHUTDOWN, 0, 0);
    work(f);
    expect_state(f, WHERRY_EXCHANGE_IDLE);
    assert_int_equal(give(f, "\0\1a", 3), 3);
    expect_sent(f, "GOAWAY 0 SHUTDOWN\nINFO 1\nEND 1 OK\n");
    expect_state(f, WHERRY_EXCHANGE_CLOSING);
}

static void test_half_a_header_at_goaway_is_not_waited_for(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    assert_int_equal(give(f, "\0\0\0\3\3\0\0\0\0\0\0", 11), 11);
    wherry_exchange_goaway(f->x, RES_SHUTDOWN, 0, 0);
    expect_state(f, WHERRY_EXCHANGE_CLOSING);
}

static void test_an_upload_goes_on_while_draining(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    wherry_exchange_goaway(f->x, RES_SHUTDOWN, 0, 0);
    give_data(f, 1, "abc");
    give_end(f, 1);
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "GOAWAY 0 SHUTDOWN\nEND 1 OK\n");
    expect_events(f, "PUT_BYTES 1 @0 abc\nPUT_END 1 @3\nSHUT\n");
}

static void test_goaway_waits_for_the_end_of_a_data_frame(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    say_get_reply(f, 20);
    assert_true(wherry_exchange_data_begin(f->x, 10, 0));
    wherry_exchange_goaway(f->x, RES_SHUTDOWN, 0, 0);
    work(f);
    assert_true(wherry_exchange_data_begin(f->x, 10, 0));
    work(f);
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "GET_REPLY 1\nDATA 1 10\nGOAWAY 0 SHUTDOWN\nDATA 1 10\nEND 1 OK\n");
}

static void test_when_draining_takes_too_long_what_waits_ends_shutdown(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_path(f, WHERRY_FRAME_STAT, 2, "..");
    give_path(f, WHERRY_FRAME_STAT, 3, "b");
    wherry_exchange_goaway(f->x, RES_SHUTDOWN, 0, 0);
    wherry_exchange_hurry(f->x, 0);
    say_end(f, RES_SHUTDOWN);
    work(f);
    expect_sent(f, "GOAWAY 0 SHUTDOWN\nEND 1 SHUTDOWN\nEND 2 NAME\nEND 3 SHUTDOWN\n");
    expect_events(f, "REQUEST 1 HASH a\nSHUT\n");
}

static void test_one_connection_too_many_gets_goaway_busy(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_message_goaway m;
    struct wherry_view due;
    bool more;

    begin(f);
    wherry_exchange_goaway(f->x, RES_BUSY, 7, 0);
    assert_true(wherry_exchange_output(f->x, &due, &more));
    due.bytes += WHERRY_FRAME_HEADER_BYTES;
    due.len -= WHERRY_FRAME_HEADER_BYTES;
    assert_int_equal(wherry_message_parse_goaway(&m, due), RES_OK);
    assert_int_equal(m.retry_after_s, 7);
    work(f);
    expect_sent(f, "GOAWAY 0 BUSY\n");
    expect_events(f, "SHUT\n");
    run_out(f, 2 * SECOND);
    expect_events(f, "OVER BUSY\n");
}

static void test_goaway_after_a_bad_frame_says_nothing(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_bad_frame(f);
    wherry_exchange_goaway(f->x, RES_SHUTDOWN, 0, 0);
    work(f);
    expect_sent(f, "END 0 PROTOCOL\n");
}

int main(void)
{
#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, exchange_story_setup, exchange_story_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_after_the_last_words_two_seconds_are_left_to_listen),
        STORY(test_after_the_last_words_64_kib_are_dropped),
        STORY(test_the_peers_end_of_input_ends_the_listening),
        STORY(test_nothing_is_dropped_before_the_last_words_have_left),
        STORY(test_last_words_that_nobody_takes_are_given_up),
        STORY(test_a_large_answer_before_a_bad_frame_is_given_whole),
        STORY(test_a_client_that_shuts_its_side_still_gets_the_answers),
        STORY(test_half_a_request_at_the_end_of_input_is_dropped),
        STORY(test_a_client_that_goes_before_hello_is_over),
        STORY(test_an_upload_without_its_end_is_broken_by_the_end_of_input),
        STORY(test_bytes_that_are_being_stored_are_not_waited_for),
        STORY(test_a_whole_upload_is_answered_after_the_end_of_input),
        STORY(test_a_lost_connection_reports_the_broken_upload),
        STORY(test_an_aborted_request_can_be_read_when_abort_is_said),
        STORY(test_draining_closes_an_idle_connection_at_once),
        STORY(test_draining_answers_what_was_asked_and_refuses_what_comes_later),
        STORY(test_a_request_whose_header_came_before_goaway_is_answered),
        STORY(test_half_a_header_at_goaway_is_not_waited_for),
        STORY(test_an_upload_goes_on_while_draining),
        STORY(test_goaway_waits_for_the_end_of_a_data_frame),
        STORY(test_when_draining_takes_too_long_what_waits_ends_shutdown),
        STORY(test_one_connection_too_many_gets_goaway_busy),
        STORY(test_goaway_after_a_bad_frame_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
