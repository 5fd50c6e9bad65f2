/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_bytes_become_two_digits_each(void **state)
{
    const uint8_t bytes[] = {0x00, 0x09, 0xa0, 0xff};
    char text[9];

    (void)state;
    assert_ptr_equal(hex_print(bytes, sizeof(bytes), text), text + 8);
    assert_string_equal(text, "0009a0ff");
    assert_ptr_equal(hex_print(bytes, 0, text), text);
    assert_string_equal(text, "");
}

static void test_digits_become_bytes(void **state)
{
    const uint8_t expected[] = {0x00, 0x09, 0xa0, 0xff};
    uint8_t bytes[4];

    (void)state;
    assert_true(hex_parse("0009a0ff and more", sizeof(bytes), bytes));
    assert_memory_equal(bytes, expected, sizeof(bytes));
    assert_true(hex_parse("x", 0, bytes));
}

static void test_anything_else_is_refused(void **state)
{
    static const char *const texts[] = {"",     "0",    "000",  "0g00", "g000",
                                        "00 0", "-100", "00A0", "00/0", "00:0"};
    uint8_t bytes[2];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(hex_parse(texts[i], sizeof(bytes), bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_become_two_digits_each),
        cmocka_unit_test(test_digits_become_bytes),
        cmocka_unit_test(test_anything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
