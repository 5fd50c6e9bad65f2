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
        cmocka_unit_test(test_texts_are_short_and_plain),
        cmocka_unit_test(test_texts_tell_the_two_reasons_of_a_number_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
