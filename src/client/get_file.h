/* SPDX-License-Identifier: BSD-2-Clause */
/* client/get_file.h: one file over the file protocol, to a name in a directory of ours or to a
 * descriptor, and what the user is told about it. */
#ifndef CLIENT_GET_FILE_H
#define CLIENT_GET_FILE_H

#include <stdbool.h>

#include <wherry/packet.h>

#include "client/command.h"
#include "client/remote.h"
#include "client/url.h"
#include "store/jail.h"

struct get_file_params {
    const struct command_call *call;
    struct remote *remote;
    const struct url *url;            /* of which host and port are used */
    struct wherry_view path;          /* on the server */
    const char *subject;              /* for messages: which URL; untrusted */
    const char *label;                /* for the progress line; untrusted */
    const char *local;                /* for messages: where to; untrusted */
    const struct jail_target *target; /* or NULL: */
    int fd;
    bool none_kept; /* nothing is kept in the target's directory (partial_any_kept()) */
};

/* *lost: the connection broke, or a signal came: nothing more comes of it. */
enum exit_code get_file(const struct get_file_params *p, bool *lost);

#endif
