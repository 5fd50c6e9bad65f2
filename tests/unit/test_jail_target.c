/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/jail.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/jail_root.h"
#include "support/scratch.h"

static struct jail *jail;

static int setup(void **state)
{
    return jail_root_setup(state, &jail);
}

static int teardown(void **state)
{
    return jail_root_teardown(state, &jail);
}

/* The name leads to this file, which exists or not. */
static void leads_to(const char *name, const char *dir, const char *last, bool exists)
{
    struct jail_target t;
    struct stat found;
    struct stat expected;
    enum res r = jail_find_target(jail, name, NULL, &t);

    if (r != RES_OK) {
        fail_msg("'%s': %s", name, wherry_res_text(r));
    }
    assert_string_equal(t.last, last);
    assert_int_equal(t.exists, exists);
    assert_return_code(fstat(t.dir_fd, &found), errno);
    assert_return_code(stat(dir, &expected), errno);
    assert_int_equal(found.st_dev, expected.st_dev);
    assert_int_equal(found.st_ino, expected.st_ino);
    close(t.dir_fd);
}

static void leads_nowhere(const char *name, enum res why)
{
    struct jail_target t;
    enum res r = jail_find_target(jail, name, NULL, &t);

    if (r != why) {
        fail_msg("'%s': %s", name, wherry_res_text(r));
    }
}

static void test_an_upload_needs_its_directory(void **state)
{
    (void)state;
    leads_to("new", "root", "new", false);
    leads_to("//dir//new", "root/dir", "new", false);
    leads_to("file", "root", "file", true);
    leads_nowhere("none/new", RES_NOT_FOUND);
    leads_nowhere("file/new", RES_NOT_FOUND);
    leads_nowhere("new/", RES_NOT_FOUND);
}

static void test_an_upload_to_a_link_goes_where_it_leads(void **state)
{
    (void)state;
    scratch_link("dir/file", "root/link");
    scratch_link("/link", "root/dir/link-to-link");
    scratch_link("../dir/./new", "root/dir/dangling");
    scratch_link("../../../new", "root/dir/up");
    scratch_link("none/new", "root/lost");
    scratch_link("dir", "root/link-dir");
    leads_to("link", "root/dir", "file", true);
    leads_to("dir/link-to-link", "root/dir", "file", true);
    leads_to("dir/dangling", "root/dir", "new", false);
    leads_to("dir/up", "root", "new", false);
    leads_to("link-dir/new", "root/dir", "new", false);
    leads_to("link-dir/up", "root", "new", false);
    leads_nowhere("lost", RES_NOT_FOUND);
    leads_nowhere("link-dir", RES_IS_DIR);
}

static void test_an_upload_never_leaves_the_root(void **state)
{
    char path[512];
    char cwd[400];

    (void)state;
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    snprintf(path, sizeof(path), "%s/outside/new", cwd);
    scratch_link(path, "root/absolute");
    scratch_link("../outside/new", "root/relative");
    leads_nowhere("absolute", RES_NOT_FOUND);
    leads_nowhere("relative", RES_NOT_FOUND);
}

static void test_more_than_40_links_are_refused(void **state)
{
    char text[16];
    char path[32];

    (void)state;
    scratch_link("new", "root/1");
    for (int i = 2; i <= 41; i++) {
        snprintf(text, sizeof(text), "%d", i - 1);
        snprintf(path, sizeof(path), "root/%d", i);
        scratch_link(text, path);
    }
    leads_to("40", "root", "new", false);
    leads_nowhere("41", RES_DENIED);
}

static void test_an_upload_is_folded_unless_the_name_exists(void **state)
{
    (void)state;
    leads_to("dir\\file", "root/dir", "file", true);
    leads_to("dir\\new", "root/dir", "new", false);
    leads_nowhere("none\\new", RES_NOT_FOUND);
    leads_nowhere("dir\\", RES_IS_DIR);
    scratch_file("root/dir\\file", "literal");
    leads_to("dir\\file", "root", "dir\\file", true);
}

static int is_writable(void *arg)
{
    struct jail_target t;

    if (jail_find_target(jail, arg, NULL, &t) != RES_OK) {
        return 2;
    }
    return t.writable ? 1 : 0;
}

static void test_a_target_tells_whether_it_may_be_written(void **state)
{
    (void)state;
    assert_return_code(chmod("root/file", 0444), errno);
    assert_int_equal(scratch_in_child(is_writable, "file", true), 0);
    assert_return_code(chmod("root/file", 0666), errno);
    assert_int_equal(scratch_in_child(is_writable, "file", true), 1);
}

static void test_local_paths_know_no_jail(void **state)
{
    struct jail_target t;

    (void)state;
    scratch_link("../outside/secret", "root/link");
    assert_int_equal(jail_find_local("root/link", &t), RES_OK);
    assert_string_equal(t.last, "secret");
    assert_true(t.exists);
    close(t.dir_fd);
    assert_int_equal(jail_find_local("root/dir/../../new", &t), RES_OK);
    assert_string_equal(t.last, "new");
    assert_false(t.exists);
    close(t.dir_fd);
    assert_int_equal(jail_find_local("", &t), RES_NOT_FOUND);
    assert_int_equal(jail_find_local("root/dir/..", &t), RES_IS_DIR);
    assert_int_equal(jail_find_local("root", &t), RES_IS_DIR);
    assert_int_equal(jail_find_local("/", &t), RES_IS_DIR);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_upload_needs_its_directory),
        TEST(test_an_upload_to_a_link_goes_where_it_leads),
        TEST(test_an_upload_never_leaves_the_root),
        TEST(test_more_than_40_links_are_refused),
        TEST(test_an_upload_is_folded_unless_the_name_exists),
        TEST(test_a_target_tells_whether_it_may_be_written),
        TEST(test_local_paths_know_no_jail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
