/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/temp.h"
#include "support/scratch.h"

static const atomic_bool never = false;

static int root_fd = -1;

static int setup(void **state)
{
    if (scratch_setup(state) == -1) {
        return -1;
    }
    scratch_dir("root");
    scratch_dir("root/dir");
    root_fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root_fd == -1 ? -1 : 0;
}

static int teardown(void **state)
{
    close(root_fd);
    return scratch_teardown(state);
}

/* By one that is told nothing of what is kept. */
static enum res sweep_until(const atomic_bool *stop, size_t *ret_removed)
{
    const struct sweep_params p = {.root_fd = root_fd, .stop = stop};

    return sweep(&p, ret_removed);
}

static void sweeps(size_t expected)
{
    size_t removed = SIZE_MAX;

    assert_int_equal(sweep_until(&never, &removed), RES_OK);
    assert_int_equal(removed, expected);
}

static void test_left_overs_go_everywhere_and_nothing_else(void **state)
{
    (void)state;
    scratch_dir("root/dir/sub");
    scratch_file("root/.wherry-aaaaaaaa", "half");
    scratch_file("root/dir/sub/.wherry-bbbbbbbb", "half");
    scratch_file("root/file", "whole");
    scratch_file("root/.wherry", "whole");
    scratch_file("root/dir/x.wherry-aaaaaaaa", "whole");
    sweeps(2);
    assert_int_equal(scratch_count("root"), 3);
    assert_int_equal(scratch_count("root/dir"), 2);
    assert_int_equal(scratch_count("root/dir/sub"), 0);
    sweeps(0);
}

static void test_left_overs_that_nobody_may_write_go_too(void **state)
{
    (void)state;
    scratch_file("root/.wherry-aaaaaaaa", "half"); /* killed when it had the old file's mode */
    assert_return_code(chmod("root/.wherry-aaaaaaaa", 0444), errno);
    sweeps(1);
}

static void test_a_running_upload_stays(void **state)
{
    int dir_fd = open("root/dir", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct temp t;

    (void)state;
    assert_return_code(dir_fd, errno);
    assert_int_equal(temp_open(&t, dir_fd, TEMP_NAMED), RES_OK);
    sweeps(0);
    assert_int_equal(scratch_count("root/dir"), 1);
    assert_int_equal(temp_become(&t, "file"), RES_OK);
    temp_close(&t);
    close(dir_fd);
    sweeps(0);
    scratch_holds("root/dir/file", "");
}

static void test_only_regular_files_go(void **state)
{
    (void)state;
    assert_return_code(mkfifo("root/.wherry-fifofifo", 0666), errno);
    scratch_dir("root/.wherry-dirdirdi");
    scratch_file("outside", "ours");
    scratch_link("../outside", "root/.wherry-linklink");
    sweeps(0);
    assert_int_equal(scratch_count("root"), 4);
    scratch_holds("outside", "ours");
}

static void test_links_are_not_followed(void **state)
{
    (void)state;
    scratch_dir("outside");
    scratch_file("outside/.wherry-aaaaaaaa", "theirs");
    scratch_link("../outside", "root/link");
    scratch_link("..", "root/dir/up");
    sweeps(0);
    scratch_holds("outside/.wherry-aaaaaaaa", "theirs");
}

static int sweep_unreadable(void *arg)
{
    size_t removed = 0;

    (void)arg;
    return sweep_until(&never, &removed) == RES_OK ? (int)removed : -1;
}

static void test_parts_that_cannot_be_read_hold_up_nothing(void **state)
{
    (void)state;
    scratch_dir("root/open");
    scratch_file("root/open/.wherry-aaaaaaaa", "half");
    scratch_file("root/dir/.wherry-bbbbbbbb", "half");
    assert_return_code(chmod("root/open", 0777), errno);
    assert_return_code(chmod("root/dir", 0), errno);
    assert_int_equal(scratch_in_child(sweep_unreadable, NULL, true), 1);
    assert_return_code(chmod("root/dir", 0755), errno);
    assert_int_equal(scratch_count("root/dir"), 1);
}

static int sweep_with_few_descriptors(void *arg)
{
    const struct rlimit few = {.rlim_cur = 16, .rlim_max = 16};

    return setrlimit(RLIMIT_NOFILE, &few) == 0 ? sweep_unreadable(arg) : -1;
}

static void test_a_deep_tree_needs_few_descriptors(void **state)
{
    enum { DEPTH = 1000 };
    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int below;

    (void)state;
    for (int i = 0; i < DEPTH; i++) {
        assert_return_code(mkdirat(fd, "d", 0755), errno);
        below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_return_code(below, errno);
        close(fd);
        fd = below;
    }
    below = openat(fd, ".wherry-aaaaaaaa", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_return_code(below, errno);
    close(below);
    close(fd);
    assert_int_equal(scratch_in_child(sweep_with_few_descriptors, NULL, false), 1);
}

static void test_a_sweep_that_is_stopped_leaves_the_rest(void **state)
{
    atomic_bool stop = true;
    size_t removed = 7;

    (void)state;
    scratch_file("root/.wherry-aaaaaaaa", "half");
    assert_int_equal(sweep_until(&stop, &removed), RES_SHUTDOWN);
    assert_int_equal(removed, 7);
    assert_int_equal(scratch_count("root"), 2);
    stop = false;
    assert_int_equal(sweep_until(&stop, &removed), RES_OK);
    assert_int_equal(removed, 1);
}

static int sweep_mounted(void *arg)
{
    if (!scratch_private_mounts() || mount("none", "root/dir", "tmpfs", 0, NULL) == -1) {
        return SCRATCH_CANNOT;
    }
    /* The descriptor of the setup still sees the mounts as they were. */
    root_fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    scratch_file("root/dir/.wherry-aaaaaaaa", "half");
    return sweep_unreadable(arg);
}

static void test_other_file_systems_are_swept_too(void **state)
{
    int status;

    (void)state;
    status = scratch_in_child(sweep_mounted, NULL, false);
    if (status == SCRATCH_CANNOT) {
        scratch_skip("no permission to mount");
    }
    assert_int_equal(status, 1);
}

/* --- what is kept of uploads that may be resumed --- */

#define KEPT_ID "0a000000000000000000000000000000"

static const uint8_t kept_id[WHERRY_UPLOAD_ID_BYTES] = {0xa};

/* Open and locked, or else as a broken upload leaves it. */
static void keep_in(const char *path, bool runs, struct temp *ret)
{
    struct keep_record rec = {.facts = {.size = 9, .name = "file"}};
    int dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    assert_return_code(dir_fd, errno);
    assert_int_equal(keep_open(dir_fd, kept_id, UINT64_MAX, &rec, ret), RES_OK);
    if (!runs) {
        temp_leave(ret);
    }
    close(dir_fd);
}

struct told {
    size_t count;
    bool answer;
};

static bool on_kept(void *arg, int dir_fd, const uint8_t id[WHERRY_UPLOAD_ID_BYTES],
                    const struct keep_record *rec)
{
    struct told *told = arg;

    told->count++;
    assert_memory_equal(id, kept_id, sizeof(kept_id));
    assert_string_equal(rec->facts.name, "file");
    assert_int_equal(faccessat(dir_fd, ".wherry-r" KEPT_ID, F_OK, 0), 0);
    return told->answer;
}

static void test_what_is_kept_is_told_and_judged(void **state)
{
    struct told told = {.answer = true};
    const struct sweep_params p = {
        .root_fd = root_fd, .stop = &never, .kept = on_kept, .arg = &told};
    struct temp t;
    size_t removed;

    (void)state;
    keep_in("root/dir", false, &t);
    sweeps(0); /* who asks nothing removes nothing */
    assert_int_equal(sweep(&p, &removed), RES_OK);
    assert_int_equal(told.count, 1);
    assert_int_equal(removed, 0);
    assert_int_equal(scratch_count("root/dir"), 2);
    told.answer = false;
    assert_int_equal(sweep(&p, &removed), RES_OK);
    assert_int_equal(told.count, 2);
    assert_int_equal(removed, 1);
    assert_int_equal(scratch_count("root/dir"), 0);
}

static void test_what_runs_is_not_told(void **state)
{
    struct told told = {.answer = false};
    const struct sweep_params p = {
        .root_fd = root_fd, .stop = &never, .kept = on_kept, .arg = &told};
    struct temp t;
    size_t removed;

    (void)state;
    keep_in("root/dir", true, &t);
    assert_int_equal(sweep(&p, &removed), RES_OK);
    assert_int_equal(told.count, 0);
    assert_int_equal(removed, 0);
    assert_int_equal(scratch_count("root/dir"), 2);
    temp_leave(&t);
}

static void test_halves_of_what_was_kept_go(void **state)
{
    struct temp t;

    (void)state;
    keep_in("root/dir", false, &t);
    assert_return_code(unlink("root/dir/.wherry-r" KEPT_ID), errno);
    sweeps(1);
    keep_in("root/dir", false, &t);
    assert_return_code(unlink("root/dir/.wherry-u" KEPT_ID), errno);
    sweeps(1);
    keep_in("root/dir", false, &t);
    assert_return_code(truncate("root/dir/.wherry-r" KEPT_ID, 100), errno); /* torn */
    sweeps(1);
    assert_int_equal(scratch_count("root/dir"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_left_overs_go_everywhere_and_nothing_else),
        TEST(test_left_overs_that_nobody_may_write_go_too),
        TEST(test_a_running_upload_stays),
        TEST(test_only_regular_files_go),
        TEST(test_links_are_not_followed),
        TEST(test_parts_that_cannot_be_read_hold_up_nothing),
        TEST(test_a_deep_tree_needs_few_descriptors),
        TEST(test_a_sweep_that_is_stopped_leaves_the_rest),
        TEST(test_other_file_systems_are_swept_too),
        TEST(test_what_is_kept_is_told_and_judged),
        TEST(test_what_runs_is_not_told),
        TEST(test_halves_of_what_was_kept_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
