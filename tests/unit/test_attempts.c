/* SPDX-License-Identifier: BSD-2-Clause */
/* What the client tries next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/attempts.h"

static void asks(const struct attempts *a, size_t address, bool options, uint16_t blksize)
{
    assert_int_equal(a->address, address);
    assert_int_equal(a->options, options);
    if (options) {
        assert_int_equal(a->blksize, blksize);
    }
}

static void test_first_attempt_asks_what_the_user_wants(void **state)
{
    struct attempts a;

    (void)state;
    attempts_init(&a, 2, true, 4096);
    asks(&a, 0, true, 4096);
    attempts_init(&a, 2, false, 0);
    asks(&a, 0, false, 0);
}

static void test_refused_options_are_left_out_once(void **state)
{
    struct attempts a;

    (void)state;
    attempts_init(&a, 1, true, 0);
    assert_true(attempts_next(&a, ATTEMPT_OPTIONS_REFUSED, 512));
    asks(&a, 0, false, 0);
    assert_false(attempts_next(&a, ATTEMPT_OPTIONS_REFUSED, 512));
}

static void test_lost_blocks_shrink_step_by_step_to_no_options(void **state)
{
    struct attempts a;

    (void)state;
    attempts_init(&a, 1, true, 0);
    assert_true(attempts_next(&a, ATTEMPT_BLOCKS_LOST, 65464));
    asks(&a, 0, true, 8192);
    assert_true(attempts_next(&a, ATTEMPT_BLOCKS_LOST, 8192));
    asks(&a, 0, true, 1428);
    assert_true(attempts_next(&a, ATTEMPT_BLOCKS_LOST, 1428));
    asks(&a, 0, true, 1024);
    assert_true(attempts_next(&a, ATTEMPT_BLOCKS_LOST, 1024));
    asks(&a, 0, false, 0);
    assert_false(attempts_next(&a, ATTEMPT_BLOCKS_LOST, 512));
}

/* The server may have granted less than was asked: what was agreed is what failed. */
static void test_next_size_is_below_what_was_agreed(void **state)
{
    struct attempts a;

    (void)state;
    attempts_init(&a, 1, true, 65464);
    assert_true(attempts_next(&a, ATTEMPT_BLOCKS_LOST, 1468));
    asks(&a, 0, true, 1428);
    attempts_init(&a, 1, true, 600);
    assert_true(attempts_next(&a, ATTEMPT_BLOCKS_LOST, 600));
    asks(&a, 0, false, 0);
}

static void test_next_address_begins_anew(void **state)
{
    struct attempts a;

    (void)state;
    attempts_init(&a, 2, true, 9000);
    assert_true(attempts_next(&a, ATTEMPT_BLOCKS_LOST, 9000));
    assert_true(attempts_next(&a, ATTEMPT_UNREACHED, 512));
    asks(&a, 1, true, 9000);
    assert_false(attempts_next(&a, ATTEMPT_UNREACHED, 512));
}

static void test_final_end_is_final(void **state)
{
    struct attempts a;

    (void)state;
    attempts_init(&a, 3, true, 0);
    assert_false(attempts_next(&a, ATTEMPT_FINAL, 1428));
    asks(&a, 0, true, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_attempt_asks_what_the_user_wants),
        cmocka_unit_test(test_refused_options_are_left_out_once),
        cmocka_unit_test(test_lost_blocks_shrink_step_by_step_to_no_options),
        cmocka_unit_test(test_next_size_is_below_what_was_agreed),
        cmocka_unit_test(test_next_address_begins_anew),
        cmocka_unit_test(test_final_end_is_final),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
