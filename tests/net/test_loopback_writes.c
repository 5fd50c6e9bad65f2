/* SPDX-License-Identifier: BSD-2-Clause */
/* Uploads: what may be written, when the last ACK leaves, and what a broken one leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <wherry/options.h>

#include "net/served.h"
#include "store/sink.h"

static const uint8_t bytes[8192] = "the bytes of an upload";

static void expect_refusal(struct served *f, const char *name, unsigned code)
{
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, name, "octet", NULL);
    client_expect_first_error(&c, code);
    client_close(&c);
}

/* An upload of 600 bytes whose block 1 was acknowledged. */
static void start_upload(struct served *f, struct client *c, const char *name)
{
    client_open_local(c, f);
    client_ask(c, WRQ, name, "octet", NULL);
    client_expect_first_ack(c, 0);
    client_data(c, 1, bytes, 512);
    client_expect_ack(c, 1);
}

static void finish_upload(struct client *c)
{
    client_data(c, 2, bytes + 512, 88);
    client_expect_ack(c, 2);
}

/* --- permission --- */

static void test_uploads_are_error_2_where_nobody_may_write(void **state)
{
    struct served *f = *state;

    f->config.write = POLICY_WRITE_NONE;
    expect_refusal(f, "new", 2);
    served_line(f, "refused op=write");
    assert_int_equal(served_entries(f), 0);
}

static void test_existing_name_is_error_6_under_create(void **state)
{
    struct served *f = *state;

    f->config.write = POLICY_WRITE_CREATE;
    served_file(f, "old", "old", 3);
    expect_refusal(f, "old", 6);
    served_line(f, "refused op=write");
    served_expect_file(f, "old", "old", 3);
}

static void test_new_name_is_taken_under_create(void **state)
{
    struct served *f = *state;
    struct client c;

    f->config.write = POLICY_WRITE_CREATE;
    start_upload(f, &c, "new");
    finish_upload(&c);
    served_expect_file(f, "new", bytes, 600);
    client_close(&c);
}

static void test_existing_name_is_replaced_under_replace(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "old", "old", 3);
    start_upload(f, &c, "old");
    served_expect_file(f, "old", "old", 3); /* until the new one is whole */
    finish_upload(&c);
    served_expect_file(f, "old", bytes, 600);
    client_close(&c);
}

static void test_later_of_two_uploads_of_a_name_is_error_6_under_create(void **state)
{
    struct served *f = *state;
    struct client a, b;

    f->config.write = POLICY_WRITE_CREATE;
    start_upload(f, &a, "new");
    start_upload(f, &b, "new");
    finish_upload(&a);
    client_data(&b, 2, "x", 1);
    client_expect_error(&b, 6);
    served_line(f, "refused op=write");
    served_expect_file(f, "new", bytes, 600);
    client_close(&a);
    client_close(&b);
}

static void test_missing_directory_is_error_1(void **state)
{
    struct served *f = *state;

    expect_refusal(f, "no/such/dir", 1);
}

static void test_directory_cannot_be_uploaded(void **state)
{
    struct served *f = *state;
    char path[256];

    assert_int_equal(mkdir(served_path(f, "dir", path, sizeof(path)), 0755), 0);
    expect_refusal(f, "dir", 1);
}

static void test_forbidden_names_are_error_2(void **state)
{
    struct served *f = *state;

    expect_refusal(f, "../new", 2);
    expect_refusal(f, ".wherry-new", 2);
}

static void test_file_gets_the_configured_mode_less_umask(void **state)
{
    struct served *f = *state;
    struct client c;
    struct stat st;
    char path[256];

    f->config.upload_mode = 0664;
    f->config.umask = 027;
    start_upload(f, &c, "new");
    finish_upload(&c);
    assert_int_equal(stat(served_path(f, "new", path, sizeof(path)), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    client_close(&c);
}

/* --- whole or not at all --- */

static void test_last_ack_comes_when_the_name_is_there_and_not_before(void **state)
{
    struct served *f = *state;
    struct client c;

    start_upload(f, &c, "new");
    assert_false(served_exists(f, "new"));
    finish_upload(&c);
    assert_true(served_exists(f, "new"));
    served_expect_file(f, "new", bytes, 600);
    assert_non_null(strstr(served_line(f, "done op=write"), "bytes=600"));
    client_close(&c);
}

static void test_exact_multiple_ends_with_an_empty_block(void **state)
{
    struct served *f = *state;
    struct client c;

    start_upload(f, &c, "new");
    client_data(&c, 2, NULL, 0);
    client_expect_ack(&c, 2);
    served_expect_file(f, "new", bytes, 512);
    client_close(&c);
}

static void test_empty_file_is_one_empty_block(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", NULL);
    client_expect_first_ack(&c, 0);
    client_data(&c, 1, NULL, 0);
    client_expect_ack(&c, 1);
    served_expect_file(f, "new", "", 0);
    client_close(&c);
}

static void test_error_of_the_peer_leaves_nothing_behind(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "old", "old", 3);
    start_upload(f, &c, "old");
    client_error(&c, 0, "changed my mind");
    served_line(f, "aborted op=write");
    served_settle(f);
    assert_int_equal(served_entries(f), 1);
    served_expect_file(f, "old", "old", 3);
    client_close(&c);
}

static void test_silent_client_leaves_nothing_behind(void **state)
{
    struct served *f = *state;
    struct client c;
    uint64_t patience_ns = f->config.patience_ns;

    f->config.patience_ns = 300 * 1000 * 1000;
    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "utimeout", "10000", NULL);
    client_expect_first_oack(&c, "utimeout=10000");
    f->config.patience_ns = patience_ns; /* for whoever asks next */
    client_data(&c, 1, bytes, 512);
    served_line(f, "timeout op=write");
    served_settle(f);
    assert_int_equal(served_entries(f), 0);
    client_close(&c);
}

static void test_netascii_upload_is_converted(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "text", "netascii", NULL);
    client_expect_first_ack(&c, 0);
    client_data(&c, 1, "a\r\nb\r\0", 6);
    client_expect_ack(&c, 1);
    served_expect_file(f, "text", "a\nb\r", 4);
    client_close(&c);
}

static void test_second_transfer_beside_the_first_replaces_it(void **state)
{
    struct served *f = *state;
    struct client c;

    start_upload(f, &c, "new");
    client_ask(&c, WRQ, "new", "octet", NULL); /* the board was reset */
    client_expect_first_ack(&c, 0);
    assert_int_equal(worker_running(f->worker), 2);
    client_data(&c, 1, "again", 5);
    client_expect_ack(&c, 1);
    served_line(f, "aborted op=write");
    served_line(f, "done op=write");
    served_expect_file(f, "new", "again", 5);
    client_close(&c);
}

/* --- options --- */

static void test_announced_size_is_echoed(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "tsize", "600", "blksize", "1024", NULL);
    client_expect_first_oack(&c, "tsize=600 blksize=1024");
    client_data(&c, 1, bytes, 600);
    client_expect_ack(&c, 1);
    client_close(&c);
}

static void test_announced_size_that_does_not_fit_is_error_3_at_once(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "tsize", "4611686018427387904", NULL);
    client_expect_first_error(&c, 3);
    served_line(f, "failed op=write");
    assert_int_equal(served_entries(f), 0);
    client_close(&c);
}

static void test_announced_size_over_the_limit_is_error_3_at_once(void **state)
{
    struct served *f = *state;
    struct client c;

    f->config.upload_max = 599;
    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "tsize", "600", NULL);
    client_expect_first_error(&c, 3);
    client_close(&c);
    f->config.upload_max = 600;
    start_upload(f, &c, "new");
    finish_upload(&c);
    served_expect_file(f, "new", bytes, 600);
    client_close(&c);
}

static void test_upload_that_grows_over_the_limit_is_error_3(void **state)
{
    struct served *f = *state;
    struct client c;

    f->config.upload_max = 599;
    start_upload(f, &c, "new");
    client_data(&c, 2, bytes + 512, 88);
    client_expect_error(&c, 3);
    served_line(f, "refused op=write");
    assert_int_equal(served_entries(f), 0);
    client_close(&c);
}

static void test_upload_into_the_reserve_is_error_3(void **state)
{
    struct served *f = *state;

    f->config.disk_reserve = UINT64_C(1) << 62;
    expect_refusal(f, "new", 3);
    assert_int_equal(served_entries(f), 0);
}

static void test_announced_size_is_not_looked_at_where_tsize_is_refused(void **state)
{
    struct served *f = *state;
    struct client c;

    f->config.refuse_options = 1u << WHERRY_TSIZE;
    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "tsize", "4611686018427387904", NULL);
    client_expect_first_ack(&c, 0);
    client_close(&c);
}

static void test_announced_size_is_a_hint(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "tsize", "9999", NULL);
    client_expect_first_oack(&c, "tsize=9999");
    client_data(&c, 1, bytes, 300);
    client_expect_ack(&c, 1);
    served_expect_file(f, "new", bytes, 300);
    client_close(&c);
}

static void test_window_is_acknowledged_at_its_end(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "windowsize", "4", NULL);
    client_expect_first_oack(&c, "windowsize=4");
    for (unsigned block = 1; block <= 4; block++) {
        client_data(&c, block, bytes + (block - 1) * 512, 512);
    }
    client_expect_ack(&c, 4);
    client_expect_silence(&c);
    client_data(&c, 5, bytes + 2048, 10);
    client_expect_ack(&c, 5);
    served_expect_file(f, "new", bytes, 2058);
    client_close(&c);
}

static void test_lost_block_of_a_window_is_asked_for_once(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "windowsize", "4", NULL);
    client_expect_first_oack(&c, "windowsize=4");
    client_data(&c, 1, bytes, 512);
    client_data(&c, 3, bytes + 1024, 512);
    client_data(&c, 4, bytes + 1536, 512);
    client_expect_ack(&c, 1);
    client_expect_silence(&c);
    client_data(&c, 2, bytes + 512, 512);
    client_data(&c, 3, bytes + 1024, 20);
    client_expect_ack(&c, 3);
    served_expect_file(f, "new", bytes, 1044);
    client_close(&c);
}

static void test_granted_window_fits_the_receive_buffer(void **state)
{
    struct served *f = *state;
    struct client c;
    unsigned granted = 0;

    f->config.windowsize_max = 32767;
    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "blksize", "8192", "windowsize", "32767", NULL);
    client_receive(&c);
    assert_memory_equal(c.packet + 2, "blksize\0008192\0windowsize", 24);
    for (const uint8_t *digit = c.packet + 2 + 24; *digit; digit++) {
        granted = granted * 10 + (unsigned)(*digit - '0');
    }
    assert_in_range(granted, 1, 4 * 1024 * 1024 / 8192);
    /* The server does not look before the whole window is there: none of it may be lost. */
    for (unsigned block = 1; block <= granted; block++) {
        client_data(&c, block, bytes, 8192);
    }
    client_expect_ack(&c, granted);
    client_close(&c);
}

/* --- repeats and strays --- */

static void test_repeated_request_gets_the_oack_and_not_ack_0(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "blksize", "1024", NULL);
    client_expect_first_oack(&c, "blksize=1024");
    client_ask(&c, WRQ, "new", "octet", "blksize", "1024", NULL);
    client_expect_oack(&c, "blksize=1024");
    assert_int_equal(worker_running(f->worker), 1);
    client_close(&c);
}

static void test_request_repeated_while_the_file_is_opened_is_ignored(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", NULL);
    client_ask(&c, WRQ, "new", "octet", NULL); /* the server has not had a turn yet */
    client_expect_first_ack(&c, 0);
    client_expect_silence(&c);
    assert_int_equal(worker_running(f->worker), 1);
    client_close(&c);
}

static void test_different_request_while_the_file_is_opened_replaces_it(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "one", "octet", NULL);
    client_ask(&c, WRQ, "two", "octet", "blksize", "1024", NULL);
    client_expect_first_oack(&c, "blksize=1024");
    client_expect_silence(&c);
    assert_non_null(strstr(served_line(f, "aborted op=write"), "name=\"one\""));
    assert_int_equal(worker_running(f->worker), 1);
    client_close(&c);
}

static void test_stray_ack_0_and_data_0_are_ignored(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", "blksize", "1024", NULL);
    client_expect_first_oack(&c, "blksize=1024");
    client_ack(&c, 0);
    client_data(&c, 0, bytes, 1024);
    client_expect_silence(&c);
    client_data(&c, 1, bytes, 600);
    client_expect_ack(&c, 1);
    served_expect_file(f, "new", bytes, 600);
    client_close(&c);
}

static void test_repeated_block_is_acknowledged_again(void **state)
{
    struct served *f = *state;
    struct client c;

    start_upload(f, &c, "new");
    client_data(&c, 1, bytes, 512);
    client_expect_ack(&c, 1);
    finish_upload(&c);
    served_expect_file(f, "new", bytes, 600);
    client_close(&c);
}

static void test_repeated_last_block_is_answered_while_dallying(void **state)
{
    struct served *f = *state;
    struct client c;

    start_upload(f, &c, "new");
    finish_upload(&c);
    assert_int_equal(worker_running(f->worker), 0);
    finish_upload(&c); /* the last ACK was lost */
    finish_upload(&c);
    assert_int_equal(served_line_count(f, "done op=write"), 1);
    client_close(&c);
}

/* A file system that takes its time with the last step. */
static struct sink *slow_commit;
static bool commits_are_slow;

void __wrap_sink_commit(struct sink *s);
void __real_sink_commit(struct sink *s);

void __wrap_sink_commit(struct sink *s)
{
    if (commits_are_slow) {
        slow_commit = s;
    } else {
        __real_sink_commit(s);
    }
}

static void test_different_request_leaves_a_file_that_gets_its_name_alone(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr first;

    start_upload(f, &c, "one");
    first = c.tid;
    commits_are_slow = true;
    client_data(&c, 2, bytes + 512, 88);
    served_settle(f);
    commits_are_slow = false;
    assert_non_null(slow_commit);
    client_ask(&c, WRQ, "two", "octet", NULL);
    client_expect_first_ack(&c, 0);
    assert_int_equal(served_line_count(f, "aborted "), 0);
    __real_sink_commit(slow_commit);
    served_line(f, "done op=write");
    client_expect_first_ack(&c, 2);
    assert_true(addr_equal(&c.tid, &first));
    served_expect_file(f, "one", bytes, 600);
    client_close(&c);
}

static void test_any_request_begins_anew_while_dallying(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr first, second;

    start_upload(f, &c, "new");
    finish_upload(&c);
    first = c.tid;
    client_ask(&c, WRQ, "new", "octet", NULL);
    client_expect_first_ack(&c, 0);
    assert_false(addr_equal(&first, &c.tid));
    second = c.tid;
    c.tid = first;
    client_data(&c, 2, bytes + 512, 88);
    client_expect_silence(&c); /* that one is over */
    c.tid = second;
    client_data(&c, 1, "short", 5);
    client_expect_ack(&c, 1);
    served_expect_file(f, "new", "short", 5);
    assert_int_equal(served_line_count(f, "done op=write"), 2);
    client_close(&c);
}

static void test_block_longer_than_agreed_ends_the_upload(void **state)
{
    struct served *f = *state;
    struct client c;

    start_upload(f, &c, "new");
    client_data(&c, 2, bytes, 513);
    client_receive(&c);
    assert_int_equal(c.packet[1], ERROR);
    served_line(f, "aborted op=write");
    served_settle(f);
    assert_int_equal(served_entries(f), 0);
    client_close(&c);
}

static void test_stranger_s_data_gets_error_5_and_is_not_stored(void **state)
{
    struct served *f = *state;
    struct client c, stranger;

    start_upload(f, &c, "new");
    client_open_local(&stranger, f);
    stranger.tid = c.tid;
    client_data(&stranger, 2, "poison", 6);
    client_expect_error(&stranger, 5);
    finish_upload(&c);
    served_expect_file(f, "new", bytes, 600);
    client_close(&stranger);
    client_close(&c);
}

#define SERVED_TEST(name) cmocka_unit_test_setup_teardown(name, served_setup, served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED_TEST(test_uploads_are_error_2_where_nobody_may_write),
        SERVED_TEST(test_existing_name_is_error_6_under_create),
        SERVED_TEST(test_new_name_is_taken_under_create),
        SERVED_TEST(test_existing_name_is_replaced_under_replace),
        SERVED_TEST(test_later_of_two_uploads_of_a_name_is_error_6_under_create),
        SERVED_TEST(test_missing_directory_is_error_1),
        SERVED_TEST(test_directory_cannot_be_uploaded),
        SERVED_TEST(test_forbidden_names_are_error_2),
        SERVED_TEST(test_file_gets_the_configured_mode_less_umask),
        SERVED_TEST(test_last_ack_comes_when_the_name_is_there_and_not_before),
        SERVED_TEST(test_exact_multiple_ends_with_an_empty_block),
        SERVED_TEST(test_empty_file_is_one_empty_block),
        SERVED_TEST(test_error_of_the_peer_leaves_nothing_behind),
        SERVED_TEST(test_silent_client_leaves_nothing_behind),
        SERVED_TEST(test_netascii_upload_is_converted),
        SERVED_TEST(test_second_transfer_beside_the_first_replaces_it),
        SERVED_TEST(test_announced_size_is_echoed),
        SERVED_TEST(test_announced_size_that_does_not_fit_is_error_3_at_once),
        SERVED_TEST(test_announced_size_over_the_limit_is_error_3_at_once),
        SERVED_TEST(test_upload_that_grows_over_the_limit_is_error_3),
        SERVED_TEST(test_upload_into_the_reserve_is_error_3),
        SERVED_TEST(test_announced_size_is_not_looked_at_where_tsize_is_refused),
        SERVED_TEST(test_announced_size_is_a_hint),
        SERVED_TEST(test_window_is_acknowledged_at_its_end),
        SERVED_TEST(test_lost_block_of_a_window_is_asked_for_once),
        SERVED_TEST(test_granted_window_fits_the_receive_buffer),
        SERVED_TEST(test_repeated_request_gets_the_oack_and_not_ack_0),
        SERVED_TEST(test_request_repeated_while_the_file_is_opened_is_ignored),
        SERVED_TEST(test_different_request_while_the_file_is_opened_replaces_it),
        SERVED_TEST(test_stray_ack_0_and_data_0_are_ignored),
        SERVED_TEST(test_repeated_block_is_acknowledged_again),
        SERVED_TEST(test_repeated_last_block_is_answered_while_dallying),
        SERVED_TEST(test_different_request_leaves_a_file_that_gets_its_name_alone),
        SERVED_TEST(test_any_request_begins_anew_while_dallying),
        SERVED_TEST(test_block_longer_than_agreed_ends_the_upload),
        SERVED_TEST(test_stranger_s_data_gets_error_5_and_is_not_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
