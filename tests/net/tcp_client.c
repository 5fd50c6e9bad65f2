/* SPDX-License-Identifier: BSD-2-Clause */
/* The clients of tcp_served.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tcp_served.h"
#include "support/pattern.h"

#define RECEIVED_AT_ONCE 65536u
#define FRAME_BYTES_MAX 8192u /* of a frame that is built here, DATA excepted */

static void on_event(void *arg, unsigned events)
{
    (void)arg; /* the turn has ended, which is all that was wanted */
    (void)events;
}

void tcp_client_open(struct tcp_client *c, struct tcp_served *f)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(f->port)};
    size_t accepted = f->accepted;

    *c = (struct tcp_client){.f = f};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
    loop_io_start(f->loop, &c->io, c->fd, 0, on_event, c);
    tcp_served_limit(f);
    while (f->accepted == accepted) {
        tcp_served_turn(f);
    }
}

void tcp_client_greet(struct tcp_client *c, struct tcp_served *f)
{
    tcp_client_open(c, f);
    tcp_client_hello(c);
    tcp_client_expect(c, WHERRY_FRAME_HELLO_REPLY, 0);
}

void tcp_client_close(struct tcp_client *c)
{
    loop_io_stop(&c->io);
    close(c->fd);
    free(c->bytes);
    c->bytes = NULL;
    c->fd = -1;
}

void tcp_client_reset(struct tcp_client *c)
{
    struct linger none = {.l_onoff = 1};

    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
    tcp_client_close(c);
}

void tcp_client_shut(struct tcp_client *c)
{
    assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
}

/* Sending */

size_t tcp_client_try(struct tcp_client *c, const void *bytes, size_t len)
{
    ssize_t n = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n == -1) {
        assert_int_equal(errno, EAGAIN);
        return 0;
    }
    return (size_t)n;
}

void tcp_client_send(struct tcp_client *c, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    tcp_served_limit(c->f);
    while (len > 0) {
        size_t n = tcp_client_try(c, at, len);

        at += n;
        len -= n;
        if (len > 0) {
            loop_io_events(&c->io, LOOP_WRITE);
            tcp_served_turn(c->f);
        }
    }
    loop_io_events(&c->io, 0);
}

/* A frame that is being built. */
struct draft {
    uint8_t bytes[FRAME_BYTES_MAX];
    size_t len;
};

static void add_number(struct draft *d, uint64_t value, size_t bytes)
{
    assert_true(d->len + bytes <= sizeof(d->bytes));
    for (size_t i = 0; i < bytes; i++) {
        d->bytes[d->len++] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
}

static void add_bytes(struct draft *d, const void *bytes, size_t len)
{
    assert_true(d->len + len <= sizeof(d->bytes));
    if (len > 0) {
        memcpy(d->bytes + d->len, bytes, len);
        d->len += len;
    }
}

static void add_string(struct draft *d, const char *text)
{
    add_number(d, strlen(text), 2);
    add_bytes(d, text, strlen(text));
}

static void add_tag(struct draft *d, uint8_t tag, const uint8_t *value, size_t len)
{
    if (value != NULL) {
        add_number(d, tag, 1);
        add_number(d, len, 2);
        add_bytes(d, value, len);
    }
}

static void add_header(struct draft *d, size_t len, uint8_t type, uint32_t id)
{
    add_number(d, len, 4);
    add_number(d, type, 1);
    add_number(d, 0, 3); /* flags, status */
    add_number(d, id, 4);
}

void tcp_client_frame(struct tcp_client *c, uint8_t type, uint32_t id, const void *payload,
                      size_t len)
{
    struct draft d = {.len = 0};

    add_header(&d, len, type, id);
    add_bytes(&d, payload, len);
    tcp_client_send(c, d.bytes, d.len);
}

void tcp_client_hello(struct tcp_client *c)
{
    tcp_client_frame(c, WHERRY_FRAME_HELLO, 0, "WHRY\1\1", 6);
}

void tcp_client_path(struct tcp_client *c, uint8_t type, uint32_t id, const char *path)
{
    struct draft d = {.len = 0};

    add_string(&d, path);
    tcp_client_frame(c, type, id, d.bytes, d.len);
}

void tcp_client_list(struct tcp_client *c, uint32_t id, const char *path, const char *after)
{
    struct draft d = {.len = 0};

    add_string(&d, path);
    add_string(&d, after);
    tcp_client_frame(c, WHERRY_FRAME_LIST, id, d.bytes, d.len);
}

void tcp_client_get(struct tcp_client *c, uint32_t id, const char *path, uint64_t offset,
                    uint64_t count, const uint8_t *if_match)
{
    struct draft d = {.len = 0};

    add_number(&d, offset, 8);
    add_number(&d, count, 8);
    add_string(&d, path);
    add_tag(&d, 2, if_match, 16);
    tcp_client_frame(c, WHERRY_FRAME_GET, id, d.bytes, d.len);
}

void tcp_client_put(struct tcp_client *c, uint32_t id, const char *path, uint64_t size,
                    uint8_t mode, const uint8_t *sha256, const uint8_t *upload_id)
{
    struct draft d = {.len = 0};

    add_number(&d, size, 8);
    add_number(&d, mode, 1);
    add_string(&d, path);
    add_tag(&d, 1, sha256, 32);
    add_tag(&d, 3, upload_id, 16);
    tcp_client_frame(c, WHERRY_FRAME_PUT, id, d.bytes, d.len);
}

void tcp_client_data(struct tcp_client *c, uint32_t id, uint64_t offset, size_t len)
{
    struct draft d = {.len = 0};
    uint8_t *bytes = malloc(len + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern_at((size_t)offset + i);
    }
    add_header(&d, len, WHERRY_FRAME_DATA, id);
    tcp_client_send(c, d.bytes, d.len);
    tcp_client_send(c, bytes, len);
    free(bytes);
}

void tcp_client_end(struct tcp_client *c, uint32_t id, const uint8_t *sha256)
{
    struct draft d = {.len = 0};

    add_tag(&d, 1, sha256, 32);
    tcp_client_frame(c, WHERRY_FRAME_END, id, d.bytes, d.len);
}

/* Receiving */

static void make_room(struct tcp_client *c)
{
    if (c->used > 0) {
        memmove(c->bytes, c->bytes + c->used, c->len - c->used);
        c->len -= c->used;
        c->used = 0;
    }
    if (c->cap - c->len < RECEIVED_AT_ONCE) {
        c->cap += 2 * RECEIVED_AT_ONCE;
        c->bytes = realloc(c->bytes, c->cap);
        assert_non_null(c->bytes);
    }
}

bool tcp_client_take(struct tcp_client *c, size_t most)
{
    ssize_t n;

    make_room(c);
    n = recv(c->fd, c->bytes + c->len, most < c->cap - c->len ? most : c->cap - c->len,
             MSG_DONTWAIT);
    if (n == -1) {
        assert_int_equal(errno, EAGAIN);
        return false;
    }
    c->len += (size_t)n;
    return n > 0;
}

/* So many bytes behind those that were used; false: the stream ends before them. */
static bool gather(struct tcp_client *c, size_t len)
{
    ssize_t n = 1;

    tcp_served_limit(c->f);
    while (n != 0 && c->len - c->used < len) {
        make_room(c);
        n = recv(c->fd, c->bytes + c->len, c->cap - c->len, MSG_DONTWAIT);
        if (n == -1) {
            assert_int_equal(errno, EAGAIN);
            loop_io_events(&c->io, LOOP_READ);
            tcp_served_turn(c->f);
        } else {
            c->len += (size_t)n;
        }
    }
    loop_io_events(&c->io, 0);
    return n != 0 || c->len - c->used >= len;
}

static uint32_t number_at(const uint8_t *bytes, size_t len)
{
    uint32_t value = 0;

    for (size_t i = 0; i < len; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

void tcp_client_receive(struct tcp_client *c)
{
    const uint8_t *header;

    assert_true(gather(c, WHERRY_FRAME_HEADER_BYTES));
    header = c->bytes + c->used;
    c->frame = (struct wherry_frame){
        .length = number_at(header, 4),
        .type = header[4],
        .status = (uint16_t)number_at(header + 6, 2),
        .id = number_at(header + 8, 4),
    };
    assert_int_equal(header[5], 0); /* flags */
    assert_true(gather(c, WHERRY_FRAME_HEADER_BYTES + c->frame.length));
    c->payload.bytes = c->bytes + c->used + WHERRY_FRAME_HEADER_BYTES;
    c->payload.len = c->frame.length;
    c->used += WHERRY_FRAME_HEADER_BYTES + c->frame.length;
}

static void expect(struct tcp_client *c, uint8_t type, uint32_t id, enum wherry_status status)
{
    tcp_client_receive(c);
    if (c->frame.type != type || c->frame.id != id || c->frame.status != status) {
        fail_msg("a frame of type 0x%02x, id %u, status %u instead of 0x%02x, %u, %u",
                 c->frame.type, c->frame.id, c->frame.status, type, id, status);
    }
}

void tcp_client_expect(struct tcp_client *c, uint8_t type, uint32_t id)
{
    expect(c, type, id, WHERRY_STATUS_OK);
}

void tcp_client_expect_end(struct tcp_client *c, uint32_t id, enum wherry_status status)
{
    expect(c, WHERRY_FRAME_END_REPLY, id, status);
}

void tcp_client_expect_goaway(struct tcp_client *c, enum wherry_status status)
{
    expect(c, WHERRY_FRAME_GOAWAY, 0, status);
}

void tcp_client_expect_body(struct tcp_client *c, uint32_t id, uint64_t offset, uint64_t count)
{
    struct wherry_message_get_reply m;

    tcp_client_expect(c, WHERRY_FRAME_GET_REPLY, id);
    assert_int_equal(wherry_message_parse_get_reply(&m, c->payload), RES_OK);
    assert_int_equal(m.offset, offset);
    assert_int_equal(m.count, count);
    while (count > 0) {
        tcp_client_expect(c, WHERRY_FRAME_DATA, id);
        assert_in_range(c->payload.len, 1, count);
        for (size_t i = 0; i < c->payload.len; i++) {
            if (c->payload.bytes[i] != pattern_at((size_t)offset + i)) {
                fail_msg("another byte at %zu", (size_t)offset + i);
            }
        }
        offset += c->payload.len;
        count -= c->payload.len;
    }
    tcp_client_expect_end(c, id, WHERRY_STATUS_OK);
}

void tcp_client_expect_ready(struct tcp_client *c, uint32_t id, uint64_t offset,
                             uint8_t *ret_upload_id)
{
    struct wherry_message_ready m;

    tcp_client_expect(c, WHERRY_FRAME_READY, id);
    assert_int_equal(wherry_message_parse_ready(&m, c->payload), RES_OK);
    assert_int_equal(m.offset, offset);
    if (ret_upload_id != NULL) {
        memcpy(ret_upload_id, m.upload_id, WHERRY_UPLOAD_ID_BYTES);
    }
}

void tcp_client_expect_shut(struct tcp_client *c)
{
    if (gather(c, 1)) {
        tcp_client_receive(c);
        fail_msg("a frame of type 0x%02x instead of the end", c->frame.type);
    }
}

void tcp_client_expect_silence(struct tcp_client *c)
{
    uint8_t byte;

    tcp_served_settle(c->f);
    assert_int_equal(c->len, c->used);
    assert_int_equal(recv(c->fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}
