/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/inherited.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void set(const char *name, const char *value)
{
    if (value == NULL) {
        assert_return_code(unsetenv(name), errno);
    } else {
        assert_return_code(setenv(name, value, 1), errno);
    }
}

static enum res count_with(const char *fds, const char *pid, unsigned *ret, char *why, size_t cap)
{
    enum res r;

    set("LISTEN_FDS", fds);
    set("LISTEN_PID", pid);
    set("LISTEN_FDNAMES", "tftp:wherry");
    r = inherited_count(ret, why, cap);
    assert_null(getenv("LISTEN_FDS")); /* nothing that this program starts takes them for its own */
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDNAMES"));
    return r;
}

static void test_count_is_ours_only_when_the_process_is(void **state)
{
    char ours[16];
    char why[INHERITED_WHY] = "";
    const struct {
        const char *fds, *pid;
        unsigned count;
    } rows[] = {
        {"2", ours, 2}, {"0", ours, 0},         {NULL, ours, 0},  {"2", "1", 0},
        {"2", NULL, 0}, {"2", "4294967296", 0}, {"many", "1", 0}, /* none of our business */
    };

    (void)state;
    snprintf(ours, sizeof(ours), "%d", (int)getpid());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned count = 99;

        assert_int_equal(count_with(rows[i].fds, rows[i].pid, &count, why, sizeof(why)), RES_OK);
        assert_int_equal(count, rows[i].count);
    }
}

static void test_count_that_is_none_is_named(void **state)
{
    static const char *const bad[] = {"-1", "", "2 ", "1025", "\x1b[2J"};
    char ours[16];

    (void)state;
    snprintf(ours, sizeof(ours), "%d", (int)getpid());
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char why[INHERITED_WHY] = "";
        unsigned count = 99;

        assert_int_equal(count_with(bad[i], ours, &count, why, sizeof(why)), RES_PROTOCOL);
        assert_int_equal(count, 99);
        assert_non_null(strstr(why, "LISTEN_FDS=\""));
        assert_non_null(strstr(why, "not a number of descriptors from 0 to 1024"));
        assert_null(strchr(why, '\x1b'));
    }
}

static int make_socket(int family, int type)
{
    int fd = socket(family, type, 0); /* neither of the flags that ours have */

    assert_return_code(fd, errno);
    return fd;
}

static void bind_loopback(int fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    assert_return_code(bind(fd, (const struct sockaddr *)&a, sizeof(a)), errno);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_return_code(getsockopt(fd, level, name, &value, &len), errno);
    return value;
}

static void expect_flags(int fd)
{
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static void test_udp_socket_serves_tftp_and_gets_what_ours_have(void **state)
{
    int fd = make_socket(AF_INET, SOCK_DGRAM);
    char why[INHERITED_WHY] = "";
    struct endpoint e;

    (void)state;
    bind_loopback(fd);
    assert_int_equal(inherited_adopt(fd, &e, why, sizeof(why)), RES_OK);
    assert_int_equal(e.scheme, ENDPOINT_TFTP);
    assert_int_equal(e.addr.u.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_not_equal(addr_port(&e.addr), 0);
    expect_flags(fd);
    assert_int_equal(option_of(fd, IPPROTO_IP, IP_PKTINFO), 1);
    assert_int_equal(option_of(fd, IPPROTO_IP, IP_RECVERR), 1);
    assert_int_equal(option_of(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DONT);
    close(fd);
}

/* systemd's BindIPv6Only= has settled it. */
static void test_ipv6_socket_takes_ipv4_or_not_as_it_was_made(void **state)
{
    (void)state;
    for (int only = 0; only <= 1; only++) {
        struct sockaddr_in6 a = {.sin6_family = AF_INET6};
        int fd = socket(AF_INET6, SOCK_DGRAM, 0);
        char why[INHERITED_WHY] = "";
        struct endpoint e;

        if (fd == -1 && errno == EAFNOSUPPORT) {
            puts("SKIP: this kernel has no IPv6");
            skip();
        }
        assert_return_code(fd, errno);
        assert_return_code(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), errno);
        assert_return_code(bind(fd, (const struct sockaddr *)&a, sizeof(a)), errno);
        assert_int_equal(inherited_adopt(fd, &e, why, sizeof(why)), RES_OK);
        assert_int_equal(e.addr.u.sa.sa_family, AF_INET6);
        assert_int_equal(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY), only);
        assert_int_equal(option_of(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
        assert_int_equal(option_of(fd, IPPROTO_IPV6, IPV6_RECVERR), 1);
        assert_int_equal(option_of(fd, IPPROTO_IP, IP_PKTINFO), 1);
        close(fd);
    }
}

static void test_listening_tcp_socket_serves_the_file_protocol(void **state)
{
    int fd = make_socket(AF_INET, SOCK_STREAM);
    char why[INHERITED_WHY] = "";
    struct endpoint e;

    (void)state;
    bind_loopback(fd);
    assert_return_code(listen(fd, 1), errno);
    assert_int_equal(inherited_adopt(fd, &e, why, sizeof(why)), RES_OK);
    assert_int_equal(e.scheme, ENDPOINT_WHERRY);
    assert_int_not_equal(addr_port(&e.addr), 0);
    expect_flags(fd);
    close(fd);
}

/* Takes fd. */
static void expect_refused(int fd, const char *part)
{
    struct endpoint e = {.scheme = ENDPOINT_WHERRY};
    char why[INHERITED_WHY] = "";
    char number[32];

    assert_int_not_equal(inherited_adopt(fd, &e, why, sizeof(why)), RES_OK);
    snprintf(number, sizeof(number), "descriptor %d was handed over", fd);
    assert_non_null(strstr(why, number));
    assert_non_null(strstr(why, part));
    assert_non_null(strstr(why, "allowed are bound UDP sockets for TFTP (ListenDatagram=) and "
                                "listening TCP sockets for the file protocol (ListenStream= with "
                                "Accept=no)"));
    close(fd);
}

static void test_anything_else_is_refused_by_name(void **state)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(to);
    int fd = make_socket(AF_UNIX, SOCK_DGRAM);
    int listening = make_socket(AF_INET, SOCK_STREAM);

    (void)state;
    assert_return_code(bind(fd, (const struct sockaddr *)&any, sizeof(sa_family_t)), errno);
    expect_refused(fd, "of another family than IPv4 and IPv6");
    expect_refused(make_socket(AF_INET, SOCK_DGRAM), "without a port");
    expect_refused(make_socket(AF_INET, SOCK_STREAM), "without a port");
    fd = make_socket(AF_INET, SOCK_STREAM);
    bind_loopback(fd);
    expect_refused(fd, "does not listen");
    bind_loopback(listening);
    assert_return_code(listen(listening, 1), errno);
    assert_return_code(getsockname(listening, (struct sockaddr *)&to, &len), errno);
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        fd = make_socket(AF_INET, type);
        assert_return_code(connect(fd, (const struct sockaddr *)&to, sizeof(to)), errno);
        expect_refused(fd, "connected to one peer");
    }
    close(listening);
    fd = open("/dev/null", O_RDONLY);
    assert_return_code(fd, errno);
    expect_refused(fd, strerror(ENOTSOCK));
    fd = dup(0);
    assert_return_code(fd, errno);
    close(fd);
    expect_refused(fd, strerror(EBADF));
}

static void test_socket_of_another_protocol_is_refused(void **state)
{
    int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);

    (void)state;
    if (fd == -1) {
        printf("SKIP: no socket of UDP-Lite: %s\n", strerror(errno));
        skip();
    }
    bind_loopback(fd);
    expect_refused(fd, "of another protocol than UDP and TCP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count_is_ours_only_when_the_process_is),
        cmocka_unit_test(test_count_that_is_none_is_named),
        cmocka_unit_test(test_udp_socket_serves_tftp_and_gets_what_ours_have),
        cmocka_unit_test(test_ipv6_socket_takes_ipv4_or_not_as_it_was_made),
        cmocka_unit_test(test_listening_tcp_socket_serves_the_file_protocol),
        cmocka_unit_test(test_anything_else_is_refused_by_name),
        cmocka_unit_test(test_socket_of_another_protocol_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
