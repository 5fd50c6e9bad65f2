/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad frames: what they are, that whole requests before them are answered, and the END of id 0. */
#include <wherry/exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/exchange_story.h"

static void expect_bad(struct exchange_story *f)
{
    expect_sent(f, "END 0 PROTOCOL\n");
    expect_events(f, "SHUT\n");
    expect_state(f, WHERRY_EXCHANGE_CLOSING);
    assert_int_equal(wherry_exchange_result(f->x), RES_PROTOCOL);
    assert_string_not_equal(wherry_exchange_why(f->x), "");
}

static void test_a_stranger_gets_one_end_and_is_closed(void **state)
{
    struct exchange_story *f = *state;
    const char request[] = "GET / HTTP/1.1\r\nHost: wherry\r\n\r\n";

    begin(f);
    assert_int_equal(give(f, request, sizeof(request) - 1), sizeof(request) - 1);
    expect_bad(f);
}

static void test_a_frame_other_than_hello_first_is_bad(void **state)
{
    struct exchange_story *f = *state;

    begin(f);
    give_path(f, WHERRY_FRAME_STAT, 1, "a");
    expect_bad(f);
}

static void test_hello_of_something_else_is_bad(void **state)
{
    struct exchange_story *f = *state;

    begin(f);
    give_frame(f, WHERRY_FRAME_HELLO, 0, "WHAT\1\1", 6);
    expect_bad(f);
}

static void test_a_second_hello_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_hello(f, 1, 1);
    expect_bad(f);
}

static void test_an_unknown_type_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_frame(f, 0x0c, 1, "", 0);
    expect_bad(f);
}

static void test_a_type_of_the_server_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_frame(f, WHERRY_FRAME_INFO, 1, "", 0);
    expect_bad(f);
}

static void test_an_over_long_request_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    (void)give(f, "\0\1\0\1\2\0\0\0\0\0\0\1", 12);
    expect_bad(f);
}

static void test_a_request_of_id_0_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_STAT, 0, "a");
    expect_bad(f);
}

static void test_a_cancel_of_id_0_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_cancel(f, 0);
    expect_bad(f);
}

static void test_a_ping_with_an_id_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_frame(f, WHERRY_FRAME_PING, 1, "", 0);
    expect_bad(f);
}

static void test_a_ping_of_65_bytes_is_bad(void **state)
{
    struct exchange_story *f = *state;
    const char bytes[65] = {0};

    greet(f);
    give_frame(f, WHERRY_FRAME_PING, 0, bytes, sizeof(bytes));
    expect_bad(f);
}

static void test_a_request_shorter_than_its_fields_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_frame(f, WHERRY_FRAME_GET, 1, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2a", 19);
    expect_bad(f);
}

static void test_a_known_tag_of_the_wrong_length_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_frame(f, WHERRY_FRAME_GET, 1, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1a\2\0\1x", 23);
    expect_bad(f);
}

static void test_a_cancel_with_half_a_tag_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_frame(f, WHERRY_FRAME_CANCEL, 1, "\1", 1);
    expect_bad(f);
}

static void test_a_malformed_request_is_bad_also_where_it_would_be_busy(void **state)
{
    struct exchange_story *f = *state;

    f->params.requests_max = 1;
    f->answers = true;
    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_frame(f, WHERRY_FRAME_STAT, 2, "\0\2a", 3);
    say_end(f, RES_IO);
    work(f);
    expect_sent(f, "END 1 IO\nEND 0 PROTOCOL\n");
}

static void test_an_id_in_use_is_bad_and_its_request_is_answered(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_STAT, 1, "a");
    give_path(f, WHERRY_FRAME_STAT, 1, "b");
    expect_events(f, "REQUEST 1 STAT a\n");
    say_info(f);
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "INFO 1\nEND 1 OK\nEND 0 PROTOCOL\n");
}

static void test_an_id_that_waits_is_in_use(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_path(f, WHERRY_FRAME_STAT, 2, "b");
    give_path(f, WHERRY_FRAME_STAT, 2, "c");
    assert_int_equal(wherry_exchange_result(f->x), RES_PROTOCOL);
}

static void test_an_id_that_was_refused_and_waits_is_in_use(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_path(f, WHERRY_FRAME_STAT, 2, "..");
    give_path(f, WHERRY_FRAME_STAT, 2, "c");
    assert_int_equal(wherry_exchange_result(f->x), RES_PROTOCOL);
}

static void test_data_without_a_put_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_data(f, 1, "abc");
    expect_bad(f);
}

static void test_end_without_a_put_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_end(f, 1);
    expect_bad(f);
}

static void test_data_for_a_get_is_bad_and_the_get_is_answered(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    give_data(f, 1, "");
    say_get_reply(f, 3);
    assert_true(wherry_exchange_data_begin(f->x, 3, 0));
    work(f);
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "GET_REPLY 1\nDATA 1 3\nEND 1 OK\nEND 0 PROTOCOL\n");
}

static void test_data_of_another_id_is_bad_and_the_put_is_broken(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_data(f, 1, "abc");
    give_data(f, 2, "def");
    expect_events(f, "PUT_BYTES 1 @0 abc\nABORT 1 PROTOCOL\nSHUT\n");
    expect_sent(f, "END 0 PROTOCOL\n");
}

static void test_data_before_ready_is_bad_and_the_put_is_broken(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_put(f, 1, "a");
    give_data(f, 1, "abc");
    expect_events(f, "REQUEST 1 PUT a\nABORT 1 PROTOCOL\nSHUT\n");
    expect_sent(f, "END 0 PROTOCOL\n");
}

static void test_end_before_ready_is_bad(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_put(f, 1, "a");
    give_end(f, 1);
    expect_events(f, "REQUEST 1 PUT a\nABORT 1 PROTOCOL\nSHUT\n");
    expect_sent(f, "END 0 PROTOCOL\n");
}

static void test_data_for_a_put_that_waits_is_bad_and_what_is_before_it_is_answered(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_STAT, 1, "a");
    give_put(f, 2, "b");
    give_data(f, 2, "abc");
    say_info(f);
    say_end(f, RES_OK);
    work(f);
    expect_events(f, "REQUEST 1 STAT a\nSHUT\n");
    expect_sent(f, "INFO 1\nEND 1 OK\nEND 0 PROTOCOL\n");
}

static void test_a_refused_put_that_waits_is_answered_before_a_bad_frame(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_STAT, 1, "a");
    give_put(f, 2, "..");
    give_data(f, 2, "abc");
    say_end(f, RES_NOT_FOUND);
    work(f);
    expect_sent(f, "END 1 NOT_FOUND\nEND 2 NAME\nEND 0 PROTOCOL\n");
}

static void test_a_request_between_put_and_its_end_is_bad(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_path(f, WHERRY_FRAME_STAT, 2, "a");
    expect_events(f, "ABORT 1 PROTOCOL\nSHUT\n");
    expect_sent(f, "END 0 PROTOCOL\n");
}

static void test_a_malformed_end_of_a_put_is_bad(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_frame(f, WHERRY_FRAME_END, 1, "\1\0\1x", 4);
    expect_events(f, "ABORT 1 PROTOCOL\nSHUT\n");
}

static void test_the_id_of_a_discarded_put_is_in_use(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    say_end(f, RES_NO_SPACE);
    give_path(f, WHERRY_FRAME_STAT, 1, "a");
    expect_sent(f, "END 1 NO_SPACE\nEND 0 PROTOCOL\n");
    expect_events(f, "SHUT\n"); /* its adapter had ended it */
}

static void test_a_put_that_is_whole_is_answered_before_a_bad_frame(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_end(f, 1);
    expect_events(f, "PUT_END 1 @0\n");
    give_frame(f, 0x7f, 0, "", 0);
    expect_nothing(f);
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "END 1 OK\nEND 0 PROTOCOL\n");
}

static void test_nothing_behind_a_bad_frame_is_looked_at(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_frame(f, 0x7f, 0, "", 0);
    assert_false(wherry_exchange_wants_input(f->x));
    give_cancel(f, 1);
    expect_events(f, "REQUEST 1 HASH a\n");
    say_end(f, RES_IO);
    work(f);
    expect_sent(f, "END 1 IO\nEND 0 PROTOCOL\n");
}

int main(void)
{
#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, exchange_story_setup, exchange_story_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_a_stranger_gets_one_end_and_is_closed),
        STORY(test_a_frame_other_than_hello_first_is_bad),
        STORY(test_hello_of_something_else_is_bad),
        STORY(test_a_second_hello_is_bad),
        STORY(test_an_unknown_type_is_bad),
        STORY(test_a_type_of_the_server_is_bad),
        STORY(test_an_over_long_request_is_bad),
        STORY(test_a_request_of_id_0_is_bad),
        STORY(test_a_cancel_of_id_0_is_bad),
        STORY(test_a_ping_with_an_id_is_bad),
        STORY(test_a_ping_of_65_bytes_is_bad),
        STORY(test_a_request_shorter_than_its_fields_is_bad),
        STORY(test_a_known_tag_of_the_wrong_length_is_bad),
        STORY(test_a_cancel_with_half_a_tag_is_bad),
        STORY(test_a_malformed_request_is_bad_also_where_it_would_be_busy),
        STORY(test_an_id_in_use_is_bad_and_its_request_is_answered),
        STORY(test_an_id_that_waits_is_in_use),
        STORY(test_an_id_that_was_refused_and_waits_is_in_use),
        STORY(test_data_without_a_put_is_bad),
        STORY(test_end_without_a_put_is_bad),
        STORY(test_data_for_a_get_is_bad_and_the_get_is_answered),
        STORY(test_data_of_another_id_is_bad_and_the_put_is_broken),
        STORY(test_data_before_ready_is_bad_and_the_put_is_broken),
        STORY(test_end_before_ready_is_bad),
        STORY(test_data_for_a_put_that_waits_is_bad_and_what_is_before_it_is_answered),
        STORY(test_a_refused_put_that_waits_is_answered_before_a_bad_frame),
        STORY(test_a_request_between_put_and_its_end_is_bad),
        STORY(test_a_malformed_end_of_a_put_is_bad),
        STORY(test_the_id_of_a_discarded_put_is_in_use),
        STORY(test_a_put_that_is_whole_is_answered_before_a_bad_frame),
        STORY(test_nothing_behind_a_bad_frame_is_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
