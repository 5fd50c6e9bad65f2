/* SPDX-License-Identifier: BSD-2-Clause */
/* server/spare_sockets.h: unbound UDP sockets with large receive buffers, for shared ports.
 *
 * A shared port opens long after the privileges that exceed net.core.rmem_max are gone. So each
 * worker has some sockets that were made before: a port takes one and binds it, and gives it back
 * when it closes. Unbound, it keeps its buffer; bound again, it has another random port. */
#ifndef SERVER_SPARE_SOCKETS_H
#define SERVER_SPARE_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/number.h"

/* For each address family of a worker: the port that takes new transfers, two whose last ones are
 * ending, and one that rests. When all are in use a port has what net.core.rmem_max allows, takes
 * fewer transfers, and the one after it may have one of these again. */
#define SPARE_SOCKETS_EACH 4u
#define SPARE_SOCKETS_MAX (2 * SPARE_SOCKETS_EACH)
/* Another processor may have found the socket by its port just before it was unbound, and may queue
 * its packet just after: at once, as it cannot sleep between the two. Hence what was given back is
 * emptied again when it is taken, and not before this has gone by. */
#define SPARE_SOCKETS_REST_NS NUMBER_SECOND

struct spare_socket {
    int fd; /* -1: none any more */
    int family;
    bool taken;
    uint64_t rested_ns; /* when it may be taken */
};

/* All zero is none. */
struct spare_sockets {
    struct spare_socket items[SPARE_SOCKETS_MAX];
    size_t count;
};

/* How many each of so many workers has of a family: SPARE_SOCKETS_EACH, or what leaves three
 * quarters of the descriptors for other things. */
unsigned spare_sockets_each(unsigned workers);
/* Makes so many of this family, SPARE_SOCKETS_EACH at most; once for each family. False: there are
 * fewer, or none without the privilege, and ports do without. */
bool spare_sockets_open(struct spare_sockets *s, int family, unsigned count);
/* Nobody has one any more. */
void spare_sockets_close(struct spare_sockets *s);

/* An unbound socket with nothing in its queues, to be given back; -1: none is there. Takes NULL. */
int spare_sockets_take(struct spare_sockets *s, int family, uint64_t now_ns);
/* Unbinds it. False: fd is none of these, or no longer fit to be: the caller closes it. Takes NULL.
 */
bool spare_sockets_give(struct spare_sockets *s, int fd, uint64_t now_ns);

#endif
