/* SPDX-License-Identifier: BSD-2-Clause */
/* client/remote.h: the one connection that a command has at a time, and that goes on from file to
 * file as long as they are of the same server. */
#ifndef CLIENT_REMOTE_H
#define CLIENT_REMOTE_H

#include <stdbool.h>

#include <wherry/message.h>
#include <wherry/packet.h>

#include "client/console.h"
#include "client/link.h"
#include "client/option_rows.h"
#include "client/outcome.h"
#include "client/url.h"

struct remote {
    const struct client_settings *settings;
    struct console *console;
    struct link *link; /* NULL: none */
};

/* r->link leads to the URL's server and takes requests: the one that is open, if the server has not
 * closed it meanwhile, or a new one. Nothing is outstanding. */
bool remote_reach(struct remote *r, const struct url *url, struct outcome *why);
/* One question about a path, and its answer. Reaches the server first. */
bool remote_stat(struct remote *r, const struct url *url, struct wherry_view path,
                 struct wherry_message_info *ret, struct outcome *why);
bool remote_hash(struct remote *r, const struct url *url, struct wherry_view path,
                 struct wherry_message_hash_reply *ret, struct outcome *why);
/* After a failure: the connection is over, or a signal came. */
bool remote_lost(const struct remote *r, const struct outcome *why);
/* Closes it. From then on signals do again what they do by default. */
void remote_leave(struct remote *r);

#endif
