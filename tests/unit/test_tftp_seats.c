/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tftp_seats.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/tftp_port.h"

#define MANY 3000

static struct addr ipv4(uint32_t host, uint16_t port)
{
    struct addr a = {.u.in4 = {.sin_family = AF_INET}, .len = sizeof(a.u.in4)};

    a.u.in4.sin_addr.s_addr = htonl(host);
    addr_set_port(&a, port);
    return a;
}

static struct addr ipv6(const char *text, uint32_t scope)
{
    struct addr a = {.u.in6 = {.sin6_family = AF_INET6}, .len = sizeof(a.u.in6)};

    assert_int_equal(inet_pton(AF_INET6, text, &a.u.in6.sin6_addr), 1);
    a.u.in6.sin6_scope_id = scope;
    addr_set_port(&a, 2071);
    return a;
}

static int setup(void **state)
{
    static struct tftp_seats t;

    *state = &t;
    return tftp_seats_init(&t) == RES_OK ? 0 : -1;
}

static int teardown(void **state)
{
    tftp_seats_clear(*state);
    return 0;
}

static void test_every_one_of_many_seats_is_found(void **state)
{
    struct tftp_seats *t = *state;
    static struct tftp_seat seat[MANY];

    for (uint32_t i = 0; i < MANY; i++) {
        seat[i].peer = ipv4(0xc0000200 + i % 50, (uint16_t)(1024 + i));
        tftp_seats_add(t, &seat[i]);
    }
    for (uint32_t i = 0; i < MANY; i += 2) {
        tftp_seats_remove(t, &seat[i]);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        assert_ptr_equal(tftp_seats_first(t, &seat[i].peer), i % 2 == 0 ? NULL : &seat[i]);
    }
    assert_int_equal(t->count, MANY / 2);
}

static void test_all_seats_of_a_peer_are_met_and_nobody_else_s(void **state)
{
    struct tftp_seats *t = *state;
    struct addr peer = ipv4(0xc0000207, 2071);
    struct tftp_seat mine[3] = {{.peer = peer}, {.peer = peer}, {.peer = peer}};
    struct tftp_seat others[500];
    bool met[3] = {false};

    memset(others, 0, sizeof(others));
    for (uint16_t i = 0; i < 500; i++) {
        others[i].peer = ipv4(0xc0000207, (uint16_t)(3000 + i));
        tftp_seats_add(t, &others[i]);
        if (i % 200 == 0) {
            tftp_seats_add(t, &mine[i / 200]);
        }
    }
    for (struct tftp_seat *s = tftp_seats_first(t, &peer); s != NULL; s = tftp_seats_next(s)) {
        assert_in_range(s - mine, 0, 2);
        assert_false(met[s - mine]);
        met[s - mine] = true;
    }
    assert_true(met[0] && met[1] && met[2]);
}

static void test_scope_is_part_of_a_link_local_peer(void **state)
{
    struct tftp_seats *t = *state;
    struct tftp_seat a = {.peer = ipv6("fe80::1", 2)};
    struct tftp_seat b = {.peer = ipv6("fe80::1", 3)};
    struct addr other = ipv6("fe80::2", 2);

    tftp_seats_add(t, &a);
    tftp_seats_add(t, &b);
    assert_ptr_equal(tftp_seats_first(t, &a.peer), &a);
    assert_null(tftp_seats_next(&a));
    assert_ptr_equal(tftp_seats_first(t, &b.peer), &b);
    assert_null(tftp_seats_first(t, &other));
}

#define SEATS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SEATS_TEST(test_every_one_of_many_seats_is_found),
        SEATS_TEST(test_all_seats_of_a_peer_are_met_and_nobody_else_s),
        SEATS_TEST(test_scope_is_part_of_a_link_local_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
