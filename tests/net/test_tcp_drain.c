/* SPDX-License-Identifier: BSD-2-Clause */
/* GOAWAY: what had arrived is answered, what comes later ends SHUTDOWN, then the server shuts its
 * side; and when that takes too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/tcp_served.h"
#include "support/scratch.h"

#define BIG_BYTES (8u * 1024u * 1024u)

static uint64_t now(const struct tcp_served *f)
{
    return loop_now_ns(f->loop);
}

static void leave(struct tcp_client *c)
{
    tcp_client_expect_shut(c);
    tcp_client_close(c);
    tcp_served_connections(c->f, 0);
}

/* Reads a GET up to its END; how many bytes of DATA came, and whether GOAWAY did. */
static size_t read_body(struct tcp_client *c, uint32_t id, bool *ret_goaway)
{
    size_t bytes = 0;

    tcp_client_expect(c, WHERRY_FRAME_GET_REPLY, id);
    for (;;) {
        tcp_client_receive(c);
        if (c->frame.type == WHERRY_FRAME_GOAWAY) {
            assert_int_equal(c->frame.status, WHERRY_STATUS_SHUTDOWN);
            assert_false(*ret_goaway);
            *ret_goaway = true;
            continue;
        }
        assert_int_equal(c->frame.id, id);
        if (c->frame.type != WHERRY_FRAME_DATA) {
            assert_int_equal(c->frame.type, WHERRY_FRAME_END_REPLY);
            return bytes;
        }
        bytes += c->payload.len;
    }
}

static void test_idle_connection_hears_goaway_and_is_closed(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    tcp_client_greet(&c, f);
    tcp_session_goaway(tcp_served_newest(f), RES_SHUTDOWN, 0, now(f));
    tcp_client_expect_goaway(&c, WHERRY_STATUS_SHUTDOWN);
    leave(&c);
}

static void test_what_had_arrived_is_answered_and_later_requests_are_not(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_session *s;
    struct tcp_client c;
    bool goaway = false;

    tcp_served_pattern("big", BIG_BYTES);
    tcp_client_greet(&c, f);
    s = tcp_served_newest(f);
    tcp_client_get(&c, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 2, "big");
    tcp_served_settle(f);
    tcp_session_goaway(s, RES_SHUTDOWN, 0, now(f));
    tcp_session_goaway(s, RES_SHUTDOWN, 0, now(f)); /* once is enough */
    tcp_client_path(&c, WHERRY_FRAME_STAT, 3, "big");
    tcp_served_settle(f);
    assert_int_equal(read_body(&c, 1, &goaway), BIG_BYTES);
    assert_int_equal(c.frame.status, WHERRY_STATUS_OK);
    assert_true(goaway);
    tcp_client_expect(&c, WHERRY_FRAME_INFO, 2);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_OK);
    tcp_client_expect_end(&c, 3, WHERRY_STATUS_SHUTDOWN);
    leave(&c);
}

static void test_request_whose_header_had_arrived_is_answered(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_session *s;
    struct tcp_client c;

    scratch_file("file", "123");
    tcp_client_greet(&c, f);
    s = tcp_served_newest(f);
    tcp_client_send(&c, "\0\0\0\6\3\0\0\0\0\0\0\1\0\4f", 15);
    tcp_served_settle(f);
    tcp_session_goaway(s, RES_SHUTDOWN, 0, now(f));
    tcp_client_send(&c, "ile", 3);
    tcp_client_expect_goaway(&c, WHERRY_STATUS_SHUTDOWN);
    tcp_client_expect(&c, WHERRY_FRAME_INFO, 1);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    leave(&c);
}

static void test_hurry_ends_a_body_at_a_frame_border_and_what_waits(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_session *s;
    struct tcp_client c;
    bool goaway = false;
    const char *line;

    tcp_served_pattern("big", BIG_BYTES);
    tcp_client_greet(&c, f);
    s = tcp_served_newest(f);
    tcp_client_get(&c, 1, "big", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 2, "big");
    tcp_served_settle(f);
    tcp_session_goaway(s, RES_SHUTDOWN, 0, now(f));
    tcp_session_hurry(s, now(f));
    assert_true(read_body(&c, 1, &goaway) < BIG_BYTES);
    assert_int_equal(c.frame.status, WHERRY_STATUS_SHUTDOWN);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_SHUTDOWN);
    line = tcp_served_line(f, "failed op=read via=wherry ");
    assert_non_null(strstr(line, "status=17"));
    leave(&c);
}

static void test_hurry_ends_an_upload_with_shutdown(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_session *s;
    struct tcp_client c;

    tcp_client_greet(&c, f);
    s = tcp_served_newest(f);
    tcp_client_put(&c, 1, "new", 1000, WHERRY_PUT_CREATE, NULL, NULL);
    tcp_client_expect_ready(&c, 1, 0, NULL);
    tcp_client_data(&c, 1, 0, 500);
    tcp_served_settle(f);
    tcp_session_goaway(s, RES_SHUTDOWN, 0, now(f));
    tcp_session_hurry(s, now(f));
    tcp_client_expect_goaway(&c, WHERRY_STATUS_SHUTDOWN);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_SHUTDOWN);
    tcp_client_frame(&c, WHERRY_FRAME_CANCEL, 1, NULL, 0);
    leave(&c);
    scratch_absent("new");
}

static void test_one_too_many_hears_busy_and_when_to_come_again(void **state)
{
    struct tcp_served *f = *state;
    struct wherry_message_goaway m;
    struct tcp_client c;

    tcp_client_open(&c, f);
    tcp_session_goaway(tcp_served_newest(f), RES_BUSY, 5, now(f));
    tcp_client_expect_goaway(&c, WHERRY_STATUS_BUSY);
    assert_int_equal(wherry_message_parse_goaway(&m, c.payload), RES_OK);
    assert_int_equal(m.retry_after_s, 5);
    leave(&c);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, tcp_served_setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_idle_connection_hears_goaway_and_is_closed),
        SERVED(test_what_had_arrived_is_answered_and_later_requests_are_not),
        SERVED(test_request_whose_header_had_arrived_is_answered),
        SERVED(test_hurry_ends_a_body_at_a_frame_border_and_what_waits),
        SERVED(test_hurry_ends_an_upload_with_shutdown),
        SERVED(test_one_too_many_hears_busy_and_when_to_come_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
