/* SPDX-License-Identifier: BSD-2-Clause */
/* How a transfer of the sender ends: by the peer, by the network, by ourselves. */
#include <wherry/sender.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/packets.h"
#include "support/sender_story.h"

/* Two blocks of 512 bytes and an empty third one; the second has left. */
static void send_all_bytes(struct sender_story *f, bool last_ack_optional)
{
    f->params.length = 1024;
    f->params.last_ack_optional = last_ack_optional;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    expect_data(f, 2, 10 * MS);
}

static void test_error_in_mid_transfer_fails_and_is_not_answered(void **state)
{
    struct sender_story *f = *state;

    f->params.last_ack_optional = true;
    begin(f);
    expect_data(f, 1, 0);
    give_error(f, WHERRY_ERROR_OPTIONS, 10 * MS);
    expect_state(f, WHERRY_SENDER_FAILED, RES_PEER);
    expect_silence(f, 10 * MS);
}

static void test_error_in_place_of_ack_0_fails(void **state)
{
    struct sender_story *f = *state;

    f->params.last_ack_optional = true;
    begin_window(f, 4, 1400);
    expect_opening(f, 0);
    give_error(f, WHERRY_ERROR_OPTIONS, 10 * MS); /* a client that only wanted the size */
    expect_state(f, WHERRY_SENDER_FAILED, RES_PEER);
    expect_silence(f, 10 * MS);
}

static void test_error_in_place_of_the_last_ack_is_done_for_a_read(void **state)
{
    struct sender_story *f = *state;

    f->params.length = 100;
    f->params.last_ack_optional = true;
    begin(f);
    expect_data(f, 1, 0);
    give_error(f, WHERRY_ERROR_OTHER, 10 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
    expect_silence(f, 10 * MS);
}

/* PXELINUX has all bytes that tsize promised, leaves the last full block without its ACK and says
 * ERROR 0: the closing empty block never leaves. */
static void test_error_once_every_byte_has_left_is_done_for_a_read(void **state)
{
    struct sender_story *f = *state;

    send_all_bytes(f, true);
    assert_true(wherry_sender_all_sent(f->sender));
    give_error(f, WHERRY_ERROR_OTHER, 20 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
    expect_silence(f, 20 * MS);
}

static void test_error_before_every_byte_has_left_is_a_failure(void **state)
{
    struct sender_story *f = *state;

    f->params.length = 1025;
    f->params.last_ack_optional = true;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    expect_data(f, 2, 10 * MS);
    assert_false(wherry_sender_all_sent(f->sender)); /* byte 1,025 waits in block 3 */
    give_error(f, WHERRY_ERROR_OTHER, 20 * MS);
    expect_state(f, WHERRY_SENDER_FAILED, RES_PEER);
}

static void test_error_in_place_of_the_last_ack_fails_an_upload(void **state)
{
    struct sender_story *f = *state;

    send_all_bytes(f, false);
    give_ack(f, 2, 20 * MS);
    expect_data(f, 3, 20 * MS);
    give_error(f, WHERRY_ERROR_FULL, 30 * MS);
    expect_state(f, WHERRY_SENDER_FAILED, RES_PEER);
}

static void test_error_with_the_length_still_unknown_is_a_failure(void **state)
{
    struct sender_story *f = *state;

    f->params.length = WHERRY_LENGTH_UNKNOWN;
    f->params.last_ack_optional = true;
    begin(f);
    expect_data(f, 1, 0);
    give_error(f, WHERRY_ERROR_OTHER, 10 * MS);
    expect_state(f, WHERRY_SENDER_FAILED, RES_PEER);
}

static void test_error_without_text_counts_as_one(void **state)
{
    struct sender_story *f = *state;
    const struct wherry_packet p = packets_error(WHERRY_ERROR_OTHER, "");

    begin(f);
    expect_data(f, 1, 0);
    wherry_sender_input(f->sender, &p, 10 * MS);
    expect_state(f, WHERRY_SENDER_FAILED, RES_PEER);
    expect_silence(f, 10 * MS);
}

static void test_unreachable_in_mid_transfer_fails(void **state)
{
    struct sender_story *f = *state;

    f->params.last_ack_optional = true;
    begin(f);
    expect_data(f, 1, 0);
    wherry_sender_unreachable(f->sender);
    expect_state(f, WHERRY_SENDER_FAILED, RES_UNREACHABLE);
    expect_silence(f, 0);
}

static void test_unreachable_in_place_of_the_last_ack_is_done_for_a_read(void **state)
{
    struct sender_story *f = *state;

    send_all_bytes(f, true);
    wherry_sender_unreachable(f->sender);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
}

static void test_unreachable_in_place_of_the_last_ack_fails_an_upload(void **state)
{
    struct sender_story *f = *state;

    send_all_bytes(f, false);
    wherry_sender_unreachable(f->sender);
    expect_state(f, WHERRY_SENDER_FAILED, RES_UNREACHABLE);
}

static void test_failing_sends_one_error(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    expect_data(f, 1, 0);
    wherry_sender_fail(f->sender, RES_CHANGED, WHERRY_ERROR_OTHER, "changed while being read");
    expect_state(f, WHERRY_SENDER_FAILED, RES_CHANGED);
    expect_error(f, WHERRY_ERROR_OTHER, "changed while being read", 10 * MS);
    expect_silence(f, 20 * MS);
}

static void test_failing_in_the_opening_sends_the_error_in_its_place(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 4, 1400);
    wherry_sender_fail(f->sender, RES_SHUTDOWN, WHERRY_ERROR_OTHER, "shutting down");
    expect_error(f, WHERRY_ERROR_OTHER, "shutting down", 0);
}

static void test_error_text_is_cut_at_128_bytes(void **state)
{
    struct sender_story *f = *state;
    char text[300];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    begin(f);
    wherry_sender_fail(f->sender, RES_IO, WHERRY_ERROR_OTHER, text);
    text[128] = '\0';
    expect_error(f, WHERRY_ERROR_OTHER, text, 0);
}

static void test_failing_twice_keeps_the_first_reason(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    wherry_sender_fail(f->sender, RES_CHANGED, WHERRY_ERROR_OTHER, "first");
    wherry_sender_fail(f->sender, RES_IO, WHERRY_ERROR_ACCESS, "second");
    expect_state(f, WHERRY_SENDER_FAILED, RES_CHANGED);
    expect_error(f, WHERRY_ERROR_OTHER, "first", 0);
}

static void test_nothing_moves_a_transfer_that_is_over(void **state)
{
    struct sender_story *f = *state;

    f->params.length = 100;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
    give_ack(f, 0, 20 * MS);
    give_error(f, WHERRY_ERROR_OTHER, 20 * MS);
    wherry_sender_unreachable(f->sender);
    wherry_sender_repeat(f->sender, 20 * MS);
    wherry_sender_fail(f->sender, RES_IO, WHERRY_ERROR_OTHER, "too late");
    wherry_sender_expire(f->sender, 1000 * SECOND);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
    expect_silence(f, 1000 * SECOND);
}

static void test_ack_does_not_revive_a_failed_transfer(void **state)
{
    struct sender_story *f = *state;

    f->params.length = 100;
    begin(f);
    expect_data(f, 1, 0);
    give_error(f, WHERRY_ERROR_FULL, 10 * MS);
    give_ack(f, 1, 20 * MS);
    expect_state(f, WHERRY_SENDER_FAILED, RES_PEER);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, sender_story_setup, sender_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_error_in_mid_transfer_fails_and_is_not_answered),
        STORY(test_error_in_place_of_ack_0_fails),
        STORY(test_error_in_place_of_the_last_ack_is_done_for_a_read),
        STORY(test_error_once_every_byte_has_left_is_done_for_a_read),
        STORY(test_error_before_every_byte_has_left_is_a_failure),
        STORY(test_error_in_place_of_the_last_ack_fails_an_upload),
        STORY(test_error_with_the_length_still_unknown_is_a_failure),
        STORY(test_error_without_text_counts_as_one),
        STORY(test_unreachable_in_mid_transfer_fails),
        STORY(test_unreachable_in_place_of_the_last_ack_is_done_for_a_read),
        STORY(test_unreachable_in_place_of_the_last_ack_fails_an_upload),
        STORY(test_failing_sends_one_error),
        STORY(test_failing_in_the_opening_sends_the_error_in_its_place),
        STORY(test_error_text_is_cut_at_128_bytes),
        STORY(test_failing_twice_keeps_the_first_reason),
        STORY(test_nothing_moves_a_transfer_that_is_over),
        STORY(test_ack_does_not_revive_a_failed_transfer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
