/* SPDX-License-Identifier: BSD-2-Clause */
/* Uploads: READY, DATA, END, and the early end. */
#include <wherry/exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/exchange_story.h"

static void test_put_goes_from_ready_through_committing_to_its_end(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_data(f, 1, "abc");
    give_data(f, 1, "");
    give_data(f, 1, "de");
    give_end(f, 1);
    expect_events(f, "PUT_BYTES 1 @0 abcde\nPUT_END 1 @5\n");
    expect_state(f, WHERRY_EXCHANGE_COMMITTING);
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "END 1 OK\n");
    expect_state(f, WHERRY_EXCHANGE_IDLE);
}

static void test_bytes_go_on_from_the_offset_of_ready(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_put(f, 1, "a");
    say_ready(f, 1000);
    give_data(f, 1, "abc");
    give_end(f, 1);
    expect_events(f, "REQUEST 1 PUT a\nPUT_BYTES 1 @1000 abc\nPUT_END 1 @1003\n");
}

static void test_the_digest_of_end_is_handed_on(void **state)
{
    struct exchange_story *f = *state;
    const uint8_t payload[3 + WHERRY_SHA256_BYTES] = {1, 0, WHERRY_SHA256_BYTES, 0xab};

    upload(f);
    give_frame(f, WHERRY_FRAME_END, 1, payload, sizeof(payload));
    expect_events(f, "PUT_END 1 @0 ab\n");
}

static void test_fields_of_put_are_handed_on(void **state)
{
    struct exchange_story *f = *state;
    const uint8_t sha256[WHERRY_SHA256_BYTES] = {1};
    const uint8_t upload_id[WHERRY_UPLOAD_ID_BYTES] = {2};
    struct wherry_message_put m = {
        .size = 77,
        .mode = WHERRY_PUT_CREATE,
        .fsync = true,
        .path = {.bytes = (const uint8_t *)"p/q", .len = 3},
        .sha256 = sha256,
        .upload_id = upload_id,
    };
    struct wherry_exchange_event e;
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    size_t len = wherry_message_write_put(frame, sizeof(frame), 1, &m);

    greet(f);
    assert_int_equal(wherry_exchange_input(f->x, frame, len, 0), len);
    assert_true(wherry_exchange_event(f->x, &e));
    assert_int_equal(e.kind, WHERRY_EXCHANGE_REQUEST);
    assert_int_equal(e.request->m.put.size, 77);
    assert_int_equal(e.request->m.put.mode, WHERRY_PUT_CREATE);
    assert_true(e.request->m.put.fsync);
    assert_int_equal(e.request->m.put.path.len, 3);
    assert_memory_equal(e.request->m.put.path.bytes, "p/q", 3);
    assert_memory_equal(e.request->m.put.sha256, sha256, sizeof(sha256));
    assert_memory_equal(e.request->m.put.upload_id, upload_id, sizeof(upload_id));
}

static void test_no_input_is_used_until_bytes_are_taken(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    f->keeps_piece = true;
    give_data(f, 1, "abc");
    assert_false(wherry_exchange_wants_input(f->x));
    assert_int_equal(give(f, "\0\0\0\0\7\0\0\0\0\0\0\1", 12), 0);
    assert_true(wherry_exchange_put_taken(f->x, 0));
    assert_false(wherry_exchange_put_taken(f->x, 0));
    assert_true(wherry_exchange_wants_input(f->x));
    give_end(f, 1);
    expect_events(f, "PUT_BYTES 1 @0 abc\nPUT_END 1 @3\n");
}

static void test_requests_may_follow_the_end_at_once(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_end(f, 1);
    give_path(f, WHERRY_FRAME_STAT, 2, "b");
    give_put(f, 3, "c");
    expect_events(f, "PUT_END 1 @0\n");
    say_end(f, RES_OK);
    work(f);
    expect_events(f, "REQUEST 2 STAT b\n");
    say_end(f, RES_DENIED);
    work(f);
    expect_events(f, "REQUEST 3 PUT c\n");
    expect_sent(f, "END 1 OK\nEND 2 DENIED\n");
}

static void test_a_put_may_wait_behind_other_requests(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_put(f, 2, "b");
    expect_events(f, "REQUEST 1 HASH a\n");
    give_ping(f, "in between");
    say_end(f, RES_IO);
    work(f);
    expect_events(f, "REQUEST 2 PUT b\n");
    say_ready(f, 0);
    work(f);
    give_end(f, 2);
    expect_events(f, "PUT_END 2 @0\n");
    expect_sent(f, "PING_REPLY in between\nEND 1 IO\nREADY 2\n");
}

static void test_pings_may_come_between_put_and_its_end(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_data(f, 1, "abc");
    give_ping(f, "p");
    give_data(f, 1, "def");
    expect_events(f, "PUT_BYTES 1 @0 abcdef\n");
    expect_sent(f, "PING_REPLY p\n");
}

static void test_ok_needs_the_end_of_the_client(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_data(f, 1, "abc");
    assert_false(wherry_exchange_end(f->x, RES_OK, NULL, 0));
    give_end(f, 1);
    assert_true(wherry_exchange_end(f->x, RES_OK, NULL, 0));
}

static void test_a_put_refused_before_ready_is_over_at_once(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_put(f, 1, "a");
    say_end(f, RES_NO_SPACE);
    expect_state(f, WHERRY_EXCHANGE_IDLE);
    give_cancel(f, 1); /* it crossed the END */
    give_put(f, 1, "a");
    expect_events(f, "REQUEST 1 PUT a\nREQUEST 1 PUT a\n");
    expect_sent(f, "END 1 NO_SPACE\n");
}

static void test_after_an_early_end_data_is_dropped_until_the_clients_end(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_data(f, 1, "abc");
    say_end(f, RES_NO_SPACE);
    expect_state(f, WHERRY_EXCHANGE_DISCARDING);
    give_data(f, 1, "def");
    give_ping(f, "p");
    give_end(f, 1);
    expect_state(f, WHERRY_EXCHANGE_IDLE);
    expect_events(f, "PUT_BYTES 1 @0 abc\n");
    expect_sent(f, "END 1 NO_SPACE\nPING_REPLY p\n");
    give_path(f, WHERRY_FRAME_STAT, 1, "a"); /* its id is free */
    expect_events(f, "REQUEST 1 STAT a\n");
}

static void test_after_an_early_end_data_is_dropped_until_cancel(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    say_end(f, RES_TOO_LARGE);
    give_data(f, 1, "def");
    give_cancel(f, 1);
    expect_state(f, WHERRY_EXCHANGE_IDLE);
    expect_sent(f, "END 1 TOO_LARGE\n");
}

static void test_an_early_end_in_the_middle_of_a_frame_drops_the_rest_of_it(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    assert_int_equal(give(f, "\0\0\0\6\6\0\0\0\0\0\0\1abc", 15), 15);
    say_end(f, RES_IO);
    assert_int_equal(give(f, "def", 3), 3);
    give_end(f, 1);
    expect_state(f, WHERRY_EXCHANGE_IDLE);
    expect_events(f, "PUT_BYTES 1 @0 abc\n");
}

static void test_an_early_end_instead_of_taking_bytes_drops_them(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    f->keeps_piece = true;
    give_data(f, 1, "abc");
    say_end(f, RES_OFFSET);
    assert_false(wherry_exchange_put_taken(f->x, 0));
    give_end(f, 1);
    expect_sent(f, "END 1 OFFSET\n");
    expect_state(f, WHERRY_EXCHANGE_IDLE);
}

static void test_a_critical_tag_in_end_ends_the_put_unsupported(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    give_put(f, 1, "a");
    give_frame(f, WHERRY_FRAME_END, 1, "\x80\0\0", 3);
    give_path(f, WHERRY_FRAME_STAT, 2, "b");
    expect_events(f, "REQUEST 1 PUT a\nSTOP 1 UNSUPPORTED\nREQUEST 2 STAT b\n");
    expect_sent(f, "READY 1\nEND 1 UNSUPPORTED\nINFO 2\nEND 2 OK\n");
}

static void test_a_critical_tag_in_the_end_of_a_discarded_put_changes_nothing(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    say_end(f, RES_IO);
    give_frame(f, WHERRY_FRAME_END, 1, "\x80\0\0", 3);
    expect_state(f, WHERRY_EXCHANGE_IDLE);
    expect_sent(f, "END 1 IO\n");
}

static void test_cancel_drops_an_upload_and_requests_may_follow(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_data(f, 1, "abc");
    give_cancel(f, 1);
    give_path(f, WHERRY_FRAME_STAT, 2, "b");
    expect_events(f, "PUT_BYTES 1 @0 abc\nSTOP 1 CANCELLED\n");
    assert_false(wherry_exchange_end(f->x, RES_OK, NULL, 0)); /* it never became whole */
    say_end(f, RES_CANCELLED);
    work(f);
    expect_sent(f, "END 1 CANCELLED\n");
    expect_events(f, "REQUEST 2 STAT b\n");
}

static void test_data_behind_cancel_is_bad(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_cancel(f, 1);
    give_data(f, 1, "abc");
    expect_events(f, "STOP 1 CANCELLED\n");
    say_end(f, RES_CANCELLED);
    work(f);
    expect_sent(f, "END 1 CANCELLED\nEND 0 PROTOCOL\n");
}

static void test_cancel_before_ready_stops_the_put(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_message_ready ready = {.offset = 0};

    greet(f);
    give_put(f, 1, "a");
    give_cancel(f, 1);
    expect_events(f, "REQUEST 1 PUT a\nSTOP 1 CANCELLED\n");
    assert_false(wherry_exchange_ready(f->x, &ready, 0));
    say_end(f, RES_CANCELLED);
    work(f);
    expect_state(f, WHERRY_EXCHANGE_IDLE);
    expect_sent(f, "END 1 CANCELLED\n");
}

static void test_ready_of_a_cancelled_put_is_not_that_of_the_next_one(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_message_ready ready = {.offset = 0};

    greet(f);
    give_put(f, 1, "a");
    give_cancel(f, 1);
    give_put(f, 2, "b");
    assert_false(wherry_exchange_ready(f->x, &ready, 0));
    say_end(f, RES_CANCELLED);
    work(f);
    expect_events(f, "REQUEST 1 PUT a\nSTOP 1 CANCELLED\nREQUEST 2 PUT b\n");
    say_ready(f, 0);
    work(f);
    expect_sent(f, "END 1 CANCELLED\nREADY 2\n");
}

static void test_cancel_past_the_point_of_no_return_lets_it_end_normally(void **state)
{
    struct exchange_story *f = *state;

    upload(f);
    give_end(f, 1);
    give_cancel(f, 1);
    expect_events(f, "PUT_END 1 @0\nSTOP 1 CANCELLED\n");
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "END 1 OK\n");
}

static void test_cancel_of_a_put_that_waits_frees_the_way_for_requests(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_put(f, 2, "b");
    give_cancel(f, 2);
    give_path(f, WHERRY_FRAME_STAT, 3, "c");
    say_end(f, RES_IO);
    work(f);
    expect_events(f, "REQUEST 1 HASH a\nREQUEST 3 STAT c\n");
    expect_sent(f, "END 1 IO\nEND 2 CANCELLED\n");
}

static void test_cancel_of_what_runs_before_a_put_may_follow_the_put(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_put(f, 2, "b");
    give_cancel(f, 1);
    expect_events(f, "REQUEST 1 HASH a\nSTOP 1 CANCELLED\nREQUEST 2 PUT b\n");
    expect_sent(f, "END 1 CANCELLED\nREADY 2\n");
}

int main(void)
{
#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, exchange_story_setup, exchange_story_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_put_goes_from_ready_through_committing_to_its_end),
        STORY(test_bytes_go_on_from_the_offset_of_ready),
        STORY(test_the_digest_of_end_is_handed_on),
        STORY(test_fields_of_put_are_handed_on),
        STORY(test_no_input_is_used_until_bytes_are_taken),
        STORY(test_requests_may_follow_the_end_at_once),
        STORY(test_a_put_may_wait_behind_other_requests),
        STORY(test_pings_may_come_between_put_and_its_end),
        STORY(test_ok_needs_the_end_of_the_client),
        STORY(test_a_put_refused_before_ready_is_over_at_once),
        STORY(test_after_an_early_end_data_is_dropped_until_the_clients_end),
        STORY(test_after_an_early_end_data_is_dropped_until_cancel),
        STORY(test_an_early_end_in_the_middle_of_a_frame_drops_the_rest_of_it),
        STORY(test_an_early_end_instead_of_taking_bytes_drops_them),
        STORY(test_a_critical_tag_in_end_ends_the_put_unsupported),
        STORY(test_a_critical_tag_in_the_end_of_a_discarded_put_changes_nothing),
        STORY(test_cancel_drops_an_upload_and_requests_may_follow),
        STORY(test_data_behind_cancel_is_bad),
        STORY(test_cancel_before_ready_stops_the_put),
        STORY(test_ready_of_a_cancelled_put_is_not_that_of_the_next_one),
        STORY(test_cancel_past_the_point_of_no_return_lets_it_end_normally),
        STORY(test_cancel_of_a_put_that_waits_frees_the_way_for_requests),
        STORY(test_cancel_of_what_runs_before_a_put_may_follow_the_put),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
