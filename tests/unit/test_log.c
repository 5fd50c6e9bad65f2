/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct heard {
    unsigned lines;
    enum log_level level;
    char line[LOG_LINE_BYTES + 1];
};

static void hear(void *arg, enum log_level level, const char *line)
{
    struct heard *h = arg;

    h->lines++;
    h->level = level;
    assert_true(strlen(line) < LOG_LINE_BYTES);
    (void)snprintf(h->line, sizeof(h->line), "%s", line);
    errno = EBADF; /* sinks write to files and sockets */
}

static void test_line_is_subsystem_and_text(void **state)
{
    struct heard h = {0};
    const struct log l = {.level = LOG_LEVEL_DEBUG, .sink = hear, .arg = &h};

    (void)state;
    log_error(&l, "tftp", "port %u is in use", 69u);
    assert_string_equal(h.line, "tftp: port 69 is in use");
    assert_int_equal(h.level, LOG_LEVEL_ERROR);
    log_warning(&l, "store", "full");
    assert_string_equal(h.line, "store: full");
    assert_int_equal(h.level, LOG_LEVEL_WARNING);
    log_info(&l, "store", "ready");
    assert_int_equal(h.level, LOG_LEVEL_INFO);
    log_debug(&l, "store", "opened");
    assert_int_equal(h.level, LOG_LEVEL_DEBUG);
    assert_int_equal(h.lines, 4);
}

static void test_line_without_subsystem_is_the_text_alone(void **state)
{
    struct heard h = {0};
    const struct log l = {.level = LOG_LEVEL_INFO, .sink = hear, .arg = &h};

    (void)state;
    log_line(&l, LOG_LEVEL_INFO, "done bytes=%d", 5);
    assert_string_equal(h.line, "done bytes=5");
}

static void test_levels_above_the_set_one_are_dropped(void **state)
{
    struct heard h = {0};
    const struct log l = {.level = LOG_LEVEL_WARNING, .sink = hear, .arg = &h};

    (void)state;
    log_info(&l, "tftp", "dropped");
    log_debug(&l, "tftp", "dropped");
    log_line(&l, LOG_LEVEL_INFO, "dropped");
    assert_int_equal(h.lines, 0);
    log_warning(&l, "tftp", "kept");
    log_error(&l, "tftp", "kept");
    assert_int_equal(h.lines, 2);
}

static void test_without_a_log_nothing_is_said(void **state)
{
    (void)state;
    errno = ENOENT;
    log_error(NULL, "tftp", "%s", "unheard");
    log_line(NULL, LOG_LEVEL_ERROR, "%s", "unheard");
    assert_int_equal(errno, ENOENT);
}

static void test_errno_is_kept(void **state)
{
    struct heard h = {0};
    const struct log l = {.level = LOG_LEVEL_ERROR, .sink = hear, .arg = &h};

    (void)state;
    errno = ENOENT;
    log_error(&l, "tftp", "cannot open");
    assert_int_equal(h.lines, 1);
    assert_int_equal(errno, ENOENT);
}

static void test_longer_line_is_cut(void **state)
{
    struct heard h = {0};
    const struct log l = {.level = LOG_LEVEL_ERROR, .sink = hear, .arg = &h};
    char text[3 * LOG_LINE_BYTES];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_error(&l, "tftp", "%s", text);
    assert_int_equal(strlen(h.line), LOG_LINE_BYTES - 1);
    log_error(&l, text, "%s", "unseen");
    assert_int_equal(strlen(h.line), LOG_LINE_BYTES - 1);
    assert_int_equal(h.line[LOG_LINE_BYTES - 2], 'x');
}

static void test_newlines_do_not_make_lines(void **state)
{
    struct heard h = {0};
    const struct log l = {.level = LOG_LEVEL_ERROR, .sink = hear, .arg = &h};

    (void)state;
    log_error(&l, "config", "first\nsecond\n");
    assert_string_equal(h.line, "config: first second ");
    assert_int_equal(h.lines, 1);
}

static void test_level_is_named_as_it_is_written(void **state)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    (void)state;
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        assert_string_equal(log_level_name((enum log_level)i), names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_is_subsystem_and_text),
        cmocka_unit_test(test_line_without_subsystem_is_the_text_alone),
        cmocka_unit_test(test_levels_above_the_set_one_are_dropped),
        cmocka_unit_test(test_without_a_log_nothing_is_said),
        cmocka_unit_test(test_errno_is_kept),
        cmocka_unit_test(test_longer_line_is_cut),
        cmocka_unit_test(test_newlines_do_not_make_lines),
        cmocka_unit_test(test_level_is_named_as_it_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
