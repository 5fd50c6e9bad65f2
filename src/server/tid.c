/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tid.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/udp.h"
#include "server/mix.h"

/* With n of 28,000 ports resting a try fails with probability n / 28,000. */
#define TRIES 16
#define ROWS ((size_t)2 * TID_REMEMBERED_MAX) /* a power of two */

/* Kept small: in a storm each of them is looked for among thousands, in memory that has long left
 * the processor's caches. */
struct meeting {
    struct tid_end peer;
    uint16_t port;
    uint16_t next; /* in its row, counted from 1; 0: none */
    bool again;    /* they met once more, later in the ring; in no row */
    uint64_t end_ns;
};

struct tid_table {
    struct meeting *ring; /* of TID_REMEMBERED_MAX, from the oldest on */
    size_t first;
    size_t used;  /* of the ring */
    size_t count; /* of those in rows */
    uint64_t seed;
    bool lost; /* a meeting was forgotten while it rested; the latest of them ended at lost_ns */
    uint64_t lost_ns;
    uint16_t row[ROWS]; /* the first of each, as `next` */
};

_Static_assert(TID_REMEMBERED_MAX < UINT16_MAX, "a row's numbers have room for them");
_Static_assert((ROWS & (ROWS - 1)) == 0, "a row is found by the low bits");

void tid_end_make(const struct addr *a, struct tid_end *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (a->len == 0) {
        return;
    }
    ret->family = a->u.sa.sa_family;
    ret->port = addr_port(a);
    if (a->u.sa.sa_family == AF_INET) {
        memcpy(ret->bytes, &a->u.in4.sin_addr, sizeof(a->u.in4.sin_addr));
    } else {
        memcpy(ret->bytes, &a->u.in6.sin6_addr, sizeof(a->u.in6.sin6_addr));
        if (IN6_IS_ADDR_LINKLOCAL(&a->u.in6.sin6_addr)) {
            ret->scope = a->u.in6.sin6_scope_id;
        }
    }
}

enum res tid_table_new(struct tid_table **ret)
{
    struct tid_table *t = calloc(1, sizeof(*t));

    if (t != NULL) {
        t->ring = calloc(TID_REMEMBERED_MAX, sizeof(*t->ring));
    }
    if (t == NULL || t->ring == NULL) {
        free(t);
        return RES_NO_MEMORY;
    }
    t->seed = mix_seed(t);
    *ret = t;
    return RES_OK;
}

void tid_table_free(struct tid_table *t)
{
    if (t == NULL) {
        return;
    }
    free(t->ring);
    free(t);
}

static uint16_t *row_of(struct tid_table *t, const struct tid_end *peer, uint16_t port)
{
    uint64_t word[sizeof(*peer) / sizeof(uint64_t)];
    uint64_t h = mix(t->seed, port);

    memcpy(word, peer, sizeof(word));
    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        h = mix(h, word[i]);
    }
    return &t->row[h & (ROWS - 1)];
}

static struct meeting *find(struct tid_table *t, const uint16_t *row, const struct tid_end *peer,
                            uint16_t port)
{
    struct meeting *m = NULL;

    for (uint16_t n = *row; n != 0; n = m->next) {
        m = &t->ring[n - 1];
        if (m->port == port && memcmp(&m->peer, peer, sizeof(*peer)) == 0) {
            return m;
        }
    }
    return NULL;
}

static void leave_row(struct tid_table *t, uint16_t *row, const struct meeting *m)
{
    while (&t->ring[*row - 1] != m) {
        row = &t->ring[*row - 1].next;
    }
    *row = m->next;
    t->count--;
}

static void forget_oldest(struct tid_table *t)
{
    const struct meeting *m = &t->ring[t->first];

    if (!m->again) {
        leave_row(t, row_of(t, &m->peer, m->port), m);
    }
    t->used--;
    /* A quiet server stays in the first pages. */
    t->first = t->used == 0 ? 0 : (t->first + 1) % TID_REMEMBERED_MAX;
}

static void forget_rested(struct tid_table *t, uint64_t now_ns)
{
    while (t->used > 0 && now_ns - t->ring[t->first].end_ns >= TID_REST_NS) {
        forget_oldest(t);
    }
}

static void lose_oldest(struct tid_table *t)
{
    const struct meeting *m = &t->ring[t->first];

    if (!m->again) {
        t->lost_ns = t->lost && t->lost_ns > m->end_ns ? t->lost_ns : m->end_ns;
        t->lost = true;
    }
    forget_oldest(t);
}

void tid_table_used(struct tid_table *t, const struct addr *peer, uint16_t port, uint64_t now_ns)
{
    struct tid_end end;
    struct meeting *m;
    uint16_t *row;
    size_t at;

    forget_rested(t, now_ns);
    tid_end_make(peer, &end);
    row = row_of(t, &end, port);
    m = find(t, row, &end, port);
    if (m != NULL) {
        leave_row(t, row, m);
        m->again = true;
    }
    if (t->used == TID_REMEMBERED_MAX) {
        lose_oldest(t);
    }
    at = (t->first + t->used++) % TID_REMEMBERED_MAX;
    t->ring[at] = (struct meeting){.peer = end, .port = port, .next = *row, .end_ns = now_ns};
    *row = (uint16_t)(at + 1);
    t->count++;
}

bool tid_table_rests(struct tid_table *t, const struct addr *peer, uint16_t port, uint64_t now_ns)
{
    struct tid_end end;

    forget_rested(t, now_ns);
    tid_end_make(peer, &end);
    return find(t, row_of(t, &end, port), &end, port) != NULL;
}

bool tid_table_remembers(const struct tid_table *t, uint64_t since_ns)
{
    return !t->lost || t->lost_ns < since_ns;
}

size_t tid_table_count(const struct tid_table *t)
{
    return t->count;
}

enum res tid_table_open(struct tid_table *t, const struct addr *peer, const struct addr *local,
                        uint64_t now_ns, int *ret_fd, struct addr *ret_local)
{
    int resting[TRIES]; /* kept open meanwhile, so that the kernel offers others */
    size_t count = 0;
    enum res r = RES_BUSY;

    while (count < TRIES) {
        struct addr bound;
        int fd;

        r = udp_open(local, peer->u.sa.sa_family, &fd, &bound);
        if (r != RES_OK) {
            break;
        }
        if (!tid_table_rests(t, peer, addr_port(&bound), now_ns)) {
            *ret_fd = fd;
            *ret_local = bound;
            break;
        }
        resting[count++] = fd;
        r = RES_BUSY;
    }
    while (count > 0) {
        close(resting[--count]);
    }
    return r;
}
