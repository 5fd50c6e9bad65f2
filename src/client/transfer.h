/* SPDX-License-Identifier: BSD-2-Clause */
/* client/transfer.h: one file from or to a server, from the name of a host to the exit code. What
 * `get` and `put` share: addresses, the loop and its threads, attempts, signals, progress, and the
 * last word to the user. */
#ifndef CLIENT_TRANSFER_H
#define CLIENT_TRANSFER_H

#include <stdbool.h>

#include <wherry/packet.h>

#include "client/console.h"
#include "client/exit_code.h"
#include "client/option_rows.h"
#include "client/url.h"

struct transfer_params {
    enum wherry_opcode opcode; /* WHERRY_RRQ: get; WHERRY_WRQ: put */
    const struct url *url;
    const char *command;  /* "get", for messages */
    const char *url_text; /* as the user wrote it */
    const char *label;    /* what the progress line calls the file */
    const struct client_settings *settings;
    struct console *console;

    const char *local; /* for messages: the path, or "standard input" */
    int fd;            /* put: to read from; get: to write to, or -1 for the path */
    bool replace;      /* get to a path: an existing file is replaced */
};

/* The descriptor stays the caller's. */
enum exit_code transfer_run(const struct transfer_params *p);

#endif
