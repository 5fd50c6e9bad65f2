/* SPDX-License-Identifier: BSD-2-Clause */
/* The progress line: sizes, percent, rate, time left, and a width that it never exceeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "client/progress.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

static void size_is(uint64_t bytes, const char *text)
{
    char buf[PROGRESS_SIZE_BYTES];

    assert_string_equal(progress_print_size(bytes, buf), text);
}

static void test_sizes_keep_to_four_digits(void **state)
{
    (void)state;
    size_is(0, "0 B");
    size_is(1023, "1023 B");
    size_is(KIB, "1.0 KiB");
    size_is(KIB + 512, "1.5 KiB");
    size_is(100 * KIB, "100 KiB");
    size_is(1023 * KIB + 1023, "1023 KiB");
    size_is(MIB, "1.0 MiB");
    size_is(1024 * MIB, "1.0 GiB");
    size_is(UINT64_MAX, "15.9 EiB");
}

/* 2 MiB of 8 MiB after one second: a quarter, 2 MiB/s, three seconds to go. */
static struct progress quarter(void)
{
    struct progress p;

    progress_init(&p, 0);
    progress_sample(&p, 2 * MIB, 8 * MIB, NUMBER_SECOND);
    return p;
}

static void test_line_tells_bytes_percent_rate_and_time_left(void **state)
{
    struct progress p = quarter();
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    assert_string_equal(progress_print_line(&p, "zImage", 80, line),
                        "zImage  2.0 MiB of 8.0 MiB  25 %  2.0 MiB/s  0:03 left");
}

static void test_unknown_total_has_no_percent_and_no_time_left(void **state)
{
    struct progress p;
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    progress_init(&p, 0);
    progress_sample(&p, 2 * MIB, PROGRESS_TOTAL_UNKNOWN, NUMBER_SECOND);
    assert_string_equal(progress_print_line(&p, "zImage", 80, line), "zImage  2.0 MiB  2.0 MiB/s");
}

/* The announced size is a hint; a longer file is never shown as over 100 %. */
static void test_more_bytes_than_announced_have_no_percent(void **state)
{
    struct progress p;
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    progress_init(&p, 0);
    progress_sample(&p, 2 * MIB, MIB, NUMBER_SECOND);
    assert_string_equal(progress_print_line(&p, "z", 80, line), "z  2.0 MiB  2.0 MiB/s");
}

static void test_empty_file_is_complete(void **state)
{
    struct progress p;
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    progress_init(&p, 0);
    progress_sample(&p, 0, 0, NUMBER_SECOND);
    assert_string_equal(progress_print_line(&p, "z", 80, line),
                        "z  0 B of 0 B  100 %  0 B/s  ? left");
}

static void test_standstill_has_no_time_left(void **state)
{
    struct progress p;
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    progress_init(&p, 0);
    progress_sample(&p, 0, MIB, NUMBER_SECOND);
    assert_non_null(strstr(progress_print_line(&p, "z", 80, line), "? left"));
}

static void test_long_times_are_told_in_hours_and_days(void **state)
{
    struct progress p;
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    progress_init(&p, 0);
    progress_sample(&p, 1, 3724, NUMBER_SECOND); /* 3,723 s to go at 1 B/s */
    assert_non_null(strstr(progress_print_line(&p, "z", 80, line), "1:02:03 left"));
    progress_init(&p, 0);
    progress_sample(&p, 1, 100000, NUMBER_SECOND);
    assert_non_null(strstr(progress_print_line(&p, "z", 80, line), "over a day left"));
}

static size_t columns(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        n += (c & 0xc0) == 0x80 ? 0 : c == 0xe6 ? 2 : 1; /* 0xe6: ideographs are wide */
    }
    return n;
}

static void test_line_never_exceeds_the_width(void **state)
{
    static const char name[] = "boot/firmware/\xc3\xa9t\xc3\xa9/bcm2711-rpi-4-b.dtb";
    struct progress p = quarter();
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    for (size_t width = 0; width < 200; width++) {
        size_t used = columns(progress_print_line(&p, name, width, line));

        if (used > width) {
            fail_msg("%zu columns in a width of %zu: %s", used, width, line);
        }
    }
    assert_string_equal(progress_print_line(&p, name, 60, line),
                        "...i-4-b.dtb  2.0 MiB of 8.0 MiB  25 %  2.0 MiB/s  0:03 left");
}

static void test_wide_characters_keep_within_the_width(void **state)
{
    static const char name[] = "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5"
                               "\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac";
    struct progress p = quarter();
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    for (size_t width = 40; width < 80; width++) {
        assert_in_range(columns(progress_print_line(&p, name, width, line)), 0, width);
    }
    assert_string_equal(progress_print_line(&p, name, 56, line),
                        "...\xe6\x97\xa5\xe6\x9c\xac  2.0 MiB of 8.0 MiB  25 %  2.0 MiB/s  "
                        "0:03 left");
}

/* The rate follows a change instead of dragging the whole past along. */
static void test_rate_follows_the_last_samples(void **state)
{
    struct progress p;
    uint64_t now = 0;
    uint64_t bytes = 0;

    (void)state;
    progress_init(&p, 0);
    for (int i = 0; i < 100; i++) {
        bytes += MIB;
        progress_sample(&p, bytes, PROGRESS_TOTAL_UNKNOWN, now += NUMBER_SECOND);
    }
    assert_in_range(p.rate, MIB - 16, MIB);
    for (int i = 0; i < 60; i++) {
        progress_sample(&p, bytes, PROGRESS_TOTAL_UNKNOWN, now += NUMBER_SECOND);
    }
    assert_in_range(p.rate, 0, KIB); /* (7/8)^60 of a MiB is under 400 bytes */
}

static void test_closing_line_tells_name_bytes_time_and_rate(void **state)
{
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    assert_string_equal(progress_print_closing("zImage", 3 * MIB, 1500 * NUMBER_MILLISECOND, line),
                        "zImage: 3145728 bytes in 1.5 s, 2.0 MiB/s");
    assert_string_equal(progress_print_closing("z", 1, 0, line), "z: 1 byte in 0.0 s, 0 B/s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_keep_to_four_digits),
        cmocka_unit_test(test_line_tells_bytes_percent_rate_and_time_left),
        cmocka_unit_test(test_unknown_total_has_no_percent_and_no_time_left),
        cmocka_unit_test(test_more_bytes_than_announced_have_no_percent),
        cmocka_unit_test(test_empty_file_is_complete),
        cmocka_unit_test(test_standstill_has_no_time_left),
        cmocka_unit_test(test_long_times_are_told_in_hours_and_days),
        cmocka_unit_test(test_line_never_exceeds_the_width),
        cmocka_unit_test(test_wide_characters_keep_within_the_width),
        cmocka_unit_test(test_rate_follows_the_last_samples),
        cmocka_unit_test(test_closing_line_tells_name_bytes_time_and_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
