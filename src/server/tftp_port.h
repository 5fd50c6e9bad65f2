/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tftp_port.h: the ports that transfers speak from (RFC 1350 section 4).
 *
 * A port is one bound socket. It carries one transfer, or many, which are told apart by the
 * client's address and port: one recvmmsg(2) then takes in, and one sendmmsg(2) lets out, the
 * packets of many. A transfer takes its seat at a port when it begins and keeps it to the end.
 *
 *   own      a random free port; closed with its transfer
 *   shared   one for each local address takes the new transfers, for PORTS_TAKES_NS at most and no
 *            more than its receive buffer holds a packet of; then the next one does. Closed with
 *            its last transfer. Beside it are others for who may not meet it, PORTS_BESIDE in all
 *
 * A client's address and port never meets a port within TID_REST_NS of the end of their last
 * transfer, and never sits twice at one: it gets another instead, in the end an own. A shared port
 * takes new transfers only as long as everybody who left it is remembered. So no late packet of an
 * earlier transfer reaches a later one, and two transfers side by side are told apart.
 *
 * What comes from somebody who has no seat here is answered with ERROR 5 and changes nothing; a
 * port unreachable is about the peer that it quotes alone, and counts when nothing of what came
 * before it is left.
 *
 * Packets leave through one queue for all ports (net/udp_out.h): when the wake-up of a port ends,
 * and else at the end of the loop's turn. A seat that has more to send than one turn allows, or
 * whose socket is full, asks for another turn and gets it when the socket takes more. */
#ifndef SERVER_TFTP_PORT_H
#define SERVER_TFTP_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>
#include <wherry/sender.h>

#include "base/log.h"
#include "base/number.h"
#include "io/loop.h"
#include "net/addr.h"
#include "net/udp.h"
#include "net/udp_out.h"
#include "server/spare_sockets.h"
#include "server/tftp_seats.h"
#include "server/tid.h"

#define PORTS_TAKES_NS (5 * NUMBER_SECOND)
/* Asked for a shared port; the kernel counts its own bookkeeping too and grants twice as much. */
#define PORTS_BUFFER_BYTES (8u << 20)
/* Shared ports of one address that take new transfers: who may not meet one may meet the next. */
#define PORTS_BESIDE 3u
/* Transfers at one shared port, if that is granted. */
#define PORTS_SHARED_MAX 4096u

struct tftp_port;
struct tftp_ports;

/* A transfer's place at a port. All zero is none; in the memory of the transfer. */
struct tftp_seat {
    struct tftp_port *port;
    struct addr peer;
    struct tftp_seat *beside;      /* in the table of seats */
    struct tftp_seat *prev, *next; /* those that wait for a turn */
    uint32_t lent_at;              /* the queue's flush that its blocks wait for */
    bool lent;
    bool waits;
    bool streams;  /* the transfer's: at an own port, packets come many at a time */
    bool gone;     /* nobody listens at the peer's port any more */
    bool segments; /* the path takes joined blocks; the queue's */
};

/* What happens to a seat. turn() comes last in each wake-up that heard something, or on
 * tftp_seat_again(). */
struct tftp_port_calls {
    /* A datagram of the seat's peer; its bytes are good until after turn(). */
    void (*heard)(struct tftp_seat *seat, const struct udp_packet *datagram, uint64_t now_ns);
    void (*unreachable)(struct tftp_seat *seat, uint64_t now_ns);
    void (*turn)(struct tftp_seat *seat, uint64_t now_ns); /* may leave the seat */
};

/* All of these outlive the ports. */
struct tftp_ports_params {
    struct loop *loop;
    const struct log *log;
    struct udp_batch *batch;
    struct udp_out *out;
    struct tid_table *tids;
    struct spare_sockets *spares; /* NULL: none */
    const struct tftp_port_calls *calls;
};

enum res tftp_ports_new(struct tftp_ports **ret, const struct tftp_ports_params *p);
/* Takes NULL. Nobody sits any more. */
void tftp_ports_free(struct tftp_ports *ps);
size_t tftp_ports_count(const struct tftp_ports *ps); /* open ones; for tests */

/* A seat for the transfer of this peer who asked at `local` (len 0: any address). share: a shared
 * port will do. RES_BUSY, RES_NO_MEMORY, ...: no port is to be had. */
enum res tftp_ports_sit(struct tftp_ports *ps, struct tftp_seat *seat, const struct addr *peer,
                        const struct addr *local, bool share, uint64_t now_ns);
/* Leaves the port to rest. Takes a seat without a port. */
void tftp_seat_leave(struct tftp_seat *seat, uint64_t now_ns);
/* All seats of this worker, to look for those of a client. */
const struct tftp_seats *tftp_ports_seats(const struct tftp_ports *ps);
/* One datagram to somebody who gets no transfer. */
enum res tftp_ports_answer(struct tftp_ports *ps, const struct addr *peer, const struct addr *local,
                           bool share, const uint8_t *bytes, size_t len, uint64_t now_ns);

/* Nothing is to be sent now: ask for another turn. */
bool tftp_seat_full(const struct tftp_seat *seat);
/* As those of net/udp_out.h. */
uint8_t *tftp_seat_room(struct tftp_seat *seat, size_t bytes);
void tftp_seat_data(struct tftp_seat *seat, const struct wherry_burst *b, const uint8_t *blocks);
void tftp_seat_control(struct tftp_seat *seat, const uint8_t *bytes, size_t len);
/* There is more to send: turn() comes, in a later turn of the loop and when the socket takes it. */
void tftp_seat_again(struct tftp_seat *seat);
/* Packets of this transfer will come many at a time; at an own port, joined where the kernel can.
 */
void tftp_seat_stream(struct tftp_seat *seat);
/* The same as udp_receive_buffer(), of an own port. */
uint32_t tftp_seat_buffer(struct tftp_seat *seat, uint32_t bytes, uint32_t datagram_bytes);

#endif
