/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/writer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/upload.h"

static const struct policy_who replaces = {.write = POLICY_WRITE_REPLACE};

static enum res begin(struct writer **ret, const struct jail *j, const char *name, uint64_t size)
{
    const struct writer_params p = {.replace = true, .mode = 0640, .expected_size = size};

    return writer_begin(ret, j, name, &replaces, &p);
}

static void test_more_than_the_free_space_is_refused_at_once(void **state)
{
    struct writer *w;

    (void)state;
    assert_int_equal(begin(&w, upload_jail(), "file", WRITER_SIZE_UNKNOWN - 1), RES_NO_SPACE);
    assert_int_equal(begin(&w, upload_jail(), "file", 1), RES_OK);
    writer_abort(w);
}

enum { SMALL = 256 * 1024 };

/* Which step went wrong, or 0. */
static int fill_small_disk(void *arg)
{
    static uint8_t bytes[2 * SMALL];
    struct jail *small = NULL;
    struct writer *w;
    struct statvfs fs;

    (void)arg;
    if (!scratch_private_mounts() || mount("none", "root", "tmpfs", 0, "size=256k") == -1) {
        return SCRATCH_CANNOT;
    }
    scratch_file("root/file", "old");
    if (jail_open(&small, "root") != RES_OK || statvfs("root", &fs) == -1) {
        return 1;
    }
    if (begin(&w, small, "file", SMALL) != RES_NO_SPACE) {
        return 2;
    }
    if (begin(&w, small, "file", fs.f_bavail * fs.f_frsize) != RES_OK) {
        return 3;
    }
    if (writer_write(w, bytes, sizeof(bytes)) != RES_NO_SPACE ||
        writer_write(w, bytes, 1) != RES_NO_SPACE || writer_commit(w, NULL) != RES_NO_SPACE) {
        return 4;
    }
    scratch_holds("root/file", "old");
    return scratch_count("root") == 1 && begin(&w, small, "x", SMALL / 2) == RES_OK ? 0 : 5;
}

static void test_a_full_disk_leaves_the_old_file(void **state)
{
    int status;

    (void)state;
    status = scratch_in_child(fill_small_disk, NULL, false);
    if (status == SCRATCH_CANNOT) {
        scratch_skip("no permission to mount a small tmpfs");
    }
    assert_int_equal(status, 0);
}

/* Which step went wrong, or 0. */
static int keep_reserve(void *arg)
{
    static uint8_t bytes[WRITER_LOOK_BYTES];
    struct writer_params p = {
        .replace = true, .mode = 0640, .expected_size = WRITER_SIZE_UNKNOWN, .reserve = 4 << 20};
    struct jail *small = NULL;
    struct writer *w;

    (void)arg;
    if (!scratch_private_mounts() || mount("none", "root", "tmpfs", 0, "size=16m") == -1) {
        return SCRATCH_CANNOT;
    }
    if (jail_open(&small, "root") != RES_OK) {
        return 1;
    }
    p.expected_size = 12 << 20;
    if (writer_begin(&w, small, "file", &replaces, &p) != RES_OK) {
        return 2;
    }
    writer_abort(w);
    p.expected_size++;
    if (writer_begin(&w, small, "file", &replaces, &p) != RES_NO_SPACE) {
        return 3;
    }
    p.expected_size = WRITER_SIZE_UNKNOWN;
    if (writer_begin(&w, small, "file", &replaces, &p) != RES_OK ||
        writer_write(w, bytes, sizeof(bytes)) != RES_OK) {
        return 4;
    }
    if (writer_write(w, bytes, (4 << 20) + 1) != RES_NO_SPACE || writer_bytes(w) != sizeof(bytes)) {
        return 5;
    }
    writer_retry(w);
    if (writer_write(w, bytes, 4 << 20) != RES_OK || writer_commit(w, NULL) != RES_OK) {
        return 6;
    }
    /* The reserve is all that is left. */
    return writer_begin(&w, small, "x", &replaces, &p) == RES_OK &&
                   writer_write(w, bytes, 1) == RES_OK
               ? 0
               : 7;
}

static void test_the_reserve_stays_free(void **state)
{
    int status;

    (void)state;
    status = scratch_in_child(keep_reserve, NULL, false);
    if (status == SCRATCH_CANNOT) {
        scratch_skip("no permission to mount a small tmpfs");
    }
    assert_int_equal(status, 0);
}

static void test_the_largest_upload_is_the_limit(void **state)
{
    struct writer_params p = {.replace = true, .mode = 0640, .expected_size = 5, .size_max = 4};
    struct writer *w;

    (void)state;
    scratch_file("root/file", "old");
    assert_int_equal(writer_begin(&w, upload_jail(), "file", &replaces, &p), RES_TOO_LARGE);
    p.expected_size = 4;
    assert_int_equal(writer_begin(&w, upload_jail(), "file", &replaces, &p), RES_OK);
    writer_abort(w);
    p.expected_size = WRITER_SIZE_UNKNOWN;
    assert_int_equal(writer_begin(&w, upload_jail(), "file", &replaces, &p), RES_OK);
    assert_int_equal(writer_write(w, (const uint8_t *)"four", 4), RES_OK);
    assert_int_equal(writer_write(w, (const uint8_t *)"5", 1), RES_TOO_LARGE);
    assert_int_equal(writer_commit(w, NULL), RES_TOO_LARGE);
    scratch_holds("root/file", "old");
    p.size_max = 0;
    assert_int_equal(writer_begin(&w, upload_jail(), "file", &replaces, &p), RES_OK);
    assert_int_equal(writer_write(w, (const uint8_t *)"12345", 5), RES_OK);
    assert_int_equal(writer_commit(w, NULL), RES_OK);
    scratch_holds("root/file", "12345");
}

static int write_beyond_limit(void *arg)
{
    const struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
    uint8_t bytes[5000] = {0};
    struct writer *w;

    (void)arg;
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) == -1 ||
        upload_try(&w, "file", POLICY_WRITE_REPLACE) != RES_OK) {
        return 1;
    }
    if (writer_write(w, bytes, sizeof(bytes)) != RES_TOO_LARGE) {
        return 2;
    }
    return writer_commit(w, NULL) == RES_TOO_LARGE ? 0 : 3;
}

static void test_a_file_over_the_limit_leaves_the_old_one(void **state)
{
    (void)state;
    scratch_file("root/file", "old");
    assert_int_equal(scratch_in_child(write_beyond_limit, NULL, false), 0);
    scratch_holds("root/file", "old");
    assert_int_equal(scratch_count("root"), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, upload_setup, upload_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_more_than_the_free_space_is_refused_at_once),
        TEST(test_a_full_disk_leaves_the_old_file),
        TEST(test_the_reserve_stays_free),
        TEST(test_the_largest_upload_is_the_limit),
        TEST(test_a_file_over_the_limit_leaves_the_old_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
