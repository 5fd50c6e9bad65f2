/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "net/udp_story.h"

/* Sending */

static void test_full_socket_takes_nothing_now(void **state)
{
    static const int errors[] = {EAGAIN, ENOBUFS, ENOMEM};
    struct fixture *f = *state;
    struct pair p = make_pair();

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        played.error = errors[i];
        played.times = 1;
        assert_false(udp_send(p.from, &p.to_addr, (const uint8_t *)"full", 4));
        assert_int_equal(played.times, 0);
    }
    assert_int_equal(receive(f, p.to), 0);
    close_pair(&p);
}

static void test_error_told_once_does_not_stop_a_datagram(void **state)
{
    static const int errors[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH};
    struct fixture *f = *state;
    struct pair p = make_pair();

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        played.error = errors[i];
        played.times = 1;
        assert_true(udp_send(p.from, &p.to_addr, (const uint8_t *)"again", 5));
        assert_int_equal(played.times, 0);
        assert_bytes(take_one(f, p.to), "again");
    }
    close_pair(&p);
}

static void test_lasting_error_is_reported(void **state)
{
    struct fixture *f = *state;
    struct pair p = make_pair();

    played.error = EPERM;
    played.times = 2;
    assert_false(udp_send(p.from, &p.to_addr, (const uint8_t *)"never", 5));
    assert_int_equal(errno, EPERM);
    assert_int_equal(played.times, 0);
    assert_int_equal(receive(f, p.to), 0);
    close_pair(&p);
}

static void test_datagram_that_is_too_large_is_refused(void **state)
{
    static uint8_t bytes[65508]; /* one more than UDP over IPv4 carries */
    struct pair p = make_pair();

    (void)state;
    assert_false(udp_send(p.from, &p.to_addr, bytes, sizeof(bytes)));
    assert_int_equal(errno, EMSGSIZE);
    close_pair(&p);
}

/* Errors */

/* Sends to a port that nobody has any more and waits for ICMP to say so. */
static void provoke(int fd, const char *host, struct addr *ret_closed)
{
    int gone = open_on(host, ret_closed);

    close(gone);
    send_text(fd, ret_closed, "anybody?");
    wait_for(fd, POLLERR);
}

static void expect_unreachable(int fd, const struct addr *closed)
{
    struct addr peer = {0};
    bool unreachable = false;

    assert_true(udp_take_error(fd, &peer, &unreachable));
    assert_true(unreachable);
    assert_true(addr_equal(&peer, closed));
    assert_false(udp_take_error(fd, &peer, &unreachable));
}

static void test_closed_port_is_reported_with_its_address(void **state)
{
    struct addr local;
    struct addr closed;
    int fd = open_on("127.0.0.1", &local);

    (void)state;
    provoke(fd, "127.0.0.1", &closed);
    expect_unreachable(fd, &closed);
    close(fd);
}

static void test_closed_ipv6_port_is_reported_with_its_address(void **state)
{
    struct addr local;
    struct addr closed;
    int fd;

    (void)state;
    need_ipv6();
    fd = open_on("::1", &local);
    provoke(fd, "::1", &closed);
    expect_unreachable(fd, &closed);
    close(fd);
}

static void test_closed_ipv4_port_is_reported_on_a_dual_stack_socket(void **state)
{
    struct addr closed;
    int fd;

    (void)state;
    need_ipv6();
    fd = listen_on("::");
    provoke(fd, "127.0.0.1", &closed);
    expect_unreachable(fd, &closed);
    close(fd);
}

static void test_error_of_one_peer_does_not_disturb_another(void **state)
{
    struct fixture *f = *state;
    struct pair p = make_pair();
    struct addr closed;
    struct addr from = make_addr("127.0.0.1", port_of(p.from));

    provoke(p.from, "127.0.0.1", &closed);
    send_text(p.from, &p.to_addr, "hello");
    assert_bytes(take_one(f, p.to), "hello");
    expect_unreachable(p.from, &closed);

    provoke(p.from, "127.0.0.1", &closed);
    send_text(p.to, &from, "back");
    assert_bytes(take_one(f, p.from), "back");
    expect_unreachable(p.from, &closed);
    close_pair(&p);
}

static void test_only_port_unreachable_counts(void **state)
{
    static const struct {
        uint8_t origin;
        uint8_t type;
        uint8_t code;
        bool unreachable;
    } rows[] = {
        {SO_EE_ORIGIN_ICMP, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, true},
        {SO_EE_ORIGIN_ICMP, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, false},
        {SO_EE_ORIGIN_ICMP, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, false},
        {SO_EE_ORIGIN_ICMP, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, false},
        {SO_EE_ORIGIN_ICMP, ICMP_TIME_EXCEEDED, 3, false},
        {SO_EE_ORIGIN_ICMP6, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, true},
        {SO_EE_ORIGIN_ICMP6, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, false},
        {SO_EE_ORIGIN_ICMP6, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE, false},
        {SO_EE_ORIGIN_ICMP6, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, false},
        {SO_EE_ORIGIN_LOCAL, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, false},
    };
    struct addr peer = make_addr("::ffff:192.0.2.7", 2071);
    struct addr want = make_addr("192.0.2.7", 2071);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sock_extended_err e = {
            .ee_origin = rows[i].origin, .ee_type = rows[i].type, .ee_code = rows[i].code};
        struct addr got = {0};
        bool unreachable = !rows[i].unreachable;

        played.queued = &e;
        played.queued_peer = &peer.u.in6;
        assert_true(udp_take_error(-1, &got, &unreachable));
        assert_int_equal(unreachable, rows[i].unreachable);
        assert_true(addr_equal(&got, &want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_full_socket_takes_nothing_now),
        TEST(test_error_told_once_does_not_stop_a_datagram),
        TEST(test_lasting_error_is_reported),
        TEST(test_datagram_that_is_too_large_is_refused),
        TEST(test_closed_port_is_reported_with_its_address),
        TEST(test_closed_ipv6_port_is_reported_with_its_address),
        TEST(test_closed_ipv4_port_is_reported_on_a_dual_stack_socket),
        TEST(test_error_of_one_peer_does_not_disturb_another),
        TEST(test_only_port_unreachable_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
