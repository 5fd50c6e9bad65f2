/* SPDX-License-Identifier: BSD-2-Clause */
/* server/listeners.h: the bound sockets, opened before privileges are dropped. */
#ifndef SERVER_LISTENERS_H
#define SERVER_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#include "net/addr.h"
#include "server/config.h"
#include "server/spare_sockets.h"

#define LISTENERS_WHY 512 /* room enough for every message */

struct listener {
    int fd;                   /* -1 once somebody else closes it */
    struct endpoint endpoint; /* as bound: the port is the real one */
    unsigned worker;          /* who serves it, from 0; the file protocol's are the first one's */
    uint32_t buffer_bytes;    /* TFTP: payload that waits in the kernel at most */
};

struct listeners {
    struct listener *items;
    size_t count;
    unsigned workers;             /* that have one to serve: at least the first */
    unsigned inherited;           /* that the service manager opened */
    bool handed_over;             /* all were opened by it; of TFTP the first worker has them all */
    struct spare_sockets *spares; /* of each worker, for the ports that its transfers share */
};

/* Counts what the service manager handed over, for listeners_open(). Before the first thread. */
enum res listeners_inherit(struct listeners *l, char *why, size_t cap);

/* Those that were handed over, if there are any, whatever the configuration names. Else
 * one socket for each endpoint, UDP or TCP by its scheme; of TFTP one for each of config_workers(),
 * among which the kernel distributes the clients. All or none. why names the endpoint and the
 * remedy. Endpoints that nobody chose (endpoints_preset) do without IPv6 where there is none:
 * [::] becomes 0.0.0.0, any other IPv6 address is left out. Beside them spare sockets of the
 * address families that TFTP is served in, if privileges allow large buffers. */
enum res listeners_open(struct listeners *ret, const struct config *c, char *why, size_t cap);
/* Closes what is left. All zero is fine. */
void listeners_close(struct listeners *l);
/* "tftp://127.0.0.1:6969", "wherry://[::1]:7069". Returns buf. */
#define LISTENERS_URL_BYTES (ADDR_TEXT_BYTES + 10)
char *listeners_url(const struct endpoint *e, char *buf);

#endif
