/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp_load: one client for two servers, so that a comparison of the servers compares nothing else.
 *
 *   tcp_load wherry|http PORT stream NAME            reads one file, prints bytes and seconds
 *   tcp_load wherry|http PORT many COUNT DEPTH NAMES gets files 0 to NAMES-1 in turn over one
 *                                                    connection, DEPTH asked for at a time; prints
 *                                                    requests and seconds
 *   tcp_load wherry|http PORT idle COUNT NAME        holds so many connections, each of which got a
 *                                                    file once, until standard input ends; says
 *                                                    "ready" first
 *
 * Blocking sockets on 127.0.0.1, one buffer. Bodies are counted and thrown away; a status other
 * than success, or a body of another length than announced, ends it with 1. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <wherry/frame.h>
#include <wherry/message.h>

#define INPUT_BYTES (1u << 18)
#define REQUEST_BYTES 4096u
#define DEPTH_MAX 16u

struct load {
    bool http;
    int fd;
    uint32_t id;
    uint64_t body;     /* bytes of bodies so far */
    uint64_t finished; /* answers that are whole */
    /* HTTP: what is left of the body, and the head so far. */
    uint64_t body_left;
    char head[REQUEST_BYTES];
    size_t head_len;
    struct wherry_frame_decoder decoder;
};

static uint8_t input[INPUT_BYTES];

static void die(const char *what)
{
    (void)fprintf(stderr, "tcp_load: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void send_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0) {
            die("cannot send");
        }
        at += n;
        len -= (size_t)n;
    }
}

static void connect_to(struct load *l, bool http, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct wherry_message_hello hello = {.lowest = 1, .highest = 1};
    uint8_t frame[WHERRY_MESSAGE_BYTES];

    *l = (struct load){.http = http, .id = 1};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd == -1 || connect(l->fd, (struct sockaddr *)&to, sizeof(to)) == -1) {
        die("cannot connect");
    }
    (void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (!http) {
        wherry_frame_decoder_init(&l->decoder, WHERRY_FROM_SERVER, WHERRY_MAX_FRAME_HIGHEST, true);
        send_all(l->fd, frame, wherry_message_write_hello(frame, sizeof(frame), &hello));
    }
}

/* One request, appended to buf. */
static size_t write_request(struct load *l, uint8_t *buf, size_t cap, const char *name)
{
    struct wherry_message_get get = {.count = WHERRY_COUNT_ALL};

    if (l->http) {
        return (size_t)snprintf((char *)buf, cap, "GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                                name);
    }
    get.path = (struct wherry_view){.bytes = (const uint8_t *)name, .len = strlen(name)};
    return wherry_message_write_get(buf, cap, l->id++, &get);
}

static void take_head(struct load *l)
{
    const char *length = strstr(l->head, "Content-Length: ");

    if (strncmp(l->head, "HTTP/1.1 200", 12) != 0 || length == NULL) {
        die("not 200 with a length");
    }
    l->body_left = strtoull(length + strlen("Content-Length: "), NULL, 10);
    l->head_len = 0;
    if (l->body_left == 0) {
        l->finished++;
    }
}

static void take_http(struct load *l, const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        if (l->body_left > 0) {
            size_t n = len - at < l->body_left ? len - at : (size_t)l->body_left;

            at += n;
            l->body += n;
            l->body_left -= n;
            l->finished += l->body_left == 0;
            continue;
        }
        if (l->head_len + 1 >= sizeof(l->head)) {
            die("endless head");
        }
        l->head[l->head_len++] = (char)bytes[at++];
        l->head[l->head_len] = '\0';
        if (l->head_len >= 4 && memcmp(l->head + l->head_len - 4, "\r\n\r\n", 4) == 0) {
            take_head(l);
        }
    }
}

static void take_wherry(struct load *l, const uint8_t *bytes, size_t len)
{
    struct wherry_decoded d;

    do {
        size_t used = wherry_frame_decode(&l->decoder, bytes, len, &d);

        bytes += used;
        len -= used;
        if (d.kind == WHERRY_DECODED_BAD) {
            die(d.why);
        }
        if (d.kind == WHERRY_DECODED_DATA) {
            l->body += d.bytes.len;
        } else if (d.kind == WHERRY_DECODED_WHOLE && d.frame.type == WHERRY_FRAME_END_REPLY) {
            if (d.frame.status != WHERRY_STATUS_OK) {
                die("END is not OK");
            }
            l->finished++;
        }
    } while (d.kind != WHERRY_DECODED_MORE);
}

/* Until so many answers are whole. */
static void receive_until(struct load *l, uint64_t finished)
{
    while (l->finished < finished) {
        ssize_t n = recv(l->fd, input, sizeof(input), 0);

        if (n <= 0) {
            die("the server closed");
        }
        if (l->http) {
            take_http(l, input, (size_t)n);
        } else {
            take_wherry(l, input, (size_t)n);
        }
    }
}

static void stream(struct load *l, const char *name)
{
    uint8_t request[REQUEST_BYTES];
    double begin = now();

    send_all(l->fd, request, write_request(l, request, sizeof(request), name));
    receive_until(l, 1);
    (void)printf("%" PRIu64 " %.4f\n", l->body, now() - begin);
}

static void many(struct load *l, uint64_t count, uint64_t depth, uint64_t names)
{
    uint8_t requests[DEPTH_MAX * 128];
    char name[32];
    double begin = now();

    for (uint64_t asked = 0; asked < count;) {
        size_t len = 0;

        for (uint64_t i = 0; i < depth && asked < count; i++, asked++) {
            (void)snprintf(name, sizeof(name), "%" PRIu64, asked % names);
            len += write_request(l, requests + len, sizeof(requests) - len, name);
        }
        send_all(l->fd, requests, len);
        receive_until(l, asked);
    }
    (void)printf("%" PRIu64 " %.4f\n", l->finished, now() - begin);
}

/* Each asks once, so that the server has seen it whole. */
static void idle(bool http, uint16_t port, uint64_t count, const char *name)
{
    uint8_t request[REQUEST_BYTES];
    struct load l;
    char c;

    for (uint64_t i = 0; i < count; i++) {
        connect_to(&l, http, port);
        send_all(l.fd, request, write_request(&l, request, sizeof(request), name));
        receive_until(&l, 1);
        wherry_frame_decoder_clear(&l.decoder);
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &c, 1) > 0) {
    }
}

int main(int argc, char **argv)
{
    struct load l;
    bool http = argc > 1 && strcmp(argv[1], "http") == 0;
    uint16_t port = argc > 2 ? (uint16_t)atoi(argv[2]) : 0;

    if (argc == 5 && strcmp(argv[3], "stream") == 0) {
        connect_to(&l, http, port);
        stream(&l, argv[4]);
    } else if (argc == 7 && strcmp(argv[3], "many") == 0 &&
               strtoull(argv[5], NULL, 10) <= DEPTH_MAX) {
        connect_to(&l, http, port);
        many(&l, strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10),
             strtoull(argv[6], NULL, 10));
    } else if (argc == 6 && strcmp(argv[3], "idle") == 0) {
        idle(http, port, strtoull(argv[4], NULL, 10), argv[5]);
    } else {
        die("usage: wherry|http PORT stream NAME | many COUNT DEPTH NAMES | idle COUNT NAME");
    }
    return 0;
}
