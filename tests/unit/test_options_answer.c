/* SPDX-License-Identifier: BSD-2-Clause */
/* What a server grants: wherry_options_answer(). */
#include <wherry/options.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/option_pairs.h"

#define MIB (1024u * 1024u)

/* Grants whatever the RFCs allow for a file of 9000 bytes. */
static struct wherry_offer generous(void)
{
    return (struct wherry_offer){.blksize_max = WHERRY_BLKSIZE_MAX,
                                 .windowsize_max = WHERRY_WINDOWSIZE_MAX,
                                 .window_bytes_max = UINT32_MAX,
                                 .tsize_offered = true,
                                 .size = 9000};
}

static struct wherry_agreed expect_answer(enum wherry_opcode request,
                                          const struct wherry_offer *offer, const char *asked,
                                          const char *answer)
{
    struct option_pairs p;
    struct wherry_agreed agreed;
    uint8_t pairs[WHERRY_OPTIONS_BYTES];
    char text[OPTION_PAIRS_BYTES];
    size_t len;

    option_pairs_make(&p, asked);
    len = wherry_options_answer(&p.parsed, request, offer, &agreed, pairs);
    assert_string_equal(option_pairs_text(pairs, len, text), answer);
    return agreed;
}

static struct wherry_agreed expect_read(const struct wherry_offer *offer, const char *asked,
                                        const char *answer)
{
    return expect_answer(WHERRY_RRQ, offer, asked, answer);
}

static void test_without_options_there_is_no_answer(void **state)
{
    struct wherry_offer offer = generous();
    struct wherry_agreed a = expect_read(&offer, "", "");

    (void)state;
    assert_int_equal(a.blksize, 512);
    assert_int_equal(a.windowsize, 1);
    assert_int_equal(a.timeout_ns, 0);
    assert_false(a.tsize_known);
}

static void test_generous_offer_grants_what_was_asked(void **state)
{
    struct wherry_offer offer = generous();
    struct wherry_agreed a =
        expect_read(&offer, "tsize=0 blksize=1468 windowsize=4 timeout=5 rollover=1",
                    "tsize=9000 blksize=1468 windowsize=4 timeout=5 rollover=1");

    (void)state;
    assert_int_equal(a.blksize, 1468);
    assert_int_equal(a.windowsize, 4);
    assert_int_equal(a.timeout_ns, UINT64_C(5000000000));
    assert_int_equal(a.rollover, 1);
    assert_true(a.tsize_known);
    assert_int_equal(a.tsize, 9000);
}

static void test_answers_stand_in_the_order_asked(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    (void)expect_read(&offer, "blksize=512 tsize=0", "blksize=512 tsize=9000");
    (void)expect_read(&offer, "tsize=0 blksize=512", "tsize=9000 blksize=512");
    (void)expect_read(&offer, "windowsize=2 rollover=0 utimeout=10000 tsize=0 blksize2=1024",
                      "windowsize=2 rollover=0 utimeout=10000 tsize=9000 blksize2=1024");
}

static void test_names_are_spelt_as_asked(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    (void)expect_read(&offer, "BLKSIZE=512 TSize=0", "BLKSIZE=512 TSize=9000");
    (void)expect_read(&offer, "BlkSize=512", "BlkSize=512");
}

static void test_option_asked_twice_is_answered_once(void **state)
{
    struct wherry_offer offer = generous();
    struct wherry_agreed a =
        expect_read(&offer, "blksize=1024 BLKSIZE=2048 tsize=0 tsize=0", "blksize=1024 tsize=9000");

    (void)state;
    assert_int_equal(a.blksize, 1024);
}

static void test_values_that_are_not_valid_are_left_out_and_the_rest_granted(void **state)
{
    static const char *const asked[] = {
        "blksize=7 windowsize=4",    "blksize=65465 windowsize=4", "blksize=-1 windowsize=4",
        "timeout=0 windowsize=4",    "timeout=256 windowsize=4",   "utimeout=9999 windowsize=4",
        "rollover=2 windowsize=4",   "tsize=-1 windowsize=4",      "blksize2=abc windowsize=4",
        "multicast= windowsize=4",   "blksize= windowsize=4",      "msftwindow=31416 windowsize=4",
        "blksize=+512 windowsize=4", "blksize=0x200 windowsize=4",
    };
    struct wherry_offer offer = generous();

    (void)state;
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        struct wherry_agreed a = expect_read(&offer, asked[i], "windowsize=4");

        assert_int_equal(a.blksize, 512);
        assert_int_equal(a.timeout_ns, 0);
    }
    (void)expect_read(&offer, "windowsize=0 blksize=512", "blksize=512");
    (void)expect_read(&offer, "windowsize=65536", "");
}

static void test_refused_options_are_left_out(void **state)
{
    struct wherry_offer offer = generous();
    struct wherry_agreed a;

    (void)state;
    offer.refused = 1u << WHERRY_WINDOWSIZE | 1u << WHERRY_BLKSIZE;
    a = expect_read(&offer, "blksize=1428 tsize=0 windowsize=8", "tsize=9000");
    assert_int_equal(a.blksize, 512);
    assert_int_equal(a.windowsize, 1);
    offer.refused = (1u << WHERRY_OPTION_COUNT) - 1;
    (void)expect_read(&offer, "blksize=8 blksize2=8 timeout=1 utimeout=10000 tsize=0 windowsize=2",
                      "");
}

static void test_blksize_is_capped_by_maximum_and_path(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    (void)expect_read(&offer, "blksize=65464", "blksize=65464");
    (void)expect_read(&offer, "blksize=8", "blksize=8");
    offer.blksize_max = 1468;
    (void)expect_read(&offer, "blksize=8192", "blksize=1468");
    (void)expect_read(&offer, "blksize=1468", "blksize=1468");
    (void)expect_read(&offer, "blksize=1024", "blksize=1024");
    offer.blksize_path = 1232;
    assert_int_equal(expect_read(&offer, "blksize=8192", "blksize=1232").blksize, 1232);
    offer.blksize_path = 9000;
    (void)expect_read(&offer, "blksize=8192", "blksize=1468");
}

static void test_blksize_never_falls_below_eight_nor_grows(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    offer.blksize_path = 3;
    (void)expect_read(&offer, "blksize=1428", "blksize=8");
    (void)expect_read(&offer, "blksize=8", "blksize=8");
    (void)expect_read(&offer, "blksize2=1024", "blksize2=8");
    offer.blksize_max = 0;
    (void)expect_read(&offer, "blksize=1428", "blksize=8");
}

static void test_blksize2_is_the_largest_power_of_two_not_above(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    (void)expect_read(&offer, "blksize2=8", "blksize2=8");
    (void)expect_read(&offer, "blksize2=15", "blksize2=8");
    (void)expect_read(&offer, "blksize2=16", "blksize2=16");
    (void)expect_read(&offer, "blksize2=1428", "blksize2=1024");
    assert_int_equal(expect_read(&offer, "blksize2=65464", "blksize2=32768").blksize, 32768);
    offer.blksize_path = 1468;
    (void)expect_read(&offer, "blksize2=4096", "blksize2=1024");
}

static void test_of_two_options_that_say_the_same_the_first_is_answered(void **state)
{
    struct wherry_offer offer = generous();
    struct wherry_agreed a;

    (void)state;
    assert_int_equal(expect_read(&offer, "blksize=1428 blksize2=1428", "blksize=1428").blksize,
                     1428);
    assert_int_equal(expect_read(&offer, "blksize2=1428 blksize=1428", "blksize2=1024").blksize,
                     1024);
    a = expect_read(&offer, "timeout=3 utimeout=250000", "timeout=3");
    assert_int_equal(a.timeout_ns, UINT64_C(3000000000));
    a = expect_read(&offer, "utimeout=250000 timeout=3", "utimeout=250000");
    assert_int_equal(a.timeout_ns, 250000000);
}

static void test_second_way_to_say_it_is_granted_when_the_first_cannot_be(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    (void)expect_read(&offer, "blksize=abc blksize2=1428", "blksize2=1024");
    offer.refused = 1u << WHERRY_BLKSIZE2;
    (void)expect_read(&offer, "blksize2=1428 blksize=1428", "blksize=1428");
}

static void test_timeouts_are_granted_exactly_as_asked(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    (void)expect_read(&offer, "timeout=1", "timeout=1");
    assert_int_equal(expect_read(&offer, "timeout=255", "timeout=255").timeout_ns,
                     UINT64_C(255000000000));
    assert_int_equal(expect_read(&offer, "utimeout=10000", "utimeout=10000").timeout_ns, 10000000);
    (void)expect_read(&offer, "utimeout=255000000", "utimeout=255000000");
}

static void test_declined_timeouts_are_left_out(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    offer.timeout_declined = true;
    assert_int_equal(expect_read(&offer, "timeout=5 blksize=512", "blksize=512").timeout_ns, 0);
    assert_int_equal(expect_read(&offer, "utimeout=50000", "").timeout_ns, 0);
}

static void test_tsize_of_a_read_is_the_size_whatever_was_asked(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    (void)expect_read(&offer, "tsize=0", "tsize=9000");
    (void)expect_read(&offer, "tsize=12345", "tsize=9000");
    offer.size = UINT64_C(5368709120); /* 32 bits would show 1073741824 */
    (void)expect_read(&offer, "tsize=0", "tsize=5368709120");
    offer.size = INT64_MAX;
    (void)expect_read(&offer, "tsize=0", "tsize=9223372036854775807");
}

static void test_tsize_that_is_not_offered_is_left_out(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    offer.tsize_offered = false; /* netascii: the size on the wire is not known */
    assert_false(expect_read(&offer, "tsize=0 blksize=512", "blksize=512").tsize_known);
    (void)expect_read(&offer, "tsize=0", "");
}

static void test_size_zero_is_told_only_when_it_is_all_that_is_granted(void **state)
{
    struct wherry_offer offer = generous();
    struct wherry_agreed a;

    (void)state;
    offer.size = 0;
    a = expect_read(&offer, "tsize=0", "tsize=0");
    assert_true(a.tsize_known);
    assert_int_equal(a.tsize, 0);
    a = expect_read(&offer, "tsize=0 blksize=512 timeout=6", "blksize=512 timeout=6"); /* curl */
    assert_false(a.tsize_known);
    (void)expect_read(&offer, "tsize=0 windowsize=4", "windowsize=4");
    (void)expect_read(&offer, "tsize=0 blksize=abc multicast=", "tsize=0");
    offer.refused = 1u << WHERRY_BLKSIZE;
    (void)expect_read(&offer, "blksize=512 tsize=0", "tsize=0");
}

static void test_tsize_of_a_write_is_echoed(void **state)
{
    struct wherry_offer offer = generous();
    struct wherry_agreed a;

    (void)state;
    a = expect_answer(WHERRY_WRQ, &offer, "tsize=5368709120 blksize=512",
                      "tsize=5368709120 blksize=512");
    assert_true(a.tsize_known);
    assert_int_equal(a.tsize, UINT64_C(5368709120));
    a = expect_answer(WHERRY_WRQ, &offer, "tsize=0 blksize=512", "tsize=0 blksize=512");
    assert_true(a.tsize_known);
    assert_int_equal(a.tsize, 0);
}

static void test_rollover_is_granted_as_asked(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    assert_int_equal(expect_read(&offer, "rollover=0", "rollover=0").rollover, 0);
    assert_int_equal(expect_read(&offer, "rollover=1", "rollover=1").rollover, 1);
}

static void test_windowsize_is_capped_by_its_maximum(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    (void)expect_read(&offer, "windowsize=1", "windowsize=1");
    (void)expect_read(&offer, "windowsize=65535", "windowsize=32767");
    offer.windowsize_max = 65535; /* more than 16-bit numbers can tell apart */
    (void)expect_read(&offer, "windowsize=65535", "windowsize=32767");
    offer.windowsize_max = 64;
    assert_int_equal(expect_read(&offer, "windowsize=65", "windowsize=64").windowsize, 64);
    (void)expect_read(&offer, "windowsize=64", "windowsize=64");
    (void)expect_read(&offer, "windowsize=4", "windowsize=4");
    offer.windowsize_max = 0;
    (void)expect_read(&offer, "windowsize=4", "windowsize=1");
}

static void test_windowsize_is_capped_by_bytes_at_the_agreed_blksize(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    offer.window_bytes_max = 8192;
    (void)expect_read(&offer, "windowsize=64", "windowsize=16"); /* blksize 512 */
    (void)expect_read(&offer, "blksize=1024 windowsize=64", "blksize=1024 windowsize=8");
    (void)expect_read(&offer, "windowsize=64 blksize=1024", "windowsize=8 blksize=1024");
    (void)expect_read(&offer, "blksize=1025 windowsize=64", "blksize=1025 windowsize=7");
    (void)expect_read(&offer, "windowsize=64 blksize2=3000", "windowsize=4 blksize2=2048");
    (void)expect_read(&offer, "windowsize=64 blksize=9000", "windowsize=1 blksize=9000");
    offer.blksize_path = 1024; /* what is granted counts, not what was asked */
    (void)expect_read(&offer, "windowsize=64 blksize=9000", "windowsize=8 blksize=1024");
}

static void test_windowsize_of_a_write_is_capped_by_the_receive_buffer(void **state)
{
    struct wherry_offer offer = generous();

    (void)state;
    offer.receive_buffer = 8192;
    (void)expect_answer(WHERRY_WRQ, &offer, "windowsize=64 blksize=1024",
                        "windowsize=8 blksize=1024");
    (void)expect_answer(WHERRY_WRQ, &offer, "windowsize=64 blksize=9000",
                        "windowsize=1 blksize=9000");
    (void)expect_read(&offer, "windowsize=64 blksize=1024", "windowsize=64 blksize=1024");
    offer.receive_buffer = 0;
    (void)expect_answer(WHERRY_WRQ, &offer, "windowsize=64 blksize=1024",
                        "windowsize=64 blksize=1024");
    offer.receive_buffer = MIB;
    offer.window_bytes_max = 2048;
    (void)expect_answer(WHERRY_WRQ, &offer, "windowsize=64 blksize=1024",
                        "windowsize=2 blksize=1024");
}

static void test_all_options_at_their_longest_fit_the_answer(void **state)
{
    static const char all[] = "blksize=65464 blksize2=65464 timeout=255 utimeout=255000000 "
                              "tsize=9223372036854775807 rollover=1 windowsize=32767";
    struct wherry_offer offer = generous();

    (void)state;
    (void)expect_answer(WHERRY_WRQ, &offer, all,
                        "blksize=65464 timeout=255 tsize=9223372036854775807 rollover=1 "
                        "windowsize=32767");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_options_there_is_no_answer),
        cmocka_unit_test(test_generous_offer_grants_what_was_asked),
        cmocka_unit_test(test_answers_stand_in_the_order_asked),
        cmocka_unit_test(test_names_are_spelt_as_asked),
        cmocka_unit_test(test_option_asked_twice_is_answered_once),
        cmocka_unit_test(test_values_that_are_not_valid_are_left_out_and_the_rest_granted),
        cmocka_unit_test(test_refused_options_are_left_out),
        cmocka_unit_test(test_blksize_is_capped_by_maximum_and_path),
        cmocka_unit_test(test_blksize_never_falls_below_eight_nor_grows),
        cmocka_unit_test(test_blksize2_is_the_largest_power_of_two_not_above),
        cmocka_unit_test(test_of_two_options_that_say_the_same_the_first_is_answered),
        cmocka_unit_test(test_second_way_to_say_it_is_granted_when_the_first_cannot_be),
        cmocka_unit_test(test_timeouts_are_granted_exactly_as_asked),
        cmocka_unit_test(test_declined_timeouts_are_left_out),
        cmocka_unit_test(test_tsize_of_a_read_is_the_size_whatever_was_asked),
        cmocka_unit_test(test_tsize_that_is_not_offered_is_left_out),
        cmocka_unit_test(test_size_zero_is_told_only_when_it_is_all_that_is_granted),
        cmocka_unit_test(test_tsize_of_a_write_is_echoed),
        cmocka_unit_test(test_rollover_is_granted_as_asked),
        cmocka_unit_test(test_windowsize_is_capped_by_its_maximum),
        cmocka_unit_test(test_windowsize_is_capped_by_bytes_at_the_agreed_blksize),
        cmocka_unit_test(test_windowsize_of_a_write_is_capped_by_the_receive_buffer),
        cmocka_unit_test(test_all_options_at_their_longest_fit_the_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
