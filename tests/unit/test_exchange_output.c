/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/exchange_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool memory_is_full;

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_is_full ? NULL : __real_calloc(count, size);
}

static void add(struct exchange_output *o, const char *text)
{
    uint8_t *room = exchange_output_room(o, strlen(text));

    assert_non_null(room);
    memcpy(room, text, strlen(text));
    exchange_output_add(o, strlen(text));
}

static void add_aside(struct exchange_output *o, const char *text, bool reply)
{
    assert_true(exchange_output_aside(o, (const uint8_t *)text, strlen(text), reply));
}

static void expect_due(const struct exchange_output *o, const char *text)
{
    struct wherry_view due = exchange_output_due(o);

    assert_int_equal(due.len, strlen(text));
    assert_memory_equal(due.bytes, text, due.len);
}

static void test_bytes_leave_in_their_order_however_few_at_a_time(void **state)
{
    struct exchange_output o = {.body = 0};

    (void)state;
    assert_true(exchange_output_empty(&o));
    add(&o, "abc");
    add(&o, "def");
    expect_due(&o, "abcdef");
    exchange_output_sent(&o, 2);
    expect_due(&o, "cdef");
    add(&o, "ghi");
    exchange_output_sent(&o, 6);
    expect_due(&o, "i");
    assert_false(exchange_output_empty(&o));
    exchange_output_sent(&o, 1);
    assert_true(exchange_output_empty(&o));
    exchange_output_clear(&o);
}

static void test_room_that_is_not_added_is_not_due(void **state)
{
    struct exchange_output o = {.body = 0};

    (void)state;
    assert_non_null(exchange_output_room(&o, 1000));
    assert_true(exchange_output_empty(&o));
    add(&o, "a");
    expect_due(&o, "a");
    exchange_output_clear(&o);
}

static void test_the_buffer_grows_and_keeps_what_is_in_it(void **state)
{
    struct exchange_output o = {.body = 0};
    char text[1001];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    add(&o, "first");
    for (int i = 0; i < 100; i++) {
        add(&o, text);
    }
    assert_int_equal(exchange_output_held(&o), 100005);
    assert_memory_equal(exchange_output_due(&o).bytes, "firstxxxx", 9);
    exchange_output_sent(&o, 100000);
    expect_due(&o, "xxxxx");
    exchange_output_clear(&o);
}

static void test_room_in_front_is_used_again(void **state)
{
    struct exchange_output o = {.body = 0};
    char text[201];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    add(&o, text); /* of the first 256 bytes */
    exchange_output_sent(&o, 190);
    memory_is_full = true;
    add(&o, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    memory_is_full = false;
    assert_int_equal(exchange_output_held(&o), 10 + 64);
    assert_memory_equal(exchange_output_due(&o).bytes, "xxxxxxxxxxyy", 12);
    exchange_output_clear(&o);
}

static void test_large_room_is_given_back_when_all_has_left(void **state)
{
    struct exchange_output o = {.body = 0};

    (void)state;
    assert_non_null(exchange_output_room(&o, 60000));
    add(&o, "a");
    exchange_output_sent(&o, 1);
    assert_null(o.due.bytes);
}

static void test_aside_leaves_like_any_other_between_frames(void **state)
{
    struct exchange_output o = {.body = 0};

    (void)state;
    add(&o, "frame");
    add_aside(&o, "ping", false);
    add(&o, "frame");
    expect_due(&o, "framepingframe");
    exchange_output_clear(&o);
}

static void test_aside_waits_for_the_last_byte_of_a_body(void **state)
{
    struct exchange_output o = {.body = 0};

    (void)state;
    add(&o, "header");
    exchange_output_open(&o, 10);
    add_aside(&o, "one", true);
    expect_due(&o, "header");
    exchange_output_sent(&o, 6);
    expect_due(&o, "");
    assert_false(exchange_output_empty(&o));
    assert_true(exchange_output_body_sent(&o, 9));
    add_aside(&o, "two", true);
    expect_due(&o, "");
    assert_true(exchange_output_body_sent(&o, 1));
    expect_due(&o, "onetwo");
    assert_int_equal(o.body, 0);
    exchange_output_clear(&o);
}

static void test_replies_count_until_the_last_of_them_has_left(void **state)
{
    struct exchange_output o = {.body = 0};

    (void)state;
    add_aside(&o, "reply", true);
    add_aside(&o, "goaway", false);
    assert_int_equal(o.replies, 5);
    exchange_output_sent(&o, 4);
    assert_int_equal(o.replies, 5);
    exchange_output_sent(&o, 1);
    assert_int_equal(o.replies, 0);
    exchange_output_clear(&o);
}

static void test_replies_aside_count_too(void **state)
{
    struct exchange_output o = {.body = 0};

    (void)state;
    add(&o, "h");
    exchange_output_open(&o, 1);
    add_aside(&o, "reply", true);
    exchange_output_sent(&o, 1);
    assert_int_equal(o.replies, 5);
    assert_true(exchange_output_body_sent(&o, 1));
    assert_int_equal(o.replies, 5);
    exchange_output_sent(&o, 5);
    assert_int_equal(o.replies, 0);
    exchange_output_clear(&o);
}

static void test_drop_forgets_everything(void **state)
{
    struct exchange_output o = {.body = 0};

    (void)state;
    add(&o, "h");
    exchange_output_open(&o, 10);
    add_aside(&o, "reply", true);
    exchange_output_drop(&o);
    assert_true(exchange_output_empty(&o));
    assert_int_equal(o.replies, 0);
    add_aside(&o, "new", false);
    expect_due(&o, "new");
    exchange_output_clear(&o);
}

static void test_without_memory_nothing_is_added(void **state)
{
    struct exchange_output o = {.body = 0};

    (void)state;
    memory_is_full = true;
    assert_null(exchange_output_room(&o, 1));
    assert_false(exchange_output_aside(&o, (const uint8_t *)"a", 1, true));
    memory_is_full = false;
    assert_true(exchange_output_empty(&o));
    assert_int_equal(o.replies, 0);
    add(&o, "h");
    exchange_output_open(&o, 1);
    memory_is_full = true;
    assert_false(exchange_output_aside(&o, (const uint8_t *)"a", 1, true));
    memory_is_full = false;
    assert_int_equal(exchange_output_held(&o), 1);
    exchange_output_clear(&o);
}

static void test_without_memory_the_gap_cannot_be_filled(void **state)
{
    struct exchange_output o = {.body = 0};
    char text[601];
    bool done;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    add(&o, "h");
    exchange_output_open(&o, 1);
    add_aside(&o, text, false);
    exchange_output_sent(&o, 1);
    memory_is_full = true;
    done = exchange_output_body_sent(&o, 1);
    memory_is_full = false;
    assert_false(done);
    exchange_output_clear(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_leave_in_their_order_however_few_at_a_time),
        cmocka_unit_test(test_room_that_is_not_added_is_not_due),
        cmocka_unit_test(test_the_buffer_grows_and_keeps_what_is_in_it),
        cmocka_unit_test(test_room_in_front_is_used_again),
        cmocka_unit_test(test_large_room_is_given_back_when_all_has_left),
        cmocka_unit_test(test_aside_leaves_like_any_other_between_frames),
        cmocka_unit_test(test_aside_waits_for_the_last_byte_of_a_body),
        cmocka_unit_test(test_replies_count_until_the_last_of_them_has_left),
        cmocka_unit_test(test_replies_aside_count_too),
        cmocka_unit_test(test_drop_forgets_everything),
        cmocka_unit_test(test_without_memory_nothing_is_added),
        cmocka_unit_test(test_without_memory_the_gap_cannot_be_filled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
