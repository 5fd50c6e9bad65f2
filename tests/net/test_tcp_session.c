/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of the file protocol as sockets see them: pieces, pipelines, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/tcp_served.h"
#include "support/scratch.h"

static void test_ping_is_echoed(void **state)
{
    struct tcp_client c;

    tcp_client_greet(&c, *state);
    tcp_client_frame(&c, WHERRY_FRAME_PING, 0, "ping", 4);
    tcp_client_expect(&c, WHERRY_FRAME_PING_REPLY, 0);
    assert_int_equal(c.payload.len, 4);
    assert_memory_equal(c.payload.bytes, "ping", 4);
    tcp_client_close(&c);
}

static void test_request_is_answered_and_leaves_a_line(void **state)
{
    struct tcp_client c;

    scratch_file("file", "12345");
    tcp_client_greet(&c, *state);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 7, "file");
    tcp_client_expect(&c, WHERRY_FRAME_INFO, 7);
    tcp_client_expect_end(&c, 7, WHERRY_STATUS_OK);
    tcp_served_line(*state, "done op=stat via=wherry peer=127.0.0.1:");
    tcp_client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ping_is_echoed, tcp_served_setup, tcp_served_teardown),
        cmocka_unit_test_setup_teardown(test_request_is_answered_and_leaves_a_line,
                                        tcp_served_setup, tcp_served_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
