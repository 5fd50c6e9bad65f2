/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads under way: options, windows, files that change. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <wherry/options.h>

#include "net/served.h"
#include "support/pattern.h"

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
    client_open_local(c, f);
    client_ask(c, RRQ, "file", "octet", NULL);
    client_expect_first_data(c, 1, 512);
    client_ack(c, 1);
    client_expect_data(c, 2, 512);
}

/* --- options --- */

static void test_options_are_answered_in_order_and_spelt_as_asked(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 3000);
    client_open_local(&c, f);
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
    client_open_local(&c, f);
    client_ask(&c, RRQ, "x", "octet", "blksize", "7", "timeout", "256", "multicast", "", NULL);
    client_expect_first_data(&c, 1, 1); /* no OACK */
    client_close(&c);
}

/* Some boot ROMs hang when an ERROR follows an OACK. */
static void test_file_is_looked_for_before_options_are_answered(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, RRQ, "absent", "octet", "tsize", "0", "blksize", "1408", NULL);
    client_expect_first_error(&c, 1);
    client_expect_silence(&c);
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
    client_open_local(&c, f);
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
    client_open_local(&c, f);
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
    unsigned mtu = 0;
    FILE *file = fopen("/sys/class/net/lo/mtu", "r");

    if (!file || fscanf(file, "%u", &mtu) != 1) {
        skip();
    }
    fclose(file);
    /* IP, UDP and TFTP headers: 20 + 8 + 4 (RFC 2348); not above the option's own limit. */
    snprintf(want, sizeof(want), "blksize=%u", mtu - 32 > 65464 ? 65464 : mtu - 32);
    f->config.blksize_mtu = true;
    served_file(f, "x", "x", 1);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "x", "octet", "blksize", "65464", NULL);
    client_expect_first_oack(&c, want);
    client_close(&c);
}

static void test_size_of_an_empty_file_is_told_when_nothing_else_is(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "empty", "", 0);
    client_open_local(&c, f);
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
    client_open_local(&c, f);
    client_ask(&c, RRQ, "empty", "octet", "tsize", "0", "blksize", "1024", NULL);
    client_expect_first_oack(&c, "blksize=1024");
    client_close(&c);
}

static void test_netascii_read_converts_and_tells_no_size(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "text", "a\nb\r", 4);
    client_open_local(&c, f);
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
    client_open_local(&c, f);
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
    client_open_local(&c, f);
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

/* Reads to the end, acknowledging each window of `window`. On a busy machine 50 ms pass quickly and
 * blocks come again; like any client this one drops what it has. */
static void read_all(struct client *c, size_t size, size_t blksize, unsigned window)
{
    size_t offset = 0;
    unsigned block = 0;
    size_t len;

    do {
        len = size - offset < blksize ? size - offset : blksize;
        block++;
        do {
            client_expect_some_data(c);
        } while (client_block(c) != (block & 0xffff));
        assert_int_equal(c->len - 4, len);
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
    client_open_local(&c, f);
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
    client_open_local(&c, f);
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
    client_open_local(&c, f);
    client_ask(&c, RRQ, "big", "octet", "blksize", "65464", "windowsize", "2", NULL);
    client_expect_first_oack(&c, "blksize=65464 windowsize=2");
    client_ack(&c, 0);
    read_all(&c, size, 65464, 2);
    served_line(f, "done op=read");
    client_close(&c);
}

/* --- files that change --- */

enum { LONG_FILE = 200000 };

/* Block 2 of it was sent. */
static void start_long_read(struct served *f, struct client *c)
{
    served_pattern(f, "long", LONG_FILE);
    client_open_local(c, f);
    client_ask(c, RRQ, "long", "octet", NULL);
    client_expect_first_data(c, 1, 512);
    client_ack(c, 1);
    client_expect_data(c, 2, 512);
}

/* What was read before the change may still come, and nothing that was read after it. */
static void expect_old_bytes_then_error_0(struct client *c)
{
    unsigned block = 2;

    for (;;) {
        client_ack(c, block);
        do {
            client_receive(c);
        } while (c->packet[1] == DATA && client_block(c) == block);
        if (c->packet[1] != DATA) {
            break;
        }
        block++;
        assert_int_equal(client_block(c), block);
        assert_int_equal(c->len - 4, 512);
        is_pattern(c, (size_t)(block - 1) * 512);
        assert_true((size_t)block * 512 <= 65536 + 512);
    }
    assert_int_equal(c->packet[1], ERROR);
    assert_int_equal(c->packet[2] * 256 + c->packet[3], 0);
}

static void test_file_rewritten_in_place_ends_with_error_0(void **state)
{
    struct served *f = *state;
    struct client c;
    char path[256];
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    int fd;

    start_long_read(f, &c);
    fd = open(served_path(f, "long", path, sizeof(path)), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (off_t at = 1200; at < LONG_FILE - 9; at += 400) {
        assert_int_equal(pwrite(fd, "new bytes", 9, at), 9);
    }
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
    expect_old_bytes_then_error_0(&c);
    assert_non_null(strstr(client_text(&c), "changed while being read"));
    served_line(f, "failed op=read");
    client_close(&c);
}

static void test_file_that_shrank_ends_with_error_0(void **state)
{
    struct served *f = *state;
    struct client c;
    char path[256];

    start_long_read(f, &c);
    assert_int_equal(truncate(served_path(f, "long", path, sizeof(path)), 1024), 0);
    expect_old_bytes_then_error_0(&c);
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
        rename(served_path(f, "new", from, sizeof(from)), served_path(f, "file", to, sizeof(to))),
        0);
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
        SERVED_TEST(test_file_is_looked_for_before_options_are_answered),
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
        SERVED_TEST(test_file_rewritten_in_place_ends_with_error_0),
        SERVED_TEST(test_file_that_shrank_ends_with_error_0),
        SERVED_TEST(test_replaced_name_leaves_a_running_read_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
