/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "net/udp_story.h"

#define SHARERS 4
#define PEERS 64

/* Sockets on one address, as several workers have them. Returns the address. */
static struct addr share(const char *host, int fds[SHARERS])
{
    struct addr a;

    fds[0] = listen_on(host);
    a = make_addr(host, port_of(fds[0]));
    assert_true(udp_share(fds[0]));
    for (int i = 1; i < SHARERS; i++) {
        assert_int_equal(udp_listen_shared(&a, &fds[i]), RES_OK);
    }
    return a;
}

static void close_all(const int fds[SHARERS])
{
    for (int i = 0; i < SHARERS; i++) {
        close(fds[i]);
    }
}

/* The one of them to which a datagram from that socket comes, and nothing to the others. */
static int find_receiver(struct fixture *f, const int fds[SHARERS], int from, const struct addr *to)
{
    struct pollfd p[SHARERS];
    int found = -1;

    for (int i = 0; i < SHARERS; i++) {
        p[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    send_text(from, to, "request");
    assert_int_equal(poll(p, SHARERS, 10000), 1);
    for (int i = 0; i < SHARERS; i++) {
        if (p[i].revents != 0) {
            assert_int_equal(receive(f, fds[i]), 1);
            assert_bytes(f->packet, "request");
            found = i;
        }
    }
    return found;
}

static void expect_sharing(struct fixture *f, const char *host)
{
    int fds[SHARERS];
    struct addr to = share(host, fds);
    size_t came[SHARERS] = {0};

    for (int i = 0; i < PEERS; i++) {
        struct addr ignored;
        int from = open_on(host, &ignored);
        int first = find_receiver(f, fds, from, &to);

        came[first]++;
        assert_int_equal(find_receiver(f, fds, from, &to), first); /* a repeated request */
        close(from);
    }
    for (int i = 0; i < SHARERS; i++) {
        assert_true(came[i] > 0); /* by chance only with 4 * 0.75^64 */
    }
    close_all(fds);
}

static void test_every_sharer_gets_peers_of_its_own(void **state)
{
    expect_sharing(*state, "127.0.0.1");
}

static void test_every_ipv6_sharer_gets_peers_of_its_own(void **state)
{
    need_ipv6();
    expect_sharing(*state, "::1");
}

static void test_address_in_use_cannot_be_shared(void **state)
{
    int first = listen_on("127.0.0.1");
    struct addr a = make_addr("127.0.0.1", port_of(first));
    int fd = -2;

    (void)state;
    assert_int_equal(udp_listen_shared(&a, &fd), RES_BUSY);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(fd, -2);
    close(first);
}

static void test_second_server_is_refused_where_others_share(void **state)
{
    int fds[SHARERS];
    struct addr a = share("127.0.0.1", fds);
    int fd = -2;

    (void)state;
    assert_int_equal(udp_listen(&a, &fd), RES_BUSY);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(fd, -2);
    close_all(fds);
}

static void test_what_cannot_be_shared_says_why(void **state)
{
    (void)state;
    assert_false(udp_share(-1));
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_sharer_gets_peers_of_its_own),
        TEST(test_every_ipv6_sharer_gets_peers_of_its_own),
        TEST(test_address_in_use_cannot_be_shared),
        TEST(test_second_server_is_refused_where_others_share),
        TEST(test_what_cannot_be_shared_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
