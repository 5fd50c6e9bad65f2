/* SPDX-License-Identifier: BSD-2-Clause */
/* client/inquiry.h: what list, stat and hash share: for one URL after the other a question to its
 * server, over one connection as long as the server stays the same, and answers on standard output.
 * All URLs are read before anything is asked. A URL that fails does not keep the next ones from
 * being asked; the exit code is that of the first failure,
 * or of a signal. */
#ifndef CLIENT_INQUIRY_H
#define CLIENT_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>

#include "client/command.h"
#include "client/output.h"
#include "client/remote.h"

struct inquiry {
    const struct command_call *call;
    const char *url_text;
    struct url url;
    size_t number; /* of the URL: 0, 1, ... */
    struct remote remote;
    struct output output;
};

/* ask: answers one URL; false: why says what failed. without: what TFTP lacks for it. */
enum exit_code inquiry_run(const struct command_call *call, const char *without,
                           bool (*ask)(struct inquiry *q, struct outcome *why));

/* For ask: the next event of the request that was issued with this result, until its END says OK
 * (true, and of kind END). False: it failed. */
bool inquiry_next(struct inquiry *q, enum res issued, struct wherry_client_event *ret,
                  struct outcome *why);
/* STAT of the URL. */
bool inquiry_stat(struct inquiry *q, struct wherry_message_info *ret, struct outcome *why);

#endif
