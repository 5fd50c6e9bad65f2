/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/worker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <utlist.h>

#include "base/number.h"
#include "server/handover.h"
#include "server/request.h"
#include "server/tcp_door.h"
#include "server/tcp_session.h"
#include "server/tftp_session.h"

/* Sums of files: 64 KiB or so for what hashing a file again would cost. */
#define SUMS_REMEMBERED 1024u
#define SAY_AGAIN_NS NUMBER_SECOND

struct worker_listener {
    struct worker *worker;
    struct worker_listener *next;
    uint64_t number;
    int fd;
    struct loop_io io;
};

enum worker_state { WORKER_RUNNING, WORKER_DRAINING, WORKER_DRAINED };

struct worker {
    struct tftp_room room;
    struct worker_listener *listeners;
    uint64_t listeners_made;
    struct handover *handover;      /* where this one is given requests, or NULL */
    struct handover *const *others; /* where this one gives them, by their number, or NULL */
    unsigned workers;               /* with others: how many, itself among them */
    uint64_t overflowed;            /* requests that found no room there */
    uint64_t overflow_said_ns;
    struct tcp_room tcp;
    struct tcp_door *door;
    bool door_drained;
    enum worker_state state;
    struct loop_timer drained_timer; /* so that drained() comes from the loop */
    void (*drained)(void *arg);
    void *arg;
};

static void drained_if_empty(struct worker *w)
{
    if (w->state == WORKER_DRAINING && w->door_drained && w->room.running == 0) {
        loop_timer_at(&w->drained_timer, loop_now_ns(w->room.loop));
    }
}

static void on_ended(void *arg)
{
    drained_if_empty(arg);
}

static void on_door_drained(void *arg)
{
    struct worker *w = arg;

    w->door_drained = true;
    drained_if_empty(w);
}

static void on_drained(void *arg)
{
    struct worker *w = arg;

    w->state = WORKER_DRAINED;
    w->drained(w->arg); /* last: may free w */
}

/* A worker that takes no more drops it, as it would lie unread in a socket that is closed. */
static void on_handed(void *arg, uint64_t listener, const struct udp_packet *packet)
{
    struct worker *w = arg;

    if (w->state == WORKER_RUNNING) {
        request_arrived(&w->room, listener, packet, loop_now_ns(w->room.loop));
    }
}

static enum res make_tftp_room(struct worker *w, const struct worker_params *p)
{
    struct tftp_room *room = &w->room;
    enum res r;

    room->loop = p->loop;
    room->pool = p->pool;
    room->jail = p->jail;
    room->config = p->config;
    room->log = p->log;
    room->transfers = p->transfers;
    room->spares = p->spares;
    room->ended = on_ended;
    room->arg = w;
    r = files_new(&room->files, p->loop, p->pool);
    return r == RES_OK ? tftp_room_open(room) : r;
}

/* Uploads that an earlier server was killed in. */
static void on_swept(void *arg, enum res r, size_t removed)
{
    const struct worker *w = arg;

    if (r != RES_OK) {
        log_warning(w->tcp.log, "sweep", "left-over temporary files stay: %s", wherry_res_text(r));
    } else if (removed > 0) {
        log_info(w->tcp.log, "sweep", "removed %zu left-over temporary files", removed);
    }
}

static struct uploads_limits limits_of(const struct config *c)
{
    return (struct uploads_limits){
        .policy = c->write,
        .rules = c->rules,
        .mode = c->upload_mode & ~c->umask,
        .size_max = c->upload_max,
        .reserve = c->disk_reserve,
        .keep_ns = c->upload_keep_ns,
        .kept_total = c->upload_kept_total,
    };
}

static enum res make_tcp_room(struct worker *w, const struct worker_params *p)
{
    struct uploads_limits limits = limits_of(p->config);
    struct tcp_room *room = &w->tcp;
    enum res r;

    room->loop = p->loop;
    room->pool = p->pool;
    room->jail = p->jail;
    room->config = p->config;
    room->log = p->log;
    room->transfers = p->transfers;
    room->input = malloc(TCP_INPUT_BYTES);
    if (room->input == NULL) {
        return RES_NO_MEMORY;
    }
    r = listings_new(&room->listings, p->pool, p->jail, p->config->listings_max);
    if (r == RES_OK) {
        r = hasher_new(&room->hasher, p->loop, p->jail, HASHER_THREADS, SUMS_REMEMBERED);
    }
    if (r == RES_OK) {
        r = uploads_new(&room->uploads, p->loop, p->pool, p->jail, room->hasher, &limits);
    }
    if (r != RES_OK) {
        return r;
    }
    uploads_tell_swept(room->uploads, on_swept, w);
    return tcp_door_new(&w->door, room, on_door_drained, w);
}

enum res worker_new(struct worker **ret, const struct worker_params *p)
{
    struct worker *w = calloc(1, sizeof(*w));
    enum res r;

    if (w == NULL) {
        return RES_NO_MEMORY;
    }
    w->drained = p->drained;
    w->arg = p->arg;
    loop_timer_init(p->loop, &w->drained_timer, on_drained, w);
    r = make_tftp_room(w, p);
    w->door_drained = p->tftp_only;
    if (r == RES_OK && p->is_given_requests) {
        r = handover_new(&w->handover, p->loop, on_handed, w);
    }
    if (r == RES_OK && !p->tftp_only) {
        r = make_tcp_room(w, p);
    }
    if (r != RES_OK) {
        worker_free(w);
        return r;
    }
    *ret = w;
    return RES_OK;
}

static void close_listeners(struct worker *w)
{
    while (w->listeners != NULL) {
        struct worker_listener *l = w->listeners;

        LL_DELETE(w->listeners, l);
        loop_io_stop(&l->io);
        close(l->fd);
        free(l);
    }
}

void worker_free(struct worker *w)
{
    if (w == NULL) {
        return;
    }
    close_listeners(w);
    handover_free(w->handover);
    tftp_room_close(&w->room);
    files_free(w->room.files);
    tcp_door_free(w->door);
    uploads_free(w->tcp.uploads);
    hasher_free(w->tcp.hasher);
    listings_free(w->tcp.listings);
    free(w->tcp.input);
    loop_timer_stop(&w->drained_timer);
    free(w);
}

static void count_overflow(struct worker *w)
{
    uint64_t now_ns = loop_now_ns(w->room.loop);

    w->overflowed++;
    if (w->overflow_said_ns == 0 || now_ns - w->overflow_said_ns >= SAY_AGAIN_NS) {
        w->overflow_said_ns = now_ns;
        log_warning(
            w->room.log, "tftp",
            "requests dropped, for too many wait for their worker, since the start %" PRIu64,
            w->overflowed);
    }
}

/* To whom this request belongs: itself, or another of the workers that this one reads for. */
static void deal(struct worker *w, uint64_t listener, const struct udp_packet *packet)
{
    uint16_t opcode = wherry_packet_opcode(packet->bytes, packet->len);
    unsigned to = w->others != NULL ? handover_worker(&packet->peer, w->workers) : 0;

    if (to == 0) {
        request_arrived(&w->room, listener, packet, loop_now_ns(w->room.loop));
    } else if ((opcode == WHERRY_RRQ || opcode == WHERRY_WRQ) &&
               !handover_give(w->others[to], listener, packet)) {
        count_overflow(w);
    }
}

/* One batch a turn: what is left wakes the loop again, and transfers have their turn between. */
static void on_request(void *arg, unsigned events)
{
    struct worker_listener *l = arg;
    struct tftp_room *room = &l->worker->room;
    const struct udp_packet *packets;
    struct addr peer;
    bool unreachable;
    bool errors;
    size_t count;

    (void)events;
    count = udp_receive(l->fd, room->batch, UDP_RECEIVE_MAX, &packets, &errors);
    /* A listener sends nothing, so none of these is about a transfer; but unread they wake us. */
    while (errors && udp_take_error(l->fd, &peer, &unreachable)) {
    }
    for (size_t i = 0; i < count; i++) {
        deal(l->worker, l->number, &packets[i]);
    }
}

struct handover *worker_handover(const struct worker *w)
{
    return w->handover;
}

void worker_share_out(struct worker *w, struct handover *const *others, unsigned count)
{
    w->others = others;
    w->workers = count;
}

enum res worker_listen(struct worker *w, int fd, const struct endpoint *endpoint)
{
    struct worker_listener *l;

    if (endpoint->scheme == ENDPOINT_WHERRY) { /* never of one that is tftp_only */
        return tcp_door_listen(w->door, fd);
    }
    l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return RES_NO_MEMORY;
    }
    l->worker = w;
    l->fd = fd;
    l->number = w->listeners_made++;
    LL_PREPEND(w->listeners, l);
    loop_io_start(w->room.loop, &l->io, fd, LOOP_READ, on_request, l);
    return RES_OK;
}

void worker_configure(struct worker *w, const struct config *config)
{
    struct uploads_limits limits = limits_of(config);

    w->room.config = config;
    if (w->door == NULL) {
        return;
    }
    w->tcp.config = config;
    listings_limit(w->tcp.listings, config->listings_max);
    uploads_limit(w->tcp.uploads, &limits);
}

void worker_drain(struct worker *w)
{
    if (w->state != WORKER_RUNNING) {
        return;
    }
    w->state = WORKER_DRAINING;
    /* Closed, not only left unread: a successor may bind the port while the last transfers run. */
    close_listeners(w);
    if (w->door != NULL) {
        tcp_door_drain(w->door, loop_now_ns(w->room.loop));
    }
    drained_if_empty(w);
}

void worker_stop(struct worker *w)
{
    uint64_t now_ns = loop_now_ns(w->room.loop);
    struct tftp_session *ss;
    struct tftp_session *next;

    worker_drain(w);
    DL_FOREACH_SAFE(w->room.sessions, ss, next)
    {
        tftp_session_shut_down(ss, now_ns);
    }
    if (w->door != NULL) {
        tcp_door_hurry(w->door, now_ns);
    }
}

size_t worker_running(const struct worker *w)
{
    size_t running = w->room.running;
    const struct tcp_session *s;

    DL_FOREACH(w->tcp.sessions, s)
    {
        running += tcp_session_idle(s) ? 0 : 1;
    }
    return running;
}
