/* SPDX-License-Identifier: BSD-2-Clause */
/* How a transfer of the receiver ends: by the peer, by the network, by ourselves. */
#include <wherry/receiver.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/packets.h"
#include "support/receiver_story.h"

static void test_error_in_the_opening_fails_and_is_not_answered(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    give_packet(f, packets_error(WHERRY_ERROR_NOT_FOUND, "File not found"), 10 * MS);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_PEER);
    expect_silence(f, 10 * MS);
}

static void test_error_in_mid_transfer_fails_and_is_not_answered(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    give_packet(f, packets_error(WHERRY_ERROR_OTHER, ""), 15 * MS);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_PEER);
    expect_silence(f, 15 * MS);
}

static void test_error_before_the_file_has_its_name_fails(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    give_packet(f, packets_error(WHERRY_ERROR_OTHER, "interrupted"), 40 * MS);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_PEER);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_PEER);
    expect_silence(f, 50 * MS);
}

static void test_unreachable_in_mid_transfer_fails(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    wherry_receiver_unreachable(f->receiver);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_UNREACHABLE);
    expect_silence(f, 10 * MS);
}

static void test_error_while_dallying_is_done(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_ack(f, 3, 50 * MS);
    give_packet(f, packets_error(WHERRY_ERROR_OTHER, ""), 60 * MS);
    expect_state(f, WHERRY_RECEIVER_DONE, RES_OK);
    expect_silence(f, 60 * MS);
}

static void test_unreachable_while_dallying_is_done(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_ack(f, 3, 50 * MS);
    wherry_receiver_unreachable(f->receiver);
    expect_state(f, WHERRY_RECEIVER_DONE, RES_OK);
}

static void test_failing_sends_one_error(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    hold_data(f, 1, 10 * MS);
    wherry_receiver_fail(f->receiver, RES_NO_SPACE, WHERRY_ERROR_FULL, "disk full");
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_NO_SPACE);
    expect_error(f, WHERRY_ERROR_FULL, "disk full", 10 * MS);
    expect_silence(f, 20 * MS);
}

static void test_failed_commit_sends_an_error_in_place_of_the_last_ack(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    wherry_receiver_fail(f->receiver, RES_EXISTS, WHERRY_ERROR_EXISTS, "file exists");
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_EXISTS);
    expect_error(f, WHERRY_ERROR_EXISTS, "file exists", 40 * MS);
}

static void test_error_text_is_cut_at_128_bytes(void **state)
{
    struct receiver_story *f = *state;
    char text[300];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    begin(f);
    wherry_receiver_fail(f->receiver, RES_IO, WHERRY_ERROR_OTHER, text);
    text[128] = '\0';
    expect_error(f, WHERRY_ERROR_OTHER, text, 0);
}

static void test_failing_twice_keeps_the_first_reason(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    wherry_receiver_fail(f->receiver, RES_NO_SPACE, WHERRY_ERROR_FULL, "first");
    wherry_receiver_fail(f->receiver, RES_IO, WHERRY_ERROR_OTHER, "second");
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_NO_SPACE);
    expect_error(f, WHERRY_ERROR_FULL, "first", 0);
}

static void test_nothing_moves_a_transfer_that_is_over(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_ack(f, 3, 50 * MS);
    run_out(f);
    expect_state(f, WHERRY_RECEIVER_DONE, RES_OK);
    assert_int_equal(give_data(f, 3, 6 * SECOND), WHERRY_IGNORED);
    give_packet(f, packets_error(WHERRY_ERROR_OTHER, ""), 6 * SECOND);
    wherry_receiver_unreachable(f->receiver);
    wherry_receiver_repeat(f->receiver, 6 * SECOND);
    wherry_receiver_fail(f->receiver, RES_IO, WHERRY_ERROR_OTHER, "too late");
    wherry_receiver_expire(f->receiver, 1000 * SECOND);
    expect_state(f, WHERRY_RECEIVER_DONE, RES_OK);
    expect_silence(f, 1000 * SECOND);
}

static void test_storing_does_not_revive_a_failed_transfer(void **state)
{
    struct receiver_story *f = *state;

    begin_window(f, 1, 100);
    expect_opening(f, 0);
    hold_data(f, 1, 10 * MS);
    give_packet(f, packets_error(WHERRY_ERROR_OTHER, ""), 15 * MS);
    stored(f, 1, 20 * MS);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_PEER);
    expect_silence(f, 20 * MS);
}

#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, receiver_story_setup, receiver_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_error_in_the_opening_fails_and_is_not_answered),
        STORY(test_error_in_mid_transfer_fails_and_is_not_answered),
        STORY(test_error_before_the_file_has_its_name_fails),
        STORY(test_unreachable_in_mid_transfer_fails),
        STORY(test_error_while_dallying_is_done),
        STORY(test_unreachable_while_dallying_is_done),
        STORY(test_failing_sends_one_error),
        STORY(test_failed_commit_sends_an_error_in_place_of_the_last_ack),
        STORY(test_error_text_is_cut_at_128_bytes),
        STORY(test_failing_twice_keeps_the_first_reason),
        STORY(test_nothing_moves_a_transfer_that_is_over),
        STORY(test_storing_does_not_revive_a_failed_transfer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
