/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/worker.h"

#include <stdlib.h>
#include <unistd.h>

#include <utlist.h>

#include "server/request.h"
#include "server/tftp_session.h"

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
    enum worker_state state;
    struct loop_timer drained_timer; /* so that drained() comes from the loop */
    void (*drained)(void *arg);
    void *arg;
};

static void on_ended(void *arg)
{
    struct worker *w = arg;

    if (w->state == WORKER_DRAINING && w->room.running == 0) {
        loop_timer_at(&w->drained_timer, loop_now_ns(w->room.loop));
    }
}

static void on_drained(void *arg)
{
    struct worker *w = arg;

    w->state = WORKER_DRAINED;
    w->drained(w->arg); /* last: may free w */
}

enum res worker_new(struct worker **ret, const struct worker_params *p)
{
    struct worker *w = calloc(1, sizeof(*w));
    enum res r = RES_NO_MEMORY;

    if (w == NULL) {
        return r;
    }
    w->drained = p->drained;
    w->arg = p->arg;
    w->room.loop = p->loop;
    w->room.pool = p->pool;
    w->room.jail = p->jail;
    w->room.config = p->config;
    w->room.log = p->log;
    w->room.transfers = p->transfers;
    w->room.ended = on_ended;
    w->room.arg = w;
    loop_timer_init(p->loop, &w->drained_timer, on_drained, w);
    w->room.blocks = malloc(SESSION_BURST_BYTES);
    w->room.data = calloc(UDP_SEND_MAX, sizeof(*w->room.data));
    if (w->room.blocks == NULL || w->room.data == NULL) {
        goto fail;
    }
    r = udp_batch_new(&w->room.batch);
    if (r != RES_OK) {
        goto fail;
    }
    r = tid_table_new(&w->room.tids);
    if (r != RES_OK) {
        goto fail;
    }
    *ret = w;
    return RES_OK;
fail:
    worker_free(w);
    return r;
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
    while (w->room.sessions != NULL) {
        tftp_session_free(w->room.sessions);
    }
    loop_timer_stop(&w->drained_timer);
    tid_table_free(w->room.tids);
    udp_batch_free(w->room.batch);
    free(w->room.data);
    free(w->room.blocks);
    free(w);
}

/* One batch a turn: what is left wakes the loop again, and transfers have their turn between. */
static void on_request(void *arg, unsigned events)
{
    struct worker_listener *l = arg;
    struct tftp_room *room = &l->worker->room;
    const struct udp_packet *packets;
    struct addr peer;
    bool unreachable;
    size_t count;

    (void)events;
    /* A listener sends nothing, so none of these is about a transfer; but unread they wake us. */
    while (udp_take_error(l->fd, &peer, &unreachable)) {
    }
    count = udp_receive(l->fd, room->batch, &packets);
    for (size_t i = 0; i < count; i++) {
        request_arrived(room, l->number, &packets[i], loop_now_ns(room->loop));
    }
}

enum res worker_listen(struct worker *w, int fd, const struct endpoint *endpoint)
{
    struct worker_listener *l;

    if (endpoint->scheme != ENDPOINT_TFTP) {
        return RES_UNSUPPORTED;
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
    w->room.config = config;
}

void worker_drain(struct worker *w)
{
    if (w->state != WORKER_RUNNING) {
        return;
    }
    w->state = WORKER_DRAINING;
    /* Closed, not only left unread: a successor may bind the port while the last transfers run. */
    close_listeners(w);
    on_ended(w);
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
}

size_t worker_running(const struct worker *w)
{
    return w->room.running;
}
