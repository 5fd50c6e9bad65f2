/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports that carry many transfers: who shares, and that nobody notices. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/served.h"

/* Every send that begins with a block or an OACK finds the socket full as long as this is set.
 * Clients send no DATA and no OACK. */
static bool full;

static bool takes(const uint8_t *bytes, size_t len)
{
    if (full && len >= 2 && (bytes[1] == DATA || bytes[1] == OACK)) {
        errno = EAGAIN;
        return false;
    }
    return true;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    const struct iovec *first = messages[0].msg_hdr.msg_iov;

    return takes(first->iov_base, first->iov_len) ? __real_sendmmsg(fd, messages, count, flags)
                                                  : -1;
}

ssize_t __wrap_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len);
ssize_t __real_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len);

ssize_t __wrap_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len)
{
    return takes(bytes, len) ? __real_sendto(fd, bytes, len, flags, to, to_len) : -1;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    const struct iovec *first = message->msg_iov;

    return takes(first->iov_base, first->iov_len) ? __real_sendmsg(fd, message, flags) : -1;
}

static int setup(void **state)
{
    int r = served_setup(state);

    full = false;
    ((struct served *)*state)->config.transfer_ports = TRANSFER_PORTS_SHARED;
    served_pattern(*state, "file", 1500);
    return r;
}

/* DATA 1 has come. */
static void start_read(struct served *f, struct client *c)
{
    client_open_local(c, f);
    client_ask(c, RRQ, "file", "octet", NULL);
    client_expect_first_data(c, 1, 512);
}

/* From DATA `block` on. */
static void finish_read(struct served *f, struct client *c, unsigned block)
{
    size_t done = served_line_count(f, "done op=read");

    for (; block < 3; block++) {
        client_ack(c, block);
        client_expect_data(c, block + 1, block + 1 == 3 ? 476 : 512);
    }
    client_ack(c, 3);
    served_settle(f);
    assert_int_equal(served_line_count(f, "done op=read"), done + 1);
}

/* --- who shares --- */

static void test_ninth_transfer_and_those_after_it_share_a_port(void **state)
{
    struct served *f = *state;
    static struct client c[11];

    f->config.transfer_ports = TRANSFER_PORTS_AUTO;
    for (size_t i = 0; i < 11; i++) {
        start_read(f, &c[i]);
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(addr_equal(&c[i].tid, &c[k].tid), i > 8 && k >= 8);
        }
    }
    for (size_t i = 0; i < 11; i++) {
        finish_read(f, &c[i], 1);
        client_close(&c[i]);
    }
    start_read(f, &c[0]); /* alone again */
    start_read(f, &c[1]);
    assert_false(addr_equal(&c[0].tid, &c[1].tid));
    client_close(&c[0]);
    client_close(&c[1]);
}

static void test_addresses_of_the_server_have_ports_of_their_own(void **state)
{
    struct served *f = *state;
    struct client a, b, c;

    client_open(&a, f, "127.0.0.1", "127.0.0.2");
    client_ask(&a, RRQ, "file", "octet", NULL);
    client_expect_first_data(&a, 1, 512);
    assert_true(addr_same_host(&a.tid, &a.server));
    start_read(f, &b);
    assert_true(addr_same_host(&b.tid, &b.server));
    client_open(&c, f, "127.0.0.1", "127.0.0.2");
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    assert_true(addr_equal(&a.tid, &c.tid));
    client_close(&a);
    client_close(&b);
    client_close(&c);
}

static void test_upload_has_its_own_port(void **state)
{
    struct served *f = *state;
    struct client reads, writes, other;

    start_read(f, &reads);
    client_open_local(&writes, f);
    client_ask(&writes, WRQ, "new", "octet", NULL);
    client_expect_first_ack(&writes, 0);
    assert_false(addr_equal(&reads.tid, &writes.tid));
    start_read(f, &other);
    assert_true(addr_equal(&reads.tid, &other.tid));
    client_close(&reads);
    client_close(&writes);
    client_close(&other);
}

/* --- transfers of one client --- */

static void test_second_transfer_in_a_row_meets_another_port(void **state)
{
    struct served *f = *state;
    struct client a, b;
    struct addr first;

    start_read(f, &b); /* keeps the port open */
    start_read(f, &a);
    first = a.tid;
    assert_true(addr_equal(&a.tid, &b.tid));
    finish_read(f, &a, 1);
    client_ask(&a, RRQ, "file", "octet", NULL);
    client_expect_first_data(&a, 1, 512);
    assert_false(addr_equal(&a.tid, &first));
    finish_read(f, &a, 1);
    finish_read(f, &b, 1);
    client_close(&a);
    client_close(&b);
}

static void test_late_packet_reaches_no_later_transfer(void **state)
{
    struct served *f = *state;
    struct client a, b;
    struct addr earlier, later;

    start_read(f, &b);
    start_read(f, &a);
    earlier = a.tid;
    finish_read(f, &a, 1);
    client_ask(&a, RRQ, "file", "octet", NULL);
    client_expect_first_data(&a, 1, 512);
    later = a.tid;
    a.tid = earlier;
    client_ack(&a, 1); /* would let DATA 2 leave */
    client_expect_error(&a, 5);
    client_expect_silence(&a);
    a.tid = later;
    finish_read(f, &a, 1);
    finish_read(f, &b, 1);
    client_close(&a);
    client_close(&b);
}

static void test_transfers_side_by_side_are_told_apart(void **state)
{
    struct served *f = *state;
    struct client a, b;
    struct addr older;

    start_read(f, &b);
    start_read(f, &a);
    older = a.tid;
    client_ack(&a, 1);
    client_expect_data(&a, 2, 512);
    client_ask(&a, RRQ, "file", "octet", NULL); /* repeated by the network, or asked anew */
    client_expect_first_data(&a, 1, 512);
    assert_false(addr_equal(&a.tid, &older));
    a.tid = older;
    client_ack(&a, 2);
    client_expect_data(&a, 3, 476);
    assert_int_equal(worker_running(f->worker), 3);
    finish_read(f, &b, 1);
    client_close(&a);
    client_close(&b);
}

/* --- strangers, and those who go --- */

static void test_stranger_gets_error_5_and_the_others_go_on(void **state)
{
    struct served *f = *state;
    struct client a, b, stranger;

    start_read(f, &a);
    start_read(f, &b);
    client_open_local(&stranger, f);
    stranger.tid = a.tid;
    client_ack(&stranger, 1);
    client_ack(&a, 1);
    client_error(&stranger, 0, "never answered");
    client_expect_error(&stranger, 5);
    client_expect_data(&a, 2, 512);
    client_expect_silence(&stranger);
    finish_read(f, &a, 2);
    finish_read(f, &b, 1);
    client_close(&a);
    client_close(&b);
    client_close(&stranger);
}

static void test_unreachable_port_ends_the_transfer_of_its_peer_alone(void **state)
{
    struct served *f = *state;
    struct client a, b;

    client_open_local(&a, f);
    client_ask(&a, RRQ, "file", "octet", "utimeout", "10000", NULL);
    client_expect_first_oack(&a, "utimeout=10000");
    start_read(f, &b);
    assert_true(addr_equal(&a.tid, &b.tid));
    client_close(&a); /* its OACK leaves again and meets a closed port */
    served_line(f, "aborted op=read");
    assert_int_equal(worker_running(f->worker), 1);
    finish_read(f, &b, 1);
    client_close(&b);
}

static void test_error_of_one_ends_its_transfer_alone(void **state)
{
    struct served *f = *state;
    struct client a, b;

    start_read(f, &a);
    start_read(f, &b);
    client_error(&a, 3, "disk of a is full");
    client_error(&b, 0, "b is weary");
    assert_non_null(strstr(served_line(f, "aborted op=read"), "b is weary"));
    assert_int_equal(served_line_count(f, "aborted op=read"), 2);
    assert_non_null(strstr(f->line[f->lines - 2], "disk of a is full"));
    client_close(&a);
    client_close(&b);
}

static void test_port_is_closed_with_its_last_transfer(void **state)
{
    struct served *f = *state;
    struct client a, b;

    start_read(f, &a);
    start_read(f, &b);
    finish_read(f, &a, 1);
    finish_read(f, &b, 1);
    client_ack(&a, 3); /* meets no port, so that ICMP answers */
    served_settle(f);
    assert_int_equal(recv(a.fd, a.packet, sizeof(a.packet), 0), -1);
    client_close(&a);
    client_close(&b);
}

/* --- a full socket --- */

/* Nobody else can be answered either, so no bystander tells when all has been looked at. */
static void expect_nothing(struct served *f, struct client *c)
{
    for (int i = 0; i < 10; i++) {
        loop_turn(f->loop, false);
    }
    assert_int_equal(recv(c->fd, c->packet, sizeof(c->packet), 0), -1);
}

static void test_full_socket_loses_nothing_and_keeps_the_order(void **state)
{
    struct served *f = *state;
    struct client a, b;

    client_open_local(&a, f);
    client_ask(&a, RRQ, "file", "octet", "windowsize", "2", NULL);
    client_expect_first_oack(&a, "windowsize=2");
    start_read(f, &b);
    assert_true(addr_equal(&a.tid, &b.tid));
    full = true;
    client_ack(&a, 0);
    expect_nothing(f, &a);
    client_ack(&b, 1); /* while the socket is known to be full */
    expect_nothing(f, &b);
    expect_nothing(f, &a);
    full = false;
    client_expect_data(&a, 1, 512);
    client_expect_data(&a, 2, 512);
    client_expect_data(&b, 2, 512);
    client_ack(&a, 2);
    client_expect_data(&a, 3, 476);
    client_ack(&a, 3);
    served_line(f, "done op=read");
    finish_read(f, &b, 2);
    client_close(&a);
    client_close(&b);
}

static void test_client_that_gives_up_before_a_full_socket_is_recorded(void **state)
{
    struct served *f = *state;
    struct client a, b;

    start_read(f, &a);
    start_read(f, &b);
    full = true;
    client_ack(&a, 1);
    expect_nothing(f, &a);
    client_ack(&b, 1);
    client_error(&b, 0, "weary of waiting");
    assert_non_null(strstr(served_line(f, "aborted op=read"), "weary of waiting"));
    full = false;
    client_expect_data(&a, 2, 512);
    finish_read(f, &a, 2);
    client_close(&a);
    client_close(&b);
}

#define PORTS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PORTS_TEST(test_ninth_transfer_and_those_after_it_share_a_port),
        PORTS_TEST(test_addresses_of_the_server_have_ports_of_their_own),
        PORTS_TEST(test_upload_has_its_own_port),
        PORTS_TEST(test_second_transfer_in_a_row_meets_another_port),
        PORTS_TEST(test_late_packet_reaches_no_later_transfer),
        PORTS_TEST(test_transfers_side_by_side_are_told_apart),
        PORTS_TEST(test_stranger_gets_error_5_and_the_others_go_on),
        PORTS_TEST(test_unreachable_port_ends_the_transfer_of_its_peer_alone),
        PORTS_TEST(test_error_of_one_ends_its_transfer_alone),
        PORTS_TEST(test_port_is_closed_with_its_last_transfer),
        PORTS_TEST(test_full_socket_loses_nothing_and_keeps_the_order),
        PORTS_TEST(test_client_that_gives_up_before_a_full_socket_is_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
