/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tid.h: which of our ports met which client lately (RFC 1350 section 4).
 *
 * The kernel hands out free ports at random and may soon hand out one again. A late packet of an
 * earlier transfer must not reach a later one, so a client's address and port never meets one of
 * our ports within TID_REST_NS of the end of their last transfer. */
#ifndef SERVER_TID_H
#define SERVER_TID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#include "base/number.h"
#include "net/addr.h"

#define TID_REST_NS (10 * NUMBER_SECOND)
/* About 700 KiB, of which a quiet server touches little. In a storm of more requests than this in
 * 10 s the oldest are forgotten: random ports then make a meeting unlikely, as they do everywhere
 * else. A port that is not random, as it is taken again and again, must be given up then:
 * tid_table_remembers(). Who is used again while it rests takes a second place until the first has
 * rested; that does not happen to who asks tid_table_rests() first. */
#define TID_REMEMBERED_MAX 16384u

/* An address, port and link-local scope as bytes that can be compared and hashed: no padding. */
struct tid_end {
    uint8_t bytes[16];
    uint32_t scope;
    uint16_t port;
    uint16_t family;
};

void tid_end_make(const struct addr *a, struct tid_end *ret);

struct tid_table;

enum res tid_table_new(struct tid_table **ret);
/* Takes NULL. */
void tid_table_free(struct tid_table *t);

/* A transfer between peer and our port is over. */
void tid_table_used(struct tid_table *t, const struct addr *peer, uint16_t port, uint64_t now_ns);
/* They met within the last TID_REST_NS. */
bool tid_table_rests(struct tid_table *t, const struct addr *peer, uint16_t port, uint64_t now_ns);
/* None that ended at since_ns or later, within the last TID_REST_NS, was forgotten. */
bool tid_table_remembers(const struct tid_table *t, uint64_t since_ns);
size_t tid_table_count(const struct tid_table *t);

/* A socket on a port of `local` (len 0: of any address) that this peer has not met lately. What
 * udp_open() answers, or RES_BUSY when the kernel offers only ports that must rest. */
enum res tid_table_open(struct tid_table *t, const struct addr *peer, const struct addr *local,
                        uint64_t now_ns, int *ret_fd, struct addr *ret_local);

#endif
