/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tftp_port_state.h: what tftp_port.c (how a port hears and speaks) and tftp_ports.c (which
 * port a transfer gets), the two halves of tftp_port.h, share. For them only. */
#ifndef SERVER_TFTP_PORT_STATE_H
#define SERVER_TFTP_PORT_STATE_H

#include "server/tftp_port.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct tftp_port {
    struct tftp_ports *all;
    struct udp_line line;
    struct loop_io io;
    struct loop_timer again; /* seats wait for a turn, and the socket takes more */
    uint16_t number;
    bool awake;             /* in its wake-up: not to be freed under it */
    struct tftp_seat *only; /* at an own port */
    size_t count;
    struct tftp_seat *waiting;
    size_t waits;
    size_t gone; /* seats among those that wait */
    /* Shared ones only. */
    bool shared;
    bool takes; /* is in all->taking */
    size_t most;
    uint64_t begun_ns;
    struct tid_end local;
    UT_hash_handle hh;
};

struct tftp_ports {
    struct tftp_ports_params p;
    struct loop_prepare prepare;
    struct tftp_seats seats;
    struct tftp_port *taking;   /* those that take new transfers, by local address */
    struct tftp_port *speaking; /* whose packets are in the queue */
    uint32_t flushes;
    size_t count;
    bool small_said;
};

/* A port on this socket, which it takes over on success; NULL: no memory. */
struct tftp_port *tftp_port_new(struct tftp_ports *ps, int fd, const struct addr *bound);
/* One of the spare sockets goes back to them, any other is closed. */
void tftp_ports_close_socket(struct tftp_ports *ps, int fd, uint64_t now_ns);
/* In its wake-up a port without seats closes when that ends, else here. */
void tftp_port_close_if_empty(struct tftp_port *port);
/* The seat of this peer, or NULL. */
struct tftp_seat *tftp_port_find(const struct tftp_port *port, const struct addr *peer);
/* A seat waits for no turn any more. */
void tftp_seat_wait_no_more(struct tftp_seat *seat);
/* Lets leave what is queued. */
void tftp_ports_flush(struct tftp_ports *ps);

#endif
