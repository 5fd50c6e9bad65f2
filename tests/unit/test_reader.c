/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PIECE = 65536, SIZE = 3 * PIECE + 1234 };

/* --- what the kernel says to "is it in memory?" --- */

enum nowait { NOWAIT_REAL, NOWAIT_COLD, NOWAIT_HALF, NOWAIT_UNSUPPORTED };

static enum nowait nowait;
static bool statfs_says_tmpfs;
static unsigned statfs_calls;

ssize_t __real_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
int __real_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs64(int fd, struct statfs *ret);

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    struct iovec half = {.iov_base = iov->iov_base, .iov_len = iov->iov_len / 2};

    assert_int_equal(count, 1);
    assert_int_equal(flags, RWF_NOWAIT);
    switch (nowait) {
    case NOWAIT_COLD:
        errno = EAGAIN;
        return -1;
    case NOWAIT_HALF:
        return pread(fd, half.iov_base, half.iov_len, offset);
    case NOWAIT_UNSUPPORTED:
        errno = EOPNOTSUPP;
        return -1;
    case NOWAIT_REAL:
        break;
    }
    return __real_preadv2(fd, iov, count, offset, flags);
}

ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    return __wrap_preadv2(fd, iov, count, offset, flags);
}

int __wrap_fstatfs(int fd, struct statfs *ret)
{
    if (nowait != NOWAIT_UNSUPPORTED) {
        return __real_fstatfs(fd, ret);
    }
    memset(ret, 0, sizeof(*ret));
    ret->f_type = statfs_says_tmpfs ? TMPFS_MAGIC : EXT4_SUPER_MAGIC;
    statfs_calls++;
    return 0;
}

int __wrap_fstatfs64(int fd, struct statfs *ret)
{
    return __wrap_fstatfs(fd, ret);
}

/* --- a file of SIZE bytes and its reader --- */

struct fixture {
    char dir[256];
    char path[300];
    char other[300]; /* a second name in the same directory */
    struct stat at_open;
    int fd;
    struct reader *reader;
    uint8_t *bytes;
    uint8_t to[SIZE];
};

static uint8_t file_byte(uint64_t offset, unsigned version)
{
    return (uint8_t)(offset * 7 + offset / 253 + version * 101);
}

static void write_file(const char *path, unsigned version, size_t size, int flags)
{
    uint8_t *bytes = malloc(size + 1);
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);

    assert_non_null(bytes);
    assert_int_not_equal(fd, -1);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = file_byte(i, version);
    }
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    assert_int_equal(close(fd), 0);
    free(bytes);
}

static void open_reader(struct fixture *f)
{
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    assert_int_not_equal(f->fd, -1);
    assert_int_equal(fstat(f->fd, &f->at_open), 0);
    assert_int_equal(reader_new(&f->reader, f->fd, &f->at_open), RES_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");

    assert_non_null(f);
    nowait = NOWAIT_REAL;
    statfs_says_tmpfs = false;
    statfs_calls = 0;
    (void)snprintf(f->dir, sizeof(f->dir), "%s/reader-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/file", f->dir);
    (void)snprintf(f->other, sizeof(f->other), "%s/other", f->dir);
    write_file(f->path, 1, SIZE, O_CREAT);
    open_reader(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    reader_free(f->reader);
    (void)unlink(f->path);
    (void)unlink(f->other);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void expect_bytes(struct fixture *f, uint64_t offset, size_t len)
{
    memset(f->to, 0, len);
    assert_int_equal(reader_get(f->reader, offset, f->to, len), RES_OK);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(f->to[i], file_byte(offset + i, 1));
    }
}

/* As the pool and then the loop do it. */
static void expect_loaded(struct fixture *f, uint64_t offset, size_t len)
{
    memset(f->to, 0, len);
    assert_int_equal(reader_load(f->reader, offset, f->to, len), RES_OK);
    assert_int_equal(reader_check(f->reader), RES_OK);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(f->to[i], file_byte(offset + i, 1));
    }
}

static void expect_result(struct fixture *f, uint64_t offset, size_t len, enum res expected)
{
    assert_int_equal(reader_get(f->reader, offset, f->to, len), expected);
}

/* Writes other bytes of the same length over the open file and gives it its old mtime back. Done
 * again until the file system's clock has moved: older kernels move it every 4 ms. */
static void rewrite_in_place(struct fixture *f)
{
    const time_t give_up = time(NULL) + 30;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, f->at_open.st_mtim};
    struct stat st;

    do {
        assert_true(time(NULL) < give_up);
        write_file(f->path, 2, SIZE, 0);
        assert_int_equal(utimensat(AT_FDCWD, f->path, times, 0), 0);
        assert_int_equal(stat(f->path, &st), 0);
    } while (st.st_ctim.tv_sec == f->at_open.st_ctim.tv_sec &&
             st.st_ctim.tv_nsec == f->at_open.st_ctim.tv_nsec);
    assert_int_equal(st.st_size, f->at_open.st_size);
    assert_int_equal(st.st_mtim.tv_sec, f->at_open.st_mtim.tv_sec);
    assert_int_equal(st.st_mtim.tv_nsec, f->at_open.st_mtim.tv_nsec);
}

/* --- on the spot, or later --- */

static void test_size_is_that_at_open(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(reader_size(f->reader), SIZE);
}

/* Whatever the file system answers, the bytes come, at the latest after a load. */
static void test_file_is_read_whole_from_the_real_file_system(void **state)
{
    struct fixture *f = *state;

    expect_loaded(f, 0, SIZE);
    if (reader_get(f->reader, 0, f->to, SIZE) == RES_OK) {
        expect_bytes(f, 0, SIZE);
        expect_bytes(f, SIZE - 1, 1);
    }
    expect_bytes(f, SIZE, 0);
}

static void test_file_dropped_from_memory_is_read_whole(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fsync(f->fd), 0);
    assert_int_equal(posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    if (reader_get(f->reader, PIECE, f->to, 1000) == RES_LATER) {
        expect_loaded(f, PIECE, 1000);
    } else {
        expect_bytes(f, PIECE, 1000);
    }
}

static void test_span_not_in_memory_is_later_and_can_be_loaded(void **state)
{
    struct fixture *f = *state;

    nowait = NOWAIT_COLD;
    expect_result(f, 500, 700, RES_LATER);
    expect_loaded(f, 500, 700);
    expect_loaded(f, 0, SIZE);
    expect_loaded(f, SIZE - 1, 1);
}

static void test_span_partly_in_memory_is_later(void **state)
{
    struct fixture *f = *state;

    nowait = NOWAIT_HALF;
    expect_result(f, 500, 700, RES_LATER);
}

static void test_what_is_in_memory_of_a_span_can_be_had(void **state)
{
    struct fixture *f = *state;
    size_t have = 99;

    nowait = NOWAIT_HALF;
    assert_int_equal(reader_get_some(f->reader, 500, f->to, 700, &have), RES_OK);
    assert_int_equal(have, 350);
    for (size_t i = 0; i < have; i++) {
        assert_int_equal(f->to[i], file_byte(500 + i, 1));
    }
    nowait = NOWAIT_COLD;
    assert_int_equal(reader_get_some(f->reader, 500, f->to, 700, &have), RES_OK);
    assert_int_equal(have, 0);
}

static void test_empty_span_is_there_without_a_load(void **state)
{
    struct fixture *f = *state;

    nowait = NOWAIT_COLD;
    expect_result(f, SIZE, 0, RES_OK);
}

static void test_without_nowait_tmpfs_is_read_on_the_spot(void **state)
{
    struct fixture *f = *state;

    nowait = NOWAIT_UNSUPPORTED;
    statfs_says_tmpfs = true;
    expect_bytes(f, 100, 1000);
    expect_bytes(f, PIECE, 2000);
    assert_int_equal(statfs_calls, 1);
}

static void test_without_nowait_other_file_systems_are_loaded(void **state)
{
    struct fixture *f = *state;

    nowait = NOWAIT_UNSUPPORTED;
    expect_result(f, 100, 1000, RES_LATER);
    assert_true(reader_is_blind(f->reader));
    expect_loaded(f, 100, 1000);
    expect_result(f, 100, 1000, RES_LATER);
    assert_int_equal(statfs_calls, 1);
}

static void test_offsets_past_4_gib_are_read(void **state)
{
    struct fixture *f = *state;
    const uint64_t offset = UINT64_C(5) << 30;
    int fd = open(f->other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct reader *r = NULL;
    struct stat st;
    uint8_t to[4];

    assert_int_not_equal(fd, -1);
    assert_int_equal(pwrite(fd, "wrap", 4, (off_t)offset), 4);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(reader_new(&r, fd, &st), RES_OK);
    assert_int_equal(reader_load(r, offset, to, 4), RES_OK);
    assert_memory_equal(to, "wrap", 4);
    memset(to, 0, 4);
    if (reader_get(r, offset, to, 4) == RES_OK) { /* not every file system can say so */
        assert_memory_equal(to, "wrap", 4);
    }
    reader_free(r);
}

/* --- files that change --- */

static void test_file_rewritten_in_place_is_changed(void **state)
{
    struct fixture *f = *state;

    expect_bytes(f, 0, 1000);
    rewrite_in_place(f);
    expect_result(f, 1000, 1000, RES_CHANGED);
    expect_result(f, 0, 1000, RES_CHANGED);
}

/* The bytes may be of either version. */
static void test_bytes_loaded_around_a_change_are_not_good(void **state)
{
    struct fixture *f = *state;

    nowait = NOWAIT_COLD;
    assert_int_equal(reader_load(f->reader, 0, f->to, 1000), RES_OK);
    rewrite_in_place(f);
    assert_int_equal(reader_check(f->reader), RES_CHANGED);
    assert_true(reader_has_changed(f->reader));
    assert_int_equal(reader_check(f->reader), RES_CHANGED);
    expect_result(f, 500, 500, RES_CHANGED);
}

static void test_changed_stays_changed(void **state)
{
    struct fixture *f = *state;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, f->at_open.st_mtim};

    assert_int_equal(truncate(f->path, SIZE - 1), 0);
    expect_result(f, 0, 10, RES_CHANGED);
    assert_int_equal(truncate(f->path, SIZE), 0);
    assert_int_equal(utimensat(AT_FDCWD, f->path, times, 0), 0);
    expect_result(f, 0, 10, RES_CHANGED);
}

static void test_file_that_grew_is_changed(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, 1, 10, O_APPEND);
    expect_result(f, 0, 1000, RES_CHANGED);
}

static void test_file_that_shrank_is_changed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(truncate(f->path, 1000), 0);
    expect_result(f, 500, 1000, RES_CHANGED);
}

static void test_load_of_a_file_that_shrank_is_changed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(truncate(f->path, 1000), 0);
    assert_int_equal(reader_load(f->reader, 0, f->to, 2000), RES_CHANGED);
    expect_result(f, 0, 500, RES_CHANGED);
}

static void test_file_replaced_by_rename_goes_on_with_its_old_bytes(void **state)
{
    struct fixture *f = *state;

    expect_bytes(f, 0, 1000);
    write_file(f->other, 2, SIZE, O_CREAT);
    assert_int_equal(rename(f->other, f->path), 0);
    expect_bytes(f, 1000, PIECE);
    expect_bytes(f, SIZE - 10, 10);
}

static void test_file_that_got_and_lost_a_second_name_goes_on(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(link(f->path, f->other), 0);
    expect_bytes(f, 0, 1000);
    assert_int_equal(unlink(f->path), 0);
    expect_bytes(f, 1000, 1000);
}

static void test_unlinked_file_that_is_rewritten_is_changed(void **state)
{
    struct fixture *f = *state;
    int fd = open(f->path, O_WRONLY | O_CLOEXEC);

    assert_int_not_equal(fd, -1);
    assert_int_equal(unlink(f->path), 0);
    expect_bytes(f, 0, 1000);
    assert_int_equal(ftruncate(fd, SIZE - 1), 0);
    assert_int_equal(close(fd), 0);
    expect_result(f, 0, 1000, RES_CHANGED);
}

/* The link count excuses a new ctime, never a new mtime. */
static void test_file_rewritten_and_then_unlinked_is_changed(void **state)
{
    struct fixture *f = *state;
    const struct timespec later[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = f->at_open.st_mtim.tv_sec + 1, .tv_nsec = f->at_open.st_mtim.tv_nsec}};

    expect_bytes(f, 0, 1000);
    write_file(f->path, 2, SIZE, 0);
    assert_int_equal(utimensat(AT_FDCWD, f->path, later, 0), 0);
    assert_int_equal(unlink(f->path), 0);
    expect_result(f, 1000, 1000, RES_CHANGED);
}

/* --- one reader for many --- */

static void test_reader_is_the_file_of_an_equal_stat(void **state)
{
    struct fixture *f = *state;

    assert_true(reader_is(f->reader, &f->at_open));
}

static void test_reader_is_no_file_of_which_one_of_five_differs(void **state)
{
    struct fixture *f = *state;
    struct stat st[7];

    for (size_t i = 0; i < 7; i++) {
        st[i] = f->at_open;
    }
    st[0].st_dev++;
    st[1].st_ino++;
    st[2].st_size++;
    st[3].st_mtim.tv_sec++;
    st[4].st_mtim.tv_nsec ^= 1;
    st[5].st_ctim.tv_sec++;
    st[6].st_ctim.tv_nsec ^= 1;
    for (size_t i = 0; i < 7; i++) {
        assert_false(reader_is(f->reader, &st[i]));
    }
    /* A link count that differs excuses nothing here. */
    st[6].st_nlink++;
    assert_false(reader_is(f->reader, &st[6]));
}

static void test_reader_that_has_changed_is_no_file_any_more(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(truncate(f->path, 10), 0);
    expect_result(f, 0, 10, RES_CHANGED);
    assert_false(reader_is(f->reader, &f->at_open));
    assert_int_equal(stat(f->path, &st), 0);
    assert_false(reader_is(f->reader, &st));
}

static void test_the_last_who_holds_it_closes_the_descriptor(void **state)
{
    struct fixture *f = *state;

    assert_ptr_equal(reader_hold(f->reader), f->reader);
    reader_free(f->reader);
    assert_int_not_equal(fcntl(f->fd, F_GETFD), -1);
    expect_bytes(f, 0, 0);
    reader_free(f->reader);
    f->reader = NULL;
    assert_int_equal(fcntl(f->fd, F_GETFD), -1);
    reader_free(NULL);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_size_is_that_at_open),
        STORY(test_file_is_read_whole_from_the_real_file_system),
        STORY(test_file_dropped_from_memory_is_read_whole),
        STORY(test_span_not_in_memory_is_later_and_can_be_loaded),
        STORY(test_span_partly_in_memory_is_later),
        STORY(test_what_is_in_memory_of_a_span_can_be_had),
        STORY(test_empty_span_is_there_without_a_load),
        STORY(test_without_nowait_tmpfs_is_read_on_the_spot),
        STORY(test_without_nowait_other_file_systems_are_loaded),
        STORY(test_offsets_past_4_gib_are_read),
        STORY(test_file_rewritten_in_place_is_changed),
        STORY(test_bytes_loaded_around_a_change_are_not_good),
        STORY(test_changed_stays_changed),
        STORY(test_file_that_grew_is_changed),
        STORY(test_file_that_shrank_is_changed),
        STORY(test_load_of_a_file_that_shrank_is_changed),
        STORY(test_file_replaced_by_rename_goes_on_with_its_old_bytes),
        STORY(test_file_that_got_and_lost_a_second_name_goes_on),
        STORY(test_unlinked_file_that_is_rewritten_is_changed),
        STORY(test_file_rewritten_and_then_unlinked_is_changed),
        STORY(test_reader_is_the_file_of_an_equal_stat),
        STORY(test_reader_is_no_file_of_which_one_of_five_differs),
        STORY(test_reader_that_has_changed_is_no_file_any_more),
        STORY(test_the_last_who_holds_it_closes_the_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
