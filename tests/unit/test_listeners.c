/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tcp.h"
#include "net/udp.h"
#include "server/listeners.h"

#define URLS_MAX 4

/* The machine without IPv6, when a test asks for one: what socket() or bind() says then. */
static int without_ipv6;

enum res __wrap_udp_listen(const struct addr *a, int *ret_fd);
enum res __real_udp_listen(const struct addr *a, int *ret_fd);
enum res __wrap_tcp_listen(const struct addr *a, int *ret_fd);
enum res __real_tcp_listen(const struct addr *a, int *ret_fd);

static bool is_missing(const struct addr *a)
{
    bool wildcard = a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);

    /* A wildcard is always there, as long as the family is. */
    if (without_ipv6 == 0 || a->u.sa.sa_family != AF_INET6 ||
        (wildcard && without_ipv6 == EADDRNOTAVAIL)) {
        return false;
    }
    errno = without_ipv6;
    return true;
}

enum res __wrap_udp_listen(const struct addr *a, int *ret_fd)
{
    return is_missing(a) ? RES_IO : __real_udp_listen(a, ret_fd);
}

enum res __wrap_tcp_listen(const struct addr *a, int *ret_fd)
{
    return is_missing(a) ? RES_IO : __real_tcp_listen(a, ret_fd);
}

static int restore_ipv6(void **state)
{
    (void)state;
    without_ipv6 = 0;
    return 0;
}

/* Opens the URLS, which end with NULL, as a configuration would. */
static enum res open_urls(struct listeners *ret, const char *const urls[], char *why, size_t cap)
{
    struct endpoint endpoints[URLS_MAX];
    struct config c = {.endpoints = endpoints, .workers = 1};

    for (; urls[c.endpoint_count] != NULL; c.endpoint_count++) {
        assert_true(c.endpoint_count < URLS_MAX);
        if (endpoint_parse(urls[c.endpoint_count], &endpoints[c.endpoint_count], why, cap) !=
            RES_OK) {
            fail_msg("%s", why);
        }
    }
    return listeners_open(ret, &c, why, cap);
}

static void test_port_zero_becomes_the_real_port(void **state)
{
    const char *const urls[] = {"tftp://127.0.0.1:0", "tftp://127.0.0.1:0", NULL};
    struct listeners l = {.count = 0};
    char why[LISTENERS_WHY];
    char url[LISTENERS_URL_BYTES];
    char expected[LISTENERS_URL_BYTES];

    (void)state;
    assert_int_equal(open_urls(&l, urls, why, sizeof(why)), RES_OK);
    assert_int_equal(l.count, 2);
    for (size_t i = 0; i < l.count; i++) {
        uint16_t port = addr_port(&l.items[i].endpoint.addr);

        assert_true(l.items[i].fd >= 0);
        assert_int_not_equal(port, 0);
        snprintf(expected, sizeof(expected), "tftp://127.0.0.1:%u", port);
        assert_string_equal(listeners_url(&l.items[i].endpoint, url), expected);
    }
    assert_int_not_equal(addr_port(&l.items[0].endpoint.addr),
                         addr_port(&l.items[1].endpoint.addr));
    listeners_close(&l);
    assert_int_equal(l.count, 0);
}

static void test_port_in_use_names_port_and_remedy_and_opens_nothing(void **state)
{
    const char *const free_port[] = {"tftp://127.0.0.1:0", NULL};
    struct listeners first = {.count = 0};
    struct listeners second = {.count = 0};
    char url[LISTENERS_URL_BYTES];
    const char *const both[] = {"tftp://127.0.0.2:0", url, NULL};
    char why[LISTENERS_WHY];
    char part[LISTENERS_WHY];
    unsigned port;

    (void)state;
    assert_int_equal(open_urls(&first, free_port, why, sizeof(why)), RES_OK);
    listeners_url(&first.items[0].endpoint, url);
    port = addr_port(&first.items[0].endpoint.addr);
    assert_int_equal(open_urls(&second, both, why, sizeof(why)), RES_BUSY);
    assert_int_equal(second.count, 0);
    assert_null(second.items);
    snprintf(part, sizeof(part), "cannot listen on %s: port %u is in use by another program", url,
             port);
    assert_non_null(strstr(why, part));
    snprintf(part, sizeof(part), "ss -lunp 'sport = :%u'", port);
    assert_non_null(strstr(why, part));
    assert_non_null(strstr(why, "--listen tftp://ADDR:PORT"));
    listeners_close(&first);
}

/* Both ways round, and between the families. */
static void test_port_that_listen_names_twice_is_no_other_program_s(void **state)
{
    static const char *const pairs[][2] = {
        {"127.0.0.1", "127.0.0.1"}, {"0.0.0.0", "127.0.0.1"}, {"127.0.0.1", "0.0.0.0"},
        {"[::]", "0.0.0.0"},        {"0.0.0.0", "[::]"},      {"[::]", "127.0.0.1"},
    };
    char why[LISTENERS_WHY];
    char part[LISTENERS_WHY];

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *const any[] = {"tftp://[::]:0", NULL};
        struct listeners l = {.count = 0};
        char first[LISTENERS_URL_BYTES];
        char second[LISTENERS_URL_BYTES];
        const char *const both[] = {first, second, NULL};
        unsigned port;

        assert_int_equal(open_urls(&l, any, why, sizeof(why)), RES_OK);
        port = addr_port(&l.items[0].endpoint.addr); /* free in a moment */
        listeners_close(&l);
        snprintf(first, sizeof(first), "tftp://%s:%u", pairs[i][0], port);
        snprintf(second, sizeof(second), "tftp://%s:%u", pairs[i][1], port);
        assert_int_equal(open_urls(&l, both, why, sizeof(why)), RES_BUSY);
        snprintf(part, sizeof(part), "cannot listen on %s: listen names %s too", second, first);
        assert_non_null(strstr(why, part));
        assert_non_null(strstr(why, "leave one of them out"));
    }
}

static void test_address_of_another_machine_is_explained(void **state)
{
    const char *const urls[] = {"tftp://192.0.2.1:0", NULL}; /* RFC 5737: nobody has it */
    struct listeners l = {.count = 0};
    char why[LISTENERS_WHY];

    (void)state;
    assert_int_not_equal(open_urls(&l, urls, why, sizeof(why)), RES_OK);
    assert_non_null(strstr(why, "tftp://192.0.2.1:0: this machine has no such address"));
}

static void test_default_endpoint_is_ipv4_where_the_kernel_has_no_ipv6(void **state)
{
    struct endpoint endpoint;
    struct config c = {
        .endpoints = &endpoint, .endpoint_count = 1, .endpoints_preset = true, .workers = 1};
    struct listeners l = {.count = 0};
    char why[LISTENERS_WHY];
    const struct addr *bound;

    (void)state;
    without_ipv6 = EAFNOSUPPORT;
    assert_int_equal(endpoint_parse("tftp://[::]:0", &endpoint, why, sizeof(why)), RES_OK);
    assert_int_equal(listeners_open(&l, &c, why, sizeof(why)), RES_OK);
    bound = &l.items[0].endpoint.addr;
    assert_int_equal(bound->u.sa.sa_family, AF_INET);
    assert_int_equal(bound->u.in4.sin_addr.s_addr, htonl(INADDR_ANY));
    assert_int_not_equal(addr_port(bound), 0);
    listeners_close(&l);
}

static void test_chosen_ipv6_endpoint_is_an_error_where_the_kernel_has_none(void **state)
{
    const char *const urls[] = {"tftp://[::]:0", NULL};
    struct listeners l = {.count = 0};
    char why[LISTENERS_WHY];

    (void)state;
    without_ipv6 = EAFNOSUPPORT;
    assert_int_not_equal(open_urls(&l, urls, why, sizeof(why)), RES_OK);
    assert_non_null(strstr(why, "tftp://[::]:0: this kernel has no IPv6"));
}

/* The ports do not matter to what is left out. */
static void open_defaults(struct listeners *ret)
{
    static const char *const urls[] = {"tftp://[::]:0", "wherry://[::1]:0", "wherry://127.0.0.1:0"};
    struct endpoint endpoints[3];
    struct config c = {
        .endpoints = endpoints, .endpoint_count = 3, .endpoints_preset = true, .workers = 1};
    char why[LISTENERS_WHY];

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(endpoint_parse(urls[i], &endpoints[i], why, sizeof(why)), RES_OK);
    }
    if (listeners_open(ret, &c, why, sizeof(why)) != RES_OK) {
        fail_msg("%s", why);
    }
}

static void test_default_ipv6_loopback_is_left_out_where_there_is_none(void **state)
{
    static const int errors[] = {EAFNOSUPPORT, EADDRNOTAVAIL};

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct listeners l = {.count = 0};

        without_ipv6 = errors[i];
        open_defaults(&l);
        assert_int_equal(l.count, 2);
        assert_int_equal(l.items[0].endpoint.scheme, ENDPOINT_TFTP);
        assert_int_equal(l.items[1].endpoint.scheme, ENDPOINT_WHERRY);
        assert_int_equal(l.items[1].endpoint.addr.u.sa.sa_family, AF_INET);
        assert_int_equal(l.items[1].endpoint.addr.u.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
        listeners_close(&l);
    }
}

static int kind_of_socket(int fd)
{
    int kind = 0;
    socklen_t len = sizeof(kind);

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &len), 0);
    return kind;
}

static void test_scheme_says_which_kind_of_socket(void **state)
{
    const char *const urls[] = {"tftp://127.0.0.1:0", "wherry://127.0.0.1:0", NULL};
    struct listeners l = {.count = 0};
    char why[LISTENERS_WHY];
    char url[LISTENERS_URL_BYTES];

    (void)state;
    assert_int_equal(open_urls(&l, urls, why, sizeof(why)), RES_OK);
    assert_int_equal(kind_of_socket(l.items[0].fd), SOCK_DGRAM);
    assert_int_equal(kind_of_socket(l.items[1].fd), SOCK_STREAM);
    assert_int_not_equal(addr_port(&l.items[1].endpoint.addr), 0);
    assert_non_null(strstr(listeners_url(&l.items[1].endpoint, url), "wherry://127.0.0.1:"));
    listeners_close(&l);
}

static void test_both_doors_may_have_the_same_port(void **state)
{
    const char *const first[] = {"wherry://127.0.0.1:0", NULL};
    struct listeners l = {.count = 0};
    char tftp[LISTENERS_URL_BYTES];
    char wherry[LISTENERS_URL_BYTES];
    const char *const both[] = {tftp, wherry, NULL};
    char why[LISTENERS_WHY];
    unsigned port;

    (void)state;
    assert_int_equal(open_urls(&l, first, why, sizeof(why)), RES_OK);
    port = addr_port(&l.items[0].endpoint.addr);
    listeners_close(&l);
    snprintf(tftp, sizeof(tftp), "tftp://127.0.0.1:%u", port);
    snprintf(wherry, sizeof(wherry), "wherry://127.0.0.1:%u", port);
    if (open_urls(&l, both, why, sizeof(why)) != RES_OK) {
        fail_msg("%s", why);
    }
    assert_int_equal(l.count, 2);
    listeners_close(&l);
}

static void test_tcp_port_in_use_names_the_tool_and_the_scheme(void **state)
{
    const char *const free_port[] = {"wherry://127.0.0.1:0", NULL};
    struct listeners first = {.count = 0};
    struct listeners second = {.count = 0};
    char url[LISTENERS_URL_BYTES];
    const char *const again[] = {url, NULL};
    const char *const twice[] = {url, url, NULL};
    char why[LISTENERS_WHY];
    char part[LISTENERS_WHY];

    (void)state;
    assert_int_equal(open_urls(&first, free_port, why, sizeof(why)), RES_OK);
    listeners_url(&first.items[0].endpoint, url);
    assert_int_equal(open_urls(&second, again, why, sizeof(why)), RES_BUSY);
    snprintf(part, sizeof(part), "in use by another program: stop it (ss -ltnp 'sport = :%u'",
             addr_port(&first.items[0].endpoint.addr));
    assert_non_null(strstr(why, part));
    assert_non_null(strstr(why, "--listen wherry://ADDR:PORT"));
    assert_null(strstr(why, "TFTP"));
    listeners_close(&first);
    assert_int_equal(open_urls(&second, twice, why, sizeof(why)), RES_BUSY);
    assert_non_null(strstr(why, "leave one of them out"));
}

/* The defaults' kinds of endpoints, one of each, for so many workers. */
static enum res open_for_workers(struct listeners *ret, unsigned workers, const char *tftp,
                                 char *why, size_t cap)
{
    struct endpoint endpoints[2];
    struct config c = {.endpoints = endpoints, .endpoint_count = 2, .workers = workers};

    assert_int_equal(endpoint_parse(tftp, &endpoints[0], why, cap), RES_OK);
    assert_int_equal(endpoint_parse("wherry://127.0.0.1:0", &endpoints[1], why, cap), RES_OK);
    return listeners_open(ret, &c, why, cap);
}

static void test_each_worker_has_a_socket_of_tftp_and_the_first_the_other_door(void **state)
{
    struct listeners l = {.count = 0};
    char why[LISTENERS_WHY];

    (void)state;
    assert_int_equal(open_for_workers(&l, 3, "tftp://127.0.0.1:0", why, sizeof(why)), RES_OK);
    assert_int_equal(l.workers, 3);
    assert_int_equal(l.count, 4);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(l.items[i].worker, i);
        assert_int_equal(l.items[i].endpoint.scheme, ENDPOINT_TFTP);
        assert_true(l.items[i].fd >= 0);
        assert_true(l.items[i].buffer_bytes > 0);
        assert_true(addr_equal(&l.items[i].endpoint.addr, &l.items[0].endpoint.addr));
    }
    assert_int_equal(l.items[3].worker, 0);
    assert_int_equal(l.items[3].endpoint.scheme, ENDPOINT_WHERRY);
    listeners_close(&l);
}

/* Else two servers would share the clients, without a word. */
static void test_port_of_a_server_with_many_workers_is_in_use(void **state)
{
    struct listeners first = {.count = 0};
    struct listeners second = {.count = 0};
    char why[LISTENERS_WHY];
    char url[LISTENERS_URL_BYTES];

    (void)state;
    assert_int_equal(open_for_workers(&first, 2, "tftp://127.0.0.1:0", why, sizeof(why)), RES_OK);
    listeners_url(&first.items[0].endpoint, url);
    for (unsigned workers = 1; workers <= 2; workers++) {
        assert_int_equal(open_for_workers(&second, workers, url, why, sizeof(why)), RES_BUSY);
        assert_non_null(strstr(why, "in use by another program"));
        assert_null(second.items);
    }
    listeners_close(&first);
}

static void test_file_protocol_alone_has_one_worker(void **state)
{
    struct endpoint endpoint;
    struct config c = {.endpoints = &endpoint, .endpoint_count = 1, .workers = 3};
    struct listeners l = {.count = 0};
    char why[LISTENERS_WHY];

    (void)state;
    assert_int_equal(endpoint_parse("wherry://127.0.0.1:0", &endpoint, why, sizeof(why)), RES_OK);
    assert_int_equal(listeners_open(&l, &c, why, sizeof(why)), RES_OK);
    assert_int_equal(l.workers, 1);
    assert_int_equal(l.count, 1);
    listeners_close(&l);
}

static void test_closing_leaves_sockets_that_others_took(void **state)
{
    struct listeners l = {.count = 0};

    (void)state;
    l.items = calloc(1, sizeof(*l.items));
    assert_non_null(l.items);
    l.items[0].fd = -1;
    l.count = 1;
    listeners_close(&l);
    listeners_close(&l);
    assert_null(l.items);
}

/* Of IPv4, of IPv6 */
static void count_spares(const struct spare_sockets *s, size_t ret[2])
{
    ret[0] = 0;
    ret[1] = 0;
    for (size_t i = 0; i < s->count; i++) {
        ret[s->items[i].family == AF_INET ? 0 : 1]++;
    }
}

static void expect_spares(const char *url, size_t ipv4, size_t ipv6)
{
    struct endpoint endpoint;
    struct config c = {.endpoints = &endpoint, .endpoint_count = 1, .workers = 2};
    struct listeners l = {.count = 0};
    char why[LISTENERS_WHY];
    size_t counts[2];

    assert_int_equal(endpoint_parse(url, &endpoint, why, sizeof(why)), RES_OK);
    assert_int_equal(listeners_open(&l, &c, why, sizeof(why)), RES_OK);
    for (unsigned w = 0; w < l.workers; w++) {
        count_spares(&l.spares[w], counts);
        assert_int_equal(counts[0], ipv4);
        assert_int_equal(counts[1], ipv6);
    }
    listeners_close(&l);
    assert_null(l.spares);
}

static void test_every_worker_has_spare_sockets_of_the_families_it_serves(void **state)
{
    struct spare_sockets probe = {.count = 0};
    bool privileged = spare_sockets_open(&probe, AF_INET, SPARE_SOCKETS_EACH);
    size_t each = privileged ? SPARE_SOCKETS_EACH : 0;
    int fd;

    (void)state;
    spare_sockets_close(&probe);
    if (!privileged) {
        print_message("not privileged: there must be none\n");
    }
    expect_spares("tftp://127.0.0.1:0", each, 0);
    expect_spares("wherry://127.0.0.1:0", 0, 0);
    fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        print_message("skip: no IPv6 here\n");
        return;
    }
    close(fd);
    expect_spares("tftp://[::]:0", each, each);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_zero_becomes_the_real_port),
        cmocka_unit_test(test_port_in_use_names_port_and_remedy_and_opens_nothing),
        cmocka_unit_test(test_port_that_listen_names_twice_is_no_other_program_s),
        cmocka_unit_test(test_address_of_another_machine_is_explained),
        cmocka_unit_test_teardown(test_default_endpoint_is_ipv4_where_the_kernel_has_no_ipv6,
                                  restore_ipv6),
        cmocka_unit_test_teardown(test_chosen_ipv6_endpoint_is_an_error_where_the_kernel_has_none,
                                  restore_ipv6),
        cmocka_unit_test_teardown(test_default_ipv6_loopback_is_left_out_where_there_is_none,
                                  restore_ipv6),
        cmocka_unit_test(test_scheme_says_which_kind_of_socket),
        cmocka_unit_test(test_both_doors_may_have_the_same_port),
        cmocka_unit_test(test_tcp_port_in_use_names_the_tool_and_the_scheme),
        cmocka_unit_test(test_each_worker_has_a_socket_of_tftp_and_the_first_the_other_door),
        cmocka_unit_test(test_port_of_a_server_with_many_workers_is_in_use),
        cmocka_unit_test(test_file_protocol_alone_has_one_worker),
        cmocka_unit_test(test_closing_leaves_sockets_that_others_took),
        cmocka_unit_test(test_every_worker_has_spare_sockets_of_the_families_it_serves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
