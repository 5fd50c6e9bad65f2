/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The byte at an offset of the stream that these tests put in. */
static uint8_t stream_byte(uint64_t offset)
{
    return (uint8_t)(offset * 31 + offset / 251);
}

static void add_stream(struct keeper *k, size_t len)
{
    uint8_t *room = keeper_room(k, len);
    uint64_t end = keeper_end(k);

    assert_non_null(room);
    for (size_t i = 0; i < len; i++) {
        room[i] = stream_byte(end + i);
    }
    keeper_add(k, len);
}

static void expect_stream(const struct keeper *k, uint64_t offset, size_t len)
{
    uint8_t *bytes = malloc(len + 1);

    assert_non_null(bytes);
    assert_true(keeper_get(k, offset, bytes, len));
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(bytes[i], stream_byte(offset + i));
    }
    free(bytes);
}

static void test_any_span_between_released_and_end_can_be_had_again(void **state)
{
    struct keeper k = {0};

    (void)state;
    add_stream(&k, 1000);
    expect_stream(&k, 0, 1000);
    keeper_release(&k, 300);
    expect_stream(&k, 300, 700);
    expect_stream(&k, 999, 1);
    expect_stream(&k, 1000, 0);
    keeper_clear(&k);
}

static void test_what_was_released_or_has_not_come_is_refused(void **state)
{
    struct keeper k = {0};
    uint8_t bytes[64];

    (void)state;
    add_stream(&k, 100);
    keeper_release(&k, 50);
    assert_false(keeper_get(&k, 49, bytes, 1));
    assert_false(keeper_get(&k, 90, bytes, 11));
    assert_false(keeper_get(&k, 101, bytes, 0));
    keeper_clear(&k);
}

static void test_release_never_goes_back_nor_past_the_end(void **state)
{
    struct keeper k = {0};

    (void)state;
    add_stream(&k, 100);
    keeper_release(&k, 60);
    keeper_release(&k, 20);
    assert_int_equal(k.offset, 60);
    keeper_release(&k, 500);
    assert_int_equal(k.offset, 100);
    add_stream(&k, 10);
    expect_stream(&k, 100, 10);
    /* Nor by 4 GiB less, where size_t has 32 bits. */
    add_stream(&k, 100);
    keeper_release(&k, keeper_end(&k) + (UINT64_C(1) << 32) - 90);
    assert_int_equal(k.len, 0);
    keeper_clear(&k);
}

static void test_memory_stays_bounded_while_a_window_moves_along(void **state)
{
    enum { WINDOW = 8192, CHUNK = 1000, STEPS = 20000 };
    struct keeper k = {0};

    (void)state;
    for (unsigned i = 0; i < STEPS; i++) {
        add_stream(&k, CHUNK);
        if (keeper_end(&k) > WINDOW) {
            keeper_release(&k, keeper_end(&k) - WINDOW);
        }
        if (i % 97 == 0) {
            expect_stream(&k, k.offset, k.len);
        }
    }
    assert_int_equal(keeper_end(&k), (uint64_t)CHUNK * STEPS);
    assert_true(k.cap <= 4 * (WINDOW + CHUNK));
    keeper_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_span_between_released_and_end_can_be_had_again),
        cmocka_unit_test(test_what_was_released_or_has_not_come_is_refused),
        cmocka_unit_test(test_release_never_goes_back_nor_past_the_end),
        cmocka_unit_test(test_memory_stays_bounded_while_a_window_moves_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
