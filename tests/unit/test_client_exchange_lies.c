/* SPDX-License-Identifier: BSD-2-Clause */
/* Servers that lie: what no server may send ends the connection, and nothing of it becomes an
 * event. */
#include <wherry/client_exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/client_exchange_story.h"

#define INFO_PAYLOAD(size) "\1" U64(size) U64("\1") SIXTEEN("v")
#define INFO(id) FRAME("\0\41", "\x83", "\0", id) INFO_PAYLOAD("\12")
#define GET_REPLY(size, offset, count, id)                                                         \
    FRAME("\0\61", "\x84", "\0", id) INFO_PAYLOAD(size) U64(offset) U64(count)
#define READY(offset, upload_id, id) FRAME("\0\30", "\x85", "\0", id) U64(offset) SIXTEEN(upload_id)
#define HASH_REPLY(id) FRAME("\0\60", "\x8a", "\0", id) SIXTEEN("v") SIXTEEN("s") SIXTEEN("s")
/* One entry, of a name of 1 byte or 2. */
#define ENTRY1(name, id) FRAME("\0\24", "\x82", "\0", id) "\1" U64("\0") U64("\0") "\0\1" name
#define ENTRY2(name, id) FRAME("\0\25", "\x82", "\0", id) "\1" U64("\0") U64("\0") "\0\2" name
#define ALL_ONES "\xff\xff\xff\xff\xff\xff\xff\xff"

struct lie {
    const char *what; /* for whoever reads a failure */
    const uint8_t *bytes;
    size_t len;
    const char *before; /* events that come first */
};

/* The connection is lost with PROTOCOL, so are the requests that this server was asked. */
static void expect_caught(struct client_exchange_story *f, const struct lie *lie, const char *lost)
{
    char expected[512];
    int len = snprintf(expected, sizeof(expected), "%s%sCLOSED PROTOCOL\n", lie->before, lost);

    assert_true(len > 0 && (size_t)len < sizeof(expected));
    print_message("%s\n", lie->what);
    give(f, lie->bytes, lie->len);
    expect(f, expected);
    assert_true(strlen(f->why) > 0);
    assert_int_equal(wherry_client_exchange_state(f->x), WHERRY_CLIENT_OVER);
    expect_silence(f);
}

/* Each lie is told to a connection of its own on which ask() was asked. */
static void tell_all(struct client_exchange_story *f, const struct lie *lies, size_t count,
                     void (*ask)(struct client_exchange_story *f), const char *lost)
{
    for (size_t i = 0; i < count; i++) {
        greet(f);
        ask(f);
        flush(f);
        expect_caught(f, &lies[i], lost);
        wherry_client_exchange_free(f->x);
        f->x = NULL;
    }
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void ask_nothing(struct client_exchange_story *f)
{
    (void)f;
}

static void test_frames_that_nobody_asked_for_are_bad(void **state)
{
    static const struct lie lies[] = {
        {"END of no request", BYTES(END(OK, "\1")), ""},
        {"INFO of no request", BYTES(INFO("\1")), ""},
        {"DATA of no request", BYTES(FRAME("\0\1", "\6", "\0", "\1") "a"), ""},
        {"a second HELLO", BYTES(HELLO), ""},
        {"a client's frame", BYTES(FRAME("\0\3", "\3", "\0", "\1") "\0\1a"), ""},
        {"an unknown type with an id", BYTES(FRAME("\0\0", "\x8b", "\0", "\1")), ""},
        {"an unknown type of a client", BYTES(FRAME("\0\0", "\14", "\0", "\0")), ""},
        {"DATA of the connection", BYTES(FRAME("\0\1", "\6", "\0", "\0") "a"), ""},
        {"PING with an id", BYTES(FRAME("\0\0", "\11", "\0", "\1")), ""},
        {"PING of 65 bytes", BYTES(FRAME("\0\101", "\11", "\0", "\0")), ""},
        {"another protocol", BYTES("HTTP/1.1 400 Bad Request\r\n"), ""},
        {"a frame over max_frame", BYTES("\0\2\0\1\x82\0\0\0\0\0\0\1"), ""},
        {"malformed GOAWAY", BYTES(FRAME("\0\4", "\x8f", BUSY, "\0") "\0\0\0\0"), ""},
        {"GOAWAY with a NUL", BYTES(FRAME("\0\7", "\x8f", BUSY, "\0") "\0\1\0\0\0\0\1"), ""},
        {"malformed END of id 0", BYTES(FRAME("\0\1", "\x87", PROTOCOL, "\0") "\0"), ""},
        {"END of id 0 that says OK", BYTES(END(OK, "\0")), ""},
    };

    tell_all(*state, lies, COUNT(lies), ask_nothing, "");
}

static void ask_two_stats(struct client_exchange_story *f)
{
    (void)ask_stat(f, VIEW("a"));
    (void)ask_stat(f, VIEW("b"));
}

static void test_replies_out_of_turn_are_bad(void **state)
{
    static const struct lie lies[] = {
        {"the second first", BYTES(INFO("\2")), ""},
        {"END of the second first", BYTES(END(NOT_FOUND, "\2")), ""},
        {"a mix of both", BYTES(INFO("\1") END(OK, "\2")), "INFO 1 1 10 1 76\n"},
        {"an id that was never used", BYTES(INFO("\3")), ""},
    };

    tell_all(*state, lies, COUNT(lies), ask_two_stats,
             "LOST 1 PROTOCOL, may be done\n"
             "LOST 2 PROTOCOL, may be done\n");
}

static void test_second_end_of_a_request_is_bad(void **state)
{
    static const struct lie lie = {"END twice", BYTES(END(NOT_FOUND, "\1") END(NOT_FOUND, "\1")),
                                   "END 1 NOT_FOUND \"\"\n"};

    tell_all(*state, &lie, 1, ask_two_stats, "LOST 2 PROTOCOL, may be done\n");
}

static void test_reply_to_what_was_not_sent_is_bad(void **state)
{
    struct client_exchange_story *f = *state;
    static const struct lie lie = {"foretold", BYTES(END(NOT_FOUND, "\1")), ""};

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    expect_piece(f, BYTES("\0\0\0\3\3\0\0\0\0\0\0\1\0\1")); /* all but the last byte */
    expect_caught(f, &lie, "LOST 1 PROTOCOL\n");
}

static void ask_stat_a(struct client_exchange_story *f)
{
    (void)ask_stat(f, VIEW("a"));
}

static void test_replies_of_the_wrong_type_are_bad(void **state)
{
    static const struct lie lies[] = {
        {"ENTRIES", BYTES(ENTRY1("a", "\1")), ""},
        {"a reply to GET", BYTES(GET_REPLY("\12", "\0", "\12", "\1")), ""},
        {"READY", BYTES(READY("\0", "\0", "\1")), ""},
        {"DATA", BYTES(FRAME("\0\1", "\6", "\0", "\1") "a"), ""},
        {"a reply to HASH", BYTES(HASH_REPLY("\1")), ""},
    };

    tell_all(*state, lies, COUNT(lies), ask_stat_a, "LOST 1 PROTOCOL, may be done\n");
}

static void test_info_comes_once_and_whole_and_before_ok(void **state)
{
    static const struct lie lies[] = {
        {"OK without INFO", BYTES(END(OK, "\1")), ""},
        {"INFO twice", BYTES(INFO("\1") INFO("\1")), "INFO 1 1 10 1 76\n"},
        {"INFO cut short", BYTES(FRAME("\0\1", "\x83", "\0", "\1") "\1"), ""},
        {"of another kind",
         BYTES(FRAME("\0\41", "\x83", "\0", "\1") "\3" U64("\12") U64("\1") SIXTEEN("v")), ""},
        {"END cut short", BYTES(INFO("\1") FRAME("\0\3", "\x87", OK, "\1") "\0\2a"),
         "INFO 1 1 10 1 76\n"},
        {"END with a digest of 31 bytes",
         BYTES(INFO("\1")
                   FRAME("\0\44", "\x87", OK, "\1") "\0\0\1\0\37" SIXTEEN("s") "sssssssssssssss"),
         "INFO 1 1 10 1 76\n"},
    };

    tell_all(*state, lies, COUNT(lies), ask_stat_a, "LOST 1 PROTOCOL, may be done\n");
}

static void ask_hash_a(struct client_exchange_story *f)
{
    (void)ask_hash(f, VIEW("a"));
}

static void test_digest_comes_once_and_whole_and_before_ok(void **state)
{
    static const struct lie lies[] = {
        {"OK without a digest", BYTES(END(OK, "\1")), ""},
        {"twice", BYTES(HASH_REPLY("\1") HASH_REPLY("\1")), "HASH 1 76 73\n"},
        {"cut short", BYTES(FRAME("\0\20", "\x8a", "\0", "\1") SIXTEEN("v")), ""},
        {"INFO", BYTES(INFO("\1")), ""},
    };

    tell_all(*state, lies, COUNT(lies), ask_hash_a, "LOST 1 PROTOCOL, may be done\n");
}

static void ask_mkdir_a(struct client_exchange_story *f)
{
    (void)ask_mkdir(f, VIEW("a"));
}

static void test_mkdir_has_no_reply_but_its_end(void **state)
{
    static const struct lie lies[] = {
        {"INFO", BYTES(INFO("\1")), ""},
        {"READY", BYTES(READY("\0", "\0", "\1")), ""},
    };

    tell_all(*state, lies, COUNT(lies), ask_mkdir_a, "LOST 1 PROTOCOL, may be done\n");
}

static void ask_listing(struct client_exchange_story *f)
{
    (void)ask_list(f, VIEW("d"), VIEW("b"));
}

static void test_names_in_a_listing_are_one_legal_component(void **state)
{
    static const struct lie lies[] = {
        {"dot", BYTES(ENTRY1(".", "\1")), ""},
        {"parent", BYTES(ENTRY2("..", "\1")), ""},
        {"absolute", BYTES(ENTRY2("/x", "\1")), ""},
        {"below a directory",
         BYTES(FRAME("\0\26", "\x82", "\0", "\1") "\1" U64("\0") U64("\0") "\0\3d/x"), ""},
        {"slash at the end", BYTES(ENTRY2("x/", "\1")), ""},
        {"empty", BYTES(FRAME("\0\23", "\x82", "\0", "\1") "\1" U64("\0") U64("\0") "\0\0"), ""},
        {"NUL", BYTES(ENTRY2("x\0", "\1")), ""},
        {"ours",
         BYTES(FRAME("\0\34", "\x82", "\0", "\1") "\1" U64("\0") U64("\0") "\0\11.wherry-x"), ""},
        {"256 bytes",
         BYTES(FRAME("\1\23", "\x82", "\0", "\1") "\1" U64("\0")
                   U64("\0") "\1\0" SIXTEEN("xxxxxxxxxxxxxxxx")),
         ""},
        {"of another kind",
         BYTES(FRAME("\0\24", "\x82", "\0", "\1") "\0" U64("\0") U64("\0") "\0\1x"), ""},
        {"cut short", BYTES(FRAME("\0\24", "\x82", "\0", "\1") "\1" U64("\0") U64("\0") "\0\2x"),
         ""},
        {"the second one is bad",
         BYTES(FRAME("\0\51", "\x82", "\0", "\1") "\1" U64("\0") U64("\0") "\0\1x"
                                                                           "\1" U64("\0")
                                                                               U64("\0") "\0\2/y"),
         "ENTRY 1 1 0 0 x\n"},
        {"DATA", BYTES(FRAME("\0\1", "\6", "\0", "\1") "a"), ""},
    };

    tell_all(*state, lies, COUNT(lies), ask_listing, "LOST 1 PROTOCOL, may be done\n");
}

static void test_listing_is_sorted_strictly_beyond_start_after(void **state)
{
    static const struct lie lies[] = {
        {"start-after itself", BYTES(ENTRY1("b", "\1")), ""},
        {"before start-after", BYTES(ENTRY2("az", "\1")), ""},
        {"the same again", BYTES(ENTRY1("c", "\1") ENTRY1("c", "\1")), "ENTRY 1 1 0 0 c\n"},
        {"backwards", BYTES(ENTRY1("d", "\1") ENTRY1("c", "\1")), "ENTRY 1 1 0 0 d\n"},
        {"its own beginning", BYTES(ENTRY2("dd", "\1") ENTRY1("d", "\1")), "ENTRY 1 1 0 0 dd\n"},
        {"signed bytes", BYTES(ENTRY1("\xff", "\1") ENTRY1("c", "\1")), "ENTRY 1 1 0 0 \xff\n"},
    };

    tell_all(*state, lies, COUNT(lies), ask_listing, "LOST 1 PROTOCOL, may be done\n");
}

static void test_start_after_longer_than_a_name_counts_to_its_end(void **state)
{
    struct client_exchange_story *f = *state;
    uint8_t after[300];
    uint8_t frame[12 + 17 + 2 + 255] =
        FRAME("\1\22", "\x82", "\0", "\1") "\1" U64("\0") U64("\0") "\0\xff";
    const struct lie lie = {"beneath it", frame, sizeof(frame), ""};

    memset(after, 'x', sizeof(after));
    memset(frame + 12 + 17 + 2, 'x', 255);
    greet(f);
    (void)ask_list(f, VIEW("d"), (struct wherry_view){after, sizeof(after)});
    flush(f);
    expect_caught(f, &lie, "LOST 1 PROTOCOL, may be done\n");
}

static void ask_range(struct client_exchange_story *f)
{
    (void)ask_get(f, VIEW("a"), 2, 5);
}

#define GOOD_REPLY GET_REPLY("\12", "\2", "\5", "\1")
#define GOOD_LINE "GET 1 10 2 5 76\n"

static void test_reply_to_get_is_about_what_was_asked(void **state)
{
    static const struct lie lies[] = {
        {"another offset", BYTES(GET_REPLY("\12", "\0", "\5", "\1")), ""},
        {"more than was asked for", BYTES(GET_REPLY("\12", "\2", "\6", "\1")), ""},
        {"less than is there", BYTES(GET_REPLY("\12", "\2", "\4", "\1")), ""},
        {"more than is there", BYTES(GET_REPLY("\4", "\2", "\5", "\1")), ""},
        {"beyond the end", BYTES(GET_REPLY("\1", "\2", "\0", "\1")), ""},
        {"a directory",
         BYTES(FRAME("\0\61", "\x84", "\0", "\1") "\2" U64("\12") U64("\1") SIXTEEN("v") U64("\2")
                   U64("\5")),
         ""},
        {"unknown size",
         BYTES(FRAME("\0\61", "\x84", "\0", "\1") "\1" ALL_ONES U64("\1") SIXTEEN("v") U64("\2")
                   U64("\5")),
         ""},
        {"cut short", BYTES(FRAME("\0\41", "\x84", "\0", "\1") INFO_PAYLOAD("\12")), ""},
        {"twice", BYTES(GOOD_REPLY GOOD_REPLY), GOOD_LINE},
        {"INFO", BYTES(INFO("\1")), ""},
    };

    tell_all(*state, lies, COUNT(lies), ask_range, "LOST 1 PROTOCOL, may be done\n");
}

static void test_data_adds_up_to_the_count(void **state)
{
    static const struct lie lies[] = {
        {"DATA first", BYTES(FRAME("\0\1", "\6", "\0", "\1") "c"), ""},
        {"OK without a reply", BYTES(END(OK, "\1")), ""},
        {"OK without DATA", BYTES(GOOD_REPLY END(OK, "\1")), GOOD_LINE},
        {"one byte too few", BYTES(GOOD_REPLY FRAME("\0\4", "\6", "\0", "\1") "cdef" END(OK, "\1")),
         GOOD_LINE "BYTES 1 @2 cdef\n"},
        {"one byte too many", BYTES(GOOD_REPLY FRAME("\0\6", "\6", "\0", "\1") "cdefgh"),
         GOOD_LINE},
        {"one byte too many in the end",
         BYTES(GOOD_REPLY FRAME("\0\5", "\6", "\0", "\1") "cdefg" FRAME("\0\1", "\6", "\0",
                                                                        "\1") "h"),
         GOOD_LINE "BYTES 1 @2 cdefg\n"},
        {"of another request", BYTES(GOOD_REPLY FRAME("\0\5", "\6", "\0", "\2") "cdefg"),
         GOOD_LINE},
    };

    tell_all(*state, lies, COUNT(lies), ask_range, "LOST 1 PROTOCOL, may be done\n");
}

static void ask_version(struct client_exchange_story *f)
{
    const struct wherry_message_get m = {
        .path = VIEW("a"), .count = 1, .if_match = (const uint8_t *)SIXTEEN("w")};
    uint32_t id;

    assert_int_equal(wherry_client_exchange_get(f->x, &m, f->now_ns, &id), RES_OK);
}

static void test_version_that_if_match_forbids_is_bad(void **state)
{
    static const struct lie lie = {"another", BYTES(GET_REPLY("\12", "\0", "\1", "\1")), ""};

    tell_all(*state, &lie, 1, ask_version, "LOST 1 PROTOCOL, may be done\n");
}

static void ask_put_10(struct client_exchange_story *f)
{
    (void)ask_put(f, VIEW("a"), 10);
}

static void test_put_is_ready_once_and_ok_only_after_its_end(void **state)
{
    static const struct lie lies[] = {
        {"OK before READY", BYTES(END(OK, "\1")), ""},
        {"OK before END", BYTES(READY("\0", "\0", "\1") END(OK, "\1")), "READY 1 0 0\n"},
        {"READY twice", BYTES(READY("\0", "\0", "\1") READY("\0", "\0", "\1")), "READY 1 0 0\n"},
        {"offset without an upload id", BYTES(READY("\1", "u", "\1")), ""},
        {"cut short", BYTES(FRAME("\0\10", "\x85", "\0", "\1") U64("\0")), ""},
        {"DATA", BYTES(READY("\0", "\0", "\1") FRAME("\0\1", "\6", "\0", "\1") "a"),
         "READY 1 0 0\n"},
    };

    tell_all(*state, lies, COUNT(lies), ask_put_10, "LOST 1 PROTOCOL\n");
}

static void ask_resume(struct client_exchange_story *f)
{
    const struct wherry_message_put m = {.path = VIEW("a"),
                                         .size = 10,
                                         .mode = WHERRY_PUT_CREATE,
                                         .upload_id = (const uint8_t *)SIXTEEN("u")};
    uint32_t id;

    assert_int_equal(wherry_client_exchange_put(f->x, &m, f->now_ns, &id), RES_OK);
}

static void ask_new_upload(struct client_exchange_story *f)
{
    const struct wherry_message_put m = {.path = VIEW("a"),
                                         .size = 10,
                                         .mode = WHERRY_PUT_CREATE,
                                         .upload_id = (const uint8_t *)SIXTEEN("\0")};
    uint32_t id;

    assert_int_equal(wherry_client_exchange_put(f->x, &m, f->now_ns, &id), RES_OK);
}

static void test_ready_goes_on_only_with_the_upload_that_was_named(void **state)
{
    static const struct lie lies[] = {
        {"another upload", BYTES(READY("\2", "w", "\1")), ""},
        {"beyond the size", BYTES(READY("\13", "u", "\1")), ""},
    };
    static const struct lie of_new = {"something kept", BYTES(READY("\2", "w", "\1")), ""};

    tell_all(*state, lies, COUNT(lies), ask_resume, "LOST 1 PROTOCOL\n");
    tell_all(*state, &of_new, 1, ask_new_upload, "LOST 1 PROTOCOL\n");
}

static void test_ok_before_our_end_has_left_is_bad(void **state)
{
    struct client_exchange_story *f = *state;
    static const struct lie lie = {"early", BYTES(END(OK, "\1")), ""};

    greet(f);
    (void)ask_put(f, VIEW("a"), 0);
    flush(f);
    give(f, BYTES(READY("\0", "\0", "\1")));
    expect(f, "READY 1 0 0\n");
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
    expect_piece(f, BYTES("\0\0\0\0\7\0\0\0\0\0\0"));
    expect_caught(f, &lie, "LOST 1 PROTOCOL\n");
}

static void test_first_frame_that_is_not_hello_is_bad(void **state)
{
    struct client_exchange_story *f = *state;
    static const struct lie lies[] = {
        {"TLS", BYTES("\x15\x03\x01\0\2\2\x28"), ""},
        {"SSH", BYTES("SSH-2.0-OpenSSH_9.2\r\n"), ""},
        {"a reply", BYTES(END(OK, "\1")), ""},
        {"other letters", BYTES(FRAME("\0\15", "\x81", "\0", "\0") "WHRX\1\0\2\0\0\0\0\0\0"), ""},
        {"max_frame under 64 KiB",
         BYTES(FRAME("\0\15", "\x81", "\0", "\0") "WHRY\1\0\0\xff\xff\0\0\0\0"), ""},
        {"max_frame over 2^24-1",
         BYTES(FRAME("\0\15", "\x81", "\0", "\0") "WHRY\1\1\0\0\0\0\0\0\0"), ""},
        {"HELLO cut short", BYTES(FRAME("\0\5", "\x81", "\0", "\0") "WHRY\1"), ""},
        {"a long HELLO", BYTES("\0\0\x10\1\x81\0\0\0\0\0\0\0"), ""},
    };

    for (size_t i = 0; i < COUNT(lies); i++) {
        begin(f);
        expect_caught(f, &lies[i], "");
        wherry_client_exchange_free(f->x);
        f->x = NULL;
    }
}

static void test_version_that_was_not_offered_is_unsupported(void **state)
{
    struct client_exchange_story *f = *state;

    begin(f);
    give(f, BYTES(FRAME("\0\15", "\x81", "\0", "\0") "WHRY\2\0\2\0\0\0\0\0\0"));
    expect(f, "CLOSED UNSUPPORTED\n");
}

static void test_unknown_tags_are_skipped_below_0x80_and_unsupported_above(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    ask_two_stats(f);
    flush(f);
    give(f,
         BYTES(FRAME("\0\45", "\x83", "\0", "\1") INFO_PAYLOAD("\12") "\x7f\0\1x" END(OK, "\1")));
    expect(f, "INFO 1 1 10 1 76\n"
              "END 1 OK \"\"\n");
    give(f, BYTES(FRAME("\0\45", "\x83", "\0", "\2") INFO_PAYLOAD("\12") "\x80\0\1x"));
    expect(f, "LOST 2 UNSUPPORTED, may be done\n"
              "CLOSED UNSUPPORTED\n");
}

static void test_what_comes_after_a_lie_is_not_heard(void **state)
{
    struct client_exchange_story *f = *state;
    uint32_t id = 99;

    greet(f);
    ask_stat_a(f);
    flush(f);
    give(f, BYTES(END(OK, "\1") INFO("\1") END(OK, "\1")));
    expect(f, "LOST 1 PROTOCOL, may be done\n"
              "CLOSED PROTOCOL\n");
    give(f, BYTES(INFO("\1") END(OK, "\1")));
    pull(f);
    expect(f, "");
    assert_int_equal(wherry_client_exchange_stat(f->x, VIEW("a"), f->now_ns, &id), RES_SHUTDOWN);
    assert_int_equal(wherry_client_exchange_ping(f->x, VIEW("a"), f->now_ns), RES_SHUTDOWN);
    assert_int_equal(wherry_client_exchange_cancel(f->x, 1, f->now_ns), RES_NOT_FOUND);
    assert_int_equal(id, 99);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, client_exchange_story_setup,                             \
                                    client_exchange_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_frames_that_nobody_asked_for_are_bad),
        TEST(test_replies_out_of_turn_are_bad),
        TEST(test_second_end_of_a_request_is_bad),
        TEST(test_reply_to_what_was_not_sent_is_bad),
        TEST(test_replies_of_the_wrong_type_are_bad),
        TEST(test_info_comes_once_and_whole_and_before_ok),
        TEST(test_digest_comes_once_and_whole_and_before_ok),
        TEST(test_mkdir_has_no_reply_but_its_end),
        TEST(test_names_in_a_listing_are_one_legal_component),
        TEST(test_listing_is_sorted_strictly_beyond_start_after),
        TEST(test_start_after_longer_than_a_name_counts_to_its_end),
        TEST(test_reply_to_get_is_about_what_was_asked),
        TEST(test_data_adds_up_to_the_count),
        TEST(test_version_that_if_match_forbids_is_bad),
        TEST(test_put_is_ready_once_and_ok_only_after_its_end),
        TEST(test_ready_goes_on_only_with_the_upload_that_was_named),
        TEST(test_ok_before_our_end_has_left_is_bad),
        TEST(test_first_frame_that_is_not_hello_is_bad),
        TEST(test_version_that_was_not_offered_is_unsupported),
        TEST(test_unknown_tags_are_skipped_below_0x80_and_unsupported_above),
        TEST(test_what_comes_after_a_lie_is_not_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
