/* SPDX-License-Identifier: BSD-2-Clause */
/* Many connections to a running wherryd: all are served, those that stall delay nobody, and when no
 * descriptor is left a stranger is told so and those who are in stay. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/server_process.h"
#include "net/wire_client.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define CROWD 1000u
#define STALLED 200u
#define LARGE_BYTES (64u << 20)
#define FEW_DESCRIPTORS 64u
#define STATUS_OK 0u
#define STATUS_BUSY 11u

static struct wire *crowd;

static void raise_descriptors(rlim_t needed)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < needed) {
        scratch_skip("the hard limit of descriptors is too low");
    }
    if (limit.rlim_cur < needed) {
        limit.rlim_cur = needed;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
}

/* len bytes of the pattern from the given byte of it on. */
static void make_file(const struct server_process *s, const char *name, size_t from, size_t len)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", s->root, name);
    f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < len; i++) {
        (void)putc(pattern_at(from + i), f);
    }
    assert_int_equal(fclose(f), 0);
}

/* An address of loopback, another for each. */
static const char *address_of(size_t i, char buf[INET_ADDRSTRLEN])
{
    (void)snprintf(buf, INET_ADDRSTRLEN, "127.1.%u.%u", (unsigned)(i / 250 % 256),
                   (unsigned)(i % 250) + 1);
    return buf;
}

static void test_a_thousand_connections_each_get_their_own_file(void **state)
{
    static const char *const words[] = {SERVER_PROCESS_TCP, "--connections-max", "2000", NULL};
    struct server_process s;
    char text[INET_ADDRSTRLEN];
    char name[16];

    (void)state;
    raise_descriptors(2 * CROWD + 200);
    server_process_start(&s, words);
    for (size_t i = 0; i < CROWD; i++) {
        (void)snprintf(name, sizeof(name), "%zu", i);
        make_file(&s, name, i, 1000 + 7 * i);
    }
    for (size_t i = 0; i < CROWD; i++) {
        wire_open(&crowd[i], address_of(i, text), &s.tcp);
    }
    for (size_t i = 0; i < CROWD; i++) {
        size_t len;

        (void)snprintf(name, sizeof(name), "%zu", i);
        assert_int_equal(wire_fetch(&crowd[i], name, i, &len), STATUS_OK);
        assert_int_equal(len, 1000 + 7 * i);
    }
    for (size_t i = 0; i < CROWD; i++) {
        wire_close(&crowd[i]);
    }
    server_process_stop(&s);
}

/* Brings a connection into one of the states in which a client can leave the server waiting. */
static void stall(struct wire *w, size_t how, const struct sockaddr_in *to, const char *from)
{
    static const uint8_t half_header[] = {0, 0, 0, 9, 4};
    static const uint8_t half_data[] = {0, 0, 4, 0, 6, 0, 0, 0, 0, 0, 0, 1, 'x'};
    char name[32];

    if (how % 8 == 0) {
        wire_open_silent(w, from, to);
        return;
    }
    wire_open(w, from, to);
    (void)snprintf(name, sizeof(name), "stalled-%zu", how);
    switch (how % 8) {
    case 1:
        break; /* greeted, asks nothing */
    case 2:
        wire_send(w, half_header, sizeof(half_header));
        break;
    case 3:
        (void)wire_get(w, "large", 0, WHERRY_COUNT_ALL); /* reads nothing of it */
        break;
    case 4:
        (void)wire_put(w, name, 1000, WHERRY_PUT_REPLACE, NULL); /* does not wait for READY */
        break;
    case 5:
        (void)wire_put(w, name, 5000, WHERRY_PUT_REPLACE, NULL);
        (void)wire_ready(w); /* and sends nothing */
        break;
    case 6:
        (void)wire_put(w, name, 5000, WHERRY_PUT_REPLACE, NULL);
        (void)wire_ready(w);
        wire_send(w, half_data, sizeof(half_data));
        break;
    default:
        for (int i = 0; i < 16; i++) {
            (void)wire_list(w, "", ""); /* reads none of sixteen listings */
        }
        break;
    }
}

static void test_stalled_connections_delay_nobody(void **state)
{
    static const char *const words[] = {SERVER_PROCESS_TCP,
                                        "--write",
                                        "replace",
                                        "--hello-timeout",
                                        "1h",
                                        "--frame-timeout",
                                        "1h",
                                        "--body-timeout",
                                        "1h",
                                        "--idle-timeout",
                                        "24h",
                                        NULL};
    struct server_process s;
    struct wire w;
    char text[INET_ADDRSTRLEN];
    size_t len;

    (void)state;
    raise_descriptors(STALLED + 200);
    server_process_start(&s, words);
    make_file(&s, "large", 3, LARGE_BYTES);
    for (size_t i = 0; i < STALLED; i++) {
        stall(&crowd[i], i, &s.tcp, address_of(i, text));
    }
    wire_open(&w, "127.0.0.1", &s.tcp);
    assert_int_equal(wire_fetch(&w, "large", 3, &len), STATUS_OK);
    assert_int_equal(len, LARGE_BYTES);
    /* They are all there still: what was served was served beside them. */
    for (size_t i = 0; i < STALLED; i++) {
        struct pollfd p = {.fd = crowd[i].fd, .events = POLLRDHUP};

        assert_int_equal(poll(&p, 1, 0), 0);
        wire_close(&crowd[i]);
    }
    assert_int_equal(wire_fetch(&w, "large", 3, &len), STATUS_OK);
    wire_close(&w);
    server_process_stop(&s);
}

/* Whether it is let in; if not, it was told BUSY and nothing else. */
static bool let_in(struct wire *w)
{
    assert_true(wire_next(w));
    if (w->type == WHERRY_FRAME_HELLO_REPLY) {
        return true;
    }
    assert_int_equal(w->type, WHERRY_FRAME_GOAWAY);
    assert_int_equal(w->status, STATUS_BUSY);
    assert_false(wire_next(w));
    return false;
}

static void test_the_descriptor_limit_is_reached_and_left_again(void **state)
{
    static const char *const words[] = {SERVER_PROCESS_TCP, NULL};
    struct server_process s;
    const struct rlimit few = {.rlim_cur = FEW_DESCRIPTORS, .rlim_max = FEW_DESCRIPTORS};
    struct wire w;
    size_t in = 0;
    size_t len;

    (void)state;
    server_process_start(&s, words);
    assert_int_equal(prlimit(s.pid, RLIMIT_NOFILE, &few, NULL), 0);
    make_file(&s, "file", 5, 50000);
    while (in < FEW_DESCRIPTORS) {
        wire_open(&crowd[in], "127.0.0.1", &s.tcp);
        if (!let_in(&crowd[in])) {
            wire_close(&crowd[in]);
            break;
        }
        in++;
    }
    assert_true(in > 10 && in < FEW_DESCRIPTORS);
    /* Those who are in stay in, and are told the truth about files that cannot be opened now. */
    for (size_t i = 0; i < in; i++) {
        unsigned status = wire_fetch(&crowd[i], "file", 5, &len);

        assert_true(status == STATUS_OK || status == STATUS_BUSY);
    }
    for (int i = 0; i < 20; i++) { /* the next ones as well */
        wire_open(&w, "127.0.0.1", &s.tcp);
        assert_false(let_in(&w));
        wire_close(&w);
    }
    for (size_t i = 0; i < in; i++) {
        wire_close(&crowd[i]);
    }
    /* The server has seen some of them go when it lets somebody in. */
    for (int i = 0; i < 1000; i++) {
        bool ok;

        wire_open(&w, "127.0.0.1", &s.tcp);
        ok = let_in(&w);
        if (ok) {
            break;
        }
        wire_close(&w);
        assert_true(i < 999);
    }
    assert_int_equal(wire_fetch(&w, "file", 5, &len), STATUS_OK);
    assert_int_equal(len, 50000);
    wire_close(&w);
    server_process_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thousand_connections_each_get_their_own_file),
        cmocka_unit_test(test_stalled_connections_delay_nobody),
        cmocka_unit_test(test_the_descriptor_limit_is_reached_and_left_again),
    };
    int failed;

    crowd = calloc(CROWD, sizeof(*crowd));
    if (crowd == NULL) {
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(crowd);
    return failed;
}
