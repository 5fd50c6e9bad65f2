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

static void test_integers_of_each_size_are_read_in_network_byte_order(void **state)
{
    const uint8_t bytes[] = {0xfe, 0x80, 0x01, 0x02, 0x03, 0xf1, 2, 3, 4, 5, 6, 7, 0xf8};
    struct bytes_reader r = {.at = bytes, .left = sizeof(bytes)};
    uint8_t u8;
    uint32_t u32;
    uint64_t u64;

    (void)state;
    assert_true(bytes_get_u8(&r, &u8));
    assert_int_equal(u8, 0xfe);
    assert_true(bytes_get_u32(&r, &u32));
    assert_int_equal(u32, 0x80010203);
    assert_true(bytes_get_u64(&r, &u64));
    assert_true(u64 == 0xf1020304050607f8);
    assert_int_equal(r.left, 0);
}

static void test_integers_that_do_not_fit_change_nothing(void **state)
{
    const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct bytes_reader none = {.at = bytes, .left = 0};
    struct bytes_reader three = {.at = bytes, .left = 3};
    struct bytes_reader seven = {.at = bytes, .left = 7};
    uint8_t u8 = 7;
    uint32_t u32 = 7;
    uint64_t u64 = 7;

    (void)state;
    assert_false(bytes_get_u8(&none, &u8));
    assert_false(bytes_get_u32(&three, &u32));
    assert_false(bytes_get_u64(&seven, &u64));
    assert_int_equal(u8, 7);
    assert_int_equal(u32, 7);
    assert_int_equal(u64, 7);
    assert_int_equal(three.left, 3);
    assert_int_equal(seven.left, 7);
    assert_ptr_equal(seven.at, bytes);
}

static void test_view_is_of_the_bytes_where_they_lie(void **state)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct bytes_reader r = {.at = bytes, .left = sizeof(bytes)};
    const uint8_t *view = NULL;

    (void)state;
    assert_true(bytes_get_view(&r, 2, &view));
    assert_ptr_equal(view, bytes);
    assert_false(bytes_get_view(&r, 2, &view));
    assert_ptr_equal(view, bytes);
    assert_int_equal(r.left, 1);
    assert_true(bytes_get_view(&r, 1, &view));
    assert_ptr_equal(view, bytes + 2);
    assert_true(bytes_get_view(&r, 0, &view));
    assert_int_equal(r.left, 0);
}

static void test_string_says_its_own_length(void **state)
{
    const uint8_t bytes[] = {0, 2, 'h', 'i', 0, 0, 0, 1, 'x'};
    struct bytes_reader r = {.at = bytes, .left = sizeof(bytes)};
    const uint8_t *string;
    size_t len;

    (void)state;
    assert_true(bytes_get_string(&r, &string, &len));
    assert_ptr_equal(string, bytes + 2);
    assert_int_equal(len, 2);
    assert_true(bytes_get_string(&r, &string, &len));
    assert_int_equal(len, 0);
    assert_true(bytes_get_string(&r, &string, &len));
    assert_int_equal(len, 1);
    assert_int_equal(r.left, 0);
}

static void test_string_that_goes_beyond_the_end_changes_nothing(void **state)
{
    const uint8_t bytes[] = {0, 3, 'h', 'i', '!'}; /* the last one may not be read */
    struct bytes_reader r = {.at = bytes, .left = 4};
    struct bytes_reader half = {.at = bytes, .left = 1};
    const uint8_t *string = NULL;
    size_t len = 7;

    (void)state;
    assert_false(bytes_get_string(&r, &string, &len));
    assert_false(bytes_get_string(&half, &string, &len));
    assert_null(string);
    assert_int_equal(len, 7);
    assert_ptr_equal(r.at, bytes);
    assert_int_equal(r.left, 4);
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
    assert_true(bytes_get_view(&r, 0, &text));
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

static void test_integers_and_strings_are_written_in_network_byte_order(void **state)
{
    const uint8_t expected[] = {0xfe, 0x80, 1, 2, 3, 0xf1, 2, 3, 4, 5, 6, 7, 0xf8, 0, 2, 'h', 'i'};
    uint8_t room[sizeof(expected)];
    struct bytes_writer w = {.start = room, .cap = sizeof(room)};

    (void)state;
    bytes_put_u8(&w, 0xfe);
    bytes_put_u32(&w, 0x80010203);
    bytes_put_u64(&w, 0xf1020304050607f8);
    bytes_put_string(&w, "hi", 2);
    assert_int_equal(bytes_written(&w), sizeof(expected));
    assert_memory_equal(room, expected, sizeof(expected));
}

static void test_string_of_65535_bytes_is_the_longest(void **state)
{
    static uint8_t room[2 + 65536];
    static const uint8_t bytes[65536];
    struct bytes_writer w = {.start = room, .cap = sizeof(room)};
    struct bytes_writer over = {.start = room, .cap = sizeof(room)};

    (void)state;
    bytes_put_string(&w, bytes, 65535);
    assert_int_equal(bytes_written(&w), 2 + 65535);
    assert_memory_equal(room, "\xff\xff", 2);
    bytes_put_string(&over, bytes, 65536); /* its length would be written as 0 */
    assert_true(over.failed);
    assert_int_equal(over.len, 0);
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
        cmocka_unit_test(test_integers_of_each_size_are_read_in_network_byte_order),
        cmocka_unit_test(test_integers_that_do_not_fit_change_nothing),
        cmocka_unit_test(test_view_is_of_the_bytes_where_they_lie),
        cmocka_unit_test(test_string_says_its_own_length),
        cmocka_unit_test(test_string_that_goes_beyond_the_end_changes_nothing),
        cmocka_unit_test(test_text_ends_at_its_nul_which_is_taken),
        cmocka_unit_test(test_text_without_nul_changes_nothing),
        cmocka_unit_test(test_nothing_is_read_from_no_bytes),
        cmocka_unit_test(test_writer_fills_its_room_to_the_last_byte),
        cmocka_unit_test(test_integers_and_strings_are_written_in_network_byte_order),
        cmocka_unit_test(test_string_of_65535_bytes_is_the_longest),
        cmocka_unit_test(test_writer_stays_failed_and_writes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
