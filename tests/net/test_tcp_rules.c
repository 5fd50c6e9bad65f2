/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the file protocol that only show on a whole connection: the example of the manual, what
 * the configuration says, and which clients share what is kept of an upload. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/number.h"
#include "net/tcp.h"
#include "net/tcp_served.h"
#include "server/tcp_door.h"
#include "support/scratch.h"

#define LINE_BYTES 256
#define EXAMPLE_BYTES 256

/* Where connections seem to come from; NULL: from where they do. */
static const char *pretended;

enum res __wrap_tcp_accept(int fd, int *ret_fd, struct addr *ret_peer, struct addr *ret_local);
enum res __real_tcp_accept(int fd, int *ret_fd, struct addr *ret_peer, struct addr *ret_local);

enum res __wrap_tcp_accept(int fd, int *ret_fd, struct addr *ret_peer, struct addr *ret_local)
{
    enum res r = __real_tcp_accept(fd, ret_fd, ret_peer, ret_local);

    if (r == RES_OK && pretended != NULL && strchr(pretended, ':') == NULL) {
        assert_int_equal(inet_pton(AF_INET, pretended, &ret_peer->u.in4.sin_addr), 1);
    } else if (r == RES_OK && pretended != NULL) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = ret_peer->u.in4.sin_port};

        assert_int_equal(inet_pton(AF_INET6, pretended, &in6.sin6_addr), 1);
        *ret_peer = (struct addr){.u.in6 = in6, .len = sizeof(in6)};
    }
    return r;
}

static int setup(void **state)
{
    pretended = NULL;
    return tcp_served_setup(state);
}

/* --- the example --- */

static size_t add_hex(const char *line, uint8_t *to, size_t len)
{
    for (size_t i = 0; line[i] != '\0';) {
        char digits[3] = {line[i], line[i + 1], '\0'};

        if (isspace((unsigned char)line[i])) {
            i++;
            continue;
        }
        assert_true(isxdigit((unsigned char)digits[0]) && isxdigit((unsigned char)digits[1]));
        assert_true(len < EXAMPLE_BYTES);
        to[len++] = (uint8_t)strtoul(digits, NULL, 16);
        i += 2;
    }
    return len;
}

/* The next block of literal lines in the manual's examples, as bytes. */
static size_t read_example(FILE *manual, uint8_t ret[EXAMPLE_BYTES])
{
    char line[LINE_BYTES];
    bool literal = false;
    size_t len = 0;

    while (fgets(line, sizeof(line), manual) != NULL && strncmp(line, ".Ed", 3) != 0) {
        if (literal) {
            len = add_hex(line, ret, len);
        }
        literal = literal || strncmp(line, ".Bd -literal", 12) == 0;
    }
    return len;
}

static void skip_to_examples(FILE *manual)
{
    char line[LINE_BYTES];

    do {
        assert_non_null(fgets(line, sizeof(line), manual));
    } while (strcmp(line, ".Sh EXAMPLES\n") != 0);
}

static void test_example_of_the_manual_is_what_is_said(void **state)
{
    FILE *manual = fopen(WHERRY_PROTOCOL_7, "r");
    uint8_t asked[EXAMPLE_BYTES];
    uint8_t answered[EXAMPLE_BYTES];
    struct tcp_client c;
    size_t asked_len;
    size_t answered_len;

    assert_non_null(manual);
    skip_to_examples(manual);
    asked_len = read_example(manual, asked);
    answered_len = read_example(manual, answered);
    assert_int_equal(fclose(manual), 0);
    assert_int_not_equal(asked_len, 0);
    assert_int_not_equal(answered_len, 0);

    tcp_client_open(&c, *state);
    tcp_client_send(&c, asked, asked_len);
    tcp_served_settle(*state);
    while (tcp_client_take(&c, EXAMPLE_BYTES)) {
    }
    assert_int_equal(c.len, answered_len);
    assert_memory_equal(c.bytes, answered, answered_len);
    tcp_client_close(&c);
}

/* --- what the configuration says --- */

static void expect_max_frame(struct tcp_client *c, uint32_t max_frame)
{
    struct wherry_message_hello_reply m;

    tcp_client_expect(c, WHERRY_FRAME_HELLO_REPLY, 0);
    assert_int_equal(wherry_message_parse_hello_reply(&m, c->payload), RES_OK);
    assert_int_equal(m.max_frame, max_frame);
}

/* Entries of 274 bytes each. */
static void make_long_names(size_t count)
{
    char name[256];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "%0255zu", i);
        scratch_file(name, "");
    }
}

static void test_limits_of_the_configuration_are_the_connection_s(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;
    const int on = 1;
    size_t frames = 0;

    f->config.max_frame = 100000;
    f->config.requests_max = 2;
    f->config.output_max = 32768;
    make_long_names(200);
    tcp_client_open(&c, f);
    tcp_client_hello(&c);
    expect_max_frame(&c, 100000);
    /* None of the three waits on its way for an acknowledgement, so all are there before the first
     * can be answered. */
    assert_int_equal(setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    tcp_client_path(&c, WHERRY_FRAME_HASH, 1, "missing");
    tcp_client_path(&c, WHERRY_FRAME_HASH, 2, "missing");
    tcp_client_path(&c, WHERRY_FRAME_HASH, 3, "missing");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_NOT_FOUND);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_NOT_FOUND);
    tcp_client_expect_end(&c, 3, WHERRY_STATUS_BUSY);

    tcp_client_list(&c, 4, "", "");
    tcp_client_receive(&c);
    while (c.frame.type == WHERRY_FRAME_ENTRIES) {
        assert_true(c.frame.length <= 32768 - WHERRY_FRAME_HEADER_BYTES);
        frames++;
        tcp_client_receive(&c);
    }
    assert_int_equal(c.frame.type, WHERRY_FRAME_END_REPLY);
    assert_true(frames >= 2);
    tcp_client_close(&c);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void on_drained(void *arg)
{
    (void)arg;
}

static void test_connections_are_tended_as_configured(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_door *door = NULL;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(f->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int served;

    f->config.output_max = 40000;
    f->config.user_timeout_ns = 31 * NUMBER_SECOND;
    f->config.keepalive_idle_ns = 61 * NUMBER_SECOND;
    f->config.keepalive_interval_ns = 11 * NUMBER_SECOND;
    f->config.keepalive_count = 4;
    loop_io_stop(&f->accepting);
    assert_int_equal(tcp_door_new(&door, &f->room, on_drained, NULL), RES_OK);
    assert_int_equal(tcp_door_listen(door, f->listener), RES_OK);
    f->listener = -1; /* the door's now */
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    tcp_served_connections(f, 1);

    served = tcp_served_newest(f)->fd;
    assert_int_not_equal(option_of(served, IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_equal(option_of(served, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 40000);
    assert_int_equal(option_of(served, IPPROTO_TCP, TCP_USER_TIMEOUT), 31000);
    assert_int_not_equal(option_of(served, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_int_equal(option_of(served, IPPROTO_TCP, TCP_KEEPIDLE), 61);
    assert_int_equal(option_of(served, IPPROTO_TCP, TCP_KEEPINTVL), 11);
    assert_int_equal(option_of(served, IPPROTO_TCP, TCP_KEEPCNT), 4);
    tcp_door_free(door);
    close(fd);
}

/* --- whose an upload is --- */

static const uint8_t some_id[WHERRY_UPLOAD_ID_BYTES] = {1, 2, 3};

static void ask_from(struct tcp_client *c, struct tcp_served *f, const char *address)
{
    pretended = address;
    tcp_client_greet(c, f);
    tcp_client_put(c, 1, "file", 2000, WHERRY_PUT_CREATE, NULL, some_id);
}

/* Half of it is kept; another client of its network goes on, one of another network may not. */
static void share(struct tcp_served *f, const char *first, const char *neighbour,
                  const char *stranger)
{
    struct tcp_client c;

    ask_from(&c, f, first);
    tcp_client_expect_ready(&c, 1, 0, NULL);
    tcp_client_data(&c, 1, 0, 1000);
    tcp_served_settle(f);
    tcp_client_close(&c);
    tcp_served_connections(f, 0);

    ask_from(&c, f, stranger);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OFFSET);
    tcp_client_close(&c);
    ask_from(&c, f, neighbour);
    tcp_client_expect_ready(&c, 1, 1000, NULL);
    tcp_client_data(&c, 1, 1000, 1000);
    tcp_client_end(&c, 1, NULL);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_client_close(&c);
    tcp_served_holds_pattern("file", 2000);
}

static void test_networks_of_ipv4_have_24_bits(void **state)
{
    share(*state, "192.0.2.7", "192.0.2.200", "192.0.3.7");
}

static void test_networks_of_ipv6_have_64_bits(void **state)
{
    share(*state, "2001:db8:1:2::7", "2001:db8:1:2:ffff::9", "2001:db8:1:3::7");
}

static void test_ipv4_in_ipv6_is_of_its_ipv4_network(void **state)
{
    share(*state, "::ffff:192.0.2.7", "192.0.2.200", "::ffff:192.0.3.7");
}

static void test_an_id_that_is_not_known_begins_at_0_under_that_id(void **state)
{
    uint8_t id[WHERRY_UPLOAD_ID_BYTES] = {0};
    struct tcp_client c;

    ask_from(&c, *state, NULL);
    tcp_client_expect_ready(&c, 1, 0, id);
    assert_memory_equal(id, some_id, sizeof(id));
    tcp_client_close(&c);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_example_of_the_manual_is_what_is_said),
        SERVED(test_limits_of_the_configuration_are_the_connection_s),
        SERVED(test_connections_are_tended_as_configured),
        SERVED(test_networks_of_ipv4_have_24_bits),
        SERVED(test_networks_of_ipv6_have_64_bits),
        SERVED(test_ipv4_in_ipv6_is_of_its_ipv4_network),
        SERVED(test_an_id_that_is_not_known_begins_at_0_under_that_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
