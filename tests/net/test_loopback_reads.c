/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads under way: options, windows, strangers, ERRORs, ICMP, files that change. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <wherry/options.h>

#include "net/served.h"

static void open_local(struct client *c, struct served *f)
{
    client_open(c, f, "127.0.0.1", "127.0.0.1");
}

static void is_pattern(const struct client *c, size_t offset)
{
    for (size_t i = 4; i < c->len; i++) {
        assert_int_equal(c->packet[i], pattern_at(offset + i - 4));
    }
}

/* A read of 1500 bytes in blocks of 512 whose DATA 2 has just come. */
static void start_read(struct served *f, struct client *c)
{
    served_pattern(f, "file", 1500);
    open_local(c, f);
    client_ask(c, RRQ, "file", "octet", NULL);
    client_expect_first_data(c, 1, 512);
    client_ack(c, 1);
    client_expect_data(c, 2, 512);
}

static void finish_read(struct served *f, struct client *c)
{
    client_ack(c, 2);
    client_expect_data(c, 3, 476);
    client_ack(c, 3);
    served_line(f, "done op=read");
    assert_int_equal(worker_running(f->worker), 0);
    client_close(c);
}

/* --- options --- */

static void test_options_are_answered_in_order_and_spelt_as_asked(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 3000);
    open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", "TSize", "0", "vendor", "x", "BLKSIZE", "1408", "timeout",
               "3", "windowsize", "4", NULL);
    client_expect_first_oack(&c, "TSize=3000 BLKSIZE=1408 timeout=3 windowsize=4");
    client_ack(&c, 0);
    client_expect_data(&c, 1, 1408);
    client_expect_data(&c, 2, 1408);
    client_expect_data(&c, 3, 184);
    client_ack(&c, 3);
    served_line(f, "done op=read");
    client_close(&c);
}

static void test_options_that_cannot_be_granted_leave_a_plain_transfer(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "x", "x", 1);
    open_local(&c, f);
    client_ask(&c, RRQ, "x", "octet", "blksize", "7", "timeout", "256", "multicast", "", NULL);
    client_expect_first_data(&c, 1, 1); /* no OACK */
    client_close(&c);
}

static void test_configuration_limits_what_is_granted(void **state)
{
    struct served *f = *state;
    struct client c;

    f->config.blksize_max = 1024;
    f->config.windowsize_max = 2;
    f->config.timeout_decline = true;
    f->config.refuse_options = 1u << WHERRY_TSIZE;
    served_pattern(f, "file", 3000);
    open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", "tsize", "0", "blksize", "1408", "timeout", "3",
               "windowsize", "4", NULL);
    client_expect_first_oack(&c, "blksize=1024 windowsize=2");
    client_close(&c);
}

static void test_new_configuration_holds_for_new_transfers(void **state)
{
    struct served *f = *state;
    struct config other = f->config;
    struct client c;

    other.blksize_max = 100;
    served_pattern(f, "file", 3000);
    open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", "blksize", "1408", NULL);
    client_expect_first_oack(&c, "blksize=1408");
    worker_configure(f->worker, &other);
    client_ack(&c, 0);
    client_expect_data(&c, 1, 1408);
    client_ask(&c, RRQ, "file", "octet", "blksize", "1409", NULL);
    client_expect_first_oack(&c, "blksize=100");
    client_close(&c);
}

static void test_mtu_of_the_route_limits_blocks_where_configured(void **state)
{
    struct served *f = *state;
    struct client c;
    char want[32];
    unsigned mtu;
    FILE *file = fopen("/sys/class/net/lo/mtu", "r");

    if (!file || fscanf(file, "%u", &mtu) != 1) {
        skip();
    }
    fclose(file);
    /* IP, UDP and TFTP headers: 20 + 8 + 4 (RFC 2348); not above the option's own limit. */
    snprintf(want, sizeof want, "blksize=%u", mtu - 32 > 65464 ? 65464 : mtu - 32);
    f->config.blksize_mtu = true;
    served_file(f, "x", "x", 1);
    open_local(&c, f);
    client_ask(&c, RRQ, "x", "octet", "blksize", "65464", NULL);
    client_expect_first_oack(&c, want);
    client_close(&c);
}

static void test_size_of_an_empty_file_is_told_when_nothing_else_is(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "empty", "", 0);
    open_local(&c, f);
    client_ask(&c, RRQ, "empty", "octet", "tsize", "0", NULL);
    client_expect_first_oack(&c, "tsize=0");
    client_ack(&c, 0);
    client_expect_data(&c, 1, 0);
    client_ack(&c, 1);
    served_line(f, "done op=read");
    client_close(&c);
}

static void test_size_of_an_empty_file_is_left_out_beside_other_options(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "empty", "", 0);
    open_local(&c, f);
    client_ask(&c, RRQ, "empty", "octet", "tsize", "0", "blksize", "1024", NULL);
    client_expect_first_oack(&c, "blksize=1024");
    client_close(&c);
}

static void test_netascii_read_converts_and_tells_no_size(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "text", "a\nb\r", 4);
    open_local(&c, f);
    client_ask(&c, RRQ, "text", "netascii", "tsize", "0", NULL);
    client_expect_first_data(&c, 1, 6);
    assert_memory_equal(c.packet + 4, "a\r\nb\r\0", 6);
    client_ack(&c, 1);
    served_line(f, "done op=read");
    client_close(&c);
}

static void test_oack_goes_unanswered_no_data_follows(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "x", "x", 1);
    open_local(&c, f);
    client_ask(&c, RRQ, "x", "octet", "utimeout", "10000", NULL);
    for (int sends = 1; sends <= 5; sends++) {
        client_expect_first_oack(&c, "utimeout=10000");
    }
    assert_non_null(served_line(f, "timeout op=read"));
    client_expect_silence(&c);
    client_close(&c);
}

/* --- windows and many blocks --- */

static void test_window_leaves_without_waiting_and_repeats_behind_the_acknowledged(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 512 * 10);
    open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", "windowsize", "4", NULL);
    client_expect_first_oack(&c, "windowsize=4");
    client_ack(&c, 0);
    for (unsigned block = 1; block <= 4; block++) {
        client_expect_data(&c, block, 512);
    }
    client_expect_silence(&c);
    client_ack(&c, 2); /* RFC 7440: go on behind it */
    for (unsigned block = 3; block <= 6; block++) {
        client_expect_data(&c, block, 512);
        is_pattern(&c, (block - 1) * 512);
    }
    client_close(&c);
}

/* Reads to the end, acknowledging each window of `window`. */
static void read_all(struct client *c, size_t size, size_t blksize, unsigned window)
{
    size_t offset = 0;
    unsigned block = 0;
    size_t len;

    do {
        len = size - offset < blksize ? size - offset : blksize;
        block++;
        client_expect_data(c, block & 0xffff, len);
        is_pattern(c, offset);
        offset += len;
        if (block % window == 0 || len < blksize) {
            client_ack(c, block & 0xffff);
        }
    } while (len == blksize);
}

static void test_large_file_arrives_intact(void **state)
{
    struct served *f = *state;
    struct client c;
    size_t size = 3 * 1024 * 1024 + 17;

    served_pattern(f, "big", size);
    open_local(&c, f);
    client_ask(&c, RRQ, "big", "octet", "blksize", "1428", "windowsize", "16", NULL);
    client_expect_first_oack(&c, "blksize=1428 windowsize=16");
    client_ack(&c, 0);
    read_all(&c, size, 1428, 16);
    assert_non_null(strstr(served_line(f, "done op=read"), "bytes=3145745"));
    client_close(&c);
}

static void test_block_numbers_go_on_with_0_after_65535(void **state)
{
    struct served *f = *state;
    struct client c;
    size_t size = 8 * 65540;

    served_pattern(f, "long", size);
    open_local(&c, f);
    client_ask(&c, RRQ, "long", "octet", "blksize", "8", "windowsize", "64", NULL);
    client_expect_first_oack(&c, "blksize=8 windowsize=64");
    client_ack(&c, 0);
    read_all(&c, size, 8, 64); /* an exact multiple: ends with an empty block */
    served_line(f, "done op=read");
    client_close(&c);
}

static void test_largest_blocks_and_windows_arrive_intact(void **state)
{
    struct served *f = *state;
    struct client c;
    size_t size = 65464 * 6 + 5;

    served_pattern(f, "big", size);
    open_local(&c, f);
    client_ask(&c, RRQ, "big", "octet", "blksize", "65464", "windowsize", "2", NULL);
    client_expect_first_oack(&c, "blksize=65464 windowsize=2");
    client_ack(&c, 0);
    read_all(&c, size, 65464, 2);
    served_line(f, "done op=read");
    client_close(&c);
}

/* --- strangers --- */

static void test_stranger_gets_error_5_and_nothing_changes(void **state)
{
    struct served *f = *state;
    struct client c, stranger, elsewhere;

    start_read(f, &c);
    open_local(&stranger, f);
    stranger.tid = c.tid;
    client_ack(&stranger, 2);
    client_expect_error(&stranger, 5);
    client_open(&elsewhere, f, "127.0.0.3", "127.0.0.1");
    elsewhere.tid = c.tid;
    client_ack(&elsewhere, 2);
    client_expect_error(&elsewhere, 5);
    client_expect_silence(&c);
    finish_read(f, &c);
    client_close(&stranger);
    client_close(&elsewhere);
}

static void test_stranger_s_error_is_not_answered(void **state)
{
    struct served *f = *state;
    struct client c, stranger;

    start_read(f, &c);
    open_local(&stranger, f);
    stranger.tid = c.tid;
    client_error(&stranger, 0, "go away");
    client_expect_silence(&stranger);
    client_expect_silence(&c);
    finish_read(f, &c);
    client_close(&stranger);
}

static void test_unreachable_that_our_error_5_provoked_ends_nothing(void **state)
{
    struct served *f = *state;
    struct client c, stranger;

    start_read(f, &c);
    open_local(&stranger, f);
    stranger.tid = c.tid;
    client_ack(&stranger, 2);
    client_close(&stranger); /* before the answer */
    client_expect_silence(&c);
    finish_read(f, &c);
}

/* --- odd packets of the peer --- */

static void test_unknown_opcode_ends_the_transfer_with_error_4(void **state)
{
    struct served *f = *state;
    struct client c;

    start_read(f, &c);
    client_send(&c, &c.tid, "\0\11\0\1", 4);
    client_expect_error(&c, 4);
    served_line(f, "aborted op=read");
    client_close(&c);
}

static void test_packets_too_short_and_requests_change_nothing(void **state)
{
    struct served *f = *state;
    struct client c;

    start_read(f, &c);
    client_send(&c, &c.tid, "", 0);
    client_send(&c, &c.tid, "\0", 1);
    client_send(&c, &c.tid, "\0\4\0", 3);
    client_send(&c, &c.tid, "\0\1x\0mail", 9);
    client_send(&c, &c.tid, "\0\1x\0octet", 10);
    client_expect_silence(&c);
    finish_read(f, &c);
}

static void test_ack_longer_than_four_bytes_is_an_ack(void **state)
{
    struct served *f = *state;
    struct client c;

    start_read(f, &c);
    client_send(&c, &c.tid, "\0\4\0\2\1", 5);
    client_expect_data(&c, 3, 476);
    client_close(&c);
}

static void test_ack_of_a_block_not_sent_is_ignored(void **state)
{
    struct served *f = *state;
    struct client c;

    start_read(f, &c);
    client_ack(&c, 900);
    client_expect_silence(&c);
    finish_read(f, &c);
}

static void test_repeated_ack_is_not_answered(void **state)
{
    struct served *f = *state;
    struct client c;

    start_read(f, &c);
    client_ack(&c, 1);
    client_ack(&c, 1);
    client_expect_silence(&c); /* RFC 1123, 4.2.3.1 */
    finish_read(f, &c);
}

/* --- the peer gives up --- */

static void test_error_ends_the_transfer_and_is_not_answered(void **state)
{
    struct served *f = *state;
    struct client c;
    const char *line;

    start_read(f, &c);
    client_error(&c, 3, "my \"disk\" is full");
    line = served_line(f, "aborted op=read");
    assert_non_null(strstr(line, "my \\\"disk\\\" is full")); /* as it came, made safe */
    client_expect_silence(&c);
    assert_int_equal(worker_running(f->worker), 0);
    client_close(&c);
}

static void probe(struct served *f, unsigned code, const char *outcome, bool size)
{
    struct client c;

    served_pattern(f, "nbp", 100000);
    open_local(&c, f);
    if (size) {
        client_ask(&c, RRQ, "nbp", "octet", "tsize", "0", NULL);
        client_expect_first_oack(&c, "tsize=100000");
    } else {
        client_ask(&c, RRQ, "nbp", "octet", "blksize", "1024", NULL);
        client_expect_first_oack(&c, "blksize=1024");
    }
    client_error(&c, code, "User aborted the transfer");
    served_line(f, outcome);
    client_expect_silence(&c);
    client_close(&c);
}

static void test_size_query_ended_with_error_8_is_a_probe(void **state)
{
    probe(*state, 8, "probe op=read", true);
}

static void test_size_query_ended_with_error_0_is_a_probe(void **state)
{
    probe(*state, 0, "probe op=read", true);
}

static void test_size_query_ended_with_another_error_is_aborted(void **state)
{
    probe(*state, 3, "aborted op=read", true);
}

static void test_read_that_asked_no_size_is_aborted_by_error_8(void **state)
{
    probe(*state, 8, "aborted op=read", false);
}

static void test_size_query_after_which_data_was_acknowledged_is_aborted(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "nbp", 100000);
    open_local(&c, f);
    client_ask(&c, RRQ, "nbp", "octet", "tsize", "0", NULL);
    client_expect_first_oack(&c, "tsize=100000");
    client_ack(&c, 0);
    client_expect_data(&c, 1, 512);
    client_ack(&c, 1);
    client_expect_data(&c, 2, 512);
    client_error(&c, 0, "");
    served_line(f, "aborted op=read");
    client_close(&c);
}

static void test_error_in_place_of_the_last_ack_is_done(void **state)
{
    struct served *f = *state;
    struct client c;

    /* As PXELINUX does: an exact multiple, no ACK of the last full block, an ERROR without NUL. */
    served_pattern(f, "file", 1408 * 2);
    open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", "tsize", "0", "blksize", "1408", NULL);
    client_expect_first_oack(&c, "tsize=2816 blksize=1408");
    client_ack(&c, 0);
    client_expect_data(&c, 1, 1408);
    client_ack(&c, 1);
    client_expect_data(&c, 2, 1408);
    client_send(&c, &c.tid, "\0\5\0\0No error, file close", 24);
    assert_non_null(strstr(served_line(f, "done op=read"), "bytes=2816"));
    client_expect_silence(&c);
    client_close(&c);
}

static void test_error_of_four_bytes_is_an_error(void **state)
{
    struct served *f = *state;
    struct client c;

    start_read(f, &c);
    client_send(&c, &c.tid, "\0\5\0\0", 4);
    served_line(f, "aborted op=read");
    client_close(&c);
}

/* The client vanishes with `blocks` of the 2 acknowledged; a time-out meets its closed port. */
static void vanish(struct served *f, unsigned acknowledged, const char *outcome)
{
    struct client c;

    served_pattern(f, "file", 600);
    open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", "utimeout", "10000", NULL);
    client_expect_first_oack(&c, "utimeout=10000");
    for (unsigned block = 0; block <= acknowledged; block++) {
        client_ack(&c, block);
        do {
            client_receive(&c); /* a time-out may repeat a packet on a slow machine */
        } while (c.packet[1] != DATA || c.packet[3] != block + 1);
    }
    client_close(&c);
    served_line(f, outcome);
}

static void test_port_unreachable_in_place_of_the_last_ack_is_done(void **state)
{
    vanish(*state, 1, "done op=read");
}

static void test_port_unreachable_before_the_end_is_aborted(void **state)
{
    vanish(*state, 0, "aborted op=read");
}

/* --- files that change --- */

static void test_file_rewritten_in_place_ends_with_error_0(void **state)
{
    struct served *f = *state;
    struct client c;
    char path[256];
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    int fd;

    start_read(f, &c);
    fd = open(served_path(f, "file", path, sizeof path), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "new bytes", 9, 1200), 9);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
    client_ack(&c, 2);
    client_expect_error(&c, 0);
    assert_non_null(strstr(client_text(&c), "changed while being read"));
    served_line(f, "failed op=read");
    client_close(&c);
}

static void test_file_that_shrank_ends_with_error_0(void **state)
{
    struct served *f = *state;
    struct client c;
    char path[256];

    start_read(f, &c);
    assert_int_equal(truncate(served_path(f, "file", path, sizeof path), 1024), 0);
    client_ack(&c, 2);
    client_expect_error(&c, 0);
    served_line(f, "failed op=read");
    client_close(&c);
}

static void test_replaced_name_leaves_a_running_read_alone(void **state)
{
    struct served *f = *state;
    struct client c;
    char from[256], to[256];

    start_read(f, &c);
    served_file(f, "new", "new", 3);
    assert_int_equal(
        rename(served_path(f, "new", from, sizeof from), served_path(f, "file", to, sizeof to)), 0);
    client_ack(&c, 2);
    client_expect_data(&c, 3, 476);
    is_pattern(&c, 1024);
    client_ack(&c, 3);
    served_line(f, "done op=read");
    client_close(&c);
}

#define SERVED_TEST(name) cmocka_unit_test_setup_teardown(name, served_setup, served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED_TEST(test_options_are_answered_in_order_and_spelt_as_asked),
        SERVED_TEST(test_options_that_cannot_be_granted_leave_a_plain_transfer),
        SERVED_TEST(test_configuration_limits_what_is_granted),
        SERVED_TEST(test_new_configuration_holds_for_new_transfers),
        SERVED_TEST(test_mtu_of_the_route_limits_blocks_where_configured),
        SERVED_TEST(test_size_of_an_empty_file_is_told_when_nothing_else_is),
        SERVED_TEST(test_size_of_an_empty_file_is_left_out_beside_other_options),
        SERVED_TEST(test_netascii_read_converts_and_tells_no_size),
        SERVED_TEST(test_oack_goes_unanswered_no_data_follows),
        SERVED_TEST(test_window_leaves_without_waiting_and_repeats_behind_the_acknowledged),
        SERVED_TEST(test_large_file_arrives_intact),
        SERVED_TEST(test_block_numbers_go_on_with_0_after_65535),
        SERVED_TEST(test_largest_blocks_and_windows_arrive_intact),
        SERVED_TEST(test_stranger_gets_error_5_and_nothing_changes),
        SERVED_TEST(test_stranger_s_error_is_not_answered),
        SERVED_TEST(test_unreachable_that_our_error_5_provoked_ends_nothing),
        SERVED_TEST(test_unknown_opcode_ends_the_transfer_with_error_4),
        SERVED_TEST(test_packets_too_short_and_requests_change_nothing),
        SERVED_TEST(test_ack_longer_than_four_bytes_is_an_ack),
        SERVED_TEST(test_ack_of_a_block_not_sent_is_ignored),
        SERVED_TEST(test_repeated_ack_is_not_answered),
        SERVED_TEST(test_error_ends_the_transfer_and_is_not_answered),
        SERVED_TEST(test_size_query_ended_with_error_8_is_a_probe),
        SERVED_TEST(test_size_query_ended_with_error_0_is_a_probe),
        SERVED_TEST(test_size_query_ended_with_another_error_is_aborted),
        SERVED_TEST(test_read_that_asked_no_size_is_aborted_by_error_8),
        SERVED_TEST(test_size_query_after_which_data_was_acknowledged_is_aborted),
        SERVED_TEST(test_error_in_place_of_the_last_ack_is_done),
        SERVED_TEST(test_error_of_four_bytes_is_an_error),
        SERVED_TEST(test_port_unreachable_in_place_of_the_last_ack_is_done),
        SERVED_TEST(test_port_unreachable_before_the_end_is_aborted),
        SERVED_TEST(test_file_rewritten_in_place_ends_with_error_0),
        SERVED_TEST(test_file_that_shrank_ends_with_error_0),
        SERVED_TEST(test_replaced_name_leaves_a_running_read_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
