/* SPDX-License-Identifier: BSD-2-Clause */
/* raw: what the kernel alone can do over loopback with datagrams of a transfer's sizes. One process
 * sends, another receives; no protocol, no file.
 *
 *   raw pingpong BLKSIZE BYTES          4 bytes there, a block back, one at a time
 *   raw sendmmsg BLKSIZE WINDOW BYTES   WINDOW blocks in one sendmmsg(2), taken by recvmmsg(2)
 *   raw gso BLKSIZE WINDOW BYTES        WINDOW blocks in one message that the kernel cuts
 *   raw gso+gro BLKSIZE WINDOW BYTES    ... and that the receiver takes uncut
 *
 * The sender stays within what the receiver's buffer holds: each quarter of that, the receiver says
 * how far it is. So nothing is lost, and the rate is what both sides can do together.
 *
 * Prints bytes=, seconds=, cpu= (the sending process's seconds) and peer_cpu= (the receiving one's;
 * in pingpong, which answers for the server, the sender is the one that sends blocks). */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEADER_BYTES 4u
#define BATCH_MAX 64u
#define MESSAGE_MAX 65507u
#define BUFFER_BYTES (4 << 20)

enum raw_kind { RAW_PINGPONG, RAW_SENDMMSG, RAW_GSO, RAW_GSO_GRO, RAW_KINDS };

static const char *const kind_names[RAW_KINDS] = {"pingpong", "sendmmsg", "gso", "gso+gro"};

struct raw {
    enum raw_kind kind;
    int sender;
    int receiver;
    uint32_t block; /* bytes, header and all */
    uint32_t window;
    uint64_t blocks;
    uint64_t credit; /* blocks that may be under way */
    uint8_t *bytes;
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "raw: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t number_of(const char *text, uint64_t lowest, uint64_t highest)
{
    char *end;
    uint64_t n = strtoull(text, &end, 10);

    if (end == text || *end != '\0' || n < lowest || n > highest) {
        (void)fprintf(stderr, "raw: '%s' must be a number from %" PRIu64 " to %" PRIu64 "\n", text,
                      lowest, highest);
        exit(1);
    }
    return n;
}

static int open_socket(struct sockaddr_in *ret)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = 5};
    socklen_t len = sizeof(a);
    int bytes = BUFFER_BYTES;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
        getsockname(fd, (struct sockaddr *)ret, &len) == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == -1) {
        die("cannot open a socket");
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == -1 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) == -1) {
        die("cannot size a buffer");
    }
    return fd;
}

static void open_pair(struct raw *r)
{
    struct sockaddr_in a, b;
    int granted;
    socklen_t len = sizeof(granted);

    r->sender = open_socket(&a);
    r->receiver = open_socket(&b);
    if (connect(r->sender, (struct sockaddr *)&b, sizeof(b)) == -1 ||
        connect(r->receiver, (struct sockaddr *)&a, sizeof(a)) == -1 ||
        getsockopt(r->receiver, SOL_SOCKET, SO_RCVBUF, &granted, &len) == -1) {
        die("cannot connect");
    }
    if (r->kind == RAW_GSO_GRO &&
        setsockopt(r->receiver, SOL_UDP, UDP_GRO, &(int){1}, sizeof(int)) == -1) {
        die("the kernel has no UDP_GRO");
    }
    if (r->kind >= RAW_GSO &&
        setsockopt(r->sender, SOL_UDP, UDP_SEGMENT, &(int){(int)r->block}, sizeof(int)) == -1) {
        die("the kernel has no UDP_SEGMENT");
    }
    /* A datagram may count as more than twice its bytes. */
    r->credit = (uint64_t)granted / (3 * (uint64_t)r->block + 1024);
    if (r->credit < 2 * (uint64_t)r->window) {
        r->credit = 2 * (uint64_t)r->window;
    }
}

static void pong(struct raw *r)
{
    uint8_t ack[HEADER_BYTES];

    for (uint64_t i = 0; i < r->blocks; i++) {
        if (recv(r->sender, ack, sizeof(ack), 0) == -1 ||
            send(r->sender, r->bytes, r->block, 0) == -1) {
            die("pingpong");
        }
    }
}

static void ping(struct raw *r)
{
    uint8_t ack[HEADER_BYTES] = {0};

    for (uint64_t i = 0; i < r->blocks; i++) {
        if (send(r->receiver, ack, sizeof(ack), 0) == -1 ||
            recv(r->receiver, r->bytes, r->block, 0) != (ssize_t)r->block) {
            die("pingpong");
        }
    }
}

/* One window (or what is left); returns its blocks. */
static uint64_t send_window(struct raw *r, uint64_t left)
{
    struct mmsghdr messages[BATCH_MAX];
    struct iovec iov = {r->bytes, r->block};
    uint32_t count = left < r->window ? (uint32_t)left : r->window;
    int n;

    if (r->kind >= RAW_GSO) {
        if (send(r->sender, r->bytes, (size_t)count * r->block, 0) == -1) {
            die("cannot send segments");
        }
        return count;
    }
    for (uint32_t i = 0; i < count; i++) {
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
    }
    n = sendmmsg(r->sender, messages, count, 0);
    if (n <= 0) {
        die("cannot send");
    }
    return (uint64_t)n;
}

static void blast(struct raw *r)
{
    uint64_t sent = 0;
    uint64_t taken = 0;

    while (taken < r->blocks) {
        if (sent < r->blocks && sent - taken + r->window <= r->credit) {
            sent += send_window(r, r->blocks - sent);
        } else if (recv(r->sender, &taken, sizeof(taken), 0) != sizeof(taken)) {
            die("datagrams were lost");
        }
    }
}

static void take_blast(struct raw *r)
{
    struct mmsghdr messages[BATCH_MAX];
    struct iovec iov[BATCH_MAX];
    size_t slot = r->kind == RAW_GSO_GRO ? 65536 : r->block;
    uint64_t taken = 0;
    uint64_t told = 0;

    for (uint32_t i = 0; i < BATCH_MAX; i++) {
        iov[i] = (struct iovec){r->bytes + i * slot, slot};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
    }
    while (taken < r->blocks) {
        int n = recvmmsg(r->receiver, messages, BATCH_MAX, MSG_WAITFORONE, NULL);

        if (n <= 0) {
            die("datagrams were lost");
        }
        for (int i = 0; i < n; i++) {
            taken += messages[i].msg_len / r->block;
        }
        if (taken == r->blocks || taken - told >= r->credit / 4) {
            told = taken;
            if (send(r->receiver, &told, sizeof(told), 0) == -1) {
                die("cannot answer");
            }
        }
    }
}

static double cpu_of(int who)
{
    struct rusage u;

    (void)getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(struct raw *r)
{
    double begun, cpu;
    int status;
    pid_t child;

    r->bytes = calloc(BATCH_MAX, 65536);
    if (r->bytes == NULL) {
        die("no memory");
    }
    memset(r->bytes, 0x5a, (size_t)BATCH_MAX * 65536); /* both processes touch their own */
    open_pair(r);
    cpu = cpu_of(RUSAGE_SELF);
    begun = now();
    child = fork();
    if (child == -1) {
        die("cannot fork");
    }
    if (child == 0) {
        if (r->kind == RAW_PINGPONG) {
            pong(r);
        } else {
            blast(r);
        }
        _exit(0);
    }
    if (r->kind == RAW_PINGPONG) {
        ping(r);
    } else {
        take_blast(r);
    }
    cpu = cpu_of(RUSAGE_SELF) - cpu;
    begun = now() - begun;
    if (waitpid(child, &status, 0) == -1 || status != 0) {
        die("the sender failed");
    }
    printf("bytes=%" PRIu64 " seconds=%.6f cpu=%.6f peer_cpu=%.6f\n",
           r->blocks * (r->block - HEADER_BYTES), begun, cpu_of(RUSAGE_CHILDREN), cpu);
    free(r->bytes);
    return 0;
}

int main(int argc, char **argv)
{
    struct raw r = {.kind = RAW_KINDS, .window = 1};
    int at = 2;

    for (int k = 0; argc > 1 && k < RAW_KINDS; k++) {
        if (strcmp(argv[1], kind_names[k]) == 0) {
            r.kind = (enum raw_kind)k;
        }
    }
    if (r.kind == RAW_KINDS || argc != (r.kind == RAW_PINGPONG ? 4 : 5)) {
        (void)fprintf(stderr, "usage: raw pingpong BLKSIZE BYTES\n"
                              "       raw sendmmsg|gso|gso+gro BLKSIZE WINDOW BYTES\n");
        return 1;
    }
    r.block = (uint32_t)number_of(argv[at++], 8, 65464) + HEADER_BYTES;
    if (r.kind != RAW_PINGPONG) {
        uint64_t most = r.kind == RAW_SENDMMSG ? BATCH_MAX : MESSAGE_MAX / r.block;

        r.window = (uint32_t)number_of(argv[at++], 1, most < BATCH_MAX ? most : BATCH_MAX);
    }
    r.blocks = number_of(argv[at], 1, INT64_MAX) / (r.block - HEADER_BYTES) + 1;
    return run(&r);
}
