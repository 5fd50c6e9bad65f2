/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

/* A literal of either family; scope 0 but for link-local ones. */
static struct addr make(const char *host, uint16_t port, uint32_t scope)
{
    struct addr a = {0};

    if (strchr(host, ':') == NULL) {
        a.u.in4.sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, host, &a.u.in4.sin_addr), 1);
        a.u.in4.sin_port = htons(port);
        a.len = sizeof(a.u.in4);
    } else {
        a.u.in6.sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, host, &a.u.in6.sin6_addr), 1);
        a.u.in6.sin6_port = htons(port);
        a.u.in6.sin6_scope_id = scope;
        a.len = sizeof(a.u.in6);
    }
    return a;
}

static void test_ipv4_in_ipv6_becomes_ipv4(void **state)
{
    struct addr mapped = make("::ffff:192.0.2.7", 2071, 0);
    struct addr plain = make("192.0.2.7", 2071, 0);

    (void)state;
    addr_unmap(&mapped);
    assert_int_equal(mapped.u.sa.sa_family, AF_INET);
    assert_int_equal(mapped.len, sizeof(struct sockaddr_in));
    assert_true(addr_equal(&mapped, &plain));
}

static void test_other_addresses_stay_as_they_are(void **state)
{
    struct addr six = make("2001:db8::1", 69, 0);
    struct addr four = make("192.0.2.7", 69, 0);
    struct addr none = {0};

    (void)state;
    addr_unmap(&six);
    addr_unmap(&four);
    addr_unmap(&none);
    assert_int_equal(six.u.sa.sa_family, AF_INET6);
    assert_int_equal(four.u.sa.sa_family, AF_INET);
    assert_int_equal(none.len, 0);
}

static void test_port_is_set_and_read_in_both_families(void **state)
{
    struct addr six = make("::1", 1, 0);
    struct addr four = make("127.0.0.1", 1, 0);
    struct addr none = {0};

    (void)state;
    addr_set_port(&six, 60000);
    addr_set_port(&four, 60001);
    addr_set_port(&none, 60002);
    assert_int_equal(addr_port(&six), 60000);
    assert_int_equal(addr_port(&four), 60001);
    assert_int_equal(addr_port(&none), 0);
}

static void test_equal_means_family_address_port_and_scope(void **state)
{
    struct addr a = make("fe80::1", 69, 2);
    struct addr other_scope = make("fe80::1", 69, 3);
    struct addr other_port = make("fe80::1", 70, 2);
    struct addr other_host = make("fe80::2", 69, 2);
    struct addr four = make("192.0.2.1", 69, 0);
    struct addr none = {0};

    (void)state;
    assert_true(addr_equal(&a, &a));
    assert_false(addr_equal(&a, &other_scope));
    assert_false(addr_equal(&a, &other_port));
    assert_false(addr_equal(&a, &other_host));
    assert_false(addr_equal(&a, &four));
    assert_false(addr_equal(&a, &none));
    assert_true(addr_equal(&none, &none));
    assert_true(addr_same_host(&a, &other_port));
    assert_false(addr_same_host(&a, &other_scope));
    assert_false(addr_same_host(&a, &four));
}

static void test_scope_means_nothing_but_on_a_link(void **state)
{
    struct addr a = make("2001:db8::1", 69, 2);
    struct addr b = make("2001:db8::1", 69, 0);

    (void)state;
    assert_true(addr_equal(&a, &b));
}

static void test_addresses_are_printed_with_port_and_brackets(void **state)
{
    char buf[ADDR_TEXT_BYTES];
    struct addr a = make("192.0.2.7", 2071, 0);
    struct addr none = {0};

    (void)state;
    assert_string_equal(addr_print(&a, buf), "192.0.2.7:2071");
    a = make("2001:db8::1", 2071, 0);
    assert_string_equal(addr_print(&a, buf), "[2001:db8::1]:2071");
    a = make("fe80::1", 69, if_nametoindex("lo"));
    assert_string_equal(addr_print(&a, buf), "[fe80::1%lo]:69");
    a = make("fe80::1", 69, 4000000000u); /* no such interface */
    assert_string_equal(addr_print(&a, buf), "[fe80::1%4000000000]:69");
    assert_string_equal(addr_print(&none, buf), "none");
}

static void test_longest_address_fits_its_text(void **state)
{
    char buf[ADDR_TEXT_BYTES];
    struct addr a = make("fe80:1111:2222:3333:4444:5555:6666:7777", 65535, UINT32_MAX);

    (void)state;
    assert_string_equal(addr_print(&a, buf),
                        "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:65535");
}

static void test_literals_resolve_to_themselves(void **state)
{
    struct addr found[4];
    struct addr want = make("127.0.0.2", 6969, 0);
    size_t count = 0;
    const char *why = NULL;

    (void)state;
    assert_int_equal(addr_resolve("127.0.0.2", 6969, AF_UNSPEC, found, 4, &count, &why), RES_OK);
    assert_int_equal(count, 1);
    assert_true(addr_equal(&found[0], &want));
    want = make("::1", 6969, 0);
    assert_int_equal(addr_resolve("::1", 6969, AF_UNSPEC, found, 4, &count, &why), RES_OK);
    assert_int_equal(count, 1);
    assert_true(addr_equal(&found[0], &want));
}

static void test_link_local_literal_keeps_its_interface(void **state)
{
    struct addr found[1];
    size_t count = 0;
    const char *why = NULL;

    (void)state;
    assert_int_equal(addr_resolve("fe80::1%lo", 69, AF_UNSPEC, found, 1, &count, &why), RES_OK);
    assert_int_equal(found[0].u.in6.sin6_scope_id, if_nametoindex("lo"));
}

static void test_no_host_is_any_address_of_the_family(void **state)
{
    static const char *const hosts[] = {"", "*"};
    struct addr six = make("::", 69, 0);
    struct addr four = make("0.0.0.0", 69, 0);
    struct addr found[4];
    size_t count = 0;
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(addr_resolve(hosts[i], 69, AF_UNSPEC, found, 4, &count, &why), RES_OK);
        assert_int_equal(count, 2);
        assert_true(addr_equal(&found[0], &six));
        assert_true(addr_equal(&found[1], &four));
        assert_int_equal(addr_resolve(hosts[i], 69, AF_INET, found, 4, &count, &why), RES_OK);
        assert_int_equal(count, 1);
        assert_true(addr_equal(&found[0], &four));
        assert_int_equal(addr_resolve(hosts[i], 69, AF_UNSPEC, found, 1, &count, &why), RES_OK);
        assert_int_equal(count, 1);
        assert_true(addr_equal(&found[0], &six));
    }
}

static void test_unresolvable_host_says_why(void **state)
{
    struct addr found[1];
    size_t count = 9;
    const char *why = NULL;

    (void)state;
    /* Too long for DNS, so no server is ever asked. */
    assert_int_not_equal(
        addr_resolve("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 69,
                     AF_UNSPEC, found, 1, &count, &why),
        RES_OK);
    assert_non_null(why);
    assert_int_equal(count, 9);
    /* A literal of the other family. */
    why = NULL;
    assert_int_not_equal(addr_resolve("127.0.0.1", 69, AF_INET6, found, 1, &count, &why), RES_OK);
    assert_non_null(why);
}

static void test_good_endpoints_are_taken(void **state)
{
    static const struct {
        const char *url;
        enum endpoint_scheme scheme;
        const char *host;
        uint16_t port;
    } rows[] = {
        {"tftp://127.0.0.1:6969", ENDPOINT_TFTP, "127.0.0.1", 6969},
        {"tftp://192.0.2.1", ENDPOINT_TFTP, "192.0.2.1", 69},
        {"tftp://[::]:69", ENDPOINT_TFTP, "::", 69},
        {"tftp://[::1]", ENDPOINT_TFTP, "::1", 69},
        {"tftp://127.0.0.1:0", ENDPOINT_TFTP, "127.0.0.1", 0},
        {"tftp://127.0.0.1:65535", ENDPOINT_TFTP, "127.0.0.1", 65535},
        {"TFTP://127.0.0.1:70", ENDPOINT_TFTP, "127.0.0.1", 70},
        {"tftp://*:70", ENDPOINT_TFTP, "::", 70},
        {"tftp://:70", ENDPOINT_TFTP, "::", 70},
        {"wherry://127.0.0.1:6969", ENDPOINT_WHERRY, "127.0.0.1", 6969},
        {"wherry://192.0.2.1", ENDPOINT_WHERRY, "192.0.2.1", 7069},
        {"wherry://[::1]", ENDPOINT_WHERRY, "::1", 7069},
        {"Wherry://[::]:0", ENDPOINT_WHERRY, "::", 0},
        {"wherry://*", ENDPOINT_WHERRY, "::", 7069},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addr want = make(rows[i].host, rows[i].port, 0);
        struct endpoint e = {0};
        char why[512] = "";

        if (endpoint_parse(rows[i].url, &e, why, sizeof(why)) != RES_OK) {
            fail_msg("%s: %s", rows[i].url, why);
        }
        assert_int_equal(e.scheme, rows[i].scheme);
        assert_true(addr_equal(&e.addr, &want));
    }
}

static void test_bad_endpoint_is_named_with_what_is_allowed(void **state)
{
    static const struct {
        const char *url;
        const char *says;
    } rows[] = {
        {"127.0.0.1:69", "no scheme"},
        {"", "no scheme"},
        {"http://127.0.0.1:69", "unknown scheme"},
        {"tftp://127.0.0.1:65536", "0 to 65535"},
        {"tftp://127.0.0.1:-1", "0 to 65535"},
        {"tftp://127.0.0.1:6 9", "0 to 65535"},
        {"tftp://127.0.0.1:", "0 to 65535"},
        {"tftp://127.0.0.1:tftp", "0 to 65535"},
        {"tftp://::1:69", "in brackets"},
        {"tftp://2001:db8::1", "in brackets"},
        {"tftp://[fe80::1]:69", "a link-local address needs its interface, as in [fe80::1%eth0]"},
        {"tftp://[::1:69", "] is missing"},
        {"tftp://[::1]69", "follow the ]"},
        {"tftp://[127.0.0.1]:69", "for IPv6 addresses"},
        {"tftp://[]:69", "for IPv6 addresses"},
        {"tftp://127.0.0.1:69/", "no path"},
        {"tftp://127.0.0.1/file", "no path"},
        {"tftp://127.0.0.1:69?a=b", "no path"},
        {"tftp://me@127.0.0.1:69", "no user"},
        {"wherry:127.0.0.1:7069", "no scheme"},
        {"wherrys://127.0.0.1:7069", "unknown scheme"},
        {"wherry://127.0.0.1:65536", "0 to 65535"},
        {"wherry://127.0.0.1/dir", "no path"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct endpoint e = {.addr = {.len = 77}};
        char why[512] = "";

        assert_int_equal(endpoint_parse(rows[i].url, &e, why, sizeof(why)), RES_NAME);
        assert_int_equal(e.addr.len, 77); /* untouched */
        if (strstr(why, rows[i].says) == NULL || strstr(why, rows[i].url) == NULL ||
            strstr(why, "tftp://ADDR:PORT or wherry://ADDR:PORT") == NULL) {
            fail_msg("%s: %s", rows[i].url, why);
        }
    }
}

static void test_endpoint_message_is_safe_to_print_and_fits(void **state)
{
    struct endpoint e;
    char why[512];
    char tiny[10];
    char longest[2000];

    (void)state;
    assert_int_equal(endpoint_parse("tftp://\033[2J:1:2", &e, why, sizeof(why)), RES_NAME);
    assert_null(strchr(why, '\033'));
    assert_int_equal(endpoint_parse("http://", &e, tiny, sizeof(tiny)), RES_NAME);
    assert_non_null(memchr(tiny, '\0', sizeof(tiny)));
    memset(longest, 'a', sizeof(longest) - 1);
    memcpy(longest, "tftp://", 7);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(endpoint_parse(longest, &e, why, sizeof(why)), RES_NAME);
    assert_non_null(strstr(why, "longer than any name"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4_in_ipv6_becomes_ipv4),
        cmocka_unit_test(test_other_addresses_stay_as_they_are),
        cmocka_unit_test(test_port_is_set_and_read_in_both_families),
        cmocka_unit_test(test_equal_means_family_address_port_and_scope),
        cmocka_unit_test(test_scope_means_nothing_but_on_a_link),
        cmocka_unit_test(test_addresses_are_printed_with_port_and_brackets),
        cmocka_unit_test(test_longest_address_fits_its_text),
        cmocka_unit_test(test_literals_resolve_to_themselves),
        cmocka_unit_test(test_link_local_literal_keeps_its_interface),
        cmocka_unit_test(test_no_host_is_any_address_of_the_family),
        cmocka_unit_test(test_unresolvable_host_says_why),
        cmocka_unit_test(test_good_endpoints_are_taken),
        cmocka_unit_test(test_bad_endpoint_is_named_with_what_is_allowed),
        cmocka_unit_test(test_endpoint_message_is_safe_to_print_and_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
