/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/exchange.h: the server's side of one connection of the Wherry file protocol: which request
 * is open, what may come next, what is answered, and when patience ends.
 *
 *   NEW --HELLO--> IDLE --LIST, STAT, GET, HASH, MKDIR--> REPLYING --end()--> IDLE
 *                  IDLE --PUT--> REPLYING --ready()--> READY --client's END--> COMMITTING
 *                  COMMITTING --end()--> IDLE
 *                  READY --end(), early--> DISCARDING --client's END or CANCEL--> IDLE
 *   any --bad frame, end of input, GOAWAY--> (answers that are due) --> CLOSING --> CLOSED
 *   any --a deadline--> GOAWAY(TIMEOUT), CLOSING --> CLOSED
 *
 * Owns no socket, file or clock. What joins it to them, the adapter, does after every wake-up:
 *
 *   input()   with what was received, until it uses nothing more; behind each call, and behind
 *             every other call that may change something:
 *   event()   until there is none, acting on each: a request in its turn, bytes of an upload, ...
 *   output()  until nothing is due, or the socket is full: then blocked()
 *   deadline() for its one timer, and expire() when it fires.
 *
 * Requests are answered in the order in which they came, one at a time. For the request that
 * REQUEST gave, the adapter calls
 *
 *   LIST    entries_begin(), entries_end() any number of times, end()
 *   STAT    info(), end()         HASH    hash_reply(), end()         MKDIR    end()
 *   GET     get_reply(), frames of DATA that add up to its count, end()
 *   PUT     ready(), put_taken() for each PUT_BYTES, end() after PUT_END
 *
 * or end() at once or in between, to say why it cannot be done. Each request gets exactly one end()
 * unless ABORT said that nobody waits for it. All these return false, and change nothing, for what
 * may not come now.
 *
 * A DATA frame is sent in one of two ways: data_begin() makes its header due, and the adapter sends
 * the bytes itself (sendfile) whenever data_due() says so; nothing else leaves in between. Or
 * data_room() and data_put() lay its bytes behind the header in the output, which saves small files
 * a system call each.
 *
 * Memory: a request that waits is kept in compact form (at most some 2 KiB), the output holds at
 * most output_bytes_max, and a frame that is not whole what the decoder holds (wherry/frame.h). An
 * idle connection holds next to none of these. */
#ifndef WHERRY_EXCHANGE_H
#define WHERRY_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/frame.h>
#include <wherry/message.h>
#include <wherry/packet.h>
#include <wherry/res.h>
#include <wherry/sender.h> /* WHERRY_NEVER */

struct wherry_exchange;

enum wherry_exchange_state {
    WHERRY_EXCHANGE_NEW,
    WHERRY_EXCHANGE_IDLE,
    WHERRY_EXCHANGE_REPLYING,
    WHERRY_EXCHANGE_READY,      /* the client sends its upload */
    WHERRY_EXCHANGE_DISCARDING, /* it sends an upload that was ended already */
    WHERRY_EXCHANGE_COMMITTING, /* the upload is whole; the adapter gives it its name */
    WHERRY_EXCHANGE_CLOSING,    /* last output, then what still comes is dropped */
    WHERRY_EXCHANGE_CLOSED
};

struct wherry_exchange_params {
    uint32_t max_frame;        /* bytes; 64 KiB to 2^24-1 */
    uint32_t requests_max;     /* that wait or run; one more is BUSY */
    uint32_t refusals_max;     /* that wait to be sent before reading pauses */
    uint32_t ping_bytes_max;   /* PING replies that wait to be sent before reading pauses */
    uint32_t output_bytes_max; /* bytes; at least 32 KiB */
    uint32_t drop_bytes_max;   /* read and dropped while CLOSING */
    uint32_t body_rate;        /* bytes/s the client has to send or take ... */
    uint64_t body_ns;          /* ... over this span, while the server waits for it */
    uint64_t hello_ns;         /* from new() to a whole HELLO */
    uint64_t frame_ns;         /* from a frame's first byte to the whole of it; not DATA */
    uint64_t idle_ns;          /* without a frame, when nothing is asked for */
    uint64_t ping_ns;          /* between our PINGs while the client waits for us */
    uint64_t linger_ns;        /* CLOSING, once everything was sent */
};

/* The limits of the protocol's version 1. */
void wherry_exchange_params_init(struct wherry_exchange_params *p);

/* A request, valid until its end(), or until the call of event() after ABORT. */
struct wherry_exchange_request {
    uint32_t id;
    enum wherry_frame_type type;
    union {
        struct wherry_message_path path; /* STAT, HASH, MKDIR */
        struct wherry_message_list list;
        struct wherry_message_get get;
        struct wherry_message_put put;
    } m;
};

enum wherry_exchange_event_kind {
    /* Answer this one now. */
    WHERRY_EXCHANGE_REQUEST,
    /* Store these and call put_taken(); until then no input is used and no time is counted. More
     * than was announced: end(RES_OFFSET). */
    WHERRY_EXCHANGE_PUT_BYTES,
    /* All bytes are here; commit and call end(). */
    WHERRY_EXCHANGE_PUT_END,
    /* Stop what runs, drop its upload, and call end() with `result`; or, past the point of no
     * return, go on and end it as if nothing had been said. */
    WHERRY_EXCHANGE_STOP,
    /* Stop what runs; nobody waits for an end(). An upload counts as broken: its bytes may be kept
     * if it has an upload id. */
    WHERRY_EXCHANGE_ABORT,
    /* Everything was sent: shut the sending side, keep reading into input(). Not said if the client
     * has shut its own side: then OVER comes at once. */
    WHERRY_EXCHANGE_SHUT,
    /* Close the socket, and free the exchange: the last event. */
    WHERRY_EXCHANGE_OVER
};

struct wherry_exchange_event {
    enum wherry_exchange_event_kind kind;
    const struct wherry_exchange_request *request; /* all but SHUT, OVER: which one */
    struct wherry_view bytes; /* PUT_BYTES: a view into the input that was given */
    uint64_t offset;          /* PUT_BYTES: of the first in the file; PUT_END: its length */
    const uint8_t *sha256;    /* PUT_END: the client's END carried it, or NULL; until end() */
    enum res result;          /* STOP: CANCELLED, UNSUPPORTED; ABORT, OVER: as result() */
};

/* A connection was accepted. *ret is set on RES_OK only; RES_NO_MEMORY otherwise. */
enum res wherry_exchange_new(struct wherry_exchange **ret, const struct wherry_exchange_params *p,
                             uint64_t now_ns);
/* Takes NULL. */
void wherry_exchange_free(struct wherry_exchange *x);

/* Takes bytes up to the first that makes an event, or that may not be taken now; returns how many.
 * The others are given again, when event() is empty and wants_input() true. */
size_t wherry_exchange_input(struct wherry_exchange *x, const uint8_t *bytes, size_t len,
                             uint64_t now_ns);
/* False: there is no point in reading from the socket, for too much waits to be sent, bytes of an
 * upload to be stored, or the end of it all. */
bool wherry_exchange_wants_input(const struct wherry_exchange *x);
/* The client shut its sending side; whole requests are still answered. */
void wherry_exchange_eof(struct wherry_exchange *x, uint64_t now_ns);
/* The socket failed: nothing can be sent or received any more. */
void wherry_exchange_lose(struct wherry_exchange *x, enum res why);

/* What the adapter has to act on. False: nothing. */
bool wherry_exchange_event(struct wherry_exchange *x, struct wherry_exchange_event *ret);

/* Each answers the request that runs. */
bool wherry_exchange_info(struct wherry_exchange *x, const struct wherry_message_info *m,
                          uint64_t now_ns);
bool wherry_exchange_hash_reply(struct wherry_exchange *x,
                                const struct wherry_message_hash_reply *m, uint64_t now_ns);
bool wherry_exchange_get_reply(struct wherry_exchange *x, const struct wherry_message_get_reply *m,
                               uint64_t now_ns);
bool wherry_exchange_ready(struct wherry_exchange *x, const struct wherry_message_ready *m,
                           uint64_t now_ns);
/* PUT_BYTES are stored, or copied to where they are safe. */
bool wherry_exchange_put_taken(struct wherry_exchange *x, uint64_t now_ns);
/* How it ended; the one END of the request. m: what goes with it; NULL: a text that fits result.
 * False also in the middle of a DATA frame, and for RES_OK before all was sent or received that
 * belongs to the request. */
bool wherry_exchange_end(struct wherry_exchange *x, enum res result,
                         const struct wherry_message_end_reply *m, uint64_t now_ns);

/* LIST: a frame to fill with wherry_message_entries_add(), and to hand back before any other call.
 * False: the output is full for now, or the request was told to stop. */
bool wherry_exchange_entries_begin(struct wherry_exchange *x, struct wherry_message_entries *ret);
bool wherry_exchange_entries_end(struct wherry_exchange *x, struct wherry_message_entries *e,
                                 uint64_t now_ns);

/* GET: a DATA frame of 1 to max_frame bytes, which the adapter sends itself. False: another one is
 * not sent yet, it is more than is missing, the request was told to stop, or it is no GET. */
bool wherry_exchange_data_begin(struct wherry_exchange *x, uint32_t length, uint64_t now_ns);
/* How many of its bytes may be sent right now: 0 while there is output. */
uint32_t wherry_exchange_data_due(const struct wherry_exchange *x);
void wherry_exchange_data_sent(struct wherry_exchange *x, uint32_t bytes, uint64_t now_ns);
/* GET: room for a DATA frame of this length in the output, to be filled and turned into a frame
 * before any other call (or left). NULL: as data_begin(), or the output is full for now. */
uint8_t *wherry_exchange_data_room(struct wherry_exchange *x, uint32_t length);
bool wherry_exchange_data_put(struct wherry_exchange *x, uint32_t length, uint64_t now_ns);

/* Draining (RES_SHUTDOWN), or too many connections (RES_BUSY): says GOAWAY. Requests whose header
 * has arrived are answered, later ones end SHUTDOWN, then it closes; at once if nothing was asked
 * for. A second call does nothing. */
void wherry_exchange_goaway(struct wherry_exchange *x, enum res why, uint32_t retry_after_s,
                            uint64_t now_ns);
/* Draining took too long: requests that wait end SHUTDOWN. The one that runs, if any, is the
 * adapter's to end(). */
void wherry_exchange_hurry(struct wherry_exchange *x, uint64_t now_ns);

/* Bytes that are due, valid until the next call. False: none. *more: others follow at once, of a
 * DATA frame that the adapter sends (MSG_MORE). */
bool wherry_exchange_output(const struct wherry_exchange *x, struct wherry_view *ret, bool *more);
void wherry_exchange_output_sent(struct wherry_exchange *x, size_t bytes, uint64_t now_ns);
/* The socket takes no more for now: from here to the next output_sent() or data_sent() the server
 * waits for the client to take bytes. */
void wherry_exchange_blocked(struct wherry_exchange *x, uint64_t now_ns);

/* What the clock says; when to wake (or WHERRY_NEVER). Early calls do no harm. */
void wherry_exchange_expire(struct wherry_exchange *x, uint64_t now_ns);
uint64_t wherry_exchange_deadline(const struct wherry_exchange *x);

enum wherry_exchange_state wherry_exchange_state(const struct wherry_exchange *x);
/* Why it ends, when CLOSING or CLOSED: RES_OK (the client or a drain ended it in good order),
 * RES_PROTOCOL, RES_UNSUPPORTED (no common version), RES_TIMEOUT, RES_BUSY, RES_NO_MEMORY or what
 * lose() got; and the same in words, for logs: static storage, "" if it ended in good order. */
enum res wherry_exchange_result(const struct wherry_exchange *x);
const char *wherry_exchange_why(const struct wherry_exchange *x);
/* Bytes held for requests and output, for tests of the bound. */
size_t wherry_exchange_held_bytes(const struct wherry_exchange *x);

#endif
