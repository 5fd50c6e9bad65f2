/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NO_LIMIT SIZE_MAX

static void add(struct buffer *b, const char *text, size_t most)
{
    size_t len = strlen(text);

    assert_true(buffer_reserve(b, len, most));
    assert_true(b->cap - b->len >= len);
    memcpy(b->bytes + b->len, text, len);
    b->len += len;
}

static void test_what_was_gathered_stays_when_it_grows(void **state)
{
    struct buffer b = {0};

    (void)state;
    add(&b, "a", NO_LIMIT);
    add(&b, "bcdefgh", NO_LIMIT);
    add(&b, "ijklmnopqrstuvwxyz", NO_LIMIT);
    assert_int_equal(b.len, 26);
    assert_memory_equal(b.bytes, "abcdefghijklmnopqrstuvwxyz", 26);
    buffer_clear(&b);
    assert_null(b.bytes);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.cap, 0);
}

static void test_room_is_as_needed_or_twofold(void **state)
{
    struct buffer b = {0};

    (void)state;
    assert_true(buffer_reserve(&b, 0, NO_LIMIT));
    assert_null(b.bytes);
    add(&b, "0123456789", NO_LIMIT);
    assert_int_equal(b.cap, 10);
    add(&b, "0", NO_LIMIT);
    assert_int_equal(b.cap, 20);
    add(&b, "123456789", NO_LIMIT); /* there is room */
    assert_int_equal(b.cap, 20);
    assert_true(buffer_reserve(&b, 100, NO_LIMIT));
    assert_int_equal(b.cap, 120);
    buffer_clear(&b);
}

static void test_beyond_the_most_it_grows_by_what_is_needed(void **state)
{
    struct buffer b = {0};

    (void)state;
    add(&b, "0123456789", 16);
    add(&b, "0", 16);
    assert_int_equal(b.cap, 16);
    add(&b, "123456789", 16);
    assert_int_equal(b.cap, 20);
    add(&b, "0", 16);
    assert_int_equal(b.cap, 21);
    buffer_clear(&b);
}

static void test_more_than_memory_can_be_changes_nothing(void **state)
{
    struct buffer b = {0};

    (void)state;
    add(&b, "abc", NO_LIMIT);
    assert_false(buffer_reserve(&b, SIZE_MAX, NO_LIMIT));
    assert_int_equal(b.len, 3);
    assert_int_equal(b.cap, 3);
    assert_memory_equal(b.bytes, "abc", 3);
    buffer_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_gathered_stays_when_it_grows),
        cmocka_unit_test(test_room_is_as_needed_or_twofold),
        cmocka_unit_test(test_beyond_the_most_it_grows_by_what_is_needed),
        cmocka_unit_test(test_more_than_memory_can_be_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
