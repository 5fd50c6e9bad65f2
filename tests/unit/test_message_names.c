/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/message.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A string literal as bytes, without the NUL that C adds. */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static uint8_t *held; /* the payload of the last payload() */

static int free_payload(void **state)
{
    (void)state;
    free(held);
    held = NULL;
    return 0;
}

/* A heap block of exactly that many bytes, so that a read past the end is caught. */
static struct wherry_view payload(const uint8_t *bytes, size_t len)
{
    (void)free_payload(NULL);
    held = malloc(len > 0 ? len : 1);
    assert_non_null(held);
    if (len > 0) {
        memcpy(held, bytes, len);
    }
    return (struct wherry_view){.bytes = held, .len = len};
}

static void expect_view(struct wherry_view v, const uint8_t *bytes, size_t len)
{
    assert_int_equal(v.len, len);
    assert_memory_equal(v.bytes, bytes, len);
}

static void test_entries_are_walked_one_by_one(void **state)
{
    struct wherry_view rest = payload(BYTES("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\1f"
                                            "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\3d\\e"));
    struct wherry_message_entry m;

    (void)state;
    assert_int_equal(wherry_message_next_entry(&rest, &m), RES_OK);
    assert_int_equal(m.kind, WHERRY_KIND_FILE);
    assert_int_equal(m.size, 2);
    assert_int_equal(m.mtime_ns, 3);
    expect_view(m.name, BYTES("f"));
    assert_int_equal(wherry_message_next_entry(&rest, &m), RES_OK);
    assert_int_equal(m.kind, WHERRY_KIND_DIRECTORY);
    assert_int_equal(m.mtime_ns, 4);
    expect_view(m.name, BYTES("d\\e"));
    assert_int_equal(rest.len, 0);
}

static void expect_bad_entry(const uint8_t *bytes, size_t len)
{
    struct wherry_view rest = payload(bytes, len);
    struct wherry_message_entry m;
    struct wherry_message_entry before;

    memset(&m, 0x5a, sizeof(m));
    memcpy(&before, &m, sizeof(m));
    assert_int_equal(wherry_message_next_entry(&rest, &m), RES_PROTOCOL);
    assert_memory_equal(&m, &before, sizeof(m));
    assert_ptr_equal(rest.bytes, held);
    assert_int_equal(rest.len, len);
}

static void test_entry_cut_short_is_malformed(void **state)
{
    const uint8_t entry[] = "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\2ab";

    (void)state;
    for (size_t len = 0; len < sizeof(entry) - 1; len++) {
        expect_bad_entry(entry, len);
    }
    expect_bad_entry(BYTES("\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\2ab"));
}

#define FACTS "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3"

static void test_entry_names_nothing_outside_its_directory(void **state)
{
    uint8_t longest[17 + 2 + 256] = FACTS;
    struct wherry_view rest;
    struct wherry_message_entry m;

    (void)state;
    expect_bad_entry(BYTES(FACTS "\0\0"));
    expect_bad_entry(BYTES(FACTS "\0\1."));
    expect_bad_entry(BYTES(FACTS "\0\2.."));
    expect_bad_entry(BYTES(FACTS "\0\3a/b"));
    expect_bad_entry(BYTES(FACTS "\0\2/a"));
    expect_bad_entry(BYTES(FACTS "\0\3a\0b"));
    expect_bad_entry(BYTES(FACTS "\0\11.wherry-1"));
    memset(longest + 17, 'a', 2 + 256);
    memcpy(longest + 17, "\1\0", 2); /* 256 */
    expect_bad_entry(longest, sizeof(longest));
    memcpy(longest + 17, "\0\xff", 2);
    rest = payload(longest, sizeof(longest) - 1);
    assert_int_equal(wherry_message_next_entry(&rest, &m), RES_OK);
    assert_int_equal(m.name.len, 255);
}

static enum res check(const uint8_t *bytes, size_t len)
{
    return wherry_message_check_path(payload(bytes, len));
}

static void test_paths_of_any_bytes_are_allowed(void **state)
{
    (void)state;
    assert_int_equal(check(BYTES("")), RES_OK);
    assert_int_equal(check(BYTES("a")), RES_OK);
    assert_int_equal(check(BYTES("a/b.c/...")), RES_OK);
    assert_int_equal(check(BYTES("..a/b../.c/ /-")), RES_OK);
    assert_int_equal(check(BYTES("\\..\\a")), RES_OK);
    assert_int_equal(check(BYTES("\xff\n\x01")), RES_OK);
    assert_int_equal(check(BYTES(".wherry/a.wherry-b/.Wherry-c")), RES_OK);
}

static void test_empty_and_dot_components_are_not_allowed(void **state)
{
    (void)state;
    assert_int_equal(check(BYTES("/")), RES_NAME);
    assert_int_equal(check(BYTES("/a")), RES_NAME);
    assert_int_equal(check(BYTES("a/")), RES_NAME);
    assert_int_equal(check(BYTES("a//b")), RES_NAME);
    assert_int_equal(check(BYTES(".")), RES_NAME);
    assert_int_equal(check(BYTES("..")), RES_NAME);
    assert_int_equal(check(BYTES("a/./b")), RES_NAME);
    assert_int_equal(check(BYTES("a/../b")), RES_NAME);
    assert_int_equal(check(BYTES("a/..")), RES_NAME);
}

static void test_names_of_uploads_in_progress_are_not_allowed(void **state)
{
    (void)state;
    assert_int_equal(check(BYTES(".wherry-")), RES_NAME);
    assert_int_equal(check(BYTES(".wherry-x")), RES_NAME);
    assert_int_equal(check(BYTES("a/.wherry-x/b")), RES_NAME);
}

static void test_nul_is_not_allowed(void **state)
{
    (void)state;
    assert_int_equal(check(BYTES("\0")), RES_NAME);
    assert_int_equal(check(BYTES("a\0")), RES_NAME);
    assert_int_equal(check(BYTES("a/b\0c")), RES_NAME);
}

static void test_components_end_at_255_bytes_and_paths_at_1024(void **state)
{
    uint8_t path[1025];

    (void)state;
    memset(path, 'a', sizeof(path));
    assert_int_equal(check(path, 255), RES_OK);
    assert_int_equal(check(path, 256), RES_NAME);
    path[255] = path[511] = path[767] = '/';
    assert_int_equal(check(path, 1023), RES_OK); /* four of 255 */
    assert_int_equal(check(path, 1024), RES_NAME);
    path[767] = 'a';
    path[766] = '/';
    path[1021] = '/';
    assert_int_equal(check(path, 1024), RES_OK);
    assert_int_equal(check(path, 1025), RES_NAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_entries_are_walked_one_by_one, free_payload),
        cmocka_unit_test_teardown(test_entry_cut_short_is_malformed, free_payload),
        cmocka_unit_test_teardown(test_entry_names_nothing_outside_its_directory, free_payload),
        cmocka_unit_test_teardown(test_paths_of_any_bytes_are_allowed, free_payload),
        cmocka_unit_test_teardown(test_empty_and_dot_components_are_not_allowed, free_payload),
        cmocka_unit_test_teardown(test_names_of_uploads_in_progress_are_not_allowed, free_payload),
        cmocka_unit_test_teardown(test_nul_is_not_allowed, free_payload),
        cmocka_unit_test_teardown(test_components_end_at_255_bytes_and_paths_at_1024, free_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
