/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net/udp_story.h"

/* Opening */

static void test_sockets_are_nonblocking_and_close_on_exec(void **state)
{
    struct addr local;
    int fds[2];

    (void)state;
    fds[0] = listen_on("127.0.0.1");
    fds[1] = open_on("127.0.0.1", &local);
    for (int i = 0; i < 2; i++) {
        assert_true((fcntl(fds[i], F_GETFL) & O_NONBLOCK) != 0);
        assert_true((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
        close(fds[i]);
    }
}

static void test_no_socket_sends_with_df(void **state)
{
    struct addr local;
    int fds[2];

    (void)state;
    fds[0] = listen_on("127.0.0.1");
    fds[1] = open_on("127.0.0.1", &local);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(int_option(fds[i], IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DONT);
        assert_int_equal(int_option(fds[i], IPPROTO_IP, IP_RECVERR), 1);
        close(fds[i]);
    }
}

static void test_no_ipv6_socket_sends_with_df(void **state)
{
    struct addr local;
    int fds[2];

    (void)state;
    need_ipv6();
    fds[0] = listen_on("::");
    fds[1] = open_on("::1", &local);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(int_option(fds[i], IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_DONT);
        assert_int_equal(int_option(fds[i], IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DONT);
        assert_int_equal(int_option(fds[i], IPPROTO_IPV6, IPV6_RECVERR), 1);
        assert_int_equal(int_option(fds[i], IPPROTO_IP, IP_RECVERR), 1);
        close(fds[i]);
    }
}

static void test_second_listener_on_a_port_is_refused(void **state)
{
    int first = listen_on("127.0.0.1");
    struct addr a = make_addr("127.0.0.1", port_of(first));
    int fd = -2;

    (void)state;
    assert_int_equal(udp_listen(&a, &fd), RES_BUSY);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(fd, -2);
    close(first);
}

static void test_ipv6_wildcard_takes_the_ipv4_port_too(void **state)
{
    int first;
    struct addr a;
    int fd = -1;

    (void)state;
    need_ipv6();
    first = listen_on("::");
    a = make_addr("0.0.0.0", port_of(first));
    assert_int_equal(udp_listen(&a, &fd), RES_BUSY);
    close(first);
}

static void test_forbidden_port_is_denied(void **state)
{
    struct addr a = make_addr("127.0.0.1", 1);
    int fd = -1;
    enum res r = udp_listen(&a, &fd);

    (void)state;
    if (r == RES_OK) {
        close(fd);
        print_message("SKIPPED: this user may use every port\n");
        skip();
    }
    assert_int_equal(r, RES_DENIED);
    assert_int_equal(errno, EACCES);
}

static void test_family_that_the_kernel_lacks_is_unsupported(void **state)
{
    struct addr a = make_addr("::", 0);
    int fd = -1;

    (void)state;
    played.socket_error = EAFNOSUPPORT;
    assert_int_equal(udp_listen(&a, &fd), RES_UNSUPPORTED);
    assert_int_equal(errno, EAFNOSUPPORT);
}

static void test_foreign_address_cannot_be_bound(void **state)
{
    struct addr a = make_addr("192.0.2.77", 0); /* TEST-NET-1 */
    struct addr local;
    int fd = -1;

    (void)state;
    assert_int_not_equal(udp_listen(&a, &fd), RES_OK);
    assert_int_equal(errno, EADDRNOTAVAIL);
    assert_int_not_equal(udp_open(&a, AF_INET, &fd, &local), RES_OK);
    assert_int_equal(errno, EADDRNOTAVAIL);
}

static void test_transfer_sockets_get_different_ports(void **state)
{
    struct addr a;
    struct addr b;
    struct addr none = {0};
    struct addr any;
    int first = open_on("127.0.0.1", &a);
    int second = open_on("127.0.0.1", &b);
    int third = -1;

    (void)state;
    assert_int_not_equal(addr_port(&a), 0);
    assert_int_not_equal(addr_port(&a), addr_port(&b));
    assert_int_equal(udp_open(&none, AF_INET, &third, &any), RES_OK);
    assert_int_equal(any.u.sa.sa_family, AF_INET);
    assert_int_equal(any.u.in4.sin_addr.s_addr, htonl(INADDR_ANY));
    assert_int_not_equal(addr_port(&any), 0);
    close(first);
    close(second);
    close(third);
}

/* Receiving */

static void test_reply_leaves_from_the_address_that_was_asked(void **state)
{
    struct fixture *f = *state;
    int server = listen_on("0.0.0.0");
    struct addr client_addr;
    int client = open_on("127.0.0.1", &client_addr);
    struct addr to = make_addr("127.0.0.2", port_of(server));
    const struct udp_packet *p;
    struct addr want = make_addr("127.0.0.2", 0);
    struct addr local;
    int reply = -1;

    send_text(client, &to, "request");
    p = take_one(f, server);
    assert_bytes(p, "request");
    assert_true(addr_equal(&p->peer, &client_addr));
    assert_true(addr_equal(&p->local, &want));
    assert_false(p->broadcast);

    assert_int_equal(udp_open(&p->local, AF_INET, &reply, &local), RES_OK);
    send_text(reply, &p->peer, "answer");
    p = take_one(f, client);
    assert_bytes(p, "answer");
    assert_true(addr_equal(&p->peer, &local));
    assert_true(addr_same_host(&p->peer, &want));
    close(server);
    close(client);
    close(reply);
}

static void test_ipv6_local_address_is_kept(void **state)
{
    struct fixture *f = *state;
    int server;
    int client;
    struct addr client_addr;
    struct addr to;
    struct addr want = make_addr("::1", 0);
    const struct udp_packet *p;

    need_ipv6();
    server = listen_on("::");
    client = open_on("::1", &client_addr);
    to = make_addr("::1", port_of(server));
    send_text(client, &to, "six");
    p = take_one(f, server);
    assert_bytes(p, "six");
    assert_true(addr_equal(&p->peer, &client_addr));
    assert_true(addr_equal(&p->local, &want));
    assert_false(p->broadcast);
    close(server);
    close(client);
}

static void test_ipv4_on_a_dual_stack_socket_is_ipv4(void **state)
{
    struct fixture *f = *state;
    int server;
    int client;
    struct addr client_addr;
    struct addr to;
    struct addr want = make_addr("127.0.0.2", 0);
    const struct udp_packet *p;

    need_ipv6();
    server = listen_on("::");
    client = open_on("127.0.0.1", &client_addr);
    to = make_addr("127.0.0.2", port_of(server));
    send_text(client, &to, "four");
    p = take_one(f, server);
    assert_true(addr_equal(&p->peer, &client_addr));
    assert_int_equal(p->peer.u.sa.sa_family, AF_INET);
    assert_true(addr_equal(&p->local, &want));
    assert_false(p->broadcast);
    /* And the listener itself can answer such a peer. */
    send_text(server, &p->peer, "answer");
    assert_bytes(take_one(f, client), "answer");
    close(server);
    close(client);
}

static void expect_broadcast(struct fixture *f, const char *listener)
{
    int server = listen_on(listener);
    struct addr client_addr;
    int client = open_on("127.0.0.1", &client_addr);
    struct addr to = make_addr("127.255.255.255", port_of(server));
    const struct udp_packet *p;
    int on = 1;

    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
    send_text(client, &to, "to all");
    p = take_one(f, server);
    assert_bytes(p, "to all");
    assert_true(p->broadcast);
    assert_int_equal(p->local.len, 0);
    close(server);
    close(client);
}

static void test_broadcast_is_told_from_unicast(void **state)
{
    expect_broadcast(*state, "0.0.0.0");
}

static void test_broadcast_is_told_on_a_dual_stack_socket(void **state)
{
    need_ipv6();
    expect_broadcast(*state, "::");
}

static void test_multicast_is_told_from_unicast(void **state)
{
    struct fixture *f = *state;
    int server = listen_on("0.0.0.0");
    struct addr client_addr;
    int client = open_on("127.0.0.1", &client_addr);
    struct addr to = make_addr("239.255.0.69", port_of(server));
    struct ip_mreqn group = {.imr_multiaddr = to.u.in4.sin_addr,
                             .imr_address.s_addr = htonl(INADDR_LOOPBACK)};
    const struct udp_packet *p;

    assert_int_equal(setsockopt(server, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
    assert_int_equal(setsockopt(client, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)), 0);
    send_text(client, &to, "to a group");
    p = take_one(f, server);
    assert_bytes(p, "to a group");
    assert_true(p->broadcast);
    assert_int_equal(p->local.len, 0);
    close(server);
    close(client);
}

/* A datagram over ::1, of which the kernel says that it came to `to` on interface 7. */
static const struct udp_packet *receive_at(struct fixture *f, const char *to)
{
    struct in6_pktinfo info = {.ipi6_ifindex = 7};
    int server = listen_on("::");
    struct addr client_addr;
    int client = open_on("::1", &client_addr);
    struct addr server_addr = make_addr("::1", port_of(server));
    const struct udp_packet *p;

    assert_int_equal(inet_pton(AF_INET6, to, &info.ipi6_addr), 1);
    played.came_to = &info;
    send_text(client, &server_addr, "six");
    p = take_one(f, server);
    played.came_to = NULL;
    close(server);
    close(client);
    return p;
}

static void test_ipv6_multicast_is_told_from_unicast(void **state)
{
    const struct udp_packet *p;

    need_ipv6();
    p = receive_at(*state, "ff02::1"); /* loopback has no route for it */
    assert_true(p->broadcast);
    assert_int_equal(p->local.len, 0);
}

static void test_link_local_address_keeps_its_interface(void **state)
{
    const struct udp_packet *p;

    need_ipv6();
    p = receive_at(*state, "fe80::1");
    assert_false(p->broadcast);
    assert_int_equal(p->local.u.in6.sin6_scope_id, 7);
    p = receive_at(*state, "2001:db8::1");
    assert_int_equal(p->local.u.in6.sin6_scope_id, 0);
}

static void test_batches_keep_order_and_bytes(void **state)
{
    struct fixture *f = *state;
    int server = listen_on("127.0.0.1");
    struct addr client_addr;
    int client = open_on("127.0.0.1", &client_addr);
    struct addr to = make_addr("127.0.0.1", port_of(server));
    uint8_t next = 0;
    size_t calls = 0;

    for (uint8_t i = 0; i < 100; i++) {
        uint8_t bytes[100];

        memset(bytes, i, sizeof(bytes));
        assert_true(udp_send(client, &to, bytes, i)); /* the first is empty */
    }
    while (next < 100) {
        size_t n;

        wait_for(server, POLLIN);
        n = receive(f, server);
        assert_true(n > 0);
        calls++;
        for (size_t i = 0; i < n; i++, next++) {
            assert_int_equal(f->packet[i].len, next);
            for (size_t j = 0; j < next; j++) {
                assert_int_equal(f->packet[i].bytes[j], next);
            }
            assert_true(addr_equal(&f->packet[i].peer, &client_addr));
        }
    }
    assert_true(calls < 100); /* many came in one call */
    assert_int_equal(receive(f, server), 0);
    close(server);
    close(client);
}

static void test_largest_datagram_comes_whole(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[65507];
    int server = listen_on("127.0.0.1");
    struct addr client_addr;
    int client = open_on("127.0.0.1", &client_addr);
    struct addr to = make_addr("127.0.0.1", port_of(server));
    const struct udp_packet *p;

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    assert_true(udp_send(client, &to, bytes, sizeof(bytes)));
    p = take_one(f, server);
    assert_int_equal(p->len, sizeof(bytes));
    assert_memory_equal(p->bytes, bytes, sizeof(bytes));
    close(server);
    close(client);
}

/* Buffers and routes */

/* As many datagrams as were promised lie in the buffer while nobody reads. */
static void expect_promise_kept(struct fixture *f, const char *host, uint32_t buffer)
{
    static const uint32_t sizes[] = {12, 516, 1432, 8196};
    static const uint8_t bytes[8196];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct addr to;
        struct addr ignored;
        int receiver = open_on(host, &to);
        int sender = open_on(host, &ignored);
        uint32_t promised = udp_receive_buffer(receiver, buffer, sizes[i]);
        uint32_t came = 0;
        size_t n;

        assert_true(promised > 0);
        assert_true(promised <= (uint32_t)int_option(receiver, SOL_SOCKET, SO_RCVBUF));
        assert_int_equal(promised % sizes[i], 0);
        for (uint32_t j = 0; j < promised / sizes[i]; j++) {
            assert_true(udp_send(sender, &to, bytes, sizes[i]));
        }
        while ((n = receive(f, receiver)) > 0) {
            came += (uint32_t)n;
        }
        assert_int_equal(came, promised / sizes[i]);
        close(receiver);
        close(sender);
    }
}

static void test_receive_buffer_holds_what_it_promises(void **state)
{
    expect_promise_kept(*state, "127.0.0.1", 1);
    expect_promise_kept(*state, "127.0.0.1", 2u * 1024u * 1024u);
}

static void test_ipv6_receive_buffer_holds_what_it_promises(void **state)
{
    need_ipv6();
    expect_promise_kept(*state, "::1", 1);
    expect_promise_kept(*state, "::1", 2u * 1024u * 1024u);
}

static void test_receive_buffer_grows_when_asked_and_never_shrinks(void **state)
{
    struct addr ignored;
    int fd = open_on("127.0.0.1", &ignored);
    int before = int_option(fd, SOL_SOCKET, SO_RCVBUF);
    int least = 4096;
    uint32_t least_held;

    (void)state;
    assert_true(udp_receive_buffer(fd, 1, 516) > 0);
    assert_int_equal(int_option(fd, SOL_SOCKET, SO_RCVBUF), before);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
    least_held = udp_receive_buffer(fd, 0, 516);
    assert_true(udp_receive_buffer(fd, 65536, 516) > least_held);
    assert_int_equal(int_option(fd, SOL_SOCKET, SO_RCVBUF), 2 * 65536);
    assert_true(udp_receive_buffer(fd, UINT32_MAX, 516) > 0);
    close(fd);
}

static uint32_t mtu_of_loopback(void)
{
    struct ifreq r = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_not_equal(fd, -1);
    strcpy(r.ifr_name, "lo");
    assert_int_equal(ioctl(fd, SIOCGIFMTU, &r), 0);
    close(fd);
    return (uint32_t)r.ifr_mtu;
}

static void test_route_mtu_is_the_interfaces(void **state)
{
    struct addr none = {0};
    struct addr peer = make_addr("127.0.0.1", 69);
    struct addr local = make_addr("127.0.0.2", 4711);
    struct addr foreign = make_addr("192.0.2.77", 0);
    uint32_t mtu = mtu_of_loopback();

    (void)state;
    mtu = mtu > 65535 ? 65535 : mtu; /* RFC 791: the length has 16 bits */
    assert_int_equal(udp_route_mtu(&peer, &none), mtu);
    assert_int_equal(udp_route_mtu(&peer, &local), mtu);
    assert_int_equal(udp_route_mtu(&peer, &foreign), 0);
    played.socket_error = EMFILE;
    assert_int_equal(udp_route_mtu(&peer, &none), 0);
}

static void test_ipv6_route_mtu_is_the_interfaces(void **state)
{
    struct addr none = {0};
    struct addr peer = make_addr("::1", 69);

    (void)state;
    need_ipv6();
    assert_int_equal(udp_route_mtu(&peer, &none), mtu_of_loopback());
}

static void test_blksize_is_the_mtu_less_headers(void **state)
{
    (void)state;
    assert_int_equal(udp_blksize_of_mtu(1500, AF_INET), 1468);  /* RFC 2348: Ethernet */
    assert_int_equal(udp_blksize_of_mtu(1500, AF_INET6), 1448); /* 20 more for IPv6 */
    assert_int_equal(udp_blksize_of_mtu(1280, AF_INET6), 1228);
    assert_int_equal(udp_blksize_of_mtu(65536, AF_INET), 65464); /* RFC 2348's highest */
    assert_int_equal(udp_blksize_of_mtu(65496, AF_INET), 65464);
    assert_int_equal(udp_blksize_of_mtu(65495, AF_INET), 65463);
    assert_int_equal(udp_blksize_of_mtu(41, AF_INET), 9);
    assert_int_equal(udp_blksize_of_mtu(40, AF_INET), 8);
    assert_int_equal(udp_blksize_of_mtu(39, AF_INET), 8);
    assert_int_equal(udp_blksize_of_mtu(1, AF_INET), 8);
    assert_int_equal(udp_blksize_of_mtu(0, AF_INET), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sockets_are_nonblocking_and_close_on_exec),
        TEST(test_no_socket_sends_with_df),
        TEST(test_no_ipv6_socket_sends_with_df),
        TEST(test_second_listener_on_a_port_is_refused),
        TEST(test_ipv6_wildcard_takes_the_ipv4_port_too),
        TEST(test_forbidden_port_is_denied),
        TEST(test_family_that_the_kernel_lacks_is_unsupported),
        TEST(test_foreign_address_cannot_be_bound),
        TEST(test_transfer_sockets_get_different_ports),
        TEST(test_reply_leaves_from_the_address_that_was_asked),
        TEST(test_ipv6_local_address_is_kept),
        TEST(test_ipv4_on_a_dual_stack_socket_is_ipv4),
        TEST(test_broadcast_is_told_from_unicast),
        TEST(test_broadcast_is_told_on_a_dual_stack_socket),
        TEST(test_multicast_is_told_from_unicast),
        TEST(test_ipv6_multicast_is_told_from_unicast),
        TEST(test_link_local_address_keeps_its_interface),
        TEST(test_batches_keep_order_and_bytes),
        TEST(test_largest_datagram_comes_whole),
        TEST(test_receive_buffer_holds_what_it_promises),
        TEST(test_ipv6_receive_buffer_holds_what_it_promises),
        TEST(test_receive_buffer_grows_when_asked_and_never_shrinks),
        TEST(test_route_mtu_is_the_interfaces),
        TEST(test_ipv6_route_mtu_is_the_interfaces),
        TEST(test_blksize_is_the_mtu_less_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
