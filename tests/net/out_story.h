/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of net/udp_out.h share: bursts, and a kernel that writes down each datagram that
 * would leave, cut as UDP_SEGMENT says, or refuses it. Link with what udp_story.h asks for. */
#ifndef TESTS_NET_OUT_STORY_H
#define TESTS_NET_OUT_STORY_H

#include "net/udp_out.h"
#include "net/udp_story.h"

#define OUT_DATAGRAMS 4096u
#define OUT_BYTES (4u << 20)
#define FIRST_PORT 2000u /* of the transfers' peers */

struct out_datagram {
    uint16_t port; /* of the peer */
    size_t len;
    const uint8_t *bytes;
};

struct out {
    struct udp_out *queue;
    struct udp_line line;
    /* What left, and what should have. */
    struct out_datagram left[OUT_DATAGRAMS];
    struct out_datagram want[OUT_DATAGRAMS];
    size_t left_count;
    size_t want_count;
    size_t messages; /* that the kernel took */
    size_t joined;   /* of them, to be cut */
    uint8_t *bytes;  /* of `left` and `want` */
    size_t bytes_used;
    /* Refusals. */
    size_t full_after;   /* messages that the socket takes before it is full */
    int full_error;      /* what it says then */
    int joined_error;    /* the answer to every joined message, 0: none */
    size_t joined_asked; /* joined messages that were tried */
    uint16_t refused;    /* the peer that a firewall forbids, by port */
    int once;            /* the next message fails with it, and then no more */
};

/* Reads as a test's state. The line's socket is a real one. */
int out_setup(void **state);
int out_setup_single(void **state); /* with UDP_SEGMENTS_OFF */
int out_teardown(void **state);

struct wherry_burst out_burst(uint64_t first, uint32_t count, uint16_t blksize, uint16_t last_len);
struct addr out_peer(uint16_t port);
/* Fills the blocks with what only they hold. */
void out_fill(uint8_t *blocks, const struct wherry_burst *b);
/* The block's datagram as RFC 1350 section 5 has it is expected next. */
void out_expect(struct out *o, uint16_t port, const struct wherry_burst *b, uint32_t block);
/* Queues a burst through the queue's room and expects all of it. */
void out_give(struct out *o, uint16_t port, const struct wherry_burst *b, bool *segments);
void out_give_text(struct out *o, uint16_t port, const char *text);
/* Expected datagrams of that peer are not, after all. */
void out_forgive(struct out *o, uint16_t port);
/* Exactly what was expected has left, in order; both are forgotten. */
void out_compare(struct out *o);

#define OUT_TEST(name) cmocka_unit_test_setup_teardown(name, out_setup, out_teardown)
#define OUT_TEST_SINGLE(name) cmocka_unit_test_setup_teardown(name, out_setup_single, out_teardown)

#endif
