/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/exchange_output.h: bytes of one connection that are due, in the order in which they leave.
 *
 *   frames | header of a DATA frame | its bytes, which somebody else sends | aside
 *
 * Behind the header of a DATA frame nothing is added until its bytes have left. Frames of the
 * connection itself (id 0) that come up meanwhile wait aside, and leave in the next gap between two
 * frames; else they are added like any other.
 *
 * The buffer grows with what is in it, and is given back once all of it has left. The bound is kept
 * by who adds: see exchange_output_held(). */
#ifndef PROTO_EXCHANGE_OUTPUT_H
#define PROTO_EXCHANGE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>

/* First in, first out. */
struct exchange_bytes {
    uint8_t *bytes;
    size_t cap;
    size_t start;
    size_t len;
};

/* Begins as all zeros. */
struct exchange_output {
    struct exchange_bytes due;
    struct exchange_bytes aside;
    uint32_t body;       /* bytes of a DATA frame that leave behind `due` */
    uint64_t added;      /* to `due`, since the beginning */
    uint64_t left;       /* from `due` */
    uint32_t replies;    /* bytes of replies to PING that wait */
    uint64_t replies_at; /* where in `added` the last of those in `due` ends */
    bool replies_aside;
};

void exchange_output_clear(struct exchange_output *o);
/* Forgets what waits, the rest of a DATA frame included. */
void exchange_output_drop(struct exchange_output *o);

/* Room for len bytes behind what is due, until the next call. NULL: no memory. Only while no DATA
 * frame is open. */
uint8_t *exchange_output_room(struct exchange_output *o, size_t len);
/* So much of that room was filled. */
void exchange_output_add(struct exchange_output *o, size_t len);
/* What was added last is the header of a DATA frame; so many bytes follow it. */
void exchange_output_open(struct exchange_output *o, uint32_t body);
/* A frame of the connection itself. reply: to a PING. False: no memory. */
bool exchange_output_aside(struct exchange_output *o, const uint8_t *frame, size_t len, bool reply);

struct wherry_view exchange_output_due(const struct exchange_output *o);
/* At most as many as are due. */
void exchange_output_sent(struct exchange_output *o, size_t bytes);
/* Of the body, at most what is missing, and only while nothing is due. False: no memory for what
 * waited aside. */
bool exchange_output_body_sent(struct exchange_output *o, uint32_t bytes);

/* Nothing waits at all. */
bool exchange_output_empty(const struct exchange_output *o);
/* Bytes that wait here, without the body. */
size_t exchange_output_held(const struct exchange_output *o);

#endif
