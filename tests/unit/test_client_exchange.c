/* SPDX-License-Identifier: BSD-2-Clause */
/* The greeting, requests as bytes, replies as events, order, CANCEL, PING. Uploads, lies, endings
 * and pieces have their own files. */
#include <wherry/client_exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/client_exchange_story.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool memory_is_full; /* the next calloc fails */

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_is_full ? NULL : __real_calloc(count, size);
}

static void test_without_memory_nothing_is_made(void **state)
{
    struct client_exchange_story *f = *state;
    struct wherry_client_exchange *untouched = (struct wherry_client_exchange *)(void *)f;
    struct wherry_client_exchange *ret = untouched;
    enum res r;

    memory_is_full = true;
    r = wherry_client_exchange_new(&ret, &f->params);
    memory_is_full = false;
    assert_int_equal(r, RES_NO_MEMORY);
    assert_ptr_equal(ret, untouched);
}

static void test_without_memory_for_a_frame_the_connection_is_over(void **state)
{
    struct client_exchange_story *f = *state;

    begin(f);
    memory_is_full = true;
    give(f, BYTES(HELLO));
    memory_is_full = false;
    expect(f, "CLOSED NO_MEMORY\n");
}

static void test_free_takes_null(void **state)
{
    (void)state;
    wherry_client_exchange_free(NULL);
}

static void test_hello_is_first_and_requests_may_follow_right_behind_it(void **state)
{
    struct client_exchange_story *f = *state;

    assert_int_equal(wherry_client_exchange_new(&f->x, &f->params), RES_OK);
    assert_int_equal(wherry_client_exchange_state(f->x), WHERRY_CLIENT_GREETING);
    assert_int_equal(wherry_client_exchange_max_frame(f->x), 0);
    assert_int_equal(ask_stat(f, VIEW("a")), 1);
    expect_output(f, BYTES(FRAME("\0\6", "\1", "\0", "\0") "WHRY\1\1" FRAME("\0\3", "\3", "\0",
                                                                            "\1") "\0\1a"));
    expect_silence(f);
}

static void test_hello_of_the_server_opens_and_says_max_frame(void **state)
{
    struct client_exchange_story *f = *state;

    begin(f);
    give(f, BYTES(HELLO));
    expect(f, "HELLO 1 131072\n");
    assert_int_equal(wherry_client_exchange_state(f->x), WHERRY_CLIENT_OPEN);
    assert_int_equal(wherry_client_exchange_max_frame(f->x), MAX_FRAME);
}

static void test_features_that_version_1_does_not_know_are_ignored(void **state)
{
    struct client_exchange_story *f = *state;

    begin(f);
    give(f, BYTES(FRAME("\0\15", "\x81", "\0", "\0") "WHRY\1"
                                                     "\0\2\0\0"
                                                     "\x80\0\0\1"));
    expect(f, STORY_HELLO);
}

static void test_output_leaves_in_any_pieces(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_stat(f, VIEW("ab"));
    expect_piece(f, BYTES("\0"));
    expect_piece(f, BYTES("\0\0\4\3\0\0\0"));
    (void)ask_stat(f, VIEW("c"));
    expect_output(f, BYTES("\0\0\0\1\0\2ab" FRAME("\0\3", "\3", "\0", "\2") "\0\1c"));
    expect_silence(f);
}

static void test_more_than_there_is_cannot_leave(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    wherry_client_exchange_output_sent(f->x, 1000, f->now_ns);
    wherry_client_exchange_body_sent(f->x, 1000, f->now_ns);
    expect_silence(f);
    (void)ask_stat(f, VIEW("b"));
    expect_output(f, BYTES(FRAME("\0\3", "\3", "\0", "\2") "\0\1b"));
}

static void test_stat_brings_info(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    assert_int_equal(ask_stat(f, VIEW("d/a")), 1);
    expect_output(f, BYTES(FRAME("\0\5", "\3", "\0", "\1") "\0\3d/a"));
    give(f, BYTES(FRAME("\0\41", "\x83", "\0", "\1") "\2" U64("\7") U64("\11") SIXTEEN("\xab")
                      END(OK, "\1")));
    expect(f, "INFO 1 2 7 9 ab\n"
              "END 1 OK \"\"\n");
    assert_int_equal(wherry_client_exchange_outstanding(f->x), 0);
}

static void test_list_brings_entries_of_any_number_of_frames(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    assert_int_equal(ask_list(f, VIEW("d"), VIEW("")), 1);
    expect_output(f, BYTES(FRAME("\0\5", "\2", "\0", "\1") "\0\1d\0\0"));
    give(f, BYTES(FRAME("\0\52", "\x82", "\0", "\1") "\1" U64("\5")
                      U64("\6") "\0\1a"
                                "\2" U64("\7") U64("\10") "\0\3a\\b" FRAME("\0\26", "\x82", "\0",
                                                                           "\1") "\1" U64("\1")
                                    U64("\2") "\0\3\xff\n\x01"));
    expect(f, "ENTRY 1 1 5 6 a\n"
              "ENTRY 1 2 7 8 a\\b\n"
              "ENTRY 1 1 1 2 \xff\n\x01\n");
    give(f, BYTES(END(OK, "\1")));
    expect(f, "END 1 OK \"\"\n");
}

static void test_empty_listing_is_just_its_end(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_list(f, VIEW(""), VIEW("zz"));
    expect_output(f, BYTES(FRAME("\0\6", "\2", "\0", "\1") "\0\0\0\2zz"));
    give(f, BYTES(END(OK, "\1")));
    expect(f, "END 1 OK \"\"\n");
}

static void test_get_brings_the_range_and_its_bytes(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    assert_int_equal(ask_get(f, VIEW("a"), 3, 4), 1);
    expect_output(f, BYTES(FRAME("\0\23", "\4", "\0", "\1") U64("\3") U64("\4") "\0\1a"));
    give(f, BYTES(FRAME("\0\61", "\x84", "\0", "\1") "\1" U64("\12") U64("\1") SIXTEEN("\xcd") U64(
                "\3") U64("\4") FRAME("\0\1", "\6", "\0", "\1") "d" FRAME("\0\0", "\6", "\0", "\1")
                      FRAME("\0\3", "\6", "\0", "\1") "efg" END(OK, "\1")));
    expect(f, "GET 1 10 3 4 cd\n"
              "BYTES 1 @3 defg\n"
              "END 1 OK \"\"\n");
}

static void test_get_to_the_end_is_cut_at_the_end(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_get(f, VIEW("a"), 8, WHERRY_COUNT_ALL);
    expect_output(f, BYTES(FRAME("\0\23", "\4", "\0", "\1")
                               U64("\10") "\xff\xff\xff\xff\xff\xff\xff\xff"
                                          "\0\1a"));
    give(f, BYTES(FRAME("\0\61", "\x84", "\0", "\1") "\1" U64("\12") U64("\1") SIXTEEN("\xcd")
                      U64("\10") U64("\2") FRAME("\0\2", "\6", "\0", "\1") "ij" END(OK, "\1")));
    expect(f, "GET 1 10 8 2 cd\n"
              "BYTES 1 @8 ij\n"
              "END 1 OK \"\"\n");
}

static void test_get_at_the_end_has_no_bytes(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_get(f, VIEW("a"), 10, WHERRY_COUNT_ALL);
    flush(f);
    give(f, BYTES(FRAME("\0\61", "\x84", "\0", "\1") "\1" U64("\12") U64("\1") SIXTEEN("\xcd")
                      U64("\12") U64("\0") END(OK, "\1")));
    expect(f, "GET 1 10 10 0 cd\n"
              "END 1 OK \"\"\n");
}

static void test_get_of_a_version_sends_if_match_and_takes_only_it(void **state)
{
    struct client_exchange_story *f = *state;
    const struct wherry_message_get m = {
        .path = VIEW("a"), .count = 1, .if_match = (const uint8_t *)SIXTEEN("v")};
    uint32_t id;

    greet(f);
    assert_int_equal(wherry_client_exchange_get(f->x, &m, f->now_ns, &id), RES_OK);
    expect_output(f, BYTES(FRAME("\0\46", "\4", "\0", "\1") U64("\0")
                               U64("\1") "\0\1a"
                                         "\2\0\20" SIXTEEN("v")));
    give(f, BYTES(FRAME("\0\61", "\x84", "\0", "\1") "\1" U64("\12") U64("\1") SIXTEEN("v")
                      U64("\0") U64("\1")));
    expect(f, "GET 1 10 0 1 76\n");
}

static void test_end_says_how_it_failed_and_what_came_before_does_not_count(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_get(f, VIEW("a"), 0, WHERRY_COUNT_ALL);
    (void)ask_get(f, VIEW("b"), 0, WHERRY_COUNT_ALL);
    flush(f);
    give(f, BYTES(FRAME("\0\61", "\x84", "\0", "\1") "\1" U64("\3") U64("\1") SIXTEEN("\xcd")
                      U64("\0") U64("\3") FRAME("\0\3", "\6", "\0", "\1") "abc" FRAME(
                          "\0\6", "\x87", CHANGED, "\1") "\0\4gone" FRAME("\0\4", "\x87", NOT_FOUND,
                                                                          "\2") "\0\2no"));
    expect(f, "GET 1 3 0 3 cd\n"
              "BYTES 1 @0 abc\n"
              "END 1 CHANGED \"gone\"\n"
              "END 2 NOT_FOUND \"no\"\n");
}

static void test_unknown_status_is_an_error_of_the_peer(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_mkdir(f, VIEW("a"));
    flush(f);
    give(f, BYTES("\0\0\0\2\x87\0\1\0\0\0\0\1\0\0"));
    expect(f, "END 1 PEER \"\"\n");
}

static void test_hash_brings_validator_and_digest(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    assert_int_equal(ask_hash(f, VIEW("a")), 1);
    expect_output(f, BYTES(FRAME("\0\3", "\12", "\0", "\1") "\0\1a"));
    give(f, BYTES(FRAME("\0\60", "\x8a", "\0", "\1") SIXTEEN("\xaa") SIXTEEN("\xbb") SIXTEEN("\xbc")
                      END(OK, "\1")));
    expect(f, "HASH 1 aa bb\n"
              "END 1 OK \"\"\n");
}

static void test_mkdir_is_a_path_and_its_end(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    assert_int_equal(ask_mkdir(f, VIEW("a")), 1);
    expect_output(f, BYTES(FRAME("\0\3", "\13", "\0", "\1") "\0\1a"));
    give(f, BYTES(END(OK, "\1")));
    expect(f, "END 1 OK \"\"\n");
}

static void test_end_brings_its_tags(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_mkdir(f, VIEW("a"));
    flush(f);
    give(f, BYTES(FRAME("\0\70", "\x87", OK, "\1") "\0\0"
                                                   "\1\0\40" SIXTEEN("\x11")
                                                       SIXTEEN("\x12") "\2\0\20" SIXTEEN("\x22")));
    expect(f, "END 1 OK \"\" sha256 11 validator 22\n");
}

static void test_16_requests_may_be_outstanding_and_no_more(void **state)
{
    struct client_exchange_story *f = *state;
    uint32_t id = 99;

    greet(f);
    for (uint32_t i = 1; i <= 16; i++) {
        assert_int_equal(ask_stat(f, VIEW("a")), i);
    }
    assert_int_equal(wherry_client_exchange_stat(f->x, VIEW("a"), f->now_ns, &id), RES_BUSY);
    assert_int_equal(id, 99);
    assert_int_equal(wherry_client_exchange_outstanding(f->x), 16);
    flush(f);
    give(f, BYTES(END(NOT_FOUND, "\1")));
    expect(f, "END 1 NOT_FOUND \"\"\n");
    assert_int_equal(ask_stat(f, VIEW("a")), 17);
}

static void test_longest_requests_wait_until_others_have_left(void **state)
{
    struct client_exchange_story *f = *state;
    uint8_t path[WHERRY_STRING_MAX];
    const struct wherry_message_list m = {.path = {path, sizeof(path)},
                                          .after = {path, sizeof(path)}};
    uint32_t id = 99;
    size_t len;

    memset(path, 'p', sizeof(path));
    for (size_t i = 200; i < sizeof(path); i += 200) {
        path[i] = '/';
    }
    greet(f);
    while (wherry_client_exchange_list(f->x, &m, f->now_ns, &id) == RES_OK) {
    }
    assert_int_equal(id, 3);
    assert_int_equal(wherry_client_exchange_outstanding(f->x), 3);
    len = wherry_client_exchange_output(f->x).len;
    assert_int_equal(len, 3 * (12 + 2 + 1024 + 2 + 1024));
    wherry_client_exchange_output_sent(f->x, 12, f->now_ns);
    assert_int_equal(wherry_client_exchange_list(f->x, &m, f->now_ns, &id), RES_BUSY);
    assert_int_equal(wherry_client_exchange_output(f->x).len, len - 12);
    wherry_client_exchange_output_sent(f->x, 2052, f->now_ns);
    assert_int_equal(wherry_client_exchange_list(f->x, &m, f->now_ns, &id), RES_OK);
    assert_int_equal(id, 4);
    assert_int_equal(wherry_client_exchange_output(f->x).len, len);
    assert_memory_equal(wherry_client_exchange_output(f->x).bytes, "\0\0\x08\x04\2\0\0\0\0\0\0\2",
                        12);
}

/* Nothing else can fill the queue to the brim: a PUT that is not closed keeps requests out. */
static void test_whatever_does_not_fit_has_to_wait(void **state)
{
    struct client_exchange_story *f = *state;
    uint8_t path[WHERRY_STRING_MAX];
    const struct wherry_message_get get = {.path = {path, sizeof(path)}};
    const struct wherry_message_put put = {.path = {path, sizeof(path)}, .mode = WHERRY_PUT_CREATE};
    uint32_t id = 99;
    unsigned cancelled = 0;

    memset(path, 'p', sizeof(path));
    for (size_t i = 200; i < sizeof(path); i += 200) {
        path[i] = '/';
    }
    greet(f);
    while (wherry_client_exchange_get(f->x, &get, f->now_ns, &id) == RES_OK) {
    }
    assert_int_equal(wherry_client_exchange_put(f->x, &put, f->now_ns, &id), RES_BUSY);
    assert_int_equal(wherry_client_exchange_mkdir(f->x, get.path, f->now_ns, &id), RES_BUSY);
    while (wherry_client_exchange_stat(f->x, VIEW(SIXTEEN("12345")), f->now_ns, &id) == RES_OK) {
    }
    for (uint32_t i = 1; i <= id; i++) {
        cancelled += wherry_client_exchange_cancel(f->x, i, f->now_ns) == RES_OK ? 1 : 0;
    }
    assert_true(cancelled < id);
    assert_int_equal(wherry_client_exchange_ping(f->x, VIEW("012345678901"), f->now_ns), RES_BUSY);
    flush(f);
    assert_int_equal(wherry_client_exchange_cancel(f->x, id, f->now_ns), RES_OK);
}

static void test_answers_in_order_belong_to_requests_of_all_types(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_mkdir(f, VIEW("d"));
    (void)ask_list(f, VIEW("d"), VIEW(""));
    (void)ask_stat(f, VIEW("d"));
    flush(f);
    give(f, BYTES(END(OK, "\1") END(OK, "\2") END(NOT_FOUND, "\3")));
    expect(f, "END 1 OK \"\"\n"
              "END 2 OK \"\"\n"
              "END 3 NOT_FOUND \"\"\n");
}

static void test_ids_count_up_and_leave_out_0(void **state)
{
    struct client_exchange_story *f = *state;

    f->params.first_id = UINT32_MAX;
    greet(f);
    assert_true(ask_stat(f, VIEW("a")) == UINT32_MAX);
    expect_output(f, BYTES("\0\0\0\3\3\0\0\0\xff\xff\xff\xff\0\1a"));
    assert_int_equal(ask_stat(f, VIEW("b")), 1);
}

static void test_bad_path_is_refused_and_nothing_is_sent(void **state)
{
    struct client_exchange_story *f = *state;
    const struct wherry_view bad = VIEW("a/../b");
    const struct wherry_message_list list = {.path = bad};
    const struct wherry_message_get get = {.path = bad};
    const struct wherry_message_put put = {.path = bad, .mode = WHERRY_PUT_CREATE};
    uint32_t id = 99;

    greet(f);
    assert_int_equal(wherry_client_exchange_list(f->x, &list, f->now_ns, &id), RES_NAME);
    assert_int_equal(wherry_client_exchange_get(f->x, &get, f->now_ns, &id), RES_NAME);
    assert_int_equal(wherry_client_exchange_put(f->x, &put, f->now_ns, &id), RES_NAME);
    assert_int_equal(wherry_client_exchange_stat(f->x, bad, f->now_ns, &id), RES_NAME);
    assert_int_equal(wherry_client_exchange_hash(f->x, bad, f->now_ns, &id), RES_NAME);
    assert_int_equal(wherry_client_exchange_mkdir(f->x, bad, f->now_ns, &id), RES_NAME);
    assert_int_equal(id, 99);
    expect_silence(f);
}

static void test_start_after_may_be_any_string_without_nul(void **state)
{
    struct client_exchange_story *f = *state;
    uint8_t longest[WHERRY_STRING_MAX + 1] = {0};
    struct wherry_message_list m = {.path = VIEW("d"), .after = VIEW("../x/")};
    uint32_t id;

    greet(f);
    assert_int_equal(wherry_client_exchange_list(f->x, &m, f->now_ns, &id), RES_OK);
    m.after = VIEW("a\0b");
    assert_int_equal(wherry_client_exchange_list(f->x, &m, f->now_ns, &id), RES_NAME);
    memset(longest, 'x', sizeof(longest));
    m.after = (struct wherry_view){longest, sizeof(longest)};
    assert_int_equal(wherry_client_exchange_list(f->x, &m, f->now_ns, &id), RES_NAME);
    m.after.len--;
    assert_int_equal(wherry_client_exchange_list(f->x, &m, f->now_ns, &id), RES_OK);
}

static void test_cancel_names_the_request_which_still_ends(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_get(f, VIEW("a"), 0, WHERRY_COUNT_ALL);
    (void)ask_stat(f, VIEW("b"));
    flush(f);
    give(f, BYTES(FRAME("\0\61", "\x84", "\0", "\1") "\1" U64("\12") U64("\1") SIXTEEN("\xcd")
                      U64("\0") U64("\12") FRAME("\0\3", "\6", "\0", "\1") "abc"));
    expect(f, "GET 1 10 0 10 cd\n"
              "BYTES 1 @0 abc\n");
    assert_int_equal(wherry_client_exchange_cancel(f->x, 1, f->now_ns), RES_OK);
    expect_output(f, BYTES(FRAME("\0\0", "\10", "\0", "\1")));
    assert_int_equal(wherry_client_exchange_cancel(f->x, 1, f->now_ns), RES_CANCELLED);
    assert_int_equal(wherry_client_exchange_cancel(f->x, 2, f->now_ns), RES_OK);
    expect_output(f, BYTES(FRAME("\0\0", "\10", "\0", "\2")));
    give(f, BYTES(FRAME("\0\3", "\6", "\0", "\1") "def" END(CANCELLED, "\1")
                      END(NOT_FOUND, "\2"))); /* it was past the point of no return */
    expect(f, "BYTES 1 @3 def\n"
              "END 1 CANCELLED \"\"\n"
              "END 2 NOT_FOUND \"\"\n");
    assert_int_equal(wherry_client_exchange_cancel(f->x, 1, f->now_ns), RES_NOT_FOUND);
    assert_int_equal(wherry_client_exchange_cancel(f->x, 0, f->now_ns), RES_NOT_FOUND);
    expect_silence(f);
}

static void test_ping_comes_back(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    assert_int_equal(wherry_client_exchange_ping(f->x, VIEW("hey"), f->now_ns), RES_OK);
    assert_int_equal(wherry_client_exchange_ping(f->x, VIEW("ho"), f->now_ns), RES_BUSY);
    expect_output(f, BYTES(FRAME("\0\3", "\11", "\0", "\0") "hey"));
    give(f, BYTES(FRAME("\0\3", "\x89", "\0", "\0") "hey"));
    expect(f, "PING hey\n");
    assert_int_equal(wherry_client_exchange_ping(f->x, VIEW(""), f->now_ns), RES_OK);
    expect_output(f, BYTES(FRAME("\0\0", "\11", "\0", "\0")));
    give(f, BYTES(FRAME("\0\0", "\x89", "\0", "\0")));
    expect(f, "PING \n");
}

static void test_ping_has_64_bytes_at_most(void **state)
{
    struct client_exchange_story *f = *state;
    uint8_t bytes[65] = {0};

    greet(f);
    assert_int_equal(wherry_client_exchange_ping(f->x, (struct wherry_view){bytes, 65}, f->now_ns),
                     RES_TOO_LARGE);
    assert_int_equal(wherry_client_exchange_ping(f->x, (struct wherry_view){bytes, 64}, f->now_ns),
                     RES_OK);
    assert_int_equal(wherry_client_exchange_output(f->x).len, 12 + 64);
}

static void test_replies_to_no_ping_of_ours_are_skipped(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    give(f, BYTES(FRAME("\0\3", "\x89", "\0", "\0") "hey"));
    assert_int_equal(wherry_client_exchange_ping(f->x, VIEW("hey"), f->now_ns), RES_OK);
    give(f, BYTES(FRAME("\0\3", "\x89", "\0", "\0") "hey")); /* before it has left */
    flush(f);
    give(f, BYTES(FRAME("\0\3", "\x89", "\0", "\0") "hoy" FRAME("\0\2", "\x89", "\0", "\0") "he"));
    expect(f, "");
    give(f, BYTES(FRAME("\0\3", "\x89", "\0", "\0") "hey"));
    expect(f, "PING hey\n");
}

static void test_pings_of_the_server_are_skipped_between_any_two_frames(void **state)
{
    struct client_exchange_story *f = *state;

    begin(f);
    (void)ask_stat(f, VIEW("a"));
    flush(f);
    give(f, BYTES(FRAME("\0\2", "\11", "\0", "\0") "hi" HELLO FRAME("\0\0", "\11", "\0", "\0")
                      FRAME("\0\41", "\x83", "\0", "\1") "\2" U64("\7") U64("\11") SIXTEEN("\xab")
                          FRAME("\0\0", "\11", "\0", "\0") END(OK, "\1")));
    expect(f, STORY_HELLO "INFO 1 2 7 9 ab\n"
                          "END 1 OK \"\"\n");
    expect_silence(f);
}

static void test_unknown_frames_of_the_connection_are_skipped(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_get(f, VIEW("a"), 0, WHERRY_COUNT_ALL);
    flush(f);
    give(f, BYTES(FRAME("\0\3", "\x90", "\7", "\0") "new" FRAME(
                "\0\61", "\x84", "\0", "\1") "\1" U64("\2") U64("\1") SIXTEEN("v") U64("\0")
                      U64("\2") FRAME("\0\2", "\6", "\0", "\1") "ab" FRAME("\0\0", "\xfe", "\0",
                                                                           "\0") END(OK, "\1")));
    expect(f, "GET 1 2 0 2 76\n"
              "BYTES 1 @0 ab\n"
              "END 1 OK \"\"\n");
    expect_silence(f);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, client_exchange_story_setup,                             \
                                    client_exchange_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_without_memory_nothing_is_made),
        TEST(test_without_memory_for_a_frame_the_connection_is_over),
        TEST(test_free_takes_null),
        TEST(test_hello_is_first_and_requests_may_follow_right_behind_it),
        TEST(test_hello_of_the_server_opens_and_says_max_frame),
        TEST(test_features_that_version_1_does_not_know_are_ignored),
        TEST(test_output_leaves_in_any_pieces),
        TEST(test_more_than_there_is_cannot_leave),
        TEST(test_stat_brings_info),
        TEST(test_list_brings_entries_of_any_number_of_frames),
        TEST(test_empty_listing_is_just_its_end),
        TEST(test_get_brings_the_range_and_its_bytes),
        TEST(test_get_to_the_end_is_cut_at_the_end),
        TEST(test_get_at_the_end_has_no_bytes),
        TEST(test_get_of_a_version_sends_if_match_and_takes_only_it),
        TEST(test_end_says_how_it_failed_and_what_came_before_does_not_count),
        TEST(test_unknown_status_is_an_error_of_the_peer),
        TEST(test_hash_brings_validator_and_digest),
        TEST(test_mkdir_is_a_path_and_its_end),
        TEST(test_end_brings_its_tags),
        TEST(test_16_requests_may_be_outstanding_and_no_more),
        TEST(test_longest_requests_wait_until_others_have_left),
        TEST(test_whatever_does_not_fit_has_to_wait),
        TEST(test_answers_in_order_belong_to_requests_of_all_types),
        TEST(test_ids_count_up_and_leave_out_0),
        TEST(test_bad_path_is_refused_and_nothing_is_sent),
        TEST(test_start_after_may_be_any_string_without_nul),
        TEST(test_cancel_names_the_request_which_still_ends),
        TEST(test_ping_comes_back),
        TEST(test_ping_has_64_bytes_at_most),
        TEST(test_replies_to_no_ping_of_ours_are_skipped),
        TEST(test_pings_of_the_server_are_skipped_between_any_two_frames),
        TEST(test_unknown_frames_of_the_connection_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
