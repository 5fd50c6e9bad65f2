/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines, and PINGs of the server. */
#include <wherry/exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/exchange_story.h"

static void expect_timeout(struct exchange_story *f, const char *sent)
{
    expect_sent(f, sent);
    expect_events(f, "SHUT\n");
    expect_state(f, WHERRY_EXCHANGE_CLOSING);
    assert_int_equal(wherry_exchange_result(f->x), RES_TIMEOUT);
    assert_string_not_equal(wherry_exchange_why(f->x), "");
}

static void test_hello_has_to_come_within_5_seconds(void **state)
{
    struct exchange_story *f = *state;

    f->now_ns = 100 * SECOND;
    begin(f);
    run_out(f, 105 * SECOND);
    expect_timeout(f, "GOAWAY 0 TIMEOUT\n");
}

static void test_half_a_hello_does_not_extend_its_time(void **state)
{
    struct exchange_story *f = *state;

    begin(f);
    f->now_ns = 4 * SECOND;
    assert_int_equal(give(f, "\0\0\0\6\1\0\0\0\0\0\0\0WH", 14), 14);
    run_out(f, 5 * SECOND);
    expect_timeout(f, "GOAWAY 0 TIMEOUT\n");
}

static void test_a_frame_has_to_be_whole_10_seconds_after_its_first_byte(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    f->now_ns = SECOND;
    assert_int_equal(give(f, "\0", 1), 1);
    f->now_ns = 9 * SECOND;
    assert_int_equal(give(f, "\0\0\3\3\0\0\0", 7), 7); /* one byte at a time does not help */
    run_out(f, 11 * SECOND);
    expect_timeout(f, "GOAWAY 0 TIMEOUT\n");
}

static void test_each_frame_has_its_own_10_seconds(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(give(f, "\0\0\0\3\3\0\0\0\0\0\0\1", 12), 12);
        f->now_ns += 9 * SECOND;
        assert_int_equal(give(f, "\0\1a", 3), 3);
        expect_sent(f, "INFO 1\nEND 1 OK\n");
    }
}

static void test_what_runs_is_aborted_by_half_a_frame_that_takes_too_long(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_path(f, WHERRY_FRAME_STAT, 2, "b");
    assert_int_equal(give(f, "\0", 1), 1);
    run_out(f, 10 * SECOND);
    expect_sent(f, "GOAWAY 0 TIMEOUT\n");
    expect_events(f, "REQUEST 1 HASH a\nABORT 1 TIMEOUT\nSHUT\n");
    assert_false(wherry_exchange_end(f->x, RES_OK, NULL, f->now_ns));
}

static void test_a_connection_may_be_idle_for_120_seconds(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    run_out(f, 120 * SECOND);
    expect_timeout(f, "GOAWAY 0 TIMEOUT\n");
}

static void test_ping_starts_the_idle_time_anew(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    f->now_ns = 119 * SECOND;
    give_ping(f, "p");
    expect_sent(f, "PING_REPLY p\n");
    run_out(f, 239 * SECOND);
    expect_timeout(f, "GOAWAY 0 TIMEOUT\n");
}

static void test_idle_time_counts_from_the_last_answer(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_STAT, 1, "a");
    f->now_ns = 10 * SECOND;
    say_end(f, RES_NOT_FOUND);
    work(f);
    expect_sent(f, "END 1 NOT_FOUND\n");
    expect_events(f, "REQUEST 1 STAT a\n");
    run_out(f, 130 * SECOND);
    expect_timeout(f, "GOAWAY 0 TIMEOUT\n");
}

static void test_the_server_pings_every_15_seconds_while_it_works(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    run_out(f, 15 * SECOND);
    expect_sent(f, "PING 0\n");
    run_out(f, 30 * SECOND);
    expect_sent(f, "PING 0\n");
    say_hash(f);
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "HASH_REPLY 1\nEND 1 OK\n");
    assert_int_equal(wherry_exchange_deadline(f->x), 150 * SECOND);
}

static void test_the_server_pings_while_it_commits(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_end(f, 1);
    run_out(f, 15 * SECOND);
    expect_sent(f, "PING 0\n");
    expect_state(f, WHERRY_EXCHANGE_COMMITTING);
}

static void test_the_server_pings_while_it_stores_bytes_and_counts_no_time(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    f->keeps_piece = true;
    give_data(f, 1, "abc");
    run_out(f, 15 * SECOND);
    run_out(f, 30 * SECOND);
    run_out(f, 45 * SECOND);
    expect_sent(f, "PING 0\nPING 0\nPING 0\n");
    expect_state(f, WHERRY_EXCHANGE_READY);
    assert_true(wherry_exchange_put_taken(f->x, f->now_ns));
    assert_int_equal(wherry_exchange_deadline(f->x), 75 * SECOND);
}

static void test_an_upload_that_stops_is_broken_after_30_seconds(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    run_out(f, 30 * SECOND);
    expect_sent(f, "GOAWAY 0 TIMEOUT\n");
    expect_events(f, "ABORT 1 TIMEOUT\nSHUT\n");
}

static void test_a_data_frame_may_take_longer_than_10_seconds(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    assert_int_equal(give(f, "\0\0\0\6\6\0\0\0\0\0\0\1abc", 15), 15);
    f->now_ns = 29 * SECOND;
    wherry_exchange_expire(f->x, f->now_ns);
    assert_int_equal(give(f, "def", 3), 3);
    expect_events(f, "PUT_BYTES 1 @0 abcdef\n");
}

static void test_but_its_header_may_not(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    assert_int_equal(give(f, "\0\0\0\6\6\0\0\0", 8), 8);
    run_out(f, 10 * SECOND);
    expect_sent(f, "GOAWAY 0 TIMEOUT\n");
    expect_events(f, "ABORT 1 TIMEOUT\nSHUT\n");
}

static void test_an_upload_of_1_kib_a_second_goes_on(void **state)
{
    struct exchange_story *f = *state;
    char text[1025];

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    upload(f);
    for (int second = 0; second < 120; second++) {
        f->now_ns += SECOND;
        give_data(f, 1, text);
        f->upload_len = 0;
        wherry_exchange_expire(f->x, f->now_ns);
    }
    expect_state(f, WHERRY_EXCHANGE_READY);
}

static void test_an_upload_below_1_kib_a_second_ends(void **state)
{
    struct exchange_story *f = *state;
    char text[1000];

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    upload(f);
    for (int second = 1; second < 30; second++) {
        f->now_ns = (uint64_t)second * SECOND;
        give_data(f, 1, text);
        f->upload_len = 0;
    }
    run_out(f, 30 * SECOND);
    expect_events(f, "ABORT 1 TIMEOUT\nSHUT\n");
}

static void test_discarding_has_the_same_deadlines(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    say_end(f, RES_NO_SPACE);
    run_out(f, 30 * SECOND);
    expect_sent(f, "END 1 NO_SPACE\nGOAWAY 0 TIMEOUT\n");
    expect_events(f, "SHUT\n");
}

static void test_a_reader_that_stops_within_a_data_frame_is_just_closed(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    say_get_reply(f, 100);
    assert_true(wherry_exchange_data_begin(f->x, 100, 0));
    f->is_full = true;
    wherry_exchange_blocked(f->x, 0);
    run_out(f, 30 * SECOND);
    f->is_full = false;
    work(f);
    expect_events(f, "REQUEST 1 GET a\nABORT 1 TIMEOUT\nSHUT\n");
    expect_sent(f, "");
}

static void test_a_reader_that_stops_between_frames_has_goaway_in_its_way(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_list(f, 1, "");
    f->is_full = true;
    say_entry(f, "a");
    wherry_exchange_blocked(f->x, 0);
    run_out(f, 30 * SECOND);
    expect_events(f, "REQUEST 1 LIST \nABORT 1 TIMEOUT\n");
    expect_state(f, WHERRY_EXCHANGE_CLOSING);
    f->is_full = false;
    work(f);
    expect_sent(f, "ENTRIES 1\nGOAWAY 0 TIMEOUT\n");
}

static void test_a_reader_that_takes_1_kib_a_second_goes_on(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    say_get_reply(f, 200000);
    work(f);
    assert_true(wherry_exchange_data_begin(f->x, 200000, 0));
    wherry_exchange_output_sent(f->x, WHERRY_FRAME_HEADER_BYTES, 0);
    for (int second = 0; second < 120; second++) {
        wherry_exchange_blocked(f->x, f->now_ns);
        f->now_ns += SECOND;
        wherry_exchange_data_sent(f->x, 1024, f->now_ns);
        wherry_exchange_expire(f->x, f->now_ns);
    }
    expect_state(f, WHERRY_EXCHANGE_REPLYING);
}

static void test_while_the_server_reads_its_disk_no_time_is_counted(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    say_get_reply(f, 10);
    work(f);
    assert_true(wherry_exchange_data_begin(f->x, 10, 0));
    wherry_exchange_output_sent(f->x, WHERRY_FRAME_HEADER_BYTES, 0);
    assert_int_equal(wherry_exchange_deadline(f->x), WHERRY_NEVER);
}

static void test_blocked_with_nothing_to_send_counts_nothing(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    wherry_exchange_blocked(f->x, 0);
    assert_int_equal(wherry_exchange_deadline(f->x), 120 * SECOND);
}

static void test_limits_are_those_that_were_given(void **state)
{
    struct exchange_story *f = *state;

    f->params.hello_ns = 7 * SECOND;
    f->params.idle_ns = 8 * SECOND;
    begin(f);
    assert_int_equal(wherry_exchange_deadline(f->x), 7 * SECOND);
    give_hello(f, 1, 1);
    assert_int_equal(wherry_exchange_deadline(f->x), 8 * SECOND);
}

int main(void)
{
#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, exchange_story_setup, exchange_story_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_hello_has_to_come_within_5_seconds),
        STORY(test_half_a_hello_does_not_extend_its_time),
        STORY(test_a_frame_has_to_be_whole_10_seconds_after_its_first_byte),
        STORY(test_each_frame_has_its_own_10_seconds),
        STORY(test_what_runs_is_aborted_by_half_a_frame_that_takes_too_long),
        STORY(test_a_connection_may_be_idle_for_120_seconds),
        STORY(test_ping_starts_the_idle_time_anew),
        STORY(test_idle_time_counts_from_the_last_answer),
        STORY(test_the_server_pings_every_15_seconds_while_it_works),
        STORY(test_the_server_pings_while_it_commits),
        STORY(test_the_server_pings_while_it_stores_bytes_and_counts_no_time),
        STORY(test_an_upload_that_stops_is_broken_after_30_seconds),
        STORY(test_a_data_frame_may_take_longer_than_10_seconds),
        STORY(test_but_its_header_may_not),
        STORY(test_an_upload_of_1_kib_a_second_goes_on),
        STORY(test_an_upload_below_1_kib_a_second_ends),
        STORY(test_discarding_has_the_same_deadlines),
        STORY(test_a_reader_that_stops_within_a_data_frame_is_just_closed),
        STORY(test_a_reader_that_stops_between_frames_has_goaway_in_its_way),
        STORY(test_a_reader_that_takes_1_kib_a_second_goes_on),
        STORY(test_while_the_server_reads_its_disk_no_time_is_counted),
        STORY(test_blocked_with_nothing_to_send_counts_nothing),
        STORY(test_limits_are_those_that_were_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
