/* SPDX-License-Identifier: BSD-2-Clause */
/* client/tftp_side.h: one attempt at a transfer: a request, a core, a socket and a timer.
 *
 *   ASKING --first answer from the address asked--> RUNNING --core over--> ended()
 *     |        (its port is the server's TID)          |
 *     +--nobody there, patience spent, interrupted-----+
 *
 * ASKING: DATA 1, ACK 0, OACK or ERROR is an answer, anything else is not looked at. An OACK is
 * judged once; one that breaks RFC 2347 gets ERROR 8 and ends the attempt. Packets from any other
 * address or port get ERROR 5 in both states (an ERROR gets nothing) and change nothing.
 *
 * The attempt gives up for smaller blocks when an OACK was agreed and then, 3 sends and 3 s later,
 * still no block came through: large ones may be lost on the way for good, as fragments or as
 * packets too big for a link.
 *
 * A wake-up takes one batch of what is there (in lock-step one datagram, which is all there is),
 * and then everything that follows from it leaves. */
#ifndef CLIENT_TFTP_SIDE_H
#define CLIENT_TFTP_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <wherry/options.h>
#include <wherry/packet.h>
#include <wherry/res.h>

#include "client/attempts.h"
#include "client/outcome.h"
#include "client/tftp_asks.h"
#include "client/tftp_core.h"
#include "io/loop.h"
#include "net/udp.h"
#include "store/sink.h"
#include "store/source.h"

struct tftp_side;

struct tftp_side_params {
    struct loop *loop;
    struct udp_batch *batch;
    struct udp_out *out;       /* WRQ */
    const struct addr *server; /* where requests go; outlives the side */
    int fd;                    /* a UDP socket of udp_open(); the side closes it */
    enum wherry_opcode opcode; /* WHERRY_RRQ or WHERRY_WRQ */
    const char *name;          /* copied, as part of the request */
    enum wherry_mode mode;
    struct tftp_asks asks;
    uint64_t patience_ns;
    struct sink *sink;     /* RRQ */
    struct source *source; /* WRQ */
    bool gathers;          /* RRQ: see tftp_get.h */
    bool strict_size;      /* RRQ */
    /* From the loop, never from inside tftp_side_start(); may free the side. */
    void (*agreed)(void *owner); /* the OACK was accepted */
    void (*ended)(void *owner);
    void *owner;
};

/* Takes the socket over, on success only. RES_NO_MEMORY; RES_NAME: the request does not fit a
 * datagram. The request leaves with the loop's next turn. */
enum res tftp_side_start(struct tftp_side **ret, const struct tftp_side_params *p);
/* Takes NULL. */
void tftp_side_free(struct tftp_side *s);

/* What the sink or the source calls back. The owner passes it on, since these outlive a side. */
void tftp_side_stored(struct tftp_side *s, enum res r, uint64_t block);
void tftp_side_committed(struct tftp_side *s, enum res r);
void tftp_side_ready(struct tftp_side *s);
/* Ends the transfer, telling the server; ended() comes in the loop's next turn. */
void tftp_side_interrupt(struct tftp_side *s, int signum);

const struct wherry_agreed *tftp_side_agreed(const struct tftp_side *s);
uint64_t tftp_side_bytes(const struct tftp_side *s);
uint64_t tftp_side_resent(const struct tftp_side *s);
/* RRQ: see tftp_get_size_differs(). */
bool tftp_side_size_differs(const struct tftp_side *s, uint64_t *ret_announced);
/* Once ended. */
enum attempt_end tftp_side_end(const struct tftp_side *s);
const struct outcome *tftp_side_outcome(const struct tftp_side *s);

#endif
