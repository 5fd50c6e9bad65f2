/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/number.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define MS NUMBER_MILLISECOND
#define S NUMBER_SECOND

typedef bool parse_fn(const char *text, uint64_t lowest, uint64_t highest, uint64_t *ret);

static void expect(parse_fn *parse, const char *text, uint64_t value)
{
    uint64_t got = ~value;

    assert_true(parse(text, 0, UINT64_MAX, &got));
    assert_int_equal(got, value);
}

static void expect_refused(parse_fn *parse, const char *text)
{
    uint64_t got = 77;

    assert_false(parse(text, 0, UINT64_MAX, &got));
    assert_int_equal(got, 77);
}

/* What no number may look like, whatever its unit. */
static void expect_garbage_refused(parse_fn *parse)
{
    static const char *const garbage[] = {"",    "-1",  "+5",  " 5",  "5 ", "0x10",
                                          "abc", "5.5", "1e3", "5\n", "K",  "99999999999999999999"};

    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        expect_refused(parse, garbage[i]);
    }
}

static void expect_range_kept(parse_fn *parse, const char *const texts[4], uint64_t low,
                              uint64_t high)
{
    uint64_t got = 77;

    assert_false(parse(texts[0], low, high, &got));
    assert_int_equal(got, 77);
    assert_true(parse(texts[1], low, high, &got));
    assert_int_equal(got, low);
    assert_true(parse(texts[2], low, high, &got));
    assert_int_equal(got, high);
    assert_false(parse(texts[3], low, high, &got));
    assert_int_equal(got, high);
}

static void test_digits_are_a_number_of_any_size_that_fits(void **state)
{
    (void)state;
    expect(number_parse, "0", 0);
    expect(number_parse, "007", 7);
    expect(number_parse, "65464", 65464);
    expect(number_parse, "18446744073709551615", UINT64_MAX);
    expect_refused(number_parse, "18446744073709551616");
    expect_refused(number_parse, "18446744073709551620");
    expect_refused(number_parse, "5s");
    expect_garbage_refused(number_parse);
}

static void test_digits_of_a_view_need_no_nul(void **state)
{
    uint64_t value = 77;

    (void)state;
    assert_true(number_parse_digits((const uint8_t *)"123456", 3, &value));
    assert_int_equal(value, 123);
    assert_false(number_parse_digits((const uint8_t *)"12\0", 3, &value));
    assert_false(number_parse_digits((const uint8_t *)"", 0, &value));
    assert_int_equal(value, 123);
}

static void test_range_includes_both_ends(void **state)
{
    const char *const plain[] = {"7", "8", "65464", "65465"};
    const char *const bytes[] = {"1023", "1K", "4MiB", "4194305"};
    const char *const times[] = {"99ms", "100ms", "2h", "7201s"};
    const char *const octal[] = {"077", "0100", "0777", "01000"};

    (void)state;
    expect_range_kept(number_parse, plain, 8, 65464);
    expect_range_kept(number_parse_bytes, bytes, 1024, 4 * MIB);
    expect_range_kept(number_parse_time, times, 100 * MS, 7200 * S);
    expect_range_kept(number_parse_octal, octal, 0100, 0777);
}

static void test_sizes_take_units_of_1024(void **state)
{
    (void)state;
    expect(number_parse_bytes, "4096", 4096);
    expect(number_parse_bytes, "64K", 64 * KIB);
    expect(number_parse_bytes, "64KB", 64 * KIB);
    expect(number_parse_bytes, "64KiB", 64 * KIB);
    expect(number_parse_bytes, "4M", 4 * MIB);
    expect(number_parse_bytes, "4MB", 4 * MIB);
    expect(number_parse_bytes, "4MiB", 4 * MIB);
    expect(number_parse_bytes, "1G", GIB);
    expect(number_parse_bytes, "2T", 2 * TIB);
    expect(number_parse_bytes, "0K", 0);
}

static void test_sizes_refuse_other_units_and_overflow(void **state)
{
    static const char *const wrong[] = {"5k",   "5m",   "5KK", "5KiBs", "5iB",      "5B",
                                        "5 K",  "5P",   "K5",  "5MiBB", "1K1",      "-1K",
                                        "1.5M", "5KIB", "5s",  "5Mi",   "16777216T"};

    (void)state;
    expect(number_parse_bytes, "16777215T", 16777215 * TIB);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        expect_refused(number_parse_bytes, wrong[i]);
    }
    expect_garbage_refused(number_parse_bytes);
}

static void test_times_take_units_and_are_seconds_without(void **state)
{
    (void)state;
    expect(number_parse_time, "5", 5 * S);
    expect(number_parse_time, "5s", 5 * S);
    expect(number_parse_time, "250ms", 250 * MS);
    expect(number_parse_time, "2m", 120 * S);
    expect(number_parse_time, "1h", 3600 * S);
    expect(number_parse_time, "10us", 10000);
    expect(number_parse_time, "10ns", 10);
    expect(number_parse_time, "0", 0);
}

static void test_times_refuse_other_units_and_overflow(void **state)
{
    static const char *const wrong[] = {"5S",  "5sec", "5 s",          "5mss",    "s",
                                        "1d",  "5M",   "1h5m",         "0.5s",    "-5s",
                                        "1hs", "5K",   "18446744074s", "5124096h"};

    (void)state;
    expect(number_parse_time, "18446744073s", 18446744073 * S);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        expect_refused(number_parse_time, wrong[i]);
    }
    expect_garbage_refused(number_parse_time);
}

static void test_octal_takes_octal_digits_only(void **state)
{
    (void)state;
    expect(number_parse_octal, "0640", 0640);
    expect(number_parse_octal, "640", 0640);
    expect(number_parse_octal, "0", 0);
    expect_refused(number_parse_octal, "0680");
    expect_refused(number_parse_octal, "0o640");
    expect_refused(number_parse_octal, "7777777777777777777777");
    expect_garbage_refused(number_parse_octal);
}

static void test_digits_are_printed_without_loss(void **state)
{
    char buf[NUMBER_TEXT_BYTES];

    (void)state;
    assert_int_equal(number_print_digits(0, buf), 1);
    assert_string_equal(buf, "0");
    assert_int_equal(number_print_digits(65464, buf), 5);
    assert_string_equal(buf, "65464");
    assert_int_equal(number_print_digits(UINT64_MAX, buf), 20);
    assert_string_equal(buf, "18446744073709551615");
}

static void test_sizes_are_printed_in_the_largest_exact_unit(void **state)
{
    char buf[NUMBER_TEXT_BYTES];

    (void)state;
    assert_string_equal(number_print_bytes(0, buf), "0");
    assert_string_equal(number_print_bytes(512, buf), "512");
    assert_string_equal(number_print_bytes(1024, buf), "1KiB");
    assert_string_equal(number_print_bytes(1536, buf), "1536");
    assert_string_equal(number_print_bytes(4194304, buf), "4MiB");
    assert_string_equal(number_print_bytes(4194305, buf), "4194305");
    assert_string_equal(number_print_bytes(GIB, buf), "1GiB");
    assert_string_equal(number_print_bytes(2048 * TIB, buf), "2048TiB");
    assert_string_equal(number_print_bytes(UINT64_MAX, buf), "18446744073709551615");
}

static void test_times_are_printed_in_the_largest_exact_unit(void **state)
{
    char buf[NUMBER_TEXT_BYTES];

    (void)state;
    assert_string_equal(number_print_time(0, buf), "0s");
    assert_string_equal(number_print_time(10 * S, buf), "10s");
    assert_string_equal(number_print_time(250 * MS, buf), "250ms");
    assert_string_equal(number_print_time(1500 * MS, buf), "1500ms");
    assert_string_equal(number_print_time(90 * S, buf), "90s");
    assert_string_equal(number_print_time(120 * S, buf), "2m");
    assert_string_equal(number_print_time(3600 * S, buf), "1h");
    assert_string_equal(number_print_time(10000, buf), "10us");
    assert_string_equal(number_print_time(7, buf), "7ns");
}

static void test_what_is_printed_can_be_parsed(void **state)
{
    static const uint64_t values[] = {0,       1,           999,     1000,      1023,
                                      1024,    1025,        10 * S,  S + 1,     3600 * S,
                                      4 * MIB, 65464 * KIB, 7 * TIB, INT64_MAX, UINT64_MAX};
    char buf[NUMBER_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        expect(number_parse_bytes, number_print_bytes(values[i], buf), values[i]);
        expect(number_parse_time, number_print_time(values[i], buf), values[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits_are_a_number_of_any_size_that_fits),
        cmocka_unit_test(test_digits_of_a_view_need_no_nul),
        cmocka_unit_test(test_range_includes_both_ends),
        cmocka_unit_test(test_sizes_take_units_of_1024),
        cmocka_unit_test(test_sizes_refuse_other_units_and_overflow),
        cmocka_unit_test(test_times_take_units_and_are_seconds_without),
        cmocka_unit_test(test_times_refuse_other_units_and_overflow),
        cmocka_unit_test(test_octal_takes_octal_digits_only),
        cmocka_unit_test(test_digits_are_printed_without_loss),
        cmocka_unit_test(test_sizes_are_printed_in_the_largest_exact_unit),
        cmocka_unit_test(test_times_are_printed_in_the_largest_exact_unit),
        cmocka_unit_test(test_what_is_printed_can_be_parsed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
