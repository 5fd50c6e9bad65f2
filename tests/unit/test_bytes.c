/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_u16_is_read_in_network_byte_order(void **state)
{
    const uint8_t bytes[] = {0x12, 0xfe, 0x00, 0x01};
    struct bytes_reader r = {.at = bytes, .left = sizeof(bytes)};
    uint16_t value;

    (void)state;
    assert_true(bytes_get_u16(&r, &value));
    assert_int_equal(value, 0x12fe);
    assert_true(bytes_get_u16(&r, &value));
    assert_int_equal(value, 1);
    assert_int_equal(r.left, 0);
}

static void test_u16_that_does_not_fit_changes_nothing(void **state)
{
    const uint8_t bytes[] = {0x12};
    struct bytes_reader r = {.at = bytes, .left = sizeof(bytes)};
    uint16_t value = 7;

    (void)state;
    assert_false(bytes_get_u16(&r, &value));
    assert_int_equal(value, 7);
    assert_ptr_equal(r.at, bytes);
    assert_int_equal(r.left, 1);
}

static void test_text_ends_at_its_nul_which_is_taken(void **state)
{
    const uint8_t bytes[] = {'a', 'b', 0, 0, 'c', 0};
    struct bytes_reader r = {.at = bytes, .left = sizeof(bytes)};
    const uint8_t *text;
    size_t len;

    (void)state;
    assert_true(bytes_get_text(&r, &text, &len));
    assert_ptr_equal(text, bytes);
    assert_int_equal(len, 2);
    assert_true(bytes_get_text(&r, &text, &len));
    assert_int_equal(len, 0);
    assert_true(bytes_get_text(&r, &text, &len));
    assert_ptr_equal(text, bytes + 4);
    assert_int_equal(len, 1);
    assert_int_equal(r.left, 0);
}

static void test_text_without_nul_changes_nothing(void **state)
{
    const uint8_t bytes[] = {'a', 'b', 0}; /* the NUL lies behind what may be read */
    struct bytes_reader r = {.at = bytes, .left = 2};
    const uint8_t *text = NULL;
    size_t len = 7;

    (void)state;
    assert_false(bytes_get_text(&r, &text, &len));
    assert_null(text);
    assert_int_equal(len, 7);
    assert_int_equal(r.left, 2);
}

static void test_nothing_is_read_from_no_bytes(void **state)
{
    struct bytes_reader r = {.at = NULL, .left = 0};
    const uint8_t *text;
    size_t len;
    uint16_t value;

    (void)state;
    assert_false(bytes_get_text(&r, &text, &len));
    assert_false(bytes_get_u16(&r, &value));
}

static void test_writer_fills_its_room_to_the_last_byte(void **state)
{
    const uint8_t expected[] = {0xab, 0xcd, 'h', 'i', 0, 9};
    uint8_t room[sizeof(expected)];
    struct bytes_writer w = {.start = room, .cap = sizeof(room)};

    (void)state;
    bytes_put_u16(&w, 0xabcd);
    bytes_put_text(&w, "hi");
    bytes_put(&w, "\x09", 1);
    bytes_put(&w, NULL, 0);
    assert_int_equal(bytes_written(&w), sizeof(expected));
    assert_memory_equal(room, expected, sizeof(expected));
}

static void test_writer_stays_failed_and_writes_no_more(void **state)
{
    uint8_t room[5] = {0};
    struct bytes_writer w = {.start = room, .cap = 4};

    (void)state;
    bytes_put_u16(&w, 0x0102);
    bytes_put_text(&w, "hi"); /* its NUL has no room */
    bytes_put(&w, "x", 1);    /* would fit, but a hole would come before it */
    assert_true(w.failed);
    assert_int_equal(bytes_written(&w), 0);
    assert_memory_equal(room, "\x01\x02\0\0\0", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_u16_is_read_in_network_byte_order),
        cmocka_unit_test(test_u16_that_does_not_fit_changes_nothing),
        cmocka_unit_test(test_text_ends_at_its_nul_which_is_taken),
        cmocka_unit_test(test_text_without_nul_changes_nothing),
        cmocka_unit_test(test_nothing_is_read_from_no_bytes),
        cmocka_unit_test(test_writer_fills_its_room_to_the_last_byte),
        cmocka_unit_test(test_writer_stays_failed_and_writes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
