/* SPDX-License-Identifier: BSD-2-Clause */
/* client/remote_put.h: `put` over the file protocol: one file, several, or a tree.
 *
 *   put FILE URL           to URL; into it if it ends in a slash
 *   put FILE... URL        into URL, which ends in a slash or is a directory
 *   put -r DIR... URL      into URL if it is a directory or ends in a slash; else DIR becomes URL
 */
#ifndef CLIENT_REMOTE_PUT_H
#define CLIENT_REMOTE_PUT_H

#include "client/command.h"
#include "client/url.h"

/* The last operand was read as url, a wherry:// one; none of the others is empty. */
enum exit_code remote_put(const struct command_call *call, const struct url *url);

#endif
