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

static void test_each_policy_has_its_word(void **state)
{
    (void)state;
    assert_string_equal(policy_write_name(POLICY_WRITE_NONE), "none");
    assert_string_equal(policy_write_name(POLICY_WRITE_CREATE), "create");
    assert_string_equal(policy_write_name(POLICY_WRITE_REPLACE), "replace");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_refuses_every_upload),
        cmocka_unit_test(test_create_takes_new_names_only),
        cmocka_unit_test(test_replace_takes_new_and_existing_names),
        cmocka_unit_test(test_each_policy_has_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
