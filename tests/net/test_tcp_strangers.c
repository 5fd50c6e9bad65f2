/* SPDX-License-Identifier: BSD-2-Clause */
/* Who speaks something else gets one END with PROTOCOL and id 0 that says why, and is closed in
 * good order: the END is read, then the end of the stream, and never a reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/tcp_served.h"
#include "support/scratch.h"

#define DROPPED_BYTES 65536u /* read and dropped for a stranger's sake */

static const uint8_t http[] = "GET / HTTP/1.1\r\nHost: boot.example\r\nUser-Agent: curl/7.88.1\r\n"
                              "Accept: */*\r\n\r\n";
static const uint8_t ssh[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
/* The beginning of a ClientHello: a record of TLS 1.0, version 1.2 inside. */
static const uint8_t tls[] = "\26\3\1\2\0\1\0\1\374\3\3\21\42\63\104\125\146\167\210\231\252";

static void expect_farewell(struct tcp_client *c)
{
    struct wherry_message_end_reply m;

    tcp_client_expect_end(c, 0, WHERRY_STATUS_PROTOCOL);
    assert_int_equal(wherry_message_parse_end_reply(&m, c->payload), RES_OK);
    assert_true(m.text.len > 0);
    tcp_client_expect_shut(c);
}

static void greet_with(struct tcp_served *f, const uint8_t *bytes, size_t len)
{
    struct tcp_client c;

    tcp_client_open(&c, f);
    tcp_client_send(&c, bytes, len);
    expect_farewell(&c);
    tcp_client_close(&c);
    tcp_served_connections(f, 0);
    assert_int_equal(tcp_served_line_count(f, "tcp: connection closed, peer 127.0.0.1:"), 1);
    assert_int_equal(f->lines.count, 1);
}

static void test_http_client_is_told_and_closed_in_good_order(void **state)
{
    greet_with(*state, http, sizeof(http) - 1);
}

static void test_tls_client_is_told_and_closed_in_good_order(void **state)
{
    greet_with(*state, tls, sizeof(tls) - 1);
}

static void test_ssh_client_is_told_and_closed_in_good_order(void **state)
{
    greet_with(*state, ssh, sizeof(ssh) - 1);
}

static void test_stranger_that_has_sent_64_kib_sees_the_end_and_no_reset(void **state)
{
    uint8_t *bytes = calloc(1, DROPPED_BYTES);

    assert_non_null(bytes);
    memset(bytes, 'x', DROPPED_BYTES);
    memcpy(bytes, http, sizeof(http) - 1);
    greet_with(*state, bytes, DROPPED_BYTES);
    free(bytes);
}

static void test_stranger_that_sends_on_is_cut_off_after_64_kib(void **state)
{
    struct tcp_served *f = *state;
    uint8_t *bytes = calloc(4, DROPPED_BYTES);
    size_t len = 4 * DROPPED_BYTES;
    struct tcp_client c;
    size_t sent = 0;

    assert_non_null(bytes);
    memcpy(bytes, http, sizeof(http) - 1);
    tcp_client_open(&c, f);
    tcp_served_limit(f);
    while (f->room.count > 0) {
        if (sent < len) {
            sent += tcp_client_try(&c, bytes + sent, len - sent);
        }
        tcp_served_turn(f);
    }
    tcp_client_close(&c);
    free(bytes);
}

static void test_stranger_that_stays_is_closed_after_a_while(void **state)
{
    struct tcp_client c;

    tcp_client_open(&c, *state);
    tcp_client_send(&c, http, sizeof(http) - 1);
    expect_farewell(&c);
    tcp_served_connections(*state, 0); /* 2 s later */
    tcp_client_close(&c);
}

static void test_bad_frame_lets_the_answers_before_it_through(void **state)
{
    struct tcp_client c;

    scratch_file("file", "123");
    tcp_client_greet(&c, *state);
    /* STAT 1, and DATA that no PUT asked for, in one piece. */
    tcp_client_send(&c, "\0\0\0\6\3\0\0\0\0\0\0\1\0\4file\0\0\0\1\6\0\0\0\0\0\0\2x", 31);
    tcp_client_expect(&c, WHERRY_FRAME_INFO, 1);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    expect_farewell(&c);
    tcp_client_close(&c);
    tcp_served_line(*state, "tcp: connection closed, peer 127.0.0.1:");
}

static void test_unknown_version_is_refused_by_name(void **state)
{
    struct tcp_client c;
    struct wherry_message_end_reply m;

    tcp_client_open(&c, *state);
    tcp_client_frame(&c, WHERRY_FRAME_HELLO, 0, "WHRY\2\7", 6);
    tcp_client_expect_end(&c, 0, WHERRY_STATUS_UNSUPPORTED);
    assert_int_equal(wherry_message_parse_end_reply(&m, c.payload), RES_OK);
    assert_non_null(memmem(m.text.bytes, m.text.len, "version 1", 9));
    tcp_client_expect_shut(&c);
    tcp_client_close(&c);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, tcp_served_setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_http_client_is_told_and_closed_in_good_order),
        SERVED(test_tls_client_is_told_and_closed_in_good_order),
        SERVED(test_ssh_client_is_told_and_closed_in_good_order),
        SERVED(test_stranger_that_has_sent_64_kib_sees_the_end_and_no_reset),
        SERVED(test_stranger_that_sends_on_is_cut_off_after_64_kib),
        SERVED(test_stranger_that_stays_is_closed_after_a_while),
        SERVED(test_bad_frame_lets_the_answers_before_it_through),
        SERVED(test_unknown_version_is_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
