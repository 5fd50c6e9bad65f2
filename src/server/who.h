/* SPDX-License-Identifier: BSD-2-Clause */
/* server/who.h: a peer as the store's policy sees him. */
#ifndef SERVER_WHO_H
#define SERVER_WHO_H

#include "net/addr.h"
#include "server/config.h"
#include "store/policy.h"

/* Good as long as the configuration; whoever keeps it longer holds it (policy_who_hold()). IPv4
 * peers of dual-stack sockets are IPv4. */
struct policy_who who_of(const struct config *c, const struct addr *peer);

#endif
