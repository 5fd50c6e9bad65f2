/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wherry/options.h>

#include "base/number.h"
#include "server/option_rows.h"
#include "support/config_story.h"

static void test_mtu_clamps_and_a_number_does_not(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "blksize-max = mtu\n");
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_true(f->config->blksize_mtu);
    READ(f, "--config", f->path, "--blksize-max", "1024");
    config_story_expect_ok(f);
    assert_false(f->config->blksize_mtu);
    assert_int_equal(f->config->blksize_max, 1024);
}

static void test_command_line_wins_over_file_and_file_over_default(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "patience = 7s\nwindowsize-max = 9\nroot = \"/from/file\"\n");
    READ(f, "--windowsize-max", "5", "-c", f->path, "-r", "/from/words");
    config_story_expect_ok(f);
    assert_int_equal(f->config->patience_ns, 7 * NUMBER_SECOND);
    assert_int_equal(f->config->windowsize_max, 5);
    assert_string_equal(f->config->root, "/from/words");
    assert_string_equal(f->config->file, f->path);
}

static void test_last_of_repeated_options_counts(void **state)
{
    struct config_story *f = *state;

    READ(f, "--config", "/dev/null", "-w", "create", "--write", "replace");
    config_story_expect_ok(f);
    assert_int_equal(f->config->write, POLICY_WRITE_REPLACE);
}

static void test_listen_is_a_list_in_file_and_repeatable_as_option(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "listen = {\"tftp://127.0.0.1:1069\",\n  \"tftp://[::1]:2069\"}\n");
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(f->config->endpoint_count, 2);
    assert_string_equal(f->config->endpoint_urls[1], "tftp://[::1]:2069");
    assert_int_equal(addr_port(&f->config->endpoints[1].addr), 2069);
    assert_false(f->config->endpoints_preset);

    /* The command line's list takes the place of the file's. */
    READ(f, "--config", f->path, "--listen", "tftp://127.0.0.2:3069", "-l", "tftp://127.0.0.3:4069",
         "-l", "tftp://127.0.0.4:5069");
    config_story_expect_ok(f);
    assert_int_equal(f->config->endpoint_count, 3);
    assert_string_equal(f->config->endpoint_urls[0], "tftp://127.0.0.2:3069");
    assert_string_equal(f->config->endpoint_urls[2], "tftp://127.0.0.4:5069");
}

static void test_wrong_value_in_a_list_names_its_own_line(void **state)
{
    struct config_story *f = *state;
    char place[2 * PATH_BYTES];

    config_story_write(f, "listen = {\"tftp://127.0.0.1:1069\",\n  \"tftp:/[::1]:2069\"}\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:2: listen: ", f->path);
    config_story_expect_refused(f, place);
}

static void test_empty_list_of_endpoints_is_refused(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "listen = {}\n");
    READ(f, "--config", f->path);
    config_story_expect_refused(f, "at least one tftp://ADDR:PORT or wherry://ADDR:PORT");
}

static void test_options_to_refuse_are_a_list_in_the_file(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "refuse-options = {\"tsize\", \"windowsize\"}\n");
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(f->config->refuse_options, 1u << WHERRY_TSIZE | 1u << WHERRY_WINDOWSIZE);
    READ(f, "--config", f->path, "--refuse-options", "");
    config_story_expect_ok(f);
    assert_int_equal(f->config->refuse_options, 0);
}

static void test_unknown_key_names_line_key_and_all_keys(void **state)
{
    struct config_story *f = *state;
    char place[2 * PATH_BYTES];
    size_t count;
    const struct option_row *rows = option_rows(&count);

    config_story_write(f, "root = \"/\"\nrooot = \"/\"\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:2: ", f->path);
    config_story_expect_refused(f, place);
    config_story_expect_refused(f, "'rooot'");
    for (size_t i = 0; i < count; i++) {
        if (option_in_file(&rows[i])) {
            config_story_expect_refused(f, rows[i].name);
        }
    }
}

static void test_options_of_the_command_line_are_no_keys(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "check = 1\n");
    READ(f, "--config", f->path);
    config_story_expect_refused(f, "'check'");
}

static void test_syntax_error_names_the_line(void **state)
{
    struct config_story *f = *state;
    char place[2 * PATH_BYTES];

    config_story_write(f, "\n\nroot \"/\"\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:3: ", f->path);
    config_story_expect_refused(f, place);
    config_story_write(f, "umask = 022\nroot = \"never closed\npatience = 7s\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:2: this string is never closed", f->path);
    config_story_expect_refused(f, place);
    config_story_write(f, "patience = 7s\n"); /* and nothing of it is left */
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_int_equal(f->config->patience_ns, 7 * NUMBER_SECOND);
}

static void test_comments_do_not_move_the_line_of_an_error(void **state)
{
    struct config_story *f = *state;
    char place[2 * PATH_BYTES];

    config_story_write(
        f, "# one\n//two\n/* three\n   four */ patience = 7s # five\n\npatience = 0s\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:6: patience: ", f->path);
    config_story_expect_refused(f, place);
    config_story_write(f, "# one\n# two\npatiense = 7s\n");
    READ(f, "--config", f->path);
    snprintf(place, sizeof(place), "%s:3: ", f->path);
    config_story_expect_refused(f, place);
}

static void test_file_with_nul_bytes_is_refused(void **state)
{
    struct config_story *f = *state;
    FILE *file = fopen(f->path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite("umask = 0\0007\n", 1, 13, file), 13);
    assert_int_equal(fclose(file), 0);
    READ(f, "--config", f->path);
    config_story_expect_refused(f, "it holds NUL bytes");
}

static void test_missing_file_is_an_error_when_it_was_named(void **state)
{
    struct config_story *f = *state;

    READ(f, "--config", f->path);
    assert_int_equal(f->r, RES_NOT_FOUND);
    assert_non_null(strstr(f->why, f->path));
    READ(f, "--config", f->dir);
    assert_int_equal(f->r, RES_IS_DIR);
    assert_non_null(strstr(f->why, f->dir));
}

static void test_unknown_option_is_named(void **state)
{
    struct config_story *f = *state;

    READ(f, "--rooot", "/srv");
    config_story_expect_refused(f, "unknown option \"--rooot\"");
    READ(f, "--write", "none", "-z");
    config_story_expect_refused(f, "unknown option -z");
    READ(f, "-Vz"); /* also behind a good one */
    config_story_expect_refused(f, "unknown option -z");
}

static void test_ambiguous_option_lists_what_it_could_be(void **state)
{
    struct config_story *f = *state;

    READ(f, "--u=x");
    config_story_expect_refused(
        f, "one of --user, --umask, --upload-mode, --upload-max, --upload-keep, "
           "--upload-kept-total, --user-timeout");
    READ(f, "--pat", "7s", "--config", "/dev/null");
    config_story_expect_ok(f);
    assert_int_equal(f->config->patience_ns, 7 * NUMBER_SECOND);
}

static void test_missing_value_says_what_is_expected(void **state)
{
    struct config_story *f = *state;

    READ(f, "--windowsize-max");
    config_story_expect_refused(f, "--windowsize-max needs a value: a number from 1 to 32767");
    READ(f, "-w");
    config_story_expect_refused(f, "--write needs a value: one of none, create, replace");
}

static void test_superfluous_words_are_refused(void **state)
{
    struct config_story *f = *state;

    READ(f, "/srv/tftp");
    config_story_expect_refused(f, "unexpected argument \"/srv/tftp\"");
    READ(f, "--check=yes");
    config_story_expect_refused(f, "--check takes no value");
}

static void test_control_characters_of_a_value_are_quoted(void **state)
{
    struct config_story *f = *state;

    READ(f, "--write", "a\033[2J\n\"");
    config_story_expect_refused(f, "\"a\\x1b[2J\\x0a\\\"\"");
}

static void test_actions_are_told(void **state)
{
    struct config_story *f = *state;

    READ(f, "--check", "--config", "/dev/null");
    config_story_expect_ok(f);
    assert_int_equal(f->wish.action, CONFIG_CHECK);
    READ(f, "--help", "--check");
    assert_int_equal(f->r, RES_OK);
    assert_null(f->config);
    assert_int_equal(f->wish.action, CONFIG_HELP);
    READ(f, "--check", "-V");
    assert_int_equal(f->r, RES_OK);
    assert_int_equal(f->wish.action, CONFIG_VERSION);
}

static void test_reading_again_sees_the_new_file_and_the_same_words(void **state)
{
    struct config_story *f = *state;

    config_story_write(f, "windowsize-max = 9\n");
    READ(f, "--config", f->path, "--patience", "7s");
    config_story_expect_ok(f);
    config_story_write(f, "windowsize-max = 10\n");
    READ(f, "--config", f->path, "--patience", "7s");
    config_story_expect_ok(f);
    assert_int_equal(f->config->windowsize_max, 10);
    assert_int_equal(f->config->patience_ns, 7 * NUMBER_SECOND);
}

static void test_failed_reading_leaves_the_old_configuration(void **state)
{
    struct config_story *f = *state;
    struct config *before;
    char *argv[] = {(char *)(uintptr_t) "wherryd", (char *)(uintptr_t) "--config", f->path, NULL};

    config_story_write(f, "windowsize-max = 9\n");
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    before = f->config;
    config_story_write(f, "windowsize-max = many\n");
    assert_int_equal(config_read(3, argv, &f->config, &f->wish, f->why, sizeof(f->why)),
                     RES_PROTOCOL);
    assert_ptr_equal(f->config, before);
    assert_int_equal(f->config->windowsize_max, 9);
}

static void test_printed_settings_are_a_configuration_file(void **state)
{
    struct config_story *f = *state;
    char *first;
    char *second;

    READ(f, "--config", "/dev/null", "--root", "/odd \"name\" \\ ${HOME}", "--user", "x",
         "--listen", "tftp://127.0.0.1:1", "--listen", "tftp://[::1]:2", "--refuse-options",
         "tsize,rollover", "--listen", "wherry://127.0.0.1:3", "--upload-max", "123456789",
         "--patience", "1500ms", "--window-bytes-max", "5000", "--umask", "7");
    config_story_expect_ok(f);
    first = config_story_print(f);
    config_story_write(f, first);
    READ(f, "--config", f->path);
    config_story_expect_ok(f);
    assert_string_equal(f->config->root, "/odd \"name\" \\ ${HOME}");
    second = config_story_print(f);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void test_help_holds_every_option_and_its_default(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    size_t count;
    const struct option_row *rows = option_rows(&count);

    (void)state;
    assert_non_null(to);
    config_print_help(to);
    assert_int_equal(fclose(to), 0);
    for (size_t i = 0; i < count; i++) {
        char part[PATH_BYTES];
        const char *at;

        snprintf(part, sizeof(part), "--%s%s%s", rows[i].name, rows[i].argument != NULL ? " " : "",
                 rows[i].argument != NULL ? rows[i].argument : "");
        at = strstr(text, part);
        assert_non_null(at);
        assert_non_null(strstr(at, rows[i].help));
        if (rows[i].preset != NULL) {
            assert_non_null(strstr(at, rows[i].preset));
        }
    }
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_story_setup, config_story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mtu_clamps_and_a_number_does_not),
        TEST(test_command_line_wins_over_file_and_file_over_default),
        TEST(test_last_of_repeated_options_counts),
        TEST(test_listen_is_a_list_in_file_and_repeatable_as_option),
        TEST(test_wrong_value_in_a_list_names_its_own_line),
        TEST(test_empty_list_of_endpoints_is_refused),
        TEST(test_options_to_refuse_are_a_list_in_the_file),
        TEST(test_unknown_key_names_line_key_and_all_keys),
        TEST(test_options_of_the_command_line_are_no_keys),
        TEST(test_syntax_error_names_the_line),
        TEST(test_comments_do_not_move_the_line_of_an_error),
        TEST(test_file_with_nul_bytes_is_refused),
        TEST(test_missing_file_is_an_error_when_it_was_named),
        TEST(test_unknown_option_is_named),
        TEST(test_ambiguous_option_lists_what_it_could_be),
        TEST(test_missing_value_says_what_is_expected),
        TEST(test_superfluous_words_are_refused),
        TEST(test_control_characters_of_a_value_are_quoted),
        TEST(test_actions_are_told),
        TEST(test_reading_again_sees_the_new_file_and_the_same_words),
        TEST(test_failed_reading_leaves_the_old_configuration),
        TEST(test_printed_settings_are_a_configuration_file),
        TEST(test_help_holds_every_option_and_its_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
