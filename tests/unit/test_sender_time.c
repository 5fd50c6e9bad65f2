/* SPDX-License-Identifier: BSD-2-Clause */
/* When the sender sends again and when it gives up. */
#include <wherry/sender.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/sender_story.h"

#define LONG_FILE 1000000

static void expect_deadline(struct sender_story *f, uint64_t at_ns)
{
    assert_int_equal(wherry_sender_deadline(f->sender), at_ns);
}

static void test_before_a_sample_waits_one_second(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    expect_data(f, 1, 5 * SECOND);
    expect_deadline(f, 6 * SECOND);
}

static void test_first_samples_have_a_floor_of_400_ms(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS); /* 10 + 4 x 5 would be 30 */
    expect_data(f, 2, 10 * MS);
    expect_deadline(f, 410 * MS);
}

static void test_opening_is_a_sample(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 1, LONG_FILE);
    expect_opening(f, 0);
    give_ack(f, 0, 200 * MS); /* RFC 6298 (2.2): 200 + 4 x 100 */
    expect_data(f, 1, 200 * MS);
    expect_deadline(f, 800 * MS);
}

static void test_floor_is_50_ms_from_eight_samples_on(void **state)
{
    struct sender_story *f = *state;

    f->params.length = LONG_FILE;
    begin(f);
    for (uint64_t block = 1; block <= 7; block++) {
        expect_data(f, block, block * MS);
        expect_deadline(f, block == 1 ? MS + SECOND : block * MS + 400 * MS);
        give_ack(f, block, block * MS + MS / 10);
    }
    expect_data(f, 8, 8 * MS);
    expect_deadline(f, 408 * MS); /* seven samples */
    give_ack(f, 8, 8 * MS + MS / 10);
    expect_data(f, 9, 9 * MS);
    expect_deadline(f, 59 * MS); /* eight */
}

static void test_expiry_repeats_the_block_and_doubles_up_to_8_s(void **state)
{
    static const uint64_t gaps_s[] = {1, 2, 4, 8, 8, 8};
    struct sender_story *f = *state;
    uint64_t now_ns = 10 * MS;

    begin_window(f, 1, LONG_FILE);
    expect_opening(f, 0);
    now_ns = run_out(f); /* so that the ACK below is no sample: the opening left twice */
    assert_int_equal(now_ns, SECOND);
    expect_opening(f, now_ns);
    expect_deadline(f, 3 * SECOND);
    give_ack(f, 0, 2 * SECOND);
    now_ns = 2 * SECOND;
    expect_data(f, 1, now_ns);
    for (size_t i = 1; i < sizeof(gaps_s) / sizeof(gaps_s[0]); i++) {
        expect_deadline(f, now_ns + gaps_s[i] * SECOND);
        now_ns = run_out(f);
        expect_data(f, 1, now_ns);
        assert_int_equal(wherry_sender_resent(f->sender), i);
    }
}

static void test_answer_to_a_repeated_block_is_no_sample_and_keeps_the_doubling(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    expect_data(f, 1, 0);
    assert_int_equal(run_out(f), SECOND);
    expect_data(f, 1, SECOND);
    give_ack(f, 1, SECOND + 10 * MS); /* to which of the two? (Karn) */
    expect_data(f, 2, SECOND + 10 * MS);
    expect_deadline(f, SECOND + 10 * MS + 2 * SECOND);
}

static void test_doubling_ends_when_a_block_that_was_sent_once_is_acknowledged(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    expect_data(f, 1, 0);
    assert_int_equal(run_out(f), SECOND);
    expect_data(f, 1, SECOND);
    give_ack(f, 1, 1010 * MS);
    expect_data(f, 2, 1010 * MS);
    give_ack(f, 2, 1020 * MS);
    expect_data(f, 3, 1020 * MS);
    expect_deadline(f, 1420 * MS);
}

static void test_early_wake_ups_do_no_harm(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    expect_data(f, 1, 0);
    for (uint64_t now_ns = 0; now_ns < SECOND; now_ns += 100 * MS) {
        wherry_sender_expire(f->sender, now_ns);
        expect_silence(f, now_ns);
    }
    expect_deadline(f, SECOND);
    assert_int_equal(wherry_sender_sends(f->sender), 1);
}

static void test_late_wake_up_counts_as_one_expiry(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    expect_data(f, 1, 0);
    wherry_sender_expire(f->sender, 5 * SECOND);
    expect_data(f, 1, 5 * SECOND);
    expect_deadline(f, 7 * SECOND);
}

static void test_granted_timeout_replaces_the_estimate_and_does_not_double(void **state)
{
    struct sender_story *f = *state;

    f->params.agreed.timeout_ns = 2 * SECOND;
    f->params.length = LONG_FILE;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    expect_data(f, 2, 10 * MS);
    for (uint64_t sends = 1; sends <= 7; sends++) {
        expect_deadline(f, 10 * MS + sends * 2 * SECOND);
        expect_data(f, 2, run_out(f));
    }
}

static void test_timeout_granted_with_the_oack_holds_for_the_client(void **state)
{
    struct sender_story *f = *state;
    const struct wherry_agreed agreed = {.blksize = 512, .windowsize = 1, .timeout_ns = 3 * SECOND};

    begin_window(f, 1, LONG_FILE);
    expect_opening(f, 0);
    expect_deadline(f, SECOND);
    wherry_sender_agree(f->sender, &agreed, 10 * MS);
    expect_data(f, 1, 10 * MS);
    expect_deadline(f, 10 * MS + 3 * SECOND);
}

static void test_unheard_peer_gets_five_openings_and_no_error(void **state)
{
    struct sender_story *f = *state;
    uint64_t now_ns = 0;

    begin_window(f, 4, LONG_FILE);
    for (uint32_t sends = 1; sends <= WHERRY_SENDS_UNHEARD; sends++) {
        expect_opening(f, now_ns);
        assert_int_equal(wherry_sender_sends(f->sender), sends);
        now_ns = run_out(f);
    }
    assert_int_equal(now_ns, (1 + 2 + 4 + 8 + 8) * SECOND);
    expect_state(f, WHERRY_SENDER_FAILED, RES_TIMEOUT);
    expect_silence(f, now_ns); /* its address may be forged: no sixth datagram */
}

static void test_unheard_peer_gets_five_first_blocks_and_no_error(void **state)
{
    struct sender_story *f = *state;
    uint64_t now_ns = 0;

    begin(f);
    for (uint32_t sends = 1; sends <= WHERRY_SENDS_UNHEARD; sends++) {
        expect_data(f, 1, now_ns);
        now_ns = run_out(f);
    }
    expect_state(f, WHERRY_SENDER_FAILED, RES_TIMEOUT);
    expect_silence(f, now_ns);
}

static void test_unheard_peer_is_given_up_after_60_s_whatever_its_timeout(void **state)
{
    struct sender_story *f = *state;

    f->params.agreed.timeout_ns = 255 * SECOND;
    begin_window(f, 1, LONG_FILE);
    expect_opening(f, 0);
    expect_deadline(f, 60 * SECOND);
    assert_int_equal(run_out(f), 60 * SECOND);
    expect_state(f, WHERRY_SENDER_FAILED, RES_TIMEOUT);
    expect_silence(f, 60 * SECOND);
}

static void test_repeated_request_repeats_the_first_answer_and_counts_as_a_send(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    wherry_sender_repeat(f->sender, 100 * MS);
    expect_opening(f, 100 * MS);
    assert_int_equal(wherry_sender_sends(f->sender), 2);
    for (uint32_t sends = 3; sends <= WHERRY_SENDS_UNHEARD; sends++) {
        wherry_sender_repeat(f->sender, sends * 100 * MS);
        expect_opening(f, sends * 100 * MS);
    }
    wherry_sender_repeat(f->sender, 600 * MS);
    expect_silence(f, 600 * MS);
    run_out(f);
    expect_state(f, WHERRY_SENDER_FAILED, RES_TIMEOUT);
}

static void test_repeated_request_repeats_block_1_where_there_is_no_opening(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    expect_data(f, 1, 0);
    wherry_sender_repeat(f->sender, 100 * MS);
    expect_data(f, 1, 100 * MS);
    assert_int_equal(wherry_sender_sends(f->sender), 2);
}

static void test_repeated_request_after_an_ack_changes_nothing(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    give_ack(f, 0, 10 * MS);
    wherry_sender_repeat(f->sender, 10 * MS);
    expect_window(f, 1, 4, 10 * MS);
    wherry_sender_repeat(f->sender, 20 * MS);
    expect_silence(f, 20 * MS);
    give_ack(f, 4, 30 * MS);
    expect_window(f, 5, 8, 30 * MS);
    wherry_sender_repeat(f->sender, 40 * MS);
    expect_silence(f, 40 * MS);
}

static void test_answer_to_a_repeated_opening_is_no_sample(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 1, LONG_FILE);
    expect_opening(f, 0);
    wherry_sender_repeat(f->sender, 100 * MS);
    expect_opening(f, 100 * MS);
    give_ack(f, 0, 110 * MS);
    expect_data(f, 1, 110 * MS);
    assert_true(wherry_sender_deadline(f->sender) >= 110 * MS + SECOND);
}

/* Everything repeats until the sender gives up; returns that moment. */
static uint64_t wait_for_the_end(struct sender_story *f)
{
    struct wherry_burst b;

    for (;;) {
        uint64_t now_ns = run_out(f);

        while (wherry_sender_burst(f->sender, UINT32_MAX, &b)) {
            wherry_sender_sent(f->sender, b.count, now_ns);
        }
        if (wherry_sender_over(f->sender)) {
            return now_ns;
        }
    }
}

static void test_patience_is_60_s_without_progress(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * SECOND); /* late, and the last that is heard */
    expect_data(f, 2, 10 * SECOND);
    assert_int_equal(wait_for_the_end(f), 70 * SECOND);
    expect_state(f, WHERRY_SENDER_FAILED, RES_TIMEOUT);
}

static void test_patience_is_three_granted_timeouts_if_that_is_longer(void **state)
{
    struct sender_story *f = *state;

    f->params.agreed.timeout_ns = 30 * SECOND;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, SECOND);
    expect_data(f, 2, SECOND);
    assert_int_equal(wait_for_the_end(f), 91 * SECOND);
    expect_state(f, WHERRY_SENDER_FAILED, RES_TIMEOUT);
    assert_int_equal(wherry_sender_sends(f->sender), 3);
}

static void test_progress_begins_the_patience_anew_and_repeated_acks_do_not(void **state)
{
    struct sender_story *f = *state;
    struct wherry_burst b;

    f->params.agreed.timeout_ns = 5 * SECOND;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 1 * SECOND);
    expect_data(f, 2, 1 * SECOND);
    for (uint64_t at_s = 6; at_s <= 56; at_s += 5) {
        assert_int_equal(run_out(f), at_s * SECOND);
        expect_data(f, 2, at_s * SECOND);
        give_ack(f, 1, at_s * SECOND + MS); /* alive, but stuck */
        expect_silence(f, at_s * SECOND + MS);
    }
    wherry_sender_expire(f->sender, 61 * SECOND);
    assert_false(wherry_sender_burst(f->sender, 1, &b));
    expect_state(f, WHERRY_SENDER_FAILED, RES_TIMEOUT);
}

static void test_after_five_sends_only_the_first_block_of_the_window_is_repeated(void **state)
{
    struct sender_story *f = *state;
    uint64_t now_ns = 10 * MS;
    unsigned moments;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    give_ack(f, 0, now_ns);
    for (uint32_t sends = 1; sends <= 5; sends++) {
        follow_window(f, 1, 4, now_ns, &moments); /* spread from the second loss on */
        assert_int_equal(wherry_sender_sends(f->sender), sends);
        now_ns = run_out(f);
    }
    for (uint32_t sends = 6; sends <= 8; sends++) {
        expect_data(f, 1, now_ns);
        now_ns = run_out(f);
    }
    expect_data(f, 1, now_ns);
    give_ack(f, 1, now_ns + MS); /* it lives: whole windows again */
    follow_window(f, 2, 5, now_ns + MS, &moments);
    assert_int_equal(wherry_sender_sends(f->sender), 1);
}

static void test_blocks_of_the_window_count_as_sent_while_only_the_first_is_repeated(void **state)
{
    struct sender_story *f = *state;
    uint64_t now_ns = 10 * MS;
    unsigned moments;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    give_ack(f, 0, now_ns);
    for (uint32_t sends = 1; sends <= 5; sends++) {
        follow_window(f, 1, 4, now_ns, &moments);
        now_ns = run_out(f);
    }
    expect_data(f, 1, now_ns);
    give_ack(f, 4, now_ns + MS); /* it had them all: only its ACKs were lost */
    follow_window(f, 5, 8, now_ns + MS, &moments);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, sender_story_setup, sender_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_before_a_sample_waits_one_second),
        STORY(test_first_samples_have_a_floor_of_400_ms),
        STORY(test_opening_is_a_sample),
        STORY(test_floor_is_50_ms_from_eight_samples_on),
        STORY(test_expiry_repeats_the_block_and_doubles_up_to_8_s),
        STORY(test_answer_to_a_repeated_block_is_no_sample_and_keeps_the_doubling),
        STORY(test_doubling_ends_when_a_block_that_was_sent_once_is_acknowledged),
        STORY(test_early_wake_ups_do_no_harm),
        STORY(test_late_wake_up_counts_as_one_expiry),
        STORY(test_granted_timeout_replaces_the_estimate_and_does_not_double),
        STORY(test_timeout_granted_with_the_oack_holds_for_the_client),
        STORY(test_unheard_peer_gets_five_openings_and_no_error),
        STORY(test_unheard_peer_gets_five_first_blocks_and_no_error),
        STORY(test_unheard_peer_is_given_up_after_60_s_whatever_its_timeout),
        STORY(test_repeated_request_repeats_the_first_answer_and_counts_as_a_send),
        STORY(test_repeated_request_repeats_block_1_where_there_is_no_opening),
        STORY(test_repeated_request_after_an_ack_changes_nothing),
        STORY(test_answer_to_a_repeated_opening_is_no_sample),
        STORY(test_patience_is_60_s_without_progress),
        STORY(test_patience_is_three_granted_timeouts_if_that_is_longer),
        STORY(test_progress_begins_the_patience_anew_and_repeated_acks_do_not),
        STORY(test_after_five_sends_only_the_first_block_of_the_window_is_repeated),
        STORY(test_blocks_of_the_window_count_as_sent_while_only_the_first_is_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
