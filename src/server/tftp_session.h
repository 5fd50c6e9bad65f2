/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tftp_session.h: one TFTP transfer: joins a core (sender or receiver) to a seat at a port
 * (server/tftp_port.h), a file and a timer.
 *
 *   tftp_session_begin() --> LOOKING --file open, options answered--> MOVING --over--> freed
 *                               |                                       |
 *                               |                     upload committed: SETTLED --dallied--> freed
 *                               '--cannot be opened: ERROR--> freed
 *
 * LOOKING waits for the store and has sent nothing yet. After each event of MOVING and SETTLED the
 * core is asked again what may leave and when to wake; a session that is over frees itself, last.
 * The transfer log gets its one record when the outcome is certain: on entering SETTLED, or at the
 * end.
 *
 * The two directions are two drivers, tftp_read.c and tftp_write.c; this module knows neither the
 * sender nor the receiver. What all transfers of a worker share is their room. */
#ifndef SERVER_TFTP_SESSION_H
#define SERVER_TFTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/options.h>
#include <wherry/packet.h>
#include <wherry/receiver.h>
#include <wherry/res.h>
#include <wherry/sender.h>

#include "base/log.h"
#include "io/loop.h"
#include "io/pool.h"
#include "net/addr.h"
#include "net/udp.h"
#include "net/udp_out.h"
#include "server/config.h"
#include "server/tftp_port.h"
#include "server/tid.h"
#include "server/transfer_log.h"
#include "store/files.h"
#include "store/jail.h"
#include "store/sink.h"
#include "store/source.h"

/* One turn of a transfer sends at most this much, then the others have theirs. */
#define SESSION_TURN_BLOCKS 64u
#define SESSION_TURN_BYTES 1048576u
/* Beyond so many running transfers of a worker, reads that begin share ports (`transfer-ports =
 * auto`). Alone, a transfer at a shared port costs 15 to 20 % more; in a crowd a fifth less. */
#define SESSION_OWN_PORTS 8u
/* OACK, ACK or ERROR. */
#define SESSION_CONTROL_BYTES (WHERRY_HEADER_BYTES + WHERRY_OPTIONS_BYTES)

struct tftp_session;

/* What all transfers of a worker share. */
struct tftp_room {
    struct loop *loop;
    struct pool *pool;
    const struct jail *jail;
    struct files *files;         /* that reads share */
    const struct config *config; /* of transfers that begin now */
    const struct log *log;
    struct transfer_log *transfers;
    struct udp_batch *batch;
    struct udp_out *out;
    struct tid_table *tids;
    struct spare_sockets *spares; /* NULL: none */
    struct tftp_ports *ports;
    struct tftp_session *sessions; /* all of them */
    size_t running;                /* all but the settled ones */
    void (*ended)(void *arg);      /* running went down */
    void *arg;
    uint64_t dropped_said_ns; /* when the log last told of dropped requests, and how many since */
    uint64_t dropped_unsaid;
};

/* Who asked where: equal requests are those that come from one client's address and port to the
 * same address and listener. */
struct tftp_client {
    struct addr peer;
    struct tid_end local;
    uint64_t listener;
};

/* What a driver's core says about itself. */
struct session_facts {
    bool over;
    bool settled;     /* the outcome is certain, only repeated packets are answered */
    bool committing;  /* all bytes are here and the file is getting its name */
    bool heard;       /* the peer answered */
    bool spent;       /* it did not, and was sent all that such a peer gets */
    bool last_unsure; /* done but for the last ACK, which may be lost */
    bool untouched;   /* a read of which no DATA was acknowledged */
    enum res result;
    uint64_t deadline_ns;
    uint64_t bytes;
    uint64_t resent;
};

/* A direction. offer: what the configuration and the path allow. begin() comes once, after open()
 * answered RES_OK or the store reported it; all calls but open(), begin() and free() only after
 * begin() was RES_OK. */
struct session_driver {
    enum res (*open)(struct tftp_session *ss); /* RES_OK, RES_LATER, or why not */
    enum res (*begin)(struct tftp_session *ss, struct wherry_offer *offer, uint64_t now_ns);
    void (*input)(struct tftp_session *ss, const struct wherry_packet *p, uint64_t now_ns);
    void (*repeat)(struct tftp_session *ss, uint64_t now_ns);
    void (*expire)(struct tftp_session *ss, uint64_t now_ns);
    void (*unreachable)(struct tftp_session *ss);
    void (*fail)(struct tftp_session *ss, enum res why, enum wherry_error code, const char *text);
    /* Lets leave what may leave now. True: there is more, for another turn. */
    bool (*output)(struct tftp_session *ss, uint64_t now_ns);
    void (*facts)(const struct tftp_session *ss, struct session_facts *ret);
    void (*free)(struct tftp_session *ss); /* also after open() or begin() failed */
};

extern const struct session_driver tftp_read_driver;
extern const struct session_driver tftp_write_driver;

enum session_stage { SESSION_LOOKING, SESSION_MOVING, SESSION_SETTLED };

struct tftp_session {
    struct tftp_room *room;
    const struct session_driver *driver;
    struct tftp_session *prev, *next;
    struct tid_end local; /* of the client's request, */
    uint64_t listener;    /* and this too */
    /* The transfer that runs beside this one until the client says which it means. */
    struct tftp_session *older, *newer;
    struct tftp_seat seat;
    struct loop_timer timer;
    uint64_t begun_ns;
    enum session_stage stage;
    bool newest;           /* a request of the client finds it */
    uint16_t blksize;      /* agreed */
    uint16_t windowsize;   /* agreed */
    uint16_t blksize_path; /* what one packet of the route carries, where that is to be kept to */
    union {
        struct {
            struct source *source;
            struct wherry_sender *sender;
            bool loading; /* the store fetches what the next burst wants */
        } read;
        struct {
            struct sink *sink;
            struct wherry_receiver *receiver;
            bool committing; /* all is here; committed() comes */
        } write;
    };
    uint16_t datagram_len;
    uint8_t datagram[]; /* the request, to know it again and to take apart when it is needed */
};

/* Makes what the transfers of a room share and that it makes itself: batch, out, tids, ports. The
 * rest was set before. On failure, too, close it. */
enum res tftp_room_open(struct tftp_room *room);
/* Ends its transfers without a word. */
void tftp_room_close(struct tftp_room *room);
/* A transfer that begins now may share a port. An upload has its own, whose receive buffer is there
 * for the window it was granted. */
bool tftp_room_shares_ports(const struct tftp_room *room, bool write);

/* Begins the transfer that this datagram, a well-formed request, asks for; older (or NULL) runs
 * beside it. Whatever happens is logged. */
void tftp_session_begin(struct tftp_room *room, const struct tftp_client *client,
                        const struct udp_packet *datagram, struct tftp_session *older,
                        uint64_t now_ns);
/* The client's latest transfer, or NULL. */
struct tftp_session *tftp_session_find(const struct tftp_room *room,
                                       const struct tftp_client *client);
/* The client has turned to something else: this transfer (and one beside it) ends without a word.
 * An upload that is getting its name is only no longer found. */
void tftp_session_supersede(struct tftp_session *ss, uint64_t now_ns);
/* The request came again before anything was answered to it: so does the first answer. */
void tftp_session_repeat(struct tftp_session *ss, uint64_t now_ns);
/* Nothing has come from the client since its request. */
bool tftp_session_unheard(const struct tftp_session *ss);
/* ERROR 0 "server is shutting down", outcome failed; a settled one ends in silence. */
void tftp_session_shut_down(struct tftp_session *ss, uint64_t now_ns);
/* Frees without a word and without a record. */
void tftp_session_free(struct tftp_session *ss);

/* What the client asked; views into ss->datagram. */
struct wherry_request tftp_session_request(const struct tftp_session *ss);
/* For the drivers: the file is open (or why not), from a callback of the store; and: something
 * happened, look what may leave. Both may free ss. */
void tftp_session_opened(struct tftp_session *ss, enum res r);
void tftp_session_flush(struct tftp_session *ss, uint64_t now_ns);

#endif
