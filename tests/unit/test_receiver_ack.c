/* SPDX-License-Identifier: BSD-2-Clause */
/* Which ACKs leave, and which do not: windows (RFC 7440), gaps, repeats. */
#include <wherry/receiver.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/packets.h"
#include "support/receiver_story.h"

#define LONG_FILE 1000000

static void open_window(struct receiver_story *f, uint16_t windowsize)
{
    begin_window(f, windowsize, LONG_FILE);
    expect_opening(f, 0);
}

/* Blocks first to last arrive and are stored; no ACK before the last of them. */
static void take_window(struct receiver_story *f, uint64_t first, uint64_t last, uint64_t now_ns)
{
    for (uint64_t block = first; block <= last; block++) {
        expect_silence(f, now_ns);
        take_data(f, block, now_ns);
    }
}

static unsigned count_acks(struct receiver_story *f, uint64_t block, uint64_t now_ns)
{
    uint8_t buf[16];
    unsigned acks = 0;
    size_t len;

    while ((len = wherry_receiver_control(f->receiver, buf, sizeof(buf), now_ns)) > 0) {
        assert_int_equal(len, 4);
        assert_int_equal(buf[1], WHERRY_ACK);
        assert_int_equal(buf[2] << 8 | buf[3], block);
        acks++;
    }
    return acks;
}

/* The peer sends blocks first to last again; how many ACKs of `acked` that brings. */
static unsigned repeat_window(struct receiver_story *f, uint64_t first, uint64_t last,
                              uint64_t acked, uint64_t now_ns)
{
    unsigned acks = 0;

    for (uint64_t block = first; block <= last; block++) {
        assert_int_equal(give_data(f, block, now_ns), WHERRY_DUPLICATE);
        acks += count_acks(f, acked, now_ns);
    }
    return acks;
}

static void test_window_is_acknowledged_at_its_end(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 4);
    take_window(f, 1, 4, 10 * MS);
    expect_ack(f, 4, 10 * MS);
    take_window(f, 5, 8, 20 * MS);
    expect_ack(f, 8, 20 * MS);
}

static void test_window_is_acknowledged_once_all_of_it_is_stored(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 4);
    for (uint64_t block = 1; block <= 4; block++) {
        hold_data(f, block, 10 * MS);
    }
    expect_silence(f, 10 * MS);
    stored(f, 3, 20 * MS);
    expect_silence(f, 20 * MS);
    stored(f, 4, 30 * MS);
    expect_ack(f, 4, 30 * MS);
}

static void test_one_report_may_cover_many_blocks(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 4);
    for (uint64_t block = 1; block <= 4; block++) {
        hold_data(f, block, 10 * MS);
    }
    stored(f, 4, 20 * MS);
    expect_ack(f, 4, 20 * MS);
}

static void test_short_block_inside_a_window_waits_for_the_name(void **state)
{
    struct receiver_story *f = *state;

    begin_window(f, 8, 1400);
    expect_opening(f, 0);
    take_window(f, 1, 3, 10 * MS);
    expect_silence(f, 10 * MS);
    wherry_receiver_committed(f->receiver, 20 * MS);
    expect_ack(f, 3, 20 * MS);
}

static void test_short_block_that_fills_a_window_waits_for_the_name(void **state)
{
    struct receiver_story *f = *state;

    begin_window(f, 3, 1400);
    expect_opening(f, 0);
    take_window(f, 1, 3, 10 * MS);
    expect_silence(f, 10 * MS);
    wherry_receiver_committed(f->receiver, 20 * MS);
    expect_ack(f, 3, 20 * MS);
}

static void test_gap_is_acknowledged_at_once_and_once(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 8);
    take_window(f, 1, 2, 10 * MS);
    assert_int_equal(give_data(f, 4, 10 * MS), WHERRY_GAP); /* 3 was lost */
    expect_ack(f, 2, 10 * MS);
    for (uint64_t block = 5; block <= 8; block++) {
        assert_int_equal(give_data(f, block, 10 * MS), WHERRY_GAP);
        expect_silence(f, 10 * MS);
    }
}

static void test_next_gap_is_acknowledged_again(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 8);
    take_window(f, 1, 2, 10 * MS);
    assert_int_equal(give_data(f, 4, 10 * MS), WHERRY_GAP);
    expect_ack(f, 2, 10 * MS);
    take_window(f, 3, 5, 20 * MS); /* the new window is 3 to 10 */
    assert_int_equal(give_data(f, 7, 20 * MS), WHERRY_GAP);
    expect_ack(f, 5, 20 * MS);
    assert_int_equal(give_data(f, 8, 20 * MS), WHERRY_GAP);
    expect_silence(f, 20 * MS);
}

static void test_window_begins_anew_behind_the_ack_of_a_gap(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 4);
    take_window(f, 1, 2, 10 * MS);
    assert_int_equal(give_data(f, 4, 10 * MS), WHERRY_GAP);
    expect_ack(f, 2, 10 * MS);
    take_window(f, 3, 6, 20 * MS); /* take_window() wants silence up to the last of them */
    expect_ack(f, 6, 20 * MS);
}

static void test_gap_before_the_first_block_is_acknowledged_with_ack_0(void **state)
{
    struct receiver_story *f = *state;
    const struct wherry_agreed agreed = {.blksize = 512, .windowsize = 4};

    open_window(f, 4);
    wherry_receiver_agree(f->receiver, &agreed, 0);
    expect_ack(f, 0, 0);
    assert_int_equal(give_data(f, 2, 10 * MS), WHERRY_GAP);
    expect_ack(f, 0, 10 * MS);
    assert_int_equal(give_data(f, 3, 10 * MS), WHERRY_GAP);
    expect_silence(f, 10 * MS);
    take_window(f, 1, 4, 20 * MS);
    expect_ack(f, 4, 20 * MS);
}

static void test_gap_is_not_acknowledged_before_what_lies_ahead_of_it_is_stored(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 8);
    hold_data(f, 1, 10 * MS);
    hold_data(f, 2, 10 * MS);
    assert_int_equal(give_data(f, 4, 10 * MS), WHERRY_GAP);
    expect_silence(f, 10 * MS);
    stored(f, 2, 20 * MS);
    expect_ack(f, 2, 20 * MS);
}

static void test_ack_tells_what_is_stored_not_what_has_come(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 8);
    hold_data(f, 1, 10 * MS);
    hold_data(f, 2, 10 * MS);
    assert_int_equal(give_data(f, 4, 10 * MS), WHERRY_GAP);
    hold_data(f, 3, 11 * MS); /* only overtaken */
    stored(f, 2, 20 * MS);
    expect_ack(f, 2, 20 * MS);
}

static void test_reordered_block_is_taken_when_it_comes_again(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 4);
    take_window(f, 1, 1, 10 * MS);
    assert_int_equal(give_data(f, 3, 10 * MS), WHERRY_GAP);
    expect_ack(f, 1, 10 * MS);
    take_data(f, 2, 11 * MS); /* only overtaken, not lost */
    expect_silence(f, 11 * MS);
    take_data(f, 3, 20 * MS);
    take_data(f, 4, 20 * MS);
    take_data(f, 5, 20 * MS);
    expect_ack(f, 5, 20 * MS);
}

static void test_lockstep_repeat_of_the_last_block_is_acknowledged_again_at_once(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 1);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    assert_int_equal(give_data(f, 1, 15 * MS), WHERRY_DUPLICATE); /* our ACK was lost */
    expect_ack(f, 1, 15 * MS);
    assert_int_equal(give_data(f, 1, 16 * MS), WHERRY_DUPLICATE);
    expect_ack(f, 1, 16 * MS);
    assert_int_equal(wherry_receiver_resent(f->receiver), 2);
}

static void test_lockstep_repeat_of_an_older_block_is_not_acknowledged(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 1);
    for (uint64_t block = 1; block <= 3; block++) {
        take_data(f, block, 10 * block * MS);
        expect_ack(f, block, 10 * block * MS);
    }
    assert_int_equal(give_data(f, 2, 40 * MS), WHERRY_DUPLICATE);
    expect_silence(f, 40 * MS);
    assert_int_equal(give_data(f, 1, 40 * MS), WHERRY_DUPLICATE);
    expect_silence(f, 40 * MS);
}

static void test_repeated_window_is_acknowledged_once_for_each_repetition(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 4);
    take_window(f, 1, 4, 10 * MS);
    expect_ack(f, 4, 10 * MS);
    assert_int_equal(repeat_window(f, 1, 4, 4, 500 * MS), 1); /* our ACK was lost */
    assert_int_equal(repeat_window(f, 1, 4, 4, 900 * MS), 1); /* and again */
    assert_int_equal(wherry_receiver_resent(f->receiver), 2);
}

static void test_repeat_from_before_the_window_is_not_acknowledged(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 4);
    take_window(f, 1, 4, 10 * MS);
    expect_ack(f, 4, 10 * MS);
    take_window(f, 5, 8, 20 * MS);
    expect_ack(f, 8, 20 * MS);
    assert_int_equal(repeat_window(f, 1, 3, 8, 30 * MS), 0);
}

static void test_window_begun_again_is_acknowledged_at_its_end_only(void **state)
{
    struct receiver_story *f = *state;
    unsigned acks;

    open_window(f, 4);
    take_window(f, 1, 4, 10 * MS);
    expect_ack(f, 4, 10 * MS);
    take_window(f, 5, 6, 20 * MS); /* 7 and 8 were lost: the peer's clock runs out */
    acks = repeat_window(f, 5, 6, 6, 400 * MS);
    assert_in_range(acks, 0, 1);
    take_data(f, 7, 400 * MS);
    take_data(f, 8, 400 * MS);
    if (acks == 0) {
        expect_ack(f, 8, 400 * MS);
    } else { /* the ACK of 6 began a window of its own: 7 to 10 */
        expect_silence(f, 400 * MS);
    }
}

static void test_blocks_beyond_the_window_are_not_taken(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 4);
    for (uint64_t block = 1; block <= 4; block++) {
        hold_data(f, block, 10 * MS);
    }
    assert_int_not_equal(give_data(f, 5, 10 * MS), WHERRY_STORE); /* nobody asked for it yet */
    stored(f, 4, 20 * MS);
    expect_ack(f, 4, 20 * MS);
    take_data(f, 5, 30 * MS);
}

static void test_blocks_far_beyond_the_window_are_not_taken(void **state)
{
    struct receiver_story *f = *state;
    unsigned acks;

    open_window(f, 4);
    take_window(f, 1, 4, 10 * MS);
    expect_ack(f, 4, 10 * MS);
    assert_int_not_equal(give_data(f, 9, 20 * MS), WHERRY_STORE); /* the window is 5 to 8 */
    assert_int_not_equal(give_data(f, 1500, 20 * MS), WHERRY_STORE);
    acks = count_acks(f, 4, 20 * MS);
    assert_in_range(acks, 0, 1);
    take_window(f, 5, 8, 30 * MS);
    expect_ack(f, 8, 30 * MS);
}

static void test_late_repeat_does_not_displace_the_ack_of_a_window_in_storage(void **state)
{
    struct receiver_story *f = *state;

    open_window(f, 4);
    take_window(f, 1, 4, 10 * MS);
    expect_ack(f, 4, 10 * MS);
    for (uint64_t block = 5; block <= 8; block++) {
        hold_data(f, block, 20 * MS);
    }
    stored(f, 6, 30 * MS);
    assert_int_equal(give_data(f, 3, 40 * MS), WHERRY_DUPLICATE); /* the network held it back */
    expect_silence(f, 40 * MS);
    stored(f, 8, 50 * MS);
    expect_ack(f, 8, 50 * MS);
}

#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, receiver_story_setup, receiver_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_window_is_acknowledged_at_its_end),
        STORY(test_window_is_acknowledged_once_all_of_it_is_stored),
        STORY(test_one_report_may_cover_many_blocks),
        STORY(test_short_block_inside_a_window_waits_for_the_name),
        STORY(test_short_block_that_fills_a_window_waits_for_the_name),
        STORY(test_gap_is_acknowledged_at_once_and_once),
        STORY(test_next_gap_is_acknowledged_again),
        STORY(test_window_begins_anew_behind_the_ack_of_a_gap),
        STORY(test_gap_before_the_first_block_is_acknowledged_with_ack_0),
        STORY(test_gap_is_not_acknowledged_before_what_lies_ahead_of_it_is_stored),
        STORY(test_ack_tells_what_is_stored_not_what_has_come),
        STORY(test_reordered_block_is_taken_when_it_comes_again),
        STORY(test_lockstep_repeat_of_the_last_block_is_acknowledged_again_at_once),
        STORY(test_lockstep_repeat_of_an_older_block_is_not_acknowledged),
        STORY(test_repeated_window_is_acknowledged_once_for_each_repetition),
        STORY(test_repeat_from_before_the_window_is_not_acknowledged),
        STORY(test_window_begun_again_is_acknowledged_at_its_end_only),
        STORY(test_blocks_beyond_the_window_are_not_taken),
        STORY(test_blocks_far_beyond_the_window_are_not_taken),
        STORY(test_late_repeat_does_not_displace_the_ack_of_a_window_in_storage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
