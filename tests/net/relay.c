/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/relay.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TO_SERVER LINK_SENDER
#define TO_CLIENT LINK_RECEIVER
#define MILLISECOND UINT64_C(1000000)

struct flow;

/* A socket; what comes in here leaves on the flow's other one. */
struct end {
    struct flow *flow;
    enum link_end onwards;
    int fd;
};

struct flow {
    struct flow *next;
    struct sockaddr_in client;
    struct link *link;
    struct end near_client;
    struct end near_server;
    bool tid_known; /* near_server is connected to it */
};

struct state {
    struct relay_params p;
    int epoll;
    int listener;
    struct flow *flows;
};

/* In a child there is no test to fail: its parent sees that it ended. */
static void need(bool condition)
{
    if (!condition) {
        _exit(1);
    }
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 * MILLISECOND + (uint64_t)ts.tv_nsec;
}

static int open_socket(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd != -1 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == -1) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void watch(const struct state *s, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

    need(fd != -1 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static struct flow *flow_of(struct state *s, const struct sockaddr_in *client)
{
    struct flow *f;

    for (f = s->flows; f != NULL; f = f->next) {
        if (f->client.sin_port == client->sin_port) {
            return f;
        }
    }
    f = calloc(1, sizeof(*f));
    need(f != NULL && link_new(&f->link, &s->p.link, s->p.seed++) == RES_OK);
    f->client = *client;
    f->near_client = (struct end){.flow = f, .onwards = TO_SERVER, .fd = open_socket()};
    f->near_server = (struct end){.flow = f, .onwards = TO_CLIENT, .fd = open_socket()};
    watch(s, f->near_client.fd, &f->near_client);
    watch(s, f->near_server.fd, &f->near_server);
    need(connect(f->near_client.fd, (const struct sockaddr *)client, sizeof(*client)) == 0);
    f->next = s->flows;
    s->flows = f;
    return f;
}

/* The port at one end is closed: so it is for the other end. */
static void shut(struct flow *f)
{
    (void)close(f->near_client.fd);
    (void)close(f->near_server.fd);
    f->near_client.fd = -1;
    f->near_server.fd = -1;
}

static void enter(const struct state *s, struct flow *f, enum link_end to, const uint8_t *bytes,
                  size_t len)
{
    if (len <= s->p.largest_bytes) {
        link_wait(f->link, now_ns());
        need(link_send(f->link, to, bytes, len) == RES_OK);
    }
}

static void take_requests(struct state *s)
{
    uint8_t bytes[65536];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t n;

    while ((n = recvfrom(s->listener, bytes, sizeof(bytes), 0, (struct sockaddr *)&from,
                         &from_len)) > 0) {
        enter(s, flow_of(s, &from), TO_SERVER, bytes, (size_t)n);
    }
}

static void take_packets(const struct state *s, const struct end *e)
{
    struct flow *f = e->flow;
    uint8_t bytes[65536];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t n;

    while ((n = recvfrom(e->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_len)) >
           0) {
        if (e->onwards == TO_CLIENT && !f->tid_known) {
            need(connect(e->fd, (struct sockaddr *)&from, sizeof(from)) == 0);
            f->tid_known = true;
        }
        enter(s, f, e->onwards, bytes, (size_t)n);
    }
    if (n == -1 && errno == ECONNREFUSED) {
        shut(f);
    }
}

static bool is_request(const struct link_datagram *d)
{
    return d->len > 1 && (d->bytes[1] == 1 || d->bytes[1] == 2);
}

static void leave(const struct state *s, struct flow *f, const struct link_datagram *d)
{
    ssize_t n;

    if (d->to == TO_CLIENT) {
        n = send(f->near_client.fd, d->bytes, d->len, 0);
    } else if (is_request(d) || !f->tid_known) {
        n = sendto(f->near_server.fd, d->bytes, d->len, 0, (const struct sockaddr *)&s->p.server,
                   sizeof(s->p.server));
    } else {
        n = send(f->near_server.fd, d->bytes, d->len, 0);
    }
    if (n == -1 && errno == ECONNREFUSED) {
        shut(f);
    }
}

/* What has arrived by now goes on; returns how long until the next one does, in milliseconds. */
static int deliver(const struct state *s)
{
    uint64_t next_ns = LINK_QUIET;
    uint64_t now = now_ns();

    for (struct flow *f = s->flows; f != NULL; f = f->next) {
        struct link_datagram d;

        link_wait(f->link, now);
        while (link_receive(f->link, &d)) {
            leave(s, f, &d);
        }
        next_ns = link_next_ns(f->link) < next_ns ? link_next_ns(f->link) : next_ns;
    }
    return next_ns == LINK_QUIET ? -1 : (int)((next_ns - now) / MILLISECOND + 1);
}

static void run(struct state *s)
{
    for (;;) {
        struct epoll_event event;

        if (epoll_wait(s->epoll, &event, 1, deliver(s)) != 1) {
            continue;
        }
        if (event.data.ptr == NULL) {
            take_requests(s);
        } else {
            take_packets(s, event.data.ptr);
        }
    }
}

void relay_start(struct relay *r, const struct relay_params *p)
{
    struct state s = {.p = *p, .epoll = epoll_create1(EPOLL_CLOEXEC), .listener = open_socket()};
    struct sockaddr_in a;
    socklen_t len = sizeof(a);

    assert_return_code(s.epoll, errno);
    assert_return_code(s.listener, errno);
    assert_return_code(getsockname(s.listener, (struct sockaddr *)&a, &len), errno);
    r->port = ntohs(a.sin_port);
    r->pid = fork();
    assert_return_code(r->pid, errno);
    if (r->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        watch(&s, s.listener, NULL);
        run(&s);
    }
    (void)close(s.listener);
    (void)close(s.epoll);
}

void relay_stop(struct relay *r)
{
    int status = 0;

    assert_int_equal(waitpid(r->pid, &status, WNOHANG), 0);
    assert_return_code(kill(r->pid, SIGKILL), errno);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
}
