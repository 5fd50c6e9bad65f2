/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/sender.h: the side of a TFTP transfer that sends DATA and waits for ACK
 * (RFC 1350 sections 2, 6; RFC 1123 section 4.2.3.1; RFC 7440).
 *
 *   OPENING --ACK 0--> SENDING --ACK of the short block--> DONE
 *      |                  |   (any other new ACK moves the window and stays)
 *      +------------------+--ERROR from peer, sends spent, read failed--> FAILED
 *
 * OPENING repeats the datagram that ACK 0 answers (OACK in a server, WRQ in a client) and is
 * skipped when there is none. An ACK inside the window lets a full new window leave at once, right
 * behind the acknowledged block. On expiry the unacknowledged part may leave again. With
 * windowsize 1 a repeated ACK lets nothing leave: answering it would double every later block
 * (RFC 1123, 4.2.3.1). With larger windows the first repeat that comes at least one round trip
 * after the window left restarts it: its first block was lost. After two losses within one
 * window's span, windows leave spread over the round trip until eight passed whole.
 *
 * Owns no socket, file or clock and never sees file bytes: it says which blocks may leave now, the
 * caller reads them straight behind their headers. Time comes in as now_ns, which never goes back.
 * After each call ask control(), burst() and deadline() again. */
#ifndef WHERRY_SENDER_H
#define WHERRY_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/options.h>
#include <wherry/packet.h>
#include <wherry/res.h>

#define WHERRY_NEVER UINT64_MAX
#define WHERRY_LENGTH_UNKNOWN UINT64_MAX
#define WHERRY_SENDS_UNHEARD 5u /* datagrams (or windows) to a peer that never answered */

struct wherry_sender;

enum wherry_sender_state {
    WHERRY_SENDER_OPENING,
    WHERRY_SENDER_SENDING,
    WHERRY_SENDER_DONE,
    WHERRY_SENDER_FAILED
};

struct wherry_sender_params {
    const uint8_t *opening; /* copied; NULL: none, begin with DATA 1 */
    size_t opening_len;
    struct wherry_agreed agreed;
    uint64_t length;      /* of the stream, bytes, or WHERRY_LENGTH_UNKNOWN */
    uint64_t patience_ns; /* without progress; 3 time-outs, if one is agreed, are always granted */
    /* An ERROR or a port unreachable in place of the last ACK still means done: boot ROMs take
     * the last block and go. Only for reads of a server; an upload must be acknowledged. */
    bool last_ack_optional;
    uint64_t now_ns;
};

/* Blocks that may leave now. Block first + i covers the blksize bytes of the stream from
 * offset + i * blksize; only the last block of the stream is shorter. */
struct wherry_burst {
    uint64_t first;  /* 64-bit block number, from 1 */
    uint64_t offset; /* of its first byte in the stream */
    uint64_t kept;   /* no byte before this offset is ever asked for again */
    uint32_t count;  /* at least 1 */
    uint16_t blksize;
    uint16_t last_len; /* bytes in the last of the count blocks */
    uint16_t rollover;
    bool again; /* the first of them has left before */
};

/* Makes a transfer. On success *ret is set and the caller frees it with wherry_sender_free(); on
 * failure *ret is untouched. Returns RES_OK or RES_NO_MEMORY. */
enum res wherry_sender_new(struct wherry_sender **ret, const struct wherry_sender_params *p);
/* Takes NULL. */
void wherry_sender_free(struct wherry_sender *s);

/* What arrived from the peer of this transfer. Packets that mean nothing here are ignored. */
void wherry_sender_input(struct wherry_sender *s, const struct wherry_packet *p, uint64_t now_ns);
/* A client: the OACK to our WRQ was accepted; stands for ACK 0. Only in OPENING. */
void wherry_sender_agree(struct wherry_sender *s, const struct wherry_agreed *agreed,
                         uint64_t now_ns);
/* A server: the identical request came again and nothing was acknowledged yet: the first answer
 * may leave again, counted among its sends. Nothing happens once something was acknowledged. */
void wherry_sender_repeat(struct wherry_sender *s, uint64_t now_ns);
/* ICMP says that nobody listens at the peer's port. */
void wherry_sender_unreachable(struct wherry_sender *s);
/* We give up, because of `why`; control() then offers an ERROR with this code and text (copied,
 * cut at 128 bytes). Nothing happens when the transfer is over. */
void wherry_sender_fail(struct wherry_sender *s, enum res why, enum wherry_error code,
                        const char *text);
/* The stream turned out to be this long (bytes). Only if the length was unknown, once, and not
 * before the end of what sent() reported. */
void wherry_sender_length(struct wherry_sender *s, uint64_t length);

/* What the clock says; when to wake (or WHERRY_NEVER). Early calls do no harm. */
void wherry_sender_expire(struct wherry_sender *s, uint64_t now_ns);
uint64_t wherry_sender_deadline(const struct wherry_sender *s);

/* At most max DATA blocks that may leave now. False: none. While the length is unknown every block
 * is offered whole; a caller that meets the end of its input calls wherry_sender_length() and asks
 * again. */
bool wherry_sender_burst(const struct wherry_sender *s, uint32_t max, struct wherry_burst *ret);
/* The four header bytes of the i-th block of a burst, roll-over included. */
void wherry_burst_header(const struct wherry_burst *b, uint32_t i,
                         uint8_t header[WHERRY_HEADER_BYTES]);
/* The kernel took count blocks of the burst (maybe fewer than offered). */
void wherry_sender_sent(struct wherry_sender *s, uint32_t count, uint64_t now_ns);
/* OACK, WRQ or ERROR that is due: its length in buf, 0 for none. The datagram counts as sent. */
size_t wherry_sender_control(struct wherry_sender *s, uint8_t *buf, size_t cap, uint64_t now_ns);

enum wherry_sender_state wherry_sender_state(const struct wherry_sender *s);
/* DONE or FAILED. An ERROR may still wait in control(). */
bool wherry_sender_over(const struct wherry_sender *s);
/* RES_OK when DONE; when FAILED why: RES_TIMEOUT, RES_PEER, RES_UNREACHABLE or what fail() got. */
enum res wherry_sender_result(const struct wherry_sender *s);

/* For logs, progress and fallbacks. */
bool wherry_sender_heard(const struct wherry_sender *s); /* the peer answered */
uint64_t wherry_sender_acked_bytes(const struct wherry_sender *s);
uint64_t wherry_sender_acked_blocks(const struct wherry_sender *s); /* 0: no DATA acknowledged */
uint64_t wherry_sender_resent(const struct wherry_sender *s);       /* DATA blocks sent again */
uint32_t wherry_sender_sends(const struct wherry_sender *s);        /* since the last progress */
bool wherry_sender_all_sent(const struct wherry_sender *s);         /* every byte has left once */

#endif
