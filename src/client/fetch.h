/* SPDX-License-Identifier: BSD-2-Clause */
/* client/fetch.h: one file over the file protocol, to a local file that appears whole or not at
 * all (client/partial.h), or straight into a descriptor.
 *
 *   (hash of what was kept) -> GET -> bytes -> END -> (HASH, compare) -> the target has its name
 *
 * A file of which a part is here is asked for from there on, and only if it is the same version;
 * if it is not, the part goes and all of it is asked for. A file that changes under way is a
 * failure: what came is of no use, and the next try may meet the same.
 *
 * A server that lost patience because our own output took nothing is called again, as long as
 * there is progress between two calls. */
#ifndef CLIENT_FETCH_H
#define CLIENT_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include <wherry/packet.h>

#include "client/outcome.h"
#include "client/partial.h"
#include "client/remote.h"
#include "client/url.h"

struct fetch_params {
    struct remote *remote;
    const struct url *url;   /* of which host and port are used */
    struct wherry_view path; /* on the server */
    const char *label;       /* printable, for the progress line */
    const char *local;       /* printable, for messages: what the bytes go to */
    struct partial *partial; /* where to; or NULL: */
    int fd;                  /* a descriptor, which stays the caller's */
};

/* False: *why, and in *kept how many bytes wait for --resume. */
bool fetch_file(const struct fetch_params *p, struct outcome *why, uint64_t *kept);

#endif
