/* SPDX-License-Identifier: BSD-2-Clause */
/* client/get_tree.h: a directory of a server and all that is in it, over one connection.
 *
 * Whatever the server says, nothing is written but beneath the target: names are single components
 * (wherry/client_exchange.h sees to it), directories are opened one by one without following links,
 * and only regular files are replaced. A directory that leads back to one above it (a link on the
 * server) is left out, and none lies deeper than GET_TREE_DEPTH_MAX. */
#ifndef CLIENT_GET_TREE_H
#define CLIENT_GET_TREE_H

#include <wherry/packet.h>

#include "client/command.h"
#include "client/remote.h"
#include "client/url.h"

#define GET_TREE_DEPTH_MAX 128u

struct get_tree_params {
    const struct command_call *call;
    struct remote *remote;
    const struct url *url; /* of the directory */
    const char *url_text;  /* as the user wrote it */
    const char *local;     /* the directory that becomes the copy; made if it is missing */
};

/* Goes on after failures while there is a connection; the first one's code. */
enum exit_code get_tree(const struct get_tree_params *p);

#endif
