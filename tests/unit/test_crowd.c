/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/crowd.h"

static int setup(void **state)
{
    return crowd_new((struct crowd **)state) != RES_OK;
}

static int teardown(void **state)
{
    crowd_free(*state);
    return 0;
}

static struct addr make(const char *host, uint16_t port)
{
    struct addr a = {.len = sizeof(a.u.in4)};

    a.u.in4.sin_family = AF_INET;
    if (inet_pton(AF_INET, host, &a.u.in4.sin_addr) != 1) {
        a = (struct addr){.len = sizeof(a.u.in6)};
        a.u.in6.sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, host, &a.u.in6.sin6_addr), 1);
    }
    addr_set_port(&a, port);
    return a;
}

static enum res enter(struct crowd *c, const char *host, uint16_t port, uint32_t most)
{
    struct addr a = make(host, port);

    return crowd_enter(c, &a, most);
}

static void leave(struct crowd *c, const char *host, uint16_t port)
{
    struct addr a = make(host, port);

    crowd_leave(c, &a);
}

static void test_one_more_than_allowed_from_an_address_is_busy(void **state)
{
    static const char *const hosts[] = {"192.0.2.7", "2001:db8::7"};
    struct crowd *c = *state;

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        for (uint16_t port = 1; port <= 64; port++) {
            assert_int_equal(enter(c, hosts[i], port, 64), RES_OK);
        }
        assert_int_equal(enter(c, hosts[i], 65, 64), RES_BUSY);
        assert_int_equal(enter(c, hosts[i], 1, 64), RES_BUSY); /* the port does not matter */
    }
}

static void test_other_addresses_are_counted_apart(void **state)
{
    struct crowd *c = *state;

    assert_int_equal(enter(c, "192.0.2.7", 1, 1), RES_OK);
    assert_int_equal(enter(c, "192.0.2.8", 1, 1), RES_OK);
    assert_int_equal(enter(c, "2001:db8::7", 1, 1), RES_OK);
    assert_int_equal(enter(c, "2001:db8::8", 1, 1), RES_OK);
    assert_int_equal(crowd_addresses(c), 4);
}

static void test_link_local_address_is_another_one_on_another_interface(void **state)
{
    struct crowd *c = *state;
    struct addr a = make("fe80::1", 1);
    struct addr b = a;

    a.u.in6.sin6_scope_id = 1;
    b.u.in6.sin6_scope_id = 2;
    assert_int_equal(crowd_enter(c, &a, 1), RES_OK);
    assert_int_equal(crowd_enter(c, &b, 1), RES_OK);
    assert_int_equal(crowd_enter(c, &a, 1), RES_BUSY);
}

static void test_who_left_makes_room_and_refusals_do_not_count(void **state)
{
    struct crowd *c = *state;

    assert_int_equal(enter(c, "192.0.2.7", 1, 2), RES_OK);
    assert_int_equal(enter(c, "192.0.2.7", 2, 2), RES_OK);
    assert_int_equal(enter(c, "192.0.2.7", 3, 2), RES_BUSY);
    assert_int_equal(enter(c, "192.0.2.7", 3, 2), RES_BUSY);
    leave(c, "192.0.2.7", 2);
    assert_int_equal(enter(c, "192.0.2.7", 4, 2), RES_OK);
    assert_int_equal(enter(c, "192.0.2.7", 5, 2), RES_BUSY);
}

static void test_address_without_connections_is_forgotten(void **state)
{
    struct crowd *c = *state;

    assert_int_equal(enter(c, "192.0.2.7", 1, 64), RES_OK);
    assert_int_equal(enter(c, "192.0.2.7", 2, 64), RES_OK);
    leave(c, "192.0.2.7", 1);
    assert_int_equal(crowd_addresses(c), 1);
    leave(c, "192.0.2.7", 2);
    assert_int_equal(crowd_addresses(c), 0);
}

static void test_loopback_is_not_counted(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "127.255.255.254", "::1"};
    struct crowd *c = *state;

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        assert_int_equal(enter(c, hosts[i], 1, 1), RES_OK);
        assert_int_equal(enter(c, hosts[i], 2, 1), RES_OK);
        leave(c, hosts[i], 1);
    }
    assert_int_equal(crowd_addresses(c), 0);
    /* Its neighbours are. */
    assert_int_equal(enter(c, "126.255.255.255", 1, 1), RES_OK);
    assert_int_equal(enter(c, "128.0.0.0", 1, 1), RES_OK);
    assert_int_equal(enter(c, "::2", 1, 1), RES_OK);
    assert_int_equal(crowd_addresses(c), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_more_than_allowed_from_an_address_is_busy),
        TEST(test_other_addresses_are_counted_apart),
        TEST(test_link_local_address_is_another_one_on_another_interface),
        TEST(test_who_left_makes_room_and_refusals_do_not_count),
        TEST(test_address_without_connections_is_forgotten),
        TEST(test_loopback_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
