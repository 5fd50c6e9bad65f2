/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows (RFC 7440): what leaves at once, what restarts them, and pacing after losses. */
#include <wherry/sender.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/sender_story.h"

#define LONG_FILE 1000000

/* The opening answered after 10 ms, the smallest round trip of these tests, and blocks 1 to
 * windowsize sent at that moment. */
static void open_window(struct sender_story *f, uint16_t windowsize)
{
    begin_window(f, windowsize, LONG_FILE);
    expect_opening(f, 0);
    give_ack(f, 0, 10 * MS);
    expect_window(f, 1, windowsize, 10 * MS);
}

static void test_window_leaves_at_once_and_no_block_beyond_it(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    expect_silence(f, 10 * MS);
}

static void test_window_ends_with_the_file(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 64, 1400);
    expect_opening(f, 0);
    give_ack(f, 0, 10 * MS);
    expect_window(f, 1, 3, 10 * MS);
    give_ack(f, 3, 20 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
}

static void test_ack_of_the_window_lets_the_next_leave(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 4, 20 * MS);
    expect_window(f, 5, 8, 20 * MS);
    assert_int_equal(wherry_sender_resent(f->sender), 0);
}

static void test_ack_inside_the_window_lets_a_full_new_one_leave_behind_it(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 2, 20 * MS); /* block 3 was lost: 3 and 4 again, then two new ones */
    expect_window(f, 3, 6, 20 * MS);
    assert_int_equal(wherry_sender_resent(f->sender), 2);
    assert_int_equal(wherry_sender_acked_blocks(f->sender), 2);
}

static void test_last_block_may_be_acknowledged_while_earlier_acks_are_lost(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 4, 2000);
    expect_opening(f, 0);
    give_ack(f, 0, 10 * MS);
    expect_window(f, 1, 4, 10 * MS);
    give_ack(f, 4, 20 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
}

static void test_ack_beyond_what_has_left_of_the_window_is_ignored(void **state)
{
    struct sender_story *f = *state;
    struct wherry_burst b;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    give_ack(f, 0, 10 * MS);
    assert_true(wherry_sender_burst(f->sender, 4, &b));
    wherry_sender_sent(f->sender, 2, 10 * MS); /* the socket is full */
    give_ack(f, 3, 20 * MS);
    assert_int_equal(wherry_sender_acked_blocks(f->sender), 0);
    expect_window(f, 3, 4, 20 * MS);
}

static void test_rest_of_a_window_follows_when_the_socket_takes_it(void **state)
{
    struct sender_story *f = *state;
    struct wherry_burst b;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    give_ack(f, 0, 10 * MS);
    assert_true(wherry_sender_burst(f->sender, 3, &b));
    assert_int_equal(b.count, 3);
    wherry_sender_sent(f->sender, 1, 10 * MS);
    assert_true(wherry_sender_burst(f->sender, 4, &b));
    assert_int_equal(b.first, 2);
    assert_false(b.again);
    expect_window(f, 2, 4, 11 * MS);
    assert_int_equal(wherry_sender_resent(f->sender), 0);
}

static void test_partial_send_of_a_repeated_window_is_resumed_behind_it(void **state)
{
    struct sender_story *f = *state;
    struct wherry_burst b;
    uint64_t at_ns;

    open_window(f, 4);
    at_ns = run_out(f);
    assert_true(wherry_sender_burst(f->sender, 4, &b));
    assert_int_equal(b.first, 1);
    assert_true(b.again);
    wherry_sender_sent(f->sender, 3, at_ns);
    expect_window(f, 4, 4, at_ns);
    assert_int_equal(wherry_sender_resent(f->sender), 4);
}

static void test_expiry_repeats_the_unacknowledged_window(void **state)
{
    struct sender_story *f = *state;
    uint64_t at_ns;

    open_window(f, 4);
    at_ns = run_out(f);
    expect_window(f, 1, 4, at_ns);
    assert_int_equal(wherry_sender_resent(f->sender), 4);
}

static void test_repeated_ack_within_a_round_trip_lets_nothing_leave(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 4, 20 * MS);
    expect_window(f, 5, 8, 20 * MS);
    give_ack(f, 4, 30 * MS - 1); /* it was on its way before block 5 could be missed */
    expect_silence(f, 30 * MS - 1);
}

/* A repeated opening brings ACK 0 twice, and no round trip that could tell why. */
static void test_repeated_ack_before_any_round_trip_was_measured_lets_nothing_leave(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    expect_opening(f, run_out(f));
    give_ack(f, 0, 1010 * MS);
    expect_window(f, 1, 4, 1010 * MS);
    give_ack(f, 0, 1020 * MS);
    expect_silence(f, 1020 * MS);
}

static void test_repeated_ack_before_the_window_left_does_not_count(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 4, 20 * MS);
    give_ack(f, 4, 40 * MS); /* the socket is full meanwhile */
    expect_window(f, 5, 8, 50 * MS);
    give_ack(f, 4, 60 * MS);
    expect_window(f, 5, 8, 60 * MS);
}

static void test_repeated_ack_a_round_trip_later_restarts_the_window(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 4, 20 * MS);
    expect_window(f, 5, 8, 20 * MS);
    give_ack(f, 4, 30 * MS); /* block 5 was lost */
    expect_window(f, 5, 8, 30 * MS);
}

static void test_first_window_is_restarted_by_a_repeated_ack_0(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 0, 20 * MS);
    expect_window(f, 1, 4, 20 * MS);
}

static void test_further_repeats_of_the_ack_let_nothing_leave(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 4, 20 * MS);
    expect_window(f, 5, 8, 20 * MS);
    give_ack(f, 4, 30 * MS);
    expect_window(f, 5, 8, 30 * MS);
    give_ack(f, 4, 40 * MS);
    expect_silence(f, 40 * MS);
    give_ack(f, 4, 100 * MS);
    expect_silence(f, 100 * MS);
}

static void test_each_window_may_be_restarted_once(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 0, 20 * MS);
    expect_window(f, 1, 4, 20 * MS);
    give_ack(f, 4, 30 * MS);
    expect_window(f, 5, 8, 30 * MS);
    give_ack(f, 4, 40 * MS);
    expect_window(f, 5, 8, 40 * MS);
}

static void test_smallest_round_trip_counts_not_the_last(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 4, 110 * MS); /* a round trip of 100 ms after one of 10 */
    expect_window(f, 5, 8, 110 * MS);
    give_ack(f, 4, 120 * MS);
    expect_window(f, 5, 8, 120 * MS);
}

static void test_older_ack_does_not_restart_a_window(void **state)
{
    struct sender_story *f = *state;

    open_window(f, 4);
    give_ack(f, 4, 20 * MS);
    expect_window(f, 5, 8, 20 * MS);
    give_ack(f, 3, 100 * MS);
    give_ack(f, 0, 100 * MS);
    expect_silence(f, 100 * MS);
}

/* An opening that left twice, so that nothing is measured yet, and the time-out is doubled. */
static void open_unmeasured_window(struct sender_story *f)
{
    begin_window(f, 4, LONG_FILE);
    expect_opening(f, 0);
    expect_opening(f, run_out(f));
    give_ack(f, 0, 1010 * MS);
    expect_window(f, 1, 4, 1010 * MS);
    assert_int_equal(wherry_sender_deadline(f->sender), 3010 * MS);
}

/* On a bad path hardly a window passes whole: without these the time-outs would grow to 8 s, and
 * no repeated ACK would restart a window. */
static void test_ack_inside_the_window_measures_the_round_trip(void **state)
{
    struct sender_story *f = *state;
    unsigned moments;

    open_unmeasured_window(f);
    give_ack(f, 2, 1210 * MS);
    expect_window(f, 3, 6, 1210 * MS);
    assert_int_equal(wherry_sender_deadline(f->sender), (1210 + 200 + 4 * 100) * MS);
    give_ack(f, 2, 1410 * MS); /* block 3 was lost */
    follow_window(f, 3, 6, 1410 * MS, &moments);
}

static void test_ack_of_a_block_that_left_twice_measures_nothing(void **state)
{
    struct sender_story *f = *state;
    uint64_t now_ns;
    unsigned moments;

    open_unmeasured_window(f);
    give_ack(f, 2, 1210 * MS);
    expect_window(f, 3, 6, 1210 * MS);
    give_ack(f, 4, 1220 * MS);
    now_ns = follow_window(f, 5, 8, 1220 * MS, &moments);
    assert_int_equal(wherry_sender_deadline(f->sender), now_ns + 600 * MS);
    give_ack(f, 8, now_ns + 100 * MS); /* a second sample: mean 187.5, variance 100 */
    now_ns = follow_window(f, 9, 12, now_ns + 100 * MS, &moments);
    assert_int_equal(wherry_sender_deadline(f->sender), now_ns + 587500000);
}

/* Windows of 8 with round trips of 80 ms, and two losses: block 11 and block 14. Ends with the
 * second of their ACKs at 330 ms; blocks 14 to 21 are due. */
static void lose_twice(struct sender_story *f)
{
    begin_window(f, 8, LONG_FILE);
    expect_opening(f, 0);
    give_ack(f, 0, 80 * MS);
    expect_window(f, 1, 8, 80 * MS);
    give_ack(f, 8, 160 * MS);
    expect_window(f, 9, 16, 160 * MS);
    give_ack(f, 10, 240 * MS);
    expect_window(f, 11, 18, 240 * MS); /* one loss: still a burst */
    give_ack(f, 13, 330 * MS);
}

static void test_two_losses_in_a_window_spread_the_next_over_the_round_trip(void **state)
{
    struct sender_story *f = *state;
    unsigned moments;
    uint64_t end_ns;

    lose_twice(f);
    end_ns = follow_window(f, 14, 21, 330 * MS, &moments);
    assert_in_range(moments, 4, 8);
    assert_in_range(end_ns, 370 * MS, 330 * MS + 90 * MS);
    assert_int_equal(wherry_sender_resent(f->sender), 6 + 5);
    assert_int_equal(wherry_sender_sends(f->sender), 1); /* pieces of one window: one send */
}

static void test_spreading_ends_after_eight_whole_windows(void **state)
{
    struct sender_story *f = *state;
    uint64_t now_ns = 330 * MS;
    uint64_t first = 14;
    unsigned moments;

    lose_twice(f);
    for (unsigned window = 1; window <= 8; window++) {
        now_ns = follow_window(f, first, first + 7, now_ns, &moments);
        assert_in_range(moments, 2, 8);
        now_ns += 80 * MS;
        give_ack(f, first + 7, now_ns);
        first += 8;
    }
    follow_window(f, first, first + 7, now_ns, &moments);
    assert_int_equal(moments, 1);
}

static void test_loss_while_spreading_begins_the_count_of_whole_windows_anew(void **state)
{
    struct sender_story *f = *state;
    uint64_t now_ns = 330 * MS;
    uint64_t first = 14;
    unsigned moments;

    lose_twice(f);
    for (unsigned window = 1; window <= 7; window++) {
        now_ns = follow_window(f, first, first + 7, now_ns, &moments) + 80 * MS;
        give_ack(f, first + 7, now_ns);
        first += 8;
    }
    now_ns = follow_window(f, first, first + 7, now_ns, &moments) + 80 * MS;
    give_ack(f, first + 2, now_ns); /* the eighth did not pass whole */
    first += 3;
    for (unsigned window = 1; window <= 8; window++) {
        now_ns = follow_window(f, first, first + 7, now_ns, &moments) + 80 * MS;
        assert_in_range(moments, 2, 8);
        give_ack(f, first + 7, now_ns);
        first += 8;
    }
}

/* Its pieces leave at many times, and only the newest is remembered. */
static void test_ack_inside_a_spread_window_ends_the_doubling(void **state)
{
    struct sender_story *f = *state;
    unsigned moments;
    uint64_t now_ns;

    lose_twice(f);
    follow_window(f, 14, 21, 330 * MS, &moments);
    now_ns = follow_window(f, 14, 21, run_out(f), &moments);
    assert_int_equal(wherry_sender_deadline(f->sender), now_ns + 800 * MS);
    give_ack(f, 17, now_ns); /* to which of the two? */
    now_ns = follow_window(f, 18, 25, now_ns, &moments);
    assert_in_range(moments, 2, 8);
    assert_int_equal(wherry_sender_deadline(f->sender), now_ns + 800 * MS);
    now_ns = follow_window(f, 18, 25, run_out(f), &moments);
    assert_int_equal(wherry_sender_deadline(f->sender), now_ns + 1600 * MS);
    give_ack(f, 23, now_ns); /* also not known: block 23 is no longer a new one */
    now_ns = follow_window(f, 24, 31, now_ns, &moments);
    assert_int_equal(wherry_sender_deadline(f->sender), now_ns + 1600 * MS);
    give_ack(f, 30, now_ns);
    now_ns = follow_window(f, 31, 38, now_ns, &moments);
    assert_int_equal(wherry_sender_deadline(f->sender), now_ns + 400 * MS);
}

/* The receiver threw away what came behind the gap: what it acknowledges next is the new copy. */
static void test_answer_to_a_window_that_left_once_behind_its_ack_ends_the_doubling(void **state)
{
    struct sender_story *f = *state;
    unsigned moments;
    uint64_t now_ns;

    open_window(f, 4);
    now_ns = run_out(f);
    expect_window(f, 1, 4, now_ns);
    give_ack(f, 1, now_ns + 10 * MS);
    now_ns = follow_window(f, 2, 5, now_ns + 10 * MS, &moments);
    assert_int_equal(wherry_sender_deadline(f->sender), now_ns + 800 * MS);
    give_ack(f, 2, now_ns + 10 * MS); /* has left three times, but once behind ACK 1 */
    now_ns = follow_window(f, 3, 6, now_ns + 10 * MS, &moments);
    assert_int_equal(wherry_sender_deadline(f->sender), now_ns + 400 * MS);
}

static void test_losses_far_apart_do_not_spread(void **state)
{
    struct sender_story *f = *state;
    uint64_t now_ns = 80 * MS;
    uint64_t acked = 0;

    begin_window(f, 8, LONG_FILE);
    expect_opening(f, 0);
    give_ack(f, 0, now_ns);
    for (unsigned i = 0; i < 12; i++) {
        expect_window(f, acked + 1, acked + 8, now_ns);
        acked += i % 4 == 1 ? 6 : 8; /* a loss, then three whole windows */
        now_ns += 80 * MS;
        give_ack(f, acked, now_ns);
    }
    expect_window(f, acked + 1, acked + 8, now_ns);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, sender_story_setup, sender_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_window_leaves_at_once_and_no_block_beyond_it),
        STORY(test_window_ends_with_the_file),
        STORY(test_ack_of_the_window_lets_the_next_leave),
        STORY(test_ack_inside_the_window_lets_a_full_new_one_leave_behind_it),
        STORY(test_last_block_may_be_acknowledged_while_earlier_acks_are_lost),
        STORY(test_ack_beyond_what_has_left_of_the_window_is_ignored),
        STORY(test_rest_of_a_window_follows_when_the_socket_takes_it),
        STORY(test_partial_send_of_a_repeated_window_is_resumed_behind_it),
        STORY(test_expiry_repeats_the_unacknowledged_window),
        STORY(test_repeated_ack_within_a_round_trip_lets_nothing_leave),
        STORY(test_repeated_ack_before_any_round_trip_was_measured_lets_nothing_leave),
        STORY(test_repeated_ack_before_the_window_left_does_not_count),
        STORY(test_repeated_ack_a_round_trip_later_restarts_the_window),
        STORY(test_first_window_is_restarted_by_a_repeated_ack_0),
        STORY(test_further_repeats_of_the_ack_let_nothing_leave),
        STORY(test_each_window_may_be_restarted_once),
        STORY(test_smallest_round_trip_counts_not_the_last),
        STORY(test_older_ack_does_not_restart_a_window),
        STORY(test_ack_inside_the_window_measures_the_round_trip),
        STORY(test_ack_of_a_block_that_left_twice_measures_nothing),
        STORY(test_two_losses_in_a_window_spread_the_next_over_the_round_trip),
        STORY(test_spreading_ends_after_eight_whole_windows),
        STORY(test_loss_while_spreading_begins_the_count_of_whole_windows_anew),
        STORY(test_ack_inside_a_spread_window_ends_the_doubling),
        STORY(test_answer_to_a_window_that_left_once_behind_its_ack_ends_the_doubling),
        STORY(test_losses_far_apart_do_not_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
