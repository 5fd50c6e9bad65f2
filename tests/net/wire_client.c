/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/wire_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/pattern.h"

static struct wherry_view view_of(const char *text)
{
    return (struct wherry_view){.bytes = (const uint8_t *)text, .len = strlen(text)};
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    if (poll(&p, 1, WIRE_WAIT_MS) != 1) {
        fail_msg("the server does nothing for %d ms", WIRE_WAIT_MS);
    }
}

void wire_open_silent(struct wire *w, const char *from, const struct sockaddr_in *to)
{
    struct sockaddr_in own = {.sin_family = AF_INET};

    memset(w, 0, sizeof(*w));
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(w->fd >= 0);
    assert_int_equal(inet_pton(AF_INET, from, &own.sin_addr), 1);
    assert_int_equal(bind(w->fd, (struct sockaddr *)&own, sizeof(own)), 0);
    assert_int_equal(connect(w->fd, (const struct sockaddr *)to, sizeof(*to)), 0);
}

void wire_open(struct wire *w, const char *from, const struct sockaddr_in *to)
{
    const struct wherry_message_hello hello = {.lowest = 1, .highest = 1};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    wire_open_silent(w, from, to);
    wire_send(w, frame, wherry_message_write_hello(frame, sizeof(frame), &hello));
}

void wire_close(struct wire *w)
{
    close(w->fd);
    w->fd = -1;
}

void wire_send(struct wire *w, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t n = send(w->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            wait_for(w->fd, POLLOUT);
            continue;
        }
        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

uint32_t wire_ask(struct wire *w, enum wherry_frame_type type, const char *name)
{
    const struct wherry_message_path m = {.path = view_of(name)};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    wire_send(w, frame, wherry_message_write_path(frame, sizeof(frame), type, ++w->id, &m));
    return w->id;
}

uint32_t wire_list(struct wire *w, const char *name, const char *after)
{
    const struct wherry_message_list m = {.path = view_of(name), .after = view_of(after)};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    wire_send(w, frame, wherry_message_write_list(frame, sizeof(frame), ++w->id, &m));
    return w->id;
}

uint32_t wire_get(struct wire *w, const char *name, uint64_t offset, uint64_t count)
{
    const struct wherry_message_get m = {.offset = offset, .count = count, .path = view_of(name)};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    wire_send(w, frame, wherry_message_write_get(frame, sizeof(frame), ++w->id, &m));
    return w->id;
}

uint32_t wire_put(struct wire *w, const char *name, uint64_t size, enum wherry_put_mode mode,
                  const uint8_t *upload_id)
{
    const struct wherry_message_put m = {
        .size = size, .mode = mode, .path = view_of(name), .upload_id = upload_id};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    wire_send(w, frame, wherry_message_write_put(frame, sizeof(frame), ++w->id, &m));
    return w->id;
}

void wire_data(struct wire *w, const void *bytes, size_t len)
{
    const struct wherry_frame f = {.length = (uint32_t)len, .type = WHERRY_FRAME_DATA, .id = w->id};
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];

    wherry_frame_write(header, &f);
    wire_send(w, header, sizeof(header));
    wire_send(w, bytes, len);
}

void wire_end(struct wire *w)
{
    const struct wherry_message_end m = {.sha256 = NULL};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    wire_send(w, frame, wherry_message_write_end(frame, sizeof(frame), w->id, &m));
}

/* How many of len bytes came before the stream ended. */
static size_t read_some(struct wire *w, uint8_t *to, size_t len)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n;

        wait_for(w->fd, POLLIN);
        n = recv(w->fd, to + have, len - have, MSG_DONTWAIT);
        if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            continue;
        }
        if (n == -1) {
            fail_msg("the stream broke: %s", strerror(errno));
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
    }
    return have;
}

static uint32_t number_at(const uint8_t *at, unsigned bytes)
{
    uint32_t n = 0;

    while (bytes-- > 0) {
        n = n << 8 | *at++;
    }
    return n;
}

static bool next_header(struct wire *w)
{
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];
    size_t have = read_some(w, header, sizeof(header));

    if (have == 0) {
        return false;
    }
    assert_int_equal(have, sizeof(header));
    w->length = number_at(header, 4);
    w->type = header[4];
    w->status = (uint16_t)number_at(header + 6, 2);
    w->frame_id = number_at(header + 8, 4);
    return true;
}

bool wire_next(struct wire *w)
{
    uint8_t rest[4096];
    size_t kept;

    if (!next_header(w)) {
        return false;
    }
    kept = w->length < sizeof(w->payload) ? w->length : sizeof(w->payload);
    assert_int_equal(read_some(w, w->payload, kept), kept);
    for (size_t left = w->length - kept; left > 0;) {
        size_t n = left < sizeof(rest) ? left : sizeof(rest);

        assert_int_equal(read_some(w, rest, n), n);
        left -= n;
    }
    return true;
}

void wire_expect(struct wire *w, uint8_t type)
{
    do {
        assert_true(wire_next(w));
        if (w->type == WHERRY_FRAME_END_REPLY && w->frame_id == w->id && type != w->type) {
            fail_msg("request %u ended with status %u", w->id, w->status);
        }
    } while (w->type != type);
}

unsigned wire_status(struct wire *w, uint32_t id)
{
    do {
        assert_true(wire_next(w));
    } while (w->type != WHERRY_FRAME_END_REPLY || w->frame_id != id);
    return w->status;
}

unsigned wire_fetch(struct wire *w, const char *name, size_t pattern_from, size_t *ret_len)
{
    uint32_t id = wire_get(w, name, 0, WHERRY_COUNT_ALL);
    size_t at = 0;

    *ret_len = 0;
    for (;;) {
        assert_true(next_header(w));
        for (uint32_t left = w->length; left > 0;) {
            size_t n = left < sizeof(w->payload) ? left : sizeof(w->payload);

            assert_int_equal(read_some(w, w->payload, n), n);
            left -= (uint32_t)n;
            for (size_t i = 0; w->type == WHERRY_FRAME_DATA && i < n; i++, at++) {
                assert_int_equal(w->payload[i], pattern_at(pattern_from + at));
            }
        }
        if (w->type == WHERRY_FRAME_END_REPLY && w->frame_id == id) {
            *ret_len = at;
            return w->status;
        }
    }
}

uint64_t wire_ready(struct wire *w)
{
    wire_expect(w, WHERRY_FRAME_READY);
    return (uint64_t)number_at(w->payload, 4) << 32 | number_at(w->payload + 4, 4);
}
