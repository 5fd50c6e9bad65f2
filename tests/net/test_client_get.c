/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry get` against a server that follows a script: what it asks, and whom it believes. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/scripted_server.h"

#define RRQ 1
#define ACK 4

/* What a download that failed leaves in the scratch directory: the program's output files. */
#define OUTPUT_FILES 2

static void take_rrq(struct scripted *s, const char *name)
{
    scripted_take_request(s, RRQ, name, "octet");
}

/* --- negotiation --- */

static void test_asks_tsize_blksize_and_windowsize_by_default(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get URL/boot/x");
    take_rrq(s, "boot/x");
    assert_string_equal(scripted_asked(s, "tsize"), "0");
    assert_in_range(atoi(scripted_asked(s, "blksize")), 512, 65464);
    assert_in_range(atoi(scripted_asked(s, "windowsize")), 1, 16);
    assert_null(scripted_asked(s, "timeout"));
    scripted_oack(s, "tsize", "5", "blksize", "1024", "windowsize", "1", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, "hello", 5);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
    program_file_is("x", "hello", 5);
    program_file_is("stdout", "", 0);
    program_file_is("stderr", "", 0); /* no terminal: not a word */
}

static void test_asks_what_the_options_say(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --blksize 600 --windowsize 3 --tftp-timeout 2 URL/x");
    take_rrq(s, "x");
    assert_string_equal(scripted_asked(s, "blksize"), "600");
    assert_string_equal(scripted_asked(s, "windowsize"), "3");
    assert_string_equal(scripted_asked(s, "timeout"), "2");
    scripted_oack(s, "timeout", "2", "blksize", "600", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, "x", 1);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
}

static void test_no_options_asks_for_none(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(512);

    program_start(&s->program, "get --no-options URL/x");
    take_rrq(s, "x");
    assert_int_equal(s->len, strlen("..x.octet.")); /* not a byte behind the mode */
    scripted_data(s, 1, bytes, 512);
    scripted_take_ack(s, 1);
    scripted_data(s, 2, NULL, 0);
    scripted_take_ack(s, 2);
    program_ends(&s->program, 0);
    program_file_is("x", bytes, 512);
}

/* RFC 2347: a server that knows no options answers with DATA 1; 512 and 1 hold. */
static void test_server_that_ignores_options_is_followed(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(612);

    program_start(&s->program, "get --blksize 1024 URL/x");
    take_rrq(s, "x");
    scripted_data(s, 1, bytes, 512);
    scripted_take_ack(s, 1);
    scripted_data(s, 2, bytes + 512, 100);
    scripted_take_ack(s, 2);
    program_ends(&s->program, 0);
    program_file_is("x", bytes, 612);
}

static void test_error_8_leads_to_a_plain_request_from_a_new_port(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get -v URL/x");
    take_rrq(s, "x");
    scripted_error(s, 8, "no options here");
    take_rrq(s, "x");
    assert_null(scripted_asked(s, "blksize"));
    assert_null(scripted_asked(s, "tsize"));
    assert_null(scripted_asked(s, "windowsize"));
    scripted_data(s, 1, "ok", 2);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
    program_says("refuses options");
    program_file_is("x", "ok", 2);
}

static void test_error_8_to_a_plain_request_is_final(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --no-options URL/x");
    take_rrq(s, "x");
    scripted_error(s, 8, "odd");
    program_ends(&s->program, 7);
    scripted_no_request(s);
    program_says("server says: \"odd\"");
}

static void test_enlarged_blksize_gets_error_8(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --blksize 1024 URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "blksize", "1025", NULL);
    scripted_take_error(s, 8);
    program_ends(&s->program, 7);
    scripted_no_request(s);
    scratch_absent("x");
}

static void test_option_that_was_not_asked_gets_error_8(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "blksize", "512", "timeout", "3", NULL);
    scripted_take_error(s, 8);
    program_ends(&s->program, 7);
    scratch_absent("x");
}

static void test_broken_oack_gets_error_8(void **state)
{
    struct scripted *s = *state;
    static const uint8_t broken[] = {0, 6, 'b', 'l', 'k', 's', 'i', 'z', 'e', 0, '5', '1', '2'};

    program_start(&s->program, "get URL/x");
    take_rrq(s, "x");
    scripted_send(s, s->tid, broken, sizeof(broken));
    scripted_take_error(s, 8);
    program_ends(&s->program, 7);
}

static void test_repeated_oack_is_acknowledged_again(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --blksize 1024 URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "blksize", "1024", NULL);
    scripted_take_ack(s, 0);
    scripted_oack(s, "blksize", "1024", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, "x", 1);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
}

/* Fragments or packets of that size may be lost on the way for good. */
static void test_blocks_that_never_come_lead_to_smaller_ones(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get -v --blksize 1468 URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "blksize", "1468", NULL);
    scripted_take_until_error(s, ACK, 3);
    take_rrq(s, "x");
    assert_string_equal(scripted_asked(s, "blksize"), "1428");
    scripted_oack(s, "blksize", "1428", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, "small", 5);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
    program_says("asking for blksize 1428");
    program_file_is("x", "small", 5);
}

/* --- who may speak --- */

static void test_packet_from_another_port_gets_error_5_and_changes_nothing(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(512);
    static const uint8_t forged[] = {0, 3, 0, 2, 'e', 'v', 'i', 'l'};
    static const uint8_t error[] = {0, 5, 0, 0, 'e', 'n', 'd', 0};
    int stranger;

    program_start(&s->program, "get --no-options URL/x");
    take_rrq(s, "x");
    stranger = scripted_socket("127.0.0.1");
    scripted_data(s, 1, bytes, 512);
    scripted_take_ack(s, 1);
    scripted_send(s, stranger, error, sizeof(error)); /* never answered */
    scripted_send(s, stranger, forged, sizeof(forged));
    scripted_take_error_at(s, stranger, 5);
    scripted_data(s, 2, "end", 3);
    scripted_take_ack(s, 2);
    program_ends(&s->program, 0);
    assert_false(scripted_waits_at(stranger)); /* one answer for two packets */
    assert_return_code(close(stranger), errno);
    assert_int_equal(scratch_count("."), OUTPUT_FILES + 1);
}

/* Whoever answers first, from elsewhere, does not become the server. */
static void test_answer_from_another_host_is_not_taken(void **state)
{
    struct scripted *s = *state;
    static const uint8_t forged[] = {0, 3, 0, 1, 'e', 'v', 'i', 'l'};
    int stranger;

    program_start(&s->program, "get URL/x");
    take_rrq(s, "x");
    stranger = scripted_socket("127.0.0.2");
    scripted_send(s, stranger, forged, sizeof(forged));
    scripted_take_error_at(s, stranger, 5);
    scripted_data(s, 1, "good", 4);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
    program_file_is("x", "good", 4);
    assert_return_code(close(stranger), errno);
}

/* Nor does whoever sends from the server's host what answers no request. */
static void test_packet_that_answers_nothing_is_not_taken(void **state)
{
    struct scripted *s = *state;
    static const uint8_t late[] = {0, 3, 0, 2, 'o', 'l', 'd'};
    static const uint8_t ack[] = {0, 4, 0, 0};
    int earlier; /* a transfer that this port had before */

    program_start(&s->program, "get --no-options URL/x");
    take_rrq(s, "x");
    earlier = scripted_socket("127.0.0.1");
    scripted_send(s, earlier, late, sizeof(late));
    scripted_send(s, earlier, ack, sizeof(ack));
    scripted_data(s, 1, "good", 4);
    scripted_take_ack(s, 1);
    program_ends(&s->program, 0);
    program_file_is("x", "good", 4);
    assert_return_code(close(earlier), errno);
}

/* ICMP answers our ERROR 5 when the stranger is gone. */
static void test_unreachable_that_error_5_provoked_ends_nothing(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(512);
    static const uint8_t forged[] = {0, 3, 0, 2, 'e', 'v', 'i', 'l'};
    int stranger;

    program_start(&s->program, "get --no-options URL/x");
    take_rrq(s, "x");
    scripted_data(s, 1, bytes, 512);
    scripted_take_ack(s, 1);
    stranger = scripted_socket("127.0.0.1");
    program_signal(&s->program, SIGSTOP);
    scripted_send(s, stranger, forged, sizeof(forged));
    assert_return_code(close(stranger), errno); /* before the answer */
    program_signal(&s->program, SIGCONT);
    scripted_data(s, 1, bytes, 512);
    scripted_take_ack(s, 1); /* so that the answer has left */
    scripted_data(s, 2, "end", 3);
    scripted_take_ack(s, 2);
    program_ends(&s->program, 0);
}

/* A second answer from a new port comes from a server that took the request for two. */
static void test_second_transfer_of_the_server_gets_error_5(void **state)
{
    struct scripted *s = *state;
    static const uint8_t again[] = {0, 3, 0, 1, 'o', 'k'};
    const uint8_t *bytes = program_pattern(512);
    int second;

    program_start(&s->program, "get --no-options URL/x");
    take_rrq(s, "x");
    second = scripted_socket("127.0.0.1");
    scripted_data(s, 1, bytes, 512);
    scripted_take_ack(s, 1);
    scripted_send(s, second, again, sizeof(again));
    scripted_take_error_at(s, second, 5);
    scripted_data(s, 2, NULL, 0);
    scripted_take_ack(s, 2);
    program_ends(&s->program, 0);
    assert_return_code(close(second), errno);
}

/* --- windows and text --- */

static void test_window_is_acknowledged_once(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(64 * 10 + 1);

    program_start(&s->program, "get --blksize 64 --windowsize 4 URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "blksize", "64", "windowsize", "4", NULL);
    scripted_take_ack(s, 0);
    for (uint16_t block = 1; block <= 10; block++) {
        scripted_data(s, block, bytes + (size_t)(block - 1) * 64, 64);
        if (block % 4 == 0) {
            scripted_take_ack(s, block);
        }
    }
    scripted_data(s, 11, bytes + 640, 1);
    scripted_take_ack(s, 11);
    program_ends(&s->program, 0);
    program_file_is("x", bytes, 641);
}

static void test_gap_in_a_window_asks_for_the_missing_block(void **state)
{
    struct scripted *s = *state;
    const uint8_t *bytes = program_pattern(64 * 3 + 1);

    program_start(&s->program, "get --blksize 64 --windowsize 8 URL/x");
    take_rrq(s, "x");
    scripted_oack(s, "blksize", "64", "windowsize", "8", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, bytes, 64);
    scripted_data(s, 3, bytes + 128, 64); /* 2 was lost */
    scripted_take_ack(s, 1);
    scripted_data(s, 2, bytes + 64, 64);
    scripted_data(s, 3, bytes + 128, 64);
    scripted_data(s, 4, bytes + 192, 1);
    scripted_take_ack(s, 4);
    program_ends(&s->program, 0);
    program_file_is("x", bytes, 193);
}

/* CR LF and CR NUL, both cut by a border between blocks; tsize is for octet alone. */
static void test_netascii_is_decoded(void **state)
{
    struct scripted *s = *state;

    program_start(&s->program, "get --blksize 8 URL/x;mode=netascii");
    scripted_take_request(s, RRQ, "x", "netascii");
    assert_null(scripted_asked(s, "tsize"));
    scripted_oack(s, "blksize", "8", NULL);
    scripted_take_ack(s, 0);
    scripted_data(s, 1, "line one", 8);
    scripted_take_ack(s, 1);
    scripted_data(s, 2, "\r\nline \r", 8);
    scripted_take_ack(s, 2);
    scripted_data(s, 3, "\0two\r\n", 6);
    scripted_take_ack(s, 3);
    program_ends(&s->program, 0);
    program_file_is("x", "line one\nline \rtwo\n", 19);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scripted_setup, scripted_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_asks_tsize_blksize_and_windowsize_by_default),
        T(test_asks_what_the_options_say),
        T(test_no_options_asks_for_none),
        T(test_server_that_ignores_options_is_followed),
        T(test_error_8_leads_to_a_plain_request_from_a_new_port),
        T(test_error_8_to_a_plain_request_is_final),
        T(test_enlarged_blksize_gets_error_8),
        T(test_option_that_was_not_asked_gets_error_8),
        T(test_broken_oack_gets_error_8),
        T(test_repeated_oack_is_acknowledged_again),
        T(test_blocks_that_never_come_lead_to_smaller_ones),
        T(test_packet_from_another_port_gets_error_5_and_changes_nothing),
        T(test_answer_from_another_host_is_not_taken),
        T(test_packet_that_answers_nothing_is_not_taken),
        T(test_unreachable_that_error_5_provoked_ends_nothing),
        T(test_second_transfer_of_the_server_gets_error_5),
        T(test_window_is_acknowledged_once),
        T(test_gap_in_a_window_asks_for_the_missing_block),
        T(test_netascii_is_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
