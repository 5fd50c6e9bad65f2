/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit codes as wherry(1) documents them, and what the user reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/outcome.h"

static struct outcome error_of(uint16_t code, const char *text)
{
    struct wherry_packet p = {
        .opcode = WHERRY_ERROR,
        .code = code,
        .bytes = {.bytes = (const uint8_t *)text, .len = strlen(text)},
    };
    struct outcome o;

    outcome_set_server_error(&o, &p);
    return o;
}

static void test_error_numbers_have_their_exit_codes(void **state)
{
    static const int expected[] = {8, 8, 6, 8, 7, 7, 8, 8, 7};

    (void)state;
    for (uint16_t code = 0; code <= 8; code++) {
        struct outcome o = error_of(code, "");

        assert_int_equal(outcome_exit_code(&o), expected[code]);
    }
}

/* Peers send numbers that no RFC knows. */
static void test_unknown_error_number_is_a_refusal(void **state)
{
    struct outcome o = error_of(4711, "odd");

    (void)state;
    assert_int_equal(outcome_exit_code(&o), 8);
}

static void test_sides_have_their_exit_codes(void **state)
{
    struct outcome o = {.side = OUTCOME_DONE};

    (void)state;
    assert_int_equal(outcome_exit_code(&o), 0);
    o = (struct outcome){.side = OUTCOME_LOCAL, .result = RES_NO_SPACE};
    assert_int_equal(outcome_exit_code(&o), 3);
    o = (struct outcome){.side = OUTCOME_NETWORK, .result = RES_TIMEOUT};
    assert_int_equal(outcome_exit_code(&o), 4);
    o = (struct outcome){.side = OUTCOME_PROTOCOL, .result = RES_OPTIONS};
    assert_int_equal(outcome_exit_code(&o), 7);
    o = (struct outcome){.side = OUTCOME_INTEGRITY, .result = RES_CHANGED};
    assert_int_equal(outcome_exit_code(&o), 9);
    o = (struct outcome){.side = OUTCOME_SIGNAL, .signum = 2};
    assert_int_equal(outcome_exit_code(&o), 130);
    o.signum = 15;
    assert_int_equal(outcome_exit_code(&o), 143);
    o = (struct outcome){.side = OUTCOME_LOCAL, .result = RES_NO_MEMORY};
    assert_int_equal(outcome_exit_code(&o), 1);
}

static struct outcome end_of(uint16_t status, const char *text)
{
    struct wherry_client_end end = {
        .result = RES_PEER,
        .status = status,
        .text = {.bytes = (const uint8_t *)text, .len = strlen(text)},
    };
    struct outcome o;

    outcome_set_end(&o, &end);
    return o;
}

/* The statuses in order, PROTOCOL (1) to OFFSET (19): as wherry(1) groups them. */
static void test_statuses_have_their_exit_codes(void **state)
{
    static const int expected[] = {
        0, 7, 8, 6, 8, 8, 8, 6, 8, 9, 8, 8, 9, 7, 6, 4, 8, 4, 8, 9,
    };

    (void)state;
    for (uint16_t status = 1; status < WHERRY_STATUS_COUNT; status++) {
        struct outcome o = end_of(status, "");

        assert_int_equal(outcome_exit_code(&o), expected[status]);
    }
}

static void test_unknown_status_is_a_refusal(void **state)
{
    struct outcome o = end_of(4711, "odd");
    char text[OUTCOME_PRINT_BYTES];

    (void)state;
    assert_int_equal(outcome_exit_code(&o), 8);
    assert_string_equal(outcome_print(&o, text), "the server refuses (server says: \"odd\")");
}

static void test_text_of_an_end_is_quoted_or_its_status_shown(void **state)
{
    struct outcome o = end_of(WHERRY_STATUS_NOT_FOUND, "no \033[2J");
    char text[OUTCOME_PRINT_BYTES];

    (void)state;
    assert_string_equal(outcome_print(&o, text),
                        "no such file or directory (server says: \"no \\x1b[2J\")");
    o = end_of(WHERRY_STATUS_NO_SPACE, "");
    assert_string_equal(outcome_print(&o, text),
                        "the server has no room for it (status 6 without a text)");
}

static void test_text_of_the_server_is_quoted(void **state)
{
    struct outcome o = error_of(1, "File \"x\" not\nfound\033[2J");
    char text[OUTCOME_PRINT_BYTES];

    (void)state;
    assert_string_equal(
        outcome_print(&o, text),
        "no such file or directory (server says: \"File \\\"x\\\" not\\x0afound\\x1b[2J\")");
}

static void test_local_failures_are_told_as_the_file_system_would(void **state)
{
    struct outcome o = {.side = OUTCOME_LOCAL, .result = RES_NOT_FOUND, .detail = "no/such/x"};
    char text[OUTCOME_PRINT_BYTES];

    (void)state;
    assert_string_equal(outcome_print(&o, text), "no/such/x: no such directory");
    o.result = RES_DENIED;
    assert_string_equal(outcome_print(&o, text), "no/such/x: permission denied");
    o.result = RES_NO_SPACE;
    assert_string_equal(outcome_print(&o, text), "no/such/x: no space left");
}

static void test_error_without_text_shows_its_number(void **state)
{
    struct outcome o = error_of(3, "");
    char text[OUTCOME_PRINT_BYTES];

    (void)state;
    assert_non_null(strstr(outcome_print(&o, text), "ERROR 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_numbers_have_their_exit_codes),
        cmocka_unit_test(test_unknown_error_number_is_a_refusal),
        cmocka_unit_test(test_sides_have_their_exit_codes),
        cmocka_unit_test(test_statuses_have_their_exit_codes),
        cmocka_unit_test(test_unknown_status_is_a_refusal),
        cmocka_unit_test(test_text_of_an_end_is_quoted_or_its_status_shown),
        cmocka_unit_test(test_text_of_the_server_is_quoted),
        cmocka_unit_test(test_local_failures_are_told_as_the_file_system_would),
        cmocka_unit_test(test_error_without_text_shows_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
