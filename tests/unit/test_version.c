/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool settled(time_t seconds, long ns, time_t now_seconds, long now_ns)
{
    const struct version v = {.ctime = {.tv_sec = seconds, .tv_nsec = ns}};

    return version_is_settled(&v, (struct timespec){.tv_sec = now_seconds, .tv_nsec = now_ns});
}

static void test_version_is_settled_when_the_tick_of_its_last_write_is_over(void **state)
{
    (void)state;
    assert_false(settled(1000, 5, 1000, 5));
    assert_false(settled(1000, 5, 1000, 10000005)); /* the longest tick: 100 in a second */
    assert_true(settled(1000, 5, 1000, 20000006));
    assert_false(settled(1000, 999999999, 1001, 0));
    assert_true(settled(1000, 999999999, 1001, 20000000));
    assert_true(settled(1000, 5, 2000000000, 5));
}

static void test_times_in_whole_seconds_take_longer_to_settle(void **state)
{
    (void)state;
    assert_false(settled(1000, 0, 1000, 999999999));
    assert_false(settled(1000, 0, 1002, 0)); /* FAT counts in two seconds */
    assert_true(settled(1000, 0, 1004, 1));
}

/* The clock was set back and will be there again. */
static void test_time_a_little_ahead_is_not_settled(void **state)
{
    (void)state;
    assert_false(settled(1000, 5, 999, 999999999));
    assert_true(settled(1000, 500000005, 1000, 5));
    assert_false(settled(1000, 0, 998, 0));
    assert_true(settled(2000, 0, 1000, 0));
}

static void test_times_at_the_end_of_time_are_settled(void **state)
{
    (void)state;
    assert_true(settled(INTPTR_MAX, 5, 1000, 0));
    assert_true(settled(INTPTR_MIN, 5, 1000, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_is_settled_when_the_tick_of_its_last_write_is_over),
        cmocka_unit_test(test_times_in_whole_seconds_take_longer_to_settle),
        cmocka_unit_test(test_time_a_little_ahead_is_not_settled),
        cmocka_unit_test(test_times_at_the_end_of_time_are_settled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
