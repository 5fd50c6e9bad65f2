/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tcp_session.h: one connection of the file protocol: joins a core (wherry/exchange.h) to a
 * socket, a timer, and a driver for the request that runs.
 *
 *   tcp_session_begin() --> SERVING --the exchange's SHUT--> LINGERING --its OVER--> freed
 *
 * After every wake-up the session does the same (tcp_session_flush()): feed what was received, act
 * on events, let the driver go on, send what is due, arm the timer; until nothing moves, the socket
 * is full, or `turn-max` bytes were sent: then the others have their turn. A session that is over
 * frees itself, last. Requests are answered one at a time, so there is one driver at a time; each
 * kind of request is one (tcp_list.c, tcp_ask.c, tcp_get.c, tcp_put.c). Each request leaves one
 * line in the transfer log. What all connections of a worker share is their room.
 *
 * Received bytes lie in the room's input while the session is fed. What may not be taken yet (an
 * upload waits for the disk, too many answers wait to be sent) is kept in `rest`, and nothing is
 * read until it is used up: at most 16 KiB, TCP_INPUT_BYTES during an upload. So an idle connection
 * holds a struct and its exchange, and no buffer. */
#ifndef SERVER_TCP_SESSION_H
#define SERVER_TCP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/exchange.h>
#include <wherry/message.h>
#include <wherry/res.h>

#include "base/log.h"
#include "io/loop.h"
#include "io/pool.h"
#include "net/addr.h"
#include "server/config.h"
#include "server/transfer_log.h"
#include "store/hasher.h"
#include "store/jail.h"
#include "store/listing.h"
#include "store/span.h"
#include "store/upload.h"

#define TCP_INPUT_BYTES 262144u

struct tcp_session;

/* What all connections of a worker share. */
struct tcp_room {
    struct loop *loop;
    struct pool *pool;
    const struct jail *jail;
    const struct config *config; /* of connections and requests that begin now */
    const struct log *log;
    struct transfer_log *transfers;
    struct listings *listings;
    struct hasher *hasher;
    struct uploads *uploads;
    uint8_t *input;                    /* TCP_INPUT_BYTES, of the session that is being fed */
    char name[WHERRY_STRING_MAX + 1u]; /* tcp_session_name() */
    struct tcp_session *sessions;      /* all of them */
    size_t count;
    void (*ended)(void *arg, struct tcp_session *s); /* s is about to be freed; count went down */
    void *arg;
};

/* One kind of request. Each request sees begin() once and free() once. Between them every callback
 * may call tcp_session_end(), which calls free(): behind it the driver holds nothing any more. */
struct tcp_driver {
    const char *op; /* in the transfer log: "read", "write", "list", ... */
    void (*begin)(struct tcp_session *s, uint64_t now_ns);
    /* There may be room in the output again: go on. NULL: nothing to go on with. */
    void (*pump)(struct tcp_session *s, uint64_t now_ns);
    /* A read: up to len bytes of the frame that was begun may leave now, by the driver's own means.
     * RES_OK: *ret of them did. RES_LATER: the socket is full. RES_BUSY: they are being read into
     * memory, the driver calls tcp_session_flush(). RES_LOST. */
    enum res (*body)(struct tcp_session *s, uint32_t len, uint32_t *ret, uint64_t now_ns);
    /* A write: PUT_BYTES and PUT_END. e->bytes are good during the call. */
    void (*bytes)(struct tcp_session *s, const struct wherry_exchange_event *e, uint64_t now_ns);
    void (*put_end)(struct tcp_session *s, const struct wherry_exchange_event *e, uint64_t now_ns);
    /* End with this result (CANCELLED, SHUTDOWN, ...) as soon as can be, what was uploaded is
     * dropped, but counts as broken with SHUTDOWN; or go on if it is past the point of no return.
     * May come more than once, and drop() after it. */
    void (*stop)(struct tcp_session *s, enum res why, uint64_t now_ns);
    /* Nobody waits any more: an upload counts as broken. free() follows. NULL: no more than that.
     * Neither of the two may call tcp_session_end(). */
    void (*drop)(struct tcp_session *s);
    /* Releases what the request still holds; also right after begin(), or after drop(). */
    void (*free)(struct tcp_session *s);
};

extern const struct tcp_driver tcp_list_driver;
extern const struct tcp_driver tcp_stat_driver;
extern const struct tcp_driver tcp_hash_driver;
extern const struct tcp_driver tcp_mkdir_driver;
extern const struct tcp_driver tcp_get_driver;
extern const struct tcp_driver tcp_put_driver;

struct tcp_session {
    struct tcp_room *room;
    struct tcp_session *prev, *next;
    struct wherry_exchange *exchange;
    int fd;
    struct loop_io io;
    struct loop_timer timer;
    struct addr peer, local;
    uint8_t *rest; /* received and not taken yet; NULL: none */
    size_t rest_at, rest_len;
    uint64_t turn_ns;   /* which turn of the loop that is, and ... */
    uint32_t turn_left; /* ... bytes that may still be sent in it */
    bool flushing;      /* tcp_session_flush() is at work further up: it will look again */
    bool stirred;       /* something changed: events and the driver want another look */
    bool readable;      /* the socket may be read, once */
    bool full;          /* the socket takes no more for now */
    bool received_end;  /* of the peer's side */
    bool said_end;      /* to the exchange, once all before it was taken */
    bool over;          /* the exchange's last event */
    /* The request that runs; driver NULL: none. */
    const struct tcp_driver *driver;
    const struct wherry_exchange_request *request;
    uint64_t begun_ns;
    uint64_t offset; /* where the body begins in the file, for the log: GET's; else the driver's */
    uint64_t bytes;  /* of the body, counted by the driver, for the log */
    union {
        struct {
            struct listing *listing;
            bool open; /* opened() was RES_OK */
        } list;
        struct {
            struct hashing *hashing;
            void *job; /* what the pool does for us (STAT, MKDIR) */
        } ask;
        struct {
            struct span *span;
            uint64_t offset; /* of the next byte to announce */
            uint64_t end;    /* behind the last */
            uint64_t sent;   /* next byte to leave */
            bool open;
            bool waits;       /* the pool reads for us */
            enum res broken;  /* the frame that was begun is filled up with zeros */
            enum res stopped; /* behind the frame that was begun */
        } get;
        struct {
            struct upload *upload;
        } put;
    };
};

/* Takes the connection over, also on failure (then it is closed). */
enum res tcp_session_begin(struct tcp_room *room, int fd, const struct addr *peer,
                           const struct addr *local, uint64_t now_ns, struct tcp_session **ret);
/* No more requests: GOAWAY of this result, what has arrived is answered. May free s. */
void tcp_session_goaway(struct tcp_session *s, enum res why, uint32_t retry_after_s,
                        uint64_t now_ns);
/* Draining took too long: what waits ends SHUTDOWN, what runs is stopped with it; an upload with an
 * id stays resumable. May free s. */
void tcp_session_hurry(struct tcp_session *s, uint64_t now_ns);
/* Closes at once, without a word. */
void tcp_session_free(struct tcp_session *s);
/* Nothing is asked for and nothing is to be sent. */
bool tcp_session_idle(const struct tcp_session *s);

/* For the drivers. */

/* The path as a C string, good until the next call: the room has one place for it. */
const char *tcp_session_name(struct tcp_session *s, struct wherry_view path);
/* Ends the request that runs: its END, its line in the log, the driver's free(). m: NULL for a text
 * that fits r. Not followed by any use of what the driver held. */
void tcp_session_end(struct tcp_session *s, enum res r, const struct wherry_message_end_reply *m,
                     uint64_t now_ns);
/* Something happened outside the session's own callbacks (the store answered): look what may be
 * done. May free s; the last thing that a driver's callback does. */
void tcp_session_flush(struct tcp_session *s, uint64_t now_ns);

#endif
