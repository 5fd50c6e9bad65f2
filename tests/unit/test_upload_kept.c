/* SPDX-License-Identifier: BSD-2-Clause */
/* What is kept of uploads, when its time is over and when the machine died. */
#include "store/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/keep.h"
#include "support/scratch.h"
#include "support/upload_broken.h"

/* --- time --- */

static void await_reaped(struct upload_story *st)
{
    unsigned gone = 0;

    for (int i = 0; i < 1000 && gone == 0; i++) {
        story_pass(st, 10000000);
        gone = uploads_kept(st->uploads) == 0;
    }
    assert_int_equal(gone, 1);
    story_expect_files(st, 0);
}

static void test_what_is_over_is_reaped(void **state)
{
    struct upload_story *st = *state;
    struct upload_request a = broken_request(id_a);
    struct upload_request b = broken_request(id_b);

    st->limits.keep_ns = 200000000;
    story_limit(st);
    broken_leave(st, &a);
    broken_leave(st, &b);
    await_reaped(st);
    broken_begin_at(st, 0, &a, 0); /* the id is free again */
}

static void test_a_shorter_time_holds_at_once(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q);
    st->limits.keep_ns = 1;
    story_limit(st);
    await_reaped(st);
}

static void test_what_is_over_is_reaped_though_its_name_is_a_directory_now(void **state)
{
    struct upload_story *st = *state;
    struct upload_request top = broken_request(id_a);
    struct upload_request below = broken_request(id_b);

    scratch_dir("root/sub");
    below.name = "sub/file";
    broken_leave(st, &top);
    broken_leave(st, &below);
    story_expect_files(st, 3);
    scratch_dir("root/file");
    scratch_dir("root/sub/file");
    st->limits.keep_ns = 1;
    story_limit(st);
    story_expect_files(st, 2);
    assert_int_equal(scratch_count("root/sub"), 1);
    assert_int_equal(uploads_kept(st->uploads), 0);
}

static void test_what_is_over_at_a_restart_is_removed(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q);
    st->limits.keep_ns = 1;
    story_restart(st);
    assert_int_equal(st->removed, 1);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
}

static void test_time_goes_on_over_a_restart(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);
    struct keep_record rec;
    int dir_fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    uint8_t place[KEEP_PLACE_BYTES];
    int fd;

    broken_leave(st, &q);
    assert_int_equal(keep_read(dir_fd, id_a, &rec), RES_OK);
    rec.sequence++;
    rec.used_ns -= STORY_HOUR_NS - 300000000; /* soon over */
    keep_encode(&rec, id_a, place);
    fd = open(RECORD_A, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, place, sizeof(place), (off_t)(rec.sequence % 2 * sizeof(place))),
                     sizeof(place));
    close(fd);
    close(dir_fd);
    story_restart(st);
    await_reaped(st);
}

/* --- what a power cut leaves --- */

static void tear(off_t at)
{
    int fd = open(RECORD_A, O_WRONLY | O_CLOEXEC);

    assert_return_code(fd, errno);
    assert_int_equal(pwrite(fd, "torn", 4, at), 4);
    close(fd);
}

static void test_one_torn_record_leaves_the_one_before(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q); /* second writing: after begin and break */
    tear(20);             /* the first place holds writing 2 */
    story_restart(st);
    /* The one before says that nothing counts. */
    assert_int_equal(uploads_kept(st->uploads), 0);
    assert_int_equal(st->removed, 1);

    broken_leave(st, &q);
    tear(KEEP_PLACE_BYTES + 20);
    story_restart(st);
    assert_int_equal(uploads_kept(st->uploads), 1);
    broken_finish(st, &q);
}

static void test_records_without_use_are_removed(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q);
    tear(20);
    tear(KEEP_PLACE_BYTES + 20);
    story_restart(st);
    assert_int_equal(st->removed, 1);
    story_expect_files(st, 0);

    broken_leave(st, &q);
    assert_return_code(unlink(DATA_A), errno);
    story_restart(st);
    assert_int_equal(st->removed, 1);
    story_expect_files(st, 0);

    broken_leave(st, &q);
    assert_return_code(unlink(RECORD_A), errno);
    story_restart(st);
    assert_int_equal(st->removed, 1);
    story_expect_files(st, 0);

    broken_leave(st, &q);
    assert_return_code(truncate(DATA_A, 2), errno); /* less than counts */
    broken_begin_at(st, 0, &q, 0);
}

static void test_what_was_moved_cannot_go_on_and_is_removed(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q);
    scratch_dir("root/dir");
    assert_return_code(rename(DATA_A, "root/dir/.wherry-u0a000000000000000000000000000000"), errno);
    assert_return_code(rename(RECORD_A, "root/dir/.wherry-r0a000000000000000000000000000000"),
                       errno);
    story_restart(st);
    assert_int_equal(uploads_kept(st->uploads), 0);
    assert_int_equal(scratch_count("root/dir"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, story_setup, story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_over_is_reaped),
        TEST(test_a_shorter_time_holds_at_once),
        TEST(test_what_is_over_is_reaped_though_its_name_is_a_directory_now),
        TEST(test_what_is_over_at_a_restart_is_removed),
        TEST(test_time_goes_on_over_a_restart),
        TEST(test_one_torn_record_leaves_the_one_before),
        TEST(test_records_without_use_are_removed),
        TEST(test_what_was_moved_cannot_go_on_and_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
