/* SPDX-License-Identifier: BSD-2-Clause */
/* How a connection ends: GOAWAY, refusal, a stream that ends at each point, silence. Each request
 * ends exactly once. */
#include <wherry/client_exchange.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/client_exchange_story.h"

#define INFO(id) FRAME("\0\41", "\x83", "\0", id) "\1" U64("\12") U64("\1") SIXTEEN("v")
#define INFO_LINE(id) "INFO " id " 1 10 1 76\n"
#define READY_AT_0(id) FRAME("\0\30", "\x85", "\0", id) U64("\0") SIXTEEN("\0")
#define GOAWAY(status)                                                                             \
    FRAME("\0\11", "\x8f", status, "\0")                                                           \
    "\0\3bye"                                                                                      \
    "\0\0\0\36"

static uint64_t deadline(const struct client_exchange_story *f)
{
    return wherry_client_exchange_deadline(f->x);
}

static void closed(struct client_exchange_story *f, enum res why)
{
    wherry_client_exchange_closed(f->x, why);
    pull(f);
}

static void test_server_may_close_when_nothing_is_outstanding(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    flush(f);
    give(f, BYTES(INFO("\1") END(OK, "\1")));
    closed(f, RES_OK);
    expect(f, INFO_LINE("1") "END 1 OK \"\"\n"
                             "CLOSED OK\n");
    assert_int_equal(wherry_client_exchange_state(f->x), WHERRY_CLIENT_OVER);
    closed(f, RES_IO); /* it is told once */
    expect(f, "");
}

static void test_end_of_the_stream_before_hello_says_so(void **state)
{
    struct client_exchange_story *f = *state;

    begin(f);
    (void)ask_stat(f, VIEW("a"));
    closed(f, RES_OK);
    expect(f, "LOST 1 UNREACHABLE\n"
              "CLOSED UNREACHABLE\n");
    assert_string_equal(f->why, "the server closed the connection before its HELLO");
}

static void test_failure_of_the_socket_is_passed_on(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    closed(f, RES_IO);
    expect(f, "LOST 1 IO\n"
              "CLOSED IO\n");
}

/* Three requests; the stream of answers ends behind each of its bytes. */
static void test_stream_that_ends_anywhere_says_what_ended_and_what_did_not(void **state)
{
    struct client_exchange_story *f = *state;
    static const char stream[] = INFO("\1") END(OK, "\1") END(OK, "\2") END(NOT_FOUND, "\3");
    static const struct {
        size_t from; /* bytes that came */
        const char *said;
        const char *lost;
    } parts[] = {
        {0, "",
         "LOST 1 UNREACHABLE, may be done\nLOST 2 UNREACHABLE, may be done\n"
         "LOST 3 UNREACHABLE, may be done\nCLOSED UNREACHABLE\n"},
        {45, INFO_LINE("1"),
         "LOST 1 UNREACHABLE, may be done\nLOST 2 UNREACHABLE, may be done\n"
         "LOST 3 UNREACHABLE, may be done\nCLOSED UNREACHABLE\n"},
        {59, INFO_LINE("1") "END 1 OK \"\"\n",
         "LOST 2 UNREACHABLE, may be done\nLOST 3 UNREACHABLE, may be done\nCLOSED UNREACHABLE\n"},
        {73, INFO_LINE("1") "END 1 OK \"\"\nEND 2 OK \"\"\n",
         "LOST 3 UNREACHABLE, may be done\nCLOSED UNREACHABLE\n"},
        {87, INFO_LINE("1") "END 1 OK \"\"\nEND 2 OK \"\"\nEND 3 NOT_FOUND \"\"\n", "CLOSED OK\n"},
    };
    size_t part = 0;

    assert_int_equal(sizeof(stream) - 1, 87);
    for (size_t len = 0; len <= 87; len++) {
        while (part + 1 < sizeof(parts) / sizeof(parts[0]) && parts[part + 1].from <= len) {
            part++;
        }
        greet(f);
        (void)ask_stat(f, VIEW("a"));
        (void)ask_mkdir(f, VIEW("b"));
        (void)ask_hash(f, VIEW("c"));
        flush(f);
        give(f, (const uint8_t *)stream, len);
        expect(f, parts[part].said);
        closed(f, RES_OK);
        expect(f, parts[part].lost);
        wherry_client_exchange_free(f->x);
        f->x = NULL;
    }
}

static void test_request_that_has_not_left_cannot_be_done(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_mkdir(f, VIEW("a"));
    (void)ask_mkdir(f, VIEW("b"));
    expect_piece(f, BYTES(FRAME("\0\3", "\13", "\0", "\1") "\0\1a"
                                                           "\0\0"));
    closed(f, RES_OK);
    expect(f, "LOST 1 UNREACHABLE, may be done\n"
              "LOST 2 UNREACHABLE\n"
              "CLOSED UNREACHABLE\n");
}

static void test_upload_may_be_done_once_its_end_has_left(void **state)
{
    struct client_exchange_story *f = *state;

    for (unsigned sent = 0; sent < 2; sent++) {
        greet(f);
        (void)ask_put(f, VIEW("a"), 0);
        flush(f);
        give(f, BYTES(READY_AT_0("\1")));
        assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
        expect_piece(f, BYTES("\0\0\0\0\7\0\0\0\0\0\0"));
        if (sent == 1) {
            expect_output(f, BYTES("\1"));
        }
        closed(f, RES_OK);
        expect(f, sent == 1 ? "READY 1 0 0\n"
                              "LOST 1 UNREACHABLE, may be done\n"
                              "CLOSED UNREACHABLE\n"
                            : "READY 1 0 0\n"
                              "LOST 1 UNREACHABLE\n"
                              "CLOSED UNREACHABLE\n");
        wherry_client_exchange_free(f->x);
        f->x = NULL;
    }
}

static void test_entries_that_came_are_said_before_what_is_lost(void **state)
{
    struct client_exchange_story *f = *state;
    static const char frame[] = FRAME("\0\50", "\x82", "\0", "\1") "\1" U64("\0")
        U64("\0") "\0\1a"
                  "\1" U64("\0") U64("\0") "\0\1b";
    struct wherry_client_event e;

    greet(f);
    (void)ask_list(f, VIEW(""), VIEW(""));
    flush(f);
    (void)wherry_client_exchange_input(f->x, (const uint8_t *)frame, sizeof(frame) - 1, f->now_ns,
                                       &e);
    assert_int_equal(e.kind, WHERRY_CLIENT_ENTRY);
    closed(f, RES_OK);
    expect(f, "ENTRY 1 1 0 0 b\n"
              "LOST 1 UNREACHABLE, may be done\n"
              "CLOSED UNREACHABLE\n");
}

static void test_after_goaway_what_is_outstanding_is_answered_and_nothing_added(void **state)
{
    struct client_exchange_story *f = *state;
    uint32_t id = 99;

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    (void)ask_stat(f, VIEW("b"));
    flush(f);
    give(f, BYTES(GOAWAY(SHUTDOWN)));
    expect(f, "GOAWAY SHUTDOWN \"bye\" 30\n");
    assert_int_equal(wherry_client_exchange_state(f->x), WHERRY_CLIENT_LEAVING);
    assert_int_equal(wherry_client_exchange_stat(f->x, VIEW("c"), f->now_ns, &id), RES_SHUTDOWN);
    assert_int_equal(id, 99);
    give(f, BYTES(INFO("\1") END(OK, "\1") END(SHUTDOWN, "\2")));
    closed(f, RES_OK);
    expect(f, INFO_LINE("1") "END 1 OK \"\"\n"
                             "END 2 SHUTDOWN \"\"\n"
                             "CLOSED OK\n");
}

static void test_upload_goes_on_after_goaway(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_put(f, VIEW("a"), 1);
    flush(f);
    give(f, BYTES(READY_AT_0("\1") GOAWAY(SHUTDOWN)));
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 1, f->now_ns), RES_OK);
    flush(f);
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
    flush(f);
    give(f, BYTES(END(OK, "\1")));
    expect(f, "READY 1 0 0\n"
              "GOAWAY SHUTDOWN \"bye\" 30\n"
              "END 1 OK \"\"\n");
}

static void test_goaway_says_why_the_stream_ends(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    flush(f);
    give(f, BYTES(GOAWAY(SHUTDOWN) GOAWAY(TIMEOUT)));
    closed(f, RES_OK);
    expect(f, "GOAWAY SHUTDOWN \"bye\" 30\n"
              "GOAWAY TIMEOUT \"bye\" 30\n"
              "LOST 1 TIMEOUT, may be done\n"
              "CLOSED TIMEOUT\n");
}

static void test_goaway_without_a_reason_is_a_shutdown(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    flush(f);
    give(f, BYTES(GOAWAY(OK)));
    closed(f, RES_OK);
    expect(f, "GOAWAY SHUTDOWN \"bye\" 30\n"
              "LOST 1 SHUTDOWN, may be done\n"
              "CLOSED SHUTDOWN\n");
}

static void test_too_many_connections_is_goaway_before_hello(void **state)
{
    struct client_exchange_story *f = *state;

    begin(f);
    (void)ask_stat(f, VIEW("a"));
    flush(f);
    give(f, BYTES(GOAWAY(BUSY)));
    closed(f, RES_OK);
    expect(f, "GOAWAY BUSY \"bye\" 30\n"
              "LOST 1 BUSY, may be done\n"
              "CLOSED BUSY\n");
}

static void test_hello_may_follow_goaway(void **state)
{
    struct client_exchange_story *f = *state;

    begin(f);
    (void)ask_mkdir(f, VIEW("a"));
    flush(f);
    give(f, BYTES(GOAWAY(SHUTDOWN) HELLO END(OK, "\1")));
    closed(f, RES_OK);
    expect(f, "GOAWAY SHUTDOWN \"bye\" 30\n" STORY_HELLO "END 1 OK \"\"\n"
              "CLOSED OK\n");
}

static void test_end_of_id_0_ends_the_connection(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    (void)ask_stat(f, VIEW("b"));
    flush(f);
    give(f, BYTES(END(NOT_FOUND, "\1") FRAME("\0\5", "\x87", PROTOCOL, "\0") "\0\3why"));
    expect(f, "END 1 NOT_FOUND \"\"\n"
              "REFUSED PROTOCOL \"why\"\n"
              "LOST 2 PROTOCOL, may be done\n"
              "CLOSED PROTOCOL\n");
    expect_silence(f);
}

static void test_no_common_version_is_a_refusal_before_hello(void **state)
{
    struct client_exchange_story *f = *state;

    begin(f);
    give(f, BYTES(FRAME("\0\10", "\x87", UNSUPPORTED, "\0") "\0\6only 2"));
    expect(f, "REFUSED UNSUPPORTED \"only 2\"\n"
              "CLOSED UNSUPPORTED\n");
}

static void test_hello_is_due_within_its_patience_whatever_else_comes(void **state)
{
    struct client_exchange_story *f = *state;
    uint64_t start_ns = f->now_ns;

    begin(f);
    (void)ask_stat(f, VIEW("a"));
    assert_int_equal(deadline(f), start_ns + 5 * SECOND);
    f->now_ns = start_ns + 4 * SECOND;
    give(f, BYTES(FRAME("\0\0", "\11", "\0", "\0"))); /* no HELLO */
    flush(f);
    assert_int_equal(deadline(f), start_ns + 5 * SECOND);
    wherry_client_exchange_expire(f->x, start_ns + 5 * SECOND - 1);
    pull(f);
    expect(f, "");
    wherry_client_exchange_expire(f->x, start_ns + 5 * SECOND);
    pull(f);
    expect(f, "LOST 1 TIMEOUT, may be done\n"
              "CLOSED TIMEOUT\n");
    assert_string_equal(f->why, "the server did not say HELLO in time");
    assert_true(deadline(f) == WHERRY_NEVER);
}

static void test_connection_that_owes_nothing_has_no_deadline(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    assert_true(deadline(f) == WHERRY_NEVER);
    wherry_client_exchange_expire(f->x, f->now_ns + 100000 * SECOND);
    pull(f);
    expect(f, "");
}

static void test_silence_counts_from_when_the_server_began_to_owe(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    f->now_ns += 1000 * SECOND;
    (void)ask_stat(f, VIEW("a"));
    assert_int_equal(deadline(f), f->now_ns + 30 * SECOND);
    f->now_ns += 10 * SECOND;
    (void)ask_stat(f, VIEW("b")); /* one more is no life */
    assert_int_equal(deadline(f), f->now_ns + 20 * SECOND);
    flush(f); /* that somebody took it is */
    assert_int_equal(deadline(f), f->now_ns + 30 * SECOND);
    f->now_ns += 30 * SECOND;
    wherry_client_exchange_expire(f->x, f->now_ns);
    pull(f);
    expect(f, "LOST 1 TIMEOUT, may be done\n"
              "LOST 2 TIMEOUT, may be done\n"
              "CLOSED TIMEOUT\n");
    assert_string_equal(f->why, "the server was silent for too long");
}

static void test_any_byte_of_the_server_is_life(void **state)
{
    struct client_exchange_story *f = *state;
    uint64_t asked_ns = f->now_ns;

    greet(f);
    (void)ask_hash(f, VIEW("a"));
    flush(f);
    for (unsigned i = 0; i < 100; i++) { /* it hashes, and says PING every 15 s */
        f->now_ns += 15 * SECOND;
        give(f, BYTES(FRAME("\0\0", "\11", "\0", "\0")));
        wherry_client_exchange_expire(f->x, f->now_ns);
    }
    pull(f);
    expect(f, "");
    assert_int_equal(deadline(f), asked_ns + 100 * 15 * SECOND + 30 * SECOND);
    f->now_ns += SECOND;
    give(f, BYTES("\0")); /* the first byte of something */
    assert_int_equal(deadline(f), f->now_ns + 30 * SECOND);
}

static void test_upload_that_waits_for_us_has_no_deadline_until_bytes_wait(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_put(f, VIEW("a"), 100);
    flush(f);
    give(f, BYTES(READY_AT_0("\1")));
    assert_true(deadline(f) == WHERRY_NEVER); /* our input is slow */
    f->now_ns += 100 * SECOND;
    assert_int_equal(wherry_client_exchange_data_begin(f->x, 100, f->now_ns), RES_OK);
    assert_int_equal(deadline(f), f->now_ns + 30 * SECOND);
    wherry_client_exchange_output_sent(f->x, 12, f->now_ns);
    f->now_ns += 20 * SECOND;
    wherry_client_exchange_body_sent(f->x, 0, f->now_ns);
    assert_int_equal(deadline(f), f->now_ns + 10 * SECOND);
    wherry_client_exchange_body_sent(f->x, 99, f->now_ns);
    assert_int_equal(deadline(f), f->now_ns + 30 * SECOND);
    wherry_client_exchange_body_sent(f->x, 1, f->now_ns);
    assert_true(deadline(f) == WHERRY_NEVER);
    f->now_ns += 100 * SECOND;
    assert_int_equal(wherry_client_exchange_put_end(f->x, NULL, f->now_ns), RES_OK);
    flush(f);
    assert_int_equal(deadline(f), f->now_ns + 30 * SECOND);
}

static void test_ping_makes_the_server_owe_an_answer(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    assert_int_equal(wherry_client_exchange_ping(f->x, VIEW("p"), f->now_ns), RES_OK);
    flush(f);
    assert_int_equal(deadline(f), f->now_ns + 30 * SECOND);
    give(f, BYTES(FRAME("\0\1", "\x89", "\0", "\0") "p"));
    expect(f, "PING p\n");
    assert_true(deadline(f) == WHERRY_NEVER);
}

static void test_time_in_which_we_do_not_read_does_not_count(void **state)
{
    struct client_exchange_story *f = *state;

    greet(f);
    (void)ask_stat(f, VIEW("a"));
    flush(f);
    wherry_client_exchange_hold(f->x, true, f->now_ns);
    assert_true(deadline(f) == WHERRY_NEVER);
    f->now_ns += 100 * SECOND;
    wherry_client_exchange_expire(f->x, f->now_ns);
    wherry_client_exchange_hold(f->x, false, f->now_ns);
    assert_int_equal(deadline(f), f->now_ns + 30 * SECOND);
    f->now_ns += SECOND;
    wherry_client_exchange_hold(f->x, false, f->now_ns); /* it was not held */
    assert_int_equal(deadline(f), f->now_ns + 29 * SECOND);
}

static void test_endless_patience_has_no_deadline(void **state)
{
    struct client_exchange_story *f = *state;

    f->params.hello_patience_ns = UINT64_MAX;
    f->params.silence_patience_ns = UINT64_MAX;
    begin(f);
    assert_true(deadline(f) == WHERRY_NEVER);
    give(f, BYTES(HELLO));
    (void)ask_stat(f, VIEW("a"));
    assert_true(deadline(f) == WHERRY_NEVER);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, client_exchange_story_setup,                             \
                                    client_exchange_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_server_may_close_when_nothing_is_outstanding),
        TEST(test_end_of_the_stream_before_hello_says_so),
        TEST(test_failure_of_the_socket_is_passed_on),
        TEST(test_stream_that_ends_anywhere_says_what_ended_and_what_did_not),
        TEST(test_request_that_has_not_left_cannot_be_done),
        TEST(test_upload_may_be_done_once_its_end_has_left),
        TEST(test_entries_that_came_are_said_before_what_is_lost),
        TEST(test_after_goaway_what_is_outstanding_is_answered_and_nothing_added),
        TEST(test_upload_goes_on_after_goaway),
        TEST(test_goaway_says_why_the_stream_ends),
        TEST(test_goaway_without_a_reason_is_a_shutdown),
        TEST(test_too_many_connections_is_goaway_before_hello),
        TEST(test_hello_may_follow_goaway),
        TEST(test_end_of_id_0_ends_the_connection),
        TEST(test_no_common_version_is_a_refusal_before_hello),
        TEST(test_hello_is_due_within_its_patience_whatever_else_comes),
        TEST(test_connection_that_owes_nothing_has_no_deadline),
        TEST(test_silence_counts_from_when_the_server_began_to_owe),
        TEST(test_any_byte_of_the_server_is_life),
        TEST(test_upload_that_waits_for_us_has_no_deadline_until_bytes_wait),
        TEST(test_ping_makes_the_server_owe_an_answer),
        TEST(test_time_in_which_we_do_not_read_does_not_count),
        TEST(test_endless_patience_has_no_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
