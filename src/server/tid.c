/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tid.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "net/udp.h"

/* With n of 28,000 ports resting a try fails with probability n / 28,000. */
#define TRIES 16

struct meeting_key {
    struct tid_end peer;
    uint32_t port;
};

struct meeting {
    struct meeting_key key;
    uint64_t end_ns;
    UT_hash_handle hh; /* iteration goes from the oldest to the newest */
};

struct tid_table {
    struct meeting *meetings;
    bool lost; /* a meeting was forgotten while it rested; the latest of them ended at lost_ns */
    uint64_t lost_ns;
};

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

    if (t == NULL) {
        return RES_NO_MEMORY;
    }
    *ret = t;
    return RES_OK;
}

static void forget(struct tid_table *t, struct meeting *m)
{
    HASH_DELETE(hh, t->meetings, m);
    free(m);
}

void tid_table_free(struct tid_table *t)
{
    if (t == NULL) {
        return;
    }
    while (t->meetings != NULL) {
        forget(t, t->meetings);
    }
    free(t);
}

static void forget_rested(struct tid_table *t, uint64_t now_ns)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): HASH_DELETE makes the next one the head */
    while (t->meetings != NULL && now_ns - t->meetings->end_ns >= TID_REST_NS) {
        forget(t, t->meetings);
    }
}

static struct meeting *find(const struct tid_table *t, const struct addr *peer, uint16_t port)
{
    struct meeting_key key;
    struct meeting *m;

    memset(&key, 0, sizeof(key));
    tid_end_make(peer, &key.peer);
    key.port = port;
    HASH_FIND(hh, t->meetings, &key, sizeof(key), m);
    return m;
}

static void lose(struct tid_table *t, uint64_t end_ns)
{
    t->lost_ns = t->lost && t->lost_ns > end_ns ? t->lost_ns : end_ns;
    t->lost = true;
}

void tid_table_used(struct tid_table *t, const struct addr *peer, uint16_t port, uint64_t now_ns)
{
    struct meeting *m = find(t, peer, port);

    if (m != NULL) {
        HASH_DELETE(hh, t->meetings, m); /* to the newest end */
    } else {
        forget_rested(t, now_ns);
        if (HASH_COUNT(t->meetings) >= TID_REMEMBERED_MAX) {
            lose(t, t->meetings->end_ns);
            forget(t, t->meetings);
        }
        m = calloc(1, sizeof(*m));
        if (m == NULL) {
            lose(t, now_ns); /* without memory the kernel's random choice has to do */
            return;
        }
        tid_end_make(peer, &m->key.peer);
        m->key.port = port;
    }
    m->end_ns = now_ns;
    HASH_ADD(hh, t->meetings, key, sizeof(m->key), m);
    if (m->hh.tbl == NULL) {
        lose(t, now_ns);
        free(m);
    }
}

bool tid_table_rests(struct tid_table *t, const struct addr *peer, uint16_t port, uint64_t now_ns)
{
    forget_rested(t, now_ns);
    return find(t, peer, port) != NULL;
}

bool tid_table_remembers(const struct tid_table *t, uint64_t since_ns)
{
    return !t->lost || t->lost_ns < since_ns;
}

size_t tid_table_count(const struct tid_table *t)
{
    return HASH_COUNT(t->meetings);
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
