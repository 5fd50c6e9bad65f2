/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/crowd.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "server/tid.h"

#define LOOPBACK_NETWORK 127u /* the first of the four numbers */

struct crowd_address {
    struct tid_end key; /* port 0 */
    uint32_t count;
    UT_hash_handle hh;
};

struct crowd {
    struct crowd_address *addresses;
};

enum res crowd_new(struct crowd **ret)
{
    struct crowd *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        return RES_NO_MEMORY;
    }
    *ret = c;
    return RES_OK;
}

static void forget(struct crowd *c, struct crowd_address *a)
{
    HASH_DELETE(hh, c->addresses, a);
    free(a);
}

void crowd_free(struct crowd *c)
{
    if (c == NULL) {
        return;
    }
    while (c->addresses != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): HASH_DELETE makes the next one the head */
        forget(c, c->addresses);
    }
    free(c);
}

static bool is_loopback(const struct addr *a)
{
    return a->u.sa.sa_family == AF_INET6
               ? IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr)
               : ntohl(a->u.in4.sin_addr.s_addr) >> 24 == LOOPBACK_NETWORK;
}

static struct crowd_address *find(struct crowd *c, const struct addr *peer, struct tid_end *ret_key)
{
    struct crowd_address *a;
    struct addr host = *peer;

    addr_set_port(&host, 0);
    tid_end_make(&host, ret_key);
    HASH_FIND(hh, c->addresses, ret_key, sizeof(*ret_key), a);
    return a;
}

enum res crowd_enter(struct crowd *c, const struct addr *peer, uint32_t most)
{
    struct crowd_address *a;
    struct tid_end key;

    if (is_loopback(peer)) {
        return RES_OK;
    }
    a = find(c, peer, &key);
    if (a == NULL) {
        a = calloc(1, sizeof(*a));
        if (a == NULL) {
            return RES_NO_MEMORY;
        }
        a->key = key;
        HASH_ADD(hh, c->addresses, key, sizeof(a->key), a);
        if (a->hh.tbl == NULL) {
            free(a);
            return RES_NO_MEMORY;
        }
    }
    if (a->count >= most) {
        return RES_BUSY;
    }
    a->count++;
    return RES_OK;
}

void crowd_leave(struct crowd *c, const struct addr *peer)
{
    struct crowd_address *a;
    struct tid_end key;

    if (is_loopback(peer)) {
        return;
    }
    a = find(c, peer, &key);
    if (a != NULL && --a->count == 0) {
        forget(c, a);
    }
}

size_t crowd_addresses(const struct crowd *c)
{
    return HASH_COUNT(c->addresses);
}
