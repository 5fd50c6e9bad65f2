/* SPDX-License-Identifier: BSD-2-Clause */
/* A host with several addresses: the next one is asked when one does not answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/number.h"
#include "client/transfer.h"
#include "net/addr.h"
#include "support/scripted_server.h"

#define RRQ 1

enum res __wrap_addr_resolve(const char *host, uint16_t port, int family, struct addr *ret,
                             size_t cap, size_t *ret_count, const char **ret_why);

/* Every host is at 127.0.0.3 and, where the scripted server listens, at 127.0.0.1. */
enum res __wrap_addr_resolve(const char *host, uint16_t port, int family, struct addr *ret,
                             size_t cap, size_t *ret_count, const char **ret_why)
{
    static const char *const texts[] = {"127.0.0.3", "127.0.0.1"};

    (void)host;
    (void)family;
    (void)ret_why;
    for (size_t i = 0; i < 2 && i < cap; i++) {
        ret[i] = (struct addr){.len = sizeof(ret[i].u.in4)};
        ret[i].u.in4.sin_family = AF_INET;
        (void)inet_pton(AF_INET, texts[i], &ret[i].u.in4.sin_addr);
        addr_set_port(&ret[i], port);
    }
    *ret_count = 2;
    return RES_OK;
}

static int fetch_x(const void *arg)
{
    const struct scripted *s = arg;
    struct client_settings settings;
    struct console console;
    struct url url = {.host = "twice", .port = s->program.port, .name = "x"};
    struct transfer_params params = {
        .opcode = WHERRY_RRQ,
        .url = &url,
        .command = "get",
        .url_text = "tftp://twice/x",
        .label = "x",
        .settings = &settings,
        .console = &console,
        .local = "x",
        .fd = -1,
        .replace = true,
    };

    option_settings_init(&settings);
    settings.patience_ns = NUMBER_SECOND;
    console_init(&console, stderr, false, true);
    return (int)transfer_run(&params);
}

static void serve_x(struct scripted *s)
{
    scripted_take_request(s, RRQ, "x", "octet");
    assert_non_null(scripted_asked(s, "blksize"));
    scripted_data(s, 1, "there", 5);
    scripted_take_ack(s, 1);
}

static void test_next_address_is_asked_when_nobody_listens(void **state)
{
    struct scripted *s = *state;

    program_start_function(&s->program, fetch_x, s);
    serve_x(s);
    program_ends(&s->program, 0);
    program_says("nobody listens at 127.0.0.3");
    program_says("trying the next address");
    program_file_is("x", "there", 5);
}

static void test_next_address_is_asked_when_nobody_answers(void **state)
{
    struct scripted *s = *state;
    struct sockaddr_in silent = {.sin_family = AF_INET, .sin_port = htons(s->program.port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.3", &silent.sin_addr), 1);
    assert_return_code(bind(fd, (struct sockaddr *)&silent, sizeof(silent)), errno);
    program_start_function(&s->program, fetch_x, s);
    serve_x(s);
    program_ends(&s->program, 0);
    program_says("no answer from 127.0.0.3");
    assert_true(scripted_waits_at(fd)); /* it was asked */
    assert_return_code(close(fd), errno);
}

static void test_last_address_decides(void **state)
{
    struct scripted *s = *state;

    assert_return_code(close(s->listener), errno);
    program_start_function(&s->program, fetch_x, s);
    program_ends(&s->program, 4);
    program_says("nobody listens at 127.0.0.1");
    s->listener = scripted_socket("127.0.0.1"); /* for teardown */
}

#define T(name) cmocka_unit_test_setup_teardown(name, scripted_setup, scripted_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_next_address_is_asked_when_nobody_listens),
        T(test_next_address_is_asked_when_nobody_answers),
        T(test_last_address_decides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
