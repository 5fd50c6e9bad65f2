/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/handover.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "server/mix.h"
#include "server/tid.h"

struct handed {
    struct handed *prev, *next;
    uint64_t listener;
    struct udp_packet packet;
    uint8_t bytes[];
};

struct handover {
    struct loop_waker waker;
    handover_fn *fn;
    void *arg;
    pthread_mutex_t lock; /* guards all below */
    struct handed *queue;
    size_t bytes;
};

static size_t cost_of(const struct handed *r)
{
    return sizeof(*r) + r->packet.len;
}

static struct handed *take(struct handover *h)
{
    struct handed *r;

    pthread_mutex_lock(&h->lock);
    r = h->queue;
    if (r != NULL) {
        DL_DELETE(h->queue, r);
        h->bytes -= cost_of(r);
    }
    pthread_mutex_unlock(&h->lock);
    return r;
}

/* As many as one read of the socket brings; then transfers have their turn. */
static void on_wake(void *arg)
{
    struct handover *h = arg;
    struct handed *r;

    for (unsigned i = 0; i < UDP_RECEIVE_MAX; i++) {
        r = take(h);
        if (r == NULL) {
            return;
        }
        h->fn(h->arg, r->listener, &r->packet);
        free(r);
    }
    loop_waker_wake(&h->waker);
}

enum res handover_new(struct handover **ret, struct loop *loop, handover_fn *fn, void *arg)
{
    struct handover *h = calloc(1, sizeof(*h));

    if (h == NULL) {
        return RES_NO_MEMORY;
    }
    h->fn = fn;
    h->arg = arg;
    pthread_mutex_init(&h->lock, NULL); /* glibc's default one cannot fail to be made */
    loop_waker_start(loop, &h->waker, on_wake, h);
    *ret = h;
    return RES_OK;
}

void handover_free(struct handover *h)
{
    struct handed *r;

    if (h == NULL) {
        return;
    }
    loop_waker_stop(&h->waker);
    while ((r = take(h)) != NULL) {
        free(r);
    }
    pthread_mutex_destroy(&h->lock);
    free(h);
}

bool handover_give(struct handover *h, uint64_t listener, const struct udp_packet *packet)
{
    struct handed *r = malloc(sizeof(*r) + packet->len);
    bool room;
    bool first;

    if (r == NULL) {
        return false;
    }
    r->listener = listener;
    r->packet = *packet;
    r->packet.bytes = r->bytes;
    memcpy(r->bytes, packet->bytes, packet->len);
    pthread_mutex_lock(&h->lock);
    first = h->queue == NULL;
    room = h->bytes + cost_of(r) <= HANDOVER_BYTES;
    if (room) {
        DL_APPEND(h->queue, r);
        h->bytes += cost_of(r);
    }
    pthread_mutex_unlock(&h->lock);
    if (!room) {
        free(r);
    } else if (first) {
        loop_waker_wake(&h->waker);
    }
    return room;
}

/* Without a secret: who would load one worker alone does no more than one that sends all from one
 * port. */
unsigned handover_worker(const struct addr *peer, unsigned count)
{
    struct tid_end end;
    uint64_t word[2];

    tid_end_make(peer, &end);
    memcpy(word, end.bytes, sizeof(word));
    return (unsigned)(mix(mix(mix(end.port, end.scope), word[0]), word[1]) % count);
}
