/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/errno_res.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_each_errno_has_its_result(void **state)
{
    /* clang-format off */
    static const struct {
        int error;
        enum res res;
    } rows[] = {
        {ENOENT,       RES_NOT_FOUND}, {ENOTDIR, RES_NOT_FOUND}, {EXDEV,  RES_NOT_FOUND},
        {EISDIR,       RES_IS_DIR},
        {EACCES,       RES_DENIED},    {EPERM,   RES_DENIED},    {EROFS,  RES_DENIED},
        {ELOOP,        RES_DENIED},
        {ENAMETOOLONG, RES_NAME},
        {EEXIST,       RES_EXISTS},
        {ENOSPC,       RES_NO_SPACE},  {EDQUOT,  RES_NO_SPACE},
        {EFBIG,        RES_TOO_LARGE},
        {EMFILE,       RES_BUSY},      {ENFILE,  RES_BUSY},      {EAGAIN, RES_BUSY},
        {ENOMEM,       RES_NO_MEMORY},
        {EPIPE,        RES_LOST},
        {EIO,          RES_IO},        {ESTALE,  RES_IO},        {0,      RES_IO},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(res_from_errno(rows[i].error), rows[i].res);
    }
}

static void test_each_result_has_words_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < RES_COUNT; i++) {
        const char *text = wherry_res_text((enum res)i);

        assert_non_null(text);
        assert_true(strlen(text) > 0);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(text, wherry_res_text((enum res)j));
        }
    }
}

static void test_result_outside_the_list_has_words_too(void **state)
{
    (void)state;
    assert_string_equal(wherry_res_text(RES_COUNT), "unknown result");
    assert_string_equal(wherry_res_text((enum res)1000), "unknown result");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_errno_has_its_result),
        cmocka_unit_test(test_each_result_has_words_of_its_own),
        cmocka_unit_test(test_result_outside_the_list_has_words_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
