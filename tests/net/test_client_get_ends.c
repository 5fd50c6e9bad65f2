/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry get` against a server that follows a script: how it ends, and where the bytes go. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/scripted_server.h"

#define RRQ 1

/* What a download that failed leaves in the scratch directory: the program's output files. */
#define OUTPUT_FILES 2

static void take_rrq(struct scripted *s, const char *name)
{
    scripted_take_request(s, RRQ, name, "octet");
}

/* --- how it ends --- */

static void test_error_codes_of_the_server_become_exit_codes(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get URL/x");
    take_rrq(s, "x");
    scripted_error(s, 1, "File not found");
    program_ends(&s->program, 8);
    program_says("no such file or directory (server says: \"File not found\")");
    program_start(&s->program, "get URL/x");
    take_rrq(s, "x");
    scripted_error(s, 2, "");
    program_ends(&s->program, 6);
    assert_int_equal(scratch_count("."), OUTPUT_FILES);
}

static void test_silent_server_ends_with_4(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --timeout 1s URL/x");
    take_rrq(s, "x");
    program_ends(&s->program, 4);
    program_says("no answer from 127.0.0.1");
    assert_int_equal(scratch_count("."), OUTPUT_FILES);
}

static void test_nobody_there_ends_with_4_at_once(void **state)
{
    struct scripted *s = *state;

    assert_return_code(close(s->listener), errno);
    program_start(&s->program, "get URL/x");
    program_ends(&s->program, 4);
    program_says("nobody listens");
    s->listener = scripted_socket("127.0.0.1"); /* for teardown */
}

static void test_unknown_host_ends_with_4(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get tftp://host.invalid/x"); /* RFC 6761: never resolves */
    program_ends(&s->program, 4);
    program_says("host.invalid");
}

/* The file is there before the server may think so. */
static void test_last_ack_comes_after_the_file_has_its_name(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get URL/x");
    take_rrq(s, "x");
    scripted_data(s, 1, "whole", 5);
    scripted_take_ack(s, 1);
    program_file_is("x", "whole", 5);
    program_ends(&s->program, 0);
}

static void test_failed_download_leaves_the_older_file_alone(void **state)
{
    struct scripted *s = *state;

    scratch_file("x", "older");
    program_start(&s->program, "get --no-options URL/x");
    take_rrq(s, "x");
    scripted_data(s, 1, program_pattern(512), 512);
    scripted_take_ack(s, 1);
    scripted_error(s, 0, "disk on fire");
    program_ends(&s->program, 8);
    scratch_holds("x", "older");
    assert_int_equal(scratch_count("."), OUTPUT_FILES + 1);
}

static void test_download_replaces_an_older_file_and_keeps_its_mode(void **state)
{
    struct scripted *s = *state;
    struct stat st;

    scratch_file("x", "older and longer");
    assert_return_code(chmod("x", 0604), errno);
    program_start(&s->program, "get URL/x");
    take_rrq(s, "x");
    scripted_data(s, 1, "new", 3);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
    scratch_holds("x", "new");
    assert_return_code(stat("x", &st), errno);
    assert_int_equal(st.st_mode & 0777, 0604);
}

static void signal_ends(struct scripted *s, int signum, int code)
{
    program_start(&s->program, "get --no-options URL/x");
    take_rrq(s, "x");
    scripted_data(s, 1, program_pattern(512), 512);
    scripted_take_ack(s, 1);
    program_signal(&s->program, signum);
    scripted_take_error(s, 0);
    program_ends(&s->program, code);
    assert_int_equal(scratch_count("."), OUTPUT_FILES);
}

static void test_signals_tell_the_server_and_remove_the_temporary_file(void **state)
{
    signal_ends(*state, SIGINT, 130);
    signal_ends(*state, SIGTERM, 143);
    signal_ends(*state, SIGHUP, 129);
}

/* An ERROR ends a transfer, and at the listening port there is none. */
static void test_signal_before_an_answer_sends_no_error(void **state)
{
    struct scripted *s = *state;
    uint8_t packet[600];

    program_start(&s->program, "get URL/x");
    take_rrq(s, "x");
    program_signal(&s->program, SIGINT);
    program_ends(&s->program, 130);
    while (scripted_waits_at(s->listener)) {
        assert_true(recv(s->listener, packet, sizeof(packet), 0) >= 2);
        assert_int_equal(packet[1], RRQ); /* repeated, if this machine is slow */
    }
    assert_int_equal(scratch_count("."), OUTPUT_FILES);
}

static void test_size_that_differs_is_a_warning(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "tsize", "7", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, "hello", 5);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
    program_says("announced 7 bytes and sent 5");
    program_file_is("x", "hello", 5);
}

static void test_size_that_differs_fails_under_strict_size(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --strict-size URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "tsize", "7", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, "hello", 5);
    scripted_take_error(s, 0);
    program_ends(&s->program, 9);
    program_says("announced 7 bytes and sent 5");
    assert_int_equal(scratch_count("."), OUTPUT_FILES);
}

static void test_size_that_agrees_passes_strict_size(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --strict-size URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "tsize", "5", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, "hello", 5);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
}

static void test_block_longer_than_agreed_ends_with_7(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --blksize 600 URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "blksize", "600", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, program_pattern(601), 601);
    scripted_take_error(s, 4);
    program_ends(&s->program, 7);
    scratch_absent("x");
}

/* --- where it goes --- */

static void test_minus_writes_to_standard_output(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(700);

    program_start(&s->program, "get --no-options -v URL/x -");
    take_rrq(s, "x");
    scripted_data(s, 1, bytes, 512);
    scripted_take_ack(s, 1);
    scripted_data(s, 2, bytes + 512, 188);
    scripted_take_ack(s, 2);
    program_ends(&s->program, 0);
    program_file_is("stdout", bytes, 700);
    program_says("x: 700 bytes in ");
    scratch_absent("x");
    scratch_absent("-");
}

static void test_directory_takes_the_file_under_its_own_name(void **state)
{
    struct scripted *s = *state;

    scratch_dir("dir");
    program_start(&s->program, "get URL/boot/x dir");
    take_rrq(s, "boot/x");
    scripted_data(s, 1, "in", 2);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
    program_file_is("dir/x", "in", 2);
}

static void test_double_slash_asks_for_an_absolute_name(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get URL//boot/a%20b here");
    take_rrq(s, "/boot/a b");
    scripted_data(s, 1, "in", 2);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
    program_file_is("here", "in", 2);
}

static void test_no_clobber_refuses_before_it_asks(void **state)
{
    struct scripted *s = *state;

    scratch_file("x", "older");
    program_start(&s->program, "get --no-clobber URL/x");
    program_ends(&s->program, 3);
    scripted_no_request(s);
    program_says("--no-clobber");
    scratch_holds("x", "older");
}

/* The name may be taken while the bytes arrive. */
static void test_no_clobber_never_replaces_what_appeared_meanwhile(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --no-clobber --no-options URL/x");
    take_rrq(s, "x");
    scripted_data(s, 1, program_pattern(512), 512);
    scripted_take_ack(s, 1);
    scratch_file("x", "quicker");
    scripted_data(s, 2, "late", 4);
    scripted_take_error(s, 6);
    program_ends(&s->program, 3);
    scratch_holds("x", "quicker");
}

static void test_missing_directory_is_told_before_it_asks(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get URL/x nowhere/x");
    program_ends(&s->program, 3);
    scripted_no_request(s);
    program_says("nowhere/x");
}

static void test_failed_write_tells_the_server(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get URL/x /dev/full");
    take_rrq(s, "x");
    scripted_data(s, 1, "bytes", 5);
    scripted_take_error(s, 3);
    program_ends(&s->program, 3);
    program_says("/dev/full");
}

static void test_wrong_use_ends_with_2(void **state)
{
    static const char *const lines[] = {
        "",
        "fetch URL/x",
        "get",
        "get URL/x a b",
        "get http://h/x",
        "get URL/",
        "get --blksize 7 URL/x",
        "get -z URL/x",
        "get -4 -6 URL/x",
        "get URL/d/",
        "get URL/x;mode=mail",
    };
    struct scripted *s = *state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        program_start(&s->program, lines[i]);
        program_ends(&s->program, 2);
        program_says("wherry: ");
    }
    scripted_no_request(s);
}

static void test_help_and_version_end_with_0(void **state)
{
    struct scripted *s = *state;
    char version[64];
    int len = snprintf(version, sizeof(version), "wherry %s\n", WHERRY_VERSION);

    program_start(&s->program, "--version");
    program_ends(&s->program, 0);
    program_file_is("stdout", version, (size_t)len);
    program_start(&s->program, "get --help");
    program_ends(&s->program, 0);
    program_file_is("stderr", "", 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scripted_setup, scripted_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_error_codes_of_the_server_become_exit_codes),
        T(test_silent_server_ends_with_4),
        T(test_nobody_there_ends_with_4_at_once),
        T(test_unknown_host_ends_with_4),
        T(test_last_ack_comes_after_the_file_has_its_name),
        T(test_failed_download_leaves_the_older_file_alone),
        T(test_download_replaces_an_older_file_and_keeps_its_mode),
        T(test_signals_tell_the_server_and_remove_the_temporary_file),
        T(test_signal_before_an_answer_sends_no_error),
        T(test_size_that_differs_is_a_warning),
        T(test_size_that_differs_fails_under_strict_size),
        T(test_size_that_agrees_passes_strict_size),
        T(test_block_longer_than_agreed_ends_with_7),
        T(test_minus_writes_to_standard_output),
        T(test_directory_takes_the_file_under_its_own_name),
        T(test_double_slash_asks_for_an_absolute_name),
        T(test_no_clobber_refuses_before_it_asks),
        T(test_no_clobber_never_replaces_what_appeared_meanwhile),
        T(test_missing_directory_is_told_before_it_asks),
        T(test_failed_write_tells_the_server),
        T(test_wrong_use_ends_with_2),
        T(test_help_and_version_end_with_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
