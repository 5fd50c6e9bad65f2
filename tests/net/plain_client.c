/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/plain_client.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/pattern.h"

#define WAIT_MS 20000

void plain_open(struct plain_client *c)
{
    c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(c->fd, errno);
}

void plain_send(const struct plain_client *c, const struct sockaddr_in *to, const void *bytes,
                size_t len)
{
    assert_int_equal(sendto(c->fd, bytes, len, 0, (const struct sockaddr *)to, sizeof(*to)),
                     (ssize_t)len);
}

void plain_ask(const struct plain_client *c, const struct sockaddr_in *to, char opcode,
               const char *name)
{
    char request[64] = {0, opcode};
    size_t len = 2;

    len += (size_t)snprintf(request + len, sizeof(request) - len, "%s", name) + 1;
    len += (size_t)snprintf(request + len, sizeof(request) - len, "octet") + 1;
    plain_send(c, to, request, len);
}

void plain_take(struct plain_client *c, uint8_t opcode, uint8_t number)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    socklen_t len = sizeof(c->from);
    ssize_t n;

    do {
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        n = recvfrom(c->fd, c->packet, sizeof(c->packet), 0, (struct sockaddr *)&c->from, &len);
        assert_true(n >= 4);
    } while (c->packet[1] == 3 && opcode == 3 && c->packet[3] < number);
    c->len = (size_t)n;
    assert_int_equal(c->packet[1], opcode);
    assert_int_equal(c->packet[3], number);
}

void plain_ack(const struct plain_client *c, uint8_t block)
{
    const uint8_t ack[] = {0, 4, 0, block};

    plain_send(c, &c->from, ack, sizeof(ack));
}

void plain_finish_read(struct plain_client *c)
{
    plain_ack(c, 1);
    plain_take(c, 3, 2);
    assert_int_equal(c->len, 4 + PLAIN_FILE_BYTES - PLAIN_BLKSIZE);
    assert_int_equal(c->packet[4], pattern_at(PLAIN_BLKSIZE));
    plain_ack(c, 2);
}

void plain_read_all(const struct sockaddr_in *to)
{
    struct plain_client c;

    plain_open(&c);
    plain_ask(&c, to, 1, "file");
    plain_take(&c, 3, 1);
    plain_finish_read(&c);
    close(c.fd);
}
