/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/scripted_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"

#define DEADLINE_MS 30000 /* far beyond what anything here takes, also under a sanitizer */

enum { RRQ = 1, WRQ = 2, DATA = 3, ACK = 4, ERROR = 5, OACK = 6 };

int scripted_socket(const char *address)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
    assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);

    assert_return_code(getsockname(fd, (struct sockaddr *)&a, &len), errno);
    return ntohs(a.sin_port);
}

int scripted_setup(void **state)
{
    struct scripted *s = calloc(1, sizeof(*s));

    if (s == NULL || scratch_setup(state) != 0) {
        free(s);
        return -1;
    }
    s->listener = scripted_socket("127.0.0.1");
    s->program.scheme = "tftp://";
    s->program.port = port_of(s->listener);
    s->tid = -1;
    *state = s;
    return 0;
}

int scripted_teardown(void **state)
{
    struct scripted *s = *state;

    program_kill(&s->program);
    (void)close(s->listener);
    if (s->tid != -1) {
        (void)close(s->tid);
    }
    free(s);
    return scratch_teardown(state);
}

/* --- packets that come --- */

/* Into s->packet, with a NUL behind it. */
static void take(struct scripted *s, int fd, struct sockaddr_in *from)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    socklen_t from_len = sizeof(*from);
    ssize_t n;

    if (poll(&p, 1, DEADLINE_MS) != 1) {
        fail_msg("no packet came");
    }
    n = recvfrom(fd, s->packet, sizeof(s->packet) - 1, 0, (struct sockaddr *)from, &from_len);
    assert_return_code(n, errno);
    s->len = (size_t)n;
    s->packet[s->len] = 0;
}

static unsigned number_at(const struct scripted *s, size_t offset)
{
    assert_true(s->len >= offset + 2);
    return (unsigned)s->packet[offset] << 8 | s->packet[offset + 1];
}

static void take_opcode(struct scripted *s, int fd, unsigned opcode)
{
    struct sockaddr_in from;

    take(s, fd, &from);
    if (number_at(s, 0) != opcode) {
        fail_msg("opcode %u (and %u) came where %u was due", number_at(s, 0), number_at(s, 2),
                 opcode);
    }
    assert_int_equal(from.sin_port, s->client.sin_port);
}

void scripted_take_request(struct scripted *s, uint16_t opcode, const char *name, const char *mode)
{
    in_port_t before = s->client.sin_port;
    const char *asked_name = (const char *)s->packet + 2;

    take(s, s->listener, &s->client);
    assert_int_equal(number_at(s, 0), opcode);
    assert_string_equal(asked_name, name);
    assert_string_equal(asked_name + strlen(name) + 1, mode);
    assert_int_not_equal(s->client.sin_port, before); /* each request from a port of its own */
    if (s->tid != -1) {
        assert_return_code(close(s->tid), errno);
    }
    s->tid = scripted_socket("127.0.0.1");
}

const char *scripted_asked(const struct scripted *s, const char *option)
{
    const char *at = (const char *)s->packet + 2;
    const char *end = (const char *)s->packet + s->len;

    at += strlen(at) + 1; /* the name */
    at += strlen(at) + 1; /* the mode */
    while (at < end) {
        const char *value = at + strlen(at) + 1;

        if (strcasecmp(at, option) == 0) {
            return value;
        }
        at = value + strlen(value) + 1;
    }
    return NULL;
}

bool scripted_waits_at(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

void scripted_no_request(struct scripted *s)
{
    assert_false(scripted_waits_at(s->listener));
}

void scripted_take_ack(struct scripted *s, uint16_t block)
{
    take_opcode(s, s->tid, ACK);
    assert_int_equal(number_at(s, 2), block);
}

void scripted_take_data(struct scripted *s, uint16_t block, const void *bytes, size_t len)
{
    take_opcode(s, s->tid, DATA);
    assert_int_equal(number_at(s, 2), block);
    assert_int_equal(s->len - 4, len);
    assert_memory_equal(s->packet + 4, bytes, len);
}

void scripted_take_error(struct scripted *s, uint16_t code)
{
    scripted_take_error_at(s, s->tid, code);
}

void scripted_take_until_error(struct scripted *s, uint16_t opcode, unsigned least)
{
    struct sockaddr_in from;
    unsigned count = 0;

    for (take(s, s->tid, &from); number_at(s, 0) == opcode; take(s, s->tid, &from)) {
        count++;
    }
    assert_int_equal(number_at(s, 0), ERROR);
    assert_int_equal(number_at(s, 2), 0);
    assert_true(count >= least);
}

void scripted_take_error_at(struct scripted *s, int fd, uint16_t code)
{
    take_opcode(s, fd, ERROR);
    assert_int_equal(number_at(s, 2), code);
    assert_int_equal(s->packet[s->len - 1], 0); /* the text ends with NUL */
}

/* --- packets that go --- */

void scripted_send(struct scripted *s, int fd, const void *bytes, size_t len)
{
    ssize_t n = sendto(fd, bytes, len, 0, (struct sockaddr *)&s->client, sizeof(s->client));

    assert_int_equal(n, len);
}

/* Two numbers, then bytes. */
static void send_numbers(struct scripted *s, unsigned opcode, unsigned number, const void *bytes,
                         size_t len)
{
    uint8_t *packet = malloc(4 + len);

    assert_non_null(packet);
    packet[0] = 0;
    packet[1] = (uint8_t)opcode;
    packet[2] = (uint8_t)(number >> 8);
    packet[3] = (uint8_t)(number & 0xff);
    if (len > 0) {
        memcpy(packet + 4, bytes, len);
    }
    scripted_send(s, s->tid, packet, 4 + len);
    free(packet);
}

void scripted_oack(struct scripted *s, ...)
{
    uint8_t packet[512] = {0, OACK};
    size_t len = 2;
    va_list words;
    const char *word;

    va_start(words, s);
    while ((word = va_arg(words, const char *)) != NULL) {
        assert_true(len + strlen(word) + 1 <= sizeof(packet));
        memcpy(packet + len, word, strlen(word) + 1);
        len += strlen(word) + 1;
    }
    va_end(words);
    scripted_send(s, s->tid, packet, len);
}

void scripted_data(struct scripted *s, uint16_t block, const void *bytes, size_t len)
{
    send_numbers(s, DATA, block, bytes, len);
}

void scripted_ack(struct scripted *s, uint16_t block)
{
    send_numbers(s, ACK, block, NULL, 0);
}

void scripted_error(struct scripted *s, uint16_t code, const char *text)
{
    send_numbers(s, ERROR, code, text, strlen(text) + 1);
}
