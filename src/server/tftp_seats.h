/* SPDX-License-Identifier: BSD-2-Clause */
/* server/tftp_seats.h: the transfers of a worker by the client's address and port.
 *
 * One pointer in each seat and about one beside it, as there are ten thousands of them. Several
 * seats of one peer are met one after the other. What cannot grow for want of memory becomes
 * slower and goes on. */
#ifndef SERVER_TFTP_SEATS_H
#define SERVER_TFTP_SEATS_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#include "net/addr.h"

struct tftp_seat;

struct tftp_seats {
    struct tftp_seat **bucket;
    size_t buckets; /* a power of two */
    size_t count;
    uint64_t seed; /* nobody outside can choose addresses that meet in one bucket */
};

enum res tftp_seats_init(struct tftp_seats *t);
void tftp_seats_clear(struct tftp_seats *t); /* also one that is all zero; nobody sits any more */

/* By seat->peer, which stays as it is until the seat is removed. */
void tftp_seats_add(struct tftp_seats *t, struct tftp_seat *seat);
void tftp_seats_remove(struct tftp_seats *t, struct tftp_seat *seat);
/* The first seat of this peer, and the one after that; or NULL. */
struct tftp_seat *tftp_seats_first(const struct tftp_seats *t, const struct addr *peer);
struct tftp_seat *tftp_seats_next(const struct tftp_seat *seat);

#endif
