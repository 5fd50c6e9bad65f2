/* SPDX-License-Identifier: BSD-2-Clause */
/* Which port a transfer gets, and how it leaves it. */
#include "server/tftp_port_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_prepare(void *arg)
{
    tftp_ports_flush(arg);
}

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
    tftp_ports_flush(ps);
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

static enum res open_own(struct tftp_ports *ps, const struct addr *peer, const struct addr *local,
                         uint64_t now_ns, struct tftp_port **ret)
{
    struct addr bound;
    int fd;
    enum res r = tid_table_open(ps->p.tids, peer, local, now_ns, &fd, &bound);

    if (r != RES_OK) {
        return r;
    }
    *ret = tftp_port_new(ps, fd, &bound);
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

void tftp_ports_close_socket(struct tftp_ports *ps, int fd, uint64_t now_ns)
{
    if (!spare_sockets_give(ps->p.spares, fd, now_ns)) {
        close(fd);
    }
}

static enum res open_large(struct tftp_ports *ps, const struct addr *local, int family,
                           uint64_t now_ns, int *ret_fd, struct addr *ret_local)
{
    int own_family = local->len != 0 ? local->u.sa.sa_family : family;
    int fd = spare_sockets_take(ps->p.spares, own_family, now_ns);
    enum res r;

    if (fd == -1) {
        return udp_open(local, family, ret_fd, ret_local);
    }
    r = udp_bind(fd, local, family, ret_local);
    if (r != RES_OK) {
        tftp_ports_close_socket(ps, fd, now_ns);
        return r;
    }
    *ret_fd = fd;
    return RES_OK;
}

static enum res open_shared(struct tftp_ports *ps, const struct addr *local, int family,
                            const struct tid_end *key, uint64_t now_ns, struct tftp_port **ret)
{
    struct tftp_port *port;
    struct addr bound;
    int fd;
    enum res r = open_large(ps, local, family, now_ns, &fd, &bound);

    if (r != RES_OK) {
        return r;
    }
    port = tftp_port_new(ps, fd, &bound);
    if (port == NULL) {
        tftp_ports_close_socket(ps, fd, now_ns);
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

/* The shared port of this rank that takes new transfers to this address; a new one after its time.
 */
static enum res shared_port(struct tftp_ports *ps, const struct addr *peer,
                            const struct addr *local, uint16_t rank, uint64_t now_ns,
                            struct tftp_port **ret)
{
    struct tftp_port *port;
    struct tid_end key;

    tid_end_make(local, &key);
    key.port = rank;
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
    return tftp_port_find(port, peer) == NULL &&
           !tid_table_rests(port->all->p.tids, peer, port->number, now_ns);
}

enum res tftp_ports_sit(struct tftp_ports *ps, struct tftp_seat *seat, const struct addr *peer,
                        const struct addr *local, bool share, uint64_t now_ns)
{
    struct tftp_port *port = NULL;
    enum res r = RES_OK;

    for (uint16_t rank = 0; share && r == RES_OK && port == NULL && rank < PORTS_BESIDE; rank++) {
        r = shared_port(ps, peer, local, rank, now_ns, &port);
        if (r == RES_OK && !may_meet(port, peer, now_ns)) {
            /* Empty: a new one; the kernel chose a port that this peer has just met. */
            tftp_port_close_if_empty(port);
            port = NULL;
        }
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
        tftp_ports_flush(ps);
    }
    tftp_seat_wait_no_more(seat);
    port->gone -= seat->gone ? 1 : 0;
    tftp_seats_remove(&ps->seats, seat);
    port->only = NULL;
    port->count--;
    seat->port = NULL;
    tid_table_used(ps->p.tids, &seat->peer, port->number, now_ns);
    tftp_port_close_if_empty(port);
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
