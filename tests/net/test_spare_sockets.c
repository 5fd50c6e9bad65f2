/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets that outlive their ports; the time is the test's. Buffers beyond net.core.rmem_max are
 * played where they are not allowed, but for the test that measures them. */
#include "server/spare_sockets.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/udp_story.h"
#include "server/tftp_port.h"

#define NOW (100 * NUMBER_SECOND)
#define DATAGRAMS 100 /* more than one batch */

enum kernel { ALLOWS, FORBIDS, TRUE_ONE };
static enum kernel kernel;

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    if (level == SOL_SOCKET && name == SO_RCVBUFFORCE && kernel == FORBIDS) {
        errno = EPERM;
        return -1;
    }
    if (level == SOL_SOCKET && name == SO_RCVBUFFORCE && kernel == ALLOWS) {
        name = SO_RCVBUF;
    }
    return __real_setsockopt(fd, level, name, value, len);
}

/* The socket, on a port of that host. */
static struct addr bind_to(int fd, const char *host)
{
    struct addr a = make_addr(host, 0);
    struct addr bound;

    assert_int_equal(udp_bind(fd, &a, AF_UNSPEC, &bound), RES_OK);
    assert_int_not_equal(addr_port(&bound), 0);
    assert_true(addr_same_host(&bound, &a));
    return bound;
}

static int take(struct spare_sockets *s, int family, uint64_t now_ns)
{
    int fd = spare_sockets_take(s, family, now_ns);

    assert_int_not_equal(fd, -1);
    return fd;
}

/* The only one there is from now on. */
static int take_last(struct spare_sockets *s, int family, uint64_t now_ns)
{
    for (unsigned i = 1; i < SPARE_SOCKETS_EACH; i++) {
        (void)take(s, family, now_ns);
    }
    return take(s, family, now_ns);
}

static void close_taken(struct spare_sockets *s)
{
    spare_sockets_close(s);
    assert_int_equal(s->count, 0);
}

static void test_each_family_has_its_own_until_all_are_taken(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct spare_sockets s = {.count = 0};
    int domain;

    (void)state;
    need_ipv6();
    kernel = ALLOWS;
    for (size_t f = 0; f < 2; f++) {
        assert_true(spare_sockets_open(&s, families[f], SPARE_SOCKETS_EACH));
    }
    for (size_t f = 0; f < 2; f++) {
        for (unsigned i = 0; i < SPARE_SOCKETS_EACH; i++) {
            domain = int_option(take(&s, families[f], NOW), SOL_SOCKET, SO_DOMAIN);
            assert_int_equal(domain, families[f]);
        }
        assert_int_equal(spare_sockets_take(&s, families[f], NOW), -1);
    }
    close_taken(&s);
}

static void test_without_privilege_there_are_none(void **state)
{
    struct spare_sockets s = {.count = 0};

    (void)state;
    kernel = FORBIDS;
    assert_false(spare_sockets_open(&s, AF_INET, SPARE_SOCKETS_EACH));
    assert_int_equal(s.count, 0);
    assert_int_equal(spare_sockets_take(&s, AF_INET, NOW), -1);
    assert_int_equal(spare_sockets_take(NULL, AF_INET, NOW), -1);
    assert_false(spare_sockets_give(NULL, 0, NOW));
    close_taken(&s);
}

static void test_spare_sockets_leave_most_descriptors_to_others(void **state)
{
    struct rlimit before;
    struct rlimit few;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(spare_sockets_each(1), SPARE_SOCKETS_EACH);
    assert_int_equal(spare_sockets_each(8), 4); /* 8 workers, 2 families: 64 of 256 */
    assert_int_equal(spare_sockets_each(16), 2);
    assert_int_equal(spare_sockets_each(64), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_socket_of_somebody_else_is_not_taken_back(void **state)
{
    struct spare_sockets s = {.count = 0};
    struct addr bound;
    int fd = open_on("127.0.0.1", &bound);

    (void)state;
    kernel = ALLOWS;
    assert_true(spare_sockets_open(&s, AF_INET, SPARE_SOCKETS_EACH));
    assert_false(spare_sockets_give(&s, fd, NOW));
    assert_int_equal(port_of(fd), addr_port(&bound));
    close(fd);
    close_taken(&s);
}

static void test_socket_rests_before_it_is_taken_again(void **state)
{
    struct spare_sockets s = {.count = 0};
    int fd;

    (void)state;
    kernel = ALLOWS;
    assert_true(spare_sockets_open(&s, AF_INET, SPARE_SOCKETS_EACH));
    fd = take_last(&s, AF_INET, NOW);
    (void)bind_to(fd, "127.0.0.1");
    assert_true(spare_sockets_give(&s, fd, NOW));
    assert_int_equal(port_of(fd), 0);
    assert_int_equal(spare_sockets_take(&s, AF_INET, NOW + SPARE_SOCKETS_REST_NS - 1), -1);
    assert_int_equal(take(&s, AF_INET, NOW + SPARE_SOCKETS_REST_NS), fd);
    close_taken(&s);
}

/* Each time another address; ports are random, so that several in a row are never all the same. */
static void reuse(int family, const char *const hosts[], size_t count)
{
    struct spare_sockets s = {.count = 0};
    uint64_t now_ns = NOW;
    uint16_t first = 0;
    size_t others = 0;
    struct addr bound;
    int fd;

    kernel = ALLOWS;
    assert_true(spare_sockets_open(&s, family, SPARE_SOCKETS_EACH));
    fd = take_last(&s, family, now_ns);
    for (size_t i = 0; i < 4 * count; i++) {
        struct addr peer;
        int from = open_on(hosts[i % count], &peer);

        bound = bind_to(fd, hosts[i % count]);
        first = i == 0 ? addr_port(&bound) : first;
        others += addr_port(&bound) != first ? 1 : 0;
        send_text(from, &bound, "heard");
        wait_for(fd, POLLIN);
        close(from);
        assert_true(spare_sockets_give(&s, fd, now_ns));
        now_ns += SPARE_SOCKETS_REST_NS;
        assert_int_equal(take(&s, family, now_ns), fd);
        assert_int_equal(recv(fd, &bound, sizeof(bound), MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
    }
    assert_true(others > 0);
    close_taken(&s);
}

static void test_socket_gets_other_ports_and_addresses(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2"};

    (void)state;
    reuse(AF_INET, hosts, 2);
    reuse(AF_INET, &hosts[1], 1);
}

static void test_ipv6_socket_gets_other_ports(void **state)
{
    static const char *const hosts[] = {"::1"};

    (void)state;
    need_ipv6();
    reuse(AF_INET6, hosts, 1);
}

/* What was sent to a port that was given up finds nobody, as if its socket had been closed. */
static void test_nothing_reaches_an_unbound_socket(void **state)
{
    struct spare_sockets s = {.count = 0};
    struct addr peer;
    struct addr bound;
    struct addr refused;
    int from = open_on("127.0.0.1", &peer);
    bool unreachable = false;
    int fd;

    (void)state;
    kernel = ALLOWS;
    assert_true(spare_sockets_open(&s, AF_INET, SPARE_SOCKETS_EACH));
    fd = take_last(&s, AF_INET, NOW);
    bound = bind_to(fd, "127.0.0.1");
    assert_true(spare_sockets_give(&s, fd, NOW));
    send_text(from, &bound, "late");
    wait_for(from, POLLERR);
    assert_true(udp_take_error(from, &refused, &unreachable));
    assert_true(unreachable);
    assert_true(addr_equal(&refused, &bound));
    assert_int_equal(recv(fd, &bound, sizeof(bound), MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    close(from);
    close_taken(&s);
}

static void fill_both_queues(int fd, const struct addr *bound)
{
    struct addr peer;
    struct addr gone;
    int from = open_on("127.0.0.1", &peer);
    int closed = open_on("127.0.0.1", &gone);

    close(closed);
    for (int i = 0; i < DATAGRAMS; i++) {
        send_text(from, bound, i % 2 == 0 ? "late" : "");
    }
    for (int i = 0; i < 3; i++) {
        (void)udp_send(fd, &gone, (const uint8_t *)"any", 3); /* the second meets the error */
    }
    wait_for(fd, POLLIN | POLLERR);
    close(from);
}

static void test_nothing_queued_survives(void **state)
{
    struct spare_sockets s = {.count = 0};
    struct addr peer;
    struct addr bound;
    bool unreachable;
    int fd;

    (void)state;
    kernel = ALLOWS;
    assert_true(spare_sockets_open(&s, AF_INET, SPARE_SOCKETS_EACH));
    fd = take_last(&s, AF_INET, NOW);
    bound = bind_to(fd, "127.0.0.1");
    fill_both_queues(fd, &bound);
    assert_true(spare_sockets_give(&s, fd, NOW));
    assert_int_equal(take(&s, AF_INET, NOW + SPARE_SOCKETS_REST_NS), fd);
    (void)bind_to(fd, "127.0.0.1");
    assert_false(udp_take_error(fd, &peer, &unreachable));
    assert_int_equal(recv(fd, &bound, sizeof(bound), MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(int_option(fd, SOL_SOCKET, SO_ERROR), 0);
    close_taken(&s);
}

/* A straggler is played by a socket that has a port again, unknown to those that hold it. */
static void test_what_comes_while_it_rests_is_gone_too(void **state)
{
    struct spare_sockets s = {.count = 0};
    struct addr bound;
    int fd;

    (void)state;
    kernel = ALLOWS;
    assert_true(spare_sockets_open(&s, AF_INET, SPARE_SOCKETS_EACH));
    fd = take_last(&s, AF_INET, NOW);
    (void)bind_to(fd, "127.0.0.1");
    assert_true(spare_sockets_give(&s, fd, NOW));
    bound = bind_to(fd, "127.0.0.1");
    fill_both_queues(fd, &bound);
    assert_true(udp_unbind(fd));
    wait_for(fd, POLLIN);
    assert_int_equal(take(&s, AF_INET, NOW + SPARE_SOCKETS_REST_NS), fd);
    assert_int_equal(recv(fd, &bound, sizeof(bound), MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    close_taken(&s);
}

/* A port that was asked for by number stays with the socket. */
static void test_socket_that_keeps_its_port_is_given_up(void **state)
{
    struct spare_sockets s = {.count = 0};
    struct addr named;
    int other = open_on("127.0.0.1", &named);
    int fd;

    (void)state;
    kernel = ALLOWS;
    assert_true(spare_sockets_open(&s, AF_INET, SPARE_SOCKETS_EACH));
    fd = take_last(&s, AF_INET, NOW);
    named = make_addr("127.0.0.2", addr_port(&named));
    assert_int_equal(bind(fd, &named.u.sa, named.len), 0);
    assert_false(spare_sockets_give(&s, fd, NOW));
    close(fd);
    assert_int_equal(spare_sockets_take(&s, AF_INET, NOW + SPARE_SOCKETS_REST_NS), -1);
    close(other);
    close_taken(&s);
}

static void test_buffer_stays_large(void **state)
{
    struct spare_sockets s = {.count = 0};
    int fd;

    (void)state;
    kernel = TRUE_ONE;
    if (!spare_sockets_open(&s, AF_INET, SPARE_SOCKETS_EACH)) {
        assert_int_equal(errno, EPERM);
        print_message("skip: buffers beyond net.core.rmem_max take CAP_NET_ADMIN\n");
        skip();
    }
    fd = take_last(&s, AF_INET, NOW);
    assert_int_equal(int_option(fd, SOL_SOCKET, SO_RCVBUF), 2 * PORTS_BUFFER_BYTES);
    (void)bind_to(fd, "127.0.0.1");
    assert_true(spare_sockets_give(&s, fd, NOW));
    assert_int_equal(take(&s, AF_INET, NOW + SPARE_SOCKETS_REST_NS), fd);
    (void)bind_to(fd, "127.0.0.2");
    assert_int_equal(int_option(fd, SOL_SOCKET, SO_RCVBUF), 2 * PORTS_BUFFER_BYTES);
    close_taken(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_family_has_its_own_until_all_are_taken),
        TEST(test_without_privilege_there_are_none),
        TEST(test_spare_sockets_leave_most_descriptors_to_others),
        TEST(test_socket_of_somebody_else_is_not_taken_back),
        TEST(test_socket_rests_before_it_is_taken_again),
        TEST(test_socket_gets_other_ports_and_addresses),
        TEST(test_ipv6_socket_gets_other_ports),
        TEST(test_nothing_reaches_an_unbound_socket),
        TEST(test_nothing_queued_survives),
        TEST(test_what_comes_while_it_rests_is_gone_too),
        TEST(test_socket_that_keeps_its_port_is_given_up),
        TEST(test_buffer_stays_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
