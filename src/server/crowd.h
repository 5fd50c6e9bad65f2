/* SPDX-License-Identifier: BSD-2-Clause */
/* server/crowd.h: how many connections there are from each address. Ports are not looked at, and
 * loopback (127.0.0.0/8, [::1]) is not counted. Holds nothing for an address that has none. */
#ifndef SERVER_CROWD_H
#define SERVER_CROWD_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#include "net/addr.h"

struct crowd;

enum res crowd_new(struct crowd **ret);
void crowd_free(struct crowd *c); /* takes NULL */

/* One more from this address. RES_BUSY: it has `most` already; RES_NO_MEMORY. */
enum res crowd_enter(struct crowd *c, const struct addr *peer, uint32_t most);
/* One less; after a crowd_enter() that was RES_OK. */
void crowd_leave(struct crowd *c, const struct addr *peer);
/* Addresses that are held; for tests. */
size_t crowd_addresses(const struct crowd *c);

#endif
