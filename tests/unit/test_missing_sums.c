/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "server/missing_sums.h"

#define S NUMBER_SECOND

struct fixture {
    struct missing_sums *sums;
    char said[4096]; /* "line*times;" for each */
};

static void say(void *arg, const char *line, uint64_t times)
{
    struct fixture *f = arg;
    size_t len = strlen(f->said);

    snprintf(f->said + len, sizeof(f->said) - len, "%s*%llu;", line, (unsigned long long)times);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    *state = f;
    return f == NULL || missing_sums_new(&f->sums, say, f) != RES_OK;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    missing_sums_free(f->sums);
    free(f);
    return 0;
}

static bool add(struct fixture *f, const char *key, const char *line, uint64_t now_ns)
{
    return missing_sums_add(f->sums, (const uint8_t *)key, strlen(key), line, now_ns);
}

static void expect_said(struct fixture *f, const char *text)
{
    assert_string_equal(f->said, text);
    f->said[0] = '\0';
}

static void test_first_of_a_pair_is_said_at_once(void **state)
{
    struct fixture *f = *state;

    assert_true(add(f, "a", "line", 0));
    assert_true(add(f, "b", "line", 0));
    expect_said(f, "");
}

static void test_repeats_within_ten_seconds_become_one_line_like_the_last(void **state)
{
    struct fixture *f = *state;

    assert_true(add(f, "a", "port 1", 5 * S));
    assert_false(add(f, "a", "port 2", 6 * S));
    assert_false(add(f, "a", "port 3", 15 * S - 1));
    assert_int_equal(missing_sums_deadline(f->sums), 15 * S);
    missing_sums_expire(f->sums, 15 * S - 1);
    expect_said(f, "");
    missing_sums_expire(f->sums, 15 * S);
    expect_said(f, "port 3*2;");
    assert_int_equal(missing_sums_deadline(f->sums), UINT64_MAX);
}

static void test_pair_without_repeats_ends_in_silence(void **state)
{
    struct fixture *f = *state;

    assert_true(add(f, "a", "line", 0));
    missing_sums_expire(f->sums, 10 * S);
    expect_said(f, "");
}

static void test_after_the_ten_seconds_a_pair_begins_anew(void **state)
{
    struct fixture *f = *state;

    assert_true(add(f, "a", "line", 0));
    assert_true(add(f, "a", "line", 10 * S)); /* also when no timer came between */
    assert_false(add(f, "a", "line", 19 * S));
}

static void test_full_table_says_its_oldest_early(void **state)
{
    struct fixture *f = *state;

    missing_sums_limit(f->sums, 10 * S, 2);
    assert_true(add(f, "a", "A", 0));
    assert_false(add(f, "a", "A", 0));
    assert_true(add(f, "b", "B", 1));
    assert_false(add(f, "b", "B", 1));
    expect_said(f, "");
    assert_true(add(f, "c", "C", 2));
    expect_said(f, "A*1;");
    assert_int_equal(missing_sums_deadline(f->sums), 10 * S + 1);
}

static void test_ending_says_what_was_counted_in_order(void **state)
{
    struct fixture *f = *state;

    assert_true(add(f, "b", "B", 0));
    assert_true(add(f, "a", "A", 0));
    assert_false(add(f, "a", "A", 1));
    assert_false(add(f, "b", "B", 1));
    assert_false(add(f, "b", "B", 2));
    missing_sums_free(f->sums);
    f->sums = NULL;
    expect_said(f, "B*2;A*1;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_of_a_pair_is_said_at_once),
        TEST(test_repeats_within_ten_seconds_become_one_line_like_the_last),
        TEST(test_pair_without_repeats_ends_in_silence),
        TEST(test_after_the_ten_seconds_a_pair_begins_anew),
        TEST(test_full_table_says_its_oldest_early),
        TEST(test_ending_says_what_was_counted_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
