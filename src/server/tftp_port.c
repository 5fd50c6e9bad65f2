/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tftp_port_state.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include <wherry/packet.h>

#define ERROR_BYTES 64u
/* Read at one wake-up to find out whether somebody who is gone has said something before. */
#define GONE_BATCHES 64

/* --- the queue --- */

void tftp_ports_flush(struct tftp_ports *ps)
{
    struct tftp_port *port = ps->speaking;

    if (port == NULL) {
        return;
    }
    ps->speaking = NULL;
    ps->flushes++;
    udp_out_flush(ps->p.out);
    if (port->line.full) {
        loop_io_events(&port->io, LOOP_READ | LOOP_WRITE);
    }
}

static struct udp_out *queue_of(struct tftp_port *port)
{
    struct tftp_ports *ps = port->all;

    if (ps->speaking != port) {
        tftp_ports_flush(ps);
        udp_out_to(ps->p.out, &port->line);
        ps->speaking = port;
    }
    return ps->p.out;
}

bool tftp_seat_full(const struct tftp_seat *seat)
{
    return seat->port->line.full;
}

uint8_t *tftp_seat_room(struct tftp_seat *seat, size_t bytes)
{
    return udp_out_room(queue_of(seat->port), bytes);
}

void tftp_seat_data(struct tftp_seat *seat, const struct wherry_burst *b, const uint8_t *blocks)
{
    udp_out_data(queue_of(seat->port), &seat->peer, b, blocks, &seat->segments);
    seat->lent = true;
    seat->lent_at = seat->port->all->flushes;
}

void tftp_seat_control(struct tftp_seat *seat, const uint8_t *bytes, size_t len)
{
    udp_out_control(queue_of(seat->port), &seat->peer, bytes, len);
}

uint32_t tftp_seat_buffer(struct tftp_seat *seat, uint32_t bytes, uint32_t datagram_bytes)
{
    return udp_receive_buffer(seat->port->line.fd, bytes, datagram_bytes);
}

void tftp_seat_stream(struct tftp_seat *seat)
{
    seat->streams = true;
    if (!seat->port->shared) {
        (void)udp_receive_joined(seat->port->line.fd); /* a kernel without it gives one by one */
    }
}

/* --- turns --- */

static void wait_for_turn(struct tftp_seat *seat)
{
    struct tftp_port *port = seat->port;

    if (!seat->waits) {
        DL_APPEND(port->waiting, seat);
        seat->waits = true;
        port->waits++;
    }
}

void tftp_seat_wait_no_more(struct tftp_seat *seat)
{
    struct tftp_port *port = seat->port;

    if (seat->waits) {
        DL_DELETE(port->waiting, seat);
        seat->waits = false;
        port->waits--;
    }
}

static void wait_first(struct tftp_seat *seat)
{
    tftp_seat_wait_no_more(seat);
    DL_PREPEND(seat->port->waiting, seat);
    seat->waits = true;
    seat->port->waits++;
}

void tftp_seat_again(struct tftp_seat *seat)
{
    struct tftp_port *port = seat->port;

    wait_for_turn(seat);
    if (!port->line.full) {
        loop_timer_at(&port->again, loop_now_ns(port->all->p.loop));
    }
}

static void give_turns(struct tftp_port *port, size_t count, bool all_heard, uint64_t now_ns)
{
    const struct tftp_port_calls *calls = port->all->p.calls;

    while (count-- > 0 && port->waiting != NULL) {
        struct tftp_seat *seat = port->waiting;

        tftp_seat_wait_no_more(seat);
        if (seat->gone && all_heard) {
            seat->gone = false;
            port->gone--;
            calls->unreachable(seat, now_ns); /* what it said before it went has been heard */
        } else if (seat->gone) {
            wait_for_turn(seat);
        }
        calls->turn(seat, now_ns);
    }
}

/* --- what comes --- */

struct tftp_seat *tftp_port_find(const struct tftp_port *port, const struct addr *peer)
{
    struct tftp_seat *seat = port->only;

    if (!port->shared) {
        return seat != NULL && addr_equal(&seat->peer, peer) ? seat : NULL;
    }
    seat = tftp_seats_first(&port->all->seats, peer);
    while (seat != NULL && seat->port != port) {
        seat = tftp_seats_next(seat);
    }
    return seat;
}

static void answer_foreign(struct tftp_port *port, const struct udp_packet *datagram)
{
    uint8_t error[ERROR_BYTES];
    size_t len;

    if (port->line.full || wherry_packet_opcode(datagram->bytes, datagram->len) == WHERRY_ERROR) {
        return; /* an ERROR is never answered */
    }
    len = wherry_packet_error(error, sizeof(error), WHERRY_ERROR_TID, "unknown transfer ID");
    udp_out_control(queue_of(port), &datagram->peer, error, len);
}

/* An ERROR 5 of ours can provoke one too: only a seat's own peer counts. */
static void take_errors(struct tftp_port *port)
{
    struct addr peer;
    bool unreachable;

    port->line.errors = false;
    while (udp_take_error(port->line.fd, &peer, &unreachable)) {
        struct tftp_seat *seat = unreachable ? tftp_port_find(port, &peer) : NULL;

        if (seat != NULL && !seat->gone) {
            seat->gone = true;
            port->gone++;
            wait_for_turn(seat);
        }
    }
}

/* Returns how many datagrams came. */
static size_t hear(struct tftp_port *port, uint64_t now_ns)
{
    struct tftp_ports *ps = port->all;
    /* In lock-step one is all there is, and need not be asked whether it is. */
    bool one = !port->shared && port->only != NULL && !port->only->streams;
    bool full = port->line.full;
    const struct udp_packet *packets;
    size_t count;
    bool errors;

    count = one ? udp_receive_one(port->line.fd, ps->p.batch, &packets, &errors)
                : udp_receive(port->line.fd, ps->p.batch, UDP_RECEIVE_MAX, &packets, &errors);
    if (errors || port->line.errors) {
        take_errors(port);
    }
    for (size_t i = 0; i < count; i++) {
        struct tftp_seat *seat = tftp_port_find(port, &packets[i].peer);

        if (seat == NULL) {
            answer_foreign(port, &packets[i]);
            continue;
        }
        if (full) {
            wait_first(seat); /* those behind it cannot speak, it may have more to do */
        } else {
            wait_for_turn(seat);
        }
        ps->p.calls->heard(seat, &packets[i], now_ns);
    }
    return count;
}

/* One batch a wake-up: what is left wakes the loop again, and others have their turn between. But
 * somebody is gone when a look after the news of it finds nothing: then more is read at once, for
 * nobody who is not answered fills the buffer meanwhile. */
static void hear_and_answer(struct tftp_port *port, bool readable, uint64_t now_ns)
{
    bool more = true;

    for (int i = 0; more && i < GONE_BATCHES; i++) {
        bool looked_for_gone = port->gone > 0;
        size_t heard = 0;

        if (readable || looked_for_gone) {
            heard = hear(port, now_ns);
        }
        give_turns(port, port->line.full && port->gone == 0 ? heard : port->waits,
                   looked_for_gone && heard == 0, now_ns);
        more = port->gone > 0;
    }
}

static void close_port(struct tftp_port *port)
{
    struct tftp_ports *ps = port->all;

    if (ps->speaking == port) {
        tftp_ports_flush(ps);
    }
    if (port->takes) {
        HASH_DELETE(hh, ps->taking, port);
    }
    loop_io_stop(&port->io);
    loop_timer_stop(&port->again);
    udp_line_clear(&port->line); /* a full socket loses what it still holds, as a network would */
    tftp_ports_close_socket(ps, port->line.fd, loop_now_ns(ps->p.loop));
    ps->count--;
    free(port);
}

static void wake(struct tftp_port *port, bool readable)
{
    struct tftp_ports *ps = port->all;
    uint64_t now_ns = loop_now_ns(ps->p.loop);

    port->awake = true;
    hear_and_answer(port, readable, now_ns);
    if (ps->speaking == port) {
        tftp_ports_flush(ps);
    }
    port->awake = false;
    if (port->count == 0) {
        close_port(port);
    } else if (port->gone > 0 || (port->waiting != NULL && !port->line.full)) {
        loop_timer_at(&port->again, now_ns);
    }
}

static void on_io(void *arg, unsigned events)
{
    struct tftp_port *port = arg;

    if ((events & LOOP_WRITE) && port->line.full && udp_line_resume(&port->line)) {
        loop_io_events(&port->io, LOOP_READ);
    }
    wake(port, (events & LOOP_READ) != 0);
}

static void on_again(void *arg)
{
    wake(arg, false);
}

struct tftp_port *tftp_port_new(struct tftp_ports *ps, int fd, const struct addr *bound)
{
    struct tftp_port *port = calloc(1, sizeof(*port));

    if (port == NULL) {
        return NULL;
    }
    port->all = ps;
    port->line.fd = fd;
    port->number = addr_port(bound);
    loop_timer_init(ps->p.loop, &port->again, on_again, port);
    loop_io_start(ps->p.loop, &port->io, fd, LOOP_READ, on_io, port);
    ps->count++;
    return port;
}

void tftp_port_close_if_empty(struct tftp_port *port)
{
    if (port->count == 0 && !port->awake) {
        close_port(port);
    }
}
