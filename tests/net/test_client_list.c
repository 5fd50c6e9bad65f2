/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry list`, `stat` and `hash` against a server that follows a script. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/scripted_tcp.h"

enum { OK = 0, NOT_FOUND = 2, DENIED = 3, BUSY = 11, UNSUPPORTED = 13, SHUTDOWN = 17, IS_DIR = 18 };

#define DAY UINT64_C(86400000000000) /* ns */
#define NO_PATH ""

/* Times are told in the local zone; the program inherits this one. */
static int setup(void **state)
{
    return setenv("TZ", "UTC", 1) == 0 ? scripted_tcp_setup(state) : -1;
}

/* All that came on standard output. */
static void printed(const char *text)
{
    program_file_is("stdout", text, strlen(text));
}

/* Until a page lies in the pipe, which is all it holds. */
static void await_full_page(int reader)
{
    struct pollfd p = {.fd = reader, .events = POLLIN};
    int len = 0;

    assert_int_equal(poll(&p, 1, 30000), 1);
    for (int i = 0; i < 30000 && len < 4096; i++) {
        assert_int_equal(ioctl(reader, FIONREAD, &len), 0);
        (void)sched_yield();
    }
    assert_int_equal(len, 4096);
}

/* --- list --- */

static void test_list_prints_aligned_rows(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL/boot");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, "boot", "");
    scripted_tcp_entry(s, SCRIPTED_TCP_DIRECTORY, 4096, DAY, "a");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 8123904, 2 * DAY + DAY / 2, "zImage");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("d            - 1970-01-02 00:00 a/\n"
            "-      8123904 1970-01-03 12:00 zImage\n");
    program_file_is("stderr", "", 0);
}

static void test_a_size_beyond_the_column_widens_its_row(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, UINT64_C(12345678901234), 0, "large");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("- 12345678901234 1970-01-01 00:00 large\n");
}

static void test_ls_is_list_and_the_root_has_two_forms(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "ls URL/");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("");
}

/* A hostile name must not command the terminal. */
static void test_control_bytes_of_names_are_quoted(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, "a\033[2J\nb");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("-            1 1970-01-01 00:00 a\\x1b[2J\\x0ab\n");
}

static void test_names_only_is_bare_where_no_terminal_reads(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list -1 URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_entry(s, SCRIPTED_TCP_DIRECTORY, 0, 0, "a b");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, "c\033\"");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("a b\nc\033\"\n");
}

static void test_json_is_one_object_a_line(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list --json URL/d");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, "d", "");
    scripted_tcp_entry(s, SCRIPTED_TCP_DIRECTORY, 4096, DAY, "a");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 5, DAY + 1, "\xff\"");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("{\"kind\":\"directory\",\"size\":4096,\"mtime\":\"1970-01-02T00:00:00.000000000Z\","
            "\"name\":\"a\"}\n"
            "{\"kind\":\"file\",\"size\":5,\"mtime\":\"1970-01-02T00:00:00.000000001Z\","
            "\"name\":\"\xef\xbf\xbd\\\"\",\"name_base64\":\"/yI=\"}\n");
}

static void test_a_file_lists_as_itself(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL/boot/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, "boot/x", "");
    scripted_tcp_end(s, NOT_FOUND, "no such directory");
    scripted_tcp_take_path(s, TCP_STAT, "boot/x");
    scripted_tcp_info(s, SCRIPTED_TCP_FILE, 7, 0, 1);
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("-            7 1970-01-01 00:00 boot/x\n");
}

static void test_what_is_neither_directory_nor_file_is_a_refusal(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL/none");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, "none", "");
    scripted_tcp_end(s, NOT_FOUND, "no");
    scripted_tcp_take_path(s, TCP_STAT, "none");
    scripted_tcp_end(s, NOT_FOUND, "File not found");
    program_ends(&s->program, 8);
    program_says("no such file or directory (server says: \"File not found\")");
    printed("");
}

static void test_several_listings_have_headings_and_share_a_connection(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL/a URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, "a", "");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, "x");
    scripted_tcp_end(s, OK, "");
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("a:\n-            1 1970-01-01 00:00 x\n\n/:\n");
    scripted_tcp_no_connection(s);
}

/* A refusal does not keep the others from being asked; the first failure is the exit code. */
static void test_next_url_is_asked_after_a_refusal(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list -1 URL/a URL/b");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, "a", "");
    scripted_tcp_end(s, DENIED, "no");
    scripted_tcp_take_list(s, "b", "");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, "x");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 6);
    program_says("/a: access denied (server says: \"no\")");
    printed("x\n");
}

/* --- listings that do not come to their end --- */

static void test_a_listing_that_is_cut_off_is_lost(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list -1 URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, "x");
    scripted_tcp_close(s);
    program_ends(&s->program, 4);
    program_says("connection to 127.0.0.1:");
    program_says("lost: the server closed the connection before it had answered");
    printed("x\n");
}

static void test_a_reset_is_lost(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_reset(s);
    program_ends(&s->program, 4);
    program_says("lost: the connection failed");
}

static void test_goaway_says_why_the_listing_ends(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_goaway(s, SHUTDOWN, "back soon", 30);
    scripted_tcp_close(s);
    program_ends(&s->program, 4);
    program_says("shutting down (server says: \"back soon\"), to be tried again after 30 s");
}

/* Refused politely before its HELLO: too many connections. */
static void test_goaway_in_place_of_hello_is_told(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL");
    scripted_tcp_accept(s);
    scripted_tcp_goaway(s, BUSY, "", 0);
    scripted_tcp_take(s, TCP_HELLO);
    scripted_tcp_take(s, TCP_LIST);
    scripted_tcp_close(s);
    program_ends(&s->program, 4);
    program_says("ends the connection: too busy");
}

/* Requests under way are answered, but the next URL needs a new connection. */
static void test_after_goaway_the_next_url_gets_a_new_connection(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list -1 URL/a URL/b");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, "a", "");
    scripted_tcp_goaway(s, SHUTDOWN, "", 0);
    scripted_tcp_end(s, OK, "");
    scripted_tcp_gone(s);
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, "b", "");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
}

static void test_end_of_the_connection_is_a_refusal(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL");
    scripted_tcp_accept(s);
    scripted_tcp_take(s, TCP_HELLO);
    scripted_tcp_take(s, TCP_LIST);
    scripted_tcp_frame(s, TCP_END_REPLY, UNSUPPORTED, 0, "\0\14only 2 to 3.", 14);
    program_ends(&s->program, 7);
    program_says("the server does not offer this (server says: \"only 2 to 3.\")");
}

/* --- servers that lie, or are none --- */

static void test_another_protocol_is_told_apart(void **state)
{
    struct scripted_tcp *s = *state;
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

    program_start(&s->program, "list URL");
    scripted_tcp_accept(s);
    scripted_tcp_send(s, http, sizeof(http) - 1);
    program_ends(&s->program, 7);
    program_says("breaks the protocol");
}

static void test_unsorted_entries_break_the_protocol(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, "b");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, "a");
    program_ends(&s->program, 7);
    program_says("breaks the protocol");
}

static void test_a_name_that_leads_elsewhere_breaks_the_protocol(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, "../x");
    program_ends(&s->program, 7);
}

static void test_a_server_without_hello_is_given_up(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list --timeout 1s URL");
    scripted_tcp_accept(s);
    program_ends(&s->program, 4);
    program_says("the server did not say HELLO in time");
}

static void test_a_silent_server_is_given_up(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list --timeout 1s URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    program_ends(&s->program, 4);
    program_says("the server was silent for too long");
}

static void test_nobody_listening_is_told(void **state)
{
    struct scripted_tcp *s = *state;

    assert_int_equal(close(s->listener), 0);
    s->listener = -1;
    program_start(&s->program, "list URL");
    program_ends(&s->program, 4);
    program_says("nobody listens at 127.0.0.1:");
}

static void test_verbose_says_which_address_is_asked(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list -v URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    program_says("asking 127.0.0.1:");
}

/* --- ended from this side --- */

static void test_signals_end_it(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    program_signal(&s->program, SIGINT);
    program_ends(&s->program, 130);
    program_says("interrupted by SIGINT");
    scripted_tcp_gone(s);
}

static void test_sigterm_ends_it_before_hello(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "stat URL/x");
    scripted_tcp_accept(s);
    scripted_tcp_take(s, TCP_HELLO);
    program_signal(&s->program, SIGTERM);
    program_ends(&s->program, 143);
}

/* The reader of a FIFO that reads nothing: rows fill it, and then the signal has to be heard. */
static void test_a_signal_is_heard_while_standard_output_is_full(void **state)
{
    struct scripted_tcp *s = *state;
    char name[256];
    int reader;

    assert_int_equal(mkfifo("stdout", 0600), 0);
    reader = open("stdout", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_true(fcntl(reader, F_SETPIPE_SZ, 4096) >= 4096);
    program_start(&s->program, "list -1 URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, NO_PATH, "");
    for (int i = 0; i < 200; i++) { /* 50,000 bytes */
        (void)snprintf(name, sizeof(name), "%0250d", i);
        scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, name);
    }
    scripted_tcp_end(s, OK, "");
    await_full_page(reader);
    program_signal(&s->program, SIGINT);
    program_ends(&s->program, 130);
    program_says("interrupted by SIGINT");
    assert_int_equal(close(reader), 0);
}

static void test_a_reader_that_went_away_is_a_failed_write(void **state)
{
    struct scripted_tcp *s = *state;
    int reader;

    assert_int_equal(mkfifo("stdout", 0600), 0);
    reader = open("stdout", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    program_start(&s->program, "list -1 URL");
    scripted_tcp_greet(s); /* by now the program has opened it */
    assert_int_equal(close(reader), 0);
    scripted_tcp_take_list(s, NO_PATH, "");
    scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, "x");
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 3);
    program_says("standard output: nobody reads it any more");
}

/* --- stat and hash --- */

static void test_stat_tells_kind_size_time_and_validator(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "stat URL/a%20b/");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_STAT, "a b");
    scripted_tcp_info(s, SCRIPTED_TCP_DIRECTORY, 4096, DAY + 5, 0xc3);
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("a b\n"
            "  kind       directory\n"
            "  size       4096\n"
            "  mtime      1970-01-02 00:00:00.000000005 +0000\n"
            "  validator  c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3\n");
}

static void test_stat_has_a_json_form(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "stat --json URL");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_STAT, NO_PATH);
    scripted_tcp_info(s, SCRIPTED_TCP_DIRECTORY, 0, 0, 1);
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("{\"kind\":\"directory\",\"size\":0,\"mtime\":\"1970-01-01T00:00:00.000000000Z\","
            "\"validator\":\"01010101010101010101010101010101\",\"name\":\"\"}\n");
}

static const uint8_t *digest(void)
{
    static uint8_t bytes[32];

    memset(bytes, 0xab, sizeof(bytes));
    return bytes;
}

#define DIGEST_TEXT "abababababababababababababababababababababababababababababababab"

static void test_hash_prints_the_format_of_sha256sum(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "hash URL/a/x URL/y%5Cz%0A");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_HASH, "a/x");
    scripted_tcp_hash_reply(s, 1, digest());
    scripted_tcp_end(s, OK, "");
    scripted_tcp_take_path(s, TCP_HASH, "y\\z\n");
    scripted_tcp_hash_reply(s, 1, digest());
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed(DIGEST_TEXT "  a/x\n\\" DIGEST_TEXT "  y\\\\z\\n\n");
    scripted_tcp_no_connection(s);
}

static void test_hash_has_a_json_form(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "hash --json URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_HASH, "x");
    scripted_tcp_hash_reply(s, 2, digest());
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed("{\"name\":\"x\",\"sha256\":\"" DIGEST_TEXT
            "\",\"validator\":\"02020202020202020202020202020202\"}\n");
}

static void test_hash_of_a_directory_is_refused(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "hash URL/d");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_HASH, "d");
    scripted_tcp_end(s, IS_DIR, "");
    program_ends(&s->program, 8);
    program_says("it is a directory (status 18 without a text)");
    printed("");
}

/* While it hashes the server sends PINGs, which are life. */
static void test_pings_keep_a_long_answer_alive(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "hash URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_HASH, "x");
    scripted_tcp_frame(s, TCP_PING, 0, 0, "still", 5);
    scripted_tcp_hash_reply(s, 2, digest());
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    printed(DIGEST_TEXT "  x\n");
}

/* --- wrong use: nothing is asked --- */

static void test_tftp_has_no_listings(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "list URL/a tftp://127.0.0.1/b");
    program_ends(&s->program, 2);
    program_says("list tftp://127.0.0.1/b: TFTP has no listings: list needs wherry://");
    scripted_tcp_no_connection(s);
}

static void test_a_path_that_is_never_allowed_is_wrong_use(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "stat URL/a/../b");
    program_ends(&s->program, 2);
    program_says("path \"a/../b\": between single slashes 1 to 255 bytes are needed");
    scripted_tcp_no_connection(s);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, scripted_tcp_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_list_prints_aligned_rows),
        STORY(test_a_size_beyond_the_column_widens_its_row),
        STORY(test_ls_is_list_and_the_root_has_two_forms),
        STORY(test_control_bytes_of_names_are_quoted),
        STORY(test_names_only_is_bare_where_no_terminal_reads),
        STORY(test_json_is_one_object_a_line),
        STORY(test_a_file_lists_as_itself),
        STORY(test_what_is_neither_directory_nor_file_is_a_refusal),
        STORY(test_several_listings_have_headings_and_share_a_connection),
        STORY(test_next_url_is_asked_after_a_refusal),
        STORY(test_a_listing_that_is_cut_off_is_lost),
        STORY(test_a_reset_is_lost),
        STORY(test_goaway_says_why_the_listing_ends),
        STORY(test_goaway_in_place_of_hello_is_told),
        STORY(test_after_goaway_the_next_url_gets_a_new_connection),
        STORY(test_end_of_the_connection_is_a_refusal),
        STORY(test_another_protocol_is_told_apart),
        STORY(test_unsorted_entries_break_the_protocol),
        STORY(test_a_name_that_leads_elsewhere_breaks_the_protocol),
        STORY(test_a_server_without_hello_is_given_up),
        STORY(test_a_silent_server_is_given_up),
        STORY(test_nobody_listening_is_told),
        STORY(test_verbose_says_which_address_is_asked),
        STORY(test_signals_end_it),
        STORY(test_sigterm_ends_it_before_hello),
        STORY(test_a_signal_is_heard_while_standard_output_is_full),
        STORY(test_a_reader_that_went_away_is_a_failed_write),
        STORY(test_stat_tells_kind_size_time_and_validator),
        STORY(test_stat_has_a_json_form),
        STORY(test_hash_prints_the_format_of_sha256sum),
        STORY(test_hash_has_a_json_form),
        STORY(test_hash_of_a_directory_is_refused),
        STORY(test_pings_keep_a_long_answer_alive),
        STORY(test_tftp_has_no_listings),
        STORY(test_a_path_that_is_never_allowed_is_wrong_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
