/* SPDX-License-Identifier: BSD-2-Clause */
/* client/remote_get.h: `get` of one URL over the file protocol: a file, or with --recursive also a
 * directory. */
#ifndef CLIENT_REMOTE_GET_H
#define CLIENT_REMOTE_GET_H

#include "client/command.h"
#include "client/remote.h"
#include "client/url.h"

struct remote_get_params {
    const struct command_call *call;
    struct remote *remote;
    const struct url *url;
    const char *url_text; /* as the user wrote it */
    const char *operand;  /* LOCAL, or NULL */
};

enum exit_code remote_get(const struct remote_get_params *p);

#endif
