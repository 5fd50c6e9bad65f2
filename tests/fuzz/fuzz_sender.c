/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole sender, fed with arbitrary packets and times by a caller that keeps to the header.
 *
 * Input: up to eight bytes of parameters (see begin()), then steps: a byte that chooses the row of
 * steps[], and what that step reads. What must hold at any time is in judge() and burst(). */
#include <wherry/sender.h>

#include "fuzz/check.h"
#include "support/feed.h"
#include "support/packets.h"

#define MS UINT64_C(1000000)
#define RUN_MAX 300u /* windows; three large ones are past the roll-over */

struct play {
    struct feed feed;
    struct wherry_sender *sender;
    struct wherry_agreed agreed;
    uint64_t length;
    uint64_t now_ns;
    uint64_t highest; /* block that left */
    uint64_t acked;
    uint64_t resent;
    uint64_t kept;
    enum wherry_sender_state state;
    unsigned openings; /* datagrams to a peer that never answered */
    unsigned errors;
    bool failed_by_us;
};

static const uint8_t opening[] = "\0\6blksize\0"
                                 "8";

static void begin(struct play *p)
{
    uint64_t flags = feed_number(&p->feed, 1);
    struct wherry_sender_params params = {.patience_ns = 60000 * MS};

    wherry_agreed_init(&p->agreed);
    p->agreed.blksize = (uint16_t)(8 + feed_number(&p->feed, 1));
    p->agreed.windowsize = (uint16_t)(1 + feed_number(&p->feed, 2) % WHERRY_WINDOWSIZE_MAX);
    p->agreed.rollover = flags & 1;
    p->agreed.timeout_ns = (flags & 2) != 0 ? 10 * MS * (1 + feed_number(&p->feed, 1)) : 0;
    p->length = (flags & 4) != 0 ? WHERRY_LENGTH_UNKNOWN : feed_number(&p->feed, 3);
    params.agreed = p->agreed;
    params.length = p->length;
    params.last_ack_optional = (flags & 8) != 0;
    if ((flags & 16) != 0) {
        params.opening = opening;
        params.opening_len = sizeof(opening);
    }
    if (wherry_sender_new(&p->sender, &params) != RES_OK) {
        abort();
    }
    p->state = wherry_sender_state(p->sender);
}

static void input(struct play *p, const struct wherry_packet *packet)
{
    wherry_sender_input(p->sender, packet, p->now_ns);
}

static void give_ack(struct play *p)
{
    struct wherry_packet packet = packets_ack((uint16_t)feed_number(&p->feed, 2));

    input(p, &packet);
}

/* Near the last one, or arbitrary ones would hardly ever move the window. */
static void give_near_ack(struct play *p)
{
    uint64_t block = p->acked + feed_number(&p->feed, 1);
    struct wherry_packet packet;

    block = block >= 2 ? block - 2 : 0;
    packet = packets_ack(packets_wire(block, p->agreed.rollover));
    input(p, &packet);
}

/* Window after window without a fault, to the roll-over and beyond it. */
static void run_on(struct play *p)
{
    uint64_t windows = 1 + feed_number(&p->feed, 2);
    struct wherry_burst b;

    for (uint64_t i = 0; i < windows && i < RUN_MAX; i++) {
        struct wherry_packet packet;

        if (wherry_sender_over(p->sender)) {
            return;
        }
        while (wherry_sender_burst(p->sender, UINT32_MAX, &b)) {
            p->highest = b.first + b.count - 1 > p->highest ? b.first + b.count - 1 : p->highest;
            wherry_sender_sent(p->sender, b.count, p->now_ns);
        }
        packet = packets_ack(packets_wire(p->highest, p->agreed.rollover));
        p->now_ns += MS;
        input(p, &packet);
    }
}

static void give_datagram(struct play *p)
{
    struct wherry_view bytes = feed_bytes(&p->feed, feed_length(&p->feed, 1));
    struct wherry_packet packet;

    if (wherry_packet_decode(&packet, bytes.bytes, bytes.len) == RES_OK) {
        input(p, &packet);
    }
}

static void wait(struct play *p)
{
    p->now_ns += feed_number(&p->feed, 2) * MS / 4;
    wherry_sender_expire(p->sender, p->now_ns);
}

static void wait_for_deadline(struct play *p)
{
    uint64_t deadline_ns = wherry_sender_deadline(p->sender);

    if (deadline_ns != WHERRY_NEVER && deadline_ns > p->now_ns) {
        p->now_ns = deadline_ns;
    }
    wherry_sender_expire(p->sender, p->now_ns);
}

static void burst(struct play *p)
{
    uint32_t max = (uint32_t)feed_number(&p->feed, 1);
    uint64_t share = feed_number(&p->feed, 1);
    struct wherry_burst b;
    uint64_t last;

    if (!wherry_sender_burst(p->sender, max, &b)) {
        return;
    }
    last = b.first + b.count - 1;
    CHECK(p->state == WHERRY_SENDER_SENDING);
    CHECK(b.count >= 1 && b.count <= max);
    CHECK(b.first == p->acked + 1 || b.first <= p->highest + 1);
    CHECK(b.first > p->acked && last <= p->acked + p->agreed.windowsize);
    CHECK(b.blksize == p->agreed.blksize && b.last_len <= b.blksize);
    CHECK(b.offset == (b.first - 1) * b.blksize);
    CHECK(b.kept <= b.offset && b.kept >= p->kept);
    CHECK(b.again == (b.first <= p->highest));
    if (p->length == WHERRY_LENGTH_UNKNOWN) {
        CHECK(b.last_len == b.blksize);
    } else {
        uint64_t end = b.offset + (uint64_t)(b.count - 1) * b.blksize + b.last_len;

        CHECK(end <= p->length);
        CHECK(b.last_len == b.blksize || end == p->length);
    }
    p->kept = b.kept;
    wherry_sender_sent(p->sender, (uint32_t)(1 + share % b.count), p->now_ns);
    last = b.first + share % b.count;
    p->highest = last > p->highest ? last : p->highest;
}

static void control(struct play *p)
{
    uint8_t buf[256];
    size_t len = wherry_sender_control(p->sender, buf, sizeof(buf), p->now_ns);

    if (len == 0) {
        return;
    }
    if (wherry_sender_over(p->sender)) {
        CHECK(len > WHERRY_HEADER_BYTES && buf[1] == WHERRY_ERROR && p->failed_by_us);
        p->errors++;
        CHECK(p->errors == 1);
    } else {
        CHECK(len == sizeof(opening) && p->state == WHERRY_SENDER_OPENING);
        p->openings++;
        CHECK(p->openings <= WHERRY_SENDS_UNHEARD);
    }
}

static void unreachable(struct play *p)
{
    wherry_sender_unreachable(p->sender);
}

static void fail(struct play *p)
{
    p->failed_by_us = p->failed_by_us || !wherry_sender_over(p->sender);
    wherry_sender_fail(p->sender, RES_IO, WHERRY_ERROR_OTHER, "cannot read");
}

static void repeat(struct play *p)
{
    wherry_sender_repeat(p->sender, p->now_ns);
}

static void tell_length(struct play *p)
{
    if (p->length == WHERRY_LENGTH_UNKNOWN) {
        p->length = p->highest * p->agreed.blksize + feed_number(&p->feed, 2);
        wherry_sender_length(p->sender, p->length);
    }
}

static void agree(struct play *p)
{
    struct wherry_agreed agreed = {.blksize = (uint16_t)(8 + feed_number(&p->feed, 1)),
                                   .windowsize = (uint16_t)(1 + feed_number(&p->feed, 1))};

    if (wherry_sender_state(p->sender) == WHERRY_SENDER_OPENING) {
        p->agreed = agreed;
    }
    wherry_sender_agree(p->sender, &agreed, p->now_ns);
}

static void (*const steps[])(struct play *p) = {
    burst,       control,       give_near_ack, wait,        wait_for_deadline,
    give_ack,    give_datagram, repeat,        tell_length, run_on,
    unreachable, fail,          agree,
};

static void judge(struct play *p)
{
    enum wherry_sender_state state = wherry_sender_state(p->sender);
    uint64_t acked = wherry_sender_acked_blocks(p->sender);
    uint64_t resent = wherry_sender_resent(p->sender);
    struct wherry_burst b;

    CHECK(state >= p->state);
    CHECK(p->state < WHERRY_SENDER_DONE || state == p->state);
    CHECK(acked >= p->acked && acked <= p->highest);
    CHECK(resent >= p->resent);
    p->state = state;
    p->acked = acked;
    p->resent = resent;
    if (wherry_sender_over(p->sender)) {
        CHECK(wherry_sender_deadline(p->sender) == WHERRY_NEVER);
        CHECK(!wherry_sender_burst(p->sender, UINT32_MAX, &b));
        CHECK((wherry_sender_result(p->sender) == RES_OK) == (state == WHERRY_SENDER_DONE));
    } else {
        CHECK(wherry_sender_deadline(p->sender) != WHERRY_NEVER);
    }
    if (state == WHERRY_SENDER_DONE) {
        CHECK(wherry_sender_all_sent(p->sender));
    }
}

/* When everything has left that may leave, the deadline lies ahead: a loop that wakes at it and
 * flushes does not spin. */
static void judge_rest(struct play *p)
{
    uint8_t buf[256];
    struct wherry_burst b;

    wherry_sender_expire(p->sender, p->now_ns);
    while (wherry_sender_control(p->sender, buf, sizeof(buf), p->now_ns) > 0) {
    }
    while (wherry_sender_burst(p->sender, UINT32_MAX, &b)) {
        wherry_sender_sent(p->sender, b.count, p->now_ns);
    }
    CHECK(wherry_sender_deadline(p->sender) > p->now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = {.feed = {.bytes = data, .len = size}};

    begin(&p);
    while (!feed_empty(&p.feed)) {
        steps[feed_number(&p.feed, 1) % (sizeof(steps) / sizeof(steps[0]))](&p);
        judge(&p);
    }
    judge_rest(&p);
    wherry_sender_free(p.sender);
    return 0;
}
