/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and who speaks to them: strangers, odd packets, clients that give up or vanish. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/served.h"

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

static void finish_read(struct served *f, struct client *c)
{
    client_ack(c, 2);
    client_expect_data(c, 3, 476);
    client_ack(c, 3);
    served_line(f, "done op=read");
    assert_int_equal(worker_running(f->worker), 0);
    client_close(c);
}

/* --- strangers --- */

static void test_stranger_gets_error_5_and_nothing_changes(void **state)
{
    struct served *f = *state;
    struct client c, stranger, elsewhere;

    start_read(f, &c);
    client_open_local(&stranger, f);
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
    client_open_local(&stranger, f);
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
    client_open_local(&stranger, f);
    stranger.tid = c.tid;
    client_ack(&stranger, 2);
    client_close(&stranger); /* before the answer */
    client_expect_silence(&c);
    finish_read(f, &c);
}

/* --- a network that fails for a while --- */

/* Blocks fail to leave so many times more, as when a router or a firewall says so. */
static int refusals;

static bool refused(bool is_data)
{
    if (is_data && refusals > 0) {
        refusals--;
        errno = EHOSTUNREACH;
        return true;
    }
    return false;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    return refused(true) ? -1 : __real_sendmmsg(fd, messages, count, flags);
}

ssize_t __wrap_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len);
ssize_t __real_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len);

/* One datagram; those of the clients are no DATA. */
ssize_t __wrap_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len)
{
    bool is_data = len >= 2 && ((const uint8_t *)bytes)[1] == DATA;

    return refused(is_data) ? -1 : __real_sendto(fd, bytes, len, flags, to, to_len);
}

static void test_unreachable_host_is_a_lost_block_and_no_end(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 600);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", "utimeout", "10000", NULL);
    client_expect_first_oack(&c, "utimeout=10000");
    refusals = 4;
    client_ack(&c, 0);
    client_expect_data(&c, 1, 512); /* by its time-out */
    assert_int_equal(refusals, 0);
    client_error(&c, 0, "enough");
    served_line(f, "aborted op=read");
    client_close(&c);
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
    client_open_local(&c, f);
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
    client_open_local(&c, f);
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
    client_open_local(&c, f);
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
    client_open_local(&c, f);
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

/* More packets than one turn takes: the answer to the first meets the closed port while the last
 * still waits to be read. */
static void test_what_the_peer_said_before_it_went_counts(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 2100);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    client_ack(&c, 1);
    for (int i = 0; i < 31; i++) {
        client_send(&c, &c.tid, "\0\4\0", 3); /* too short to mean anything */
    }
    client_ack(&c, 2);
    client_close(&c);
    assert_non_null(strstr(served_line(f, "aborted op=read"), " bytes=1024 "));
}

#define SERVED_TEST(name) cmocka_unit_test_setup_teardown(name, served_setup, served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED_TEST(test_stranger_gets_error_5_and_nothing_changes),
        SERVED_TEST(test_stranger_s_error_is_not_answered),
        SERVED_TEST(test_unreachable_that_our_error_5_provoked_ends_nothing),
        SERVED_TEST(test_unreachable_host_is_a_lost_block_and_no_end),
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
        SERVED_TEST(test_what_the_peer_said_before_it_went_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
