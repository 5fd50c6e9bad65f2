/* SPDX-License-Identifier: BSD-2-Clause */
/* server/sandbox.h: what the kernel is told to deny a server that has all it needs to serve.
 *
 * Two parts that know nothing of each other: Landlock says which files may be opened, and the
 * filter which system calls are made with which arguments. Where one has a gap the other stands:
 * the filter cannot see an address or a path, Landlock knows neither UDP nor execution of what is
 * in memory.
 *
 *   auto      what this kernel has; one warning for what it has not
 *   required  both, or no start
 *   off       neither
 *
 * That later versions of Landlock also hold back TCP, signals and abstract sockets is told, and
 * missed by nobody: the filter denies the calls for them as well. */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <wherry/res.h>

#include "base/log.h"
#include "server/config.h"
#include "store/jail.h"

#define SANDBOX_WHY 512 /* room enough for every message */

/* Before the first thread, with sockets, root and log open and no privileges left. What the present
 * kernel cannot do is logged as a warning, or is why when c->sandbox is required. *ret_read_only:
 * the kernel now denies uploads until the end, whatever a reload allows. */
enum res sandbox_enter(const struct config *c, const struct jail *jail, const struct log *log,
                       bool *ret_read_only, char *why, size_t cap);
/* Can this kernel do what c->sandbox asks for? */
enum res sandbox_check(const struct config *c, char *why, size_t cap);
/* One line for each part, and whether this kernel can do it: comments of a configuration file. */
void sandbox_print(FILE *to);

#endif
