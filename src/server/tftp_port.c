/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tftp_port.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include <wherry/packet.h>

#define ERROR_BYTES 64u
/* Read at one wake-up to find out whether somebody who is gone has said something before. */
#define GONE_BATCHES 64

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

/* --- the queue --- */

static void flush(struct tftp_ports *ps)
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

static void on_prepare(void *arg)
{
    flush(arg);
}

static struct udp_out *queue_of(struct tftp_port *port)
{
    struct tftp_ports *ps = port->all;

    if (ps->speaking != port) {
        flush(ps);
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

static void wait_no_more(struct tftp_seat *seat)
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
    wait_no_more(seat);
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

        wait_no_more(seat);
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

static struct tftp_seat *find(const struct tftp_port *port, const struct addr *peer)
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
        struct tftp_seat *seat = unreachable ? find(port, &peer) : NULL;

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

    count = udp_receive(port->line.fd, ps->p.batch, one ? 1 : UDP_RECEIVE_MAX, &packets, &errors);
    if (errors || port->line.errors) {
        take_errors(port);
    }
    for (size_t i = 0; i < count; i++) {
        struct tftp_seat *seat = find(port, &packets[i].peer);

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
        flush(ps);
    }
    if (port->takes) {
        HASH_DELETE(hh, ps->taking, port);
    }
    loop_io_stop(&port->io);
    loop_timer_stop(&port->again);
    udp_line_clear(&port->line); /* a full socket loses what it still holds, as a network would */
    close(port->line.fd);
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
        flush(ps);
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

/* --- opening and choosing --- */

enum res tftp_ports_new(struct tftp_ports **ret, const struct tftp_ports_params *p)
{
    struct tftp_ports *ps = calloc(1, sizeof(*ps));

    if (ps == NULL) {
        return RES_NO_MEMORY;
    }
    if (tftp_seats_init(&ps->seats) != RES_OK) {
        free(ps);
        return RES_NO_MEMORY;
    }
    ps->p = *p;
    loop_prepare_start(p->loop, &ps->prepare, on_prepare, ps);
    *ret = ps;
    return RES_OK;
}

void tftp_ports_free(struct tftp_ports *ps)
{
    if (ps == NULL) {
        return;
    }
    flush(ps);
    loop_prepare_stop(&ps->prepare);
    tftp_seats_clear(&ps->seats);
    free(ps);
}

size_t tftp_ports_count(const struct tftp_ports *ps)
{
    return ps->count;
}

const struct tftp_seats *tftp_ports_seats(const struct tftp_ports *ps)
{
    return &ps->seats;
}

/* Takes the descriptor over on success. */
static struct tftp_port *make_port(struct tftp_ports *ps, int fd, const struct addr *bound)
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

static enum res open_own(struct tftp_ports *ps, const struct addr *peer, const struct addr *local,
                         uint64_t now_ns, struct tftp_port **ret)
{
    struct addr bound;
    int fd;
    enum res r = tid_table_open(ps->p.tids, peer, local, now_ns, &fd, &bound);

    if (r != RES_OK) {
        return r;
    }
    *ret = make_port(ps, fd, &bound);
    if (*ret == NULL) {
        close(fd);
        return RES_NO_MEMORY;
    }
    return RES_OK;
}

/* So many packets of all clients in lock-step, and of windows' ends, wait in the buffer at once. */
static size_t packets_held(struct tftp_ports *ps, int fd)
{
    size_t held =
        udp_receive_buffer(fd, PORTS_BUFFER_BYTES, WHERRY_HEADER_BYTES) / WHERRY_HEADER_BYTES;

    if (held >= PORTS_SHARED_MAX) {
        return PORTS_SHARED_MAX;
    }
    if (!ps->small_said) {
        ps->small_said = true;
        log_info(ps->p.log, "tftp",
                 "at most %zu transfers share a port, for its receive buffer holds no more packets"
                 " (net.core.rmem_max=%u would do for %u)",
                 held, PORTS_BUFFER_BYTES, PORTS_SHARED_MAX);
    }
    return held > 0 ? held : 1;
}

static enum res open_shared(struct tftp_ports *ps, const struct addr *local, int family,
                            const struct tid_end *key, uint64_t now_ns, struct tftp_port **ret)
{
    struct tftp_port *port;
    struct addr bound;
    int fd;
    enum res r = udp_open(local, family, &fd, &bound);

    if (r != RES_OK) {
        return r;
    }
    port = make_port(ps, fd, &bound);
    if (port == NULL) {
        close(fd);
        return RES_NO_MEMORY;
    }
    port->shared = true;
    port->most = packets_held(ps, fd);
    port->begun_ns = now_ns;
    port->local = *key;
    HASH_ADD(hh, ps->taking, local, sizeof(port->local), port);
    port->takes = port->hh.tbl != NULL; /* without memory the next transfer gets another */
    *ret = port;
    return RES_OK;
}

static bool takes_more(const struct tftp_port *port, uint64_t now_ns)
{
    return now_ns - port->begun_ns < PORTS_TAKES_NS && port->count < port->most &&
           tid_table_remembers(port->all->p.tids, port->begun_ns);
}

/* The shared port that takes new transfers to this address; a new one after its time. */
static enum res shared_port(struct tftp_ports *ps, const struct addr *peer,
                            const struct addr *local, uint64_t now_ns, struct tftp_port **ret)
{
    struct tftp_port *port;
    struct tid_end key;

    tid_end_make(local, &key);
    key.port = 0;
    key.family = peer->u.sa.sa_family;
    HASH_FIND(hh, ps->taking, &key, sizeof(key), port);
    if (port != NULL && takes_more(port, now_ns)) {
        *ret = port;
        return RES_OK;
    }
    if (port != NULL) {
        HASH_DELETE(hh, ps->taking, port);
        port->takes = false;
    }
    return open_shared(ps, local, peer->u.sa.sa_family, &key, now_ns, ret);
}

static bool may_meet(const struct tftp_port *port, const struct addr *peer, uint64_t now_ns)
{
    return find(port, peer) == NULL &&
           !tid_table_rests(port->all->p.tids, peer, port->number, now_ns);
}

static void close_if_empty(struct tftp_port *port)
{
    if (port->count == 0 && !port->awake) {
        close_port(port);
    }
}

enum res tftp_ports_sit(struct tftp_ports *ps, struct tftp_seat *seat, const struct addr *peer,
                        const struct addr *local, bool share, uint64_t now_ns)
{
    struct tftp_port *port = NULL;
    enum res r = RES_OK;

    if (share) {
        r = shared_port(ps, peer, local, now_ns, &port);
    }
    if (r == RES_OK && port != NULL && !may_meet(port, peer, now_ns)) {
        close_if_empty(port); /* a new one; the kernel chose a port that this peer has just met */
        port = NULL;
    }
    if (r == RES_OK && port == NULL) {
        r = open_own(ps, peer, local, now_ns, &port);
    }
    if (r != RES_OK) {
        return r;
    }
    memset(seat, 0, sizeof(*seat));
    seat->peer = *peer;
    seat->segments = true;
    seat->port = port;
    port->only = port->shared ? NULL : seat;
    port->count++;
    tftp_seats_add(&ps->seats, seat);
    return RES_OK;
}

void tftp_seat_leave(struct tftp_seat *seat, uint64_t now_ns)
{
    struct tftp_port *port = seat->port;
    struct tftp_ports *ps;

    if (port == NULL) {
        return;
    }
    ps = port->all;
    if (ps->speaking == port && seat->lent && seat->lent_at == ps->flushes) {
        flush(ps);
    }
    wait_no_more(seat);
    port->gone -= seat->gone ? 1 : 0;
    tftp_seats_remove(&ps->seats, seat);
    port->only = NULL;
    port->count--;
    seat->port = NULL;
    tid_table_used(ps->p.tids, &seat->peer, port->number, now_ns);
    close_if_empty(port);
}

enum res tftp_ports_answer(struct tftp_ports *ps, const struct addr *peer, const struct addr *local,
                           bool share, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
    struct tftp_seat seat;
    enum res r = tftp_ports_sit(ps, &seat, peer, local, share, now_ns);

    if (r == RES_OK) {
        tftp_seat_control(&seat, bytes, len);
        tftp_seat_leave(&seat, now_ns);
    }
    return r;
}
