/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole receiver, fed with arbitrary packets and times by a caller that keeps to the header.
 *
 * Input: four bytes of parameters (see begin()), then steps: a byte that chooses the row of
 * steps[], and what that step reads. What must hold at any time is in take(), control() and
 * judge(). */
#include <wherry/receiver.h>

#include "fuzz/check.h"
#include "support/feed.h"
#include "support/packets.h"

#define MS UINT64_C(1000000)
#define BYTES_MAX 400
#define RUN_MAX 600u /* blocks; the way to the roll-over takes 40 ms, the simulation goes it */

struct play {
    struct feed feed;
    struct wherry_receiver *receiver;
    struct wherry_agreed agreed;
    uint64_t now_ns;
    uint64_t taken; /* blocks in memory */
    uint64_t bytes;
    uint64_t stored;
    uint64_t acked;
    bool last_taken;
    bool committed;
    bool has_agreed;
    uint64_t resent;
    enum wherry_receiver_state state;
    unsigned openings; /* datagrams to a peer that never answered */
    unsigned errors;
};

static const uint8_t opening[] = "\0\1image\0octet";
static const uint8_t zeros[BYTES_MAX];

static void begin(struct play *p)
{
    uint64_t flags = feed_number(&p->feed, 1);
    struct wherry_receiver_params params = {
        .opening = opening, .opening_len = sizeof(opening), .patience_ns = 60000 * MS};

    wherry_agreed_init(&p->agreed);
    p->agreed.blksize = (uint16_t)(8 + feed_number(&p->feed, 1));
    p->agreed.windowsize = (uint16_t)(1 + feed_number(&p->feed, 1));
    p->agreed.rollover = flags & 1;
    p->agreed.timeout_ns = (flags & 2) != 0 ? 10 * MS * (1 + feed_number(&p->feed, 1)) : 0;
    params.agreed = p->agreed;
    if (wherry_receiver_new(&p->receiver, &params) != RES_OK) {
        abort();
    }
}

static void take(struct play *p, const struct wherry_piece *piece)
{
    CHECK(p->state < WHERRY_RECEIVER_COMMITTING && !p->last_taken);
    CHECK(piece->block == p->taken + 1 && piece->offset == p->bytes);
    CHECK(piece->block <= p->acked + p->agreed.windowsize);
    CHECK(piece->bytes.len <= p->agreed.blksize);
    CHECK(piece->last == (piece->bytes.len < p->agreed.blksize));
    p->taken = piece->block;
    p->bytes += piece->bytes.len;
    p->last_taken = piece->last;
}

static void input(struct play *p, const struct wherry_packet *packet)
{
    struct wherry_piece piece;
    enum wherry_verdict verdict = wherry_receiver_input(p->receiver, packet, p->now_ns, &piece);

    CHECK(verdict == WHERRY_IGNORED || packet->opcode == WHERRY_DATA);
    if (verdict == WHERRY_STORE) {
        CHECK(piece.bytes.bytes == packet->bytes.bytes || piece.bytes.len == 0);
        take(p, &piece);
    }
}

static void give_block(struct play *p, uint64_t block, size_t len)
{
    struct wherry_packet packet = packets_data(packets_wire(block, p->agreed.rollover), zeros, len);

    input(p, &packet);
}

static void give_next(struct play *p)
{
    give_block(p, p->taken + 1, p->agreed.blksize);
}

/* Near the last one, full, short or too long. */
static void give_near(struct play *p)
{
    uint64_t block = p->taken + feed_number(&p->feed, 1);
    size_t len = p->agreed.blksize + 1u - feed_length(&p->feed, 1) % 10;

    give_block(p, block >= 4 ? block - 4 : 0, len);
}

static void give_last(struct play *p)
{
    give_block(p, p->taken + 1, feed_length(&p->feed, 1) % p->agreed.blksize);
}

static void give_data(struct play *p)
{
    struct wherry_packet packet =
        packets_data((uint16_t)feed_number(&p->feed, 2), zeros, p->agreed.blksize);

    input(p, &packet);
}

static void give_datagram(struct play *p)
{
    struct wherry_view bytes = feed_bytes(&p->feed, feed_length(&p->feed, 1));
    struct wherry_packet packet;

    if (wherry_packet_decode(&packet, bytes.bytes, bytes.len) == RES_OK) {
        input(p, &packet);
    }
}

static void store(struct play *p)
{
    if (p->taken > p->stored) {
        p->stored += 1 + feed_number(&p->feed, 1) % (p->taken - p->stored);
        wherry_receiver_stored(p->receiver, p->stored, p->now_ns);
    }
}

static void commit(struct play *p)
{
    if (wherry_receiver_state(p->receiver) == WHERRY_RECEIVER_COMMITTING) {
        p->committed = true;
        wherry_receiver_committed(p->receiver, p->now_ns);
    }
}

/* Where the wire's number belongs, counted out: the newest block that is stored and carries it. */
static void judge_ack(struct play *p, uint16_t wire)
{
    uint64_t block = p->stored;

    while (block > p->acked && packets_wire(block, p->agreed.rollover) != wire) {
        block--;
    }
    CHECK(packets_wire(block, p->agreed.rollover) == wire);
    CHECK(!p->last_taken || block < p->taken || p->committed);
    p->acked = block;
}

static void control(struct play *p)
{
    uint8_t buf[256];
    size_t len = wherry_receiver_control(p->receiver, buf, sizeof(buf), p->now_ns);
    bool over = wherry_receiver_over(p->receiver);

    if (len == 0) {
        return;
    }
    CHECK(buf[0] == 0);
    if (buf[1] == WHERRY_ERROR) {
        CHECK(over && p->errors == 0);
        p->errors++;
    } else if (buf[1] == WHERRY_ACK) {
        CHECK(!over && len == WHERRY_HEADER_BYTES);
        judge_ack(p, (uint16_t)(buf[2] << 8 | buf[3]));
    } else {
        CHECK(!over && len == sizeof(opening) && p->state == WHERRY_RECEIVER_OPENING);
        p->openings++;
        CHECK(wherry_receiver_heard(p->receiver) || p->openings <= WHERRY_SENDS_UNHEARD);
    }
}

/* Block after block without a fault. */
static void run_on(struct play *p)
{
    uint64_t blocks = 1 + feed_number(&p->feed, 2);

    for (uint64_t i = 0; i < blocks && p->taken < RUN_MAX; i++) {
        if (wherry_receiver_over(p->receiver)) {
            return;
        }
        p->now_ns += MS;
        give_next(p);
        if (p->taken > p->stored) {
            p->stored = p->taken;
            wherry_receiver_stored(p->receiver, p->stored, p->now_ns);
        }
        control(p);
    }
}

static void wait(struct play *p)
{
    p->now_ns += feed_number(&p->feed, 2) * MS / 4;
    wherry_receiver_expire(p->receiver, p->now_ns);
}

static void wait_for_deadline(struct play *p)
{
    uint64_t deadline_ns = wherry_receiver_deadline(p->receiver);

    if (deadline_ns != WHERRY_NEVER && deadline_ns > p->now_ns) {
        p->now_ns = deadline_ns;
    }
    wherry_receiver_expire(p->receiver, p->now_ns);
}

static void unreachable(struct play *p)
{
    wherry_receiver_unreachable(p->receiver);
}

static void fail(struct play *p)
{
    wherry_receiver_fail(p->receiver, RES_NO_SPACE, WHERRY_ERROR_FULL, "disk full");
}

static void repeat(struct play *p)
{
    wherry_receiver_repeat(p->receiver, p->now_ns);
}

static void agree(struct play *p)
{
    struct wherry_agreed agreed = {.blksize = (uint16_t)(8 + feed_number(&p->feed, 1)),
                                   .windowsize = (uint16_t)(1 + feed_number(&p->feed, 1)),
                                   .rollover = p->agreed.rollover};

    if (wherry_receiver_state(p->receiver) == WHERRY_RECEIVER_OPENING && !p->has_agreed) {
        p->agreed = agreed;
        p->has_agreed = true;
    }
    wherry_receiver_agree(p->receiver, &agreed, p->now_ns);
}

static void (*const steps[])(struct play *p) = {
    give_next, control,   store,         wait,        wait_for_deadline,
    give_near, give_last, give_datagram, give_data,   commit,
    repeat,    run_on,    agree,         unreachable, fail,
};

static void judge(struct play *p)
{
    enum wherry_receiver_state state = wherry_receiver_state(p->receiver);
    uint64_t resent = wherry_receiver_resent(p->receiver);

    CHECK(state >= p->state);
    CHECK(p->state < WHERRY_RECEIVER_DONE || state == p->state);
    CHECK(resent >= p->resent);
    CHECK(wherry_receiver_bytes(p->receiver) == p->bytes);
    CHECK((state == WHERRY_RECEIVER_DALLYING || state == WHERRY_RECEIVER_DONE) == p->committed);
    p->state = state;
    p->resent = resent;
    if (wherry_receiver_over(p->receiver)) {
        CHECK(wherry_receiver_deadline(p->receiver) == WHERRY_NEVER);
        CHECK((wherry_receiver_result(p->receiver) == RES_OK) == (state == WHERRY_RECEIVER_DONE));
    }
}

/* When everything has left that may leave, the deadline lies ahead: a loop that wakes at it and
 * flushes does not spin. */
static void judge_rest(struct play *p)
{
    uint8_t buf[256];

    wherry_receiver_expire(p->receiver, p->now_ns);
    while (wherry_receiver_control(p->receiver, buf, sizeof(buf), p->now_ns) > 0) {
    }
    CHECK(wherry_receiver_deadline(p->receiver) > p->now_ns);
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
    wherry_receiver_free(p.receiver);
    return 0;
}
