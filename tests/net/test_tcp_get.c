/* SPDX-License-Identifier: BSD-2-Clause */
/* GET over loopback: ranges, versions, what does not leave as it was asked for. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tcp.h"
#include "net/tcp_served.h"
#include "store/exact.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define SMALL_BYTES 16384u /* the largest body that leaves in one call */
#define BIG_BYTES                                                                                  \
    (8u * 1024u * 1024u) /* more than the sockets of a client that does not read hold */
#define FRAME_BYTES WHERRY_FRAME_DATA_DEFAULT

/* --- a cold machine, and a disk that fails --- */

static bool cold;           /* neither names nor bytes are in memory */
static unsigned pool_opens; /* names that were looked up where that may block */
static uint64_t fails_at;   /* the file cannot be read from there on */

ssize_t __real_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
enum res __real_exact_open_file(const struct jail *j, const char *name, enum jail_how how,
                                const struct policy_who *who, int *ret_fd, struct stat *ret_stat);
enum res __wrap_exact_open_file(const struct jail *j, const char *name, enum jail_how how,
                                const struct policy_who *who, int *ret_fd, struct stat *ret_stat);
enum res __real_tcp_send_file(int fd, int file_fd, uint64_t offset, size_t len, size_t *ret);
enum res __wrap_tcp_send_file(int fd, int file_fd, uint64_t offset, size_t len, size_t *ret);

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    if (cold) {
        errno = EAGAIN;
        return -1;
    }
    return __real_preadv2(fd, iov, count, offset, flags);
}

ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    return __wrap_preadv2(fd, iov, count, offset, flags);
}

enum res __wrap_exact_open_file(const struct jail *j, const char *name, enum jail_how how,
                                const struct policy_who *who, int *ret_fd, struct stat *ret_stat)
{
    if (how == JAIL_CACHED && cold) {
        return RES_LATER;
    }
    pool_opens += how == JAIL_ANY;
    return __real_exact_open_file(j, name, how, who, ret_fd, ret_stat);
}

enum res __wrap_tcp_send_file(int fd, int file_fd, uint64_t offset, size_t len, size_t *ret)
{
    if (offset >= fails_at) {
        return RES_IO;
    }
    if (len > fails_at - offset) {
        len = (size_t)(fails_at - offset);
    }
    return __real_tcp_send_file(fd, file_fd, offset, len, ret);
}

static int setup(void **state)
{
    cold = false;
    pool_opens = 0;
    fails_at = UINT64_MAX;
    return tcp_served_setup(state);
}

static void expect_refused(struct tcp_client *c, const char *path, uint64_t offset,
                           enum wherry_status status)
{
    tcp_client_get(c, 1, path, offset, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_end(c, 1, status);
}

/* --- what is there --- */

static void test_files_of_all_sizes_come_byte_for_byte(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   SMALL_BYTES - 1,
                                   SMALL_BYTES,
                                   SMALL_BYTES + 1,
                                   65536,
                                   FRAME_BYTES,
                                   FRAME_BYTES + 1,
                                   2 * FRAME_BYTES + SMALL_BYTES + 1,
                                   3000000};
    struct tcp_client c;

    tcp_client_greet(&c, *state);
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        tcp_served_pattern("file", sizes[i]);
        tcp_client_get(&c, i + 1, "file", 0, WHERRY_COUNT_ALL, NULL);
        tcp_client_expect_body(&c, i + 1, 0, sizes[i]);
    }
    tcp_client_close(&c);
}

static void test_ranges_are_cut_at_the_end_of_the_file(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("file", 300000);
    tcp_client_greet(&c, *state);
    tcp_client_get(&c, 1, "file", 100, 50, NULL);
    tcp_client_expect_body(&c, 1, 100, 50);
    tcp_client_get(&c, 2, "file", 1, 299998, NULL);
    tcp_client_expect_body(&c, 2, 1, 299998);
    tcp_client_get(&c, 3, "file", 299999, 100, NULL);
    tcp_client_expect_body(&c, 3, 299999, 1);
    tcp_client_get(&c, 4, "file", 1000, UINT64_MAX - 1, NULL);
    tcp_client_expect_body(&c, 4, 1000, 299000);
    tcp_client_get(&c, 5, "file", 70000, 0, NULL);
    tcp_client_expect_body(&c, 5, 70000, 0);
    tcp_client_close(&c);
}

static void test_range_at_the_end_is_empty_and_beyond_it_refused(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("file", 1000);
    tcp_client_greet(&c, *state);
    tcp_client_get(&c, 1, "file", 1000, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_body(&c, 1, 1000, 0);
    expect_refused(&c, "file", 1001, WHERRY_STATUS_RANGE);
    expect_refused(&c, "file", UINT64_MAX, WHERRY_STATUS_RANGE);
    tcp_client_close(&c);
}

static void test_reply_tells_kind_size_mtime_and_validator(void **state)
{
    struct wherry_message_get_reply reply;
    struct wherry_message_info info;
    struct tcp_client c;

    tcp_served_pattern("file", 1000);
    tcp_client_greet(&c, *state);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 1, "file");
    tcp_client_expect(&c, WHERRY_FRAME_INFO, 1);
    assert_int_equal(wherry_message_parse_info(&info, c.payload), RES_OK);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_client_get(&c, 2, "file", 1000, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect(&c, WHERRY_FRAME_GET_REPLY, 2);
    assert_int_equal(wherry_message_parse_get_reply(&reply, c.payload), RES_OK);
    assert_int_equal(reply.info.kind, WHERRY_KIND_FILE);
    assert_int_equal(reply.info.size, 1000);
    assert_int_equal(reply.info.mtime_ns, info.mtime_ns);
    assert_memory_equal(reply.info.validator, info.validator, sizeof(info.validator));
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_OK);
    tcp_client_close(&c);
}

/* The frames are as large as they may be, and no larger than was agreed. */
static void test_frames_are_256_kib_or_what_max_frame_allows(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    tcp_served_pattern("file", 600000);
    tcp_client_greet(&c, f);
    tcp_client_get(&c, 1, "file", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect(&c, WHERRY_FRAME_GET_REPLY, 1);
    tcp_client_expect(&c, WHERRY_FRAME_DATA, 1);
    assert_int_equal(c.payload.len, FRAME_BYTES);
    tcp_client_close(&c);
    f->config.max_frame = WHERRY_MAX_FRAME_LOWEST;
    tcp_client_greet(&c, f);
    f->config.max_frame = WHERRY_MAX_FRAME_DEFAULT; /* later clients may be sent more */
    tcp_client_get(&c, 1, "file", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect(&c, WHERRY_FRAME_GET_REPLY, 1);
    tcp_client_expect(&c, WHERRY_FRAME_DATA, 1);
    assert_int_equal(c.payload.len, WHERRY_MAX_FRAME_LOWEST);
    tcp_client_close(&c);
}

static void test_log_counts_the_bytes_of_the_body(void **state)
{
    struct tcp_client c;
    const char *line;

    tcp_served_pattern("file", 300000);
    tcp_client_greet(&c, *state);
    tcp_client_get(&c, 1, "file", 1000, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_body(&c, 1, 1000, 299000);
    line = tcp_served_line(*state, "done op=read via=wherry ");
    assert_non_null(strstr(line, "bytes=299000"));
    tcp_client_close(&c);
}

static void test_cold_files_come_byte_for_byte(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("small", 5000);
    tcp_served_pattern("large", 3000000);
    tcp_client_greet(&c, *state);
    cold = true;
    tcp_client_get(&c, 1, "small", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_body(&c, 1, 0, 5000);
    tcp_client_get(&c, 2, "large", 17, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_body(&c, 2, 17, 2999983);
    assert_int_equal(pool_opens, 2);
    tcp_client_get(&c, 3, "absent", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_end(&c, 3, WHERRY_STATUS_NOT_FOUND);
    tcp_client_close(&c);
}

static void test_client_may_leave_while_a_cold_file_is_read_in(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("file", 3000000);
    cold = true;
    for (int i = 0; i < 20; i++) {
        tcp_client_greet(&c, *state);
        tcp_client_get(&c, 1, "file", 0, WHERRY_COUNT_ALL, NULL);
        for (int turns = 0; turns < i; turns++) {
            loop_turn(c.f->loop, false);
        }
        tcp_client_reset(&c);
        tcp_served_connections(*state, 0);
    }
}

/* --- what is refused --- */

static void test_what_is_no_file_is_refused(void **state)
{
    struct tcp_client c;

    scratch_dir("dir");
    assert_return_code(mkfifo("fifo", 0644), errno);
    tcp_client_greet(&c, *state);
    expect_refused(&c, "absent", 0, WHERRY_STATUS_NOT_FOUND);
    expect_refused(&c, "dir", 0, WHERRY_STATUS_IS_DIR);
    expect_refused(&c, "", 0, WHERRY_STATUS_IS_DIR);
    expect_refused(&c, "fifo", 0, WHERRY_STATUS_DENIED);
    expect_refused(&c, "dir/../dir", 0, WHERRY_STATUS_NAME);
    tcp_client_close(&c);
}

static void validator_of(struct tcp_client *c, const char *path,
                         uint8_t ret[WHERRY_VALIDATOR_BYTES])
{
    struct wherry_message_info info;

    tcp_client_path(c, WHERRY_FRAME_STAT, 99, path);
    tcp_client_expect(c, WHERRY_FRAME_INFO, 99);
    assert_int_equal(wherry_message_parse_info(&info, c->payload), RES_OK);
    tcp_client_expect_end(c, 99, WHERRY_STATUS_OK);
    memcpy(ret, info.validator, sizeof(info.validator));
}

static void test_if_match_gives_only_the_version_it_names(void **state)
{
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    struct tcp_client c;

    tcp_served_pattern("file", 5000);
    tcp_client_greet(&c, *state);
    validator_of(&c, "file", validator);
    tcp_client_get(&c, 1, "file", 1000, WHERRY_COUNT_ALL, validator);
    tcp_client_expect_body(&c, 1, 1000, 4000);
    tcp_served_pattern("other", 5000);
    assert_return_code(rename("other", "file"), errno);
    tcp_client_get(&c, 2, "file", 1000, WHERRY_COUNT_ALL, validator);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_CHANGED); /* no reply, no bytes */
    tcp_client_get(&c, 3, "file", 99999, WHERRY_COUNT_ALL, validator);
    tcp_client_expect_end(&c, 3, WHERRY_STATUS_CHANGED); /* the offset was of another version */
    assert_non_null(strstr(tcp_served_line(*state, "refused op=read "), "the version"));
    tcp_client_close(&c);
}

/* --- what happens in the middle --- */

/* A client that asked for all of "file" and does not read: the server has sent what the sockets
 * hold, and waits in the middle of a frame. */
static struct tcp_session *stall(struct tcp_client *c, struct tcp_served *f)
{
    struct tcp_session *s;

    tcp_served_pattern("file", BIG_BYTES);
    tcp_client_greet(c, f);
    s = tcp_served_newest(f);
    loop_io_events(&c->io, 0);
    tcp_client_get(c, 1, "file", 0, WHERRY_COUNT_ALL, NULL);
    tcp_served_settle(f);
    assert_ptr_equal(s->driver, &tcp_get_driver);
    assert_true(s->get.sent < s->get.offset);
    assert_true(s->get.offset < BIG_BYTES);
    return s;
}

/* Whole frames up to `past`: the pattern up to `good`, zeros from there on. */
static void expect_bytes(struct tcp_client *c, uint64_t good, uint64_t past)
{
    uint64_t at = 0;

    tcp_client_expect(c, WHERRY_FRAME_GET_REPLY, 1);
    while (at < past) {
        tcp_client_expect(c, WHERRY_FRAME_DATA, 1);
        for (size_t i = 0; i < c->payload.len; i++, at++) {
            assert_int_equal(c->payload.bytes[i], at < good ? pattern_at((size_t)at) : 0);
        }
    }
    assert_int_equal(at, past);
}

static void test_frame_whose_file_shrank_is_filled_up_with_zeros(void **state)
{
    struct tcp_client c;
    struct tcp_session *s = stall(&c, *state);
    uint64_t good = s->get.sent;
    uint64_t past = s->get.offset;

    assert_return_code(truncate("file", (off_t)good), errno); /* what has left stays as it is */
    expect_bytes(&c, good, past);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_CHANGED);
    tcp_client_get(&c, 2, "file", 0, 10, NULL); /* the connection goes on */
    tcp_client_expect_body(&c, 2, 0, 10);
    tcp_client_close(&c);
}

static void test_frame_that_cannot_be_read_is_filled_up_with_zeros(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("file", BIG_BYTES);
    tcp_client_greet(&c, *state);
    fails_at = FRAME_BYTES + 100000;
    tcp_client_get(&c, 1, "file", 0, WHERRY_COUNT_ALL, NULL);
    expect_bytes(&c, fails_at, 2 * FRAME_BYTES);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_IO);
    assert_non_null(strstr(tcp_served_line(*state, "failed op=read "), "bytes=362144"));
    tcp_client_close(&c);
}

static void test_file_written_to_meanwhile_ends_changed(void **state)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000}};
    struct tcp_client c;

    (void)stall(&c, *state);
    assert_return_code(utimensat(AT_FDCWD, "file", times, 0), errno);
    expect_bytes(&c, BIG_BYTES, BIG_BYTES);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_CHANGED);
    tcp_client_close(&c);
}

static void test_file_that_grows_meanwhile_ends_changed_with_what_was_announced(void **state)
{
    struct tcp_client c;

    (void)stall(&c, *state);
    assert_return_code(truncate("file", BIG_BYTES + 1000), errno);
    expect_bytes(&c, BIG_BYTES, BIG_BYTES);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_CHANGED);
    tcp_client_close(&c);
}

static void test_file_whose_name_is_replaced_meanwhile_is_sent_to_its_end(void **state)
{
    struct tcp_client c;

    (void)stall(&c, *state);
    scratch_file("other", "short");
    assert_return_code(rename("other", "file"), errno);
    tcp_client_expect_body(&c, 1, 0, BIG_BYTES);
    tcp_client_close(&c);
}

static void test_cancel_ends_it_at_the_border_of_a_frame(void **state)
{
    struct tcp_client c;
    struct tcp_session *s = stall(&c, *state);
    uint64_t past = s->get.offset;

    tcp_client_frame(&c, WHERRY_FRAME_CANCEL, 1, NULL, 0);
    tcp_served_settle(*state);
    expect_bytes(&c, past, past);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_CANCELLED);
    tcp_client_close(&c);
}

static void test_shutdown_ends_it_at_the_border_of_a_frame(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;
    struct tcp_session *s = stall(&c, f);
    uint64_t past = s->get.offset;

    tcp_session_hurry(s, loop_now_ns(f->loop));
    expect_bytes(&c, past, past);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_SHUTDOWN);
    tcp_client_close(&c);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_files_of_all_sizes_come_byte_for_byte),
        SERVED(test_ranges_are_cut_at_the_end_of_the_file),
        SERVED(test_range_at_the_end_is_empty_and_beyond_it_refused),
        SERVED(test_reply_tells_kind_size_mtime_and_validator),
        SERVED(test_frames_are_256_kib_or_what_max_frame_allows),
        SERVED(test_log_counts_the_bytes_of_the_body),
        SERVED(test_cold_files_come_byte_for_byte),
        SERVED(test_client_may_leave_while_a_cold_file_is_read_in),
        SERVED(test_what_is_no_file_is_refused),
        SERVED(test_if_match_gives_only_the_version_it_names),
        SERVED(test_frame_whose_file_shrank_is_filled_up_with_zeros),
        SERVED(test_frame_that_cannot_be_read_is_filled_up_with_zeros),
        SERVED(test_file_written_to_meanwhile_ends_changed),
        SERVED(test_file_that_grows_meanwhile_ends_changed_with_what_was_announced),
        SERVED(test_file_whose_name_is_replaced_meanwhile_is_sent_to_its_end),
        SERVED(test_cancel_ends_it_at_the_border_of_a_frame),
        SERVED(test_shutdown_ends_it_at_the_border_of_a_frame),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as wherryd does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
