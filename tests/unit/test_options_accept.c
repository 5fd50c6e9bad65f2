/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client makes of an OACK: wherry_options_accept(). RFC 2347: an answer that was not asked
 * for ends the transfer with ERROR 8. */
#include <wherry/options.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/option_pairs.h"

static struct wherry_agreed expect_accepted(const char *asked, const char *answered)
{
    struct option_pairs ours;
    struct option_pairs theirs;
    struct wherry_agreed agreed;

    option_pairs_make(&ours, asked);
    option_pairs_make(&theirs, answered);
    assert_int_equal(wherry_options_accept(&ours.parsed, &theirs.parsed, &agreed), RES_OK);
    return agreed;
}

static void expect_refused(const char *asked, const char *answered)
{
    struct option_pairs ours;
    struct option_pairs theirs;
    struct wherry_agreed agreed;
    struct wherry_agreed before;

    memset(&agreed, 0x5a, sizeof(agreed));
    before = agreed;
    option_pairs_make(&ours, asked);
    option_pairs_make(&theirs, answered);
    assert_int_equal(wherry_options_accept(&ours.parsed, &theirs.parsed, &agreed), RES_OPTIONS);
    assert_memory_equal(&agreed, &before, sizeof(agreed)); /* untouched */
}

static void test_answer_as_asked_is_agreed(void **state)
{
    struct wherry_agreed a =
        expect_accepted("tsize=0 blksize=1428 windowsize=16 timeout=5 rollover=1",
                        "tsize=5368709120 blksize=1428 windowsize=16 timeout=5 rollover=1");

    (void)state;
    assert_int_equal(a.blksize, 1428);
    assert_int_equal(a.windowsize, 16);
    assert_int_equal(a.timeout_ns, UINT64_C(5000000000));
    assert_int_equal(a.rollover, 1);
    assert_true(a.tsize_known);
    assert_int_equal(a.tsize, UINT64_C(5368709120));
}

static void test_options_left_out_keep_their_defaults(void **state)
{
    struct wherry_agreed a =
        expect_accepted("tsize=0 blksize=1428 windowsize=16 rollover=1", "blksize=1024");

    (void)state;
    assert_int_equal(a.blksize, 1024);
    assert_int_equal(a.windowsize, 1);
    assert_int_equal(a.rollover, 0);
    assert_false(a.tsize_known);
}

static void test_empty_oack_agrees_to_nothing(void **state)
{
    struct wherry_agreed a = expect_accepted("blksize=1428", "");

    (void)state;
    assert_int_equal(a.blksize, 512);
}

static void test_order_and_spelling_of_the_answer_do_not_matter(void **state)
{
    struct wherry_agreed a =
        expect_accepted("tsize=0 blksize=1428", "BLKSIZE=1428 TSize=9"); /* atftpd, dnsmasq */

    (void)state;
    assert_int_equal(a.blksize, 1428);
    assert_int_equal(a.tsize, 9);
}

static void test_smaller_sizes_are_agreed(void **state)
{
    (void)state;
    assert_int_equal(expect_accepted("blksize=1428", "blksize=8").blksize, 8);
    assert_int_equal(expect_accepted("blksize2=2048", "blksize2=1024").blksize, 1024);
    assert_int_equal(expect_accepted("windowsize=16", "windowsize=1").windowsize, 1);
}

static void test_enlarged_sizes_are_refused(void **state)
{
    (void)state;
    expect_refused("blksize=1428", "blksize=1429");
    expect_refused("blksize2=1024", "blksize2=2048");
    expect_refused("windowsize=16", "windowsize=17");
    expect_refused("tsize=0 blksize=1428 windowsize=16", "tsize=9 blksize=1428 windowsize=64");
}

static void test_timeouts_must_be_as_asked(void **state)
{
    (void)state;
    assert_int_equal(expect_accepted("utimeout=250000", "utimeout=250000").timeout_ns, 250000000);
    expect_refused("timeout=5", "timeout=4");
    expect_refused("timeout=5", "timeout=6");
    expect_refused("utimeout=250000", "utimeout=100000");
}

static void test_rollover_must_be_as_asked(void **state)
{
    (void)state;
    assert_int_equal(expect_accepted("rollover=0", "rollover=0").rollover, 0);
    expect_refused("rollover=1", "rollover=0");
    expect_refused("rollover=0", "rollover=1");
}

static void test_tsize_may_be_any_size(void **state)
{
    (void)state;
    assert_int_equal(expect_accepted("tsize=0", "tsize=0").tsize, 0);
    assert_int_equal(expect_accepted("tsize=0", "tsize=9223372036854775807").tsize, INT64_MAX);
    assert_int_equal(expect_accepted("tsize=100", "tsize=100").tsize, 100);
}

static void test_option_that_was_not_asked_is_refused(void **state)
{
    (void)state;
    expect_refused("", "blksize=512");
    expect_refused("blksize=1428", "tsize=9");
    expect_refused("blksize=1428", "blksize=1428 timeout=1");
    expect_refused("blksize=1428", "blksize2=1024");
    expect_refused("timeout=1", "utimeout=1000000");
}

static void test_unknown_option_was_not_asked_either(void **state)
{
    (void)state;
    expect_refused("blksize=1428", "blksize=1428 multicast=224.0.0.1,1758,1");
    expect_refused("blksize=1428", "msftwindow=27182");
}

static void test_values_outside_their_range_are_refused(void **state)
{
    static const char *const answers[] = {
        "blksize=7",   "blksize=0",    "blksize=65465", "blksize=-1", "blksize=",
        "blksize=abc", "windowsize=0", "windowsize=-1", "timeout=0",  "timeout=256",
        "rollover=2",  "tsize=-1",     "tsize=9x",      "tsize=",     "tsize=9223372036854775808",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        expect_refused("blksize=65464 windowsize=65535 timeout=255 rollover=1 tsize=0", answers[i]);
    }
}

static void test_two_answers_that_say_the_same_are_refused(void **state)
{
    (void)state;
    expect_refused("blksize=1428 blksize2=1428", "blksize=1428 blksize2=1024");
    expect_refused("timeout=1 utimeout=1000000", "utimeout=1000000 timeout=1");
}

static void test_answer_given_twice_counts_once(void **state)
{
    (void)state; /* tftp-hpa repeats itself when it was asked twice */
    assert_int_equal(expect_accepted("blksize=1428", "blksize=1024 blksize=1024").blksize, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_as_asked_is_agreed),
        cmocka_unit_test(test_options_left_out_keep_their_defaults),
        cmocka_unit_test(test_empty_oack_agrees_to_nothing),
        cmocka_unit_test(test_order_and_spelling_of_the_answer_do_not_matter),
        cmocka_unit_test(test_smaller_sizes_are_agreed),
        cmocka_unit_test(test_enlarged_sizes_are_refused),
        cmocka_unit_test(test_timeouts_must_be_as_asked),
        cmocka_unit_test(test_rollover_must_be_as_asked),
        cmocka_unit_test(test_tsize_may_be_any_size),
        cmocka_unit_test(test_option_that_was_not_asked_is_refused),
        cmocka_unit_test(test_unknown_option_was_not_asked_either),
        cmocka_unit_test(test_values_outside_their_range_are_refused),
        cmocka_unit_test(test_two_answers_that_say_the_same_are_refused),
        cmocka_unit_test(test_answer_given_twice_counts_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
