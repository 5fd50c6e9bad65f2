/* SPDX-License-Identifier: BSD-2-Clause */
/* STAT, HASH and MKDIR over loopback. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tcp_served.h"
#include "store/exact.h"
#include "support/scratch.h"

#define HUGE_BYTES ((off_t)1024 * 1024 * 1024)

static bool cold; /* names are not in memory */

enum res __real_exact_stat(const struct jail *j, const char *name, enum jail_how how,
                           const struct policy_who *who, struct stat *ret);
enum res __wrap_exact_stat(const struct jail *j, const char *name, enum jail_how how,
                           const struct policy_who *who, struct stat *ret);

enum res __wrap_exact_stat(const struct jail *j, const char *name, enum jail_how how,
                           const struct policy_who *who, struct stat *ret)
{
    if (how == JAIL_CACHED && cold) {
        return RES_LATER;
    }
    return __real_exact_stat(j, name, how, who, ret);
}

static int setup(void **state)
{
    cold = false;
    return tcp_served_setup(state);
}

static void expect_refused(struct tcp_client *c, uint8_t type, const char *path,
                           enum wherry_status status)
{
    tcp_client_path(c, type, 1, path);
    tcp_client_expect_end(c, 1, status);
}

/* A request for this path, and its CANCEL, in one piece. */
static void ask_and_cancel(struct tcp_client *c, uint8_t type, const char *path)
{
    size_t len = strlen(path);
    uint8_t bytes[64] = {[3] = (uint8_t)(2 + len), [4] = type, [11] = 1, [13] = (uint8_t)len};
    size_t at = WHERRY_FRAME_HEADER_BYTES + 2 + len;

    assert_true(at + WHERRY_FRAME_HEADER_BYTES <= sizeof(bytes));
    memcpy(bytes + WHERRY_FRAME_HEADER_BYTES + 2, path, len);
    bytes[at + 4] = WHERRY_FRAME_CANCEL;
    bytes[at + 11] = 1;
    tcp_client_send(c, bytes, at + WHERRY_FRAME_HEADER_BYTES);
}

/* --- STAT --- */

static void expect_stat(struct tcp_client *c, const char *path, enum wherry_kind kind,
                        uint64_t size)
{
    struct wherry_message_info info;
    struct stat st;

    tcp_client_path(c, WHERRY_FRAME_STAT, 1, path);
    tcp_client_expect(c, WHERRY_FRAME_INFO, 1);
    assert_int_equal(wherry_message_parse_info(&info, c->payload), RES_OK);
    tcp_client_expect_end(c, 1, WHERRY_STATUS_OK);
    assert_int_equal(stat(*path == '\0' ? "." : path, &st), 0);
    assert_int_equal(info.kind, kind);
    assert_int_equal(info.size, size);
    assert_int_equal(info.mtime_ns, (uint64_t)st.st_mtim.tv_sec * UINT64_C(1000000000) +
                                        (uint64_t)st.st_mtim.tv_nsec);
}

static void expect_stats(struct tcp_client *c)
{
    expect_stat(c, "file", WHERRY_KIND_FILE, 5);
    expect_stat(c, "dir", WHERRY_KIND_DIRECTORY, 0);
    expect_stat(c, "", WHERRY_KIND_DIRECTORY, 0);
    expect_refused(c, WHERRY_FRAME_STAT, "absent", WHERRY_STATUS_NOT_FOUND);
    expect_refused(c, WHERRY_FRAME_STAT, "fifo", WHERRY_STATUS_DENIED);
    expect_refused(c, WHERRY_FRAME_STAT, "file/", WHERRY_STATUS_NAME);
}

static void test_stat_tells_kind_size_and_mtime(void **state)
{
    struct tcp_client c;

    scratch_file("file", "12345");
    scratch_dir("dir");
    assert_return_code(mkfifo("fifo", 0644), errno);
    tcp_client_greet(&c, *state);
    expect_stats(&c);
    cold = true;
    expect_stats(&c);
    tcp_client_close(&c);
}

static void test_devices_are_denied(void **state)
{
    struct tcp_client c;

    /* /dev/null; only root can make devices, and not everywhere. */
    if (mknod("device", S_IFCHR | 0666, makedev(1, 3)) == -1) {
        assert_int_equal(errno, EPERM);
        scratch_skip("devices cannot be made here");
    }
    tcp_client_greet(&c, *state);
    expect_refused(&c, WHERRY_FRAME_STAT, "device", WHERRY_STATUS_DENIED);
    expect_refused(&c, WHERRY_FRAME_HASH, "device", WHERRY_STATUS_DENIED);
    tcp_client_get(&c, 1, "device", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_DENIED);
    tcp_client_close(&c);
}

static void test_client_may_leave_while_its_name_is_looked_up(void **state)
{
    struct tcp_client c;

    scratch_file("file", "12345");
    cold = true;
    tcp_client_greet(&c, *state);
    ask_and_cancel(&c, WHERRY_FRAME_STAT, "file");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_CANCELLED);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 2, "file");
    tcp_client_reset(&c);
    tcp_served_connections(*state, 0);
}

/* --- HASH --- */

/* FIPS 180-2, appendix B.1 */
static const uint8_t sum_of_abc[WHERRY_SHA256_BYTES] = {
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

static void test_hash_gives_the_sum_and_the_validator_of_stat(void **state)
{
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    struct tcp_client c;

    scratch_file("abc", "abc");
    tcp_client_greet(&c, *state);
    tcp_client_path(&c, WHERRY_FRAME_HASH, 1, "abc");
    tcp_client_expect(&c, WHERRY_FRAME_HASH_REPLY, 1);
    assert_int_equal(c.payload.len, WHERRY_VALIDATOR_BYTES + WHERRY_SHA256_BYTES);
    memcpy(validator, c.payload.bytes, sizeof(validator));
    assert_memory_equal(c.payload.bytes + sizeof(validator), sum_of_abc, sizeof(sum_of_abc));
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 2, "abc");
    tcp_client_expect(&c, WHERRY_FRAME_INFO, 2);
    assert_int_equal(c.payload.len, 17 + sizeof(validator));
    assert_memory_equal(c.payload.bytes + 17, validator, sizeof(validator));
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_OK);
    tcp_client_close(&c);
}

static void test_hash_of_what_is_no_file_is_refused(void **state)
{
    struct tcp_client c;

    scratch_dir("dir");
    assert_return_code(mkfifo("fifo", 0644), errno);
    tcp_client_greet(&c, *state);
    expect_refused(&c, WHERRY_FRAME_HASH, "absent", WHERRY_STATUS_NOT_FOUND);
    expect_refused(&c, WHERRY_FRAME_HASH, "dir", WHERRY_STATUS_IS_DIR);
    expect_refused(&c, WHERRY_FRAME_HASH, "fifo", WHERRY_STATUS_DENIED);
    tcp_client_close(&c);
}

static void have_huge_file(void)
{
    scratch_file("huge", "");
    assert_return_code(truncate("huge", HUGE_BYTES), errno);
}

static void test_cancelled_hash_ends_at_once(void **state)
{
    struct tcp_client c;

    have_huge_file();
    tcp_client_greet(&c, *state);
    ask_and_cancel(&c, WHERRY_FRAME_HASH, "huge");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_CANCELLED);
    tcp_client_close(&c);
}

static void test_client_may_leave_while_its_file_is_hashed(void **state)
{
    struct tcp_client c;

    have_huge_file();
    tcp_client_greet(&c, *state);
    tcp_client_path(&c, WHERRY_FRAME_HASH, 1, "huge");
    tcp_served_settle(*state);
    tcp_client_reset(&c);
    tcp_served_connections(*state, 0);
    tcp_served_line(*state, "aborted op=hash ");
}

/* --- MKDIR --- */

static void expect_made(struct tcp_client *c, const char *path)
{
    struct stat st;

    tcp_client_path(c, WHERRY_FRAME_MKDIR, 1, path);
    tcp_client_expect_end(c, 1, WHERRY_STATUS_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0750);
}

static void test_mkdir_makes_one_directory_less_umask(void **state)
{
    const mode_t before = umask(027);
    struct tcp_client c;

    tcp_client_greet(&c, *state);
    expect_made(&c, "dir");
    expect_made(&c, "dir/in it");
    expect_made(&c, "dir\\odd");
    expect_refused(&c, WHERRY_FRAME_MKDIR, "two/at once", WHERRY_STATUS_NOT_FOUND);
    scratch_absent("two");
    tcp_client_close(&c);
    umask(before);
}

static void test_mkdir_of_a_name_that_is_taken_is_refused(void **state)
{
    struct tcp_client c;

    scratch_file("file", "12345");
    scratch_dir("dir");
    tcp_client_greet(&c, *state);
    expect_refused(&c, WHERRY_FRAME_MKDIR, "dir", WHERRY_STATUS_EXISTS);
    expect_refused(&c, WHERRY_FRAME_MKDIR, "file", WHERRY_STATUS_EXISTS);
    expect_refused(&c, WHERRY_FRAME_MKDIR, "", WHERRY_STATUS_EXISTS);
    expect_refused(&c, WHERRY_FRAME_MKDIR, ".wherry-x", WHERRY_STATUS_NAME);
    scratch_holds("file", "12345");
    tcp_client_close(&c);
}

static void test_mkdir_is_for_servers_that_take_uploads(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    f->config.write = POLICY_WRITE_NONE;
    tcp_client_greet(&c, f);
    expect_refused(&c, WHERRY_FRAME_MKDIR, "dir", WHERRY_STATUS_DENIED);
    scratch_absent("dir");
    f->config.write = POLICY_WRITE_CREATE;
    tcp_client_path(&c, WHERRY_FRAME_MKDIR, 1, "dir");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_client_close(&c);
}

/* It cannot be taken back: the client hears that it was done. */
static void test_cancelled_mkdir_ends_as_it_went(void **state)
{
    struct tcp_client c;
    struct stat st;

    tcp_client_greet(&c, *state);
    ask_and_cancel(&c, WHERRY_FRAME_MKDIR, "dir");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    assert_int_equal(stat("dir", &st), 0);
    tcp_client_close(&c);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_stat_tells_kind_size_and_mtime),
        SERVED(test_devices_are_denied),
        SERVED(test_client_may_leave_while_its_name_is_looked_up),
        SERVED(test_hash_gives_the_sum_and_the_validator_of_stat),
        SERVED(test_hash_of_what_is_no_file_is_refused),
        SERVED(test_cancelled_hash_ends_at_once),
        SERVED(test_client_may_leave_while_its_file_is_hashed),
        SERVED(test_mkdir_makes_one_directory_less_umask),
        SERVED(test_mkdir_of_a_name_that_is_taken_is_refused),
        SERVED(test_mkdir_is_for_servers_that_take_uploads),
        SERVED(test_cancelled_mkdir_ends_as_it_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
