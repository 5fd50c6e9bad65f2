/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/exchange_machine.h: the insides of an exchange, shared by the files that are its machine:
 *
 *   exchange.c        made, asked what is next, and sent
 *   exchange_close.c  told to end, woken by the clock, closed
 *   exchange_input.c  what the client sent
 *   exchange_reply.c  what the adapter answers */
#ifndef PROTO_EXCHANGE_MACHINE_H
#define PROTO_EXCHANGE_MACHINE_H

#include <wherry/exchange.h>

#include "proto/exchange_output.h"
#include "proto/exchange_queue.h"
#include "proto/exchange_rate.h"
#include "proto/exchange_timers.h"

/* Of the client's PUT, as its side of the stream stands: between PUT and its own END or CANCEL it
 * may ask for nothing else. */
enum exchange_upload {
    EXCHANGE_UPLOAD_NONE,
    EXCHANGE_UPLOAD_ASKED,  /* neither READY nor END was said: waits or runs */
    EXCHANGE_UPLOAD_OPEN,   /* READY was said: DATA comes */
    EXCHANGE_UPLOAD_DISCARD /* END was said, the client does not know it yet */
};

/* Of PUT_BYTES. */
enum exchange_piece { EXCHANGE_PIECE_NONE, EXCHANGE_PIECE_DUE, EXCHANGE_PIECE_SAID };

struct wherry_exchange {
    struct wherry_exchange_params params;
    enum wherry_exchange_state state;
    uint64_t now_ns; /* of the last call that said it */
    struct wherry_frame_decoder decoder;
    struct exchange_queue queue;
    struct exchange_output output;
    struct exchange_timers timers;
    struct exchange_rate in;  /* body bytes of an upload */
    struct exchange_rate out; /* whatever the client has to take */

    /* The request that runs is the first of the queue. */
    bool running;
    bool replied;        /* INFO, GET_REPLY, READY, HASH_REPLY was said */
    bool put_ended;      /* by the client */
    bool stopped;        /* STOP is said or due */
    uint64_t count_left; /* GET: bytes of DATA not begun */

    enum exchange_upload upload;
    uint32_t upload_id;
    uint64_t upload_offset; /* behind the last byte that came */
    enum exchange_piece piece;
    struct wherry_view piece_bytes;
    const uint8_t *put_sha256; /* NULL: the client's END had none */
    uint8_t sha256[WHERRY_SHA256_BYTES];

    bool put_end_due;
    bool stop_due;
    bool abort_due;
    bool shut_due;
    bool over_due;
    enum res stop_result;
    struct exchange_entry *aborted; /* until ABORT was said, and the call of event() behind it */

    bool input_over;     /* a bad frame, end of input, or a deadline: nothing more is decoded */
    bool peer_gone;      /* it sends nothing more */
    bool draining;       /* GOAWAY was said */
    bool spared;         /* the header of this request came before GOAWAY */
    bool last_words_due; /* END id 0 with result and why, once all answers were given */
    bool sent_all;       /* CLOSING: what is left is to listen */
    uint32_t dropped;
    enum res result;
    const char *why;
};

/* What follows from the last change: refusals whose turn has come, closing, timers. Each call that
 * changes something ends with it. */
void exchange_settle(struct wherry_exchange *x);
/* Whether event() would say something. */
bool exchange_has_event(const struct wherry_exchange *x);

/* Adds frames to the output; without memory the connection is lost. frame, len: as the functions of
 * wherry/message.h leave them. */
void exchange_say(struct wherry_exchange *x, const uint8_t *frame, size_t len);
void exchange_say_aside(struct wherry_exchange *x, const uint8_t *frame, size_t len, bool reply);
/* END of this id; m NULL: a text that fits. */
void exchange_say_end(struct wherry_exchange *x, uint32_t id, enum res result,
                      const struct wherry_message_end_reply *m);
/* A view of a text, cut where a string of the protocol ends. */
struct wherry_view exchange_text(const char *text);
/* Bytes that the answers of requests may still add to the output. */
size_t exchange_room(const struct wherry_exchange *x);

/* The client sends no more frames that count; why: static storage. What is whole is answered, an
 * upload that is not counts as broken. */
void exchange_end_input(struct wherry_exchange *x, enum res result, const char *why);
/* What is due is void; the machine is CLOSED. */
void exchange_close(struct wherry_exchange *x);
/* The same, and whatever was asked for is void too. */
void exchange_lose(struct wherry_exchange *x, enum res result, const char *why);
/* CLOSING, once nothing is open that has to be answered; CLOSED, once the peer is through too. */
void exchange_close_in_order(struct wherry_exchange *x);
/* The client is through with its PUT. */
void exchange_close_upload(struct wherry_exchange *x);
/* The running request is over, answered or not; frees nothing. */
struct exchange_entry *exchange_take_running(struct wherry_exchange *x);

#endif
