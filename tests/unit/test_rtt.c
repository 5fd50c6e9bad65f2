/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/rtt.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define US UINT64_C(1000)
#define MS (1000 * US)
#define SECOND (1000 * MS)

static struct wherry_rtt estimate(void)
{
    struct wherry_rtt r;

    wherry_rtt_init(&r, 0);
    return r;
}

static void take_samples(struct wherry_rtt *r, unsigned count, uint64_t trip_ns)
{
    for (unsigned i = 0; i < count; i++) {
        wherry_rtt_sample(r, trip_ns);
    }
}

static void test_before_a_sample_waits_one_second(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    assert_int_equal(wherry_rtt_timeout_ns(&r), SECOND);
}

static void test_first_sample_gives_mean_and_half_of_it_as_variance(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    wherry_rtt_sample(&r, 200 * MS); /* RFC 6298 (2.2): 200 + 4 x 100 */
    assert_int_equal(wherry_rtt_timeout_ns(&r), 600 * MS);
}

static void test_later_samples_are_smoothed_by_an_eighth_and_a_quarter(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    wherry_rtt_sample(&r, 800 * MS); /* mean 800, variance 400 */
    wherry_rtt_sample(&r, 400 * MS); /* RFC 6298 (2.3): variance 3/4 x 400 + 1/4 x |800 - 400|, */
    assert_int_equal(r.variance_ns, 400 * MS);
    assert_int_equal(r.mean_ns, 750 * MS); /* mean 7/8 x 800 + 1/8 x 400 */
    assert_int_equal(wherry_rtt_timeout_ns(&r), 2350 * MS);
}

static void test_floor_is_400_ms_until_eight_samples_and_50_ms_after(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    for (unsigned samples = 1; samples < 8; samples++) {
        wherry_rtt_sample(&r, 100 * US);
        assert_int_equal(wherry_rtt_timeout_ns(&r), 400 * MS);
    }
    wherry_rtt_sample(&r, 100 * US);
    assert_int_equal(wherry_rtt_timeout_ns(&r), 50 * MS);
}

static void test_cap_is_8_s(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    wherry_rtt_sample(&r, 30 * SECOND);
    assert_int_equal(wherry_rtt_timeout_ns(&r), 8 * SECOND);
}

static void test_each_expiry_doubles_up_to_the_cap(void **state)
{
    static const uint64_t expected_s[] = {1, 2, 4, 8, 8, 8};
    struct wherry_rtt r = estimate();

    (void)state;
    for (size_t i = 0; i < sizeof(expected_s) / sizeof(expected_s[0]); i++) {
        assert_int_equal(wherry_rtt_timeout_ns(&r), expected_s[i] * SECOND);
        wherry_rtt_expired(&r);
    }
}

static void test_expiries_without_end_stay_at_the_cap(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    take_samples(&r, 8, MS);
    for (unsigned i = 0; i < 1000; i++) {
        wherry_rtt_expired(&r);
    }
    assert_int_equal(wherry_rtt_timeout_ns(&r), 8 * SECOND);
}

static void test_doubling_starts_from_the_floor(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    take_samples(&r, 8, 100 * US);
    wherry_rtt_expired(&r);
    assert_int_equal(wherry_rtt_timeout_ns(&r), 100 * MS);
}

static void test_a_sample_ends_the_doubling(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    wherry_rtt_expired(&r);
    wherry_rtt_expired(&r);
    wherry_rtt_sample(&r, 10 * MS);
    assert_int_equal(wherry_rtt_timeout_ns(&r), 400 * MS);
}

static void test_an_answer_after_an_unknown_time_ends_the_doubling_and_is_no_sample(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    wherry_rtt_expired(&r);
    wherry_rtt_answered(&r);
    assert_int_equal(wherry_rtt_timeout_ns(&r), SECOND); /* as before any sample */
    assert_int_equal(r.samples, 0);
}

static void test_steady_round_trips_above_the_floor_keep_a_margin(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    /* RFC 6298 (2.2), (2.3): mean + max(G, 4 x variance). A variance that faded to nothing would
     * let the clock run out in the very moment in which the answer arrives. */
    take_samples(&r, 1000, 100 * MS);
    assert_true(wherry_rtt_timeout_ns(&r) >= 110 * MS);
}

static void test_agreed_timeout_replaces_the_estimate_and_does_not_double(void **state)
{
    struct wherry_rtt r;

    (void)state;
    wherry_rtt_init(&r, 2 * SECOND);
    assert_int_equal(wherry_rtt_timeout_ns(&r), 2 * SECOND);
    take_samples(&r, 20, 10 * MS);
    assert_int_equal(wherry_rtt_timeout_ns(&r), 2 * SECOND);
    wherry_rtt_expired(&r);
    wherry_rtt_expired(&r);
    assert_int_equal(wherry_rtt_timeout_ns(&r), 2 * SECOND);
}

static void test_agreed_timeout_is_not_bound_by_floor_and_cap(void **state)
{
    struct wherry_rtt r;

    (void)state;
    wherry_rtt_init(&r, 10 * MS);
    assert_int_equal(wherry_rtt_timeout_ns(&r), 10 * MS);
    wherry_rtt_init(&r, 255 * SECOND);
    assert_int_equal(wherry_rtt_timeout_ns(&r), 255 * SECOND);
}

static void test_smallest_round_trip_is_remembered(void **state)
{
    struct wherry_rtt r = estimate();

    (void)state;
    assert_int_equal(r.smallest_ns, 0);
    wherry_rtt_sample(&r, 20 * MS);
    wherry_rtt_sample(&r, 5 * MS);
    wherry_rtt_sample(&r, 90 * MS);
    assert_int_equal(r.smallest_ns, 5 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_a_sample_waits_one_second),
        cmocka_unit_test(test_first_sample_gives_mean_and_half_of_it_as_variance),
        cmocka_unit_test(test_later_samples_are_smoothed_by_an_eighth_and_a_quarter),
        cmocka_unit_test(test_floor_is_400_ms_until_eight_samples_and_50_ms_after),
        cmocka_unit_test(test_cap_is_8_s),
        cmocka_unit_test(test_each_expiry_doubles_up_to_the_cap),
        cmocka_unit_test(test_expiries_without_end_stay_at_the_cap),
        cmocka_unit_test(test_doubling_starts_from_the_floor),
        cmocka_unit_test(test_a_sample_ends_the_doubling),
        cmocka_unit_test(test_an_answer_after_an_unknown_time_ends_the_doubling_and_is_no_sample),
        cmocka_unit_test(test_steady_round_trips_above_the_floor_keep_a_margin),
        cmocka_unit_test(test_agreed_timeout_replaces_the_estimate_and_does_not_double),
        cmocka_unit_test(test_agreed_timeout_is_not_bound_by_floor_and_cap),
        cmocka_unit_test(test_smallest_round_trip_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
