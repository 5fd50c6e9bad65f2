/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_none_refuses_every_upload(void **state)
{
    (void)state;
    assert_int_equal(policy_judge_write(POLICY_WRITE_NONE, false), RES_DENIED);
    assert_int_equal(policy_judge_write(POLICY_WRITE_NONE, true), RES_DENIED);
}

static void test_create_takes_new_names_only(void **state)
{
    (void)state;
    assert_int_equal(policy_judge_write(POLICY_WRITE_CREATE, false), RES_OK);
    assert_int_equal(policy_judge_write(POLICY_WRITE_CREATE, true), RES_EXISTS);
}

static void test_replace_takes_new_and_existing_names(void **state)
{
    (void)state;
    assert_int_equal(policy_judge_write(POLICY_WRITE_REPLACE, false), RES_OK);
    assert_int_equal(policy_judge_write(POLICY_WRITE_REPLACE, true), RES_OK);
}

static void test_each_word_is_read_as_it_is_printed(void **state)
{
    static const char *const words[] = {"none", "create", "replace"};
    enum policy_write w;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(policy_write_parse(words[i], &w));
        assert_int_equal(w, i);
        assert_string_equal(policy_write_name(w), words[i]);
    }
}

static void test_other_words_are_refused(void **state)
{
    static const char *const words[] = {"", "all", "Create", "create ", "no", "nonetheless"};
    enum policy_write w = POLICY_WRITE_NONE;

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_false(policy_write_parse(words[i], &w));
    }
    assert_int_equal(w, POLICY_WRITE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_refuses_every_upload),
        cmocka_unit_test(test_create_takes_new_names_only),
        cmocka_unit_test(test_replace_takes_new_and_existing_names),
        cmocka_unit_test(test_each_word_is_read_as_it_is_printed),
        cmocka_unit_test(test_other_words_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
