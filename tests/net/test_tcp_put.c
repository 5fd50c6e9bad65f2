/* SPDX-License-Identifier: BSD-2-Clause */
/* PUT over loopback: what is stored, what is refused and when, what a broken one leaves. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "net/tcp_served.h"
#include "store/keep.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define FSYNC 0x80u

static const uint8_t zeros[WHERRY_UPLOAD_ID_BYTES];
static const uint8_t some_id[WHERRY_UPLOAD_ID_BYTES] = {1, 2, 3};

static void pattern_sha256(size_t len, uint8_t ret[WHERRY_SHA256_BYTES])
{
    static uint8_t bytes[100000];

    assert_true(len <= sizeof(bytes));
    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern_at(i);
    }
    SHA256(bytes, len, ret);
}

/* What was sent has arrived when the server has been waited for. */
static void greet(struct tcp_client *c, struct tcp_served *f)
{
    const int on = 1;

    tcp_client_greet(c, f);
    assert_return_code(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), errno);
}

/* The connection does something else. */
static void expect_works(struct tcp_client *c)
{
    tcp_client_path(c, WHERRY_FRAME_STAT, 900, "");
    tcp_client_expect(c, WHERRY_FRAME_INFO, 900);
    tcp_client_expect_end(c, 900, WHERRY_STATUS_OK);
}

/* One whole upload of len bytes, and how it ends. */
static void expect_put(struct tcp_client *c, const char *path, size_t len, uint8_t mode,
                       enum wherry_status status)
{
    tcp_client_put(c, 7, path, len, mode, NULL, NULL);
    tcp_client_expect_ready(c, 7, 0, NULL);
    tcp_client_data(c, 7, 0, len);
    tcp_client_end(c, 7, NULL);
    tcp_client_expect_end(c, 7, status);
}

/* Nothing but these is in the directory; what was begun is over. */
static void expect_files(struct tcp_served *f, size_t count)
{
    tcp_served_settle(f);
    assert_int_equal(scratch_count("."), count);
}

/* Half of 2000 bytes, then the connection is gone. */
static void leave_broken(struct tcp_served *f, uint8_t mode, const uint8_t *upload_id,
                         uint8_t *ret_id)
{
    struct tcp_client c;

    greet(&c, f);
    tcp_client_put(&c, 1, "file", 2000, mode, NULL, upload_id);
    tcp_client_expect_ready(&c, 1, 0, ret_id);
    tcp_client_data(&c, 1, 0, 1000);
    tcp_client_expect_silence(&c);
    tcp_client_close(&c);
    tcp_served_connections(f, 0);
    tcp_served_settle(f);
}

/* --- what is stored --- */

static void test_what_was_put_can_be_read(void **state)
{
    struct tcp_served *f = *state;
    struct wherry_message_end_reply end;
    struct wherry_message_info info;
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    struct tcp_client c;

    greet(&c, f);
    expect_put(&c, "file", 5000, WHERRY_PUT_CREATE, WHERRY_STATUS_OK);
    assert_int_equal(wherry_message_parse_end_reply(&end, c.payload), RES_OK);
    assert_non_null(end.validator);
    memcpy(validator, end.validator, sizeof(validator));
    tcp_served_holds_pattern("file", 5000);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 8, "file");
    tcp_client_expect(&c, WHERRY_FRAME_INFO, 8);
    assert_int_equal(wherry_message_parse_info(&info, c.payload), RES_OK);
    assert_memory_equal(info.validator, validator, sizeof(validator));
    tcp_client_expect_end(&c, 8, WHERRY_STATUS_OK);
    tcp_client_get(&c, 9, "file", 0, WHERRY_COUNT_ALL, validator);
    tcp_client_expect_body(&c, 9, 0, 5000);
    assert_non_null(tcp_served_line(f, "done op=write via=wherry"));
    tcp_client_close(&c);
    expect_files(f, 1);
}

static void test_files_of_all_sizes_arrive_byte_for_byte(void **state)
{
    static const size_t sizes[] = {0, 1, 65536, 262144, 262145, 5000000};
    struct tcp_served *f = *state;
    struct tcp_client c;

    greet(&c, f);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        tcp_client_put(&c, 7, "file", sizes[i], WHERRY_PUT_REPLACE, NULL, NULL);
        tcp_client_expect_ready(&c, 7, 0, NULL);
        for (size_t at = 0; at < sizes[i]; at += 1000000) {
            tcp_client_data(&c, 7, at, sizes[i] - at < 1000000 ? sizes[i] - at : 1000000);
        }
        tcp_client_end(&c, 7, NULL);
        tcp_client_expect_end(&c, 7, WHERRY_STATUS_OK);
        tcp_served_holds_pattern("file", sizes[i]);
    }
    tcp_client_close(&c);
    expect_files(f, 1);
}

static void test_a_size_that_is_unknown_is_what_comes(void **state)
{
    struct tcp_client c;

    greet(&c, *state);
    tcp_client_put(&c, 7, "file", WHERRY_SIZE_UNKNOWN, WHERRY_PUT_CREATE | FSYNC, NULL, NULL);
    tcp_client_expect_ready(&c, 7, 0, NULL);
    tcp_client_data(&c, 7, 0, 700);
    tcp_client_data(&c, 7, 700, 77);
    tcp_client_end(&c, 7, NULL);
    tcp_client_expect_end(&c, 7, WHERRY_STATUS_OK);
    tcp_served_holds_pattern("file", 777);
    tcp_client_close(&c);
}

static void test_requests_may_follow_an_end_at_once(void **state)
{
    struct tcp_client c;

    tcp_served_pattern("before", 3000);
    greet(&c, *state);
    tcp_client_get(&c, 1, "before", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_put(&c, 2, "file", 600, WHERRY_PUT_CREATE, NULL, NULL); /* waits for its turn */
    tcp_client_expect_body(&c, 1, 0, 3000);
    tcp_client_expect_ready(&c, 2, 0, NULL);
    tcp_client_data(&c, 2, 0, 600);
    tcp_client_end(&c, 2, NULL);
    tcp_client_get(&c, 3, "file", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_OK);
    tcp_client_expect_body(&c, 3, 0, 600); /* it is there once its END is */
    tcp_client_close(&c);
}

/* --- what is refused --- */

static void expect_refusal(struct tcp_client *c, const char *path, uint8_t mode,
                           enum wherry_status status)
{
    tcp_client_put(c, 5, path, 100, mode, NULL, NULL);
    tcp_client_expect_end(c, 5, status);
    expect_works(c); /* it is over: no END, no CANCEL is waited for */
}

static void test_a_put_refused_before_ready_is_over(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    scratch_dir("dir");
    scratch_file("file", "old");
    greet(&c, f);
    expect_refusal(&c, "file", WHERRY_PUT_CREATE, WHERRY_STATUS_EXISTS);
    expect_refusal(&c, "dir", WHERRY_PUT_REPLACE, WHERRY_STATUS_IS_DIR);
    expect_refusal(&c, "none/file", WHERRY_PUT_REPLACE, WHERRY_STATUS_NOT_FOUND);
    expect_refusal(&c, "../file", WHERRY_PUT_REPLACE, WHERRY_STATUS_NAME);
    expect_refusal(&c, ".wherry-file", WHERRY_PUT_REPLACE, WHERRY_STATUS_NAME);
    expect_refusal(&c, "file", 3, WHERRY_STATUS_UNSUPPORTED);
    f->limits.size_max = 99;
    uploads_limit(f->room.uploads, &f->limits);
    expect_refusal(&c, "file", WHERRY_PUT_REPLACE, WHERRY_STATUS_TOO_LARGE);
    f->limits.policy = POLICY_WRITE_CREATE;
    f->limits.size_max = 0;
    uploads_limit(f->room.uploads, &f->limits);
    expect_refusal(&c, "file", WHERRY_PUT_REPLACE, WHERRY_STATUS_EXISTS);
    f->limits.policy = POLICY_WRITE_NONE;
    uploads_limit(f->room.uploads, &f->limits);
    expect_refusal(&c, "new", WHERRY_PUT_CREATE, WHERRY_STATUS_DENIED);
    scratch_holds("file", "old");
    tcp_client_close(&c);
    expect_files(f, 2);
}

static void test_a_file_of_another_size_is_not_stored(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    scratch_file("file", "old");
    greet(&c, f);
    tcp_client_put(&c, 1, "file", 100, WHERRY_PUT_REPLACE, NULL, NULL);
    tcp_client_expect_ready(&c, 1, 0, NULL);
    tcp_client_data(&c, 1, 0, 99);
    tcp_client_end(&c, 1, NULL);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OFFSET);
    expect_works(&c);
    tcp_client_put(&c, 2, "file", 100, WHERRY_PUT_REPLACE, NULL, NULL);
    tcp_client_expect_ready(&c, 2, 0, NULL);
    tcp_client_data(&c, 2, 0, 101);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_OFFSET);
    tcp_client_end(&c, 2, NULL);
    expect_works(&c);
    scratch_holds("file", "old");
    tcp_client_close(&c);
    expect_files(f, 1);
}

static void put_with_digests(struct tcp_client *c, const uint8_t *in_put, const uint8_t *in_end,
                             enum wherry_status status)
{
    tcp_client_put(c, 1, "file", 3000, WHERRY_PUT_REPLACE, in_put, NULL);
    tcp_client_expect_ready(c, 1, 0, NULL);
    tcp_client_data(c, 1, 0, 3000);
    tcp_client_end(c, 1, in_end);
    tcp_client_expect_end(c, 1, status);
}

static void test_a_file_of_another_digest_is_not_stored(void **state)
{
    struct tcp_served *f = *state;
    uint8_t sum[WHERRY_SHA256_BYTES];
    uint8_t other[WHERRY_SHA256_BYTES];
    struct tcp_client c;

    pattern_sha256(3000, sum);
    memcpy(other, sum, sizeof(other));
    other[31] ^= 1;
    scratch_file("file", "old");
    greet(&c, f);
    put_with_digests(&c, other, NULL, WHERRY_STATUS_DIGEST);
    put_with_digests(&c, NULL, other, WHERRY_STATUS_DIGEST);
    put_with_digests(&c, sum, other, WHERRY_STATUS_DIGEST);
    put_with_digests(&c, other, sum, WHERRY_STATUS_DIGEST);
    scratch_holds("file", "old");
    put_with_digests(&c, sum, NULL, WHERRY_STATUS_OK);
    put_with_digests(&c, NULL, sum, WHERRY_STATUS_OK);
    put_with_digests(&c, sum, sum, WHERRY_STATUS_OK);
    tcp_served_holds_pattern("file", 3000);
    tcp_client_close(&c);
    expect_files(f, 1);
}

/* --- early ends --- */

static void end_early(struct tcp_client *c, struct tcp_served *f)
{
    f->limits.size_max = 1000;
    uploads_limit(f->room.uploads, &f->limits);
    greet(c, f);
    tcp_client_put(c, 1, "file", WHERRY_SIZE_UNKNOWN, WHERRY_PUT_CREATE, NULL, some_id);
    tcp_client_expect_ready(c, 1, 0, NULL);
    tcp_client_data(c, 1, 0, 1000);
    tcp_client_expect_silence(c);
    tcp_client_data(c, 1, 1000, 1);
    tcp_client_expect_end(c, 1, WHERRY_STATUS_TOO_LARGE);
    tcp_client_data(c, 1, 1001, 300000); /* on its way already */
    tcp_client_expect_silence(c);
}

static void test_after_an_early_end_data_is_dropped_until_cancel(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    end_early(&c, f);
    tcp_client_frame(&c, WHERRY_FRAME_CANCEL, 1, NULL, 0);
    expect_works(&c);
    assert_int_equal(uploads_kept(f->room.uploads), 0);
    expect_files(f, 0);
    tcp_client_close(&c);
}

static void test_after_an_early_end_data_is_dropped_until_end(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    end_early(&c, f);
    tcp_client_end(&c, 1, NULL);
    expect_works(&c);
    expect_put(&c, "file", 1000, WHERRY_PUT_CREATE, WHERRY_STATUS_OK);
    tcp_client_close(&c);
    expect_files(f, 1);
}

static void test_a_cancelled_put_is_dropped(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    greet(&c, f);
    tcp_client_put(&c, 1, "file", 2000, WHERRY_PUT_CREATE, NULL, some_id);
    tcp_client_expect_ready(&c, 1, 0, NULL);
    tcp_client_data(&c, 1, 0, 1000);
    tcp_client_frame(&c, WHERRY_FRAME_CANCEL, 1, NULL, 0);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_CANCELLED);
    expect_works(&c);
    assert_int_equal(uploads_kept(f->room.uploads), 0);
    expect_files(f, 0);
    tcp_client_close(&c);
}

/* --- broken ones --- */

static void test_a_cut_connection_leaves_nothing_without_an_id(void **state)
{
    struct tcp_served *f = *state;

    leave_broken(f, WHERRY_PUT_CREATE, NULL, NULL);
    assert_int_equal(uploads_kept(f->room.uploads), 0);
    expect_files(f, 0);
}

static void test_a_cut_connection_may_be_resumed(void **state)
{
    struct tcp_served *f = *state;
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    uint8_t again[WHERRY_UPLOAD_ID_BYTES];
    uint8_t sum[WHERRY_SHA256_BYTES];
    struct tcp_client c;

    leave_broken(f, WHERRY_PUT_CREATE, zeros, id);
    assert_memory_not_equal(id, zeros, sizeof(id));
    assert_int_equal(uploads_kept(f->room.uploads), 1);
    scratch_absent("file");
    pattern_sha256(2000, sum);
    greet(&c, f);
    tcp_client_put(&c, 1, "file", 2000, WHERRY_PUT_CREATE, NULL, id);
    tcp_client_expect_ready(&c, 1, 1000, again);
    assert_memory_equal(again, id, sizeof(id));
    tcp_client_data(&c, 1, 1000, 1000);
    tcp_client_end(&c, 1, sum); /* of the whole */
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_served_holds_pattern("file", 2000);
    tcp_client_close(&c);
    expect_files(f, 1);
}

static void test_what_is_kept_has_no_name_for_anybody(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    leave_broken(f, WHERRY_PUT_CREATE, some_id, NULL);
    assert_int_equal(scratch_count("."), 2);
    greet(&c, f);
    tcp_client_list(&c, 1, "", "");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK); /* no entries */
    tcp_client_get(&c, 2, ".wherry-u01020300000000000000000000000000", 0, 1, NULL);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_NAME);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 3, ".wherry-r01020300000000000000000000000000");
    tcp_client_expect_end(&c, 3, WHERRY_STATUS_NAME);
    tcp_client_close(&c);
}

static void test_another_upload_under_the_id_is_refused(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    leave_broken(f, WHERRY_PUT_CREATE, some_id, NULL);
    greet(&c, f);
    tcp_client_put(&c, 1, "file", 2001, WHERRY_PUT_CREATE, NULL, some_id);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OFFSET);
    tcp_client_put(&c, 1, "file", 2000, WHERRY_PUT_REPLACE, NULL, some_id);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OFFSET);
    tcp_client_put(&c, 1, "other", 2000, WHERRY_PUT_CREATE, NULL, some_id);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OFFSET);
    tcp_client_put(&c, 1, "file", 2000, WHERRY_PUT_CREATE, NULL, some_id);
    tcp_client_expect_ready(&c, 1, 1000, NULL); /* what was kept has stayed */
    tcp_client_close(&c);
}

static void test_an_upload_belongs_to_a_network(void **state)
{
    static const uint8_t network[UPLOAD_NETWORK_BYTES] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    struct keep_record rec;
    int dir_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    assert_return_code(dir_fd, errno);
    leave_broken(*state, WHERRY_PUT_CREATE, some_id, NULL);
    assert_int_equal(keep_read(dir_fd, some_id, &rec), RES_OK);
    assert_memory_equal(rec.facts.network, network, sizeof(network)); /* 127.0.0.1 in a /24 */
    close(dir_fd);
}

static void test_the_newest_put_of_an_id_ends_the_older(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client older;
    struct tcp_client newer;

    greet(&older, f);
    greet(&newer, f);
    tcp_client_put(&older, 1, "file", 2000, WHERRY_PUT_CREATE, NULL, some_id);
    tcp_client_expect_ready(&older, 1, 0, NULL);
    tcp_client_data(&older, 1, 0, 1000);
    tcp_client_expect_silence(&older);
    tcp_client_put(&newer, 1, "file", 2000, WHERRY_PUT_CREATE, NULL, some_id);
    tcp_client_expect_ready(&newer, 1, 1000, NULL);
    tcp_client_expect_end(&older, 1, WHERRY_STATUS_CANCELLED);
    tcp_client_data(&older, 1, 1000, 1000); /* dropped */
    tcp_client_frame(&older, WHERRY_FRAME_CANCEL, 1, NULL, 0);
    expect_works(&older);
    tcp_client_data(&newer, 1, 1000, 1000);
    tcp_client_end(&newer, 1, NULL);
    tcp_client_expect_end(&newer, 1, WHERRY_STATUS_OK);
    tcp_served_holds_pattern("file", 2000);
    tcp_client_close(&older);
    tcp_client_close(&newer);
    expect_files(f, 1);
}

static void test_a_bad_frame_breaks_an_upload_off(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    greet(&c, f);
    tcp_client_put(&c, 1, "file", 2000, WHERRY_PUT_CREATE, NULL, some_id);
    tcp_client_expect_ready(&c, 1, 0, NULL);
    tcp_client_data(&c, 1, 0, 1000);
    tcp_client_path(&c, WHERRY_FRAME_STAT, 2, ""); /* may not come now */
    tcp_client_expect_end(&c, 0, WHERRY_STATUS_PROTOCOL);
    tcp_client_close(&c);
    tcp_served_connections(f, 0);
    tcp_served_settle(f);
    assert_int_equal(uploads_kept(f->room.uploads), 1);
}

static void test_a_drain_that_takes_too_long_leaves_it_resumable(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    greet(&c, f);
    tcp_client_put(&c, 1, "file", 2000, WHERRY_PUT_CREATE, NULL, some_id);
    tcp_client_expect_ready(&c, 1, 0, NULL);
    tcp_client_data(&c, 1, 0, 1000);
    tcp_client_expect_silence(&c);
    tcp_session_goaway(tcp_served_newest(f), RES_SHUTDOWN, 1, loop_now_ns(f->loop));
    tcp_client_expect_goaway(&c, WHERRY_STATUS_SHUTDOWN);
    tcp_session_hurry(tcp_served_newest(f), loop_now_ns(f->loop));
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_SHUTDOWN);
    tcp_client_close(&c);
    tcp_served_settle(f);
    assert_int_equal(uploads_kept(f->room.uploads), 1);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, tcp_served_setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_what_was_put_can_be_read),
        SERVED(test_files_of_all_sizes_arrive_byte_for_byte),
        SERVED(test_a_size_that_is_unknown_is_what_comes),
        SERVED(test_requests_may_follow_an_end_at_once),
        SERVED(test_a_put_refused_before_ready_is_over),
        SERVED(test_a_file_of_another_size_is_not_stored),
        SERVED(test_a_file_of_another_digest_is_not_stored),
        SERVED(test_after_an_early_end_data_is_dropped_until_cancel),
        SERVED(test_after_an_early_end_data_is_dropped_until_end),
        SERVED(test_a_cancelled_put_is_dropped),
        SERVED(test_a_cut_connection_leaves_nothing_without_an_id),
        SERVED(test_a_cut_connection_may_be_resumed),
        SERVED(test_what_is_kept_has_no_name_for_anybody),
        SERVED(test_another_upload_under_the_id_is_refused),
        SERVED(test_an_upload_belongs_to_a_network),
        SERVED(test_the_newest_put_of_an_id_ends_the_older),
        SERVED(test_a_bad_frame_breaks_an_upload_off),
        SERVED(test_a_drain_that_takes_too_long_leaves_it_resumable),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as wherryd does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
