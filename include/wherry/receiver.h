/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/receiver.h: the side of a TFTP transfer that takes DATA and sends ACK
 * (RFC 1350 sections 2, 6; RFC 7440).
 *
 *   OPENING --DATA 1--> RECEIVING --short block stored--> COMMITTING --committed()--> DALLYING
 *      |                    |                                  |                         |
 *      +--------------------+--ERROR from peer, sends spent,---+                  time out, ERROR
 *                              write failed--> FAILED                                  --> DONE
 *
 * OPENING repeats the datagram that DATA 1 answers: ACK 0 or OACK in a server; in a client the RRQ,
 * and once an OACK was agreed to, ACK 0. A DATA that is the only block and short passes through
 * RECEIVING at once. COMMITTING waits for the caller to give the file its name, so that the last
 * ACK never promises what is not there. DALLYING answers a repeated last DATA, for 5 s or three of
 * the sender's likely time-outs, whichever is longer.
 *
 * ACKs leave at the end of a window, once for each gap, once for each repeated window, and on our
 * own time-out; never before stored() has reported the block. Blocks beyond the window are not
 * taken, so a caller holds at most one window of unstored bytes.
 *
 * Owns no socket, file or clock. Time comes in as now_ns, which never goes back. After each call
 * ask control() and deadline() again. */
#ifndef WHERRY_RECEIVER_H
#define WHERRY_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/options.h>
#include <wherry/packet.h>
#include <wherry/res.h>
#include <wherry/sender.h> /* WHERRY_NEVER */

struct wherry_receiver;

enum wherry_receiver_state {
    WHERRY_RECEIVER_OPENING,
    WHERRY_RECEIVER_RECEIVING,
    WHERRY_RECEIVER_COMMITTING,
    WHERRY_RECEIVER_DALLYING,
    WHERRY_RECEIVER_DONE,
    WHERRY_RECEIVER_FAILED
};

enum wherry_verdict {
    WHERRY_STORE,     /* the next block: store it and report stored() */
    WHERRY_DUPLICATE, /* had it */
    WHERRY_GAP,       /* a block before it is missing */
    WHERRY_IGNORED    /* no DATA, or none that means anything here */
};

struct wherry_receiver_params {
    const uint8_t *opening; /* copied; never NULL */
    size_t opening_len;
    struct wherry_agreed agreed;
    uint64_t patience_ns; /* without progress; 3 time-outs, if one is agreed, are always granted */
    uint64_t now_ns;
};

/* Bytes to store. */
struct wherry_piece {
    uint64_t block;           /* 64-bit number, from 1: what stored() takes */
    uint64_t offset;          /* in the stream */
    struct wherry_view bytes; /* in the datagram; empty in the last block of an exact multiple */
    bool last;
};

/* As in sender.h: *ret is set on RES_OK only; RES_NO_MEMORY otherwise. */
enum res wherry_receiver_new(struct wherry_receiver **ret, const struct wherry_receiver_params *p);
/* Takes NULL. */
void wherry_receiver_free(struct wherry_receiver *r);

/* What arrived from the peer of this transfer. *ret is written with WHERRY_STORE only. A block
 * longer than agreed ends the transfer with an ERROR. */
enum wherry_verdict wherry_receiver_input(struct wherry_receiver *r, const struct wherry_packet *p,
                                          uint64_t now_ns, struct wherry_piece *ret);
/* A client: the OACK to our RRQ was accepted; ACK 0 is due. Only in OPENING. */
void wherry_receiver_agree(struct wherry_receiver *r, const struct wherry_agreed *agreed,
                           uint64_t now_ns);
/* All blocks up to this one are stored. */
void wherry_receiver_stored(struct wherry_receiver *r, uint64_t block, uint64_t now_ns);
/* The file has its name; the last ACK is due. Only in COMMITTING. */
void wherry_receiver_committed(struct wherry_receiver *r, uint64_t now_ns);

/* As in sender.h. */
void wherry_receiver_repeat(struct wherry_receiver *r, uint64_t now_ns);
void wherry_receiver_unreachable(struct wherry_receiver *r);
void wherry_receiver_fail(struct wherry_receiver *r, enum res why, enum wherry_error code,
                          const char *text);
void wherry_receiver_expire(struct wherry_receiver *r, uint64_t now_ns);
uint64_t wherry_receiver_deadline(const struct wherry_receiver *r);

/* RRQ, OACK, ACK or ERROR that is due: its length in buf, 0 for none. Counts as sent. */
size_t wherry_receiver_control(struct wherry_receiver *r, uint8_t *buf, size_t cap,
                               uint64_t now_ns);

enum wherry_receiver_state wherry_receiver_state(const struct wherry_receiver *r);
/* DONE or FAILED. An ERROR may still wait in control(). */
bool wherry_receiver_over(const struct wherry_receiver *r);
/* RES_OK when DALLYING or DONE; when FAILED why. */
enum res wherry_receiver_result(const struct wherry_receiver *r);

bool wherry_receiver_heard(const struct wherry_receiver *r);
uint64_t wherry_receiver_bytes(const struct wherry_receiver *r);  /* received in order */
uint64_t wherry_receiver_resent(const struct wherry_receiver *r); /* ACKs sent again */
uint32_t wherry_receiver_sends(const struct wherry_receiver *r);  /* since the last progress */

#endif
