/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/import_shell.h"

/* A copy on the heap, so that a sanitizer sees every byte too many. */
static struct import_shell begin(const char *text)
{
    struct import_shell s = {.at = strdup(text), .line = 1};

    assert_non_null(s.at);
    return s;
}

/* The text is this one assignment. */
static void expect_assignment(const char *text, const char *name, const char *value)
{
    struct import_shell s = begin(text);
    char *copy = s.at;
    struct import_assignment a;

    assert_true(import_shell_next(&s, &a));
    assert_string_equal(a.name, name);
    assert_string_equal(a.value, value);
    assert_false(import_shell_next(&s, &a));
    assert_null(s.wrong);
    free(copy);
}

/* Nothing can be read from that line on, for a reason with this part in it. */
static void expect_wrong(const char *text, const char *part, unsigned line)
{
    struct import_shell s = begin(text);
    char *copy = s.at;
    struct import_assignment a;

    while (import_shell_next(&s, &a)) {
    }
    assert_non_null(s.wrong);
    assert_non_null(strstr(s.wrong, part));
    assert_int_equal(s.line, line);
    free(copy);
}

static void test_quotes_and_backslashes_mean_what_they_mean_to_a_shell(void **state)
{
    (void)state;
    expect_assignment("A=b", "A", "b");
    expect_assignment("A=", "A", "");
    expect_assignment("A=''", "A", "");
    expect_assignment("A_1=\"b c\"", "A_1", "b c");
    expect_assignment("A='b  $c `d` \\'", "A", "b  $c `d` \\");
    expect_assignment("A=b' c'\"d \"e", "A", "b cd e");
    expect_assignment("A=b\\ c\\\"\\$", "A", "b c\"$");
    expect_assignment("A=\"\\$b \\` \\\" \\\\ \\n\"", "A",
                      "$b ` \" \\ \\n"); /* \n stays as it is */
    expect_assignment("A=b\\", "A", "b\\");
    expect_assignment("A=\"b\nc\"", "A", "b\nc");
}

static void test_continued_lines_are_one(void **state)
{
    (void)state;
    expect_assignment("A=b\\\nc\n", "A", "bc");
    expect_assignment("A=\"b \\\nc\"\n", "A", "b c");
    expect_assignment("A='b\\\nc'\n", "A", "b\\\nc"); /* single quotes keep it */
    expect_assignment("\\\n A=b", "A", "b");
}

static void test_comments_begin_where_a_word_could(void **state)
{
    (void)state;
    expect_assignment("# it's\nA=b # c\n#", "A", "b");
    expect_assignment("A=b#c", "A", "b#c");
    expect_assignment("A='#' #c", "A", "#");
    expect_assignment("A= # c", "A", "");
    expect_assignment("#A=x\\\nA=b", "A", "b"); /* a comment is not continued */
}

static void test_export_and_several_on_a_line_are_read(void **state)
{
    struct import_shell s = begin("export A=1 B=2; C=3\nexport D\n\texport C A\n E=5");
    static const char *const names[] = {"A", "B", "C", "E"};
    static const char *const values[] = {"1", "2", "3", "5"};
    static const unsigned lines[] = {1, 1, 1, 4};
    char *copy = s.at;
    struct import_assignment a;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(import_shell_next(&s, &a));
        assert_string_equal(a.name, names[i]);
        assert_string_equal(a.value, values[i]);
        assert_int_equal(a.line, lines[i]);
    }
    assert_false(import_shell_next(&s, &a));
    assert_null(s.wrong);
    free(copy);
}

static void test_what_a_shell_would_work_out_is_named_with_its_line(void **state)
{
    (void)state;
    expect_wrong("A=1\nB=$A", "work out", 2);
    expect_wrong("A=\"x\ny $(id)\"", "work out", 2);
    expect_wrong("\n\nA=\"`id`\"", "work out", 3);
    expect_wrong("A=`id`", "work out", 1);
    expect_wrong("A=${B:-c}", "work out", 1);
    expect_wrong("A=~/tftp", "~", 1);
}

static void test_a_quote_that_is_never_closed_is_named_where_it_opens(void **state)
{
    (void)state;
    expect_wrong("A=1\nB=\"x\ny\nz", "never closed", 2);
    expect_wrong("A='x\n\n", "never closed", 1);
    expect_wrong("A=\"x\\\"", "never closed", 1);
    expect_wrong("A='", "never closed", 1);
}

static void test_commands_are_refused_and_not_guessed(void **state)
{
    (void)state;
    expect_wrong("A=1\nif true; then B=2; fi", "no commands", 2);
    expect_wrong("A=1 rm -r x", "no commands", 1);
    expect_wrong(". /etc/default/other", "no commands", 1);
    expect_wrong("[ -f x ]", "no commands", 1);
    expect_wrong("A=1&B=2", "no commands", 1);
    expect_wrong("A=(1 2)", "no commands", 1);
    expect_wrong("A+=x", "no commands", 1);
    expect_wrong("1A=x", "no commands", 1);
    expect_wrong("export A; B", "no commands", 1);
    expect_wrong("export -p", "no commands", 1);
    expect_wrong("=x", "no commands", 1);
    expect_wrong("\x1b[2J", "no commands", 1);
}

static void test_a_text_with_nothing_in_it_ends_at_once(void **state)
{
    static const char *const texts[] = {"", "\n\n", "# a\n", " \t", ";;", "\\\n"};
    struct import_assignment a;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct import_shell s = begin(texts[i]);
        char *copy = s.at;

        assert_false(import_shell_next(&s, &a));
        assert_null(s.wrong);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotes_and_backslashes_mean_what_they_mean_to_a_shell),
        cmocka_unit_test(test_continued_lines_are_one),
        cmocka_unit_test(test_comments_begin_where_a_word_could),
        cmocka_unit_test(test_export_and_several_on_a_line_are_read),
        cmocka_unit_test(test_what_a_shell_would_work_out_is_named_with_its_line),
        cmocka_unit_test(test_a_quote_that_is_never_closed_is_named_where_it_opens),
        cmocka_unit_test(test_commands_are_refused_and_not_guessed),
        cmocka_unit_test(test_a_text_with_nothing_in_it_ends_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
