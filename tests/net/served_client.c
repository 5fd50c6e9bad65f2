/* SPDX-License-Identifier: BSD-2-Clause */
/* The clients of served.h. */
#include "net/served.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void on_packet(void *arg, unsigned events)
{
    (void)arg; /* the turn has ended, which is all that was wanted */
    (void)events;
}

static void literal(struct addr *ret, const char *text, uint16_t port)
{
    memset(ret, 0, sizeof(*ret));
    if (strchr(text, ':')) {
        ret->u.in6.sin6_family = AF_INET6;
        ret->len = sizeof(ret->u.in6);
        assert_int_equal(inet_pton(AF_INET6, text, &ret->u.in6.sin6_addr), 1);
    } else {
        ret->u.in4.sin_family = AF_INET;
        ret->len = sizeof(ret->u.in4);
        assert_int_equal(inet_pton(AF_INET, text, &ret->u.in4.sin_addr), 1);
    }
    addr_set_port(ret, port);
}

void client_open(struct client *c, struct served *f, const char *from, const char *to)
{
    struct addr a;
    int on = 1;

    memset(c, 0, sizeof(*c));
    c->f = f;
    literal(&a, from, 0);
    literal(&c->server, to, f->port);
    c->fd = socket(a.u.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
    assert_int_equal(bind(c->fd, &a.u.sa, a.len), 0);
    loop_io_start(f->loop, &c->io, c->fd, LOOP_READ, on_packet, c);
}

void client_open_local(struct client *c, struct served *f)
{
    client_open(c, f, "127.0.0.1", "127.0.0.1");
}

void client_close(struct client *c)
{
    loop_io_stop(&c->io);
    close(c->fd);
    c->fd = -1;
}

void client_send(struct client *c, const struct addr *to, const void *bytes, size_t len)
{
    assert_int_equal(sendto(c->fd, bytes, len, 0, &to->u.sa, to->len), len);
}

void client_ask(struct client *c, int opcode, const char *name, const char *mode, ...)
{
    uint8_t packet[4096] = {0, (uint8_t)opcode};
    size_t len = 2;
    const char *word;
    va_list ap;

    memcpy(packet + len, name, strlen(name) + 1);
    len += strlen(name) + 1;
    va_start(ap, mode);
    for (word = mode; word; word = va_arg(ap, const char *)) {
        assert_true(len + strlen(word) + 1 <= sizeof(packet));
        memcpy(packet + len, word, strlen(word) + 1);
        len += strlen(word) + 1;
    }
    va_end(ap);
    client_send(c, &c->server, packet, len);
}

static size_t put_header(uint8_t *packet, int opcode, unsigned number)
{
    packet[0] = 0;
    packet[1] = (uint8_t)opcode;
    packet[2] = (uint8_t)(number >> 8);
    packet[3] = (uint8_t)number;
    return 4;
}

void client_ack(struct client *c, unsigned block)
{
    uint8_t packet[4];

    client_send(c, &c->tid, packet, put_header(packet, ACK, block));
}

void client_data(struct client *c, unsigned block, const void *bytes, size_t len)
{
    static const uint8_t none[1] = {0};
    uint8_t packet[9000];
    size_t used = put_header(packet, DATA, block);

    assert_true(used + len <= sizeof(packet));
    memcpy(packet + used, len ? bytes : none, len);
    client_send(c, &c->tid, packet, used + len);
}

void client_error(struct client *c, unsigned code, const char *text)
{
    uint8_t packet[512];
    size_t used = put_header(packet, ERROR, code);

    memcpy(packet + used, text, strlen(text) + 1);
    client_send(c, &c->tid, packet, used + strlen(text) + 1);
}

static bool take_packet(struct client *c)
{
    ssize_t n;

    c->tid.len = sizeof(c->tid.u);
    n = recvfrom(c->fd, c->packet, sizeof(c->packet) - 1, 0, &c->tid.u.sa, &c->tid.len);
    if (n < 0) {
        return false;
    }
    c->len = (size_t)n;
    c->packet[n] = 0;
    return true;
}

void client_receive(struct client *c)
{
    struct addr before = c->tid;

    served_limit(c->f);
    while (!take_packet(c)) {
        c->tid = before;
        if (c->f->late) {
            fail_msg("the server said nothing");
        }
        loop_turn(c->f->loop, true);
    }
}

static int opcode_of(const struct client *c)
{
    return c->len < 2 ? -1 : c->packet[0] << 8 | c->packet[1];
}

static unsigned number_of(const struct client *c)
{
    return c->len < 4 ? 0xffffffffu : (unsigned)(c->packet[2] << 8 | c->packet[3]);
}

static void receive_from_same(struct client *c)
{
    struct addr before = c->tid;

    client_receive(c);
    assert_true(addr_equal(&before, &c->tid));
}

static void is_data(const struct client *c, unsigned block, size_t len)
{
    assert_int_equal(opcode_of(c), DATA);
    assert_int_equal(number_of(c), block);
    assert_int_equal(c->len - 4, len);
}

static void is_ack(const struct client *c, unsigned block)
{
    assert_int_equal(opcode_of(c), ACK);
    assert_int_equal(number_of(c), block);
    assert_int_equal(c->len, 4);
}

static void is_error(const struct client *c, unsigned code)
{
    assert_int_equal(opcode_of(c), ERROR);
    assert_int_equal(number_of(c), code);
    assert_int_equal(c->packet[c->len - 1], 0);
}

static void is_oack(const struct client *c, const char *options)
{
    char text[512] = "";
    const char *at = (const char *)c->packet + 2;
    const char *end = (const char *)c->packet + c->len;
    size_t used = 0;

    assert_int_equal(opcode_of(c), OACK);
    for (bool value = false; at < end; at += strlen(at) + 1, value = !value) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
                                 used == 0 ? "" : (value ? "=" : " "), at);
    }
    assert_string_equal(text, options);
}

void client_expect_data(struct client *c, unsigned block, size_t len)
{
    receive_from_same(c);
    is_data(c, block, len);
}

void client_expect_some_data(struct client *c)
{
    receive_from_same(c);
    assert_int_equal(opcode_of(c), DATA);
    assert_true(c->len >= 4);
}

unsigned client_block(const struct client *c)
{
    return number_of(c);
}

void client_expect_ack(struct client *c, unsigned block)
{
    receive_from_same(c);
    is_ack(c, block);
}

void client_expect_error(struct client *c, unsigned code)
{
    receive_from_same(c);
    is_error(c, code);
}

void client_expect_oack(struct client *c, const char *options)
{
    receive_from_same(c);
    is_oack(c, options);
}

void client_expect_first_data(struct client *c, unsigned block, size_t len)
{
    client_receive(c);
    is_data(c, block, len);
}

void client_expect_first_ack(struct client *c, unsigned block)
{
    client_receive(c);
    is_ack(c, block);
}

void client_expect_first_error(struct client *c, unsigned code)
{
    client_receive(c);
    is_error(c, code);
}

void client_expect_first_oack(struct client *c, const char *options)
{
    client_receive(c);
    is_oack(c, options);
}

void client_expect_silence(struct client *c)
{
    struct addr before = c->tid;

    served_settle(c->f);
    assert_false(take_packet(c));
    c->tid = before;
}

const char *client_text(const struct client *c)
{
    return (const char *)c->packet + 4;
}
