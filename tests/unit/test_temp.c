/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"

/* --- a file system that cannot rename without replacing, when told so --- */

static bool plain_renames_only;

int __real_renameat2(int old_fd, const char *old_path, int new_fd, const char *new_path,
                     unsigned flags);
int __wrap_renameat2(int old_fd, const char *old_path, int new_fd, const char *new_path,
                     unsigned flags);

int __wrap_renameat2(int old_fd, const char *old_path, int new_fd, const char *new_path,
                     unsigned flags)
{
    if (plain_renames_only) {
        errno = EINVAL;
        return -1;
    }
    return __real_renameat2(old_fd, old_path, new_fd, new_path, flags);
}

static int dir_fd = -1;

static int setup(void **state)
{
    plain_renames_only = false;
    if (scratch_setup(state) == -1) {
        return -1;
    }
    scratch_dir("dir");
    dir_fd = open("dir", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return dir_fd == -1 ? -1 : 0;
}

static int teardown(void **state)
{
    close(dir_fd);
    return scratch_teardown(state);
}

static struct temp begin(enum temp_kind kind, const char *text)
{
    struct temp t = {.fd = -1};

    assert_int_equal(temp_open(&t, dir_fd, kind), RES_OK);
    assert_int_equal(write(t.fd, text, strlen(text)), strlen(text));
    return t;
}

/* Every rule holds for both kinds; where the file system has no O_TMPFILE both are one. */
static const enum temp_kind kinds[] = {TEMP_UNNAMED, TEMP_NAMED};
#define FOR_EACH_KIND(i) for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)

static void test_a_new_name_appears_in_one_step(void **state)
{
    (void)state;
    FOR_EACH_KIND(i)
    {
        struct temp t = begin(kinds[i], "new");

        scratch_absent("dir/file");
        assert_int_equal(temp_become(&t, "file"), RES_OK);
        temp_close(&t);
        scratch_holds("dir/file", "new");
        assert_int_equal(scratch_count("dir"), 1);
        assert_return_code(unlink("dir/file"), errno);
    }
}

static void test_a_name_that_is_taken_stays_as_it_is(void **state)
{
    (void)state;
    scratch_file("dir/file", "old");
    FOR_EACH_KIND(i)
    {
        struct temp t = begin(kinds[i], "new");

        assert_int_equal(temp_become(&t, "file"), RES_EXISTS);
        temp_close(&t);
        scratch_holds("dir/file", "old");
        assert_int_equal(scratch_count("dir"), 1);
    }
}

static void test_an_existing_name_is_replaced(void **state)
{
    (void)state;
    FOR_EACH_KIND(i)
    {
        struct temp t = begin(kinds[i], "new");

        scratch_file("dir/file", "old");
        assert_int_equal(temp_replace(&t, "file"), RES_OK);
        temp_close(&t);
        scratch_holds("dir/file", "new");
        assert_int_equal(scratch_count("dir"), 1);
    }
}

static void test_a_replacement_that_fails_leaves_nothing(void **state)
{
    (void)state;
    scratch_dir("dir/sub");
    FOR_EACH_KIND(i)
    {
        struct temp t = begin(kinds[i], "new");

        assert_int_equal(temp_replace(&t, "sub"), RES_IS_DIR);
        temp_close(&t);
        assert_int_equal(scratch_count("dir"), 1);
    }
}

static void test_what_is_given_up_is_gone(void **state)
{
    (void)state;
    FOR_EACH_KIND(i)
    {
        struct temp t = begin(kinds[i], "new");

        temp_close(&t);
        temp_close(&t); /* no harm */
        assert_int_equal(scratch_count("dir"), 0);
    }
}

static void test_an_old_file_system_gives_new_names_too(void **state)
{
    struct temp t = begin(TEMP_NAMED, "new");

    (void)state;
    plain_renames_only = true;
    assert_int_equal(temp_become(&t, "file"), RES_OK);
    temp_close(&t);
    scratch_holds("dir/file", "new");
    assert_int_equal(scratch_count("dir"), 1);
    t = begin(TEMP_NAMED, "newer");
    assert_int_equal(temp_become(&t, "file"), RES_EXISTS);
    temp_close(&t);
    scratch_holds("dir/file", "new");
    assert_int_equal(scratch_count("dir"), 1);
}

static void test_a_named_one_is_hidden_locked_and_private(void **state)
{
    struct temp t = begin(TEMP_NAMED, "new");
    char path[80];
    struct stat st;
    int fd;

    (void)state;
    assert_int_equal(strlen(t.name), strlen(JAIL_TEMP_PREFIX) + TEMP_LETTERS);
    assert_int_equal(strncmp(t.name, JAIL_TEMP_PREFIX, strlen(JAIL_TEMP_PREFIX)), 0);
    snprintf(path, sizeof(path), "dir/%s", t.name);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_return_code(fstat(fd, &st), errno);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    close(fd);
    temp_close(&t);
}

static void test_an_unnamed_one_is_not_seen(void **state)
{
    struct temp t = begin(TEMP_UNNAMED, "new");
    bool unnamed = t.name[0] == '\0';
    size_t seen = scratch_count("dir");

    (void)state;
    temp_close(&t);
    if (!unnamed) {
        scratch_skip("this file system has no O_TMPFILE");
    }
    assert_int_equal(seen, 0);
}

static int open_as_other(void *arg)
{
    struct temp t;

    (void)arg;
    return (int)temp_open(&t, dir_fd, TEMP_UNNAMED);
}

static void test_a_directory_without_permission_is_denied(void **state)
{
    (void)state;
    assert_return_code(chmod("dir", 0555), errno);
    assert_int_equal(scratch_in_child(open_as_other, NULL, true), RES_DENIED);
    assert_return_code(chmod("dir", 0755), errno);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_name_appears_in_one_step),
        TEST(test_a_name_that_is_taken_stays_as_it_is),
        TEST(test_an_existing_name_is_replaced),
        TEST(test_a_replacement_that_fails_leaves_nothing),
        TEST(test_what_is_given_up_is_gone),
        TEST(test_an_old_file_system_gives_new_names_too),
        TEST(test_a_named_one_is_hidden_locked_and_private),
        TEST(test_an_unnamed_one_is_not_seen),
        TEST(test_a_directory_without_permission_is_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
