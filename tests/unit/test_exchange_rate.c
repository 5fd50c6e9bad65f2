/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/exchange_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <wherry/sender.h>

#define SECOND UINT64_C(1000000000)
#define RATE 1024u /* bytes a second over 30 s: 30 KiB */

static struct exchange_rate fresh(void)
{
    struct exchange_rate r;

    exchange_rate_init(&r, RATE, 30 * SECOND);
    return r;
}

static void test_without_waiting_nothing_is_due(void **state)
{
    struct exchange_rate r = fresh();

    (void)state;
    assert_int_equal(exchange_rate_deadline(&r), WHERRY_NEVER);
    exchange_rate_moved(&r, 1, 100 * SECOND);
    assert_int_equal(exchange_rate_deadline(&r), WHERRY_NEVER);
}

static void test_a_peer_that_does_nothing_has_one_span(void **state)
{
    struct exchange_rate r = fresh();

    (void)state;
    exchange_rate_wait(&r, 5 * SECOND);
    exchange_rate_wait(&r, 9 * SECOND); /* we wait already */
    assert_int_equal(exchange_rate_deadline(&r), 35 * SECOND);
}

static void test_a_few_bytes_do_not_help(void **state)
{
    struct exchange_rate r = fresh();

    (void)state;
    exchange_rate_wait(&r, 0);
    exchange_rate_moved(&r, 30 * RATE - 1, 20 * SECOND);
    exchange_rate_wait(&r, 20 * SECOND);
    assert_int_equal(exchange_rate_deadline(&r), 30 * SECOND);
}

static void test_enough_bytes_begin_the_span_anew(void **state)
{
    struct exchange_rate r = fresh();

    (void)state;
    exchange_rate_wait(&r, 0);
    exchange_rate_moved(&r, 10 * RATE, 10 * SECOND);
    exchange_rate_wait(&r, 10 * SECOND);
    exchange_rate_moved(&r, 20 * RATE, 29 * SECOND);
    exchange_rate_wait(&r, 29 * SECOND);
    assert_int_equal(exchange_rate_deadline(&r), 59 * SECOND);
}

static void test_time_in_which_we_do_not_wait_does_not_count(void **state)
{
    struct exchange_rate r = fresh();

    (void)state;
    exchange_rate_wait(&r, 0);
    exchange_rate_moved(&r, 1, 10 * SECOND);
    exchange_rate_wait(&r, 1000 * SECOND);
    assert_int_equal(exchange_rate_deadline(&r), 1020 * SECOND);
}

static void test_a_span_that_is_spent_is_due_at_once(void **state)
{
    struct exchange_rate r = fresh();

    (void)state;
    exchange_rate_wait(&r, 0);
    exchange_rate_moved(&r, 1, 31 * SECOND);
    exchange_rate_wait(&r, 40 * SECOND);
    assert_int_equal(exchange_rate_deadline(&r), 40 * SECOND);
}

static void test_reset_forgets_what_was_spent(void **state)
{
    struct exchange_rate r = fresh();

    (void)state;
    exchange_rate_wait(&r, 0);
    exchange_rate_moved(&r, 1, 29 * SECOND);
    exchange_rate_reset(&r);
    assert_int_equal(exchange_rate_deadline(&r), WHERRY_NEVER);
    exchange_rate_wait(&r, 30 * SECOND);
    assert_int_equal(exchange_rate_deadline(&r), 60 * SECOND);
}

static void test_spans_need_not_be_whole_seconds(void **state)
{
    struct exchange_rate r;

    (void)state;
    exchange_rate_init(&r, 1000, SECOND / 4); /* 250 bytes */
    exchange_rate_wait(&r, 0);
    exchange_rate_moved(&r, 249, SECOND / 8);
    exchange_rate_wait(&r, SECOND / 8);
    assert_int_equal(exchange_rate_deadline(&r), SECOND / 4);
    exchange_rate_moved(&r, 1, SECOND / 8);
    exchange_rate_wait(&r, SECOND / 8);
    assert_int_equal(exchange_rate_deadline(&r), SECOND / 8 + SECOND / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_waiting_nothing_is_due),
        cmocka_unit_test(test_a_peer_that_does_nothing_has_one_span),
        cmocka_unit_test(test_a_few_bytes_do_not_help),
        cmocka_unit_test(test_enough_bytes_begin_the_span_anew),
        cmocka_unit_test(test_time_in_which_we_do_not_wait_does_not_count),
        cmocka_unit_test(test_a_span_that_is_spent_is_due_at_once),
        cmocka_unit_test(test_reset_forgets_what_was_spent),
        cmocka_unit_test(test_spans_need_not_be_whole_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
