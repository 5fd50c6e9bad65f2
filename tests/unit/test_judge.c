/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/beneath.h"
#include "store/exact.h"
#include "support/jail_root.h"
#include "support/scratch.h"

static struct jail *jail;
static struct policy_who who;

static unsigned swaps; /* so many times root/file is replaced right after it was looked up */

int __real_beneath_open(int root_fd, const char *path, int flags, uint64_t resolve);
int __wrap_beneath_open(int root_fd, const char *path, int flags, uint64_t resolve);

int __wrap_beneath_open(int root_fd, const char *path, int flags, uint64_t resolve)
{
    int fd = __real_beneath_open(root_fd, path, flags, resolve);

    if (swaps > 0 && fd != -1 && strcmp(path, "file") == 0) {
        swaps--;
        scratch_file("root/new", "file");
        if (rename("root/new", "root/file") == -1) {
            abort();
        }
    }
    return fd;
}

static void add_rule(const char *path, unsigned allow)
{
    const struct policy_rule rule = {.path = path != NULL ? strdup(path) : NULL, .allow = allow};

    assert_int_equal(policy_rules_add(who.rules, &rule), RES_OK);
}

/* The directory "dir" is denied, all else is for everything. */
static int setup(void **state)
{
    swaps = 0;
    who = (struct policy_who){.rules = policy_rules_new(), .host = {.len = 4}};
    if (who.rules == NULL || jail_root_setup(state, &jail) == -1) {
        return -1;
    }
    add_rule("dir", 0);
    add_rule(NULL, 1u << POLICY_READ | 1u << POLICY_LIST | 1u << POLICY_REPLACE);
    return 0;
}

static int teardown(void **state)
{
    policy_rules_release(who.rules);
    who.rules = NULL;
    return jail_root_teardown(state, &jail);
}

static enum res judge_open(const char *path)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    enum res r;

    assert_return_code(fd, errno);
    r = judge_fd(jail, fd, &who, POLICY_READ);
    close(fd);
    return r;
}

static enum res open_name(const char *name)
{
    struct stat st;
    int fd = -1;
    enum res r = exact_open_file(jail, name, JAIL_ANY, &who, &fd, &st);

    if (r == RES_OK) {
        close(fd);
    }
    return r;
}

static void test_a_descriptor_is_judged_by_where_it_lies(void **state)
{
    (void)state;
    scratch_link("dir/file", "root/link");
    assert_int_equal(judge_open("root/file"), RES_OK);
    assert_int_equal(judge_open("root/dir/file"), RES_DENIED);
    assert_int_equal(judge_open("root/link"), RES_DENIED);
    assert_int_equal(judge_open("root/dir"), RES_DENIED);
    assert_int_equal(judge_open("root"), RES_OK);
    assert_int_equal(judge_open("outside"), RES_CHANGED); /* it left the root since */
}

static void test_nobody_asks_where_when_it_makes_no_difference(void **state)
{
    struct policy_who plain = {.write = POLICY_WRITE_NONE};

    (void)state;
    /* No such descriptor: its path would be an error. */
    assert_int_equal(judge_fd(jail, -1, NULL, POLICY_REPLACE), RES_OK);
    assert_int_equal(judge_at(jail, -1, "x", NULL, POLICY_REPLACE), RES_OK);
    assert_int_equal(judge_fd(jail, -1, &plain, POLICY_READ), RES_OK);
    assert_int_equal(judge_at(jail, -1, "x", &plain, POLICY_CREATE), RES_DENIED);
}

static void test_a_name_in_a_directory_need_not_exist(void **state)
{
    int dir = open("root/dir", O_PATH | O_CLOEXEC);
    int root = open("root", O_PATH | O_CLOEXEC);

    (void)state;
    assert_return_code(dir, errno);
    assert_return_code(root, errno);
    assert_int_equal(judge_at(jail, dir, "none", &who, POLICY_CREATE), RES_DENIED);
    assert_int_equal(judge_at(jail, root, "none", &who, POLICY_CREATE), RES_OK);
    assert_int_equal(judge_at(jail, root, "dir", &who, POLICY_CREATE), RES_DENIED);
    assert_int_equal(judge_at(jail, root, "dir2", &who, POLICY_CREATE), RES_OK);
    close(dir);
    close(root);
}

static void test_a_renamed_root_is_still_the_root(void **state)
{
    (void)state;
    assert_return_code(rename("root", "moved"), errno);
    assert_int_equal(open_name("file"), RES_OK);
    assert_int_equal(open_name("dir/file"), RES_DENIED);
    assert_return_code(rename("moved", "root"), errno);
}

static void test_a_name_that_is_gone_is_to_be_looked_up_again(void **state)
{
    int fd = open("root/file", O_PATH | O_CLOEXEC);

    (void)state;
    assert_return_code(fd, errno);
    assert_int_equal(judge_fd(jail, fd, &who, POLICY_READ), RES_OK);
    assert_return_code(unlink("root/file"), errno);
    assert_int_equal(judge_fd(jail, fd, &who, POLICY_READ), RES_CHANGED);
    /* Somebody took the name that the kernel gives it now. */
    scratch_file("root/file (deleted)", "other");
    assert_int_equal(judge_fd(jail, fd, &who, POLICY_READ), RES_CHANGED);
    assert_int_equal(judge_open("root/file (deleted)"), RES_OK);
    close(fd);
}

static void test_a_file_that_is_replaced_meanwhile_is_found_in_the_end(void **state)
{
    struct stat st;

    (void)state;
    swaps = 3;
    assert_int_equal(open_name("file"), RES_OK);
    assert_int_equal(swaps, 0);
    swaps = 3;
    assert_int_equal(exact_stat(jail, "file", JAIL_ANY, &who, &st), RES_OK);
    assert_int_equal(swaps, 0);
    swaps = 1000;
    assert_int_equal(open_name("file"), RES_BUSY); /* not forever */
    assert_int_equal(exact_stat(jail, "file", JAIL_ANY, &who, &st), RES_BUSY);
    assert_in_range(swaps, 1, 990);
}

static void test_what_is_missing_is_denied_where_it_would_have_been(void **state)
{
    static const struct {
        const char *path;
        enum res r;
    } all[] = {
        {"none", RES_NOT_FOUND},     {"none/x/y", RES_NOT_FOUND}, {"dir2", RES_NOT_FOUND},
        {"dir/none", RES_DENIED},    {"dir/none/x", RES_DENIED},  {"dir/file/x", RES_DENIED},
        {"link/none", RES_DENIED},   {"dir/", RES_DENIED},        {"./dir//none", RES_DENIED},
        {"up/none", RES_NOT_FOUND},  {".", RES_NOT_FOUND},        {"", RES_NOT_FOUND},
        {"back/none/x", RES_DENIED},
    };

    (void)state;
    scratch_link("dir", "root/link");
    scratch_link("..", "root/up"); /* ends at the root */
    scratch_link("../../dir", "root/back");
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(judge_miss(jail, all[i].path, JAIL_ANY, &who, POLICY_READ, RES_NOT_FOUND),
                         all[i].r);
    }
    /* An answer about something else stands. */
    assert_int_equal(judge_miss(jail, "dir/x", JAIL_ANY, &who, POLICY_READ, RES_IO), RES_IO);
    assert_int_equal(judge_miss(jail, "dir/x", JAIL_ANY, NULL, POLICY_READ, RES_NOT_FOUND),
                     RES_NOT_FOUND);
}

static void test_every_way_to_a_name_is_judged(void **state)
{
    struct jail_target t;
    struct stat st;
    int fd = -1;

    (void)state;
    scratch_link("dir", "root/link");
    scratch_link("dir/new", "root/dangling");
    assert_int_equal(open_name("dir/file"), RES_DENIED);
    assert_int_equal(jail_open_file(jail, "link\\file", JAIL_ANY,
                                    &(const struct jail_terms){.who = &who}, &fd, &st),
                     RES_DENIED);
    assert_int_equal(exact_stat(jail, "link/file", JAIL_ANY, &who, &st), RES_DENIED);
    assert_int_equal(exact_open_dir(jail, "link", &who, &fd, &st), RES_DENIED);
    assert_int_equal(exact_find_target(jail, "link/file", &who, &t), RES_DENIED);
    assert_int_equal(exact_find_target(jail, "dangling", &who, &t), RES_DENIED);
    assert_int_equal(jail_find_target(jail, "link\\new", &who, &t), RES_DENIED);
    assert_int_equal(jail_find_target(jail, "link", &who, &t), RES_DENIED);
    assert_int_equal(exact_make_dir(jail, "link/new", &who, 0755), RES_DENIED);
    scratch_absent("root/dir/new");
    assert_int_equal(exact_find_target(jail, "file", &who, &t), RES_OK);
    assert_true(t.replaceable);
    close(t.dir_fd);
}

static void test_new_names_only_is_told_with_the_target(void **state)
{
    struct jail_target t;

    (void)state;
    policy_rules_release(who.rules);
    who.rules = policy_rules_new();
    assert_non_null(who.rules);
    add_rule("dir", 1u << POLICY_CREATE);
    assert_int_equal(exact_find_target(jail, "dir/file", &who, &t), RES_OK);
    assert_true(t.exists);
    assert_false(t.replaceable);
    close(t.dir_fd);
    assert_int_equal(exact_find_target(jail, "dir/new", &who, &t), RES_OK);
    assert_false(t.replaceable);
    close(t.dir_fd);
}

static void test_the_root_of_the_system_may_be_the_root(void **state)
{
    struct jail *all = NULL;
    char denied[4096];
    int fd;

    (void)state;
    assert_int_equal(jail_open(&all, "/"), RES_OK);
    assert_non_null(realpath("root/dir", denied));
    policy_rules_release(who.rules);
    who.rules = policy_rules_new();
    assert_non_null(who.rules);
    add_rule(denied + 1, 0);
    add_rule(NULL, 1u << POLICY_READ);
    fd = open("root/dir/file", O_PATH | O_CLOEXEC);
    assert_int_equal(judge_fd(all, fd, &who, POLICY_READ), RES_DENIED);
    close(fd);
    fd = open("root/file", O_PATH | O_CLOEXEC);
    assert_int_equal(judge_fd(all, fd, &who, POLICY_READ), RES_OK);
    close(fd);
    jail_free(all);
}

static int without_proc(void *arg)
{
    struct policy_who plain = {.write = POLICY_WRITE_NONE};

    (void)arg;
    if (!scratch_private_mounts() || mount("none", "/proc", "tmpfs", 0, NULL) == -1) {
        return SCRATCH_CANNOT;
    }
    if (open_name("file") != RES_UNSUPPORTED || open_name("dir/none") != RES_UNSUPPORTED) {
        return 1;
    }
    who.rules = NULL;
    who.write = plain.write;
    return open_name("file") == RES_OK ? 0 : 2;
}

static void test_without_proc_rules_with_a_path_allow_nothing(void **state)
{
    int r;

    (void)state;
    r = scratch_in_child(without_proc, NULL, false);
    if (r == SCRATCH_CANNOT) {
        scratch_skip("nothing may be mounted here");
    }
    assert_int_equal(r, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_descriptor_is_judged_by_where_it_lies),
        TEST(test_nobody_asks_where_when_it_makes_no_difference),
        TEST(test_a_name_in_a_directory_need_not_exist),
        TEST(test_a_renamed_root_is_still_the_root),
        TEST(test_a_name_that_is_gone_is_to_be_looked_up_again),
        TEST(test_a_file_that_is_replaced_meanwhile_is_found_in_the_end),
        TEST(test_what_is_missing_is_denied_where_it_would_have_been),
        TEST(test_every_way_to_a_name_is_judged),
        TEST(test_new_names_only_is_told_with_the_target),
        TEST(test_the_root_of_the_system_may_be_the_root),
        TEST(test_without_proc_rules_with_a_path_allow_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
