/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of blocks, lengths, what is ignored, and roll-over. ACKs of windows, time and endings
 * have their own files. */
#include <wherry/receiver.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/packets.h"
#include "support/receiver_story.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool memory_is_full; /* the next calloc fails */

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_is_full ? NULL : __real_calloc(count, size);
}

static const uint8_t rrq[] = "\0\1boot/image\0octet";

static void test_without_memory_nothing_is_made(void **state)
{
    struct receiver_story *f = *state;
    struct wherry_receiver *untouched = (struct wherry_receiver *)(void *)f;
    struct wherry_receiver *ret = untouched;
    enum res r;

    memory_is_full = true;
    r = wherry_receiver_new(&ret, &f->params);
    memory_is_full = false;
    assert_int_equal(r, RES_NO_MEMORY);
    assert_ptr_equal(ret, untouched);
}

static void test_free_takes_null(void **state)
{
    (void)state;
    wherry_receiver_free(NULL);
}

static void test_block_after_block_is_stored_then_acknowledged(void **state)
{
    struct receiver_story *f = *state; /* 1,400 bytes: blocks 1, 2 and a short 3 */

    begin(f);
    expect_state(f, WHERRY_RECEIVER_OPENING, RES_OK);
    expect_opening(f, 0);
    assert_false(wherry_receiver_heard(f->receiver));
    take_data(f, 1, 10 * MS);
    assert_true(wherry_receiver_heard(f->receiver));
    expect_state(f, WHERRY_RECEIVER_RECEIVING, RES_OK);
    expect_ack(f, 1, 10 * MS);
    take_data(f, 2, 20 * MS);
    expect_ack(f, 2, 20 * MS);
    take_data(f, 3, 30 * MS);
    expect_state(f, WHERRY_RECEIVER_COMMITTING, RES_OK);
    assert_int_equal(wherry_receiver_bytes(f->receiver), 1400);
}

static void test_no_ack_before_the_block_is_stored(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    hold_data(f, 1, 10 * MS);
    expect_silence(f, 10 * MS);
    stored(f, 1, 300 * MS);
    expect_ack(f, 1, 300 * MS);
}

static void test_clock_stands_still_while_a_block_is_stored(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    hold_data(f, 2, 20 * MS);
    assert_true(wherry_receiver_deadline(f->receiver) == WHERRY_NEVER); /* the peer waits for us */
    wherry_receiver_expire(f->receiver, 100 * SECOND);
    expect_silence(f, 100 * SECOND);
    stored(f, 2, 101 * SECOND);
    wherry_receiver_expire(f->receiver, 101 * SECOND);
    expect_state(f, WHERRY_RECEIVER_RECEIVING, RES_OK);
    expect_ack(f, 2, 101 * SECOND);
}

static void test_repeat_of_a_block_in_storage_is_a_duplicate_and_not_acknowledged(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    hold_data(f, 2, 20 * MS);
    assert_int_equal(give_data(f, 2, 25 * MS), WHERRY_DUPLICATE);
    expect_silence(f, 25 * MS);
    stored(f, 2, 30 * MS);
    expect_ack(f, 2, 30 * MS);
}

static void test_last_ack_leaves_only_after_the_file_has_its_name(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    expect_silence(f, 40 * MS);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_state(f, WHERRY_RECEIVER_DALLYING, RES_OK);
    expect_ack(f, 3, 50 * MS);
}

static void test_last_block_is_not_acknowledged_by_its_repeats_before_the_name(void **state)
{
    struct receiver_story *f = *state;

    take_file(f);
    assert_int_not_equal(give_data(f, 3, 40 * MS), WHERRY_STORE);
    expect_silence(f, 40 * MS);
    wherry_receiver_committed(f->receiver, 50 * MS);
    expect_ack(f, 3, 50 * MS);
}

static void test_last_block_is_not_committing_before_it_is_stored(void **state)
{
    struct receiver_story *f = *state;

    begin_window(f, 1, 100);
    expect_opening(f, 0);
    hold_data(f, 1, 10 * MS);
    expect_state(f, WHERRY_RECEIVER_RECEIVING, RES_OK);
    stored(f, 1, 20 * MS);
    expect_state(f, WHERRY_RECEIVER_COMMITTING, RES_OK);
    expect_silence(f, 20 * MS);
}

static void test_empty_file_is_one_empty_block(void **state)
{
    struct receiver_story *f = *state;

    begin_window(f, 1, 0);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_state(f, WHERRY_RECEIVER_COMMITTING, RES_OK);
    wherry_receiver_committed(f->receiver, 20 * MS);
    expect_ack(f, 1, 20 * MS);
    assert_int_equal(wherry_receiver_bytes(f->receiver), 0);
}

static void test_exact_multiple_ends_with_an_empty_block(void **state)
{
    struct receiver_story *f = *state;

    begin_window(f, 1, 1024);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    take_data(f, 2, 20 * MS);
    expect_ack(f, 2, 20 * MS);
    expect_state(f, WHERRY_RECEIVER_RECEIVING, RES_OK);
    take_data(f, 3, 30 * MS);
    expect_state(f, WHERRY_RECEIVER_COMMITTING, RES_OK);
    assert_int_equal(wherry_receiver_bytes(f->receiver), 1024);
}

static void test_client_without_options_takes_data_1_for_its_answer(void **state)
{
    struct receiver_story *f = *state;

    f->params.opening = rrq;
    f->params.opening_len = sizeof(rrq);
    begin(f);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
}

static void test_client_that_agrees_acknowledges_the_oack_with_ack_0(void **state)
{
    struct receiver_story *f = *state;
    const struct wherry_agreed agreed = {.blksize = 1000, .windowsize = 2};

    f->params.opening = rrq;
    f->params.opening_len = sizeof(rrq);
    begin(f);
    expect_opening(f, 0);
    wherry_receiver_agree(f->receiver, &agreed, 10 * MS);
    f->params.agreed = agreed; /* expected from now on */
    expect_ack(f, 0, 10 * MS);
    take_data(f, 1, 20 * MS);
    expect_silence(f, 20 * MS);
    take_data(f, 2, 20 * MS);
    expect_state(f, WHERRY_RECEIVER_COMMITTING, RES_OK);
}

static void test_repeated_oack_is_acknowledged_again_until_data_comes(void **state)
{
    struct receiver_story *f = *state;
    const struct wherry_agreed agreed = {.blksize = 512, .windowsize = 1};

    f->params.opening = rrq;
    f->params.opening_len = sizeof(rrq);
    begin(f);
    expect_opening(f, 0);
    wherry_receiver_agree(f->receiver, &agreed, 10 * MS);
    expect_ack(f, 0, 10 * MS);
    give_packet(f, packets_oack(NULL, 0), 500 * MS); /* our ACK 0 was lost */
    expect_ack(f, 0, 500 * MS);
    take_data(f, 1, 510 * MS);
    expect_ack(f, 1, 510 * MS);
    give_packet(f, packets_oack(NULL, 0), 520 * MS); /* late */
    expect_silence(f, 520 * MS);
}

static void test_second_agreement_changes_nothing(void **state)
{
    struct receiver_story *f = *state;
    const struct wherry_agreed agreed = {.blksize = 512, .windowsize = 1};
    const struct wherry_agreed other = {.blksize = 8, .windowsize = 8};

    f->params.opening = rrq;
    f->params.opening_len = sizeof(rrq);
    begin(f);
    expect_opening(f, 0);
    wherry_receiver_agree(f->receiver, &agreed, 10 * MS);
    expect_ack(f, 0, 10 * MS);
    wherry_receiver_agree(f->receiver, &other, 20 * MS);
    expect_silence(f, 20 * MS);
    take_data(f, 1, 30 * MS);
    expect_ack(f, 1, 30 * MS);
}

static void test_data_0_is_ignored(void **state)
{
    struct receiver_story *f = *state;
    const struct wherry_packet data_0 = packets_data(0, (const uint8_t *)"zero", 4);
    struct wherry_piece piece;

    begin(f);
    expect_opening(f, 0);
    assert_int_equal(wherry_receiver_input(f->receiver, &data_0, 5 * MS, &piece), WHERRY_IGNORED);
    expect_silence(f, 5 * MS);
    take_data(f, 1, 10 * MS);
    expect_ack(f, 1, 10 * MS);
    assert_int_equal(wherry_receiver_input(f->receiver, &data_0, 15 * MS, &piece), WHERRY_IGNORED);
    expect_silence(f, 15 * MS);
    take_data(f, 2, 20 * MS);
}

static void test_packets_other_than_data_and_error_are_ignored(void **state)
{
    struct receiver_story *f = *state;
    const struct wherry_packet strays[] = {packets_ack(0), packets_ack(1), packets_oack(NULL, 0),
                                           packets_request(WHERRY_RRQ, "a"),
                                           packets_request(WHERRY_WRQ, "a")};
    struct wherry_piece piece;
    uint64_t deadline_ns;

    begin(f);
    expect_opening(f, 0);
    deadline_ns = wherry_receiver_deadline(f->receiver);
    for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
        assert_int_equal(wherry_receiver_input(f->receiver, &strays[i], 10 * MS, &piece),
                         WHERRY_IGNORED);
        expect_silence(f, 10 * MS);
        expect_state(f, WHERRY_RECEIVER_OPENING, RES_OK);
    }
    assert_int_equal(wherry_receiver_deadline(f->receiver), deadline_ns);
    take_data(f, 1, 20 * MS);
    expect_ack(f, 1, 20 * MS);
}

static void test_block_behind_the_last_is_ignored(void **state)
{
    struct receiver_story *f = *state;

    begin_window(f, 4, 600);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    hold_data(f, 2, 10 * MS);
    assert_int_equal(give_data(f, 3, 10 * MS), WHERRY_IGNORED);
    assert_int_equal(give_data(f, 4, 10 * MS), WHERRY_IGNORED);
    expect_silence(f, 10 * MS);
    stored(f, 2, 20 * MS);
    expect_state(f, WHERRY_RECEIVER_COMMITTING, RES_OK);
}

static void test_lockstep_block_before_the_first_is_ignored(void **state)
{
    struct receiver_story *f = *state;

    begin(f);
    expect_opening(f, 0);
    assert_int_equal(give_data(f, 2, 10 * MS), WHERRY_IGNORED);
    expect_silence(f, 10 * MS);
    expect_state(f, WHERRY_RECEIVER_OPENING, RES_OK);
}

static void test_what_does_not_fit_the_buffer_stays_due(void **state)
{
    struct receiver_story *f = *state;
    uint8_t buf[512];

    begin(f);
    assert_int_equal(wherry_receiver_control(f->receiver, buf, 3, 0), 0);
    assert_int_equal(wherry_receiver_sends(f->receiver), 0);
    expect_opening(f, 0);
    take_data(f, 1, 10 * MS);
    assert_int_equal(wherry_receiver_control(f->receiver, buf, 3, 10 * MS), 0);
    expect_ack(f, 1, 10 * MS);
    wherry_receiver_fail(f->receiver, RES_IO, WHERRY_ERROR_OTHER, "no");
    assert_int_equal(wherry_receiver_control(f->receiver, buf, 3, 20 * MS), 0);
    expect_error(f, WHERRY_ERROR_OTHER, "no", 20 * MS);
}

static void test_block_longer_than_agreed_ends_the_transfer_with_an_error(void **state)
{
    static const uint8_t bytes[513];
    struct receiver_story *f = *state;
    uint8_t buf[512];

    begin(f);
    expect_opening(f, 0);
    give_packet(f, packets_data(1, bytes, sizeof(bytes)), 10 * MS);
    expect_state(f, WHERRY_RECEIVER_FAILED, RES_PROTOCOL);
    assert_true(wherry_receiver_control(f->receiver, buf, sizeof(buf), 10 * MS) > 4);
    assert_memory_equal(buf, "\0\5\0\4", 4);
    expect_silence(f, 10 * MS);
}

static void receive_whole(struct receiver_story *f, uint64_t blocks)
{
    for (uint64_t block = 1; block < blocks; block++) {
        take_data(f, block, block * MS);
        expect_ack(f, block, block * MS);
    }
    take_data(f, blocks, blocks * MS);
    expect_state(f, WHERRY_RECEIVER_COMMITTING, RES_OK);
    assert_int_equal(wherry_receiver_bytes(f->receiver), f->length);
}

/* 65535 is followed by 0, and so is 131071; or by 1, and then it is 131070 that carries 65535:
 * packets_wire() numbers what is given and expected. */
static void test_blocks_roll_over_to_0(void **state)
{
    struct receiver_story *f = *state;

    f->params.agreed.blksize = 8;
    begin_window(f, 1, 131080 * 8 - 3);
    expect_opening(f, 0);
    receive_whole(f, 131080);
}

static void test_blocks_roll_over_to_1(void **state)
{
    struct receiver_story *f = *state;

    f->params.agreed.blksize = 8;
    f->params.agreed.rollover = 1;
    begin_window(f, 1, 131080 * 8 - 3);
    expect_opening(f, 0);
    receive_whole(f, 131080);
}

static void test_data_0_after_the_roll_over_to_1_is_ignored(void **state)
{
    struct receiver_story *f = *state;
    const struct wherry_packet data_0 = packets_data(0, (const uint8_t *)"12345678", 8);

    f->params.agreed.blksize = 8;
    f->params.agreed.rollover = 1;
    begin_window(f, 1, 70000 * 8);
    expect_opening(f, 0);
    for (uint64_t block = 1; block <= 65535; block++) {
        take_data(f, block, block * MS);
        expect_ack(f, block, block * MS);
    }
    give_packet(f, data_0, 65536 * MS);
    take_data(f, 65536, 65537 * MS);
    expect_ack(f, 65536, 65537 * MS);
}

#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, receiver_story_setup, receiver_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_without_memory_nothing_is_made),
        STORY(test_free_takes_null),
        STORY(test_block_after_block_is_stored_then_acknowledged),
        STORY(test_no_ack_before_the_block_is_stored),
        STORY(test_clock_stands_still_while_a_block_is_stored),
        STORY(test_repeat_of_a_block_in_storage_is_a_duplicate_and_not_acknowledged),
        STORY(test_last_ack_leaves_only_after_the_file_has_its_name),
        STORY(test_last_block_is_not_acknowledged_by_its_repeats_before_the_name),
        STORY(test_last_block_is_not_committing_before_it_is_stored),
        STORY(test_empty_file_is_one_empty_block),
        STORY(test_exact_multiple_ends_with_an_empty_block),
        STORY(test_client_without_options_takes_data_1_for_its_answer),
        STORY(test_client_that_agrees_acknowledges_the_oack_with_ack_0),
        STORY(test_repeated_oack_is_acknowledged_again_until_data_comes),
        STORY(test_second_agreement_changes_nothing),
        STORY(test_data_0_is_ignored),
        STORY(test_packets_other_than_data_and_error_are_ignored),
        STORY(test_block_behind_the_last_is_ignored),
        STORY(test_lockstep_block_before_the_first_is_ignored),
        STORY(test_what_does_not_fit_the_buffer_stays_due),
        STORY(test_block_longer_than_agreed_ends_the_transfer_with_an_error),
        STORY(test_blocks_roll_over_to_0),
        STORY(test_blocks_roll_over_to_1),
        STORY(test_data_0_after_the_roll_over_to_1_is_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
