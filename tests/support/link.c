/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/link.h"

#include <stdlib.h>
#include <string.h>

#include "support/chance.h"

#define ON_THEIR_WAY_MAX 100000u /* a storm, not a transfer */

struct flight {
    uint64_t at_ns;
    uint64_t number; /* in the order sent: what arrives together arrives in this order */
    enum link_end to;
    size_t len;
    uint8_t *bytes;
};

/* flights[] is a heap: the earliest first, flights[i] before flights[2i + 1] and [2i + 2]. */
struct link {
    struct link_params params;
    struct chance chance;
    uint64_t now_ns;
    uint64_t last_ns[LINK_ENDS]; /* arrival of the last one in order */
    struct flight *flights;
    size_t count;
    size_t room;
    uint64_t numbers;
    uint64_t sent;
    uint64_t lost;
};

enum res link_new(struct link **ret, const struct link_params *params, uint64_t seed)
{
    struct link *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        return RES_NO_MEMORY;
    }
    l->params = *params;
    chance_init(&l->chance, seed);
    *ret = l;
    return RES_OK;
}

void link_free(struct link *l)
{
    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        free(l->flights[i].bytes);
    }
    free(l->flights);
    free(l);
}

uint64_t link_now_ns(const struct link *l)
{
    return l->now_ns;
}

void link_wait(struct link *l, uint64_t at_ns)
{
    if (at_ns > l->now_ns) {
        l->now_ns = at_ns;
    }
}

uint64_t link_next_ns(const struct link *l)
{
    return l->count > 0 ? l->flights[0].at_ns : LINK_QUIET;
}

static bool earlier(const struct flight *a, const struct flight *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void swap(struct flight *a, struct flight *b)
{
    struct flight was = *a;

    *a = *b;
    *b = was;
}

static void rise(struct link *l, size_t i)
{
    while (i > 0 && earlier(&l->flights[i], &l->flights[(i - 1) / 2])) {
        swap(&l->flights[i], &l->flights[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sink(struct link *l, size_t i)
{
    for (;;) {
        size_t first = i;

        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < l->count; child++) {
            if (earlier(&l->flights[child], &l->flights[first])) {
                first = child;
            }
        }
        if (first == i) {
            return;
        }
        swap(&l->flights[i], &l->flights[first]);
        i = first;
    }
}

static enum res room_for_one(struct link *l)
{
    size_t room = l->room > 0 ? 2 * l->room : 64;
    struct flight *flights;

    if (l->count < l->room) {
        return RES_OK;
    }
    if (l->count >= ON_THEIR_WAY_MAX) {
        return RES_NO_MEMORY;
    }
    flights = realloc(l->flights, room * sizeof(*flights));
    if (flights == NULL) {
        return RES_NO_MEMORY;
    }
    l->flights = flights;
    l->room = room;
    return RES_OK;
}

static uint64_t arrival_ns(struct link *l, enum link_end to)
{
    uint64_t at_ns =
        l->now_ns + l->params.delay_ns + chance_between(&l->chance, 0, l->params.jitter_ns);

    if (chance_happens(&l->chance, l->params.reorder_permille)) {
        return at_ns + chance_between(&l->chance, 0, 2 * l->params.delay_ns);
    }
    if (at_ns < l->last_ns[to]) {
        at_ns = l->last_ns[to];
    }
    l->last_ns[to] = at_ns;
    return at_ns;
}

static enum res fly(struct link *l, enum link_end to, const uint8_t *bytes, size_t len)
{
    struct flight *f;
    uint8_t *copy;
    enum res r = room_for_one(l);

    if (r != RES_OK) {
        return r;
    }
    copy = malloc(len);
    if (copy == NULL) {
        return RES_NO_MEMORY;
    }
    memcpy(copy, bytes, len);
    f = &l->flights[l->count];
    *f = (struct flight){
        .at_ns = arrival_ns(l, to), .number = l->numbers++, .to = to, .len = len, .bytes = copy};
    l->count++;
    rise(l, l->count - 1);
    return RES_OK;
}

enum res link_send(struct link *l, enum link_end to, const uint8_t *bytes, size_t len)
{
    enum res r = RES_OK;

    if (len == 0 || len > LINK_DATAGRAM_MAX) {
        return RES_TOO_LARGE;
    }
    l->sent++;
    if (chance_happens(&l->chance, l->params.loss_permille[to])) {
        l->lost++;
        return RES_OK;
    }
    r = fly(l, to, bytes, len);
    if (r == RES_OK && chance_happens(&l->chance, l->params.repeat_permille)) {
        r = fly(l, to, bytes, len);
    }
    return r;
}

bool link_receive(struct link *l, struct link_datagram *ret)
{
    struct flight f;

    if (link_next_ns(l) > l->now_ns) {
        return false;
    }
    f = l->flights[0];
    l->count--;
    l->flights[0] = l->flights[l->count];
    sink(l, 0);
    ret->to = f.to;
    ret->len = f.len;
    memcpy(ret->bytes, f.bytes, f.len);
    free(f.bytes);
    return true;
}

uint64_t link_sent(const struct link *l)
{
    return l->sent;
}

uint64_t link_lost(const struct link *l)
{
    return l->lost;
}
