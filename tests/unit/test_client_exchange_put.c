/* SPDX-License-Identifier: BSD-2-Clause */
/* Uploads: READY, bytes that the caller sends itself, END, early END, CANCEL, resume. */
#include <wherry/client_exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/client_exchange_story.h"

#define READY_AT(offset, id) FRAME("\0\30", "\x85", "\0", id) U64(offset) SIXTEEN("\0")

/* A PUT of 10 bytes, id 1, READY at 0. */
static void put_ready(struct client_exchange_story *f)
{
    greet(f);
    assert_int_equal(ask_put(f, VIEW("a"), 10), 1);
    expect_output(f, BYTES(FRAME("\0\14", "\5", "\0", "\1") U64("\12") "\1\0\1a"));
    give(f, BYTES(READY_AT("\0", "\1")));
    expect(f, "READY 1 0 0\n");
}

static void data(struct client_exchange_story *f, uint32_t len)
{
    assert_int_equal(wherry_client_exchange_data_begin(f->x, len, f->now_ns), RES_OK);
}

static void test_put_says_size_mode_path_and_tags(void **state)
{
    struct client_exchange_story *f = *state;
    const struct wherry_message_put m = {
        .path = VIEW("a"),
        .size = 5,
        .mode = WHERRY_PUT_REPLACE,
        .fsync = true,
        .sha256 = (const uint8_t *)SIXTEEN("s") SIXTEEN("t"),
        .upload_id = (const uint8_t *)SIXTEEN("u"),
    };
    uint32_t id;

    greet(f);
    assert_int_equal(wherry_client_exchange_put(f->x, &m, f->now_ns, &id), RES_OK);
    expect_output(f, BYTES(FRAME("\0\102", "\5", "\0", "\1") U64(
                         "\5") "\x82\0\1a"
                               "\1\0\40" SIXTEEN("s") SIXTEEN("t") "\3\0\20" SIXTEEN("u")));
}

static void test_put_waits_for_ready_then_sends_bodies_then_end(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_put(f, VIEW("a"), 10);
    flush(f);
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 1, f->now_ns), RES_BUSY);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_BUSY);
    give(f, BYTES(READY_AT("\0", "\1")));
    expect(f, "READY 1 0 0\n");
    data(f, 7);
    assert_int_equal(wherry_client_exchange_body(f->x), 7);
    expect_output(f, BYTES(FRAME("\0\7", "\6", "\0", "\1")));
    wherry_client_exchange_body_sent(f->x, 3, f->now_ns);
    assert_int_equal(wherry_client_exchange_body(f->x), 4);
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 3, f->now_ns), RES_BUSY);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_BUSY);
    wherry_client_exchange_body_sent(f->x, 4, f->now_ns);
    expect_silence(f);
    data(f, 3);
    expect_output(f, BYTES(FRAME("\0\3", "\6", "\0", "\1")));
    wherry_client_exchange_body_sent(f->x, 3, f->now_ns);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
    expect_output(f, BYTES(FRAME("\0\0", "\7", "\0", "\1")));
    give(f, BYTES(END(OK, "\1")));
    expect(f, "END 1 OK \"\"\n");
}

static void test_end_of_a_put_may_carry_the_digest(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_put(f, VIEW("a"), 0);
    flush(f);
    give(f, BYTES(READY_AT("\0", "\1")));
    assert_int_equal(
        wherry_client_exchange_put_end(f->x, (const uint8_t *)SIXTEEN("s") SIXTEEN("t"), f->now_ns),
        RES_OK);
    expect_output(f, BYTES(FRAME("\0\43", "\7", "\0", "\1") "\1\0\40" SIXTEEN("s") SIXTEEN("t")));
}

static void test_nothing_comes_between_a_header_and_its_body(void **state)
{
    struct client_exchange_story *f = *state;

    put_ready(f);
    data(f, 10);
    assert_int_equal(wherry_client_exchange_ping(f->x, VIEW("p"), f->now_ns), RES_OK);
    assert_int_equal(wherry_client_exchange_cancel(f->x, 1, f->now_ns), RES_OK);
    expect_output(f, BYTES(FRAME("\0\12", "\6", "\0", "\1")));
    assert_int_equal(wherry_client_exchange_output(f->x).len, 0);
    wherry_client_exchange_body_sent(f->x, 9, f->now_ns);
    assert_int_equal(wherry_client_exchange_output(f->x).len, 0);
    wherry_client_exchange_body_sent(f->x, 1, f->now_ns);
    expect_output(f, BYTES(FRAME("\0\1", "\11", "\0", "\0") "p" FRAME("\0\0", "\10", "\0", "\1")));
}

static void test_body_comes_behind_what_was_queued_before_it(void **state)
{
    struct client_exchange_story *f = *state;

    put_ready(f);
    assert_int_equal(wherry_client_exchange_ping(f->x, VIEW("p"), f->now_ns), RES_OK);
    data(f, 10);
    expect_piece(f, BYTES("\0\0\0\1\11\0"));
    expect_output(f, BYTES("\0\0\0\0\0\0p" FRAME("\0\12", "\6", "\0", "\1")));
    assert_int_equal(wherry_client_exchange_body(f->x), 10);
}

static void test_no_request_may_come_before_the_put_is_closed(void **state)
{
    struct client_exchange_story *f = *state;
    const struct wherry_message_put m = {.path = VIEW("b"), .mode = WHERRY_PUT_CREATE};
    uint32_t id = 99;

    greet(f);
    (void)ask_put(f, VIEW("a"), 0);
    assert_int_equal(wherry_client_exchange_stat(f->x, VIEW("a"), f->now_ns, &id), RES_BUSY);
    flush(f);
    give(f, BYTES(READY_AT("\0", "\1")));
    assert_int_equal(wherry_client_exchange_put(f->x, &m, f->now_ns, &id), RES_BUSY);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_CANCELLED);
    assert_int_equal(wherry_client_exchange_put(f->x, &m, f->now_ns, &id), RES_OK);
    assert_int_equal(id, 2);
    flush(f);
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 1, f->now_ns), RES_BUSY);
    give(f, BYTES(END(OK, "\1") READY_AT("\0", "\2")));
    expect(f, "READY 1 0 0\n"
              "END 1 OK \"\"\n"
              "READY 2 0 0\n");
}

static void test_put_may_wait_behind_other_requests(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    (void)ask_put(f, VIEW("b"), 1);
    flush(f);
    give(f, BYTES(END(NOT_FOUND, "\1") READY_AT("\0", "\2")));
    expect(f, "END 1 NOT_FOUND \"\"\n"
              "READY 2 0 0\n");
    data(f, 1);
}

static void test_frames_are_of_1_to_max_frame_bytes(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_put(f, VIEW("a"), WHERRY_SIZE_UNKNOWN);
    flush(f);
    give(f, BYTES(READY_AT("\0", "\1")));
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 0, f->now_ns), RES_TOO_LARGE);
    assert_int_equal(wherry_client_exchange_data_begin(f->x, MAX_FRAME + 1, f->now_ns),
                     RES_TOO_LARGE);
    data(f, MAX_FRAME);
    expect_output(f, BYTES("\0\2\0\0\6\0\0\0\0\0\0\1"));
}

static void test_neither_more_nor_less_than_was_announced_is_sent(void **state)
{
    struct client_exchange_story *f = *state;

    put_ready(f);
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 11, f->now_ns), RES_OFFSET);
    data(f, 9);
    flush(f);
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 2, f->now_ns), RES_OFFSET);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OFFSET);
    data(f, 1);
    flush(f);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
}

static void test_of_unknown_size_the_end_decides(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_put(f, VIEW("a"), WHERRY_SIZE_UNKNOWN);
    flush(f);
    give(f, BYTES(READY_AT("\0", "\1")));
    for (unsigned i = 0; i < 40; i++) {
        data(f, MAX_FRAME);
        flush(f);
    }
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
}

/* What a PUT with this upload id gets to hear; its size is 10. */
static void resume(struct client_exchange_story *f, const char *upload_id)
{
    const struct wherry_message_put m = {.path = VIEW("a"),
                                         .size = 10,
                                         .mode = WHERRY_PUT_CREATE,
                                         .upload_id = (const uint8_t *)upload_id};
    uint32_t id;

    greet(f);
    assert_int_equal(wherry_client_exchange_put(f->x, &m, f->now_ns, &id), RES_OK);
    flush(f);
}

static void test_resumed_upload_goes_on_from_the_offset_of_ready(void **state)
{
    struct client_exchange_story *f = *state;

    resume(f, SIXTEEN("u"));
    give(f, BYTES(FRAME("\0\30", "\x85", "\0", "\1") U64("\6") SIXTEEN("u")));
    expect(f, "READY 1 6 75\n");
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 5, f->now_ns), RES_OFFSET);
    data(f, 4);
    flush(f);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
}

static void test_upload_id_that_expired_begins_at_0_under_that_id(void **state)
{
    struct client_exchange_story *f = *state;

    resume(f, SIXTEEN("u"));
    give(f, BYTES(FRAME("\0\30", "\x85", "\0", "\1") U64("\0") SIXTEEN("u")));
    expect(f, "READY 1 0 75\n");
}

static void test_all_of_a_resumed_upload_may_be_there(void **state)
{
    struct client_exchange_story *f = *state;

    resume(f, SIXTEEN("u"));
    give(f, BYTES(FRAME("\0\30", "\x85", "\0", "\1") U64("\12") SIXTEEN("u")));
    expect(f, "READY 1 10 75\n");
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
}

static void test_upload_id_of_zeros_gets_a_new_one(void **state)
{
    struct client_exchange_story *f = *state;

    resume(f, SIXTEEN("\0"));
    give(f, BYTES(FRAME("\0\30", "\x85", "\0", "\1") U64("\0") SIXTEEN("n")));
    expect(f, "READY 1 0 6e\n");
}

static void test_put_refused_before_ready_is_over_at_once(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_put(f, VIEW("a"), 10);
    flush(f);
    give(f, BYTES(END(NO_SPACE, "\1")));
    expect(f, "END 1 NO_SPACE \"\"\n");
    expect_silence(f);
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 1, f->now_ns), RES_CANCELLED);
    assert_int_equal(ask_stat(f, VIEW("b")), 2);
}

static void test_early_end_is_answered_with_cancel_and_stops_the_body(void **state)
{
    struct client_exchange_story *f = *state;

    put_ready(f);
    give(f, BYTES(END(NO_SPACE, "\1")));
    expect(f, "END 1 NO_SPACE \"\"\n");
    expect_output(f, BYTES(FRAME("\0\0", "\10", "\0", "\1")));
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 1, f->now_ns), RES_CANCELLED);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_CANCELLED);
    assert_int_equal(wherry_client_exchange_cancel(f->x, 1, f->now_ns), RES_NOT_FOUND);
    expect_silence(f);
}

static void test_frame_that_was_begun_is_filled_up_before_the_cancel(void **state)
{
    struct client_exchange_story *f = *state;

    put_ready(f);
    data(f, 10);
    expect_output(f, BYTES(FRAME("\0\12", "\6", "\0", "\1")));
    wherry_client_exchange_body_sent(f->x, 2, f->now_ns);
    give(f, BYTES(END(IO, "\1")));
    expect(f, "END 1 IO \"\"\n");
    assert_int_equal(ask_stat(f, VIEW("b")), 2);
    assert_int_equal(wherry_client_exchange_body(f->x), 8);
    assert_int_equal(wherry_client_exchange_output(f->x).len, 0);
    wherry_client_exchange_body_sent(f->x, 8, f->now_ns);
    expect_output(f,
                  BYTES(FRAME("\0\0", "\10", "\0", "\1") FRAME("\0\3", "\3", "\0", "\2") "\0\1b"));
}

static void test_early_end_that_meets_our_end_needs_no_cancel(void **state)
{
    struct client_exchange_story *f = *state;

    put_ready(f);
    data(f, 10);
    flush(f);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
    give(f, BYTES(END(NO_SPACE, "\1")));
    expect(f, "END 1 NO_SPACE \"\"\n");
    expect_output(f, BYTES(FRAME("\0\0", "\7", "\0", "\1")));
    expect_silence(f);
}

static void test_cancel_closes_the_put_and_requests_may_follow(void **state)
{
    struct client_exchange_story *f = *state;

    put_ready(f);
    assert_int_equal(wherry_client_exchange_cancel(f->x, 1, f->now_ns), RES_OK);
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 1, f->now_ns), RES_CANCELLED);
    assert_int_equal(ask_stat(f, VIEW("b")), 2);
    expect_output(f,
                  BYTES(FRAME("\0\0", "\10", "\0", "\1") FRAME("\0\3", "\3", "\0", "\2") "\0\1b"));
    give(f, BYTES(END(CANCELLED, "\1") END(NOT_FOUND, "\2")));
    expect(f, "END 1 CANCELLED \"\"\n"
              "END 2 NOT_FOUND \"\"\n");
    expect_silence(f); /* not a second CANCEL */
}

static void test_cancel_behind_end_may_come_too_late(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_put(f, VIEW("a"), 0);
    flush(f);
    give(f, BYTES(READY_AT("\0", "\1")));
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
    assert_int_equal(wherry_client_exchange_cancel(f->x, 1, f->now_ns), RES_OK);
    expect_output(f, BYTES(FRAME("\0\0", "\7", "\0", "\1") FRAME("\0\0", "\10", "\0", "\1")));
    give(f, BYTES(END(OK, "\1")));
    expect(f, "READY 1 0 0\n"
              "END 1 OK \"\"\n");
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, client_exchange_story_setup,                             \
                                    client_exchange_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_put_says_size_mode_path_and_tags),
        TEST(test_put_waits_for_ready_then_sends_bodies_then_end),
        TEST(test_end_of_a_put_may_carry_the_digest),
        TEST(test_nothing_comes_between_a_header_and_its_body),
        TEST(test_body_comes_behind_what_was_queued_before_it),
        TEST(test_no_request_may_come_before_the_put_is_closed),
        TEST(test_put_may_wait_behind_other_requests),
        TEST(test_frames_are_of_1_to_max_frame_bytes),
        TEST(test_neither_more_nor_less_than_was_announced_is_sent),
        TEST(test_of_unknown_size_the_end_decides),
        TEST(test_resumed_upload_goes_on_from_the_offset_of_ready),
        TEST(test_upload_id_that_expired_begins_at_0_under_that_id),
        TEST(test_all_of_a_resumed_upload_may_be_there),
        TEST(test_upload_id_of_zeros_gets_a_new_one),
        TEST(test_put_refused_before_ready_is_over_at_once),
        TEST(test_early_end_is_answered_with_cancel_and_stops_the_body),
        TEST(test_frame_that_was_begun_is_filled_up_before_the_cancel),
        TEST(test_early_end_that_meets_our_end_needs_no_cancel),
        TEST(test_cancel_closes_the_put_and_requests_may_follow),
        TEST(test_cancel_behind_end_may_come_too_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
