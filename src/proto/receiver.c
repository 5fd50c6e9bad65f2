/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/receiver.h>

#include <stdlib.h>
#include <string.h>

#include <wherry/rtt.h>

#include "base/number.h"
#include "proto/block.h"
#include "proto/patience.h"
#include "proto/pending_error.h"

#define DALLY_NS (5 * NUMBER_SECOND)
#define DALLY_TIMEOUTS 3u
#define NO_BLOCK UINT64_MAX

struct wherry_receiver {
    enum wherry_receiver_state state;
    enum res result;
    struct wherry_agreed agreed;
    uint64_t patience_ns;
    bool heard;
    struct wherry_rtt rtt;

    uint64_t received; /* in order, up to this block */
    uint64_t stored;
    uint64_t acked;        /* the newest ACK that left; the window begins behind it */
    uint64_t acked_before; /* the one before: blocks up to it are old */
    bool last_received;
    uint64_t bytes;
    uint64_t gap_acked; /* the gap behind this block was announced; NO_BLOCK: none was */
    uint64_t repeated;  /* newest repeated block since the last ACK's window; NO_BLOCK: none */

    bool ack_due;
    uint64_t ack_when_stored; /* up to this block */
    uint32_t sends;           /* of the opening or of the present ACK, since the last progress */
    uint32_t ack_sends;       /* of the present ACK's number */
    uint64_t resent;

    uint64_t start_ns;
    uint64_t progress_ns;
    uint64_t wait_from_ns; /* the time-out counts from here */
    uint64_t ack_sent_ns;
    uint64_t dally_end_ns;

    bool opening_due;
    bool opening_is_ack; /* a client whose OACK was agreed to */
    struct pending_error error;
    size_t opening_len;
    uint8_t opening[];
};

enum res wherry_receiver_new(struct wherry_receiver **ret, const struct wherry_receiver_params *p)
{
    struct wherry_receiver *r = calloc(1, sizeof(*r) + p->opening_len);

    if (r == NULL) {
        return RES_NO_MEMORY;
    }
    r->agreed = p->agreed;
    r->patience_ns = p->patience_ns;
    wherry_rtt_init(&r->rtt, p->agreed.timeout_ns);
    r->gap_acked = NO_BLOCK;
    r->repeated = NO_BLOCK;
    r->start_ns = p->now_ns;
    r->progress_ns = p->now_ns;
    r->wait_from_ns = p->now_ns;
    memcpy(r->opening, p->opening, p->opening_len);
    r->opening_len = p->opening_len;
    r->opening_due = true;
    *ret = r;
    return RES_OK;
}

void wherry_receiver_free(struct wherry_receiver *r)
{
    if (r == NULL) {
        return;
    }
    pending_error_free(&r->error);
    free(r);
}

static void end(struct wherry_receiver *r, enum res result)
{
    r->state = result == RES_OK ? WHERRY_RECEIVER_DONE : WHERRY_RECEIVER_FAILED;
    r->result = result;
    r->ack_due = false;
}

/* Waits for DATA: before the first block, or between two. */
static bool open_for_data(const struct wherry_receiver *r)
{
    return r->state == WHERRY_RECEIVER_OPENING || r->state == WHERRY_RECEIVER_RECEIVING;
}

/* Asked for again while an ACK waits for its blocks to be stored, the later of the two is sent: it
 * says all that the earlier one would. */
static void ack_when_stored(struct wherry_receiver *r, uint64_t block)
{
    if (!r->ack_due || block > r->ack_when_stored) {
        r->ack_when_stored = block;
    }
    r->ack_due = true;
}

static void progress(struct wherry_receiver *r, uint64_t now_ns)
{
    r->progress_ns = now_ns;
    r->wait_from_ns = now_ns;
    r->sends = 0;
}

static enum wherry_verdict next_block(struct wherry_receiver *r, const struct wherry_packet *p,
                                      uint64_t now_ns, struct wherry_piece *ret)
{
    uint64_t block = r->received + 1;

    if (r->last_received || block > r->acked + r->agreed.windowsize) {
        return WHERRY_IGNORED;
    }
    if (r->ack_sends == 1 && r->acked == r->received) {
        wherry_rtt_sample(&r->rtt, now_ns - r->ack_sent_ns);
    }
    r->heard = true;
    r->state = WHERRY_RECEIVER_RECEIVING;
    r->opening_due = false;
    r->received = block;
    r->last_received = p->bytes.len < r->agreed.blksize;
    r->gap_acked = NO_BLOCK;
    r->repeated = NO_BLOCK;
    progress(r, now_ns);
    if (block == r->acked + r->agreed.windowsize) {
        ack_when_stored(r, block);
    }
    ret->block = block;
    ret->offset = r->bytes;
    ret->bytes = p->bytes;
    ret->last = r->last_received;
    r->bytes += p->bytes.len;
    return WHERRY_STORE;
}

/* RFC 7440 section 4: the sender goes back to the missing block. Once for each gap: the rest of
 * the window is on its way and would ask for the same again. */
static enum wherry_verdict block_missing(struct wherry_receiver *r)
{
    bool begun = r->state == WHERRY_RECEIVER_RECEIVING || r->agreed.windowsize > 1;

    if (!begun || r->last_received) {
        return WHERRY_IGNORED;
    }
    r->heard = true;
    if (r->gap_acked != r->received) {
        r->gap_acked = r->received;
        ack_when_stored(r, r->received);
    }
    return WHERRY_GAP;
}

/* Our ACK was lost when blocks come again that it acknowledged. */
static enum wherry_verdict block_repeated(struct wherry_receiver *r, uint64_t block)
{
    if (block == 0) {
        return WHERRY_IGNORED;
    }
    if (r->agreed.windowsize == 1) {
        if (block == r->received) {
            ack_when_stored(r, block);
        }
    } else if (block > r->acked_before && block <= r->acked) {
        /* Numbers that rise belong to one repetition, one that does not rise begins the next. */
        if (r->repeated == NO_BLOCK || block <= r->repeated) {
            ack_when_stored(r, r->acked);
        }
        r->repeated = block;
    }
    return WHERRY_DUPLICATE;
}

static enum wherry_verdict data_received(struct wherry_receiver *r, const struct wherry_packet *p,
                                         uint64_t now_ns, struct wherry_piece *ret)
{
    uint64_t block;

    if (!block_from_wire(p->block, r->received, r->agreed.rollover, &block)) {
        return WHERRY_IGNORED;
    }
    if (r->state == WHERRY_RECEIVER_DALLYING) {
        if (block == r->received) {
            ack_when_stored(r, block);
        }
        return WHERRY_DUPLICATE;
    }
    if (!open_for_data(r)) {
        return WHERRY_IGNORED;
    }
    if (p->bytes.len > r->agreed.blksize) {
        wherry_receiver_fail(r, RES_PROTOCOL, WHERRY_ERROR_ILLEGAL, "block longer than agreed");
        return WHERRY_IGNORED;
    }
    if (block == r->received + 1) {
        return next_block(r, p, now_ns, ret);
    }
    if (block > r->received) {
        return block_missing(r);
    }
    return block_repeated(r, block);
}

enum wherry_verdict wherry_receiver_input(struct wherry_receiver *r, const struct wherry_packet *p,
                                          uint64_t now_ns, struct wherry_piece *ret)
{
    if (wherry_receiver_over(r)) {
        return WHERRY_IGNORED;
    }
    switch (p->opcode) {
    case WHERRY_DATA:
        return data_received(r, p, now_ns, ret);
    case WHERRY_OACK:
        if (r->state == WHERRY_RECEIVER_OPENING && r->opening_is_ack) {
            r->opening_due = true; /* our ACK 0 was lost */
        }
        return WHERRY_IGNORED;
    case WHERRY_ERROR:
        r->heard = true;
        end(r, r->state == WHERRY_RECEIVER_DALLYING ? RES_OK : RES_PEER);
        return WHERRY_IGNORED;
    default:
        return WHERRY_IGNORED;
    }
}

void wherry_receiver_agree(struct wherry_receiver *r, const struct wherry_agreed *agreed,
                           uint64_t now_ns)
{
    if (r->state != WHERRY_RECEIVER_OPENING || r->opening_is_ack) {
        return;
    }
    if (r->ack_sends == 1) {
        wherry_rtt_sample(&r->rtt, now_ns - r->ack_sent_ns);
    }
    r->agreed = *agreed;
    r->rtt.fixed_ns = agreed->timeout_ns;
    r->heard = true;
    r->opening_is_ack = true;
    r->opening_due = true;
    r->ack_sends = 0;
    progress(r, now_ns);
}

void wherry_receiver_stored(struct wherry_receiver *r, uint64_t block, uint64_t now_ns)
{
    if (!open_for_data(r) || block <= r->stored || block > r->received) {
        return;
    }
    r->stored = block;
    /* Our own disk's time is not the peer's silence. */
    r->progress_ns = now_ns;
    r->wait_from_ns = now_ns;
    if (r->last_received && block == r->received) {
        r->state = WHERRY_RECEIVER_COMMITTING;
        r->ack_due = false;
    }
}

void wherry_receiver_committed(struct wherry_receiver *r, uint64_t now_ns)
{
    uint64_t timeouts_ns = DALLY_TIMEOUTS * wherry_rtt_timeout_ns(&r->rtt);

    if (r->state != WHERRY_RECEIVER_COMMITTING) {
        return;
    }
    r->state = WHERRY_RECEIVER_DALLYING;
    r->dally_end_ns = now_ns + number_max(timeouts_ns, DALLY_NS);
    ack_when_stored(r, r->received);
}

void wherry_receiver_repeat(struct wherry_receiver *r, uint64_t now_ns)
{
    (void)now_ns;
    if (!r->heard && r->state == WHERRY_RECEIVER_OPENING && r->sends < WHERRY_SENDS_UNHEARD) {
        r->opening_due = true;
    }
}

void wherry_receiver_unreachable(struct wherry_receiver *r)
{
    if (!wherry_receiver_over(r)) {
        end(r, r->state == WHERRY_RECEIVER_DALLYING ? RES_OK : RES_UNREACHABLE);
    }
}

void wherry_receiver_fail(struct wherry_receiver *r, enum res why, enum wherry_error code,
                          const char *text)
{
    if (wherry_receiver_over(r) || r->state == WHERRY_RECEIVER_DALLYING) {
        return;
    }
    pending_error_set(&r->error, code, text);
    end(r, why);
}

static uint64_t give_up_ns(const struct wherry_receiver *r)
{
    return patience_end_ns(r->patience_ns, r->agreed.timeout_ns, r->heard, r->start_ns,
                           r->progress_ns);
}

void wherry_receiver_expire(struct wherry_receiver *r, uint64_t now_ns)
{
    if (now_ns < wherry_receiver_deadline(r)) {
        return;
    }
    if (r->state == WHERRY_RECEIVER_DALLYING) {
        end(r, RES_OK);
        return;
    }
    if (now_ns >= give_up_ns(r) || (!r->heard && r->sends >= WHERRY_SENDS_UNHEARD)) {
        end(r, RES_TIMEOUT);
        return;
    }
    wherry_rtt_expired(&r->rtt);
    r->wait_from_ns = now_ns;
    if (r->state == WHERRY_RECEIVER_OPENING) {
        r->opening_due = true;
    } else {
        ack_when_stored(r, r->stored);
    }
}

uint64_t wherry_receiver_deadline(const struct wherry_receiver *r)
{
    uint64_t give_up = give_up_ns(r);
    uint64_t timeout_ns = r->wait_from_ns + wherry_rtt_timeout_ns(&r->rtt);

    if (r->state == WHERRY_RECEIVER_DALLYING) {
        return r->dally_end_ns;
    }
    /* While bytes are stored or the file gets its name, the peer waits for us. */
    if (!open_for_data(r) || r->stored < r->received) {
        return WHERRY_NEVER;
    }
    return number_min(timeout_ns, give_up);
}

static size_t opening_write(struct wherry_receiver *r, uint8_t *buf, size_t cap)
{
    if (r->opening_is_ack) {
        return wherry_packet_ack(buf, cap, 0);
    }
    if (cap < r->opening_len) {
        return 0;
    }
    memcpy(buf, r->opening, r->opening_len);
    return r->opening_len;
}

static bool ack_ready(const struct wherry_receiver *r)
{
    return r->ack_due && r->stored >= r->ack_when_stored &&
           (open_for_data(r) || r->state == WHERRY_RECEIVER_DALLYING);
}

static void ack_left(struct wherry_receiver *r)
{
    r->ack_due = false;
    if (r->stored > r->acked) {
        r->acked_before = r->acked;
        r->acked = r->stored;
        r->ack_sends = 0;
    }
}

size_t wherry_receiver_control(struct wherry_receiver *r, uint8_t *buf, size_t cap, uint64_t now_ns)
{
    bool opening = r->opening_due && r->state == WHERRY_RECEIVER_OPENING;
    size_t len = 0;

    if (r->error.due) {
        return pending_error_take(&r->error, buf, cap);
    }
    if (opening) {
        len = opening_write(r, buf, cap);
    } else if (ack_ready(r)) {
        len = wherry_packet_ack(buf, cap, block_to_wire(r->stored, r->agreed.rollover));
    }
    if (len == 0) {
        return 0; /* nothing is due, or buf is too small and it stays due */
    }
    if (opening) {
        r->opening_due = false;
    } else {
        ack_left(r);
    }
    r->resent += r->ack_sends > 0 ? 1 : 0;
    r->ack_sends++;
    r->sends++;
    r->ack_sent_ns = now_ns;
    r->wait_from_ns = now_ns;
    return len;
}

enum wherry_receiver_state wherry_receiver_state(const struct wherry_receiver *r)
{
    return r->state;
}

bool wherry_receiver_over(const struct wherry_receiver *r)
{
    return r->state == WHERRY_RECEIVER_DONE || r->state == WHERRY_RECEIVER_FAILED;
}

enum res wherry_receiver_result(const struct wherry_receiver *r)
{
    return r->result;
}

bool wherry_receiver_heard(const struct wherry_receiver *r)
{
    return r->heard;
}

uint64_t wherry_receiver_bytes(const struct wherry_receiver *r)
{
    return r->bytes;
}

uint64_t wherry_receiver_resent(const struct wherry_receiver *r)
{
    return r->resent;
}

uint32_t wherry_receiver_sends(const struct wherry_receiver *r)
{
    return r->sends;
}
