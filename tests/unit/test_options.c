/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/options.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/option_pairs.h"

/* RFC 2348, 2349, 7440; blksize2, utimeout and rollover have no RFC. */
/* clang-format off */
static const struct {
    enum wherry_option option;
    const char *name;
    const char *below; /* NULL: nothing is below 0 */
    uint64_t lowest;
    uint64_t highest;
    const char *above;
} rows[] = {
    {WHERRY_BLKSIZE,    "blksize",    "7",    8,     65464,     "65465"},
    {WHERRY_BLKSIZE2,   "blksize2",   "7",    8,     65464,     "65465"},
    {WHERRY_TIMEOUT,    "timeout",    "0",    1,     255,       "256"},
    {WHERRY_UTIMEOUT,   "utimeout",   "9999", 10000, 255000000, "255000001"},
    {WHERRY_TSIZE,      "tsize",      NULL,   0,     INT64_MAX, "9223372036854775808"},
    {WHERRY_ROLLOVER,   "rollover",   NULL,   0,     1,         "2"},
    {WHERRY_WINDOWSIZE, "windowsize", "0",    1,     65535,     "65536"},
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* What one option of this name and value is parsed to. */
static bool parse_one(const char *name, const char *value, enum wherry_option option, uint64_t *ret)
{
    uint8_t bytes[128];
    struct wherry_view pairs = {.bytes = bytes};
    struct wherry_options o;
    int len = snprintf((char *)bytes, sizeof(bytes), "%s%c%s", name, 0, value);

    pairs.len = (size_t)len + 1;
    wherry_options_parse(&o, pairs);
    assert_int_equal(o.count, 1);
    assert_int_equal(o.unknown, 0);
    assert_int_equal(o.item[0].option, option);
    return wherry_options_value(&o, option, ret);
}

static void expect_valid(size_t row, uint64_t value)
{
    char text[32];
    uint64_t got = ~value;

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    assert_true(parse_one(rows[row].name, text, rows[row].option, &got));
    assert_int_equal(got, value);
}

static void expect_not_valid(size_t row, const char *text)
{
    uint64_t got = 77;

    assert_false(parse_one(rows[row].name, text, rows[row].option, &got));
    assert_int_equal(got, 77);
}

static void test_all_options_have_a_row_here(void **state)
{
    (void)state;
    assert_int_equal(ROWS, WHERRY_OPTION_COUNT);
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(rows[i].option, i);
    }
}

static void test_names_are_the_rfcs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        enum wherry_option found = WHERRY_OPTION_COUNT;

        assert_string_equal(wherry_option_name(rows[i].option), rows[i].name);
        assert_true(wherry_option_find(&found, rows[i].name));
        assert_int_equal(found, rows[i].option);
    }
}

static void test_name_is_found_in_any_case_and_only_whole(void **state)
{
    static const char *const others[] = {"", "blksiz", "blksize3", "multicast", "tsize "};
    enum wherry_option found = WHERRY_OPTION_COUNT;

    (void)state;
    assert_true(wherry_option_find(&found, "BlkSize2"));
    assert_int_equal(found, WHERRY_BLKSIZE2);
    assert_true(wherry_option_find(&found, "TSIZE"));
    assert_int_equal(found, WHERRY_TSIZE);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(wherry_option_find(&found, others[i]));
    }
    assert_int_equal(found, WHERRY_TSIZE);
}

static void test_lowest_and_highest_are_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        expect_valid(i, rows[i].lowest);
        expect_valid(i, rows[i].highest);
    }
}

static void test_values_outside_the_range_are_not_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].below != NULL) {
            expect_not_valid(i, rows[i].below);
        }
        expect_not_valid(i, rows[i].above);
    }
}

static void test_what_is_no_plain_decimal_number_is_not_valid(void **state)
{
    static const char *const garbage[] = {"-1",
                                          "+5",
                                          " 5",
                                          "5 ",
                                          "0x10",
                                          "abc",
                                          "5.0",
                                          "5s",
                                          "1e1",
                                          "5,12",
                                          "",
                                          "\t8",
                                          "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < sizeof(garbage) / sizeof(garbage[0]); j++) {
            expect_not_valid(i, garbage[j]);
        }
    }
}

static void test_leading_zeros_are_a_decimal_number(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_true(parse_one("blksize", "0001428", WHERRY_BLKSIZE, &value));
    assert_int_equal(value, 1428);
}

static void test_order_and_spelling_are_kept(void **state)
{
    struct option_pairs p;

    (void)state;
    option_pairs_make(&p, "TSIZE=0 BlkSize=1468 windowsize=4");
    assert_int_equal(p.parsed.count, 3);
    assert_int_equal(p.parsed.item[0].option, WHERRY_TSIZE);
    assert_int_equal(p.parsed.item[1].option, WHERRY_BLKSIZE);
    assert_int_equal(p.parsed.item[2].option, WHERRY_WINDOWSIZE);
    assert_int_equal(p.parsed.item[1].name.len, 7);
    assert_memory_equal(p.parsed.item[1].name.bytes, "BlkSize", 7);
    assert_int_equal(p.parsed.item[1].value, 1468);
}

static void test_first_of_duplicates_counts(void **state)
{
    struct option_pairs p;
    uint64_t value = 0;

    (void)state;
    option_pairs_make(&p, "blksize=1024 tsize=0 BLKSIZE=2048 blksize=512");
    assert_int_equal(p.parsed.count, 2);
    assert_int_equal(p.parsed.unknown, 0);
    assert_true(wherry_options_value(&p.parsed, WHERRY_BLKSIZE, &value));
    assert_int_equal(value, 1024);
    option_pairs_make(&p, "blksize=abc blksize=512");
    assert_int_equal(p.parsed.count, 1);
    assert_false(wherry_options_value(&p.parsed, WHERRY_BLKSIZE, &value));
}

static void test_unknown_options_are_counted_and_skipped(void **state)
{
    struct option_pairs p;
    uint64_t value = 0;

    (void)state;
    option_pairs_make(&p, "msftwindow=31416 tsize=0 multicast= blksize=512");
    assert_int_equal(p.parsed.unknown, 2);
    assert_int_equal(p.parsed.count, 2);
    assert_true(wherry_options_value(&p.parsed, WHERRY_BLKSIZE, &value));
    assert_int_equal(value, 512);
}

static void test_empty_value_of_a_known_option_is_not_valid(void **state)
{
    struct option_pairs p;
    uint64_t value = 77;

    (void)state;
    option_pairs_make(&p, "blksize= tsize=9");
    assert_false(wherry_options_value(&p.parsed, WHERRY_BLKSIZE, &value));
    assert_int_equal(value, 77);
    assert_true(wherry_options_value(&p.parsed, WHERRY_TSIZE, &value));
    assert_int_equal(value, 9);
}

static void test_name_without_value_is_skipped(void **state)
{
    struct option_pairs p;
    uint64_t value;

    (void)state;
    option_pairs_make(&p, "tsize=9 blksize");
    assert_int_equal(p.parsed.count, 1);
    assert_false(wherry_options_value(&p.parsed, WHERRY_BLKSIZE, &value));
}

static void test_value_without_nul_is_skipped(void **state)
{
    struct wherry_options o;

    (void)state;
    wherry_options_parse(&o, (struct wherry_view){(const uint8_t *)"tsize\0000", 7});
    assert_int_equal(o.count, 0);
    wherry_options_parse(&o, (struct wherry_view){NULL, 0});
    assert_int_equal(o.count, 0);
    assert_int_equal(o.unknown, 0);
}

static void test_without_options_the_defaults_of_rfc_1350_hold(void **state)
{
    struct wherry_agreed a;

    (void)state;
    memset(&a, 0xff, sizeof(a));
    wherry_agreed_init(&a);
    assert_int_equal(a.blksize, 512);
    assert_int_equal(a.windowsize, 1);
    assert_int_equal(a.rollover, 0);
    assert_int_equal(a.timeout_ns, 0);
    assert_false(a.tsize_known);
    assert_int_equal(a.tsize, 0);
}

static void test_pairs_are_appended_behind_each_other(void **state)
{
    static const char expected[] = "tsize\0000\0blksize\0001428\0windowsize\00016";
    uint8_t pairs[sizeof(expected)];
    size_t len = 0;

    (void)state;
    len = wherry_options_append(pairs, len, sizeof(pairs), WHERRY_TSIZE, 0);
    len = wherry_options_append(pairs, len, sizeof(pairs), WHERRY_BLKSIZE, 1428);
    len = wherry_options_append(pairs, len, sizeof(pairs), WHERRY_WINDOWSIZE, 16);
    assert_int_equal(len, sizeof(expected));
    assert_memory_equal(pairs, expected, sizeof(expected));
}

static void test_pair_that_does_not_fit_leaves_the_length(void **state)
{
    uint8_t pairs[16];

    (void)state;
    for (size_t cap = 0; cap < 8; cap++) {
        assert_int_equal(wherry_options_append(pairs, 0, cap, WHERRY_TSIZE, 0), 0);
    }
    assert_int_equal(wherry_options_append(pairs, 0, 8, WHERRY_TSIZE, 0), 8);
    assert_int_equal(wherry_options_append(pairs, 8, 16, WHERRY_BLKSIZE, 512), 8);
}

static void test_every_option_at_its_longest_fits_the_room(void **state)
{
    uint8_t pairs[WHERRY_OPTIONS_BYTES];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        size_t before = len;

        len = wherry_options_append(pairs, len, sizeof(pairs), rows[i].option, rows[i].highest);
        assert_true(len > before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_options_have_a_row_here),
        cmocka_unit_test(test_names_are_the_rfcs),
        cmocka_unit_test(test_name_is_found_in_any_case_and_only_whole),
        cmocka_unit_test(test_lowest_and_highest_are_valid),
        cmocka_unit_test(test_values_outside_the_range_are_not_valid),
        cmocka_unit_test(test_what_is_no_plain_decimal_number_is_not_valid),
        cmocka_unit_test(test_leading_zeros_are_a_decimal_number),
        cmocka_unit_test(test_order_and_spelling_are_kept),
        cmocka_unit_test(test_first_of_duplicates_counts),
        cmocka_unit_test(test_unknown_options_are_counted_and_skipped),
        cmocka_unit_test(test_empty_value_of_a_known_option_is_not_valid),
        cmocka_unit_test(test_name_without_value_is_skipped),
        cmocka_unit_test(test_value_without_nul_is_skipped),
        cmocka_unit_test(test_without_options_the_defaults_of_rfc_1350_hold),
        cmocka_unit_test(test_pairs_are_appended_behind_each_other),
        cmocka_unit_test(test_pair_that_does_not_fit_leaves_the_length),
        cmocka_unit_test(test_every_option_at_its_longest_fits_the_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
