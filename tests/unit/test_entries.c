/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/entries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct wherry_view view(const char *text)
{
    return (struct wherry_view){.bytes = (const uint8_t *)text, .len = strlen(text)};
}

static void test_none_has_no_first(void **state)
{
    struct entries n = {0};
    struct entries_item item;
    size_t at = 0;

    (void)state;
    assert_false(entries_next(&n, &at, &item));
    entries_free(&n);
}

static void test_items_come_back_in_their_order(void **state)
{
    struct entries n = {0};
    struct entries_item item;
    size_t at = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(name, sizeof(name), "\xff\n\\%d", i);
        assert_int_equal(
            entries_add(&n, i % 2 == 0 ? WHERRY_KIND_FILE : WHERRY_KIND_DIRECTORY, view(name)),
            RES_OK);
    }
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(name, sizeof(name), "\xff\n\\%d", i);
        assert_true(entries_next(&n, &at, &item));
        assert_string_equal(item.name, name);
        assert_int_equal(item.kind, i % 2 == 0 ? WHERRY_KIND_FILE : WHERRY_KIND_DIRECTORY);
    }
    assert_false(entries_next(&n, &at, &item));
    entries_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_has_no_first),
        cmocka_unit_test(test_items_come_back_in_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
