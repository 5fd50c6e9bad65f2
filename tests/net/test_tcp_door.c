/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gets in, who is turned away, and how all are seen out. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <wherry/message.h>

#include "base/number.h"
#include "net/tcp.h"
#include "net/tcp_served.h"
#include "server/tcp_door.h"

#define CROWD 40
#define LARGE (64u << 20)

struct fixture {
    struct tcp_served *f;
    struct tcp_door *door;
    struct rlimit descriptors; /* as they were */
    bool drained;
};

/* Where connections seem to come from; NULL: from where they do. */
static const char *pretended;

enum res __wrap_tcp_accept(int fd, int *ret_fd, struct addr *ret_peer, struct addr *ret_local);
enum res __real_tcp_accept(int fd, int *ret_fd, struct addr *ret_peer, struct addr *ret_local);

enum res __wrap_tcp_accept(int fd, int *ret_fd, struct addr *ret_peer, struct addr *ret_local)
{
    enum res r = __real_tcp_accept(fd, ret_fd, ret_peer, ret_local);

    if (r == RES_OK && pretended != NULL) {
        assert_int_equal(inet_pton(AF_INET, pretended, &ret_peer->u.in4.sin_addr), 1);
    }
    return r;
}

static void on_drained(void *arg)
{
    ((struct fixture *)arg)->drained = true;
}

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    void *served = NULL;

    assert_non_null(x);
    assert_int_equal(tcp_served_setup(&served), 0);
    x->f = served;
    /* The door takes its listening socket over. */
    loop_io_stop(&x->f->accepting);
    assert_int_equal(tcp_door_new(&x->door, &x->f->room, on_drained, x), RES_OK);
    assert_int_equal(tcp_door_listen(x->door, x->f->listener), RES_OK);
    x->f->listener = -1;
    pretended = NULL;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &x->descriptors), 0);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    void *served = x->f;

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &x->descriptors), 0);
    tcp_door_free(x->door);
    free(x);
    return tcp_served_teardown(&served);
}

static void on_event(void *arg, unsigned events)
{
    (void)arg; /* the turn has ended, which is all that was wanted */
    (void)events;
}

/* Connected, as far as the kernel is concerned. */
static void dial(struct fixture *x, struct tcp_client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(x->f->port)};

    *c = (struct tcp_client){.f = x->f};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
    loop_io_start(x->f->loop, &c->io, c->fd, 0, on_event, c);
}

static void expect_in(struct fixture *x, struct tcp_client *c)
{
    (void)x;
    tcp_client_hello(c);
    tcp_client_expect(c, WHERRY_FRAME_HELLO_REPLY, 0);
}

static void dial_in(struct fixture *x, struct tcp_client *c)
{
    dial(x, c);
    expect_in(x, c);
}

static void expect_turned_away(struct tcp_client *c)
{
    struct wherry_message_goaway m;

    tcp_client_expect_goaway(c, WHERRY_STATUS_BUSY);
    assert_int_equal(wherry_message_parse_goaway(&m, c->payload), RES_OK);
    assert_int_not_equal(m.retry_after_s, 0);
    tcp_client_expect_shut(c);
}

static void until_served(struct fixture *x, size_t count)
{
    tcp_served_limit(x->f);
    while (tcp_door_count(x->door) != count) {
        tcp_served_turn(x->f);
    }
}

static void until_drained(struct fixture *x)
{
    tcp_served_limit(x->f);
    while (!x->drained) {
        tcp_served_turn(x->f);
    }
}

static void expect_port_closed(const struct fixture *x)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(x->f->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
}

static void test_one_connection_too_many_is_told_and_closed_in_good_order(void **state)
{
    struct fixture *x = *state;
    struct tcp_client first;
    struct tcp_client second;
    struct tcp_client third;
    const char *line;

    x->f->config.connections_max = 2;
    dial_in(x, &first);
    dial_in(x, &second);
    dial(x, &third);
    tcp_client_hello(&third); /* unread bytes must not make a reset of it */
    expect_turned_away(&third);
    assert_int_equal(tcp_door_count(x->door), 2);
    line = tcp_served_line(x->f, "tcp: connection refused, peer 127.0.0.1:");
    assert_non_null(strstr(line, "connections-max"));
    /* Who was refused takes nobody's place, whether it is gone or not. */
    tcp_client_close(&first);
    until_served(x, 1);
    dial_in(x, &first);
    tcp_client_close(&third);
    tcp_client_close(&second);
    tcp_client_close(&first);
    until_served(x, 0);
}

static void test_one_connection_too_many_from_an_address_is_told(void **state)
{
    struct fixture *x = *state;
    struct tcp_client first;
    struct tcp_client second;
    struct tcp_client other;

    x->f->config.connections_per_address = 1;
    pretended = "192.0.2.7";
    dial_in(x, &first);
    dial(x, &second);
    expect_turned_away(&second);
    assert_non_null(strstr(tcp_served_line(x->f, "tcp: connection refused, peer 192.0.2.7:"),
                           "connections-per-address"));
    tcp_client_close(&second);
    pretended = "192.0.2.8";
    dial_in(x, &other);
    tcp_client_close(&first);
    until_served(x, 1);
    pretended = "192.0.2.7";
    dial_in(x, &first);
    tcp_client_close(&first);
    tcp_client_close(&other);
}

static void test_loopback_may_come_more_often_than_other_addresses(void **state)
{
    struct fixture *x = *state;
    struct tcp_client c[3];

    x->f->config.connections_per_address = 1;
    for (size_t i = 0; i < 3; i++) {
        dial_in(x, &c[i]);
    }
    assert_int_equal(tcp_door_count(x->door), 3);
    for (size_t i = 0; i < 3; i++) {
        tcp_client_close(&c[i]);
    }
}

/* None of them leaves: those that linger are few, and the others are told all the same. */
static void test_crowd_that_is_turned_away_is_told_and_not_kept(void **state)
{
    struct fixture *x = *state;
    struct tcp_client in;
    struct tcp_client c[CROWD];

    x->f->config.connections_max = 1;
    dial_in(x, &in);
    for (size_t i = 0; i < CROWD; i++) {
        dial(x, &c[i]);
    }
    for (size_t i = 0; i < CROWD; i++) {
        expect_turned_away(&c[i]);
    }
    assert_int_equal(tcp_door_count(x->door), 1);
    assert_in_range(x->f->room.count, 1, 1 + 16);
    /* Once a second, or one line each for a flood. */
    assert_in_range(tcp_served_line_count(x->f, "tcp: connection refused"), 1, CROWD / 4);
    tcp_client_path(&in, WHERRY_FRAME_STAT, 1, "");
    tcp_client_expect(&in, WHERRY_FRAME_INFO, 1);
    tcp_client_expect_end(&in, 1, WHERRY_STATUS_OK);
    for (size_t i = 0; i < CROWD; i++) {
        tcp_client_close(&c[i]);
    }
    tcp_client_close(&in);
}

/* No descriptor from this one on can be had. */
static void limit_descriptors(struct fixture *x, rlim_t lowest)
{
    struct rlimit now = {.rlim_cur = lowest, .rlim_max = x->descriptors.rlim_max};

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static void unlimit_descriptors(struct fixture *x)
{
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &x->descriptors), 0);
}

/* A look for left-overs holds descriptors, too. */
static void until_pool_idle(struct fixture *x)
{
    tcp_served_limit(x->f);
    while (!pool_idle(x->f->room.pool)) {
        tcp_served_turn(x->f);
    }
}

static rlim_t lowest_free_descriptor(void)
{
    int fd = dup(STDERR_FILENO);

    assert_true(fd >= 0);
    close(fd);
    return (rlim_t)fd;
}

static void test_without_a_descriptor_the_reserve_is_used_to_tell(void **state)
{
    struct fixture *x = *state;
    struct tcp_client c[CROWD];
    struct tcp_client later;

    until_pool_idle(x);
    for (size_t i = 0; i < CROWD; i++) {
        dial(x, &c[i]);
    }
    limit_descriptors(x, lowest_free_descriptor());
    for (size_t i = 0; i < CROWD; i++) {
        expect_turned_away(&c[i]);
    }
    assert_non_null(strstr(tcp_served_line(x->f, "tcp: connection refused"), "no descriptor"));
    unlimit_descriptors(x);
    dial_in(x, &later);
    tcp_client_close(&later);
    for (size_t i = 0; i < CROWD; i++) {
        tcp_client_close(&c[i]);
    }
}

/* Not even the reserve's place can be had. */
static void make_it_pause(struct fixture *x)
{
    limit_descriptors(x, 0);
    assert_non_null(
        strstr(tcp_served_line(x->f, "tcp: connections have to wait"), "no descriptor"));
    /* It does not turn round and round meanwhile. */
    for (int i = 0; i < 3; i++) {
        loop_turn(x->f->loop, false);
    }
    assert_int_equal(tcp_served_line_count(x->f, "tcp: "), 1);
    unlimit_descriptors(x);
}

static void test_who_has_to_wait_gets_in_when_another_leaves(void **state)
{
    struct fixture *x = *state;
    struct tcp_client first;
    struct tcp_client waits;

    dial_in(x, &first);
    dial(x, &waits);
    make_it_pause(x);
    tcp_client_close(&first);
    expect_in(x, &waits);
    tcp_client_close(&waits);
}

static void test_who_has_to_wait_gets_in_after_some_time(void **state)
{
    struct fixture *x = *state;
    struct tcp_client waits;

    dial(x, &waits);
    make_it_pause(x);
    expect_in(x, &waits);
    tcp_client_close(&waits);
}

static void test_empty_door_is_drained_from_the_loop(void **state)
{
    struct fixture *x = *state;

    tcp_door_drain(x->door, loop_now_ns(x->f->loop));
    assert_false(x->drained);
    until_drained(x);
    expect_port_closed(x);
}

static void test_drain_sees_idle_connections_out(void **state)
{
    struct fixture *x = *state;
    struct tcp_client idle;
    struct tcp_client silent;

    dial_in(x, &idle);
    dial(x, &silent); /* has not said HELLO */
    until_served(x, 2);
    tcp_door_drain(x->door, loop_now_ns(x->f->loop));
    expect_port_closed(x); /* a successor may have it at once */
    tcp_client_expect_goaway(&idle, WHERRY_STATUS_SHUTDOWN);
    tcp_client_expect_shut(&idle);
    tcp_client_expect_goaway(&silent, WHERRY_STATUS_SHUTDOWN);
    tcp_client_expect_shut(&silent);
    assert_false(x->drained);
    tcp_client_close(&idle);
    tcp_client_close(&silent);
    until_drained(x);
}

/* Reads a body to its END, GOAWAY in between included; returns the END's status. */
static unsigned read_to_end(struct tcp_client *c, uint64_t *ret_bytes, bool *ret_goaway)
{
    *ret_bytes = 0;
    *ret_goaway = false;
    for (;;) {
        tcp_client_receive(c);
        switch (c->frame.type) {
        case WHERRY_FRAME_DATA:
            *ret_bytes += c->payload.len;
            break;
        case WHERRY_FRAME_GOAWAY:
            assert_int_equal(c->frame.status, WHERRY_STATUS_SHUTDOWN);
            *ret_goaway = true;
            break;
        case WHERRY_FRAME_GET_REPLY:
            break;
        default:
            assert_int_equal(c->frame.type, WHERRY_FRAME_END_REPLY);
            return c->frame.status;
        }
    }
}

/* A read under way, of more than the sockets take. */
static void begin_read(struct fixture *x, struct tcp_client *c)
{
    tcp_served_pattern("large", LARGE);
    dial_in(x, c);
    tcp_client_get(c, 1, "large", 0, WHERRY_COUNT_ALL, NULL);
    tcp_client_expect(c, WHERRY_FRAME_GET_REPLY, 1);
}

static void test_drain_lets_a_running_request_end(void **state)
{
    struct fixture *x = *state;
    struct tcp_client c;
    uint64_t bytes;
    bool goaway;

    begin_read(x, &c);
    tcp_door_drain(x->door, loop_now_ns(x->f->loop));
    assert_int_equal(read_to_end(&c, &bytes, &goaway), WHERRY_STATUS_OK);
    assert_int_equal(bytes, LARGE);
    assert_true(goaway);
    assert_false(x->drained);
    tcp_client_close(&c);
    until_drained(x);
}

static void test_hurry_ends_a_read_at_a_frame(void **state)
{
    struct fixture *x = *state;
    struct tcp_client c;
    uint64_t bytes;
    bool goaway;

    begin_read(x, &c);
    tcp_door_drain(x->door, loop_now_ns(x->f->loop));
    tcp_door_hurry(x->door, loop_now_ns(x->f->loop));
    assert_int_equal(read_to_end(&c, &bytes, &goaway), WHERRY_STATUS_SHUTDOWN);
    assert_true(bytes < LARGE);
    assert_true(goaway);
    tcp_client_expect_shut(&c);
    tcp_client_close(&c);
    until_drained(x);
}

static void test_who_reads_nothing_does_not_hold_up_the_end(void **state)
{
    struct fixture *x = *state;
    struct tcp_client c;

    begin_read(x, &c);
    tcp_door_hurry(x->door, loop_now_ns(x->f->loop)); /* drains, too */
    until_drained(x);
    assert_int_equal(x->f->room.count, 0);
    tcp_client_close(&c);
}

static void test_freed_door_closes_all_without_a_word(void **state)
{
    struct fixture *x = *state;
    struct tcp_client c;

    dial_in(x, &c);
    tcp_door_free(x->door);
    x->door = NULL;
    tcp_client_expect_shut(&c);
    tcp_client_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_connection_too_many_is_told_and_closed_in_good_order),
        TEST(test_one_connection_too_many_from_an_address_is_told),
        TEST(test_loopback_may_come_more_often_than_other_addresses),
        TEST(test_crowd_that_is_turned_away_is_told_and_not_kept),
        TEST(test_without_a_descriptor_the_reserve_is_used_to_tell),
        TEST(test_who_has_to_wait_gets_in_when_another_leaves),
        TEST(test_who_has_to_wait_gets_in_after_some_time),
        TEST(test_empty_door_is_drained_from_the_loop),
        TEST(test_drain_sees_idle_connections_out),
        TEST(test_drain_lets_a_running_request_end),
        TEST(test_hurry_ends_a_read_at_a_frame),
        TEST(test_who_reads_nothing_does_not_hold_up_the_end),
        TEST(test_freed_door_closes_all_without_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
