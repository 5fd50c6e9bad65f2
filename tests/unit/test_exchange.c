/* SPDX-License-Identifier: BSD-2-Clause */
/* HELLO, the order of requests, and what answers them. Uploads, cancelling, bad frames, time and
 * closing have their own files. */
#include <wherry/exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/exchange_story.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static int memory_left = -1; /* so many callocs succeed; -1: all */

void *__wrap_calloc(size_t count, size_t size)
{
    if (memory_left == 0) {
        return NULL;
    }
    memory_left -= memory_left > 0;
    return __real_calloc(count, size);
}

static void test_without_memory_nothing_is_made(void **state)
{
    struct exchange_story *f = *state;
    enum res r;

    memory_left = 0;
    r = wherry_exchange_new(&f->x, &f->params, 0);
    memory_left = -1;
    assert_int_equal(r, RES_NO_MEMORY);
    assert_null(f->x);
}

static void test_free_takes_null(void **state)
{
    (void)state;
    wherry_exchange_free(NULL);
}

static void test_without_memory_for_a_request_the_connection_ends_busy(void **state)
{
    struct exchange_story *f = *state;

    greet(f); /* the decoder has what it gathers short frames in */
    f->is_full = true;
    memory_left = 0;
    give_path(f, WHERRY_FRAME_STAT, 1, "a");
    memory_left = -1;
    f->is_full = false;
    work(f);
    expect_sent(f, "END 0 BUSY\n");
    expect_events(f, "SHUT\n");
    assert_int_equal(wherry_exchange_result(f->x), RES_NO_MEMORY);
}

static void test_without_memory_for_output_the_connection_is_lost(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_message_entries e;

    greet(f);
    give_list(f, 1, "");
    expect_events(f, "REQUEST 1 LIST \n");
    memory_left = 0;
    assert_false(wherry_exchange_entries_begin(f->x, &e));
    memory_left = -1;
    expect_state(f, WHERRY_EXCHANGE_CLOSED);
    work(f);
    expect_events(f, "ABORT 1 NO_MEMORY\nOVER NO_MEMORY\n");
    expect_nothing(f);
}

static void test_without_memory_for_data_the_connection_is_lost(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    expect_events(f, "REQUEST 1 GET a\n");
    say_get_reply(f, 10000);
    memory_left = 0;
    assert_null(wherry_exchange_data_room(f->x, 10000));
    memory_left = -1;
    assert_false(wherry_exchange_data_put(f->x, 10000, 0));
    work(f);
    expect_events(f, "ABORT 1 NO_MEMORY\nOVER NO_MEMORY\n");
}

static void test_without_memory_for_a_ping_reply_the_connection_is_lost(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    expect_events(f, "REQUEST 1 GET a\n");
    say_get_reply(f, 10);
    assert_true(wherry_exchange_data_begin(f->x, 10, 0));
    f->is_full = true;
    memory_left = 0;
    give_ping(f, "p");
    memory_left = -1;
    expect_events(f, "ABORT 1 NO_MEMORY\nOVER NO_MEMORY\n");
    assert_string_not_equal(wherry_exchange_why(f->x), "");
}

static void test_without_memory_for_an_end_the_connection_is_lost(void **state)
{
    struct exchange_story *f = *state;
    uint8_t text[WHERRY_STRING_MAX];
    struct wherry_message_end_reply m = {.text = {.bytes = text, .len = sizeof(text)}};

    memset(text, 'a', sizeof(text));
    greet(f);
    give_path(f, WHERRY_FRAME_MKDIR, 1, "a");
    memory_left = 0;
    assert_true(wherry_exchange_end(f->x, RES_IO, &m, 0));
    memory_left = -1;
    work(f);
    expect_events(f, "REQUEST 1 MKDIR a\nOVER NO_MEMORY\n");
}

static void test_hello_is_answered_with_version_and_max_frame(void **state)
{
    struct exchange_story *f = *state;
    const uint8_t hello[] = "\0\0\0\6\1\0\0\0\0\0\0\0WHRY\1\1";
    const uint8_t answer[] = "\0\0\0\15\x81\0\0\0\0\0\0\0WHRY\1\0\2\0\0\0\0\0\0";
    struct wherry_view due;
    bool more;

    f->params.max_frame = 131072;
    begin(f);
    f->is_full = true;
    expect_state(f, WHERRY_EXCHANGE_NEW);
    assert_int_equal(give(f, hello, sizeof(hello) - 1), sizeof(hello) - 1);
    assert_true(wherry_exchange_output(f->x, &due, &more));
    assert_false(more);
    assert_int_equal(due.len, sizeof(answer) - 1);
    assert_memory_equal(due.bytes, answer, due.len);
    expect_state(f, WHERRY_EXCHANGE_IDLE);
}

static void test_hello_of_later_versions_too_is_answered(void **state)
{
    struct exchange_story *f = *state;

    begin(f);
    give_hello(f, 1, 9);
    expect_sent(f, "HELLO 0\n");
}

static void expect_unsupported(struct exchange_story *f)
{
    expect_sent(f, "END 0 UNSUPPORTED\n");
    expect_events(f, "SHUT\n");
    expect_state(f, WHERRY_EXCHANGE_CLOSING);
    assert_int_equal(wherry_exchange_result(f->x), RES_UNSUPPORTED);
}

static void test_without_a_common_version_hello_is_unsupported(void **state)
{
    struct exchange_story *f = *state;

    begin(f);
    give_hello(f, 2, 3);
    expect_unsupported(f);
    assert_string_equal(wherry_exchange_why(f->x), "this server speaks version 1");
}

static void test_hello_of_version_0_alone_is_unsupported(void **state)
{
    struct exchange_story *f = *state;

    begin(f);
    give_hello(f, 0, 0);
    expect_unsupported(f);
}

static void test_critical_tag_in_hello_ends_the_connection_unsupported(void **state)
{
    struct exchange_story *f = *state;

    begin(f);
    give_frame(f, WHERRY_FRAME_HELLO, 0, "WHRY\1\1\x80\0\0", 9);
    expect_unsupported(f);
}

static void test_unknown_tag_in_hello_is_skipped(void **state)
{
    struct exchange_story *f = *state;

    begin(f);
    give_frame(f, WHERRY_FRAME_HELLO, 0, "WHRY\1\1\x7f\0\1x", 10);
    expect_sent(f, "HELLO 0\n");
}

static void test_requests_may_follow_right_behind_hello(void **state)
{
    struct exchange_story *f = *state;
    const uint8_t both[] = "\0\0\0\6\1\0\0\0\0\0\0\0WHRY\1\1"
                           "\0\0\0\3\3\0\0\0\0\0\0\7\0\1a";

    begin(f);
    assert_int_equal(give(f, both, sizeof(both) - 1), sizeof(both) - 1);
    expect_events(f, "REQUEST 7 STAT a\n");
}

static void test_each_kind_of_request_is_answered_by_its_replies_and_one_end(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    give_list(f, 1, "dir");
    expect_sent(f, "ENTRIES 1\nEND 1 OK\n");
    give_path(f, WHERRY_FRAME_STAT, 2, "b");
    expect_sent(f, "INFO 2\nEND 2 OK\n");
    give_get(f, 3, "c");
    expect_sent(f, "GET_REPLY 3\nDATA 3 4\nDATA 3 5\nEND 3 OK\n");
    give_path(f, WHERRY_FRAME_MKDIR, 4, "d");
    expect_sent(f, "END 4 EXISTS\n");
    give_path(f, WHERRY_FRAME_HASH, 5, "e");
    expect_state(f, WHERRY_EXCHANGE_REPLYING);
    say_hash(f);
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "HASH_REPLY 5\nEND 5 OK\n");
    expect_state(f, WHERRY_EXCHANGE_IDLE);
}

static void test_fields_of_a_request_outlive_its_frame(void **state)
{
    struct exchange_story *f = *state;
    uint8_t frame[] = "\0\0\0\55\4\0\0\0\0\0\0\1"
                      "\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6\0\10some/dir\2\0\20validator-of-16b";
    struct wherry_exchange_event e;

    greet(f);
    frame[3] = sizeof(frame) - 1 - WHERRY_FRAME_HEADER_BYTES;
    assert_int_equal(wherry_exchange_input(f->x, frame, sizeof(frame) - 1, 0), sizeof(frame) - 1);
    assert_true(wherry_exchange_event(f->x, &e));
    memset(frame, 0xff, sizeof(frame));
    give_ping(f, "this lies where the frame was gathered, or may do so");
    assert_int_equal(e.request->m.get.offset, 5);
    assert_int_equal(e.request->m.get.count, 6);
    assert_memory_equal(e.request->m.get.path.bytes, "some/dir", 8);
    assert_memory_equal(e.request->m.get.if_match, "validator-of-16b", 16);
}

static void test_replies_come_in_the_order_of_requests(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 9, "a");
    give_path(f, WHERRY_FRAME_STAT, 3, "b");
    give_list(f, 4, "c");
    expect_events(f, "REQUEST 9 HASH a\n"); /* the others wait */
    say_end(f, RES_IO);
    work(f);
    expect_events(f, "REQUEST 3 STAT b\n");
    say_info(f);
    say_end(f, RES_OK);
    work(f);
    expect_events(f, "REQUEST 4 LIST c\n");
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "END 9 IO\nINFO 3\nEND 3 OK\nEND 4 OK\n");
}

static void test_an_id_is_free_again_once_its_end_was_sent(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    for (int i = 0; i < 3; i++) {
        give_path(f, WHERRY_FRAME_STAT, 1, "a");
        expect_sent(f, "INFO 1\nEND 1 OK\n");
    }
}

static void test_any_id_but_0_is_echoed(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    give_path(f, WHERRY_FRAME_STAT, UINT32_MAX, "a");
    expect_sent(f, "INFO 4294967295\nEND 4294967295 OK\n");
}

static void test_flags_and_status_of_a_client_are_ignored(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    assert_int_equal(give(f, "\0\0\0\3\3\xff\xff\xff\0\0\0\7\0\1a", 15), 15);
    expect_events(f, "REQUEST 7 STAT a\n");
}

static void
test_a_name_that_is_not_allowed_ends_the_request_and_the_connection_goes_on(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    give_path(f, WHERRY_FRAME_STAT, 1, "../etc/passwd");
    give_get(f, 2, ".wherry-1");
    give_put(f, 3, "/a");
    give_path(f, WHERRY_FRAME_STAT, 4, "a");
    expect_sent(f, "END 1 NAME\nEND 2 NAME\nEND 3 NAME\nINFO 4\nEND 4 OK\n");
    expect_events(f, "REQUEST 4 STAT a\n");
}

static void
test_a_critical_tag_ends_the_request_unsupported_and_the_connection_goes_on(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    give_frame(f, WHERRY_FRAME_STAT, 1, "\0\1a\xff\0\1x", 7);
    give_path(f, WHERRY_FRAME_STAT, 2, "a");
    expect_sent(f, "END 1 UNSUPPORTED\nINFO 2\nEND 2 OK\n");
}

static void test_an_unknown_mode_of_put_is_unsupported(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_frame(f, WHERRY_FRAME_PUT, 1, "\0\0\0\0\0\0\0\1\3\0\1a", 12);
    expect_sent(f, "END 1 UNSUPPORTED\n");
}

static void test_a_ping_is_echoed_at_once(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_path(f, WHERRY_FRAME_HASH, 1, "a");
    give_ping(f, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    give_ping(f, "");
    expect_sent(f, "PING_REPLY "
                   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
                   "PING_REPLY \n");
}

static void test_a_reply_to_our_ping_is_taken_and_not_answered(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_frame(f, WHERRY_FRAME_PING_REPLY, 0, "x", 1);
    expect_nothing(f);
    expect_state(f, WHERRY_EXCHANGE_IDLE);
}

static void test_frames_of_id_0_wait_for_the_end_of_a_data_frame(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    f->is_full = true;
    say_get_reply(f, 20);
    assert_true(wherry_exchange_data_begin(f->x, 10, 0));
    give_ping(f, "one");
    give_ping(f, "two");
    f->is_full = false;
    work(f);
    expect_sent(f, "GET_REPLY 1\nDATA 1 10\nPING_REPLY one\nPING_REPLY two\n");
}

static void test_more_follows_a_header_whose_bytes_the_adapter_sends(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_view due;
    bool more;

    greet(f);
    give_get(f, 1, "a");
    f->is_full = true;
    say_get_reply(f, 10);
    assert_true(wherry_exchange_output(f->x, &due, &more));
    assert_false(more);
    assert_true(wherry_exchange_data_begin(f->x, 10, 0));
    assert_true(wherry_exchange_output(f->x, &due, &more));
    assert_true(more);
    assert_int_equal(wherry_exchange_data_due(f->x), 0); /* header first */
    wherry_exchange_output_sent(f->x, due.len, 0);
    assert_int_equal(wherry_exchange_data_due(f->x), 10);
    wherry_exchange_data_sent(f->x, 7, 0);
    assert_int_equal(wherry_exchange_data_due(f->x), 3);
    assert_false(wherry_exchange_end(f->x, RES_IO, NULL, 0)); /* not within a frame */
    wherry_exchange_data_sent(f->x, 3, 0);
    assert_true(wherry_exchange_end(f->x, RES_OK, NULL, 0));
}

static void test_data_never_exceeds_count_or_max_frame(void **state)
{
    struct exchange_story *f = *state;

    f->params.max_frame = 65536;
    greet(f);
    give_get(f, 1, "a");
    assert_false(wherry_exchange_data_begin(f->x, 1, 0)); /* before GET_REPLY */
    say_get_reply(f, 65540);
    assert_false(wherry_exchange_data_begin(f->x, 65537, 0));
    assert_false(wherry_exchange_data_begin(f->x, 0, 0));
    assert_true(wherry_exchange_data_begin(f->x, 65536, 0));
    assert_false(wherry_exchange_data_begin(f->x, 1, 0)); /* one after the other */
    work(f);
    assert_false(wherry_exchange_data_begin(f->x, 5, 0));
    assert_null(wherry_exchange_data_room(f->x, 5));
    assert_false(wherry_exchange_end(f->x, RES_OK, NULL, 0)); /* four are missing */
    assert_true(wherry_exchange_data_begin(f->x, 4, 0));
    work(f);
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "GET_REPLY 1\nDATA 1 65536\nDATA 1 4\nEND 1 OK\n");
}

static void test_a_get_that_fails_may_send_less_than_its_count(void **state)
{
    struct exchange_story *f = *state;

    greet(f);
    give_get(f, 1, "a");
    say_get_reply(f, 100);
    assert_true(wherry_exchange_data_begin(f->x, 10, 0));
    work(f);
    say_end(f, RES_CHANGED);
    work(f);
    expect_sent(f, "GET_REPLY 1\nDATA 1 10\nEND 1 CHANGED\n");
}

static void test_what_may_not_come_now_is_refused_and_changes_nothing(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_message_info info = {.kind = WHERRY_KIND_FILE};
    struct wherry_message_get_reply get = {.info = info};
    struct wherry_message_hash_reply hash = {.sha256 = {0}};
    struct wherry_message_ready ready = {.offset = 0};
    struct wherry_message_entries e = {.len = 0};

    greet(f);
    assert_false(wherry_exchange_end(f->x, RES_IO, NULL, 0)); /* nothing runs */
    give_path(f, WHERRY_FRAME_STAT, 1, "a");
    expect_events(f, "REQUEST 1 STAT a\n");
    assert_false(wherry_exchange_get_reply(f->x, &get, 0));
    assert_false(wherry_exchange_hash_reply(f->x, &hash, 0));
    assert_false(wherry_exchange_ready(f->x, &ready, 0));
    assert_false(wherry_exchange_put_taken(f->x, 0));
    assert_false(wherry_exchange_entries_begin(f->x, &e));
    assert_false(wherry_exchange_entries_end(f->x, &e, 0));
    assert_false(wherry_exchange_data_begin(f->x, 1, 0));
    assert_false(wherry_exchange_end(f->x, RES_OK, NULL, 0)); /* OK without INFO */
    expect_nothing(f);
    say_info(f);
    assert_false(wherry_exchange_info(f->x, &info, 0)); /* once */
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "INFO 1\nEND 1 OK\n");
}

static void test_end_carries_text_digest_and_validator(void **state)
{
    struct exchange_story *f = *state;
    const uint8_t sha256[WHERRY_SHA256_BYTES] = {7};
    const uint8_t validator[WHERRY_VALIDATOR_BYTES] = {9};
    struct wherry_message_end_reply m = {
        .text = {.bytes = (const uint8_t *)"stored", .len = 6},
        .sha256 = sha256,
        .validator = validator,
    };
    struct wherry_message_end_reply got;
    struct wherry_view due;
    bool more;

    greet(f);
    give_path(f, WHERRY_FRAME_MKDIR, 1, "a");
    assert_true(wherry_exchange_end(f->x, RES_OK, &m, 0));
    assert_true(wherry_exchange_output(f->x, &due, &more));
    due.bytes += WHERRY_FRAME_HEADER_BYTES;
    due.len -= WHERRY_FRAME_HEADER_BYTES;
    assert_int_equal(wherry_message_parse_end_reply(&got, due), RES_OK);
    assert_int_equal(got.text.len, 6);
    assert_memory_equal(got.text.bytes, "stored", 6);
    assert_memory_equal(got.sha256, sha256, sizeof(sha256));
    assert_memory_equal(got.validator, validator, sizeof(validator));
}

static void test_a_text_too_long_for_a_string_is_cut(void **state)
{
    struct exchange_story *f = *state;
    uint8_t text[2000];
    struct wherry_message_end_reply m = {.text = {.bytes = text, .len = sizeof(text)}};

    memset(text, 'a', sizeof(text));
    greet(f);
    give_path(f, WHERRY_FRAME_MKDIR, 1, "a");
    assert_true(wherry_exchange_end(f->x, RES_IO, &m, 0));
    work(f);
    expect_sent(f, "END 1 IO\n");
}

static void test_a_listing_takes_as_many_frames_as_it_needs(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_message_entry entry = {.kind = WHERRY_KIND_FILE};
    struct wherry_message_entries e;
    unsigned frames = 0;
    char name[16];

    greet(f);
    give_list(f, 1, "");
    f->is_full = true;
    for (unsigned i = 0; i < 10000;) {
        if (!wherry_exchange_entries_begin(f->x, &e)) {
            assert_true(wherry_exchange_held_bytes(f->x) <= f->params.output_bytes_max);
            f->is_full = false;
            work(f);
            f->is_full = true;
            continue;
        }
        do {
            (void)snprintf(name, sizeof(name), "name%u", i);
            entry.name = (struct wherry_view){(const uint8_t *)name, strlen(name)};
        } while (wherry_message_entries_add(&e, &entry) && ++i < 10000);
        assert_true(wherry_exchange_entries_end(f->x, &e, 0));
        frames++;
    }
    assert_true(frames > 1);
    f->sent.len = 0;
    say_end(f, RES_OK);
    f->is_full = false;
    work(f);
    expect_events(f, "REQUEST 1 LIST \n");
}

static void test_an_empty_listing_sends_no_entries(void **state)
{
    struct exchange_story *f = *state;
    struct wherry_message_entries e;

    greet(f);
    give_list(f, 1, "");
    assert_true(wherry_exchange_entries_begin(f->x, &e));
    assert_true(wherry_exchange_entries_end(f->x, &e, 0));
    say_end(f, RES_OK);
    work(f);
    expect_sent(f, "END 1 OK\n");
}

static void test_an_idle_connection_holds_no_bytes(void **state)
{
    struct exchange_story *f = *state;

    f->answers = true;
    greet(f);
    give_list(f, 1, "dir");
    give_get(f, 2, "b");
    expect_state(f, WHERRY_EXCHANGE_IDLE);
    assert_int_equal(wherry_exchange_held_bytes(f->x), 0);
}

int main(void)
{
#define STORY(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, exchange_story_setup, exchange_story_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_without_memory_nothing_is_made),
        cmocka_unit_test(test_free_takes_null),
        STORY(test_without_memory_for_a_request_the_connection_ends_busy),
        STORY(test_without_memory_for_output_the_connection_is_lost),
        STORY(test_without_memory_for_data_the_connection_is_lost),
        STORY(test_without_memory_for_a_ping_reply_the_connection_is_lost),
        STORY(test_without_memory_for_an_end_the_connection_is_lost),
        STORY(test_hello_is_answered_with_version_and_max_frame),
        STORY(test_hello_of_later_versions_too_is_answered),
        STORY(test_without_a_common_version_hello_is_unsupported),
        STORY(test_hello_of_version_0_alone_is_unsupported),
        STORY(test_critical_tag_in_hello_ends_the_connection_unsupported),
        STORY(test_unknown_tag_in_hello_is_skipped),
        STORY(test_requests_may_follow_right_behind_hello),
        STORY(test_each_kind_of_request_is_answered_by_its_replies_and_one_end),
        STORY(test_fields_of_a_request_outlive_its_frame),
        STORY(test_replies_come_in_the_order_of_requests),
        STORY(test_an_id_is_free_again_once_its_end_was_sent),
        STORY(test_any_id_but_0_is_echoed),
        STORY(test_flags_and_status_of_a_client_are_ignored),
        STORY(test_a_name_that_is_not_allowed_ends_the_request_and_the_connection_goes_on),
        STORY(test_a_critical_tag_ends_the_request_unsupported_and_the_connection_goes_on),
        STORY(test_an_unknown_mode_of_put_is_unsupported),
        STORY(test_a_ping_is_echoed_at_once),
        STORY(test_a_reply_to_our_ping_is_taken_and_not_answered),
        STORY(test_frames_of_id_0_wait_for_the_end_of_a_data_frame),
        STORY(test_more_follows_a_header_whose_bytes_the_adapter_sends),
        STORY(test_data_never_exceeds_count_or_max_frame),
        STORY(test_a_get_that_fails_may_send_less_than_its_count),
        STORY(test_what_may_not_come_now_is_refused_and_changes_nothing),
        STORY(test_end_carries_text_digest_and_validator),
        STORY(test_a_text_too_long_for_a_string_is_cut),
        STORY(test_a_listing_takes_as_many_frames_as_it_needs),
        STORY(test_an_empty_listing_sends_no_entries),
        STORY(test_an_idle_connection_holds_no_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
