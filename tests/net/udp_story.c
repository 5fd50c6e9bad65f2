/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 10000

struct played played;

int __wrap_socket(int domain, int type, int protocol);
int __real_socket(int domain, int type, int protocol);
ssize_t __wrap_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len);
ssize_t __real_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout);
int __real_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout);

static bool play_error(void)
{
    if (played.times == 0) {
        return false;
    }
    played.times--;
    errno = played.error;
    return true;
}

int __wrap_socket(int domain, int type, int protocol)
{
    if (played.socket_error != 0) {
        errno = played.socket_error;
        return -1;
    }
    return __real_socket(domain, type, protocol);
}

/* What sendmsg() returns for it. */
static ssize_t judge(int fd, const struct msghdr *message, int flags)
{
    int verdict = played.judge == NULL ? 0 : played.judge(played.judge_arg, message);

    if (verdict > 0) {
        errno = verdict;
        return -1;
    }
    return verdict == JUDGE_TOOK ? 0 : __real_sendmsg(fd, message, flags);
}

ssize_t __wrap_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len)
{
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = len};
    struct msghdr message = {
        .msg_name = (void *)to, .msg_namelen = to_len, .msg_iov = &part, .msg_iovlen = 1};

    played.one_calls++;
    return play_error() ? -1 : judge(fd, &message, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    played.one_calls++;
    return play_error() ? -1 : judge(fd, message, flags);
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    unsigned sent = 0;

    played.many_calls++;
    if (played.at_most != 0) {
        count = count < played.at_most ? count : played.at_most;
        played.at_most = 0;
    } else if (play_error()) {
        return -1;
    }
    if (played.judge == NULL) {
        return __real_sendmmsg(fd, messages, count, flags);
    }
    while (sent < count && judge(fd, &messages[sent].msg_hdr, flags) >= 0) {
        sent++;
    }
    return sent > 0 || count == 0 ? (int)sent : -1;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(message);

    if (played.queued == NULL) {
        return __real_recvmsg(fd, message, flags);
    }
    assert_true((flags & MSG_ERRQUEUE) != 0);
    memcpy(message->msg_name, played.queued_peer, sizeof(*played.queued_peer));
    message->msg_namelen = sizeof(*played.queued_peer);
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_RECVERR;
    c->cmsg_len = CMSG_LEN(sizeof(*played.queued));
    memcpy(CMSG_DATA(c), played.queued, sizeof(*played.queued));
    message->msg_controllen = CMSG_SPACE(sizeof(*played.queued));
    return 0;
}

static void play_came_to(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            memcpy(CMSG_DATA(c), played.came_to, sizeof(*played.came_to));
        }
    }
}

int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
{
    int n = __real_recvmmsg(fd, messages, count, flags, timeout);

    for (int i = 0; played.came_to != NULL && i < n; i++) {
        play_came_to(&messages[i].msg_hdr);
    }
    return n;
}

int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(udp_batch_new(&f->batch), RES_OK);
    memset(&played, 0, sizeof(played));
    *state = f;
    return 0;
}

int teardown(void **state)
{
    struct fixture *f = *state;

    udp_batch_free(f->batch);
    free(f);
    return 0;
}

struct addr make_addr(const char *host, uint16_t port)
{
    struct addr a = {0};

    if (strchr(host, ':') == NULL) {
        a.u.in4.sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, host, &a.u.in4.sin_addr), 1);
        a.len = sizeof(a.u.in4);
    } else {
        a.u.in6.sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, host, &a.u.in6.sin6_addr), 1);
        a.len = sizeof(a.u.in6);
    }
    addr_set_port(&a, port);
    return a;
}

uint16_t port_of(int fd)
{
    struct addr a = {.len = sizeof(a.u)};

    assert_int_equal(getsockname(fd, &a.u.sa, &a.len), 0);
    return addr_port(&a);
}

int listen_on(const char *host)
{
    struct addr a = make_addr(host, 0);
    int fd = -1;

    assert_int_equal(udp_listen(&a, &fd), RES_OK);
    return fd;
}

int open_on(const char *host, struct addr *ret)
{
    struct addr local = make_addr(host, 0);
    int fd = -1;

    assert_int_equal(udp_open(&local, local.u.sa.sa_family, &fd, ret), RES_OK);
    return fd;
}

/* Says so and skips the test where ::1 is not there. */
void need_ipv6(void)
{
    struct addr a = make_addr("::1", 0);
    int fd;

    if (udp_listen(&a, &fd) != RES_OK) {
        print_message("SKIPPED: no IPv6 on this machine: %s\n", strerror(errno));
        skip();
    }
    close(fd);
}

void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

size_t receive(struct fixture *f, int fd)
{
    return udp_receive(fd, f->batch, UDP_RECEIVE_MAX, &f->packet, &f->errors);
}

/* The one datagram that must come. */
const struct udp_packet *take_one(struct fixture *f, int fd)
{
    wait_for(fd, POLLIN);
    assert_int_equal(receive(f, fd), 1);
    return f->packet;
}

void assert_bytes(const struct udp_packet *p, const char *text)
{
    assert_int_equal(p->len, strlen(text));
    assert_memory_equal(p->bytes, text, p->len);
}

void send_text(int fd, const struct addr *to, const char *text)
{
    assert_true(udp_send(fd, to, (const uint8_t *)text, strlen(text)));
}

int int_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

struct pair make_pair(void)
{
    struct pair p;
    struct addr ignored;

    p.from = open_on("127.0.0.1", &ignored);
    p.to = open_on("127.0.0.1", &p.to_addr);
    return p;
}

void close_pair(const struct pair *p)
{
    close(p->from);
    close(p->to);
}
