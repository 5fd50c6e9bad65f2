/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/exact.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <wherry/message.h>

#include "support/jail_root.h"
#include "support/openat2_answers.h"
#include "support/scratch.h"

static struct jail *jail;

static int setup(void **state)
{
    openat2_answers(0, 0, false);
    return jail_root_setup(state, &jail);
}

static int teardown(void **state)
{
    return jail_root_teardown(state, &jail);
}

static void serves(const char *name, const char *text)
{
    char found[64] = "";
    struct stat st;
    int fd = -1;
    enum res r = exact_open_file(jail, name, JAIL_ANY, NULL, &fd, &st);

    if (r != RES_OK) {
        fail_msg("'%s': %s", name, wherry_res_text(r));
    }
    assert_int_equal(st.st_size, strlen(text));
    assert_int_equal(read(fd, found, sizeof(found) - 1), strlen(text));
    assert_string_equal(found, text);
    close(fd);
    assert_int_equal(exact_stat(jail, name, JAIL_ANY, NULL, &st), RES_OK);
    assert_int_equal(st.st_size, strlen(text));
}

/* Whatever is asked of the name is answered so, and nothing is opened. */
static void refuses(const char *name, enum res why)
{
    struct jail_target t;
    struct stat st;
    int fd = -1;

    assert_int_equal(exact_open_file(jail, name, JAIL_ANY, NULL, &fd, &st), why);
    assert_int_equal(exact_stat(jail, name, JAIL_ANY, NULL, &st), why);
    assert_int_equal(exact_open_dir(jail, name, NULL, &fd, &st), why);
    assert_int_equal(exact_find_target(jail, name, NULL, &t), why);
    assert_int_equal(fd, -1);
}

/* An upload of the name would go to that directory, under that last component. */
static void leads(const char *name, const char *dir, const char *last, bool exists)
{
    struct jail_target t;
    struct stat of_target;
    struct stat of_dir;

    assert_int_equal(exact_find_target(jail, name, NULL, &t), RES_OK);
    assert_string_equal(t.last, last);
    assert_int_equal(t.exists, exists);
    assert_int_equal(fstat(t.dir_fd, &of_target), 0);
    assert_int_equal(stat(dir, &of_dir), 0);
    assert_int_equal(of_target.st_ino, of_dir.st_ino);
    close(t.dir_fd);
}

/* --- names --- */

static void test_what_the_protocol_refuses_is_never_looked_up(void **state)
{
    static const char *const names[] = {
        "/",
        "/file",
        "dir/",
        "dir//file",
        ".",
        "..",
        "./file",
        "../file",
        "dir/..",
        "dir/../file",
        "dir/.",
        ".wherry-",
        ".wherry-abcdefgh",
        "dir/.wherry-x",
        ".wherry-x/file",
    };
    char long_name[WHERRY_STRING_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        refuses(names[i], RES_NAME);
        assert_int_equal(exact_make_dir(jail, names[i], NULL, 0755), RES_NAME);
    }
    memset(long_name, 'x', sizeof(long_name));
    for (size_t i = 100; i < sizeof(long_name); i += 100) {
        long_name[i] = '/';
    }
    long_name[WHERRY_STRING_MAX + 1] = '\0';
    refuses(long_name, RES_NAME);
    long_name[WHERRY_STRING_MAX] = '\0'; /* as long as may be, but there is none */
    refuses(long_name, RES_NOT_FOUND);
    memset(long_name, 'x', sizeof(long_name));
    long_name[WHERRY_COMPONENT_MAX + 1] = '\0';
    refuses(long_name, RES_NAME);
}

static void test_names_are_taken_byte_for_byte(void **state)
{
    char longest[WHERRY_COMPONENT_MAX + 1];
    char path[sizeof("root/") + WHERRY_COMPONENT_MAX];
    const char *const names[] = {"a\\..\\b", "\\", "..\\file", "new\nline", "\xff\xfe",  " ",
                                 "...",      "~",  "-rf",      ".wherry",   "x.wherry-", longest};

    (void)state;
    memset(longest, 'n', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "root/%s", names[i]);
        scratch_file(path, names[i] == longest ? "longest" : names[i]);
        serves(names[i], names[i] == longest ? "longest" : names[i]);
        leads(names[i], "root", names[i], true);
    }
}

static void test_a_backslash_never_separates(void **state)
{
    (void)state;
    refuses("dir\\file\\x/y", RES_NOT_FOUND);
    leads("dir\\file", "root", "dir\\file", false); /* over TFTP this is dir/file */
    leads("dir/a\\..\\b", "root/dir", "a\\..\\b", false);
}

static void test_the_prefix_of_temporary_names_is_the_same_at_both_doors(void **state)
{
    (void)state;
    assert_string_equal(JAIL_TEMP_PREFIX, WHERRY_TEMP_PREFIX);
}

/* --- the root --- */

static void test_the_empty_name_is_the_root(void **state)
{
    struct jail_target t;
    struct stat found;
    struct stat root;
    int fd = -1;

    (void)state;
    assert_int_equal(stat("root", &root), 0);
    assert_int_equal(exact_stat(jail, "", JAIL_ANY, NULL, &found), RES_OK);
    assert_int_equal(found.st_ino, root.st_ino);
    assert_int_equal(exact_open_file(jail, "", JAIL_ANY, NULL, &fd, &found), RES_IS_DIR);
    assert_int_equal(exact_find_target(jail, "", NULL, &t), RES_IS_DIR);
    assert_int_equal(exact_make_dir(jail, "", NULL, 0755), RES_EXISTS);
    assert_int_equal(exact_open_dir(jail, "", NULL, &fd, &found), RES_OK);
    assert_int_equal(found.st_ino, root.st_ino);
    close(fd);
}

/* --- what is there --- */

static void test_a_directory_is_no_file_and_a_file_is_no_directory(void **state)
{
    struct jail_target t;
    struct stat st;
    int fd = -1;

    (void)state;
    assert_int_equal(exact_open_file(jail, "dir", JAIL_ANY, NULL, &fd, &st), RES_IS_DIR);
    assert_int_equal(exact_find_target(jail, "dir", NULL, &t), RES_IS_DIR);
    assert_int_equal(exact_stat(jail, "dir", JAIL_ANY, NULL, &st), RES_OK);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(exact_open_dir(jail, "dir", NULL, &fd, &st), RES_OK);
    assert_true(S_ISDIR(st.st_mode));
    close(fd);
    fd = -1;
    assert_int_equal(exact_open_dir(jail, "file", NULL, &fd, &st), RES_NOT_FOUND);
    refuses("file/x", RES_NOT_FOUND);
    assert_int_equal(exact_open_dir(jail, "absent", NULL, &fd, &st), RES_NOT_FOUND);
    assert_int_equal(exact_stat(jail, "absent", JAIL_ANY, NULL, &st), RES_NOT_FOUND);
    assert_int_equal(fd, -1);
}

static void test_fifos_and_sockets_are_denied_without_being_opened(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "root/socket"};
    static const char *const names[] = {"fifo", "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(mkfifo("root/fifo", 0600), 0); /* a reader would hang */
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    for (size_t i = 0; i < 2; i++) {
        struct jail_target t;
        struct stat st;
        int none = -1;

        assert_int_equal(exact_open_file(jail, names[i], JAIL_ANY, NULL, &none, &st), RES_DENIED);
        assert_int_equal(exact_stat(jail, names[i], JAIL_ANY, NULL, &st), RES_DENIED);
        assert_int_equal(exact_find_target(jail, names[i], NULL, &t), RES_DENIED);
        assert_int_equal(exact_open_dir(jail, names[i], NULL, &none, &st), RES_NOT_FOUND);
        assert_int_equal(exact_make_dir(jail, names[i], NULL, 0755), RES_EXISTS);
    }
    close(fd);
}

/* --- links --- */

static void test_links_are_followed_inside_the_root(void **state)
{
    struct stat st;
    int fd = -1;

    (void)state;
    scratch_link("dir", "root/to-dir");
    scratch_link("/dir/file", "root/absolute");
    scratch_link("../../../file", "root/dir/up"); /* `..` ends at the root */
    scratch_link("absent", "root/dangling");
    serves("to-dir/file", "dir/file");
    serves("absolute", "dir/file");
    serves("dir/up", "file");
    assert_int_equal(exact_open_dir(jail, "to-dir", NULL, &fd, &st), RES_OK);
    close(fd);
    leads("to-dir/new", "root/dir", "new", false);
    leads("absolute", "root/dir", "file", true);
    leads("dangling", "root", "absent", false);
    assert_int_equal(exact_stat(jail, "dangling", JAIL_ANY, NULL, &st), RES_NOT_FOUND);
}

static void test_no_link_leads_out_of_the_root(void **state)
{
    struct stat st;
    int fd = -1;

    (void)state;
    scratch_link("../outside/secret", "root/up");
    scratch_link("../outside", "root/up-dir");
    scratch_link("/proc/self/root", "root/magic");
    refuses("up-dir/secret", RES_NOT_FOUND);
    assert_int_equal(exact_stat(jail, "up", JAIL_ANY, NULL, &st), RES_NOT_FOUND);
    assert_int_equal(exact_stat(jail, "magic", JAIL_ANY, NULL, &st), RES_NOT_FOUND);
    assert_int_equal(exact_open_file(jail, "up", JAIL_ANY, NULL, &fd, &st), RES_NOT_FOUND);
    assert_int_equal(exact_open_dir(jail, "up-dir", NULL, &fd, &st), RES_NOT_FOUND);
    assert_int_equal(exact_make_dir(jail, "up-dir/new", NULL, 0755), RES_NOT_FOUND);
    scratch_absent("outside/new");
}

static void test_links_in_a_circle_are_denied(void **state)
{
    (void)state;
    scratch_link("b", "root/a");
    scratch_link("a", "root/b");
    refuses("a", RES_DENIED);
}

/* --- without blocking --- */

static void test_what_is_not_in_memory_is_for_later(void **state)
{
    struct stat st;
    int fd = -1;

    (void)state;
    openat2_answers(EAGAIN, UINT_MAX, true);
    assert_int_equal(exact_stat(jail, "file", JAIL_CACHED, NULL, &st), RES_LATER);
    assert_int_equal(exact_open_file(jail, "file", JAIL_CACHED, NULL, &fd, &st), RES_LATER);
    assert_int_equal(fd, -1);
    assert_int_equal(exact_stat(jail, "file", JAIL_ANY, NULL, &st), RES_OK);
    assert_int_equal(exact_stat(jail, "../file", JAIL_CACHED, NULL, &st), RES_NAME); /* by text */
}

/* --- directories are made --- */

static void test_a_directory_is_made_under_any_name_that_may_be(void **state)
{
    static const char *const names[] = {"new", "dir/new", "new/below", "a\\..\\b", "\xff\n"};
    mode_t before = umask(022);
    struct stat st;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(exact_make_dir(jail, names[i], NULL, 0777), RES_OK);
        assert_int_equal(exact_stat(jail, names[i], JAIL_ANY, NULL, &st), RES_OK);
        assert_int_equal(st.st_mode, S_IFDIR | 0755);
        assert_int_equal(exact_make_dir(jail, names[i], NULL, 0777), RES_EXISTS);
    }
    (void)umask(before);
}

static void test_a_directory_is_not_made_where_something_is(void **state)
{
    (void)state;
    scratch_link("absent", "root/dangling");
    scratch_link("dir", "root/to-dir");
    assert_int_equal(exact_make_dir(jail, "file", NULL, 0755), RES_EXISTS);
    assert_int_equal(exact_make_dir(jail, "dir", NULL, 0755), RES_EXISTS);
    assert_int_equal(exact_make_dir(jail, "to-dir", NULL, 0755), RES_EXISTS);
    assert_int_equal(exact_make_dir(jail, "dangling", NULL, 0755), RES_EXISTS);
    scratch_absent("root/absent");
}

static void test_missing_directories_above_are_not_made(void **state)
{
    (void)state;
    assert_int_equal(exact_make_dir(jail, "absent/new", NULL, 0755), RES_NOT_FOUND);
    assert_int_equal(exact_make_dir(jail, "file/new", NULL, 0755), RES_NOT_FOUND);
    scratch_absent("root/absent");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_the_protocol_refuses_is_never_looked_up),
        TEST(test_names_are_taken_byte_for_byte),
        TEST(test_a_backslash_never_separates),
        TEST(test_the_prefix_of_temporary_names_is_the_same_at_both_doors),
        TEST(test_the_empty_name_is_the_root),
        TEST(test_a_directory_is_no_file_and_a_file_is_no_directory),
        TEST(test_fifos_and_sockets_are_denied_without_being_opened),
        TEST(test_links_are_followed_inside_the_root),
        TEST(test_no_link_leads_out_of_the_root),
        TEST(test_links_in_a_circle_are_denied),
        TEST(test_what_is_not_in_memory_is_for_later),
        TEST(test_a_directory_is_made_under_any_name_that_may_be),
        TEST(test_a_directory_is_not_made_where_something_is),
        TEST(test_missing_directories_above_are_not_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
