/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

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

static enum res try_open(const struct jail *j, const char *name)
{
    struct stat st;
    int fd = -1;
    enum res r = jail_open_file(j, name, JAIL_ANY, NULL, &fd, &st);

    if (r == RES_OK) {
        close(fd);
    }
    return r;
}

static void refuses(const char *name, enum res why)
{
    enum res r = try_open(jail, name);

    if (r != why) {
        fail_msg("'%s': %s", name, wherry_res_text(r));
    }
}

static void serves(const char *name, const char *text)
{
    char found[64] = "";
    struct stat st;
    int fd = -1;
    enum res r = jail_open_file(jail, name, JAIL_ANY, NULL, &fd, &st);

    if (r != RES_OK) {
        fail_msg("'%s': %s", name, wherry_res_text(r));
    }
    assert_int_equal(st.st_size, strlen(text));
    assert_int_equal(read(fd, found, sizeof(found) - 1), strlen(text));
    assert_string_equal(found, text);
    close(fd);
}

/* --- names --- */

static void test_dot_dot_is_refused_by_text(void **state)
{
    static const char *const names[] = {
        "..",          "/..",          "../file",    "../outside/secret", "dir/..",
        "dir/../file", "dir/../",      "no/../file", "..\\file",          "dir\\..\\file",
        "dir/..\\x",   "dir\\../file", "\\..",       "file\\..",          "//..//file",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct jail_target t;

        refuses(names[i], RES_NAME);
        assert_int_equal(jail_find_target(jail, names[i], NULL, &t), RES_NAME);
    }
}

static void test_dots_within_a_name_are_letters(void **state)
{
    (void)state;
    scratch_file("root/..file", "1");
    scratch_file("root/file..", "2");
    scratch_file("root/...", "3");
    serves("..file", "1");
    serves("file..", "2");
    serves("...", "3");
    serves("./file", "file");
}

static void test_names_of_temporary_files_are_refused(void **state)
{
    static const char *const names[] = {
        ".wherry-abcdefgh",      "/.wherry-abcdefgh", "dir/.wherry-x", ".wherry-/file",
        "dir\\.wherry-abcdefgh", ".wherry-",          "\\.wherry-x",
    };

    (void)state;
    scratch_file("root/.wherry-abcdefgh", "half");
    scratch_file("root/.wherry", "whole");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct jail_target t;

        refuses(names[i], RES_NAME);
        assert_int_equal(jail_find_target(jail, names[i], NULL, &t), RES_NAME);
    }
    serves(".wherry", "whole");
}

static void test_leading_and_doubled_slashes_fall_away(void **state)
{
    (void)state;
    serves("/file", "file");
    serves("///file", "file");
    serves("dir//file", "dir/file");
    serves("//dir///file", "dir/file");
}

static void test_directories_are_told_apart(void **state)
{
    static const char *const names[] = {"",     "/",      "///", ".",    "dir",
                                        "dir/", "/dir//", "\\",  "dir\\"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct jail_target t;

        refuses(names[i], RES_IS_DIR);
        assert_int_equal(jail_find_target(jail, names[i], NULL, &t), RES_IS_DIR);
    }
}

static void test_a_file_is_no_directory(void **state)
{
    (void)state;
    refuses("file/", RES_NOT_FOUND);
    refuses("file/x", RES_NOT_FOUND);
    refuses("no/file", RES_NOT_FOUND);
}

static void test_backslash_is_slash_when_no_such_name_exists(void **state)
{
    (void)state;
    serves("dir\\file", "dir/file");
    serves("\\dir\\file", "dir/file");
    serves("\\\\dir/\\file", "dir/file");
    refuses("dir\\none", RES_NOT_FOUND);
    scratch_file("root/dir\\file", "literal");
    serves("dir\\file", "literal");
}

static void test_too_long_names_are_refused(void **state)
{
    char component[300];
    char name[JAIL_NAME_BYTES + 2];

    (void)state;
    memset(component, 'c', sizeof(component));
    component[255] = '\0';
    refuses(component, RES_NOT_FOUND);
    component[255] = 'c';
    component[256] = '\0';
    refuses(component, RES_NAME);
    for (size_t i = 0; i < sizeof(name); i++) {
        name[i] = i % 2 == 0 ? 'd' : '/';
    }
    name[JAIL_NAME_BYTES - 1] = '\0';
    refuses(name, RES_NOT_FOUND);
    name[JAIL_NAME_BYTES - 1] = '/';
    name[JAIL_NAME_BYTES] = '\0';
    refuses(name, RES_NAME);
}

static void test_folding_shortens_components(void **state)
{
    char dir[201];
    char path[512];

    (void)state;
    memset(dir, 'd', 200);
    dir[200] = '\0';
    snprintf(path, sizeof(path), "root/%s", dir);
    scratch_dir(path);
    snprintf(path, sizeof(path), "root/%s/%s", dir, dir);
    scratch_file(path, "deep");
    snprintf(path, sizeof(path), "%s\\%s", dir, dir); /* 401 bytes between slashes */
    serves(path, "deep");
}

/* --- links --- */

static void test_absolute_link_is_read_from_the_root(void **state)
{
    char path[512];
    char cwd[400];

    (void)state;
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    snprintf(path, sizeof(path), "%s/outside/secret", cwd);
    scratch_link(path, "root/escape");
    snprintf(path, sizeof(path), "%s/outside", cwd);
    scratch_link(path, "root/escape-dir");
    scratch_link("/dir/file", "root/inner");
    refuses("escape", RES_NOT_FOUND);
    refuses("escape-dir/secret", RES_NOT_FOUND);
    serves("inner", "dir/file");
}

static void test_relative_links_stop_at_the_root(void **state)
{
    (void)state;
    scratch_link("../../../../outside/secret", "root/dir/up");
    scratch_link("dir/up", "root/chain");
    refuses("chain", RES_NOT_FOUND);
    scratch_dir("root/outside");
    scratch_file("root/outside/secret", "ours");
    serves("chain", "ours");
    serves("dir/up", "ours");
}

static void test_links_in_a_circle_are_refused(void **state)
{
    struct jail_target t;

    (void)state;
    scratch_link("b", "root/a");
    scratch_link("a", "root/b");
    refuses("a", RES_DENIED);
    assert_int_equal(jail_find_target(jail, "a", NULL, &t), RES_DENIED);
}

static void test_magic_links_are_not_followed(void **state)
{
    char name[64];
    struct jail_target t;
    int fd = open("outside/secret", O_RDWR | O_CLOEXEC);

    (void)state;
    assert_return_code(fd, errno);
    jail_free(jail);
    assert_int_equal(jail_open(&jail, "/proc"), RES_OK);
    snprintf(name, sizeof(name), "self/fd/%d", fd);
    refuses(name, RES_DENIED);
    assert_int_equal(jail_find_target(jail, name, NULL, &t), RES_DENIED);
    refuses("self/cwd/outside/secret", RES_DENIED);
    refuses("self/root/etc/passwd", RES_DENIED);
    refuses("self/exe", RES_DENIED);
    assert_int_equal(jail_find_target(jail, "self/cwd/outside/new", NULL, &t), RES_DENIED);
    assert_int_equal(try_open(jail, "self/status"), RES_OK); /* "self" itself is a plain link */
    close(fd);
}

/* --- what is no regular file --- */

/* How often a file was opened for real (O_PATH is not) since the watch began. */
static size_t opens_seen(int watch)
{
    char events[4096];
    ssize_t n = read(watch, events, sizeof(events));

    return n == -1 && errno == EAGAIN ? 0 : (size_t)n / sizeof(struct inotify_event);
}

static int watch_opens(const char *path)
{
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    assert_return_code(watch, errno);
    assert_return_code(inotify_add_watch(watch, path, IN_OPEN), errno);
    return watch;
}

static void test_fifo_is_refused_without_being_opened(void **state)
{
    struct jail_target t;
    int watch;

    (void)state;
    assert_return_code(mkfifo("root/fifo", 0666), errno);
    scratch_link("fifo", "root/link");
    watch = watch_opens("root/fifo");
    refuses("fifo", RES_DENIED); /* with no writer, an open for reading would hang */
    refuses("link", RES_DENIED);
    assert_int_equal(jail_find_target(jail, "fifo", NULL, &t), RES_DENIED);
    assert_int_equal(jail_find_target(jail, "link", NULL, &t), RES_DENIED);
    assert_int_equal(opens_seen(watch), 0);
    assert_int_equal(open("root/fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1);
    assert_int_equal(errno, ENXIO); /* nobody reads */
    close(watch);
    watch = watch_opens("root/file");
    serves("file", "file");
    assert_int_equal(opens_seen(watch), 1); /* so the watch can see */
    close(watch);
}

/* --- files that somebody has open --- */

struct have_open {
    struct stat stat;
    bool answer;
    unsigned asked;
};

static bool have_open(void *arg, const struct stat *st)
{
    struct have_open *h = arg;

    h->asked++;
    h->stat = *st;
    return h->answer;
}

static void test_known_file_is_not_opened_again(void **state)
{
    struct have_open h = {.answer = true};
    const struct jail_terms known = {.known = have_open, .arg = &h};
    struct stat st;
    int fd = 5;
    int watch = watch_opens("root/file");

    (void)state;
    assert_int_equal(jail_open_file(jail, "file", JAIL_ANY, &known, &fd, &st), RES_OK);
    assert_int_equal(fd, -1);
    assert_int_equal(st.st_size, 4);
    assert_int_equal(st.st_ino, h.stat.st_ino);
    assert_int_equal(h.asked, 1);
    assert_int_equal(opens_seen(watch), 0);
    h.answer = false;
    assert_int_equal(jail_open_file(jail, "file", JAIL_ANY, &known, &fd, &st), RES_OK);
    assert_int_not_equal(fd, -1);
    assert_int_equal(h.asked, 2);
    assert_int_equal(opens_seen(watch), 1);
    close(fd);
    close(watch);
}

static void test_nobody_is_asked_about_what_is_refused(void **state)
{
    struct have_open h = {.answer = true};
    const struct jail_terms known = {.known = have_open, .arg = &h};
    struct stat st;
    int fd = 5;

    (void)state;
    assert_int_equal(jail_open_file(jail, ".", JAIL_ANY, &known, &fd, &st), RES_IS_DIR);
    assert_int_equal(jail_open_file(jail, "../file", JAIL_ANY, &known, &fd, &st), RES_NAME);
    assert_int_equal(jail_open_file(jail, "none", JAIL_ANY, &known, &fd, &st), RES_NOT_FOUND);
    assert_int_equal(h.asked, 0);
    assert_int_equal(fd, 5);
}

static void test_devices_are_refused(void **state)
{
    struct jail_target t;

    (void)state;
    jail_free(jail);
    assert_int_equal(jail_open(&jail, "/dev"), RES_OK);
    refuses("null", RES_DENIED);
    refuses("zero", RES_DENIED);
    assert_int_equal(jail_find_target(jail, "null", NULL, &t), RES_DENIED);
}

static void test_sockets_are_refused(void **state)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "root/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct jail_target t;

    (void)state;
    assert_return_code(fd, errno);
    assert_return_code(bind(fd, (const struct sockaddr *)&name, sizeof(name)), errno);
    refuses("socket", RES_DENIED);
    assert_int_equal(jail_find_target(jail, "socket", NULL, &t), RES_DENIED);
    close(fd);
}

static int open_as_other(void *arg)
{
    return (int)try_open(jail, arg);
}

static void test_a_file_without_permission_is_denied(void **state)
{
    (void)state;
    assert_return_code(chmod("root/file", 0), errno);
    assert_int_equal(scratch_in_child(open_as_other, "file", true), RES_DENIED);
    assert_return_code(chmod("root/dir", 0), errno);
    assert_int_equal(scratch_in_child(open_as_other, "dir/file", true), RES_DENIED);
    assert_return_code(chmod("root/dir", 0755), errno);
}

/* --- the kernel's other answers --- */

static void test_a_missing_root_is_not_found(void **state)
{
    struct jail *j;

    (void)state;
    assert_int_equal(jail_open(&j, "none"), RES_NOT_FOUND);
    assert_int_equal(jail_open(&j, "root/file"), RES_NOT_FOUND);
}

static void test_without_openat2_there_is_no_jail(void **state)
{
    struct jail *j;

    (void)state;
    openat2_answers(ENOSYS, 1, false);
    assert_int_equal(jail_open(&j, "root"), RES_UNSUPPORTED);
    openat2_answers(EPERM, 1, false); /* a sandbox */
    assert_int_equal(jail_open(&j, "root"), RES_UNSUPPORTED);
}

static void test_a_rename_during_the_walk_is_tried_again_but_not_for_ever(void **state)
{
    (void)state;
    openat2_answers(EAGAIN, 3, false);
    serves("file", "file");
    assert_int_equal(openat2_answers_left(), 0);
    openat2_answers(EAGAIN, UINT32_MAX, false);
    refuses("file", RES_BUSY);
}

static void test_cached_look_up_answers_later_instead_of_blocking(void **state)
{
    struct stat st;
    int fd;

    (void)state;
    openat2_answers(EAGAIN, 1, true);
    assert_int_equal(jail_open_file(jail, "dir\\file", JAIL_CACHED, NULL, &fd, &st), RES_LATER);
    assert_int_equal(openat2_answers_left(), 0);
    openat2_answers(EINVAL, 1, true); /* Linux before 5.12 */
    assert_int_equal(jail_open_file(jail, "file", JAIL_CACHED, NULL, &fd, &st), RES_LATER);
    openat2_answers(EAGAIN, 1, true);
    serves("file", "file"); /* JAIL_ANY does not ask that way */
    assert_int_equal(openat2_answers_left(), 1);
}

static void test_cached_look_up_opens_what_is_in_memory(void **state)
{
    struct stat st;
    enum res r;
    int fd;

    (void)state;
    serves("file", "file");
    r = jail_open_file(jail, "file", JAIL_CACHED, NULL, &fd, &st);
    if (r == RES_LATER) {
        scratch_skip("this file system answers no look-up from memory");
    }
    assert_int_equal(r, RES_OK);
    assert_int_equal(st.st_size, 4);
    close(fd);
}

static int open_without_proc(void *arg)
{
    char text[8] = "";
    struct stat st;
    int fd;

    (void)arg;
    if (!scratch_private_mounts() || mount("none", "/proc", "tmpfs", 0, NULL) == -1) {
        return SCRATCH_CANNOT;
    }
    if (jail_open_file(jail, "file", JAIL_CACHED, NULL, &fd, &st) != RES_LATER ||
        jail_open_file(jail, "file", JAIL_ANY, NULL, &fd, &st) != RES_OK ||
        read(fd, text, sizeof(text)) != 4 || strcmp(text, "file") != 0) {
        return 1;
    }
    return try_open(jail, "fifo") == RES_DENIED && try_open(jail, "dir") == RES_IS_DIR ? 0 : 2;
}

static void test_files_are_served_without_proc(void **state)
{
    int status;

    (void)state;
    assert_return_code(mkfifo("root/fifo", 0666), errno);
    status = scratch_in_child(open_without_proc, NULL, false);
    if (status == SCRATCH_CANNOT) {
        scratch_skip("no permission to hide /proc");
    }
    assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dot_dot_is_refused_by_text),
        TEST(test_dots_within_a_name_are_letters),
        TEST(test_names_of_temporary_files_are_refused),
        TEST(test_leading_and_doubled_slashes_fall_away),
        TEST(test_directories_are_told_apart),
        TEST(test_a_file_is_no_directory),
        TEST(test_backslash_is_slash_when_no_such_name_exists),
        TEST(test_too_long_names_are_refused),
        TEST(test_folding_shortens_components),
        TEST(test_absolute_link_is_read_from_the_root),
        TEST(test_relative_links_stop_at_the_root),
        TEST(test_links_in_a_circle_are_refused),
        TEST(test_magic_links_are_not_followed),
        TEST(test_fifo_is_refused_without_being_opened),
        TEST(test_devices_are_refused),
        TEST(test_sockets_are_refused),
        TEST(test_a_file_without_permission_is_denied),
        TEST(test_a_missing_root_is_not_found),
        TEST(test_without_openat2_there_is_no_jail),
        TEST(test_a_rename_during_the_walk_is_tried_again_but_not_for_ever),
        TEST(test_cached_look_up_answers_later_instead_of_blocking),
        TEST(test_cached_look_up_opens_what_is_in_memory),
        TEST(test_files_are_served_without_proc),
        TEST(test_known_file_is_not_opened_again),
        TEST(test_nobody_is_asked_about_what_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
