/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp_out.h"
#include "net/udp_story.h"

/* --- joined datagrams --- */

struct train {
    uint32_t count;
    uint16_t blksize;
    uint16_t last_len;
};

static uint8_t content(uint32_t block, size_t at)
{
    return (uint8_t)(block * 17 + at * 3 + at / 256);
}

static void send_train(struct udp_out *out, struct udp_line *line, const struct addr *to,
                       const struct train *t)
{
    struct wherry_burst b = {
        .first = 1, .count = t->count, .blksize = t->blksize, .last_len = t->last_len};
    bool segments = true;
    uint8_t *room;

    udp_out_to(out, line);
    room = udp_out_room(out, (size_t)t->count * t->blksize);
    for (uint32_t i = 0; i < t->count; i++) {
        for (size_t j = 0; j < t->blksize; j++) {
            room[(size_t)i * t->blksize + j] = content(i, j);
        }
    }
    udp_out_data(out, to, &b, room, &segments);
    udp_out_flush(out);
    assert_true(segments);
}

/* *ret_calls: how often something was received. */
static void expect_train(struct fixture *f, int fd, const struct addr *from, const struct train *t,
                         size_t *ret_calls)
{
    uint32_t next = 0;

    *ret_calls = 0;
    while (next < t->count) {
        size_t n;

        wait_for(fd, POLLIN);
        n = udp_receive(fd, f->batch, 1, &f->packet, &f->errors);
        assert_true(n > 0 && n <= t->count - next);
        assert_false(f->errors);
        ++*ret_calls;
        for (size_t i = 0; i < n; i++, next++) {
            const struct udp_packet *p = &f->packet[i];
            const uint8_t header[] = {0, 3, 0, (uint8_t)(next + 1)};
            size_t len = next + 1 == t->count ? t->last_len : t->blksize;

            assert_true(addr_equal(&p->peer, from));
            assert_int_equal(p->len, 4 + len);
            assert_memory_equal(p->bytes, header, 4);
            for (size_t j = 0; j < len; j++) {
                assert_int_equal(p->bytes[4 + j], content(next, j));
            }
        }
    }
    assert_int_equal(receive(f, fd), 0);
}

static void run_trains(struct fixture *f, const char *host, bool joined)
{
    static const struct train trains[] = {
        {1, 1428, 1428}, {1, 512, 0},     {2, 512, 512},   {2, 1428, 0}, {3, 1400, 1},
        {16, 1428, 7},   {45, 1428, 500}, {64, 8, 8},      {64, 8, 0},   {46, 512, 511},
        {46, 1428, 3},   {2, 9000, 9000}, {2, 32700, 100},
    };
    struct udp_out *out = NULL;
    struct addr from;
    struct addr to;
    struct udp_line line = {.fd = open_on(host, &from)};
    int fd = open_on(host, &to);

    assert_int_equal(udp_out_new(&out, UDP_SEGMENTS_AUTO), RES_OK);
    if (joined && !udp_receive_joined(fd)) {
        print_message("SKIPPED: this kernel has no UDP_GRO\n");
        skip();
    }
    for (size_t i = 0; i < sizeof(trains) / sizeof(trains[0]); i++) {
        size_t calls;

        send_train(out, &line, &to, &trains[i]);
        expect_train(f, fd, &from, &trains[i], &calls);
        if (joined) { /* 45 of 1432 bytes are all that 65,507 hold */
            assert_int_equal(calls, trains[i].count == 46 && trains[i].blksize == 1428 ? 2 : 1);
        } else {
            assert_int_equal(calls, trains[i].count);
        }
    }
    udp_out_free(out);
    close(line.fd);
    close(fd);
}

static void test_joined_datagrams_come_out_one_by_one(void **state)
{
    run_trains(*state, "127.0.0.1", true);
}

static void test_joined_ipv6_datagrams_come_out_one_by_one(void **state)
{
    need_ipv6();
    run_trains(*state, "::1", true);
}

static void test_the_same_comes_to_who_takes_nothing_joined(void **state)
{
    run_trains(*state, "127.0.0.1", false);
}

static void test_full_batch_of_joined_datagrams_is_taken_apart(void **state)
{
    struct fixture *f = *state;
    const struct train t = {64, 8, 8};
    struct udp_out *out = NULL;
    struct addr from;
    struct addr to;
    struct udp_line line = {.fd = open_on("127.0.0.1", &from)};
    int fd = open_on("127.0.0.1", &to);
    size_t n;

    assert_int_equal(udp_out_new(&out, UDP_SEGMENTS_AUTO), RES_OK);
    if (!udp_receive_joined(fd)) {
        print_message("SKIPPED: this kernel has no UDP_GRO\n");
        skip();
    }
    for (size_t i = 0; i < UDP_RECEIVE_MAX; i++) {
        send_train(out, &line, &to, &t);
    }
    wait_for(fd, POLLIN);
    n = receive(f, fd);
    assert_int_equal(n, UDP_RECEIVE_MAX * 64);
    for (size_t i = 0; i < n; i++) {
        const uint8_t header[] = {0, 3, 0, (uint8_t)(i % 64 + 1)};

        assert_int_equal(f->packet[i].len, 12);
        assert_memory_equal(f->packet[i].bytes, header, 4);
    }
    udp_out_free(out);
    close(line.fd);
    close(fd);
}

/* --- no more than wanted --- */

static void test_one_alone_is_told_with_its_peer(void **state)
{
    struct fixture *f = *state;
    struct pair p = make_pair();
    struct addr from = make_addr("127.0.0.1", port_of(p.from));

    send_text(p.from, &p.to_addr, "first");
    send_text(p.from, &p.to_addr, "");
    wait_for(p.to, POLLIN);
    assert_int_equal(udp_receive_one(p.to, f->batch, &f->packet, &f->errors), 1);
    assert_bytes(f->packet, "first");
    assert_true(addr_equal(&f->packet->peer, &from));
    assert_false(f->errors);
    assert_int_equal(udp_receive_one(p.to, f->batch, &f->packet, &f->errors), 1);
    assert_bytes(f->packet, "");
    assert_true(addr_equal(&f->packet->peer, &from));
    assert_int_equal(udp_receive_one(p.to, f->batch, &f->packet, &f->errors), 0);
    assert_true(f->errors); /* to be looked for, as nothing came */
    close_pair(&p);
}

static void test_one_alone_of_an_ipv4_peer_is_ipv4(void **state)
{
    struct fixture *f = *state;
    struct addr from;
    struct addr to;
    int receiver;
    int sender;

    need_ipv6();
    receiver = listen_on("::");
    sender = open_on("127.0.0.1", &from);
    to = make_addr("127.0.0.1", port_of(receiver));
    send_text(sender, &to, "four");
    wait_for(receiver, POLLIN);
    assert_int_equal(udp_receive_one(receiver, f->batch, &f->packet, &f->errors), 1);
    assert_bytes(f->packet, "four");
    assert_true(addr_equal(&f->packet->peer, &from));
    close(receiver);
    close(sender);
}

static void test_no_more_is_taken_than_asked_for(void **state)
{
    struct fixture *f = *state;
    struct pair p = make_pair();

    send_text(p.from, &p.to_addr, "first");
    send_text(p.from, &p.to_addr, "second");
    send_text(p.from, &p.to_addr, "third");
    wait_for(p.to, POLLIN);
    assert_int_equal(udp_receive(p.to, f->batch, 1, &f->packet, &f->errors), 1);
    assert_bytes(f->packet, "first");
    assert_false(f->errors);
    assert_int_equal(udp_receive(p.to, f->batch, SIZE_MAX, &f->packet, &f->errors), 2);
    assert_bytes(&f->packet[0], "second");
    assert_bytes(&f->packet[1], "third");
    assert_false(f->errors);
    close_pair(&p);
}

/* --- errors --- */

/* A peer of that socket that is gone, as ICMP will have said before this returns. */
static struct addr lose_peer(int fd)
{
    struct addr closed;
    int gone = open_on("127.0.0.1", &closed);

    close(gone);
    send_text(fd, &closed, "anybody?");
    wait_for(fd, POLLERR);
    return closed;
}

static void expect_error_about(int fd, const struct addr *closed)
{
    struct addr quoted;
    bool unreachable = false;

    assert_true(udp_take_error(fd, &quoted, &unreachable));
    assert_true(unreachable);
    assert_true(addr_equal(&quoted, closed));
    assert_false(udp_take_error(fd, &quoted, &unreachable));
}

static bool is_awake(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) != 0;
}

static size_t take_of_batch(struct fixture *f, int fd)
{
    return udp_receive(fd, f->batch, 1, &f->packet, &f->errors);
}

static size_t take_alone(struct fixture *f, int fd)
{
    return udp_receive_one(fd, f->batch, &f->packet, &f->errors);
}

static void expect_error_beside_datagrams(struct fixture *f,
                                          size_t (*take)(struct fixture *f, int fd))
{
    struct pair p = make_pair();
    struct addr closed = lose_peer(p.to);

    send_text(p.from, &p.to_addr, "one");
    send_text(p.from, &p.to_addr, "two");
    wait_for(p.to, POLLIN);
    assert_int_equal(take(f, p.to), 1);
    assert_bytes(f->packet, "one");
    assert_true(f->errors);
    expect_error_about(p.to, &closed);
    assert_int_equal(take(f, p.to), 1);
    assert_bytes(f->packet, "two");
    assert_false(f->errors);
    assert_false(is_awake(p.to));
    close_pair(&p);
}

static void test_error_is_told_beside_datagrams(void **state)
{
    expect_error_beside_datagrams(*state, take_of_batch);
    expect_error_beside_datagrams(*state, take_alone);
}

static void test_error_alone_is_told_and_does_not_spin(void **state)
{
    struct fixture *f = *state;
    struct pair p = make_pair();
    struct addr closed = lose_peer(p.to);

    assert_int_equal(receive(f, p.to), 0);
    assert_true(f->errors);
    expect_error_about(p.to, &closed);
    assert_false(is_awake(p.to));
    close_pair(&p);
}

/* A send met the error and went on, so no receive fails: the queue alone wakes the loop. */
static void test_error_that_a_send_met_is_told_when_nothing_comes(void **state)
{
    struct fixture *f = *state;
    struct pair p = make_pair();
    struct addr closed = lose_peer(p.to);
    struct addr from = make_addr("127.0.0.1", port_of(p.from));

    send_text(p.to, &from, "meets it");
    send_text(p.from, &p.to_addr, "one");
    wait_for(p.to, POLLIN);
    assert_int_equal(receive(f, p.to), 1);
    assert_false(f->errors);
    assert_true(is_awake(p.to));
    assert_int_equal(receive(f, p.to), 0);
    assert_true(f->errors);
    expect_error_about(p.to, &closed);
    assert_false(is_awake(p.to));
    close_pair(&p);
}

static void test_many_errors_are_all_told(void **state)
{
    struct fixture *f = *state;
    struct pair p = make_pair();
    struct addr closed[20];
    bool told[20] = {false};
    struct addr quoted;
    bool unreachable;

    for (size_t i = 0; i < 20; i++) {
        closed[i] = lose_peer(p.to);
    }
    assert_int_equal(receive(f, p.to), 0);
    assert_true(f->errors);
    while (udp_take_error(p.to, &quoted, &unreachable)) {
        for (size_t i = 0; i < 20; i++) {
            told[i] = told[i] || (unreachable && addr_equal(&quoted, &closed[i]));
        }
    }
    for (size_t i = 0; i < 20; i++) {
        assert_true(told[i]);
    }
    assert_false(is_awake(p.to));
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_joined_datagrams_come_out_one_by_one),
        TEST(test_joined_ipv6_datagrams_come_out_one_by_one),
        TEST(test_the_same_comes_to_who_takes_nothing_joined),
        TEST(test_full_batch_of_joined_datagrams_is_taken_apart),
        TEST(test_one_alone_is_told_with_its_peer),
        TEST(test_one_alone_of_an_ipv4_peer_is_ipv4),
        TEST(test_no_more_is_taken_than_asked_for),
        TEST(test_error_is_told_beside_datagrams),
        TEST(test_error_alone_is_told_and_does_not_spin),
        TEST(test_error_that_a_send_met_is_told_when_nothing_comes),
        TEST(test_many_errors_are_all_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
