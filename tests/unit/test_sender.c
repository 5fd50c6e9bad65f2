/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of blocks, what is ignored, roll-over, and lengths. Windows, time and endings have
 * their own files. */
#include <wherry/sender.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/packets.h"
#include "support/sender_story.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool memory_is_full; /* the next calloc fails */

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_is_full ? NULL : __real_calloc(count, size);
}

static const uint8_t wrq[] = "\0\2backup\0octet";

static void test_without_memory_nothing_is_made(void **state)
{
    struct sender_story *f = *state;
    struct wherry_sender *untouched = (struct wherry_sender *)(void *)f;
    struct wherry_sender *ret = untouched;
    enum res r;

    f->params.opening = wrq;
    f->params.opening_len = sizeof(wrq);
    memory_is_full = true;
    r = wherry_sender_new(&ret, &f->params);
    memory_is_full = false;
    assert_int_equal(r, RES_NO_MEMORY);
    assert_ptr_equal(ret, untouched);
}

static void test_free_takes_null(void **state)
{
    (void)state;
    wherry_sender_free(NULL);
}

static void test_block_after_block_until_the_short_one_is_acknowledged(void **state)
{
    struct sender_story *f = *state; /* 1,400 bytes: blocks 1, 2 and a short 3 */

    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    expect_data(f, 2, 10 * MS);
    give_ack(f, 2, 20 * MS);
    expect_data(f, 3, 20 * MS);
    assert_true(wherry_sender_all_sent(f->sender));
    expect_state(f, WHERRY_SENDER_SENDING, RES_OK);
    give_ack(f, 3, 30 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
    expect_silence(f, 30 * MS);
    assert_int_equal(wherry_sender_acked_bytes(f->sender), 1400);
    assert_int_equal(wherry_sender_acked_blocks(f->sender), 3);
    assert_int_equal(wherry_sender_resent(f->sender), 0);
}

static void test_empty_file_is_one_empty_block(void **state)
{
    struct sender_story *f = *state;

    f->params.length = 0;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
    assert_int_equal(wherry_sender_acked_bytes(f->sender), 0);
}

static void test_exact_multiple_ends_with_an_empty_block(void **state)
{
    struct sender_story *f = *state;

    f->params.length = 1024;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    expect_data(f, 2, 10 * MS);
    give_ack(f, 2, 20 * MS);
    expect_state(f, WHERRY_SENDER_SENDING, RES_OK);
    expect_data(f, 3, 20 * MS); /* expect_data() wants 0 bytes in it */
    give_ack(f, 3, 30 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
    assert_int_equal(wherry_sender_acked_bytes(f->sender), 1024);
}

static void test_opening_that_does_not_fit_the_buffer_stays_due(void **state)
{
    struct sender_story *f = *state;
    uint8_t buf[3];

    begin_window(f, 1, 1400);
    assert_int_equal(wherry_sender_control(f->sender, buf, sizeof(buf), 0), 0);
    assert_int_equal(wherry_sender_sends(f->sender), 0);
    expect_opening(f, 0);
}

static void test_socket_that_takes_nothing_changes_nothing(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    wherry_sender_sent(f->sender, 0, 0);
    assert_int_equal(wherry_sender_sends(f->sender), 0);
    expect_data(f, 1, 10 * MS);
    assert_int_equal(wherry_sender_resent(f->sender), 0);
}

static void test_opening_leaves_first_and_data_waits_for_ack_0(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 1, 1400);
    expect_state(f, WHERRY_SENDER_OPENING, RES_OK);
    expect_opening(f, 0);
    expect_silence(f, 0);
    assert_false(wherry_sender_heard(f->sender));
    give_ack(f, 0, 10 * MS);
    assert_true(wherry_sender_heard(f->sender));
    expect_state(f, WHERRY_SENDER_SENDING, RES_OK);
    expect_data(f, 1, 10 * MS);
}

static void test_ack_0_before_the_opening_left_answers_nothing(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 4, 1400);
    give_ack(f, 0, 0);
    expect_state(f, WHERRY_SENDER_OPENING, RES_OK);
    expect_opening(f, 0);
}

static void test_ack_of_data_does_not_answer_an_opening(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 4, 4000);
    expect_opening(f, 0);
    give_ack(f, 1, 10 * MS);
    expect_state(f, WHERRY_SENDER_OPENING, RES_OK);
    expect_silence(f, 10 * MS);
}

static void test_oack_to_our_wrq_stands_for_ack_0(void **state)
{
    struct sender_story *f = *state;
    const struct wherry_agreed agreed = {.blksize = 1000, .windowsize = 2};

    f->params.opening = wrq;
    f->params.opening_len = sizeof(wrq);
    begin(f);
    expect_opening(f, 0);
    wherry_sender_agree(f->sender, &agreed, 10 * MS);
    f->params.agreed = agreed; /* expected from now on */
    expect_window(f, 1, 2, 10 * MS);
    give_ack(f, 2, 20 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
}

static void test_repeated_oack_changes_nothing(void **state)
{
    struct sender_story *f = *state;
    const struct wherry_agreed agreed = {.blksize = 1000, .windowsize = 1};
    const struct wherry_agreed other = {.blksize = 8, .windowsize = 8};

    f->params.opening = wrq;
    f->params.opening_len = sizeof(wrq);
    begin(f);
    expect_opening(f, 0);
    wherry_sender_agree(f->sender, &agreed, 10 * MS);
    f->params.agreed = agreed;
    expect_data(f, 1, 10 * MS);
    wherry_sender_agree(f->sender, &other, 20 * MS);
    expect_silence(f, 20 * MS);
    give_ack(f, 1, 30 * MS);
    expect_data(f, 2, 30 * MS);
}

static void test_repeated_ack_is_not_answered(void **state)
{
    struct sender_story *f = *state;
    uint64_t deadline_ns;

    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    expect_data(f, 2, 10 * MS);
    deadline_ns = wherry_sender_deadline(f->sender);
    give_ack(f, 1, 20 * MS); /* RFC 1123, 4.2.3.1: the network repeats itself */
    expect_silence(f, 20 * MS);
    give_ack(f, 1, 300 * MS);
    expect_silence(f, 300 * MS);
    assert_int_equal(wherry_sender_deadline(f->sender), deadline_ns);
}

static void test_repeated_ack_0_is_not_answered(void **state)
{
    struct sender_story *f = *state;

    begin_window(f, 1, 1400);
    expect_opening(f, 0);
    give_ack(f, 0, 10 * MS);
    expect_data(f, 1, 10 * MS);
    give_ack(f, 0, 50 * MS);
    expect_silence(f, 50 * MS);
}

static void test_ack_of_a_block_not_sent_is_ignored(void **state)
{
    struct sender_story *f = *state;

    f->params.length = 1000000;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 2, 10 * MS);
    give_ack(f, 900, 10 * MS);
    give_ack(f, 65535, 10 * MS);
    expect_silence(f, 10 * MS);
    assert_int_equal(wherry_sender_acked_blocks(f->sender), 0);
    give_ack(f, 1, 20 * MS);
    expect_data(f, 2, 20 * MS);
}

static void test_ack_of_a_block_offered_but_not_sent_is_ignored(void **state)
{
    struct sender_story *f = *state;
    struct wherry_burst b;

    begin(f);
    assert_true(wherry_sender_burst(f->sender, 1, &b));
    give_ack(f, 1, 10 * MS);
    expect_data(f, 1, 10 * MS);
    assert_int_equal(wherry_sender_resent(f->sender), 0);
}

static void test_ack_older_than_the_last_is_ignored(void **state)
{
    struct sender_story *f = *state;

    f->params.length = 1000000;
    begin(f);
    for (uint64_t block = 1; block <= 5; block++) {
        expect_data(f, block, block * MS);
        give_ack(f, block, (block + 1) * MS);
    }
    expect_data(f, 6, 6 * MS);
    give_ack(f, 3, 300 * MS);
    give_ack(f, 0, 300 * MS);
    expect_silence(f, 300 * MS);
    assert_int_equal(wherry_sender_acked_blocks(f->sender), 5);
}

static void test_packets_other_than_ack_and_error_are_ignored(void **state)
{
    struct sender_story *f = *state;
    const struct wherry_packet strays[] = {packets_data(1, (const uint8_t *)"x", 1),
                                           packets_oack(NULL, 0), packets_request(WHERRY_RRQ, "a"),
                                           packets_request(WHERRY_WRQ, "a")};
    uint64_t deadline_ns;

    begin(f);
    expect_data(f, 1, 0);
    deadline_ns = wherry_sender_deadline(f->sender);
    for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
        wherry_sender_input(f->sender, &strays[i], 10 * MS);
        expect_silence(f, 10 * MS);
        expect_state(f, WHERRY_SENDER_SENDING, RES_OK);
    }
    assert_int_equal(wherry_sender_deadline(f->sender), deadline_ns);
}

static void send_whole(struct sender_story *f, uint64_t blocks)
{
    for (uint64_t block = 1; block <= blocks; block++) {
        expect_data(f, block, block * MS);
        give_ack(f, block, block * MS + MS / 2);
    }
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
}

/* send_whole() compares every header with packets_wire(): 65535 is followed by 0, and so is
 * 131071; or by 1, and then it is 131070 that carries 65535. */
static void test_blocks_roll_over_to_0(void **state)
{
    struct sender_story *f = *state;

    f->params.agreed.blksize = 8;
    f->params.length = 131080 * 8 - 3;
    begin(f);
    send_whole(f, 131080);
}

static void test_blocks_roll_over_to_1(void **state)
{
    struct sender_story *f = *state;

    f->params.agreed.blksize = 8;
    f->params.agreed.rollover = 1;
    f->params.length = 131080 * 8 - 3;
    begin(f);
    send_whole(f, 131080);
}

static void test_ack_0_after_the_roll_over_to_1_is_ignored(void **state)
{
    struct sender_story *f = *state;
    const struct wherry_packet ack_0 = packets_ack(0);

    f->params.agreed.blksize = 8;
    f->params.agreed.rollover = 1;
    f->params.length = 70000 * 8;
    begin(f);
    for (uint64_t block = 1; block <= 65535; block++) {
        expect_data(f, block, block * MS);
        give_ack(f, block, block * MS + MS / 2);
    }
    expect_data(f, 65536, 65536 * MS);
    wherry_sender_input(f->sender, &ack_0, 65537 * MS);
    expect_silence(f, 65537 * MS);
    assert_int_equal(wherry_sender_acked_blocks(f->sender), 65535);
    give_ack(f, 65536, 65537 * MS);
    expect_data(f, 65537, 65537 * MS);
}

static void test_window_crosses_the_roll_over(void **state)
{
    struct sender_story *f = *state;

    f->params.agreed.blksize = 8;
    f->params.length = 65600 * 8;
    begin_window(f, 10, 65600 * 8);
    expect_opening(f, 0);
    give_ack(f, 0, MS);
    for (uint64_t last = 10; last <= 65540; last += 10) {
        expect_window(f, last - 9, last, last * MS);
        give_ack(f, last, last * MS + MS / 2);
    }
    assert_int_equal(wherry_sender_acked_blocks(f->sender), 65540);
    give_ack(f, 65535, 65541 * MS); /* older, though its number is larger */
    assert_int_equal(wherry_sender_acked_blocks(f->sender), 65540);
}

static void test_unknown_length_offers_whole_blocks_until_it_is_told(void **state)
{
    struct sender_story *f = *state;
    struct wherry_burst b;

    f->params.length = WHERRY_LENGTH_UNKNOWN;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    assert_true(wherry_sender_burst(f->sender, 1, &b)); /* the input ends within it */
    assert_int_equal(b.last_len, 512);
    assert_false(wherry_sender_all_sent(f->sender));
    wherry_sender_length(f->sender, 700);
    f->params.length = 700;
    expect_data(f, 2, 10 * MS);
    assert_true(wherry_sender_all_sent(f->sender));
    give_ack(f, 2, 20 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
    assert_int_equal(wherry_sender_acked_bytes(f->sender), 700);
}

static void test_unknown_length_that_is_an_exact_multiple_ends_with_an_empty_block(void **state)
{
    struct sender_story *f = *state;

    f->params.length = WHERRY_LENGTH_UNKNOWN;
    begin(f);
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    wherry_sender_length(f->sender, 512);
    f->params.length = 512;
    expect_state(f, WHERRY_SENDER_SENDING, RES_OK);
    expect_data(f, 2, 10 * MS);
    give_ack(f, 2, 20 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
}

static void test_unknown_length_of_an_empty_stream_is_one_empty_block(void **state)
{
    struct sender_story *f = *state;

    f->params.length = WHERRY_LENGTH_UNKNOWN;
    begin(f);
    wherry_sender_length(f->sender, 0);
    f->params.length = 0;
    expect_data(f, 1, 0);
    give_ack(f, 1, 10 * MS);
    expect_state(f, WHERRY_SENDER_DONE, RES_OK);
}

static void test_length_is_fixed_once_it_is_known(void **state)
{
    struct sender_story *f = *state;

    begin(f);
    wherry_sender_length(f->sender, 100000); /* the file grew: its tsize was 1,400 */
    send_whole(f, 3);
    assert_int_equal(wherry_sender_acked_bytes(f->sender), 1400);
}

static void test_bytes_before_kept_are_never_asked_for_again(void **state)
{
    struct sender_story *f = *state;
    struct wherry_burst b;

    begin_window(f, 4, 10000);
    expect_opening(f, 0);
    give_ack(f, 0, 10 * MS);
    expect_window(f, 1, 4, 10 * MS);
    give_ack(f, 2, 20 * MS);
    assert_true(wherry_sender_burst(f->sender, 1, &b));
    assert_int_equal(b.first, 3);
    assert_int_equal(b.kept, 2 * 512);
    assert_true(b.again);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, sender_story_setup, sender_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_without_memory_nothing_is_made),
        STORY(test_free_takes_null),
        STORY(test_block_after_block_until_the_short_one_is_acknowledged),
        STORY(test_empty_file_is_one_empty_block),
        STORY(test_exact_multiple_ends_with_an_empty_block),
        STORY(test_opening_that_does_not_fit_the_buffer_stays_due),
        STORY(test_socket_that_takes_nothing_changes_nothing),
        STORY(test_opening_leaves_first_and_data_waits_for_ack_0),
        STORY(test_ack_0_before_the_opening_left_answers_nothing),
        STORY(test_ack_of_data_does_not_answer_an_opening),
        STORY(test_oack_to_our_wrq_stands_for_ack_0),
        STORY(test_repeated_oack_changes_nothing),
        STORY(test_repeated_ack_is_not_answered),
        STORY(test_repeated_ack_0_is_not_answered),
        STORY(test_ack_of_a_block_not_sent_is_ignored),
        STORY(test_ack_of_a_block_offered_but_not_sent_is_ignored),
        STORY(test_ack_older_than_the_last_is_ignored),
        STORY(test_packets_other_than_ack_and_error_are_ignored),
        STORY(test_blocks_roll_over_to_0),
        STORY(test_blocks_roll_over_to_1),
        STORY(test_ack_0_after_the_roll_over_to_1_is_ignored),
        STORY(test_window_crosses_the_roll_over),
        STORY(test_unknown_length_offers_whole_blocks_until_it_is_told),
        STORY(test_unknown_length_that_is_an_exact_multiple_ends_with_an_empty_block),
        STORY(test_unknown_length_of_an_empty_stream_is_one_empty_block),
        STORY(test_length_is_fixed_once_it_is_known),
        STORY(test_bytes_before_kept_are_never_asked_for_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
