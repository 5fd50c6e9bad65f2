/* SPDX-License-Identifier: BSD-2-Clause */
/* client/dial.h: a TCP connection to a host: one of its addresses after the other is tried. */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "client/console.h"
#include "client/option_rows.h"
#include "client/outcome.h"
#include "client/url.h"
#include "client/waiter.h"
#include "net/addr.h"

/* As long as an address may leave us without an answer; --timeout if that is shorter. */
#define DIAL_PATIENCE_NS UINT64_C(5000000000)

struct dial_params {
    const struct addr *addresses;
    size_t count;
    uint64_t patience_ns;
    struct waiter *waiter;
    struct console *console; /* notes: which address */
};

/* False: why is that of the last address, or the signal that came. */
bool dial(const struct dial_params *p, int *ret_fd, struct addr *ret_peer, struct outcome *why);

#endif
