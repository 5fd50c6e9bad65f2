/* SPDX-License-Identifier: BSD-2-Clause */
/* Many requests at once: how many may wait, when reading pauses, and CANCEL. */
#include <wherry/exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/exchange_story.h"

#define REQUESTS 16u
#define REFUSALS 64u
#define PING_BYTES 4096u

/* HASH 1 runs and is not answered; STAT of the ids up to last waits. */
static void ask_many(struct exchange_story *f, uint32_t last)
{
    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    expect_events(f, "REQUEST 1 HASH a\n");
    for (uint32_t id = 2; id <= last; id++) {
        give_path(f, WHERRY_FRAME_STAT, id, "b");
    }
    f->answers = true;
}

static void test_16_requests_may_be_outstanding_and_the_17th_is_busy_in_its_turn(void **state)
{
    struct exchange_story *f = *state;
    char expected[1024];
    int len = 0;

    ask_many(f, REQUESTS + 1);
    expect_nothing(f);
    say_end(f, RES_IO);
    work(f);
    len += snprintf(expected, sizeof(expected), "END 1 IO\n");
    for (uint32_t id = 2; id <= REQUESTS; id++) {
        len += snprintf(expected + len, sizeof(expected) - (size_t)len, "INFO %u\nEND %u OK\n", id,
                        id);
    }
    (void)snprintf(expected + len, sizeof(expected) - (size_t)len, "END 17 BUSY\n");
    expect_sent(f, expected);
}

static void test_after_a_refusal_reading_goes_on(void **state)
{
    struct exchange_story *f = *state;

    ask_many(f, REQUESTS + 1);
    give_ping(f, "p");
    expect_sent(f, "PING_REPLY p\n");
    give_cancel(f, 1);
    expect_events(f, "STOP 1 CANCELLED\nREQUEST 2 STAT b\nREQUEST 3 STAT b\nREQUEST 4 STAT b\n"
                     "REQUEST 5 STAT b\nREQUEST 6 STAT b\nREQUEST 7 STAT b\nREQUEST 8 STAT b\n"
                     "REQUEST 9 STAT b\nREQUEST 10 STAT b\nREQUEST 11 STAT b\nREQUEST 12 STAT b\n"
                     "REQUEST 13 STAT b\nREQUEST 14 STAT b\nREQUEST 15 STAT b\n"
                     "REQUEST 16 STAT b\n");
    expect_state(f, WHERRY_EXCHANGE_IDLE);
}

static void test_a_put_refused_as_busy_is_over_at_its_end(void **state)
{
    struct exchange_story *f = *state;

    f->params.requests_max = 1;
    ask_many(f, 1);
    give_put(f, 2, "b");
    say_end(f, RES_IO);
    work(f);
    give_path(f, WHERRY_FRAME_STAT, 3, "c");
    expect_sent(f, "END 1 IO\nEND 2 BUSY\nINFO 3\nEND 3 OK\n");
}

static void test_ping_and_cancel_are_not_counted(void **state)
{
    struct exchange_story *f = *state;

    ask_many(f, REQUESTS - 1);
    give_ping(f, "p");
    give_cancel(f, 99);
    give_path(f, WHERRY_FRAME_STAT, REQUESTS, "b");
    f->sent.len = 0;
    say_end(f, RES_IO);
    work(f);
    assert_null(strstr(f->sent.text, "BUSY"));
    assert_non_null(strstr(f->sent.text, "END 16 OK"));
}

static void test_reading_pauses_at_64_refusals(void **state)
{
    struct exchange_story *f = *state;

    ask_many(f, REQUESTS + REFUSALS - 1);
    assert_true(wherry_exchange_wants_input(f->x));
    give_path(f, WHERRY_FRAME_STAT, REQUESTS + REFUSALS, "b");
    assert_false(wherry_exchange_wants_input(f->x));
    assert_int_equal(give(f, "\0\0\0\0\x8\0\0\0\0\0\0\1", 12), 0); /* CANCEL waits too */
    say_end(f, RES_IO);
    work(f);
    assert_true(wherry_exchange_wants_input(f->x));
    expect_state(f, WHERRY_EXCHANGE_IDLE);
    assert_non_null(strstr(f->sent.text, "END 80 BUSY"));
}

static void test_reading_pauses_at_4_kib_of_ping_replies(void **state)
{
    struct exchange_story *f = *state;
    const uint32_t frame_bytes = WHERRY_FRAME_HEADER_BYTES + 52; /* 64: a whole number of them */
    char payload[53] = {0};
    struct wherry_view due;
    bool more;

    memset(payload, 'p', 52);
    greet(f);
    f->is_full = true;
    for (uint32_t i = 0; i < PING_BYTES / frame_bytes - 1; i++) {
        give_ping(f, payload);
    }
    assert_true(wherry_exchange_wants_input(f->x));
    give_ping(f, payload);
    assert_false(wherry_exchange_wants_input(f->x));
    assert_true(wherry_exchange_output(f->x, &due, &more));
    assert_int_equal(due.len, PING_BYTES);
    f->is_full = false;
    work(f);
    assert_true(wherry_exchange_wants_input(f->x));
}

static void test_reading_pauses_also_if_ping_replies_wait_for_a_gap(void **state)
{
    struct exchange_story *f = *state;
    char payload[53] = {0};

    memset(payload, 'p', 52);
    greet(f);
    give_get(f, 1, "a");
    say_get_reply(f, 10);
    assert_true(wherry_exchange_data_begin(f->x, 10, 0));
    f->is_full = true;
    for (uint32_t i = 0; i < PING_BYTES / 64; i++) {
        give_ping(f, payload);
    }
    assert_false(wherry_exchange_wants_input(f->x));
    f->is_full = false;
    work(f);
    assert_true(wherry_exchange_wants_input(f->x));
}

static void test_small_answers_gather_in_the_output_up_to_its_bound(void **state)
{
    struct exchange_story *f = *state;
    uint32_t id = 0;
    uint8_t *room;

    f->params.output_bytes_max = 32768;
    greet(f);
    f->is_full = true;
    do {
        id++;
        give_get(f, id, "a");
        if (f->events.len == 0) {
            break; /* its turn has not come: there is no room for its answer */
        }
        f->events.len = 0;
        say_get_reply(f, 1000);
        room = wherry_exchange_data_room(f->x, 1000);
        if (room == NULL) {
            break;
        }
        memset(room, 0, 1000);
        assert_true(wherry_exchange_data_put(f->x, 1000, 0));
        say_end(f, RES_OK);
    } while (id < 100);
    assert_true(id > 10 && id < 33);
    assert_true(wherry_exchange_held_bytes(f->x) <= 32768);
    f->is_full = false;
    work(f);
    assert_int_equal(wherry_exchange_state(f->x), WHERRY_EXCHANGE_REPLYING); /* the last one */
}

static void test_large_requests_wait_in_little_memory(void **state)
{
    struct exchange_story *f = *state;
    uint8_t frame[WHERRY_FRAME_HEADER_BYTES + 65536] = {0};
    struct wherry_frame header = {.length = 65536, .type = WHERRY_FRAME_STAT};

    greet(f);
    for (uint32_t id = 1; id <= REQUESTS; id++) {
        header.id = id;
        wherry_frame_write(frame, &header);
        memcpy(frame + WHERRY_FRAME_HEADER_BYTES, "\0\1a\x7f\xff\xfa", 6); /* one large tag */
        assert_int_equal(give(f, frame, sizeof(frame)), sizeof(frame));
    }
    assert_true(wherry_exchange_wants_input(f->x));
    assert_true(wherry_exchange_held_bytes(f->x) < REQUESTS * 2560);
}

static void test_cancel_of_a_request_that_waits_ends_it_in_its_turn(void **state)
{
    struct exchange_story *f = *state;

    ask_many(f, 3);
    give_cancel(f, 2);
    give_cancel(f, 2);
    expect_nothing(f);
    say_end(f, RES_IO);
    work(f);
    expect_events(f, "REQUEST 3 STAT b\n");
    expect_sent(f, "END 1 IO\nEND 2 CANCELLED\nINFO 3\nEND 3 OK\n");
}

static void test_cancel_of_a_request_that_runs_is_said_once(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_cancel(f, 1);
    give_cancel(f, 1);
    expect_events(f, "REQUEST 1 HASH a\nSTOP 1 CANCELLED\n");
    say_end(f, RES_CANCELLED);
    work(f);
    expect_sent(f, "END 1 CANCELLED\n");
}

static void test_cancel_of_an_unknown_id_is_ignored(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    give_cancel(f, 5);
    give_path(f, WHERRY_FRAME_STAT, 5, "a");
    give_cancel(f, 5); /* it has ended */
    expect_sent(f, "INFO 5\nEND 5 OK\n");
    expect_state(f, WHERRY_EXCHANGE_IDLE);
}

static void test_cancel_of_a_refused_request_changes_nothing(void **state)
{
    struct exchange_story *f = *state;

    ask_many(f, 1);
    give_path(f, WHERRY_FRAME_STAT, 2, "..");
    give_cancel(f, 2);
    say_end(f, RES_IO);
    work(f);
    expect_sent(f, "END 1 IO\nEND 2 NAME\n");
}

static void test_a_critical_tag_in_cancel_ends_the_request_unsupported(void **state)
{
    struct exchange_story *f = *state;

    ask_many(f, 2);
    give_frame(f, WHERRY_FRAME_CANCEL, 2, "\x80\0\0", 3);
    say_end(f, RES_IO);
    work(f);
    expect_sent(f, "END 1 IO\nEND 2 UNSUPPORTED\n");
}

static void test_a_get_stops_at_the_next_frame_border(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    say_get_reply(f, 100);
    assert_true(wherry_exchange_data_begin(f->x, 10, 0));
    f->is_full = true;
    give_cancel(f, 1);
    expect_events(f, "REQUEST 1 GET a\nSTOP 1 CANCELLED\n");
    assert_false(wherry_exchange_end(f->x, RES_CANCELLED, NULL, 0)); /* within a frame */
    f->is_full = false;
    work(f);
    assert_false(wherry_exchange_data_begin(f->x, 10, 0));
    say_end(f, RES_CANCELLED);
    work(f);
    expect_sent(f, "GET_REPLY 1\nDATA 1 10\nEND 1 CANCELLED\n");
}

static void test_a_listing_stops_at_the_next_frame_border(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_message_entries e;

    greet(f);
    give_list(f, 1, "");
    say_entry(f, "a");
    give_cancel(f, 1);
    assert_false(wherry_exchange_entries_begin(f->x, &e));
    say_end(f, RES_CANCELLED);
    work(f);
    expect_sent(f, "ENTRIES 1\nEND 1 CANCELLED\n");
}

int main(void)
{
#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, exchange_story_setup, exchange_story_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_16_requests_may_be_outstanding_and_the_17th_is_busy_in_its_turn),
        STORY(test_after_a_refusal_reading_goes_on),
        STORY(test_a_put_refused_as_busy_is_over_at_its_end),
        STORY(test_ping_and_cancel_are_not_counted),
        STORY(test_reading_pauses_at_64_refusals),
        STORY(test_reading_pauses_at_4_kib_of_ping_replies),
        STORY(test_reading_pauses_also_if_ping_replies_wait_for_a_gap),
        STORY(test_small_answers_gather_in_the_output_up_to_its_bound),
        STORY(test_large_requests_wait_in_little_memory),
        STORY(test_cancel_of_a_request_that_waits_ends_it_in_its_turn),
        STORY(test_cancel_of_a_request_that_runs_is_said_once),
        STORY(test_cancel_of_an_unknown_id_is_ignored),
        STORY(test_cancel_of_a_refused_request_changes_nothing),
        STORY(test_a_critical_tag_in_cancel_ends_the_request_unsupported),
        STORY(test_a_get_stops_at_the_next_frame_border),
        STORY(test_a_listing_stops_at_the_next_frame_border),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
