/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tid.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW (100 * NUMBER_SECOND)

static struct addr ipv4(const char *text, uint16_t port)
{
    struct addr a = {.u.in4 = {.sin_family = AF_INET}, .len = sizeof(a.u.in4)};

    assert_int_equal(inet_pton(AF_INET, text, &a.u.in4.sin_addr), 1);
    addr_set_port(&a, port);
    return a;
}

static struct addr ipv6(const char *text, uint16_t port, uint32_t scope)
{
    struct addr a = {.u.in6 = {.sin6_family = AF_INET6}, .len = sizeof(a.u.in6)};

    assert_int_equal(inet_pton(AF_INET6, text, &a.u.in6.sin6_addr), 1);
    a.u.in6.sin6_scope_id = scope;
    addr_set_port(&a, port);
    return a;
}

static int setup(void **state)
{
    return tid_table_new((struct tid_table **)state) == RES_OK ? 0 : -1;
}

static int teardown(void **state)
{
    tid_table_free(*state);
    return 0;
}

static void test_port_rests_ten_seconds_for_its_client(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("192.0.2.7", 2071);

    assert_false(tid_table_rests(t, &peer, 5000, NOW));
    tid_table_used(t, &peer, 5000, NOW);
    assert_true(tid_table_rests(t, &peer, 5000, NOW));
    assert_true(tid_table_rests(t, &peer, 5000, NOW + 10 * NUMBER_SECOND - 1));
    assert_false(tid_table_rests(t, &peer, 5000, NOW + 10 * NUMBER_SECOND));
    assert_int_equal(tid_table_count(t), 0); /* forgotten, not only passed over */
}

static void test_port_used_again_rests_from_its_last_use(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("192.0.2.7", 2071);

    tid_table_used(t, &peer, 5000, NOW);
    tid_table_used(t, &peer, 5001, NOW + 1);
    tid_table_used(t, &peer, 5000, NOW + 5 * NUMBER_SECOND);
    assert_true(tid_table_rests(t, &peer, 5000, NOW + 12 * NUMBER_SECOND));
    assert_false(tid_table_rests(t, &peer, 5001, NOW + 12 * NUMBER_SECOND));
    assert_int_equal(tid_table_count(t), 1);
}

static void test_port_is_free_for_every_other_client(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("192.0.2.7", 2071);
    struct addr other_port = ipv4("192.0.2.7", 2072);
    struct addr other_host = ipv4("192.0.2.8", 2071);
    struct addr local = ipv6("fe80::1", 2071, 2);
    struct addr other_scope = ipv6("fe80::1", 2071, 3);

    tid_table_used(t, &peer, 5000, NOW);
    tid_table_used(t, &local, 5000, NOW);
    assert_false(tid_table_rests(t, &peer, 5001, NOW));
    assert_false(tid_table_rests(t, &other_port, 5000, NOW));
    assert_false(tid_table_rests(t, &other_host, 5000, NOW));
    assert_false(tid_table_rests(t, &other_scope, 5000, NOW));
    assert_true(tid_table_rests(t, &local, 5000, NOW));
}

static void test_table_is_bounded_and_forgets_the_oldest(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("192.0.2.7", 1);

    for (uint32_t i = 0; i < TID_REMEMBERED_MAX + 10; i++) {
        tid_table_used(t, &peer, (uint16_t)i, NOW);
    }
    assert_int_equal(tid_table_count(t), TID_REMEMBERED_MAX);
    assert_false(tid_table_rests(t, &peer, 9, NOW));
    assert_true(tid_table_rests(t, &peer, 10, NOW));
}

static void test_port_used_again_pushes_nobody_out_of_a_full_table(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("192.0.2.7", 1);

    for (uint32_t i = 0; i < TID_REMEMBERED_MAX; i++) {
        tid_table_used(t, &peer, (uint16_t)i, NOW);
    }
    tid_table_used(t, &peer, 0, NOW + 1);
    tid_table_used(t, &peer, 1, NOW + 1);
    assert_int_equal(tid_table_count(t), TID_REMEMBERED_MAX);
    assert_true(tid_table_remembers(t, 0));
    for (uint32_t i = 0; i < TID_REMEMBERED_MAX; i++) {
        assert_true(tid_table_rests(t, &peer, (uint16_t)i, NOW + 1));
    }
    for (uint32_t i = 0; i < TID_REMEMBERED_MAX; i++) {
        assert_int_equal(tid_table_rests(t, &peer, (uint16_t)i, NOW + TID_REST_NS), i < 2);
    }
    assert_int_equal(tid_table_count(t), 2);
}

static void test_table_knows_since_when_it_remembers_all(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("192.0.2.7", 1);

    for (uint32_t i = 0; i < TID_REMEMBERED_MAX; i++) {
        tid_table_used(t, &peer, (uint16_t)i, NOW + i);
    }
    assert_true(tid_table_remembers(t, NOW));
    tid_table_used(t, &peer, UINT16_MAX, NOW + TID_REMEMBERED_MAX);
    assert_false(tid_table_remembers(t, NOW)); /* the first one is forgotten */
    assert_true(tid_table_remembers(t, NOW + 1));
}

static void test_what_has_rested_is_not_missed(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("192.0.2.7", 1);

    for (uint32_t i = 0; i <= TID_REMEMBERED_MAX; i++) {
        tid_table_used(t, &peer, (uint16_t)i, i == 0 ? NOW : NOW + TID_REST_NS);
    }
    assert_true(tid_table_remembers(t, 0));
}

static void test_socket_opens_on_a_port_that_does_not_rest(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("127.0.0.1", 2071);
    struct addr local = ipv4("127.0.0.1", 0);
    struct addr bound;
    int fd;

    assert_int_equal(tid_table_open(t, &peer, &local, NOW, &fd, &bound), RES_OK);
    assert_int_not_equal(addr_port(&bound), 0);
    assert_true(addr_same_host(&bound, &local));
    assert_false(tid_table_rests(t, &peer, addr_port(&bound), NOW));
    close(fd);
}

static void test_socket_of_any_address_has_the_peer_s_family(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("127.0.0.1", 2071);
    struct addr any = {.len = 0};
    struct addr bound;
    int fd;

    assert_int_equal(tid_table_open(t, &peer, &any, NOW, &fd, &bound), RES_OK);
    assert_int_equal(bound.u.sa.sa_family, AF_INET);
    close(fd);
}

static void test_address_that_is_not_ours_is_an_error(void **state)
{
    struct tid_table *t = *state;
    struct addr peer = ipv4("127.0.0.1", 2071);
    struct addr local = ipv4("192.0.2.1", 0); /* for documentation, RFC 5737 */
    struct addr bound;
    int fd = -1;

    assert_int_not_equal(tid_table_open(t, &peer, &local, NOW, &fd, &bound), RES_OK);
    assert_int_equal(fd, -1);
}

#define TID_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TID_TEST(test_port_rests_ten_seconds_for_its_client),
        TID_TEST(test_port_used_again_rests_from_its_last_use),
        TID_TEST(test_port_is_free_for_every_other_client),
        TID_TEST(test_table_is_bounded_and_forgets_the_oldest),
        TID_TEST(test_port_used_again_pushes_nobody_out_of_a_full_table),
        TID_TEST(test_table_knows_since_when_it_remembers_all),
        TID_TEST(test_what_has_rested_is_not_missed),
        TID_TEST(test_socket_opens_on_a_port_that_does_not_rest),
        TID_TEST(test_socket_of_any_address_has_the_peer_s_family),
        TID_TEST(test_address_that_is_not_ours_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
