/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/span.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/exact.h"
#include "store/jail.h"
#include "support/pattern.h"
#include "support/scratch.h"

enum { UNIT = 65536, MIB = 1048576, SIZE = 3 * MIB + 1234 };

/* --- what the kernel says to "is it in memory?" --- */

static struct {
    bool supported;
    bool tmpfs;
    uint64_t from, past; /* what is in memory */
    unsigned probes;     /* since the last look */
} kernel;

/* What the pool read: the whole of it, in one loading at a time. */
static atomic_ullong read_from, read_past;
static atomic_int read_fails; /* errno */
static bool names_are_cold;

ssize_t __real_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __real_pread(int fd, void *to, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t offset);
ssize_t __wrap_pread64(int fd, void *to, size_t len, off_t offset);
int __wrap_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs64(int fd, struct statfs *ret);
enum res __real_exact_open_file(const struct jail *j, const char *name, enum jail_how how,
                                const struct policy_who *who, int *ret_fd, struct stat *ret_stat);
enum res __wrap_exact_open_file(const struct jail *j, const char *name, enum jail_how how,
                                const struct policy_who *who, int *ret_fd, struct stat *ret_stat);

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    uint64_t from = (uint64_t)offset;
    size_t len = iov->iov_len;
    struct stat st;

    assert_int_equal(count, 1);
    assert_int_equal(flags, RWF_NOWAIT);
    kernel.probes++;
    if (!kernel.supported) {
        errno = EOPNOTSUPP;
        return -1;
    }
    assert_int_equal(fstat(fd, &st), 0);
    if (from >= (uint64_t)st.st_size) {
        return 0;
    }
    if (from < kernel.from || from >= kernel.past) {
        errno = EAGAIN;
        return -1;
    }
    len = len < kernel.past - from ? len : (size_t)(kernel.past - from);
    return __real_pread(fd, iov->iov_base, len, offset);
}

ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    return __wrap_preadv2(fd, iov, count, offset, flags);
}

ssize_t __wrap_pread(int fd, void *to, size_t len, off_t offset)
{
    ssize_t n = -1;

    errno = atomic_load(&read_fails);
    if (errno == 0) {
        n = __real_pread(fd, to, len, offset);
    }
    if (n > 0 && (uint64_t)offset < atomic_load(&read_from)) {
        atomic_store(&read_from, (uint64_t)offset);
    }
    if (n > 0 && (uint64_t)(offset + n) > atomic_load(&read_past)) {
        atomic_store(&read_past, (uint64_t)(offset + n));
    }
    return n;
}

ssize_t __wrap_pread64(int fd, void *to, size_t len, off_t offset)
{
    return __wrap_pread(fd, to, len, offset);
}

int __wrap_fstatfs(int fd, struct statfs *ret)
{
    (void)fd;
    memset(ret, 0, sizeof(*ret));
    ret->f_type = kernel.tmpfs ? TMPFS_MAGIC : EXT4_SUPER_MAGIC;
    return 0;
}

int __wrap_fstatfs64(int fd, struct statfs *ret)
{
    return __wrap_fstatfs(fd, ret);
}

enum res __wrap_exact_open_file(const struct jail *j, const char *name, enum jail_how how,
                                const struct policy_who *who, int *ret_fd, struct stat *ret_stat)
{
    if (how == JAIL_CACHED && names_are_cold) {
        return RES_LATER;
    }
    return __real_exact_open_file(j, name, how, who, ret_fd, ret_stat);
}

/* --- a file of SIZE bytes and a span of it --- */

struct fixture {
    struct loop *loop;
    struct pool *pool;
    struct jail *jail;
    struct span *span;
    unsigned opened, ready;
    enum res result; /* of the last of them */
    bool free_in_callback;
};

static void on_callback(struct fixture *f, enum res r)
{
    f->result = r;
    if (f->free_in_callback) {
        span_free(f->span);
        f->span = NULL;
    }
}

static void on_opened(void *owner, enum res r)
{
    struct fixture *f = owner;

    f->opened++;
    on_callback(f, r);
}

static void on_ready(void *owner, enum res r)
{
    struct fixture *f = owner;

    f->ready++;
    on_callback(f, r);
}

static void write_file(const char *path, size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_non_null(bytes);
    assert_return_code(fd, errno);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = pattern_at(i);
    }
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    assert_int_equal(close(fd), 0);
    free(bytes);
}

static enum res open_span(struct fixture *f, const char *name)
{
    const struct span_params p = {
        .pool = f->pool, .opened = on_opened, .ready = on_ready, .owner = f};

    span_free(f->span);
    f->span = NULL;
    return span_open(&f->span, &p, f->jail, name);
}

static void forget_reads(void)
{
    atomic_store(&read_from, UINT64_MAX);
    atomic_store(&read_past, 0);
}

/* From here on only this is in memory. */
static void have_in_memory(uint64_t from, uint64_t past)
{
    kernel.from = from;
    kernel.past = past;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(scratch_setup(state), 0);
    memset(&kernel, 0, sizeof(kernel));
    kernel.supported = true;
    atomic_store(&read_fails, 0);
    names_are_cold = false;
    forget_reads();
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pool_new(&f->pool, f->loop, 1), RES_OK);
    assert_int_equal(jail_open(&f->jail, "."), RES_OK);
    write_file("file", SIZE);
    assert_int_equal(open_span(f, "file"), RES_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    span_free(f->span);
    pool_free(f->pool);
    jail_free(f->jail);
    loop_free(f->loop);
    free(f);
    return scratch_teardown(state);
}

static void expect_resident(struct fixture *f, uint64_t offset, size_t len, size_t expected)
{
    size_t n = 0;

    assert_int_equal(span_resident(f->span, offset, len, &n), RES_OK);
    assert_int_equal(n, expected);
}

static void expect_later(struct fixture *f, uint64_t offset, size_t len)
{
    size_t n = 0;

    assert_int_equal(span_resident(f->span, offset, len, &n), RES_LATER);
}

static void wait_ready(struct fixture *f, unsigned times, enum res expected)
{
    while (f->ready < times) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(f->ready, times);
    assert_int_equal(f->result, expected);
}

static void wait_opened(struct fixture *f, enum res expected)
{
    while (f->opened == 0) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(f->opened, 1);
    assert_int_equal(f->result, expected);
}

static void expect_loaded(uint64_t from, uint64_t past)
{
    assert_int_equal(atomic_load(&read_from), from);
    assert_int_equal(atomic_load(&read_past), past);
    forget_reads();
}

static void expect_pattern(const uint8_t *bytes, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(bytes[i], pattern_at((size_t)offset + i));
    }
}

/* --- opening --- */

static void test_file_whose_name_is_in_memory_is_open_at_once(void **state)
{
    struct fixture *f = *state; /* setup() opened it so */
    struct stat st;

    assert_int_equal(span_stat(f->span)->st_size, SIZE);
    assert_int_equal(fstat(span_fd(f->span), &st), 0);
    assert_int_equal(st.st_ino, span_stat(f->span)->st_ino);
    assert_int_equal(f->opened, 0);
}

static void test_file_whose_name_is_cold_is_opened_by_the_pool(void **state)
{
    struct fixture *f = *state;

    names_are_cold = true;
    assert_int_equal(open_span(f, "file"), RES_LATER);
    assert_int_equal(f->opened, 0);
    wait_opened(f, RES_OK);
    assert_int_equal(span_stat(f->span)->st_size, SIZE);
    have_in_memory(0, SIZE);
    expect_resident(f, 0, UNIT, UNIT);
}

/* Not every kernel remembers names that are not there. */
static void test_missing_file_is_not_found_at_once_or_later(void **state)
{
    struct fixture *f = *state;
    enum res r = open_span(f, "missing");

    if (r == RES_LATER) {
        wait_opened(f, RES_NOT_FOUND);
    } else {
        assert_int_equal(r, RES_NOT_FOUND);
        assert_null(f->span);
    }
}

static void test_missing_file_whose_name_is_cold_is_not_found_later(void **state)
{
    struct fixture *f = *state;

    names_are_cold = true;
    assert_int_equal(open_span(f, "missing"), RES_LATER);
    wait_opened(f, RES_NOT_FOUND);
}

static void test_span_may_be_freed_while_the_pool_works(void **state)
{
    struct fixture *f = *state;

    expect_later(f, 0, UNIT);
    names_are_cold = true;
    assert_int_equal(open_span(f, "file"), RES_LATER); /* frees the first */
    span_free(f->span);
    f->span = NULL;
    pool_free(f->pool);
    f->pool = NULL;
    assert_int_equal(f->opened + f->ready, 0);
    span_free(NULL);
}

static void test_span_may_be_freed_by_its_callbacks(void **state)
{
    struct fixture *f = *state;

    f->free_in_callback = true;
    expect_later(f, 0, UNIT);
    wait_ready(f, 1, RES_OK);
    names_are_cold = true;
    assert_int_equal(open_span(f, "file"), RES_LATER);
    wait_opened(f, RES_OK);
    assert_null(f->span);
}

static void test_free_closes_the_descriptor(void **state)
{
    struct fixture *f = *state;
    int fd = span_fd(f->span);

    span_free(f->span);
    f->span = NULL;
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* --- what may be sent at once --- */

static void test_range_in_memory_may_be_sent_whole(void **state)
{
    struct fixture *f = *state;

    have_in_memory(0, SIZE);
    expect_resident(f, 0, 4 * UNIT, 4 * UNIT);
    expect_resident(f, UNIT - 1, 2, 2);
    expect_resident(f, UNIT, 1, 1);
    expect_resident(f, 5, 1, 1);
    expect_resident(f, SIZE - 1, 1, 1);
    expect_resident(f, 100, MIB, MIB);
    assert_int_equal(f->ready, 0);
}

/* A quarter of the cost of sending would be spent on asking for every page. */
static void test_both_ends_of_64_kib_take_one_probe_each(void **state)
{
    struct fixture *f = *state;

    have_in_memory(0, SIZE);
    kernel.probes = 0;
    expect_resident(f, 0, 4 * UNIT, 4 * UNIT);
    assert_int_equal(kernel.probes, 5); /* the ends, and three borders, of which both sides */
}

static void test_range_is_cut_where_memory_ends(void **state)
{
    struct fixture *f = *state;

    have_in_memory(0, 2 * UNIT);
    expect_resident(f, 0, 4 * UNIT, 2 * UNIT);
    expect_resident(f, UNIT + 7, 4 * UNIT, UNIT - 7);
    have_in_memory(0, 2 * UNIT + 4096); /* the third is not whole */
    expect_resident(f, 0, 4 * UNIT, 2 * UNIT);
}

static void test_range_whose_begin_is_missing_is_read_in_first(void **state)
{
    struct fixture *f = *state;

    have_in_memory(4096, SIZE);
    expect_later(f, 0, 4 * UNIT);
    wait_ready(f, 1, RES_OK);
    expect_loaded(0, 4 * UNIT);
}

static void test_range_whose_end_is_missing_is_read_in_first(void **state)
{
    struct fixture *f = *state;

    have_in_memory(0, 4096);
    expect_later(f, 0, UNIT);
    wait_ready(f, 1, RES_OK);
    expect_loaded(0, UNIT);
}

static void test_while_it_is_read_in_nothing_else_begins(void **state)
{
    struct fixture *f = *state;
    uint8_t byte;

    expect_later(f, 0, UNIT);
    expect_later(f, 0, UNIT);
    expect_later(f, MIB, UNIT);
    assert_int_equal(span_read(f->span, 0, &byte, 1), RES_LATER);
    wait_ready(f, 1, RES_OK);
    expect_loaded(0, UNIT);
    while (!pool_idle(f->pool)) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(f->ready, 1);
}

static void test_callbacks_never_come_from_inside_a_call(void **state)
{
    struct fixture *f = *state;

    expect_later(f, 0, UNIT);
    assert_int_equal(f->ready, 0);
    wait_ready(f, 1, RES_OK);
}

static void test_small_range_brings_64_kib(void **state)
{
    struct fixture *f = *state;

    expect_later(f, 100, 10);
    wait_ready(f, 1, RES_OK);
    expect_loaded(100, 100 + UNIT);
}

/* Who takes the next piece will take those behind it too. */
static void test_next_range_brings_1_mib(void **state)
{
    struct fixture *f = *state;

    expect_later(f, 0, UNIT);
    wait_ready(f, 1, RES_OK);
    expect_loaded(0, UNIT);
    expect_later(f, UNIT, UNIT);
    wait_ready(f, 2, RES_OK);
    expect_loaded(UNIT, UNIT + MIB);
}

static void test_large_range_brings_1_mib(void **state)
{
    struct fixture *f = *state;

    expect_later(f, 0, 2 * MIB);
    wait_ready(f, 1, RES_OK);
    expect_loaded(0, MIB);
}

/* Or who is slow would wait forever on a machine that is short of memory. */
static void test_range_just_read_in_may_be_sent_even_if_it_is_gone_again(void **state)
{
    struct fixture *f = *state;

    expect_later(f, 0, 2 * UNIT);
    wait_ready(f, 1, RES_OK);
    expect_resident(f, 0, 2 * UNIT, 2 * UNIT);
    expect_later(f, 0, 2 * UNIT); /* that was once */
    wait_ready(f, 2, RES_OK);
}

static void test_range_that_cannot_be_read_says_so(void **state)
{
    struct fixture *f = *state;

    atomic_store(&read_fails, EIO);
    expect_later(f, 0, UNIT);
    wait_ready(f, 1, RES_IO);
    expect_later(f, 0, UNIT); /* is tried again */
    wait_ready(f, 2, RES_IO);
}

static void test_range_behind_the_end_may_be_sent(void **state)
{
    struct fixture *f = *state;

    have_in_memory(0, SIZE);
    assert_return_code(truncate("file", 1000), errno);
    expect_resident(f, 0, 4 * UNIT, 4 * UNIT);
    expect_resident(f, 1000, UNIT, UNIT);
    expect_resident(f, MIB, UNIT, UNIT);
}

static void test_range_that_was_cut_while_it_was_read_in_may_be_sent(void **state)
{
    struct fixture *f = *state;

    expect_later(f, MIB, UNIT);
    assert_return_code(truncate("file", 1000), errno);
    wait_ready(f, 1, RES_OK);
    expect_resident(f, MIB, UNIT, UNIT);
}

/* --- file systems that cannot say what is in memory --- */

static void test_without_an_answer_tmpfs_may_be_sent_at_once(void **state)
{
    struct fixture *f = *state;

    kernel.supported = false;
    kernel.tmpfs = true;
    expect_resident(f, 0, MIB, MIB);
    expect_resident(f, MIB, MIB, MIB);
    assert_int_equal(kernel.probes, 1); /* was asked once */
}

static void test_without_an_answer_others_are_read_in_first(void **state)
{
    struct fixture *f = *state;

    kernel.supported = false;
    expect_later(f, 0, 4 * UNIT);
    wait_ready(f, 1, RES_OK);
    expect_loaded(0, 4 * UNIT);
    expect_resident(f, 0, 4 * UNIT, 4 * UNIT);
    expect_later(f, 4 * UNIT, 4 * UNIT);
    wait_ready(f, 2, RES_OK);
    assert_int_equal(kernel.probes, 1);
}

/* A socket takes what it likes of what may be sent. */
static void test_without_an_answer_what_was_read_in_is_good_until_it_was_passed(void **state)
{
    struct fixture *f = *state;

    kernel.supported = false;
    expect_later(f, 0, 4 * UNIT);
    wait_ready(f, 1, RES_OK);
    expect_resident(f, 0, 4 * UNIT, 4 * UNIT);
    expect_resident(f, 1000, 4 * UNIT - 1000, 4 * UNIT - 1000);
    expect_resident(f, 3 * UNIT, 4 * UNIT, UNIT);
    assert_int_equal(f->ready, 1);
}

/* --- small ranges --- */

static void test_small_range_in_memory_is_copied(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[3000];

    have_in_memory(0, SIZE);
    assert_int_equal(span_read(f->span, UNIT - 1000, bytes, sizeof(bytes)), RES_OK);
    expect_pattern(bytes, UNIT - 1000, sizeof(bytes));
    assert_int_equal(span_read(f->span, SIZE, bytes, 0), RES_OK);
}

static void test_small_range_not_in_memory_is_copied_later(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[3000];

    have_in_memory(0, 1000);
    assert_int_equal(span_read(f->span, 0, bytes, sizeof(bytes)), RES_LATER);
    wait_ready(f, 1, RES_OK);
    assert_int_equal(span_read(f->span, 0, bytes, sizeof(bytes)), RES_OK);
    expect_pattern(bytes, 0, sizeof(bytes));
}

static void test_without_an_answer_a_small_range_is_copied_later(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[3000];

    kernel.supported = false;
    assert_int_equal(span_read(f->span, 70, bytes, sizeof(bytes)), RES_LATER);
    wait_ready(f, 1, RES_OK);
    assert_int_equal(span_read(f->span, 70, bytes, sizeof(bytes)), RES_OK);
    expect_pattern(bytes, 70, sizeof(bytes));
}

static void test_small_range_of_a_file_that_shrank_is_changed(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[3000];

    have_in_memory(0, SIZE);
    assert_return_code(truncate("file", 1000), errno);
    assert_int_equal(span_read(f->span, 0, bytes, sizeof(bytes)), RES_CHANGED);
    kernel.supported = false;
    assert_int_equal(span_read(f->span, 0, bytes, sizeof(bytes)), RES_LATER);
    wait_ready(f, 1, RES_OK);
    assert_int_equal(span_read(f->span, 0, bytes, sizeof(bytes)), RES_CHANGED);
}

/* --- the version of the file --- */

static void set_mtime(const struct stat *st, time_t more)
{
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = st->st_mtim.tv_sec + more, .tv_nsec = st->st_mtim.tv_nsec}};

    assert_return_code(utimensat(AT_FDCWD, "file", times, 0), errno);
}

static void test_file_left_alone_has_not_changed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(span_check(f->span), RES_OK);
}

static void test_file_of_another_size_or_mtime_has_changed(void **state)
{
    struct fixture *f = *state;

    assert_return_code(truncate("file", SIZE + 1), errno);
    set_mtime(span_stat(f->span), 0);
    assert_int_equal(span_check(f->span), RES_CHANGED);
    assert_return_code(truncate("file", SIZE), errno);
    set_mtime(span_stat(f->span), 1);
    assert_int_equal(span_check(f->span), RES_CHANGED);
    set_mtime(span_stat(f->span), 0);
    assert_int_equal(span_check(f->span), RES_OK);
}

static void test_file_whose_name_was_replaced_has_not_changed(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[100];

    have_in_memory(0, SIZE);
    scratch_file("other", "xyz");
    assert_return_code(rename("other", "file"), errno);
    assert_int_equal(span_read(f->span, 0, bytes, sizeof(bytes)), RES_OK);
    expect_pattern(bytes, 0, sizeof(bytes));
    assert_int_equal(span_check(f->span), RES_OK);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_file_whose_name_is_in_memory_is_open_at_once),
        STORY(test_file_whose_name_is_cold_is_opened_by_the_pool),
        STORY(test_missing_file_is_not_found_at_once_or_later),
        STORY(test_missing_file_whose_name_is_cold_is_not_found_later),
        STORY(test_span_may_be_freed_while_the_pool_works),
        STORY(test_span_may_be_freed_by_its_callbacks),
        STORY(test_free_closes_the_descriptor),
        STORY(test_range_in_memory_may_be_sent_whole),
        STORY(test_both_ends_of_64_kib_take_one_probe_each),
        STORY(test_range_is_cut_where_memory_ends),
        STORY(test_range_whose_begin_is_missing_is_read_in_first),
        STORY(test_range_whose_end_is_missing_is_read_in_first),
        STORY(test_while_it_is_read_in_nothing_else_begins),
        STORY(test_callbacks_never_come_from_inside_a_call),
        STORY(test_small_range_brings_64_kib),
        STORY(test_next_range_brings_1_mib),
        STORY(test_large_range_brings_1_mib),
        STORY(test_range_just_read_in_may_be_sent_even_if_it_is_gone_again),
        STORY(test_range_that_cannot_be_read_says_so),
        STORY(test_range_behind_the_end_may_be_sent),
        STORY(test_range_that_was_cut_while_it_was_read_in_may_be_sent),
        STORY(test_without_an_answer_tmpfs_may_be_sent_at_once),
        STORY(test_without_an_answer_others_are_read_in_first),
        STORY(test_without_an_answer_what_was_read_in_is_good_until_it_was_passed),
        STORY(test_small_range_in_memory_is_copied),
        STORY(test_small_range_not_in_memory_is_copied_later),
        STORY(test_without_an_answer_a_small_range_is_copied_later),
        STORY(test_small_range_of_a_file_that_shrank_is_changed),
        STORY(test_file_left_alone_has_not_changed),
        STORY(test_file_of_another_size_or_mtime_has_changed),
        STORY(test_file_whose_name_was_replaced_has_not_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
