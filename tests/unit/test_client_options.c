/* SPDX-License-Identifier: BSD-2-Clause */
/* The option table of wherry(1) and how the command line is read through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "client/option_rows.h"

#define WORDS_MAX 16

struct parsed {
    struct client_settings settings;
    char *operands[WORDS_MAX];
    size_t count;
    uint32_t given;
    bool ok;
    char why[OPTION_WHY_BYTES];
};

/* Splits at spaces. */
static struct parsed parse(const char *line)
{
    static char text[512]; /* operands point into it until the next call */
    struct parsed p = {.why = ""};
    char *argv[WORDS_MAX] = {NULL};
    char *save = NULL;
    int argc = 0;

    (void)snprintf(text, sizeof(text), "wherry %s", line);
    for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    p.ok = option_parse(argc, argv, &p.settings, p.operands, &p.count, &p.given, p.why);
    return p;
}

static struct parsed accepted(const char *line)
{
    struct parsed p = parse(line);

    if (!p.ok) {
        fail_msg("%s: %s", line, p.why);
    }
    return p;
}

static void refused(const char *line, const char *message)
{
    struct parsed p = parse(line);

    assert_false(p.ok);
    assert_string_equal(p.why, message);
}

static void test_defaults_hold_without_options(void **state)
{
    struct parsed p = accepted("get u");

    (void)state;
    assert_int_equal(p.settings.blksize, 0);
    assert_int_equal(p.settings.windowsize, 0);
    assert_int_equal(p.settings.tftp_timeout_s, 0);
    assert_int_equal(p.settings.patience_ns, 60 * NUMBER_SECOND);
    assert_false(p.settings.no_options || p.settings.quiet || p.settings.verbose);
    assert_int_equal(p.given, 0);
}

static void test_options_stand_before_and_after_operands(void **state)
{
    struct parsed p = accepted("-v get --blksize 1024 tftp://h/x --windowsize=4 local -4");

    (void)state;
    assert_int_equal(p.count, 3);
    assert_string_equal(p.operands[0], "get");
    assert_string_equal(p.operands[1], "tftp://h/x");
    assert_string_equal(p.operands[2], "local");
    assert_true(p.settings.verbose && p.settings.ipv4);
    assert_int_equal(p.settings.blksize, 1024);
    assert_int_equal(p.settings.windowsize, 4);
}

/* Scripts may run in an environment that asks getopt to stop at the first operand. */
static void test_posixly_correct_changes_nothing(void **state)
{
    struct parsed p;

    (void)state;
    assert_int_equal(setenv("POSIXLY_CORRECT", "1", 1), 0);
    p = accepted("get u --quiet");
    assert_int_equal(unsetenv("POSIXLY_CORRECT"), 0);
    assert_true(p.settings.quiet);
    assert_int_equal(p.count, 2);
}

static void test_minus_is_an_operand(void **state)
{
    struct parsed p = accepted("get u - -q");

    (void)state;
    assert_int_equal(p.count, 3);
    assert_string_equal(p.operands[2], "-");
}

static void test_two_minuses_end_the_options(void **state)
{
    struct parsed p = accepted("put -q -- -v u");

    (void)state;
    assert_int_equal(p.count, 3);
    assert_string_equal(p.operands[1], "-v");
    assert_false(p.settings.verbose);
}

static void test_letters_may_be_joined(void **state)
{
    struct parsed p = accepted("get -4v u");

    (void)state;
    assert_true(p.settings.ipv4 && p.settings.verbose);
}

static void test_numbers_outside_their_range_are_refused(void **state)
{
    (void)state;
    refused("--blksize 7", "--blksize: \"7\" is not a number from 8 to 65464");
    refused("--blksize 65465", "--blksize: \"65465\" is not a number from 8 to 65464");
    refused("--blksize=-8", "--blksize: \"-8\" is not a number from 8 to 65464");
    refused("--blksize=", "--blksize: \"\" is not a number from 8 to 65464");
    refused("--windowsize 0", "--windowsize: \"0\" is not a number from 1 to 32767");
    refused("--windowsize 1k", "--windowsize: \"1k\" is not a number from 1 to 32767");
    refused("--tftp-timeout 256", "--tftp-timeout: \"256\" is not a number from 1 to 255");
    assert_int_equal(accepted("--blksize 8").settings.blksize, 8);
    assert_int_equal(accepted("--blksize 65464").settings.blksize, 65464);
    assert_int_equal(accepted("--windowsize 32767").settings.windowsize, 32767);
    assert_int_equal(accepted("--tftp-timeout 255").settings.tftp_timeout_s, 255);
}

static void test_times_are_seconds_or_carry_a_unit(void **state)
{
    (void)state;
    assert_int_equal(accepted("--timeout 2m").settings.patience_ns, 120 * NUMBER_SECOND);
    assert_int_equal(accepted("--timeout 5").settings.patience_ns, 5 * NUMBER_SECOND);
    refused("--timeout 10ms",
            "--timeout: \"10ms\" is not a time from 1s to 24h, such as 30s or 2m");
}

static void test_unknown_and_incomplete_options_are_named(void **state)
{
    (void)state;
    refused("get --nothing", "unknown option \"--nothing\"");
    refused("get -z", "unknown option -z");
    refused("get --blksize", "--blksize needs a value: a number from 8 to 65464");
    refused("get --quiet=yes", "--quiet takes no value");
}

static void test_beginning_of_several_options_names_them(void **state)
{
    (void)state;
    refused("get --no", "ambiguous option \"--no\": one of --no-options, --no-clobber, "
                        "--no-replace");
    refused("get --ver=1", "ambiguous option \"--ver=1\": one of --verify, --verbose, --version");
    assert_true(accepted("get --no-o u").settings.no_options);
}

/* What a terminal would obey is shown. */
static void test_words_are_quoted_in_messages(void **state)
{
    (void)state;
    refused("--\033[31m", "unknown option \"--\\x1b[31m\"");
    refused("-\033", "unknown option -\\x1b");
    refused("--blksize \033c", "--blksize: \"\\x1bc\" is not a number from 8 to 65464");
}

static bool checks(const char *line, unsigned command, const char *word)
{
    struct parsed p = accepted(line);
    char why[OPTION_WHY_BYTES] = "";
    bool ok = option_check(&p.settings, p.given, command, "this", why);

    if (!ok) {
        assert_non_null(strstr(why, word));
    }
    return ok;
}

static void test_options_of_another_command_are_refused(void **state)
{
    (void)state;
    assert_true(checks("--strict-size --no-clobber", OPTION_OF_GET, ""));
    assert_false(checks("--strict-size", OPTION_OF_PUT, "--strict-size means nothing to this"));
    assert_false(checks("--no-clobber", OPTION_OF_PUT, "--no-clobber"));
}

static void test_looking_and_moving_have_options_of_their_own(void **state)
{
    (void)state;
    assert_true(checks("--json -1 --timeout 5 -4 -v", OPTION_OF_LIST, ""));
    assert_true(checks("--json", OPTION_OF_STAT, ""));
    assert_true(checks("--json", OPTION_OF_HASH, ""));
    assert_true(checks("--resume --verify -r --no-replace", OPTION_OF_PUT, ""));
    assert_true(checks("--resume --verify -r --no-clobber", OPTION_OF_GET, ""));
    assert_false(checks("--json", OPTION_OF_GET, "--json means nothing to this"));
    assert_false(checks("-1", OPTION_OF_STAT, "--names-only"));
    assert_false(checks("-r", OPTION_OF_LIST, "--recursive"));
    assert_false(checks("--no-replace", OPTION_OF_GET, "--no-replace"));
}

static void test_options_of_the_other_protocol_are_refused(void **state)
{
    static const char *const tftp[] = {"--blksize 512", "--windowsize 1", "--tftp-timeout 1",
                                       "--no-options", "--strict-size"};
    static const char *const wherry[] = {"--no-replace", "--resume", "--verify", "-r"};
    char why[OPTION_WHY_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(tftp) / sizeof(tftp[0]); i++) {
        uint32_t given = accepted(tftp[i]).given;

        assert_true(option_check_url(given, URL_TFTP, why));
        assert_false(option_check_url(given, URL_WHERRY, why));
        assert_non_null(strstr(why, "means nothing to wherry://, it is for tftp://"));
    }
    for (size_t i = 0; i < sizeof(wherry) / sizeof(wherry[0]); i++) {
        uint32_t given = accepted(wherry[i]).given;

        assert_true(option_check_url(given, URL_WHERRY, why));
        assert_false(option_check_url(given, URL_TFTP, why));
        assert_non_null(strstr(why, "means nothing to tftp://, it is for wherry://"));
    }
    assert_true(option_check_url(accepted("-4 -v --timeout 3s --no-clobber").given, URL_TFTP, why));
    assert_true(
        option_check_url(accepted("-4 -v --timeout 3s --no-clobber").given, URL_WHERRY, why));
}

static void test_options_that_contradict_are_refused(void **state)
{
    (void)state;
    assert_false(checks("-4 -6", OPTION_OF_GET, "-4 and -6"));
    assert_false(checks("-q -v", OPTION_OF_GET, "-q and -v"));
    assert_false(checks("--no-options --blksize 512", OPTION_OF_GET, "--no-options"));
    assert_false(checks("--no-options --windowsize 1", OPTION_OF_GET, "--no-options"));
    assert_false(checks("--no-options --tftp-timeout 1", OPTION_OF_GET, "--no-options"));
    assert_true(checks("--no-options -v -6 --timeout 3s", OPTION_OF_GET, ""));
}

static void test_every_row_is_in_the_help_with_its_range(void **state)
{
    char help[8192] = "";
    FILE *out = fmemopen(help, sizeof(help), "w");

    (void)state;
    assert_non_null(out);
    option_print_help(out, OPTION_OF_ALL);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < option_row_count; i++) {
        char text[128];
        const struct option_row *row = &option_rows[i];

        (void)snprintf(text, sizeof(text), " --%s", row->name);
        assert_non_null(strstr(help, text));
        assert_non_null(strstr(help, row->help));
        if (row->letter != 0) {
            (void)snprintf(text, sizeof(text), "-%c, --%s", row->letter, row->name);
            assert_non_null(strstr(help, text));
        }
        if (row->kind == OPTION_NUMBER) {
            (void)snprintf(text, sizeof(text), "from %u to %u\n", (unsigned)row->lowest,
                           (unsigned)row->highest);
            assert_non_null(strstr(help, text));
        }
    }
    assert_non_null(strstr(help, "from 1s to 24h"));
}

static void test_help_fits_into_80_columns(void **state)
{
    char help[8192] = "";
    FILE *out = fmemopen(help, sizeof(help), "w");
    char *save = NULL;

    (void)state;
    assert_non_null(out);
    option_print_help(out, OPTION_OF_ALL);
    assert_int_equal(fclose(out), 0);
    for (char *line = strtok_r(help, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (strlen(line) >= 80) {
            fail_msg("%zu columns: %s", strlen(line), line);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_hold_without_options),
        cmocka_unit_test(test_options_stand_before_and_after_operands),
        cmocka_unit_test(test_posixly_correct_changes_nothing),
        cmocka_unit_test(test_minus_is_an_operand),
        cmocka_unit_test(test_two_minuses_end_the_options),
        cmocka_unit_test(test_letters_may_be_joined),
        cmocka_unit_test(test_numbers_outside_their_range_are_refused),
        cmocka_unit_test(test_times_are_seconds_or_carry_a_unit),
        cmocka_unit_test(test_unknown_and_incomplete_options_are_named),
        cmocka_unit_test(test_beginning_of_several_options_names_them),
        cmocka_unit_test(test_words_are_quoted_in_messages),
        cmocka_unit_test(test_options_of_another_command_are_refused),
        cmocka_unit_test(test_looking_and_moving_have_options_of_their_own),
        cmocka_unit_test(test_options_of_the_other_protocol_are_refused),
        cmocka_unit_test(test_options_that_contradict_are_refused),
        cmocka_unit_test(test_every_row_is_in_the_help_with_its_range),
        cmocka_unit_test(test_help_fits_into_80_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
