/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry put` against a server that follows a script. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/scripted_server.h"

#define WRQ 2
#define DATA 3

static void take_wrq(struct scripted *s, const char *name)
{
    scripted_take_request(s, WRQ, name, "octet");
}

static void test_asks_tsize_blksize_and_windowsize_by_default(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(1500);

    program_put_file("local", bytes, 1500);
    program_start(&s->program, "put local URL/up/x");
    take_wrq(s, "up/x");
    assert_string_equal(scripted_asked(s, "tsize"), "1500");
    assert_in_range(atoi(scripted_asked(s, "blksize")), 512, 65464);
    assert_string_equal(scripted_asked(s, "windowsize"), "16");
    scripted_oack(s, "tsize", "1500", "blksize", "1000", NULL);
    scripted_take_data(s, 1, bytes, 1000);
    scripted_ack(s, 1);
    scripted_take_data(s, 2, bytes + 1000, 500);
    scripted_ack(s, 2);
    program_ends(&s->program, 0);
    program_file_is("stderr", "", 0);
}

static void test_server_that_ignores_options_is_followed(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(512);

    program_put_file("local", bytes, 512);
    program_start(&s->program, "put local URL/x");
    take_wrq(s, "x");
    scripted_ack(s, 0);
    scripted_take_data(s, 1, bytes, 512);
    scripted_ack(s, 1);
    scripted_take_data(s, 2, NULL, 0); /* RFC 1350 section 6: a whole multiple ends with it */
    scripted_ack(s, 2);
    program_ends(&s->program, 0);
}

static void test_empty_file_is_one_empty_block(void **state)
{
    struct scripted *s = *state;

    program_put_file("local", "", 0);
    program_start(&s->program, "put local URL/x");
    take_wrq(s, "x");
    assert_string_equal(scripted_asked(s, "tsize"), "0");
    scripted_ack(s, 0);
    scripted_take_data(s, 1, NULL, 0);
    scripted_ack(s, 1);
    program_ends(&s->program, 0);
}

static void test_error_8_leads_to_a_plain_request_from_a_new_port(void **state)
{
    struct scripted *s = *state;

    program_put_file("local", "ok", 2);
    program_start(&s->program, "put local URL/x");
    take_wrq(s, "x");
    scripted_error(s, 8, "no options here");
    take_wrq(s, "x");
    assert_null(scripted_asked(s, "blksize"));
    assert_null(scripted_asked(s, "tsize"));
    scripted_ack(s, 0);
    scripted_take_data(s, 1, "ok", 2);
    scripted_ack(s, 1);
    program_ends(&s->program, 0);
}

static void test_enlarged_windowsize_gets_error_8(void **state)
{
    struct scripted *s = *state;

    program_put_file("local", "ok", 2);
    program_start(&s->program, "put --windowsize 4 local URL/x");
    take_wrq(s, "x");
    scripted_oack(s, "windowsize", "5", NULL);
    scripted_take_error(s, 8);
    program_ends(&s->program, 7);
}

/* Also from a pipe, which cannot be read twice: what was sent is kept until it is acknowledged. */
static void test_blocks_that_never_arrive_lead_to_smaller_ones(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(1200);

    program_put_file("stdin", bytes, 1200);
    program_start(&s->program, "put -v --blksize 1100 --windowsize 1 - URL/x");
    take_wrq(s, "x");
    scripted_oack(s, "blksize", "1100", NULL);
    scripted_take_until_error(s, DATA, 3);
    take_wrq(s, "x");
    assert_string_equal(scripted_asked(s, "blksize"), "1024");
    scripted_oack(s, "blksize", "1024", NULL);
    scripted_take_data(s, 1, bytes, 1024);
    scripted_ack(s, 1);
    scripted_take_data(s, 2, bytes + 1024, 176);
    scripted_ack(s, 2);
    program_ends(&s->program, 0);
    program_says("asking for blksize 1024");
}

static void test_window_leaves_without_waiting(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(64 * 5 + 10);

    program_put_file("local", bytes, 330);
    program_start(&s->program, "put --blksize 64 --windowsize 3 local URL/x");
    take_wrq(s, "x");
    scripted_oack(s, "blksize", "64", "windowsize", "3", NULL);
    scripted_take_data(s, 1, bytes, 64);
    scripted_take_data(s, 2, bytes + 64, 64);
    scripted_take_data(s, 3, bytes + 128, 64);
    scripted_ack(s, 3);
    scripted_take_data(s, 4, bytes + 192, 64);
    scripted_take_data(s, 5, bytes + 256, 64);
    scripted_take_data(s, 6, bytes + 320, 10);
    scripted_ack(s, 6);
    program_ends(&s->program, 0);
}

static void test_netascii_is_encoded(void **state)
{
    struct scripted *s = *state;

    program_put_file("local", "one\ntwo\rx\n", 10);
    program_start(&s->program, "put local URL/x;mode=netascii");
    scripted_take_request(s, WRQ, "x", "netascii");
    assert_null(scripted_asked(s, "tsize"));
    scripted_ack(s, 0);
    scripted_take_data(s, 1, "one\r\ntwo\r\0x\r\n", 13);
    scripted_ack(s, 1);
    program_ends(&s->program, 0);
}

static void test_standard_input_has_no_announced_size(void **state)
{
    struct scripted *s = *state;
    int pipes[2];

    assert_return_code(pipe(pipes), errno);
    assert_int_equal(write(pipes[1], "from a pipe", 11), 11);
    assert_return_code(close(pipes[1]), errno);
    program_start_with_input(&s->program, "put - URL/x", pipes[0]);
    assert_return_code(close(pipes[0]), errno);
    take_wrq(s, "x");
    assert_null(scripted_asked(s, "tsize"));
    scripted_ack(s, 0);
    scripted_take_data(s, 1, "from a pipe", 11);
    scripted_ack(s, 1);
    program_ends(&s->program, 0);
}

/* An upload is done when it was acknowledged, and not before. */
static void test_error_in_place_of_the_last_ack_is_a_failure(void **state)
{
    struct scripted *s = *state;

    program_put_file("local", "bytes", 5);
    program_start(&s->program, "put local URL/x");
    take_wrq(s, "x");
    scripted_ack(s, 0);
    scripted_take_data(s, 1, "bytes", 5);
    scripted_error(s, 3, "Disk full");
    program_ends(&s->program, 8);
    program_says("server says: \"Disk full\"");
}

static void test_slash_at_the_end_of_the_url_keeps_the_name(void **state)
{
    struct scripted *s = *state;

    scratch_dir("dir");
    program_put_file("dir/local", "ok", 2);
    program_start(&s->program, "put dir/local URL/up/");
    take_wrq(s, "up/local");
    scripted_error(s, 6, "exists");
    program_ends(&s->program, 8);
    program_says("the file exists already");
}

static void test_signal_tells_the_server(void **state)
{
    struct scripted *s = *state;

    program_put_file("local", "bytes", 5);
    program_start(&s->program, "put local URL/x");
    take_wrq(s, "x");
    scripted_ack(s, 0);
    scripted_take_data(s, 1, "bytes", 5);
    program_signal(&s->program, SIGINT);
    scripted_take_error(s, 0);
    program_ends(&s->program, 130);
}

static void test_local_faults_are_told_before_it_asks(void **state)
{
    struct scripted *s = *state;

    scratch_dir("dir");
    program_start(&s->program, "put missing URL/x");
    program_ends(&s->program, 3);
    program_says("missing");
    program_start(&s->program, "put dir URL/x");
    program_ends(&s->program, 3);
    program_says("dir");
    scripted_no_request(s);
}

static void test_wrong_use_ends_with_2(void **state)
{
    static const char *const lines[] = {"put local", "put - URL/", "put dir/ URL/",
                                        "put --no-clobber local URL/x",
                                        "put --strict-size local URL/x"};
    struct scripted *s = *state;

    program_put_file("local", "ok", 2);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        program_start(&s->program, lines[i]);
        program_ends(&s->program, 2);
        program_says("wherry: ");
    }
    scripted_no_request(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scripted_setup, scripted_teardown)

static void test_several_files_go_into_a_directory_and_a_failure_stops_none(void **state)
{
    struct scripted *s = *state;

    program_put_file("a", "aa", 2);
    program_put_file("c", "cc", 2);
    program_start(&s->program, "put --no-options a missing c URL/up/");
    take_wrq(s, "up/a");
    scripted_error(s, 2, "not you"); /* exit code 6 */
    take_wrq(s, "up/c");
    scripted_ack(s, 0);
    scripted_take_data(s, 1, "cc", 2);
    scripted_ack(s, 1);
    program_ends(&s->program, 6);
    program_says("not you");
    program_says("put missing: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_asks_tsize_blksize_and_windowsize_by_default),
        T(test_server_that_ignores_options_is_followed),
        T(test_empty_file_is_one_empty_block),
        T(test_error_8_leads_to_a_plain_request_from_a_new_port),
        T(test_enlarged_windowsize_gets_error_8),
        T(test_blocks_that_never_arrive_lead_to_smaller_ones),
        T(test_window_leaves_without_waiting),
        T(test_netascii_is_encoded),
        T(test_standard_input_has_no_announced_size),
        T(test_error_in_place_of_the_last_ack_is_a_failure),
        T(test_slash_at_the_end_of_the_url_keeps_the_name),
        T(test_signal_tells_the_server),
        T(test_local_faults_are_told_before_it_asks),
        T(test_wrong_use_ends_with_2),
        T(test_several_files_go_into_a_directory_and_a_failure_stops_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
