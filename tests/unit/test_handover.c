/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/handover.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GIVERS 4
#define GIVEN_EACH 500u
#define LISTENER 7u

struct fixture {
    struct loop *loop;
    struct handover *handover;
    size_t taken;
    size_t awaited;
    uint32_t next[GIVERS]; /* number of the next request of each giver */
    size_t in_turn, most_in_turn;
};

static struct addr make_peer(const char *host, uint16_t port)
{
    struct addr a = {.len = sizeof(a.u.in4)};

    a.u.in4.sin_family = AF_INET;
    a.u.in4.sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, host, &a.u.in4.sin_addr), 1);
    return a;
}

static void on_request(void *arg, uint64_t listener, const struct udp_packet *packet)
{
    struct fixture *f = arg;
    uint32_t words[2];

    assert_int_equal(listener, LISTENER);
    assert_int_equal(packet->len, sizeof(words));
    memcpy(words, packet->bytes, sizeof(words));
    assert_true(words[0] < GIVERS);
    assert_int_equal(addr_port(&packet->peer), 1000 + words[0]);
    assert_int_equal(packet->local.u.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_false(packet->broadcast);
    assert_int_equal(words[1], f->next[words[0]]);
    f->next[words[0]]++;
    if (++f->taken == f->awaited) {
        loop_stop(f->loop);
    }
    f->in_turn++;
    if (f->in_turn > f->most_in_turn) {
        f->most_in_turn = f->in_turn;
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(handover_new(&f->handover, f->loop, on_request, f), RES_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    handover_free(f->handover);
    loop_free(f->loop);
    free(f);
    return 0;
}

static bool give(const struct fixture *f, uint32_t giver, uint32_t number)
{
    uint32_t words[2] = {giver, number};
    struct udp_packet p = {.peer = make_peer("192.0.2.1", (uint16_t)(1000 + giver)),
                           .local = make_peer("127.0.0.1", 0),
                           .bytes = (const uint8_t *)words,
                           .len = sizeof(words)};
    bool taken = handover_give(f->handover, LISTENER, &p);

    memset(words, 0xff, sizeof(words)); /* what was given is a copy */
    return taken;
}

static void test_requests_arrive_whole_and_in_order(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 0; i < 100; i++) {
        assert_true(give(f, 0, i));
    }
    assert_int_equal(f->taken, 0); /* only in the loop's turn */
    f->awaited = 100;
    loop_run(f->loop);
    assert_int_equal(f->taken, 100);
}

/* Transfers have their turn between. */
static void test_one_turn_takes_a_batch_at_most(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 0; i < 10 * UDP_RECEIVE_MAX; i++) {
        assert_true(give(f, 0, i));
    }
    while (f->taken < 10 * UDP_RECEIVE_MAX) {
        f->in_turn = 0;
        loop_turn(f->loop, true);
    }
    assert_true(f->most_in_turn > 0);
    assert_true(f->most_in_turn <= UDP_RECEIVE_MAX);
}

struct giver {
    struct fixture *f;
    uint32_t number;
};

static void *run_giver(void *arg)
{
    const struct giver *g = arg;

    for (uint32_t i = 0; i < GIVEN_EACH; i++) {
        if (!give(g->f, g->number, i)) {
            return arg;
        }
    }
    return NULL;
}

static void test_threads_may_give_at_once_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    struct giver givers[GIVERS];
    pthread_t threads[GIVERS];
    void *failed;

    f->awaited = (size_t)GIVERS * GIVEN_EACH;
    for (uint32_t i = 0; i < GIVERS; i++) {
        givers[i] = (struct giver){f, i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_giver, &givers[i]), 0);
    }
    loop_run(f->loop);
    for (uint32_t i = 0; i < GIVERS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
        assert_int_equal(f->next[i], GIVEN_EACH);
    }
}

static void test_full_queue_takes_no_more_until_some_are_gone(void **state)
{
    struct fixture *f = *state;
    uint32_t given = 0;

    while (give(f, 0, given)) {
        given++;
        assert_true(given <=
                    HANDOVER_BYTES / 8); /* 8 bytes of payload each: bounded by these too */
    }
    assert_true(given > 10000);
    assert_false(give(f, 0, given));
    f->awaited = given;
    loop_run(f->loop);
    assert_int_equal(f->taken, given);
    assert_true(give(f, 0, given));
}

static void test_requests_that_wait_are_freed_with_the_queue(void **state)
{
    struct fixture *f = *state;

    assert_true(give(f, 0, 0)); /* the address sanitizer counts what is left in teardown */
    assert_int_equal(f->taken, 0);
}

static void test_client_has_one_worker_whatever_it_sends(void **state)
{
    (void)state;
    for (uint16_t port = 1; port < 1000; port++) {
        struct addr a = make_peer("192.0.2.1", port);
        struct addr b = make_peer("192.0.2.1", port);

        b.u.in4.sin_zero[0] = 1; /* means nothing */
        for (unsigned count = 1; count <= 64; count++) {
            assert_true(handover_worker(&a, count) < count);
            assert_int_equal(handover_worker(&a, count), handover_worker(&b, count));
        }
    }
}

/* Of n clients each of `count` workers gets n / count, give or take; six deviations of chance. */
static void expect_spread(const size_t *had, unsigned count, size_t all)
{
    for (unsigned i = 0; i < count; i++) {
        size_t share = all / count;
        size_t off = had[i] > share ? had[i] - share : share - had[i];

        assert_true(off * off <= 36 * share);
    }
}

/* Boards of a rack, which boot from the same port of their ROM; and one machine's many ports. */
static void test_clients_are_spread_over_all_workers(void **state)
{
    (void)state;
    for (unsigned count = 2; count <= 64; count *= 2) {
        size_t by_address[64] = {0};
        size_t by_port[64] = {0};

        for (unsigned i = 0; i < 64000; i++) {
            struct addr a = make_peer("10.0.0.0", 2071);
            struct addr b = make_peer("10.0.0.1", (uint16_t)(1024 + i));

            a.u.in4.sin_addr.s_addr = htonl(0x0a000000 + i);
            by_address[handover_worker(&a, count)]++;
            by_port[handover_worker(&b, count)]++;
        }
        expect_spread(by_address, count, 64000);
        expect_spread(by_port, count, 64000);
    }
}

static void test_ipv6_clients_are_spread_by_all_of_their_address(void **state)
{
    struct addr a = {.len = sizeof(a.u.in6)};

    (void)state;
    a.u.in6.sin6_family = AF_INET6;
    for (size_t byte = 0; byte < 16; byte++) {
        size_t had[4] = {0};

        memset(&a.u.in6.sin6_addr, 0, sizeof(a.u.in6.sin6_addr));
        for (unsigned i = 0; i < 256; i++) {
            a.u.in6.sin6_addr.s6_addr[byte] = (uint8_t)i;
            had[handover_worker(&a, 4)]++;
        }
        expect_spread(had, 4, 256);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_arrive_whole_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_turn_takes_a_batch_at_most, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads_may_give_at_once_and_nothing_is_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_full_queue_takes_no_more_until_some_are_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_requests_that_wait_are_freed_with_the_queue, setup,
                                        teardown),
        cmocka_unit_test(test_client_has_one_worker_whatever_it_sends),
        cmocka_unit_test(test_clients_are_spread_over_all_workers),
        cmocka_unit_test(test_ipv6_clients_are_spread_by_all_of_their_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
