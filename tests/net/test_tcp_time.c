/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines of a connection, on the real clock. Each test shortens one of them; the others are
 * longer than any test takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/number.h"
#include "net/tcp_served.h"
#include "support/scratch.h"

#define SHORT_NS (200 * NUMBER_MILLISECOND)
#define BIG_BYTES (8u * 1024u * 1024u)

static void expect_timeout(struct tcp_client *c)
{
    tcp_client_expect_goaway(c, WHERRY_STATUS_TIMEOUT);
    tcp_client_expect_shut(c);
    tcp_client_close(c);
    tcp_served_connections(c->f, 0);
}

static void test_connection_without_hello_is_closed_in_time(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    f->config.hello_timeout_ns = SHORT_NS;
    tcp_client_open(&c, f);
    expect_timeout(&c);
}

static void test_hello_byte_by_byte_has_no_more_time(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    f->config.hello_timeout_ns = SHORT_NS;
    tcp_client_open(&c, f);
    tcp_client_send(&c, "\0\0\0", 3);
    expect_timeout(&c);
}

static void test_frame_that_is_not_finished_is_closed_in_time(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    f->config.frame_timeout_ns = SHORT_NS;
    tcp_client_greet(&c, f);
    tcp_client_send(&c, "\0\0\0\6\3\0\0\0\0\0\0\1\0\4fi", 16);
    expect_timeout(&c);
}

static void test_idle_connection_is_closed_in_time(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    f->config.idle_timeout_ns = SHORT_NS;
    tcp_client_greet(&c, f);
    expect_timeout(&c);
}

/* On a busy machine any two PINGs may lie too far apart: then the end has to come no sooner than
 * that long after the last one that was answered. */
static void test_ping_starts_the_idle_time_anew(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;
    uint64_t begin_ns = loop_now_ns(f->loop);
    uint64_t answered_ns = begin_ns; /* when the last answered frame was sent, or before */

    f->config.idle_timeout_ns = SHORT_NS;
    tcp_client_greet(&c, f);
    for (;;) {
        uint64_t sent_ns = loop_now_ns(f->loop);

        if (sent_ns < begin_ns + 3 * SHORT_NS) {
            tcp_client_frame(&c, WHERRY_FRAME_PING, 0, NULL, 0);
        }
        tcp_client_receive(&c);
        if (c.frame.type != WHERRY_FRAME_PING_REPLY) {
            break;
        }
        answered_ns = sent_ns;
    }
    assert_int_equal(c.frame.type, WHERRY_FRAME_GOAWAY);
    assert_int_equal(c.frame.status, WHERRY_STATUS_TIMEOUT);
    assert_true(loop_now_ns(f->loop) >= answered_ns + SHORT_NS);
    tcp_client_close(&c);
    tcp_served_connections(f, 0);
}

static void test_body_that_is_not_taken_ends_the_connection(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    f->config.body_timeout_ns = SHORT_NS;
    tcp_served_pattern("big", BIG_BYTES);
    tcp_client_greet(&c, f);
    tcp_client_get(&c, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    tcp_served_line(f, "timeout op=read via=wherry ");
    tcp_client_close(&c);
    tcp_served_connections(f, 0);
}

/* The socket is full exactly when the turn is over, or it is not; either way time runs. */
static void test_body_that_is_not_taken_ends_the_connection_with_small_turns(void **state)
{
    struct tcp_served *f = *state;

    f->config.turn_max = 4096;
    test_body_that_is_not_taken_ends_the_connection(state);
}

static void test_body_that_is_not_sent_ends_the_connection(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    f->config.body_timeout_ns = SHORT_NS;
    tcp_client_greet(&c, f);
    tcp_client_put(&c, 1, "new", 100, WHERRY_PUT_CREATE, NULL, NULL);
    tcp_client_expect_ready(&c, 1, 0, NULL);
    tcp_client_data(&c, 1, 0, 50);
    expect_timeout(&c);
    tcp_served_line(f, "timeout op=write via=wherry ");
    scratch_absent("new");
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, tcp_served_setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_connection_without_hello_is_closed_in_time),
        SERVED(test_hello_byte_by_byte_has_no_more_time),
        SERVED(test_frame_that_is_not_finished_is_closed_in_time),
        SERVED(test_idle_connection_is_closed_in_time),
        SERVED(test_ping_starts_the_idle_time_anew),
        SERVED(test_body_that_is_not_taken_ends_the_connection),
        SERVED(test_body_that_is_not_taken_ends_the_connection_with_small_turns),
        SERVED(test_body_that_is_not_sent_ends_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
