/* SPDX-License-Identifier: BSD-2-Clause */
/* When the receiver sends again, when it gives up, and how long it dallies. */
#include <wherry/receiver.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/packets.h"
#include "support/receiver_story.h"

#define LONG_FILE 1000000

static void expect_deadline(struct receiver_story *f, uint64_t at_ns)
{
    assert_int_equal(wherry_receiver_deadline(f->receiver), at_ns);
}

static void test_opening_is_repeated_until_data_1_comes(void **state)
{
    struct receiver_story *f = *state;
    uint64_t now_ns = 0;

    begin(f);
    expect_opening(f, 0);
    expect_deadline(f, SECOND);
    now_ns = run_out(f);
    expect_opening(f, now_ns);
    expect_deadline(f, 3 * SECOND);
    take_data(f, 1, 2 * SECOND);
    expect_ack(f, 1, 2 * SECOND);
}

static void test_unheard_peer_gets_five_openings_and_no_error(void **state)
{
    struct receiver_story *f = *state;
    uint64_t now_ns = 0;

    begin(f);
    for (uint32_t sends = 1; sends <= WHERRY_SENDS_UNHEARD; sends++) {
        expect_opening(f, now_ns);
        assert_int_equal(wherry_receiver_sends(f->receiver), sends);
        now_ns = run_out(f);
    }
    assert_int_equal(now_ns, (1 + 2 + 4 + 8 + 8) * SECOND);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_TIMEOUT);
    expect_silence(f, now_ns);
}

static void test_unheard_peer_is_given_up_after_60_s_whatever_its_timeout(void **state)
{
    struct receiver_story *f = *state;

    f->params.agreed.timeout_ns = 255 * SECOND;
    begin(f);
    expect_opening(f, 0);
    expect_deadline(f, 60 * SECOND);
    run_out(f);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_TIMEOUT);
    expect_silence(f, 60 * SECOND);
}

static void test_repeated_request_repeats_the_first_answer_and_counts_as_a_send(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    for (uint32_t sends = 2; sends <= WHERRY_SENDS_UNHEARD; sends++) {
        wherry_receiver_repeat(f->receiver, sends * 100 * MS);
        expect_opening(f, sends * 100 * MS);
        assert_int_equal(wherry_receiver_sends(f->receiver), sends);
    }
    wherry_receiver_repeat(f->receiver, 600 * MS);
    expect_silence(f, 600 * MS);
    run_out(f);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_TIMEOUT);
}

static void test_repeated_request_after_data_changes_nothing(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    wherry_receiver_repeat(f->receiver, 20 * MS);
    expect_silence(f, 20 * MS);
}

static void test_repeated_request_after_a_gap_changes_nothing(void **state)
{
    struct receiver_story *f = *state;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    assert_int_equal(give_data(f, 2, 10 * MS), WHERRY_GAP); /* it has our answer */
    expect_ack(f, 0, 10 * MS);
    wherry_receiver_repeat(f->receiver, 20 * MS);
    expect_silence(f, 20 * MS);
}

static void test_own_timeout_repeats_the_ack(void **state)
{
    struct receiver_story *f = *state;
    uint64_t now_ns;

    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    now_ns = run_out(f);
    assert_in_range(now_ns, 410 * MS, 1010 * MS); /* floor of early samples; nothing measured */
    expect_ack(f, 1, now_ns);
    assert_int_equal(wherry_receiver_resent(f->receiver), 1);
    take_data(f, 2, now_ns + 10 * MS);
    expect_ack(f, 2, now_ns + 10 * MS);
}

static void test_own_timeout_in_a_window_acknowledges_what_has_come(void **state)
{
    struct receiver_story *f = *state;
    uint64_t now_ns;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    take_data(f, 2, 10 * MS); /* 3 and 4 were lost, nothing shows it */
    expect_silence(f, 10 * MS);
    now_ns = run_out(f);
    expect_ack(f, 2, now_ns);
}

static void test_each_expiry_doubles_up_to_8_s(void **state)
{
    static const uint64_t gaps_s[] = {2, 4, 8, 8, 8};
    struct receiver_story *f = *state;
    uint64_t now_ns;

    begin(f);
    expect_opening(f, 0);
    now_ns = run_out(f); /* the opening leaves twice: DATA 1 is no sample (Karn) */
    expect_opening(f, now_ns);
    now_ns = 2 * SECOND;
    take_data(f, 1, now_ns);
    expect_ack(f, 1, now_ns);
    for (size_t i = 0; i < sizeof(gaps_s) / sizeof(gaps_s[0]); i++) {
        expect_deadline(f, now_ns + gaps_s[i] * SECOND);
        now_ns = run_out(f);
        expect_ack(f, 1, now_ns);
    }
}

static void test_granted_timeout_does_not_double(void **state)
{
    struct receiver_story *f = *state;

    f->params.agreed.timeout_ns = 2 * SECOND;
    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    for (uint64_t sends = 1; sends <= 7; sends++) {
        expect_deadline(f, 10 * MS + sends * 2 * SECOND);
        expect_ack(f, 1, run_out(f));
    }
}

static void test_early_wake_ups_do_no_harm(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    for (uint64_t now_ns = 0; now_ns < SECOND; now_ns += 100 * MS) {
        wherry_receiver_expire(f->receiver, now_ns);
        expect_silence(f, now_ns);
    }
    expect_deadline(f, SECOND);
}

static void test_timeout_granted_with_the_oack_holds_for_the_client(void **state)
{
    struct receiver_story *f = *state;
    const struct wherry_agreed agreed = {.blksize = 512, .windowsize = 1, .timeout_ns = 3 * SECOND};

    begin(f);
    expect_opening(f, 0);
    expect_deadline(f, SECOND);
    wherry_receiver_agree(f->receiver, &agreed, 10 * MS);
    expect_ack(f, 0, 10 * MS);
    expect_deadline(f, 10 * MS + 3 * SECOND);
}

static void test_oack_to_a_request_sent_once_is_a_sample(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    wherry_receiver_agree(f->receiver, &f->params.agreed, 200 * MS);
    expect_ack(f, 0, 200 * MS);
    expect_deadline(f, 800 * MS); /* RFC 6298 (2.2): 200 + 4 x 100 behind it */
}

static void test_oack_to_a_repeated_request_is_no_sample(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    expect_opening(f, run_out(f));
    wherry_receiver_agree(f->receiver, &f->params.agreed, 1100 * MS); /* Karn: to which? */
    expect_ack(f, 0, 1100 * MS);
    expect_deadline(f, 3100 * MS);
}

static void test_only_the_first_block_behind_an_ack_is_a_sample(void **state)
{
    struct receiver_story *f = *state;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    take_data(f, 2, 500 * MS); /* spread over time by the sender, or late on its way */
    expect_deadline(f, 900 * MS);
}

/* Repeats what is due until the receiver gives up; returns that moment. */
static uint64_t wait_for_the_end(struct receiver_story *f)
{
    uint8_t buf[16];

    for (;;) {
        uint64_t now_ns = run_out(f);

        if (wherry_receiver_over(f->receiver)) {
            return now_ns;
        }
        assert_int_equal(wherry_receiver_control(f->receiver, buf, sizeof(buf), now_ns), 4);
    }
}

static void test_patience_is_60_s_without_progress(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 500 * MS);
    expect_ack(f, 1, 500 * MS);
    assert_int_equal(wait_for_the_end(f), 60500 * MS);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_TIMEOUT);
}

static void test_patience_is_three_granted_timeouts_if_that_is_longer(void **state)
{
    struct receiver_story *f = *state;

    f->params.agreed.timeout_ns = 30 * SECOND;
    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, SECOND);
    expect_ack(f, 1, SECOND);
    assert_int_equal(wait_for_the_end(f), 91 * SECOND);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_TIMEOUT);
}

static void test_repeats_of_a_block_are_no_progress(void **state)
{
    struct receiver_story *f = *state;

    f->params.agreed.timeout_ns = 20 * SECOND;
    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, SECOND);
    expect_ack(f, 1, SECOND);
    for (uint64_t at_s = 2; at_s < 61; at_s++) {
        assert_int_equal(give_data(f, 1, at_s * SECOND), WHERRY_DUPLICATE);
        expect_ack(f, 1, at_s * SECOND);
    }
    assert_int_equal(run_out(f), 61 * SECOND);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_TIMEOUT);
}

static void test_dallies_for_5_s(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_ack(f, 3, 50 * MS);
    expect_deadline(f, 5050 * MS);
    wherry_receiver_expire(f->receiver, 5049 * MS);
    expect_state(f, WHERRY_RECEIVER_DALLYING, RES_OK);
    run_out(f);
    expect_state(f, WHERRY_RECEIVER_DONE, RES_OK);
    expect_silence(f, 5050 * MS);
}

static void test_dallies_for_three_granted_timeouts_if_that_is_longer(void **state)
{
    struct receiver_story *f = *state;

    f->params.agreed.timeout_ns = 10 * SECOND;
    take_file(f);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_ack(f, 3, 50 * MS);
    expect_deadline(f, 30050 * MS);
    run_out(f);
    expect_state(f, WHERRY_RECEIVER_DONE, RES_OK);
}

static void test_dallies_for_three_measured_timeouts_if_that_is_longer(void **state)
{
    struct receiver_story *f = *state;

    f->length = 100;
    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 2 * SECOND); /* a time-out of 2 + 4 x 1 s, also the sender's */
    wherry_receiver_committed(f->receiver, 2 * SECOND);
    expect_ack(f, 1, 2 * SECOND);
    expect_deadline(f, 20 * SECOND);
}

static void test_dallying_answers_each_repeat_of_the_last_block(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_ack(f, 3, 50 * MS);
    for (uint64_t at_s = 1; at_s <= 4; at_s++) {
        assert_int_equal(give_data(f, 3, at_s * SECOND), WHERRY_DUPLICATE);
        expect_ack(f, 3, at_s * SECOND);
    }
    assert_int_equal(give_data(f, 2, 4 * SECOND), WHERRY_DUPLICATE);
    expect_silence(f, 4 * SECOND);
}

static void test_dallying_sends_nothing_unasked(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_ack(f, 3, 50 * MS);
    for (uint64_t now_ns = 50 * MS; now_ns < 5 * SECOND; now_ns += 100 * MS) {
        wherry_receiver_expire(f->receiver, now_ns);
        expect_silence(f, now_ns);
    }
}

static void test_committing_is_not_cut_short_by_the_clock(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    wherry_receiver_expire(f->receiver, 20 * SECOND); /* a slow fsync */
    expect_state(f, WHERRY_RECEIVER_COMMITTING, RES_OK);
    wherry_receiver_committed(f->receiver, 21 * SECOND);
    expect_state(f, WHERRY_RECEIVER_DALLYING, RES_OK);
    expect_ack(f, 3, 21 * SECOND);
}

#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, receiver_story_setup, receiver_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_opening_is_repeated_until_data_1_comes),
        STORY(test_unheard_peer_gets_five_openings_and_no_error),
        STORY(test_unheard_peer_is_given_up_after_60_s_whatever_its_timeout),
        STORY(test_repeated_request_repeats_the_first_answer_and_counts_as_a_send),
        STORY(test_repeated_request_after_data_changes_nothing),
        STORY(test_repeated_request_after_a_gap_changes_nothing),
        STORY(test_own_timeout_repeats_the_ack),
        STORY(test_own_timeout_in_a_window_acknowledges_what_has_come),
        STORY(test_each_expiry_doubles_up_to_8_s),
        STORY(test_granted_timeout_does_not_double),
        STORY(test_early_wake_ups_do_no_harm),
        STORY(test_timeout_granted_with_the_oack_holds_for_the_client),
        STORY(test_oack_to_a_request_sent_once_is_a_sample),
        STORY(test_oack_to_a_repeated_request_is_no_sample),
        STORY(test_only_the_first_block_behind_an_ack_is_a_sample),
        STORY(test_patience_is_60_s_without_progress),
        STORY(test_patience_is_three_granted_timeouts_if_that_is_longer),
        STORY(test_repeats_of_a_block_are_no_progress),
        STORY(test_dallies_for_5_s),
        STORY(test_dallies_for_three_granted_timeouts_if_that_is_longer),
        STORY(test_dallies_for_three_measured_timeouts_if_that_is_longer),
        STORY(test_dallying_answers_each_repeat_of_the_last_block),
        STORY(test_dallying_sends_nothing_unasked),
        STORY(test_committing_is_not_cut_short_by_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
