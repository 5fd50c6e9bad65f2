/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of net/udp.h share: sockets on loopback, and a kernel whose refusals are played
 * where loopback cannot produce them. Link with --wrap for socket, sendto, sendmsg, sendmmsg,
 * recvmsg and recvmmsg. */
#ifndef TESTS_NET_UDP_STORY_H
#define TESTS_NET_UDP_STORY_H

#include "net/udp.h"

struct in6_pktinfo;
struct msghdr;
struct sock_extended_err;

#define JUDGE_TOOK (-1)

struct played {
    /* Asked of every message that is sent: an errno, 0 to send it, JUDGE_TOOK if it counts as sent.
     * A sendmmsg ends at the first errno, as the kernel's does. */
    int (*judge)(void *arg, const struct msghdr *message);
    void *judge_arg;
    unsigned one_calls;  /* of sendto and sendmsg */
    unsigned many_calls; /* of sendmmsg */
    int error;           /* the next `times` sends fail with it */
    int times;
    unsigned at_most;                       /* the next sendmmsg takes no more, 0: all */
    int socket_error;                       /* every socket() fails with it */
    const struct sock_extended_err *queued; /* what the error queue holds */
    const struct sockaddr_in6 *queued_peer;
    const struct in6_pktinfo *came_to; /* said of every IPv6 datagram in place of the truth */
};
extern struct played played;

struct fixture {
    struct udp_batch *batch;
    const struct udp_packet *packet;
    bool errors; /* the last receive() said that the error queue is to be drained */
};

int setup(void **state);
int teardown(void **state);
struct addr make_addr(const char *host, uint16_t port);
uint16_t port_of(int fd);
int listen_on(const char *host);
int open_on(const char *host, struct addr *ret);
/* Says so and skips the test where ::1 is not there. */
void need_ipv6(void);
void wait_for(int fd, short events);
/* What is there, at most a batch, in f->packet. */
size_t receive(struct fixture *f, int fd);
/* The one datagram that must come. */
const struct udp_packet *take_one(struct fixture *f, int fd);
void assert_bytes(const struct udp_packet *p, const char *text);
void send_text(int fd, const struct addr *to, const char *text);
int int_option(int fd, int level, int name);

struct pair {
    int from;
    int to;
    struct addr to_addr;
};
/* Two sockets on 127.0.0.1, and how the first reaches the second. */
struct pair make_pair(void);
void close_pair(const struct pair *p);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
