/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/exchange_timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <wherry/sender.h>

static struct exchange_timers stopped(void)
{
    struct exchange_timers t;

    exchange_timers_init(&t);
    return t;
}

static void test_stopped_timers_are_never_due(void **state)
{
    struct exchange_timers t = stopped();

    (void)state;
    assert_int_equal(exchange_timers_deadline(&t), WHERRY_NEVER);
    for (int i = 0; i < EXCHANGE_TIMER_COUNT; i++) {
        assert_false(exchange_timers_due(&t, (enum exchange_timer)i, WHERRY_NEVER - 1));
    }
}

static void test_the_deadline_is_the_earliest(void **state)
{
    struct exchange_timers t = stopped();

    (void)state;
    exchange_timers_start(&t, EXCHANGE_TIMER_IDLE, 30);
    exchange_timers_start(&t, EXCHANGE_TIMER_FRAME, 10);
    exchange_timers_start(&t, EXCHANGE_TIMER_PING, 20);
    assert_int_equal(exchange_timers_deadline(&t), 10);
    exchange_timers_stop(&t, EXCHANGE_TIMER_FRAME);
    assert_int_equal(exchange_timers_deadline(&t), 20);
}

static void test_a_timer_is_due_from_its_moment_on(void **state)
{
    struct exchange_timers t = stopped();

    (void)state;
    exchange_timers_start(&t, EXCHANGE_TIMER_HELLO, 10);
    assert_false(exchange_timers_due(&t, EXCHANGE_TIMER_HELLO, 9));
    assert_true(exchange_timers_due(&t, EXCHANGE_TIMER_HELLO, 10));
    assert_false(exchange_timers_due(&t, EXCHANGE_TIMER_LINGER, 10));
}

static void test_a_running_timer_is_not_put_off(void **state)
{
    struct exchange_timers t = stopped();

    (void)state;
    exchange_timers_start(&t, EXCHANGE_TIMER_FRAME, 10);
    exchange_timers_start(&t, EXCHANGE_TIMER_FRAME, 99);
    assert_int_equal(exchange_timers_deadline(&t), 10);
    exchange_timers_stop(&t, EXCHANGE_TIMER_FRAME);
    exchange_timers_start(&t, EXCHANGE_TIMER_FRAME, 99);
    assert_int_equal(exchange_timers_deadline(&t), 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_timers_are_never_due),
        cmocka_unit_test(test_the_deadline_is_the_earliest),
        cmocka_unit_test(test_a_timer_is_due_from_its_moment_on),
        cmocka_unit_test(test_a_running_timer_is_not_put_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
