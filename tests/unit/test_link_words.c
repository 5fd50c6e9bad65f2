/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/link_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct addr a_peer(void)
{
    struct addr a = {.len = sizeof(a.u.in4)};

    a.u.in4.sin_family = AF_INET;
    a.u.in4.sin_port = htons(7069);
    a.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void test_goaway_says_who_why_and_when_to_come_again(void **state)
{
    const struct addr peer = a_peer();
    const struct wherry_client_end end = {
        .result = RES_SHUTDOWN,
        .text = {.bytes = (const uint8_t *)"bye", .len = 3},
        .retry_after_s = 7,
    };
    struct outcome o;

    (void)state;
    link_words_goaway(&o, &peer, &end);
    assert_int_equal(o.side, OUTCOME_NETWORK);
    assert_int_equal(o.result, RES_SHUTDOWN);
    assert_non_null(strstr(o.detail, "127.0.0.1"));
    assert_non_null(strstr(o.detail, "ends the connection: "));
    assert_non_null(strstr(o.detail, wherry_res_text(RES_SHUTDOWN)));
    assert_non_null(strstr(o.detail, " (server says: \"bye\"), to be tried again after 7 s"));
}

/* The longest text, all of it to be escaped, and the longest wait. */
static void test_goaway_keeps_its_end_whatever_the_server_says(void **state)
{
    static uint8_t text[UINT16_MAX];
    const struct addr peer = a_peer();
    struct wherry_client_end end = {
        .text = {.bytes = text, .len = sizeof(text)},
        .retry_after_s = UINT32_MAX,
    };

    (void)state;
    memset(text, 0x1b, sizeof(text));
    for (int r = RES_OK; r < RES_COUNT; r++) {
        struct outcome o;

        end.result = (enum res)r;
        link_words_goaway(&o, &peer, &end);
        assert_non_null(strstr(o.detail, ", to be tried again after 4294967295 s"));
        assert_null(strchr(o.detail, 0x1b));
    }
}

static void test_goaway_without_words_adds_none(void **state)
{
    const struct addr peer = a_peer();
    const struct wherry_client_end end = {.result = RES_BUSY};
    struct outcome o;

    (void)state;
    link_words_goaway(&o, &peer, &end);
    assert_null(strstr(o.detail, "says"));
    assert_null(strstr(o.detail, "again"));
}

static void test_end_of_the_stream_says_whose_fault_it_is(void **state)
{
    const struct addr peer = a_peer();
    struct outcome o;

    (void)state;
    link_words_close(&o, &peer, RES_PROTOCOL, "a second HELLO");
    assert_int_equal(o.side, OUTCOME_PROTOCOL);
    assert_non_null(strstr(o.detail, "breaks the protocol: a second HELLO"));
    link_words_close(&o, &peer, RES_UNSUPPORTED, "version 2");
    assert_int_equal(o.side, OUTCOME_PROTOCOL);
    link_words_close(&o, &peer, RES_TIMEOUT, "silence");
    assert_int_equal(o.side, OUTCOME_NETWORK);
    assert_int_equal(o.result, RES_TIMEOUT);
    link_words_close(&o, &peer, RES_UNREACHABLE, "it closed");
    assert_int_equal(o.side, OUTCOME_NETWORK);
    assert_int_equal(o.result, RES_LOST);
    assert_non_null(strstr(o.detail, "lost: it closed"));
    link_words_close(&o, &peer, RES_NO_MEMORY, "no memory for a frame");
    assert_int_equal(o.side, OUTCOME_LOCAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goaway_says_who_why_and_when_to_come_again),
        cmocka_unit_test(test_goaway_keeps_its_end_whatever_the_server_says),
        cmocka_unit_test(test_goaway_without_words_adds_none),
        cmocka_unit_test(test_end_of_the_stream_says_whose_fault_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
