/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tftp_seats.h"

#include <stdlib.h>
#include <string.h>

#include "server/mix.h"
#include "server/tftp_port.h"

#define BUCKETS_AT_FIRST 64u

static size_t bucket_of(const struct tftp_seats *t, const struct addr *peer)
{
    uint64_t h = mix(t->seed, addr_port(peer));
    uint64_t word[2];

    if (peer->u.sa.sa_family == AF_INET) {
        h = mix(h, peer->u.in4.sin_addr.s_addr);
    } else {
        memcpy(word, &peer->u.in6.sin6_addr, sizeof(word));
        h = mix(mix(h, word[0]), word[1]);
    }
    return (size_t)h & (t->buckets - 1);
}

enum res tftp_seats_init(struct tftp_seats *t)
{
    memset(t, 0, sizeof(*t));
    t->bucket = calloc(BUCKETS_AT_FIRST, sizeof(struct tftp_seat *));
    if (t->bucket == NULL) {
        return RES_NO_MEMORY;
    }
    t->buckets = BUCKETS_AT_FIRST;
    t->seed = mix_seed(t->bucket);
    return RES_OK;
}

void tftp_seats_clear(struct tftp_seats *t)
{
    free(t->bucket);
    memset(t, 0, sizeof(*t));
}

static void put(struct tftp_seats *t, struct tftp_seat *seat)
{
    struct tftp_seat **at = &t->bucket[bucket_of(t, &seat->peer)];

    seat->beside = *at;
    *at = seat;
}

static void grow(struct tftp_seats *t)
{
    struct tftp_seats old = *t;

    t->bucket = calloc(2 * old.buckets, sizeof(struct tftp_seat *));
    if (t->bucket == NULL) {
        *t = old; /* the rows only get longer */
        return;
    }
    t->buckets = 2 * old.buckets;
    for (size_t i = 0; i < old.buckets; i++) {
        while (old.bucket[i] != NULL) {
            struct tftp_seat *seat = old.bucket[i];

            old.bucket[i] = seat->beside;
            put(t, seat);
        }
    }
    free(old.bucket);
}

void tftp_seats_add(struct tftp_seats *t, struct tftp_seat *seat)
{
    if (t->count >= t->buckets) {
        grow(t);
    }
    put(t, seat);
    t->count++;
}

void tftp_seats_remove(struct tftp_seats *t, struct tftp_seat *seat)
{
    struct tftp_seat **at = &t->bucket[bucket_of(t, &seat->peer)];

    while (*at != seat) {
        at = &(*at)->beside;
    }
    *at = seat->beside;
    t->count--;
}

static struct tftp_seat *seat_of(struct tftp_seat *seat, const struct addr *peer)
{
    while (seat != NULL && !addr_equal(&seat->peer, peer)) {
        seat = seat->beside;
    }
    return seat;
}

struct tftp_seat *tftp_seats_first(const struct tftp_seats *t, const struct addr *peer)
{
    return seat_of(t->bucket[bucket_of(t, peer)], peer);
}

struct tftp_seat *tftp_seats_next(const struct tftp_seat *seat)
{
    return seat_of(seat->beside, &seat->peer);
}
