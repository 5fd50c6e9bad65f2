/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/config_text.h"

#define TEXT_BYTES 128

static void expect_clean(const char *text, const char *cleaned)
{
    char buf[TEXT_BYTES];
    unsigned line = 0;

    snprintf(buf, sizeof(buf), "%s", text);
    assert_null(config_text_clean(buf, &line));
    assert_string_equal(buf, cleaned);
}

static void expect_wrong(const char *text, const char *wrong, unsigned at)
{
    char buf[TEXT_BYTES];
    unsigned line = 0;

    snprintf(buf, sizeof(buf), "%s", text);
    assert_string_equal(config_text_clean(buf, &line), wrong);
    assert_int_equal(line, at);
}

static void test_comments_become_spaces_and_lines_stay(void **state)
{
    (void)state;
    expect_clean("a = 1 # b\nc", "a = 1    \nc");
    expect_clean("#a\n##b\n//c\n// d", "  \n   \n   \n    ");
    expect_clean("a/* b\n * c */d", "a/* b\n * c */d"); /* no comment within a word */
    expect_clean("a /* b\n * c */d", "a     \n       d");
    expect_clean("/**/a", "    a");
    expect_clean("{/*a*/}//b", "{     }   ");
}

static void test_slashes_of_a_url_are_no_comment(void **state)
{
    (void)state;
    expect_clean("listen = tftp://127.0.0.1:69\n", "listen = tftp://127.0.0.1:69\n");
    expect_clean("root = /srv/tftp//x #y", "root = /srv/tftp//x   ");
}

static void test_strings_keep_what_looks_like_a_comment(void **state)
{
    (void)state;
    expect_clean("a = \"#x\" #y", "a = \"#x\"   ");
    expect_clean("a = '/*x' //y", "a = '/*x'    ");
    expect_clean("a = \"\\\"#\" #y", "a = \"\\\"#\"   ");
    expect_clean("a = \"\\\\\" #y", "a = \"\\\\\"   ");
    expect_clean("a = 'it\\'s #' b", "a = 'it\\'s #' b");
    expect_clean("# it's\nb", "      \nb"); /* a quote in a comment opens nothing */
    expect_clean("", "");
}

static void test_what_is_never_closed_is_told_with_its_line(void **state)
{
    (void)state;
    expect_wrong("a = 1\nb = \"x\n\n", "this string is never closed", 2);
    expect_wrong("a = 'x\\'", "this string is never closed", 1);
    expect_wrong("a = \"x\\", "this string is never closed", 1);
    expect_wrong("a = \"x\ny\"\n\n/* z *", "this comment is never closed", 4);
    expect_wrong("/*/", "this comment is never closed", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comments_become_spaces_and_lines_stay),
        cmocka_unit_test(test_slashes_of_a_url_are_no_comment),
        cmocka_unit_test(test_strings_keep_what_looks_like_a_comment),
        cmocka_unit_test(test_what_is_never_closed_is_told_with_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
