/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/client_exchange.h: the client's side of one connection of the Wherry file protocol,
 * version 1 (wherry/frame.h, wherry/message.h).
 *
 *   GREETING --HELLO--> OPEN --GOAWAY--> LEAVING
 *      |                                  ^
 *      +--------------GOAWAY--------------+
 *   any --END of id 0, a bad frame, silence, the stream ended--> OVER
 *
 * GREETING, OPEN: requests may be issued, up to 16 that have not ended. Our HELLO is queued at the
 * beginning; requests may follow right behind it. LEAVING: what is outstanding is still answered (a
 * HELLO that is due may come), nothing may be added. The caller may close whenever it likes.
 *
 * A request ends with exactly one event, in the order of the requests: END (the server's word) or
 * LOST (there was none). In between come, of the oldest only:
 *
 *   list   ENTRY*            sorted strictly, each behind start-after and one legal component
 *   stat   INFO              before an END that says OK
 *   get    GET_REPLY BYTES*  the range that was asked for, cut at the end of the file, and of the
 *                            validator that was asked for; with OK the bytes add up to its count
 *   put    READY             then the caller sends: see below
 *   hash   HASH_REPLY        before an END that says OK
 *   mkdir  nothing
 *
 * Anything else, a reply to what has not left yet included, is a bad frame: OVER. An END that says
 * anything but OK may come at any point, so what came before it counts only with the END.
 *
 *   put: OPENED --READY--> READY --body*, put_end()--> CLOSED --END--> gone
 *        OPENED, READY --cancel()--> CLOSED              any --END--> gone
 *
 * From OPENED until CLOSED no other request may be issued: RES_BUSY. In READY the caller announces
 * one DATA frame after the other, and sends their bytes itself (sendfile, for one): its header and
 * all else waits in output(), and body() says how many bytes of file come behind that. A frame that
 * was begun is to be filled up, with whatever it takes. An END that comes early (disk full) is an
 * event like any END; CANCEL is queued then, and data_begin() answers RES_CANCELLED.
 *
 * Owns no socket, file or clock. Time comes in as now_ns, which never goes back. After each call
 * ask output() and deadline() again; after input(), closed() and expire() pull events until NONE.
 * Nothing allocates once it is made but the gathering of a frame (wherry/frame.h). */
#ifndef WHERRY_CLIENT_EXCHANGE_H
#define WHERRY_CLIENT_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/frame.h>
#include <wherry/message.h>
#include <wherry/res.h>
#include <wherry/sender.h> /* WHERRY_NEVER */

#define WHERRY_PIPELINE_MAX 16u /* requests outstanding on one connection */

struct wherry_client_exchange;

enum wherry_client_state {
    WHERRY_CLIENT_GREETING,
    WHERRY_CLIENT_OPEN,
    WHERRY_CLIENT_LEAVING,
    WHERRY_CLIENT_OVER
};

struct wherry_client_params {
    uint32_t first_id;          /* of the first request; 0: 1. They count up from there */
    uint64_t hello_patience_ns; /* from now_ns to the server's HELLO, connecting included */
    /* While the server owes something (an answer, or to take what waits in output() and body()):
     * without a byte either way. Any byte from the server is life, its PINGs included. */
    uint64_t silence_patience_ns;
    uint64_t now_ns;
};

enum wherry_client_event_kind {
    WHERRY_CLIENT_NONE, /* all bytes are used, and nothing else is to be said */
    WHERRY_CLIENT_HELLO,
    WHERRY_CLIENT_ENTRY,
    WHERRY_CLIENT_INFO,
    WHERRY_CLIENT_GET_REPLY,
    WHERRY_CLIENT_BYTES, /* of a GET, in order, never empty */
    WHERRY_CLIENT_READY,
    WHERRY_CLIENT_HASH_REPLY,
    WHERRY_CLIENT_END,
    WHERRY_CLIENT_PING_REPLY, /* to our ping */
    WHERRY_CLIENT_GOAWAY,
    WHERRY_CLIENT_REFUSED, /* END of id 0: the server ends the connection; LOST, then OVER follow */
    WHERRY_CLIENT_LOST,
    WHERRY_CLIENT_CLOSED /* the last: nothing comes behind it */
};

/* How a request, or the connection, ended in the server's words. */
struct wherry_client_end {
    enum res result;          /* what the status means; RES_PEER: an unknown one */
    uint16_t status;          /* as it came */
    struct wherry_view text;  /* not to be trusted */
    const uint8_t *sha256;    /* END: or NULL */
    const uint8_t *validator; /* END: or NULL */
    uint32_t retry_after_s;   /* GOAWAY */
};

/* Views are good until the next call of input(). */
struct wherry_client_event {
    enum wherry_client_event_kind kind;
    uint32_t request; /* ENTRY to END, LOST: its id; else 0 */
    union {
        struct wherry_message_hello_reply hello;
        struct wherry_message_entry entry;
        struct wherry_message_info info;
        struct wherry_message_get_reply get;
        struct {
            uint64_t offset; /* in the file */
            struct wherry_view view;
        } bytes; /* BYTES, in the input; PING_REPLY, in our frame */
        struct wherry_message_ready ready;
        struct wherry_message_hash_reply hash;
        struct wherry_client_end end; /* END, GOAWAY, REFUSED */
        struct {
            enum res result; /* of the connection */
            /* The server may have all of it: the file may be stored, the directory made. */
            bool may_be_done;
        } lost;
        struct {
            /* RES_OK: the server closed, and nothing was outstanding. RES_PROTOCOL: bad frames.
             * RES_UNSUPPORTED: a version or tag that version 1 does not know. RES_TIMEOUT: silence.
             * RES_NO_MEMORY. What REFUSED said. If the stream ended too early: what closed() got,
             * else what GOAWAY said, else RES_UNREACHABLE. */
            enum res result;
            const char *why; /* in words; static storage */
        } closed;
    };
};

/* Makes an exchange; HELLO waits in output(). On success *ret is set and the caller frees it with
 * wherry_client_exchange_free(); on failure *ret is untouched. RES_OK or RES_NO_MEMORY. */
enum res wherry_client_exchange_new(struct wherry_client_exchange **ret,
                                    const struct wherry_client_params *p);
/* Takes NULL. */
void wherry_client_exchange_free(struct wherry_client_exchange *x);

/* Requests. On RES_OK *ret is the id, by which its events name it.
 *   RES_BUSY      not now: 16 are outstanding, a PUT is not CLOSED, or too much waits in output()
 *   RES_NAME      a path that is never allowed (wherry_message_check_path()); nothing is sent
 *   RES_SHUTDOWN  not on this connection: it is LEAVING, or OVER */
enum res wherry_client_exchange_list(struct wherry_client_exchange *x,
                                     const struct wherry_message_list *m, uint64_t now_ns,
                                     uint32_t *ret);
enum res wherry_client_exchange_stat(struct wherry_client_exchange *x, struct wherry_view path,
                                     uint64_t now_ns, uint32_t *ret);
enum res wherry_client_exchange_get(struct wherry_client_exchange *x,
                                    const struct wherry_message_get *m, uint64_t now_ns,
                                    uint32_t *ret);
enum res wherry_client_exchange_put(struct wherry_client_exchange *x,
                                    const struct wherry_message_put *m, uint64_t now_ns,
                                    uint32_t *ret);
enum res wherry_client_exchange_hash(struct wherry_client_exchange *x, struct wherry_view path,
                                     uint64_t now_ns, uint32_t *ret);
enum res wherry_client_exchange_mkdir(struct wherry_client_exchange *x, struct wherry_view path,
                                      uint64_t now_ns, uint32_t *ret);

/* Asks for the end of a request; its END still comes, with OK if it was too late. A PUT is CLOSED
 * by it. RES_NOT_FOUND: not outstanding, which is no harm; RES_CANCELLED: was asked before;
 * RES_BUSY: too much waits in output(). */
enum res wherry_client_exchange_cancel(struct wherry_client_exchange *x, uint32_t request,
                                       uint64_t now_ns);
/* Up to 64 bytes that PING_REPLY brings back; also keeps an idle connection. RES_BUSY: the reply to
 * the last one is still due, or too much waits in output(); RES_TOO_LARGE; RES_SHUTDOWN: OVER. */
enum res wherry_client_exchange_ping(struct wherry_client_exchange *x, struct wherry_view bytes,
                                     uint64_t now_ns);

/* The body of the PUT that is READY. Begins a DATA frame of len bytes.
 *   RES_BUSY       READY has not come, the last frame's bytes have not left, too much waits in
 * output() RES_TOO_LARGE  len is 0 or over max_frame RES_OFFSET     more than was announced
 *   RES_CANCELLED  there is no such PUT, or no more: ended, cancelled, closed */
enum res wherry_client_exchange_data_begin(struct wherry_client_exchange *x, uint32_t len,
                                           uint64_t now_ns);
/* Closes the PUT. sha256: of the whole, or NULL. As data_begin(); RES_OFFSET: less was sent than
 * was announced; cancel() is the other way out. */
enum res wherry_client_exchange_put_end(struct wherry_client_exchange *x, const uint8_t *sha256,
                                        uint64_t now_ns);

/* What is to be sent first; empty if nothing is. Good until the next call. */
struct wherry_view wherry_client_exchange_output(const struct wherry_client_exchange *x);
/* The kernel took len bytes of it. */
void wherry_client_exchange_output_sent(struct wherry_client_exchange *x, size_t len,
                                        uint64_t now_ns);
/* Bytes of file that are to be sent behind output(); then comes more output() maybe. */
uint32_t wherry_client_exchange_body(const struct wherry_client_exchange *x);
/* The kernel took len bytes of the body, all output() before. */
void wherry_client_exchange_body_sent(struct wherry_client_exchange *x, uint32_t len,
                                      uint64_t now_ns);

/* Takes bytes up to the next event and says it. Returns how many it used; the caller comes back
 * with the others, and with none, until NONE. How the stream was cut changes only the pieces that
 * BYTES come in. */
size_t wherry_client_exchange_input(struct wherry_client_exchange *x, const uint8_t *bytes,
                                    size_t len, uint64_t now_ns, struct wherry_client_event *ret);
/* The stream ended. why: RES_OK if the server closed it, else what the socket said. What is
 * outstanding is LOST. Nothing happens if it is OVER. */
void wherry_client_exchange_closed(struct wherry_client_exchange *x, enum res why);

/* While held no deadline counts: the caller does not read, its own output is full. */
void wherry_client_exchange_hold(struct wherry_client_exchange *x, bool held, uint64_t now_ns);
/* What the clock says; when to wake (or WHERRY_NEVER). Early calls do no harm. */
void wherry_client_exchange_expire(struct wherry_client_exchange *x, uint64_t now_ns);
uint64_t wherry_client_exchange_deadline(const struct wherry_client_exchange *x);

enum wherry_client_state wherry_client_exchange_state(const struct wherry_client_exchange *x);
/* Requests that have not ended; LOST ones count until they were said. */
uint32_t wherry_client_exchange_outstanding(const struct wherry_client_exchange *x);
/* What a DATA frame may hold: what the server's HELLO said; 0 before it. */
uint32_t wherry_client_exchange_max_frame(const struct wherry_client_exchange *x);

#endif
