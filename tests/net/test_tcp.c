/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP sockets over loopback, both ends in this process. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/number.h"
#include "net/tcp.h"

#define MS NUMBER_MILLISECOND
#define S NUMBER_SECOND
#define WAIT_MS 20000 /* longer than any machine needs */

static struct addr local_address(void)
{
    struct addr a = {.len = sizeof(a.u.in4)};

    a.u.in4.sin_family = AF_INET;
    a.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static struct addr bound_to(int fd)
{
    struct addr a = {.len = sizeof(a.u)};

    assert_int_equal(getsockname(fd, &a.u.sa, &a.len), 0);
    return a;
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

static int listen_here(struct addr *ret)
{
    struct addr a = local_address();
    int fd;

    assert_int_equal(tcp_listen(&a, &fd), RES_OK);
    *ret = bound_to(fd);
    return fd;
}

static int connect_to(const struct addr *to)
{
    int fd = -1;
    enum res r = tcp_connect(to, &fd);

    assert_true(r == RES_OK || r == RES_LATER);
    wait_for(fd, POLLOUT);
    assert_int_equal(tcp_connected(fd), RES_OK);
    return fd;
}

/* Both ends of one connection. */
struct pair {
    int here;
    int there;
};

static struct pair connect_pair(void)
{
    struct pair p;
    struct addr at;
    struct addr peer;
    struct addr local;
    int listener = listen_here(&at);

    p.here = connect_to(&at);
    wait_for(listener, POLLIN);
    assert_int_equal(tcp_accept(listener, &p.there, &peer, &local), RES_OK);
    close(listener);
    return p;
}

static void close_pair(struct pair *p)
{
    close(p->here);
    close(p->there);
}

/* The other side goes away with bytes unread, which makes a reset of it. */
static void reset_from_there(struct pair *p)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(setsockopt(p->there, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(p->there);
    p->there = -1;
}

static int make_file(const char *bytes, size_t len)
{
    int fd = memfd_create("file", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    return fd;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void expect_non_blocking_and_close_on_exec(int fd)
{
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

static volatile sig_atomic_t pipes_broken;

static void on_pipe(int signum)
{
    (void)signum;
    pipes_broken++;
}

static void test_accepted_connection_knows_both_addresses(void **state)
{
    struct addr at;
    struct addr peer;
    struct addr local;
    struct addr own;
    int listener = listen_here(&at);
    int fd = -1;
    int client;

    (void)state;
    assert_int_equal(tcp_accept(listener, &fd, &peer, &local), RES_LATER);
    client = connect_to(&at);
    own = bound_to(client);
    wait_for(listener, POLLIN);
    assert_int_equal(tcp_accept(listener, &fd, &peer, &local), RES_OK);
    assert_true(addr_equal(&peer, &own));
    assert_true(addr_equal(&local, &at));
    expect_non_blocking_and_close_on_exec(listener);
    expect_non_blocking_and_close_on_exec(client);
    expect_non_blocking_and_close_on_exec(fd);
    assert_int_equal(tcp_accept(listener, &fd, &peer, &local), RES_LATER);
    close(fd);
    close(client);
    close(listener);
}

static void test_ipv4_peer_of_an_ipv6_wildcard_is_ipv4(void **state)
{
    struct addr any = {.len = sizeof(any.u.in6)};
    struct addr to = local_address();
    struct addr peer;
    struct addr local;
    int listener;
    int client;
    int fd;

    (void)state;
    any.u.in6.sin6_family = AF_INET6;
    if (tcp_listen(&any, &listener) != RES_OK) {
        skip(); /* no IPv6 here */
    }
    any = bound_to(listener);
    addr_set_port(&to, addr_port(&any));
    client = connect_to(&to);
    wait_for(listener, POLLIN);
    assert_int_equal(tcp_accept(listener, &fd, &peer, &local), RES_OK);
    assert_int_equal(peer.u.sa.sa_family, AF_INET);
    assert_true(addr_equal(&local, &to));
    close(fd);
    close(client);
    close(listener);
}

static void test_address_in_use_is_busy_and_one_that_rests_is_not(void **state)
{
    struct addr at;
    struct addr peer;
    struct addr local;
    int listener = listen_here(&at);
    int second = -1;
    int client;
    int fd;

    (void)state;
    errno = 0;
    assert_int_equal(tcp_listen(&at, &second), RES_BUSY);
    assert_int_equal(errno, EADDRINUSE);
    /* A connection that the server's side closed first keeps its address for a minute; a successor
     * may listen there all the same. */
    client = connect_to(&at);
    wait_for(listener, POLLIN);
    assert_int_equal(tcp_accept(listener, &fd, &peer, &local), RES_OK);
    close(fd);
    wait_for(client, POLLIN);
    close(client);
    close(listener);
    assert_int_equal(tcp_listen(&at, &listener), RES_OK);
    close(listener);
}

static void test_address_of_another_machine_cannot_be_listened_on(void **state)
{
    struct addr a = {.len = sizeof(a.u.in4)};
    int fd = -1;

    (void)state;
    a.u.in4.sin_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &a.u.in4.sin_addr), 1); /* RFC 5737 */
    errno = 0;
    assert_int_not_equal(tcp_listen(&a, &fd), RES_OK);
    assert_int_equal(errno, EADDRNOTAVAIL);
    assert_int_equal(fd, -1);
}

static void test_nobody_listens_is_unreachable(void **state)
{
    struct addr at;
    int listener = listen_here(&at);
    int fd = -1;
    enum res r;

    (void)state;
    close(listener);
    errno = 0;
    r = tcp_connect(&at, &fd);
    if (r == RES_LATER) {
        wait_for(fd, POLLOUT);
        r = tcp_connected(fd);
        close(fd);
    }
    assert_int_equal(r, RES_UNREACHABLE);
    assert_int_equal(errno, ECONNREFUSED);
}

static void test_asking_too_early_says_later(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(tcp_connected(fd), RES_LATER);
    close(fd);
}

static void test_connections_wait_when_no_descriptor_is_left(void **state)
{
    struct rlimit before;
    struct rlimit none;
    struct addr at;
    struct addr peer;
    struct addr local;
    int listener = listen_here(&at);
    int client = connect_to(&at);
    int fd = -1;

    (void)state;
    wait_for(listener, POLLIN);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(tcp_accept(listener, &fd, &peer, &local), RES_BUSY);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(tcp_accept(listener, &fd, &peer, &local), RES_OK); /* it waited */
    close(fd);
    close(client);
    close(listener);
}

static void test_bytes_arrive_and_the_end_is_told(void **state)
{
    static const uint8_t text[] = "some bytes";
    struct pair p = connect_pair();
    uint8_t got[64];
    size_t n = 99;

    (void)state;
    assert_int_equal(tcp_receive(p.there, got, sizeof(got), &n), RES_LATER);
    assert_int_equal(n, 99);
    assert_int_equal(tcp_send(p.here, text, sizeof(text), false, &n), RES_OK);
    assert_int_equal(n, sizeof(text));
    tcp_shut(p.here);
    wait_for(p.there, POLLIN);
    assert_int_equal(tcp_receive(p.there, got, sizeof(got), &n), RES_OK);
    assert_int_equal(n, sizeof(text));
    assert_memory_equal(got, text, n);
    wait_for(p.there, POLLIN);
    assert_int_equal(tcp_receive(p.there, got, sizeof(got), &n), RES_OK);
    assert_int_equal(n, 0);
    /* The other way is still open. */
    assert_int_equal(tcp_send(p.there, text, 4, false, &n), RES_OK);
    wait_for(p.here, POLLIN);
    assert_int_equal(tcp_receive(p.here, got, sizeof(got), &n), RES_OK);
    assert_int_equal(n, 4);
    close_pair(&p);
}

static void test_full_socket_says_later_and_lost_nothing(void **state)
{
    static uint8_t bytes[65536];
    struct pair p = connect_pair();
    uint64_t sent = 0;
    uint64_t received = 0;
    size_t n;
    enum res r;

    (void)state;
    while ((r = tcp_send(p.here, bytes, sizeof(bytes), false, &n)) == RES_OK) {
        sent += n;
    }
    assert_int_equal(r, RES_LATER);
    tcp_shut(p.here);
    do {
        wait_for(p.there, POLLIN);
        assert_int_equal(tcp_receive(p.there, bytes, sizeof(bytes), &n), RES_OK);
        received += n;
    } while (n > 0);
    assert_int_equal(received, sent);
    close_pair(&p);
}

static void test_more_to_come_is_held_back_until_it_came(void **state)
{
    static const uint8_t header[] = "header";
    static const uint8_t body[] = "body";
    struct pair p = connect_pair();
    struct tcp_care care = {.not_sent_low = 0};
    struct pollfd quiet = {.fd = p.there, .events = POLLIN};
    uint8_t got[64];
    size_t n;

    (void)state;
    tcp_tend(p.here, &care); /* no delay of its own */
    assert_int_equal(tcp_send(p.here, header, sizeof(header), true, &n), RES_OK);
    assert_int_equal(poll(&quiet, 1, 0), 0);
    assert_int_equal(tcp_send(p.here, body, sizeof(body), false, &n), RES_OK);
    wait_for(p.there, POLLIN);
    assert_int_equal(tcp_receive(p.there, got, sizeof(got), &n), RES_OK);
    assert_int_equal(n, sizeof(header) + sizeof(body)); /* in one piece */
    close_pair(&p);
}

static void test_reset_is_a_lost_connection(void **state)
{
    static const uint8_t text[] = "text";
    struct pair p = connect_pair();
    uint8_t got[8];
    size_t n = 99;

    (void)state;
    reset_from_there(&p);
    wait_for(p.here, POLLIN);
    assert_int_equal(tcp_receive(p.here, got, sizeof(got), &n), RES_LOST);
    assert_int_equal(n, 99);
    assert_int_equal(tcp_send(p.here, text, sizeof(text), false, &n), RES_LOST);
    close(p.here);
}

static void test_sending_to_who_went_away_raises_no_signal(void **state)
{
    static const uint8_t text[] = "text";
    struct sigaction count = {.sa_handler = on_pipe};
    struct sigaction before;
    struct pair p = connect_pair();
    size_t n;

    (void)state;
    assert_int_equal(sigaction(SIGPIPE, &count, &before), 0);
    pipes_broken = 0;
    reset_from_there(&p);
    wait_for(p.here, POLLIN);
    /* The first may still be told of the reset; from then on it is EPIPE. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tcp_send(p.here, text, sizeof(text), false, &n), RES_LOST);
        assert_int_equal(tcp_send(p.here, text, sizeof(text), true, &n), RES_LOST);
    }
    assert_int_equal(pipes_broken, 0);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
    close(p.here);
}

static void test_file_is_sent_from_its_offset_and_its_end_is_told(void **state)
{
    struct pair p = connect_pair();
    int file = make_file("0123456789", 10);
    uint8_t got[64];
    size_t n;

    (void)state;
    assert_int_equal(tcp_send_file(p.here, file, 4, 3, &n), RES_OK);
    assert_int_equal(n, 3);
    assert_int_equal(tcp_send_file(p.here, file, 8, 100, &n), RES_OK);
    assert_int_equal(n, 2); /* shorter than was asked for */
    assert_int_equal(tcp_send_file(p.here, file, 10, 1, &n), RES_OK);
    assert_int_equal(n, 0);
    assert_int_equal(tcp_send_file(p.here, file, 11, 1, &n), RES_OK);
    assert_int_equal(n, 0);
    tcp_shut(p.here);
    for (size_t have = 0; have < 5; have += n) {
        wait_for(p.there, POLLIN);
        assert_int_equal(tcp_receive(p.there, got + have, sizeof(got) - have, &n), RES_OK);
        assert_int_not_equal(n, 0);
    }
    assert_memory_equal(got, "45689", 5);
    assert_int_equal(lseek(file, 0, SEEK_CUR), 10); /* its own position stays */
    close(file);
    close_pair(&p);
}

static void test_file_that_cannot_be_read_and_peer_that_is_gone_are_told_apart(void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    struct pair p = connect_pair();
    int file = make_file("0123456789", 10);
    int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    size_t n;

    (void)state;
    assert_true(directory >= 0);
    assert_int_equal(tcp_send_file(p.here, directory, 0, 1, &n), RES_IO);
    assert_int_equal(sigaction(SIGPIPE, &ignore, &before), 0);
    reset_from_there(&p);
    wait_for(p.here, POLLIN);
    assert_int_equal(tcp_send_file(p.here, file, 0, 10, &n), RES_LOST);
    assert_int_equal(tcp_send_file(p.here, file, 0, 10, &n), RES_LOST);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
    close(directory);
    close(file);
    close(p.here);
}

static void test_full_socket_takes_no_file_for_now(void **state)
{
    static char bytes[65536];
    struct pair p = connect_pair();
    int file = make_file(bytes, sizeof(bytes));
    size_t n;
    enum res r;

    (void)state;
    while ((r = tcp_send_file(p.here, file, 0, sizeof(bytes), &n)) == RES_OK) {
        assert_int_not_equal(n, 0);
    }
    assert_int_equal(r, RES_LATER);
    close(file);
    close_pair(&p);
}

static void test_care_is_in_the_kernels_units_and_rounded_up(void **state)
{
    struct pair p = connect_pair();
    struct tcp_care care = {
        .not_sent_low = 65536,
        .user_timeout_ns = 30 * S,
        .keep_idle_ns = 60 * S,
        .keep_interval_ns = 1500 * MS,
        .keep_count = 3,
    };

    (void)state;
    tcp_tend(p.here, &care);
    assert_int_not_equal(option_of(p.here, IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_equal(option_of(p.here, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 65536);
    assert_int_equal(option_of(p.here, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
    assert_int_not_equal(option_of(p.here, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_int_equal(option_of(p.here, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    assert_int_equal(option_of(p.here, IPPROTO_TCP, TCP_KEEPINTVL), 2);
    assert_int_equal(option_of(p.here, IPPROTO_TCP, TCP_KEEPCNT), 3);
    close_pair(&p);
}

/* What the longest times of the configuration ask for is more than the kernel takes. */
static void test_care_beyond_what_the_kernel_takes_is_cut(void **state)
{
    struct pair p = connect_pair();
    struct tcp_care care = {
        .keep_idle_ns = 100000 * S, .keep_interval_ns = 100000 * S, .keep_count = 1000};

    (void)state;
    tcp_tend(p.here, &care);
    assert_int_equal(option_of(p.here, IPPROTO_TCP, TCP_KEEPIDLE), 32767);
    assert_int_equal(option_of(p.here, IPPROTO_TCP, TCP_KEEPINTVL), 32767);
    assert_int_equal(option_of(p.here, IPPROTO_TCP, TCP_KEEPCNT), 127);
    close_pair(&p);
}

static void test_care_for_nothing_leaves_keep_alive_off(void **state)
{
    struct pair p = connect_pair();
    struct tcp_care care = {.not_sent_low = 0};

    (void)state;
    tcp_tend(p.here, &care);
    assert_int_equal(option_of(p.here, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_int_equal(option_of(p.here, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted_connection_knows_both_addresses),
        cmocka_unit_test(test_ipv4_peer_of_an_ipv6_wildcard_is_ipv4),
        cmocka_unit_test(test_address_in_use_is_busy_and_one_that_rests_is_not),
        cmocka_unit_test(test_address_of_another_machine_cannot_be_listened_on),
        cmocka_unit_test(test_nobody_listens_is_unreachable),
        cmocka_unit_test(test_asking_too_early_says_later),
        cmocka_unit_test(test_connections_wait_when_no_descriptor_is_left),
        cmocka_unit_test(test_bytes_arrive_and_the_end_is_told),
        cmocka_unit_test(test_full_socket_says_later_and_lost_nothing),
        cmocka_unit_test(test_more_to_come_is_held_back_until_it_came),
        cmocka_unit_test(test_reset_is_a_lost_connection),
        cmocka_unit_test(test_sending_to_who_went_away_raises_no_signal),
        cmocka_unit_test(test_file_is_sent_from_its_offset_and_its_end_is_told),
        cmocka_unit_test(test_file_that_cannot_be_read_and_peer_that_is_gone_are_told_apart),
        cmocka_unit_test(test_full_socket_takes_no_file_for_now),
        cmocka_unit_test(test_care_is_in_the_kernels_units_and_rounded_up),
        cmocka_unit_test(test_care_beyond_what_the_kernel_takes_is_cut),
        cmocka_unit_test(test_care_for_nothing_leaves_keep_alive_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
