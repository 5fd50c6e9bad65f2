/* SPDX-License-Identifier: BSD-2-Clause */
/* net/udp_out.h: datagrams of many transfers that leave in as few system calls as can be.
 *
 *   udp_out_to(line) --udp_out_data()*, udp_out_control()*--> udp_out_flush()
 *
 * One queue for each loop. What is added waits until the flush (or until there is no room, or the
 * line changes) and leaves by one sendmmsg(2); the blocks of one burst are joined into one message
 * that the kernel cuts (UDP_SEGMENT, at most 64 segments and 65,507 bytes), as long as the line and
 * the path allow it. What the kernel refuses with EMSGSIZE, EINVAL, EIO, EOPNOTSUPP or EPERM (a
 * firewall may judge by length) as segments leaves again as single datagrams, and that transfer
 * uses no segments any more. A refusal of one datagram (no route, a firewall's veto) loses that one
 * and goes on behind it, as if the network had lost it.
 *
 * When the socket is full, what is left is copied to the line and leaves when it is writable. The
 * line is `full` until then, and nothing should be added: it would only wait behind, and what is
 * over UDP_OUT_HELD_BYTES is lost. Flush before a line, a transfer's `segments` or its blocks go.
 *
 * A send may meet what ICMP said about an earlier datagram, to any peer: it is tried again, and the
 * line says that the error queue has something to tell. */
#ifndef NET_UDP_OUT_H
#define NET_UDP_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>
#include <wherry/res.h>
#include <wherry/sender.h>

#include "net/addr.h"

#define UDP_OUT_BLOCK_BYTES 262144u /* room for blocks between two flushes */
#define UDP_OUT_HELD_BYTES 524288u  /* held by one full line, at most */

struct udp_out;

/* A socket as the queue sees it. All zero but fd is a new one; `held` is the queue's. */
struct udp_line {
    int fd;
    bool full;   /* wait for LOOP_WRITE, then udp_line_resume() */
    bool errors; /* a send failed: see udp_take_error(); whoever drains it sets false */
    void *held;
};

enum udp_out_segments { UDP_SEGMENTS_AUTO, UDP_SEGMENTS_OFF };

/* AUTO: if the kernel has UDP_SEGMENT (asked once). RES_NO_MEMORY, or why no socket can be made. */
enum res udp_out_new(struct udp_out **ret, enum udp_out_segments segments);
void udp_out_free(struct udp_out *o); /* takes NULL; nothing may wait */

/* Where what follows goes. Flushes what waits for another line. */
void udp_out_to(struct udp_out *o, struct udp_line *line);
/* Room for the blocks of one burst (at most UDP_OUT_BLOCK_BYTES), good until the next call with the
 * same queue; may flush. To be followed by udp_out_data() with it, or left. */
uint8_t *udp_out_room(struct udp_out *o, size_t bytes);
/* The burst's blocks, behind one another at `blocks` (from udp_out_room(), or memory that stays as
 * it is until the flush). Headers are written here. peer is copied. *segments: the transfer's own,
 * true at first, false once its path refused; must live until the flush. */
void udp_out_data(struct udp_out *o, const struct addr *peer, const struct wherry_burst *b,
                  const uint8_t *blocks, bool *segments);
/* One datagram, copied; at most UDP_OUT_BLOCK_BYTES. */
void udp_out_control(struct udp_out *o, const struct addr *peer, const uint8_t *bytes, size_t len);
void udp_out_flush(struct udp_out *o);

/* The socket is writable: sends what was held. False: it is full again. */
bool udp_line_resume(struct udp_line *line);
/* Forgets what was held. */
void udp_line_clear(struct udp_line *line);

#endif
