/* SPDX-License-Identifier: BSD-2-Clause */
/* server/sandbox.h: what the kernel is told to deny a server that has all it needs to serve. */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <stddef.h>
#include <stdio.h>

#include <wherry/res.h>

#include "base/log.h"
#include "server/config.h"
#include "store/jail.h"

#define SANDBOX_WHY 512 /* room enough for every message */

/* Before the first thread, with sockets and root open and no privileges left. What the present
 * kernel cannot do is logged as a warning, or is why when c->sandbox is required. */
enum res sandbox_enter(const struct config *c, const struct jail *jail, const struct log *log,
                       char *why, size_t cap);
/* For --check: one line for each part, and whether this kernel can do it. */
void sandbox_print(FILE *to);

#endif
