/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/sender.h>

#include <stdlib.h>
#include <string.h>

#include <wherry/rtt.h>

#include "base/number.h"
#include "proto/block.h"
#include "proto/pace.h"
#include "proto/patience.h"
#include "proto/pending_error.h"

/* Blocks acked + 1 to acked + window are in the window; those before `next` have left. */
struct wherry_sender {
    enum wherry_sender_state state;
    enum res result;
    struct wherry_agreed agreed;
    uint64_t length;
    uint64_t last_block; /* UINT64_MAX while the length is unknown */
    uint64_t patience_ns;
    bool last_ack_optional;
    bool heard;
    struct wherry_rtt rtt;

    uint64_t acked;
    uint64_t next;
    uint64_t highest; /* that ever left */
    uint32_t window;  /* of this round: windowsize, or 1 for a peer that stays silent */
    uint32_t sends;   /* of the opening, or of the window's first block, since the last progress */
    uint64_t resent;

    uint64_t start_ns;
    uint64_t progress_ns;
    uint64_t wait_from_ns; /* the time-out counts from here */
    uint64_t left_ns;      /* when the window's first block left */
    uint64_t once_from;    /* blocks from here on left once, all of them in this window */
    uint64_t timed_from;   /* and these at timed_ns: the ACK of one gives a round trip */
    uint64_t timed_ns;
    bool restarted; /* by a repeated ACK; once for each acknowledged block */

    struct pace pace;

    bool opening_due;
    struct pending_error error;
    size_t opening_len;
    uint8_t opening[];
};

static void set_length(struct wherry_sender *s, uint64_t length)
{
    s->length = length;
    s->last_block = length == WHERRY_LENGTH_UNKNOWN ? UINT64_MAX : length / s->agreed.blksize + 1;
}

/* The part behind the acknowledged block may leave, from its beginning. */
static void window_open(struct wherry_sender *s, uint64_t now_ns)
{
    s->next = s->acked + 1;
    /* Sent five times in vain: the peer is gone or its path is choked; a whole window each time
     * would only add to that. */
    s->window = s->sends >= WHERRY_SENDS_UNHEARD ? 1 : s->agreed.windowsize;
    s->wait_from_ns = now_ns;
    pace_window_opened(&s->pace, now_ns);
    s->once_from = s->highest + 1;
    s->timed_from = s->once_from;
}

static void begin_sending(struct wherry_sender *s, uint64_t now_ns)
{
    s->state = WHERRY_SENDER_SENDING;
    s->sends = 0;
    s->progress_ns = now_ns;
    s->opening_due = false;
    window_open(s, now_ns);
}

enum res wherry_sender_new(struct wherry_sender **ret, const struct wherry_sender_params *p)
{
    struct wherry_sender *s = calloc(1, sizeof(*s) + p->opening_len);

    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    s->agreed = p->agreed;
    s->patience_ns = p->patience_ns;
    s->last_ack_optional = p->last_ack_optional;
    s->start_ns = p->now_ns;
    s->progress_ns = p->now_ns;
    s->wait_from_ns = p->now_ns;
    set_length(s, p->length);
    wherry_rtt_init(&s->rtt, p->agreed.timeout_ns);
    if (p->opening_len > 0) {
        memcpy(s->opening, p->opening, p->opening_len);
        s->opening_len = p->opening_len;
        s->opening_due = true;
    } else {
        begin_sending(s, p->now_ns);
    }
    *ret = s;
    return RES_OK;
}

void wherry_sender_free(struct wherry_sender *s)
{
    if (s == NULL) {
        return;
    }
    pending_error_free(&s->error);
    free(s);
}

static void end(struct wherry_sender *s, enum res result)
{
    s->state = result == RES_OK ? WHERRY_SENDER_DONE : WHERRY_SENDER_FAILED;
    s->result = result;
}

/* ACK 0, or what stands for it. */
static void opening_answered(struct wherry_sender *s, uint64_t now_ns)
{
    if (s->sends == 1) {
        wherry_rtt_sample(&s->rtt, now_ns - s->timed_ns);
    }
    s->heard = true;
    begin_sending(s, now_ns);
}

/* Karn's rule: only a block that left once measures the round trip; of a window that left in pieces
 * only the newest piece has its time. The doubling ends sooner: when the window left once since it
 * was opened. What had left before, the receiver had thrown away when its ACK asked to go back, so
 * that its answer is no ambiguous one. On a bad path most of what leaves has left before, and
 * time-outs that stay doubled would cost many seconds for each loss. */
static void measure(struct wherry_sender *s, uint64_t block, uint64_t now_ns)
{
    if (block >= s->timed_from) {
        wherry_rtt_sample(&s->rtt, now_ns - s->timed_ns);
    } else if (block >= s->once_from || s->sends == 1) {
        wherry_rtt_answered(&s->rtt);
    }
}

/* RFC 7440 section 4: blocks behind an ACK inside the window leave again. */
static void window_moved(struct wherry_sender *s, uint64_t block, uint64_t now_ns)
{
    measure(s, block, now_ns);
    if (block + 1 < s->next) {
        pace_loss(&s->pace, block, s->agreed.windowsize);
    } else if (block == s->acked + s->agreed.windowsize) {
        pace_window_passed(&s->pace);
    }
    pace_window_is_new(&s->pace);
    s->acked = block;
    s->progress_ns = now_ns;
    s->sends = 0;
    s->restarted = false;
    if (block == s->last_block) {
        end(s, RES_OK);
        return;
    }
    window_open(s, now_ns);
}

/* The receiver repeats its last ACK when the window's first block was lost. One that was on its way
 * before the window left says nothing, hence the round trip; and answering more than one would
 * double the traffic (RFC 1123, 4.2.3.1), with windowsize 1 already the first. */
static void ack_repeated(struct wherry_sender *s, uint64_t now_ns)
{
    bool out = s->next > s->acked + 1;

    if (s->agreed.windowsize == 1 || !out || s->restarted || s->rtt.samples == 0 ||
        now_ns - s->left_ns < s->rtt.smallest_ns) {
        return;
    }
    s->restarted = true;
    pace_loss(&s->pace, s->acked, s->agreed.windowsize);
    window_open(s, now_ns);
}

static void ack_received(struct wherry_sender *s, uint16_t wire, uint64_t now_ns)
{
    uint64_t block;

    if (s->state == WHERRY_SENDER_OPENING) {
        /* A block before any was sent, or while the opening waits to leave, means nothing. */
        if (wire == 0 && s->sends > 0) {
            opening_answered(s, now_ns);
        }
        return;
    }
    if (!block_from_wire(wire, s->acked, s->agreed.rollover, &block) || block < s->acked ||
        block > s->highest) {
        return;
    }
    s->heard = true;
    if (block == s->acked) {
        ack_repeated(s, now_ns);
    } else {
        window_moved(s, block, now_ns);
    }
}

static void peer_gone(struct wherry_sender *s, enum res why)
{
    end(s, s->last_ack_optional && wherry_sender_all_sent(s) ? RES_OK : why);
}

void wherry_sender_input(struct wherry_sender *s, const struct wherry_packet *p, uint64_t now_ns)
{
    if (wherry_sender_over(s)) {
        return;
    }
    if (p->opcode == WHERRY_ACK) {
        ack_received(s, p->block, now_ns);
    } else if (p->opcode == WHERRY_ERROR) {
        s->heard = true;
        peer_gone(s, RES_PEER);
    }
}

void wherry_sender_agree(struct wherry_sender *s, const struct wherry_agreed *agreed,
                         uint64_t now_ns)
{
    if (s->state != WHERRY_SENDER_OPENING) {
        return;
    }
    s->agreed = *agreed;
    s->rtt.fixed_ns = agreed->timeout_ns;
    set_length(s, s->length);
    opening_answered(s, now_ns);
}

void wherry_sender_repeat(struct wherry_sender *s, uint64_t now_ns)
{
    if (s->heard || wherry_sender_over(s) || s->sends >= WHERRY_SENDS_UNHEARD) {
        return;
    }
    if (s->state == WHERRY_SENDER_OPENING) {
        s->opening_due = true;
    } else {
        window_open(s, now_ns);
    }
}

void wherry_sender_unreachable(struct wherry_sender *s)
{
    if (!wherry_sender_over(s)) {
        peer_gone(s, RES_UNREACHABLE);
    }
}

void wherry_sender_fail(struct wherry_sender *s, enum res why, enum wherry_error code,
                        const char *text)
{
    if (wherry_sender_over(s)) {
        return;
    }
    pending_error_set(&s->error, code, text);
    end(s, why);
}

void wherry_sender_length(struct wherry_sender *s, uint64_t length)
{
    if (s->length == WHERRY_LENGTH_UNKNOWN && length >= s->highest * s->agreed.blksize) {
        set_length(s, length);
    }
}

/* Spread over the round trip, the blocks of a window leave this far apart. */
static uint64_t pace_interval_ns(const struct wherry_sender *s)
{
    return s->rtt.mean_ns / s->agreed.windowsize;
}

/* Blocks of the present window, the stream's end considered. */
static uint32_t window_blocks(const struct wherry_sender *s)
{
    return (uint32_t)number_min(s->window, s->last_block - s->acked);
}

/* Something left that an answer is due to. Otherwise the silence is our own: the input is slow or
 * the socket full. */
static bool outstanding(const struct wherry_sender *s)
{
    return s->sends > 0 && (s->state == WHERRY_SENDER_OPENING || s->next > s->acked + 1);
}

static uint64_t give_up_ns(const struct wherry_sender *s)
{
    return patience_end_ns(s->patience_ns, s->agreed.timeout_ns, s->heard, s->start_ns,
                           s->progress_ns);
}

static void resend(struct wherry_sender *s, uint64_t now_ns)
{
    wherry_rtt_expired(&s->rtt);
    if (s->state == WHERRY_SENDER_OPENING) {
        s->opening_due = true;
        s->wait_from_ns = now_ns;
    } else {
        pace_loss(&s->pace, s->acked, s->agreed.windowsize);
        window_open(s, now_ns);
    }
}

void wherry_sender_expire(struct wherry_sender *s, uint64_t now_ns)
{
    if (wherry_sender_over(s)) {
        return;
    }
    if (now_ns >= give_up_ns(s)) {
        end(s, RES_TIMEOUT);
        return;
    }
    pace_release(&s->pace, window_blocks(s), pace_interval_ns(s), now_ns);
    if (!outstanding(s) || now_ns - s->wait_from_ns < wherry_rtt_timeout_ns(&s->rtt)) {
        return;
    }
    if (!s->heard && s->sends >= WHERRY_SENDS_UNHEARD) {
        end(s, RES_TIMEOUT);
        return;
    }
    resend(s, now_ns);
}

uint64_t wherry_sender_deadline(const struct wherry_sender *s)
{
    uint64_t deadline_ns;

    if (wherry_sender_over(s)) {
        return WHERRY_NEVER;
    }
    deadline_ns = give_up_ns(s);
    if (outstanding(s)) {
        deadline_ns = number_min(deadline_ns, s->wait_from_ns + wherry_rtt_timeout_ns(&s->rtt));
    }
    if (s->state == WHERRY_SENDER_SENDING) {
        deadline_ns = number_min(deadline_ns,
                                 pace_deadline_ns(&s->pace, window_blocks(s), pace_interval_ns(s)));
    }
    return deadline_ns;
}

bool wherry_sender_burst(const struct wherry_sender *s, uint32_t max, struct wherry_burst *ret)
{
    uint64_t end_block = s->acked + pace_limit(&s->pace, window_blocks(s), pace_interval_ns(s));
    uint64_t count;

    if (s->state != WHERRY_SENDER_SENDING || max == 0 || s->next > end_block) {
        return false;
    }
    count = number_min(end_block - s->next + 1, max);
    ret->first = s->next;
    ret->offset = (s->next - 1) * s->agreed.blksize;
    ret->kept = s->acked * s->agreed.blksize;
    ret->count = (uint32_t)count;
    ret->blksize = s->agreed.blksize;
    ret->last_len = s->agreed.blksize;
    if (s->next + count - 1 == s->last_block) {
        ret->last_len = (uint16_t)(s->length % s->agreed.blksize);
    }
    ret->rollover = s->agreed.rollover;
    ret->again = s->next <= s->highest;
    return true;
}

void wherry_burst_header(const struct wherry_burst *b, uint32_t i,
                         uint8_t header[WHERRY_HEADER_BYTES])
{
    wherry_packet_data_header(header, block_to_wire(b->first + i, b->rollover));
}

void wherry_sender_sent(struct wherry_sender *s, uint32_t count, uint64_t now_ns)
{
    uint64_t newest = s->next + count - 1;

    if (count == 0 || s->state != WHERRY_SENDER_SENDING) {
        return;
    }
    if (s->next == s->acked + 1) {
        s->left_ns = now_ns;
        s->sends++;
    }
    if (s->next <= s->highest) {
        s->resent += number_min(newest, s->highest) - s->next + 1;
    }
    if (newest > s->highest) {
        s->timed_from = s->highest + 1;
        s->timed_ns = now_ns;
        s->highest = newest;
    }
    s->next = newest + 1;
    s->wait_from_ns = now_ns;
}

size_t wherry_sender_control(struct wherry_sender *s, uint8_t *buf, size_t cap, uint64_t now_ns)
{
    if (s->error.due) {
        return pending_error_take(&s->error, buf, cap);
    }
    if (!s->opening_due || s->state != WHERRY_SENDER_OPENING || cap < s->opening_len) {
        return 0;
    }
    memcpy(buf, s->opening, s->opening_len);
    s->opening_due = false;
    s->sends++;
    s->timed_ns = now_ns;
    s->wait_from_ns = now_ns;
    return s->opening_len;
}

enum wherry_sender_state wherry_sender_state(const struct wherry_sender *s)
{
    return s->state;
}

bool wherry_sender_over(const struct wherry_sender *s)
{
    return s->state == WHERRY_SENDER_DONE || s->state == WHERRY_SENDER_FAILED;
}

enum res wherry_sender_result(const struct wherry_sender *s)
{
    return s->result;
}

bool wherry_sender_heard(const struct wherry_sender *s)
{
    return s->heard;
}

uint64_t wherry_sender_acked_bytes(const struct wherry_sender *s)
{
    return number_min(s->acked * s->agreed.blksize, s->length);
}

uint64_t wherry_sender_acked_blocks(const struct wherry_sender *s)
{
    return s->acked;
}

uint64_t wherry_sender_resent(const struct wherry_sender *s)
{
    return s->resent;
}

uint32_t wherry_sender_sends(const struct wherry_sender *s)
{
    return s->sends;
}

bool wherry_sender_all_sent(const struct wherry_sender *s)
{
    return s->length != WHERRY_LENGTH_UNKNOWN && s->highest > 0 &&
           s->highest >=
               s->length / s->agreed.blksize + (s->length % s->agreed.blksize != 0 ? 1 : 0);
}
