/* SPDX-License-Identifier: BSD-2-Clause */
/* Hostile input against a running wherryd. After each onslaught a normal read works; after all of
 * them descriptors and memory are where they were. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/server_process.h"
#include "support/pattern.h"

#define FILE_BYTES 3000u /* blocks 1 to 5 and a short 6 */
#define UNANSWERED 500u
#define RANDOM_DATAGRAMS 20000u
#define WAIT_MS 20000
#define SENDS_MAX 5u /* to an address that never answers */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_SLACK_KIB SIZE_MAX /* freed memory stays in quarantine: nothing to compare */
#else
/* For each worker: buffers of its own, and up to 16,384 ports that rest, which every transfer of
 * the last 10 s adds to and which come to 2 MiB at most (server/tid.h). */
#define MEMORY_SLACK_KIB 2560u
#endif

static const uint8_t request[] = "\0\1boot.img\0octet";
/* Files of their own, so that their log lines are told from what the other tests left behind. */
static const uint8_t silent_request[] = "\0\1silent.img\0octet";
static const uint8_t reset_request[] = "\0\1reset.img\0octet";

static struct server_process server;
static size_t descriptors_at_start;
static size_t resident_kib_at_start;

static int open_socket(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    return fd;
}

static void give(int fd, const struct sockaddr_in *to, const void *bytes, size_t len)
{
    assert_int_equal(sendto(fd, bytes, len, 0, (const struct sockaddr *)to, sizeof(*to)),
                     (ssize_t)len);
}

/* The next datagram, within the time; its sender. */
static size_t take(int fd, uint8_t *buf, size_t cap, struct sockaddr_in *from)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    socklen_t len = sizeof(*from);
    ssize_t n;

    if (poll(&p, 1, WAIT_MS) != 1) {
        fail_msg("no answer within %d ms", WAIT_MS);
    }
    n = recvfrom(fd, buf, cap, 0, (struct sockaddr *)from, &len);
    assert_true(n >= 4);
    return (size_t)n;
}

static void give_ack(int fd, const struct sockaddr_in *to, unsigned block)
{
    uint8_t ack[4] = {0, 4, (uint8_t)(block >> 8), (uint8_t)block};

    give(fd, to, ack, sizeof(ack));
}

/* DATA with this block, of the right bytes. Returns its payload's length. */
static size_t expect_data(int fd, struct sockaddr_in *from, unsigned block)
{
    uint8_t buf[600];
    size_t len = take(fd, buf, sizeof(buf), from);

    assert_int_equal(buf[1], 3);
    assert_int_equal(buf[2] << 8 | buf[3], block);
    for (size_t i = 4; i < len; i++) {
        assert_int_equal(buf[i], pattern_at((block - 1) * 512 + i - 4));
    }
    return len - 4;
}

/* Takes the rest of the file, from `block` on, which arrives next. */
static void finish_read(int fd, unsigned block)
{
    struct sockaddr_in tid;
    size_t len;

    do {
        len = expect_data(fd, &tid, block);
        give_ack(fd, &tid, block);
        block++;
    } while (len == 512);
    assert_int_equal((block - 2) * 512 + len, FILE_BYTES);
}

static void expect_normal_read(const struct server_process *s)
{
    int fd = open_socket();

    give(fd, &s->addr, request, sizeof(request));
    finish_read(fd, 1);
    close(fd);
}

/* A request for a missing file and its ERROR: all that was sent before has been looked at; with
 * several workers, what was sent to the one that this request meets. */
static void wait_until_served(const struct server_process *s)
{
    static const uint8_t missing[] = "\0\1missing\0octet";
    struct sockaddr_in from;
    int fd = open_socket();
    uint8_t buf[600];

    give(fd, &s->addr, missing, sizeof(missing));
    take(fd, buf, sizeof(buf), &from);
    assert_int_equal(buf[1], 5);
    assert_int_equal(buf[3], 1);
    close(fd);
}

static void test_truncated_and_oversized_packets_disturb_nobody(void **state)
{
    static const uint8_t full[] = "\0\1boot.img\0octet\0blksize\0001428\0tsize\0000";
    static uint8_t huge[65507];
    struct server_process *s = *state;
    int fd = open_socket();

    for (unsigned opcode = 0; opcode < 9; opcode++) {
        uint8_t packet[sizeof(full)];

        memcpy(packet, full, sizeof(full));
        packet[1] = (uint8_t)opcode;
        for (size_t len = 0; len <= sizeof(full); len++) {
            give(fd, &s->addr, packet, len);
        }
        wait_until_served(s);
    }
    memset(huge, 'A', sizeof(huge)); /* a name without an end */
    huge[0] = 0;
    huge[1] = 1;
    give(fd, &s->addr, huge, sizeof(huge));
    memcpy(huge, request, sizeof(request)); /* options without an end */
    give(fd, &s->addr, huge, sizeof(huge));
    for (size_t i = sizeof(request); i < sizeof(huge); i += 2) { /* 32,000 of one letter */
        huge[i] = '\0';
    }
    give(fd, &s->addr, huge, sizeof(huge));
    wait_until_served(s);
    expect_normal_read(s);
    close(fd);
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void test_random_datagrams_disturb_nobody(void **state)
{
    struct server_process *s = *state;
    uint64_t seed = 20260101;
    int fd = open_socket();

    for (unsigned i = 0; i < RANDOM_DATAGRAMS; i++) {
        uint8_t packet[700];
        size_t len = (size_t)(next_random(&seed) % sizeof(packet));

        for (size_t at = 0; at < len; at++) {
            packet[at] = (uint8_t)next_random(&seed);
        }
        if (len > 30 && i % 2 == 0) { /* half of them begin like a packet, a quarter like a read */
            packet[0] = 0;
            packet[1] = (uint8_t)(next_random(&seed) % 7);
            if (i % 4 == 0) {
                memcpy(packet, request, sizeof(request));
            }
        }
        give(fd, &s->addr, packet, len);
        if (i % 50 == 0) {
            wait_until_served(s); /* so that the socket's queue does not swallow them unseen */
        }
    }
    close(fd);
    expect_normal_read(s);
}

/* The next log line about that file says this outcome. */
static void expect_outcome(struct server_process *s, const char *file, const char *outcome)
{
    char name[64];
    char op[64];

    snprintf(name, sizeof(name), "name=\"%s\"", file);
    snprintf(op, sizeof(op), "%s op=read", outcome);
    assert_non_null(strstr(server_process_expect_line(s, name, WAIT_MS), op));
}

static long long now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Sockets that many transfers share and files that many read stay open for some seconds after the
 * last of them. */
static void expect_descriptors(const struct server_process *s, size_t count)
{
    long long end_ms = now_ms() + WAIT_MS;

    while (server_process_descriptors(s) != count && now_ms() < end_ms) {
        wait_until_served(s);
    }
    assert_int_equal(server_process_descriptors(s), count);
}

static size_t drain(int fd)
{
    uint8_t buf[600];
    size_t count = 0;

    while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0) {
        count++;
    }
    assert_int_equal(errno, EAGAIN);
    return count;
}

static void unanswered_round(struct server_process *s)
{
    int fds[UNANSWERED];

    for (size_t i = 0; i < UNANSWERED; i++) {
        fds[i] = open_socket();
        give(fds[i], &s->addr, silent_request, sizeof(silent_request));
        if (i % 50 == 0) {
            wait_until_served(s);
        }
    }
    expect_normal_read(s);
    for (size_t i = 0; i < UNANSWERED; i++) {
        expect_outcome(s, "silent.img", "timeout");
    }
    for (size_t i = 0; i < UNANSWERED; i++) {
        size_t sent = drain(fds[i]);

        assert_in_range(sent, 1, SENDS_MAX);
        close(fds[i]);
    }
}

static void test_requests_that_never_acknowledge_leave_nothing_behind(void **state)
{
    struct server_process *s = *state;
    size_t resident_kib;

    unanswered_round(s);
    resident_kib = server_process_resident_kib(s);
    unanswered_round(s);
    expect_descriptors(s, descriptors_at_start);
    if (MEMORY_SLACK_KIB != SIZE_MAX) {
        size_t now_kib = server_process_resident_kib(s);

        print_message("resident: %zu KiB, then %zu KiB\n", resident_kib, now_kib);
        assert_true(now_kib <= resident_kib + MEMORY_SLACK_KIB * server_process_loops(s));
    }
}

static void test_board_reset_in_mid_transfer_boots_from_the_same_port(void **state)
{
    struct server_process *s = *state;
    struct sockaddr_in first;
    struct sockaddr_in second;
    int fd = open_socket();

    give(fd, &s->addr, reset_request, sizeof(reset_request));
    expect_data(fd, &first, 1);
    give_ack(fd, &first, 1);
    expect_data(fd, &first, 2);

    give(fd, &s->addr, reset_request, sizeof(reset_request)); /* the board begins again */
    expect_data(fd, &second, 1);
    assert_int_not_equal(second.sin_port, first.sin_port);
    give_ack(fd, &second, 1);
    finish_read(fd, 2);
    expect_outcome(s, "reset.img", "aborted");
    expect_outcome(s, "reset.img", "done");
    close(fd);
}

static void test_stray_packet_from_a_foreign_port_changes_nothing(void **state)
{
    struct server_process *s = *state;
    struct sockaddr_in tid;
    struct sockaddr_in from;
    int fd = open_socket();
    int stranger = open_socket();
    uint8_t buf[600];

    give(fd, &s->addr, request, sizeof(request));
    expect_data(fd, &tid, 1);
    give_ack(stranger, &tid, 1);
    take(stranger, buf, sizeof(buf), &from);
    assert_int_equal(buf[1], 5); /* ERROR 5, unknown transfer ID */
    assert_int_equal(buf[3], 5);
    assert_int_equal(from.sin_port, tid.sin_port);
    give_ack(fd, &tid, 1);
    finish_read(fd, 2);
    close(stranger);
    close(fd);
}

static int start(void **state)
{
    static const char *const words[] = {"--patience",  "2s",   "--write", "create",
                                        "--log-level", "info", NULL};
    struct rlimit files;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_cur < 2 * UNANSWERED) {
        files.rlim_cur = files.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    }
    server_process_start(&server, words);
    server_process_file(&server, "boot.img", FILE_BYTES);
    server_process_file(&server, "silent.img", FILE_BYTES);
    server_process_file(&server, "reset.img", FILE_BYTES);
    server_process_file(&server, "last.img", FILE_BYTES);
    descriptors_at_start = SIZE_MAX;
    for (int turn = 0; turn < 100; turn++) { /* the fewest: one may still close what it answered */
        size_t count;

        wait_until_served(&server);
        count = server_process_descriptors(&server);
        descriptors_at_start = count < descriptors_at_start ? count : descriptors_at_start;
    }
    expect_normal_read(&server);
    expect_outcome(&server, "boot.img", "done");
    resident_kib_at_start = server_process_resident_kib(&server);
    *state = &server;
    return 0;
}

static void test_descriptors_and_memory_are_where_they_were(void **state)
{
    static const uint8_t last_request[] = "\0\1last.img\0octet";
    struct server_process *s = *state;
    int fd = open_socket();

    give(fd, &s->addr, last_request, sizeof(last_request));
    finish_read(fd, 1);
    close(fd);
    expect_outcome(s, "last.img", "done");
    expect_descriptors(s, descriptors_at_start);
    if (MEMORY_SLACK_KIB != SIZE_MAX) {
        size_t now_kib = server_process_resident_kib(s);

        print_message("resident: %zu KiB at start, %zu KiB at the end\n", resident_kib_at_start,
                      now_kib);
        /* Room for the ports that rest and what the allocator keeps of 500 transfers at once. */
        assert_true(now_kib <=
                    resident_kib_at_start + 2 * MEMORY_SLACK_KIB * server_process_loops(s));
    }
}

static int stop(void **state)
{
    server_process_stop(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated_and_oversized_packets_disturb_nobody),
        cmocka_unit_test(test_random_datagrams_disturb_nobody),
        cmocka_unit_test(test_requests_that_never_acknowledge_leave_nothing_behind),
        cmocka_unit_test(test_board_reset_in_mid_transfer_boots_from_the_same_port),
        cmocka_unit_test(test_stray_packet_from_a_foreign_port_changes_nothing),
        cmocka_unit_test(test_descriptors_and_memory_are_where_they_were),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
