/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/wire_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Numbers of RFC 1350's appendix and RFC 2347, written out. */
static unsigned expected_code(enum res r)
{
    switch (r) {
    case RES_NOT_FOUND:
    case RES_IS_DIR: /* U-Boot walks on to the next name only after 1 */
        return 1;
    case RES_DENIED:
    case RES_NAME:
    case RES_AUTH:
        return 2;
    case RES_NO_SPACE:
    case RES_TOO_LARGE:
        return 3;
    case RES_PROTOCOL:
    case RES_UNSUPPORTED:
        return 4;
    case RES_EXISTS:
        return 6;
    case RES_OPTIONS:
        return 8;
    default:
        return 0;
    }
}

static void test_each_result_has_its_number(void **state)
{
    (void)state;
    for (int i = 0; i < RES_COUNT; i++) {
        assert_int_equal(wire_error_code((enum res)i), expected_code((enum res)i));
    }
    assert_int_equal(wire_error_code(RES_COUNT), 0);
}

/* The statuses of the Wherry file protocol, by number. */
static const enum res statuses[] = {
    RES_OK,      RES_PROTOCOL,  RES_NOT_FOUND, RES_DENIED,      RES_TOO_LARGE,
    RES_EXISTS,  RES_NO_SPACE,  RES_NAME,      RES_RANGE,       RES_DIGEST,
    RES_IO,      RES_BUSY,      RES_CHANGED,   RES_UNSUPPORTED, RES_AUTH,
    RES_TIMEOUT, RES_CANCELLED, RES_SHUTDOWN,  RES_IS_DIR,      RES_OFFSET,
};
#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

static void test_each_status_is_a_result_and_back(void **state)
{
    (void)state;
    assert_int_equal(STATUSES, 20);
    assert_int_equal(STATUSES, WHERRY_STATUS_COUNT);
    for (size_t i = 0; i < STATUSES; i++) {
        assert_int_equal(wire_error_from_status((uint16_t)i), statuses[i]);
        assert_int_equal(wire_error_status(statuses[i]), i);
    }
}

static void test_unknown_status_is_an_error_of_the_peer(void **state)
{
    (void)state;
    assert_int_equal(wire_error_from_status(20), RES_PEER);
    assert_int_equal(wire_error_from_status(0xffff), RES_PEER);
}

static void test_results_without_a_status_of_their_own_are_failures(void **state)
{
    (void)state;
    assert_int_equal(wire_error_status(RES_NO_MEMORY), 11); /* BUSY: may be tried again */
    assert_int_equal(wire_error_status(RES_OPTIONS), 1);
    assert_int_equal(wire_error_status(RES_PEER), 10);
    assert_int_equal(wire_error_status(RES_UNREACHABLE), 10);
    assert_int_equal(wire_error_status(RES_LATER), 10);
    assert_int_equal(wire_error_status(RES_COUNT), 10);
}

static void test_texts_are_short_and_plain(void **state)
{
    (void)state;
    for (int i = 0; i <= RES_COUNT; i++) {
        const char *text = wire_error_text((enum res)i);

        assert_non_null(text);
        assert_in_range(strlen(text), 1, 40);
        assert_null(strpbrk(text, "\n%")); /* nor a hint of a format */
    }
}

static void test_texts_tell_the_two_reasons_of_a_number_apart(void **state)
{
    (void)state;
    assert_string_not_equal(wire_error_text(RES_NOT_FOUND), wire_error_text(RES_IS_DIR));
    assert_string_not_equal(wire_error_text(RES_NO_SPACE), wire_error_text(RES_TOO_LARGE));
    assert_string_equal(wire_error_text(RES_CHANGED), "changed while being read");
    assert_string_equal(wire_error_text(RES_SHUTDOWN), "server is shutting down");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_result_has_its_number),
        cmocka_unit_test(test_each_status_is_a_result_and_back),
        cmocka_unit_test(test_unknown_status_is_an_error_of_the_peer),
        cmocka_unit_test(test_results_without_a_status_of_their_own_are_failures),
        cmocka_unit_test(test_texts_are_short_and_plain),
        cmocka_unit_test(test_texts_tell_the_two_reasons_of_a_number_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
