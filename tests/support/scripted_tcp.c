/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/scripted_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"

#define DEADLINE_MS 30000
#define HEADER_BYTES 12u
#define PAYLOAD_MAX (2u * SCRIPTED_TCP_MAX_FRAME)
#define INFO_BYTES 33u
#define VALIDATOR_BYTES 16u
#define SHA256_BYTES 32u

/* --- connections --- */

int scripted_tcp_setup(void **state)
{
    struct scripted_tcp *s = calloc(1, sizeof(*s));
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    if (s == NULL || scratch_setup(state) != 0) {
        free(s);
        return -1;
    }
    s->fd = -1;
    s->frame = malloc(PAYLOAD_MAX);
    assert_non_null(s->frame);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(s->listener, errno);
    assert_return_code(bind(s->listener, (struct sockaddr *)&a, sizeof(a)), errno);
    assert_return_code(listen(s->listener, 16), errno);
    assert_return_code(getsockname(s->listener, (struct sockaddr *)&a, &len), errno);
    s->program.scheme = "wherry://";
    s->program.port = ntohs(a.sin_port);
    *state = s;
    return 0;
}

int scripted_tcp_teardown(void **state)
{
    struct scripted_tcp *s = *state;

    program_kill(&s->program);
    if (s->listener != -1) {
        (void)close(s->listener);
    }
    if (s->fd != -1) {
        (void)close(s->fd);
    }
    free(s->frame);
    free(s);
    return scratch_teardown(state);
}

static void await(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    if (poll(&p, 1, DEADLINE_MS) != 1) {
        fail_msg("nothing happens on the %s", events == POLLIN ? "receiving side" : "sending side");
    }
}

void scripted_tcp_accept(struct scripted_tcp *s)
{
    if (s->fd != -1) {
        scripted_tcp_close(s);
    }
    await(s->listener, POLLIN);
    s->fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_return_code(s->fd, errno);
}

void scripted_tcp_greet(struct scripted_tcp *s)
{
    scripted_tcp_accept(s);
    scripted_tcp_take(s, TCP_HELLO);
    assert_int_equal(s->len, 6);
    assert_memory_equal(s->frame, "WHRY\1\1", 6);
    scripted_tcp_hello_reply(s);
}

void scripted_tcp_close(struct scripted_tcp *s)
{
    assert_return_code(close(s->fd), errno);
    s->fd = -1;
}

void scripted_tcp_reset(struct scripted_tcp *s)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    assert_return_code(setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), errno);
    scripted_tcp_close(s);
}

void scripted_tcp_gone(struct scripted_tcp *s)
{
    uint8_t byte;

    await(s->fd, POLLIN);
    if (recv(s->fd, &byte, 1, 0) > 0) {
        fail_msg("a byte %#x came where the program was to be gone", byte);
    }
    scripted_tcp_close(s);
}

void scripted_tcp_no_connection(struct scripted_tcp *s)
{
    struct pollfd p = {.fd = s->listener, .events = POLLIN};

    assert_int_equal(poll(&p, 1, 0), 0);
}

/* --- frames that come --- */

static void take_bytes(struct scripted_tcp *s, uint8_t *to, size_t len)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n;

        await(s->fd, POLLIN);
        n = recv(s->fd, to + have, len - have, 0);
        if (n <= 0) {
            fail_msg("the program closed the connection where a frame was due");
        }
        have += (size_t)n;
    }
}

static uint64_t number_at(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static bool is_request(uint8_t type)
{
    return (type >= TCP_LIST && type <= TCP_PUT) || type == TCP_HASH || type == TCP_MKDIR;
}

void scripted_tcp_take(struct scripted_tcp *s, enum scripted_tcp_type type)
{
    uint8_t header[HEADER_BYTES];
    uint32_t id;

    do {
        take_bytes(s, header, sizeof(header));
        s->len = (size_t)number_at(header, 4);
        s->type = header[4];
        assert_true(s->len <= PAYLOAD_MAX);
        take_bytes(s, s->frame, s->len);
    } while (s->type == TCP_PING && type != TCP_PING);
    if (s->type != type) {
        fail_msg("a frame of type %#x came where %#x was due", s->type, type);
    }
    assert_int_equal(header[5], 0);                /* flags */
    assert_int_equal(number_at(header + 6, 2), 0); /* status */
    id = (uint32_t)number_at(header + 8, 4);
    if (is_request(s->type)) {
        assert_int_not_equal(id, 0);
        s->id = id;
    } else if (id != 0) {
        assert_int_equal(id, s->id);
    }
}

/* A string at this place of the frame; returns the place behind it. */
static size_t check_string(const struct scripted_tcp *s, size_t at, const char *text)
{
    size_t len = strlen(text);

    assert_true(s->len >= at + 2 + len);
    assert_int_equal(number_at(s->frame + at, 2), len);
    assert_memory_equal(s->frame + at + 2, text, len);
    return at + 2 + len;
}

void scripted_tcp_take_path(struct scripted_tcp *s, enum scripted_tcp_type type, const char *path)
{
    scripted_tcp_take(s, type);
    assert_int_equal(check_string(s, 0, path), s->len);
}

void scripted_tcp_take_list(struct scripted_tcp *s, const char *path, const char *after)
{
    scripted_tcp_take(s, TCP_LIST);
    assert_int_equal(check_string(s, check_string(s, 0, path), after), s->len);
}

void scripted_tcp_take_get(struct scripted_tcp *s, const char *path, uint64_t offset,
                           uint64_t count, int if_match)
{
    uint8_t validator[VALIDATOR_BYTES];
    size_t at;

    scripted_tcp_take(s, TCP_GET);
    assert_int_equal(number_at(s->frame, 8), offset);
    assert_int_equal(number_at(s->frame + 8, 8), count);
    at = check_string(s, 16, path);
    if (if_match == -1) {
        assert_int_equal(s->len, at);
        return;
    }
    memset(validator, if_match, sizeof(validator));
    assert_int_equal(s->len, at + 3 + sizeof(validator));
    assert_int_equal(s->frame[at], 2);
    assert_memory_equal(s->frame + at + 3, validator, sizeof(validator));
}

void scripted_tcp_take_put(struct scripted_tcp *s, const char *path, uint64_t size, uint8_t mode)
{
    scripted_tcp_take(s, TCP_PUT);
    assert_int_equal(number_at(s->frame, 8), size);
    assert_int_equal(s->frame[8], mode);
    (void)check_string(s, 9, path);
}

void scripted_tcp_take_data(struct scripted_tcp *s, const void *bytes, size_t len)
{
    size_t have = 0;

    while (have < len) {
        scripted_tcp_take(s, TCP_DATA);
        assert_true(s->len <= len - have);
        assert_memory_equal(s->frame, (const uint8_t *)bytes + have, s->len);
        have += s->len;
    }
}

const uint8_t *scripted_tcp_tag(const struct scripted_tcp *s, uint8_t tag)
{
    size_t at = s->type == TCP_PUT ? 11 + (size_t)number_at(s->frame + 9, 2) : 0;

    while (at + 3 <= s->len) {
        if (s->frame[at] == tag) {
            return s->frame + at + 3;
        }
        at += 3 + (size_t)number_at(s->frame + at + 1, 2);
    }
    return NULL;
}

/* --- frames that go --- */

void scripted_tcp_send(struct scripted_tcp *s, const void *bytes, size_t len)
{
    size_t sent = 0;

    while (sent < len) {
        ssize_t n;

        await(s->fd, POLLOUT);
        n = send(s->fd, (const uint8_t *)bytes + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_return_code(n, errno);
        sent += (size_t)n;
    }
}

/* Writes the number's last len bytes, returns what is behind them. */
static uint8_t *put_number(uint8_t *to, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
    return to + len;
}

static uint8_t *put_bytes(uint8_t *to, const void *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

static uint8_t *put_string(uint8_t *to, const char *text)
{
    return put_bytes(put_number(to, strlen(text), 2), text, strlen(text));
}

static uint8_t *put_same(uint8_t *to, uint8_t byte, size_t len)
{
    memset(to, byte, len);
    return to + len;
}

void scripted_tcp_frame(struct scripted_tcp *s, enum scripted_tcp_type type, uint16_t status,
                        uint32_t id, const void *payload, size_t len)
{
    uint8_t *frame = malloc(HEADER_BYTES + len);
    uint8_t *at;

    assert_non_null(frame);
    at = put_number(frame, len, 4);
    at = put_number(at, type, 1);
    at = put_number(at, 0, 1);
    at = put_number(at, status, 2);
    at = put_number(at, id, 4);
    if (len > 0) {
        memcpy(at, payload, len);
    }
    scripted_tcp_send(s, frame, HEADER_BYTES + len);
    free(frame);
}

void scripted_tcp_hello_reply(struct scripted_tcp *s)
{
    uint8_t payload[13];
    uint8_t *at = put_bytes(payload, "WHRY\1", 5);

    at = put_number(at, SCRIPTED_TCP_MAX_FRAME, 4);
    (void)put_number(at, 0, 4);
    scripted_tcp_frame(s, TCP_HELLO_REPLY, 0, 0, payload, sizeof(payload));
}

void scripted_tcp_end(struct scripted_tcp *s, uint16_t status, const char *text)
{
    scripted_tcp_end_with(s, status, text, NULL, -1);
}

void scripted_tcp_end_with(struct scripted_tcp *s, uint16_t status, const char *text,
                           const uint8_t *sha256, int validator)
{
    uint8_t payload[2048];
    uint8_t *at = put_string(payload, text);

    if (sha256 != NULL) {
        at = put_number(put_number(at, 1, 1), SHA256_BYTES, 2);
        at = put_bytes(at, sha256, SHA256_BYTES);
    }
    if (validator != -1) {
        at = put_number(put_number(at, 2, 1), VALIDATOR_BYTES, 2);
        at = put_same(at, (uint8_t)validator, VALIDATOR_BYTES);
    }
    scripted_tcp_frame(s, TCP_END_REPLY, status, s->id, payload, (size_t)(at - payload));
}

void scripted_tcp_entry(struct scripted_tcp *s, uint8_t kind, uint64_t size, uint64_t mtime_ns,
                        const char *name)
{
    uint8_t payload[2048];
    uint8_t *at = put_number(payload, kind, 1);

    at = put_number(put_number(at, size, 8), mtime_ns, 8);
    at = put_string(at, name);
    scripted_tcp_frame(s, TCP_ENTRIES, 0, s->id, payload, (size_t)(at - payload));
}

static uint8_t *put_info(uint8_t *to, uint8_t kind, uint64_t size, uint64_t mtime_ns,
                         uint8_t validator)
{
    to = put_number(to, kind, 1);
    to = put_number(put_number(to, size, 8), mtime_ns, 8);
    return put_same(to, validator, VALIDATOR_BYTES);
}

void scripted_tcp_info(struct scripted_tcp *s, uint8_t kind, uint64_t size, uint64_t mtime_ns,
                       uint8_t validator)
{
    uint8_t payload[INFO_BYTES];

    (void)put_info(payload, kind, size, mtime_ns, validator);
    scripted_tcp_frame(s, TCP_INFO, 0, s->id, payload, sizeof(payload));
}

void scripted_tcp_get_reply(struct scripted_tcp *s, uint64_t size, uint64_t offset, uint64_t count,
                            uint8_t validator)
{
    uint8_t payload[INFO_BYTES + 16];
    uint8_t *at = put_info(payload, SCRIPTED_TCP_FILE, size, UINT64_C(1000000000), validator);

    (void)put_number(put_number(at, offset, 8), count, 8);
    scripted_tcp_frame(s, TCP_GET_REPLY, 0, s->id, payload, sizeof(payload));
}

void scripted_tcp_data(struct scripted_tcp *s, const void *bytes, size_t len)
{
    scripted_tcp_frame(s, TCP_DATA, 0, s->id, bytes, len);
}

void scripted_tcp_ready(struct scripted_tcp *s, uint64_t offset, uint8_t upload_id)
{
    uint8_t payload[24];

    (void)put_same(put_number(payload, offset, 8), upload_id, 16);
    scripted_tcp_frame(s, TCP_READY, 0, s->id, payload, sizeof(payload));
}

void scripted_tcp_hash_reply(struct scripted_tcp *s, uint8_t validator, const uint8_t *sha256)
{
    uint8_t payload[VALIDATOR_BYTES + SHA256_BYTES];

    (void)put_bytes(put_same(payload, validator, VALIDATOR_BYTES), sha256, SHA256_BYTES);
    scripted_tcp_frame(s, TCP_HASH_REPLY, 0, s->id, payload, sizeof(payload));
}

void scripted_tcp_goaway(struct scripted_tcp *s, uint16_t status, const char *text,
                         uint32_t retry_after_s)
{
    uint8_t payload[2048];
    uint8_t *at = put_number(put_string(payload, text), retry_after_s, 4);

    scripted_tcp_frame(s, TCP_GOAWAY, status, 0, payload, (size_t)(at - payload));
}
