/* SPDX-License-Identifier: BSD-2-Clause */
/* server/server_run.h: serves until a signal ends it, and keeps the service manager informed.
 *
 *   SERVING --TERM, INT--> DRAINING --last transfer over--> over
 *      |                      |  drain-timeout: running transfers are told to end
 *      '-- HUP: reads the     '--second TERM, INT--> over at once
 *          configuration again, a bad one changes nothing
 */
#ifndef SERVER_SERVER_RUN_H
#define SERVER_SERVER_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include <wherry/res.h>

#include "base/log.h"
#include "server/config.h"
#include "server/listeners.h"
#include "server/notify.h"
#include "store/jail.h"

#define SERVER_RUN_WHY 512 /* room enough for every message */

struct server_run_params {
    int argc; /* the command line, to read the configuration again */
    char *const *argv;
    struct config **config; /* replaced by a reload; the caller frees it in the end */
    struct log *log;        /* a reload sets its level */
    const char *user;       /* who serves, for the log */
    const struct jail *jail;
    bool read_only; /* the kernel denies uploads until the end: no reload can allow them */
    struct listeners *listeners; /* the worker takes their sockets over */
    struct notify *notify;       /* is told how it goes */
};

/* RES_OK: a signal ended it. Else why says what kept it from serving. */
enum res server_run(const struct server_run_params *p, char *why, size_t cap);

#endif
