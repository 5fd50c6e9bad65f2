/* SPDX-License-Identifier: BSD-2-Clause */
/* client/remote_get.h: `get` over the file protocol: one file, several, or a tree. */
#ifndef CLIENT_REMOTE_GET_H
#define CLIENT_REMOTE_GET_H

#include "client/command.h"

/* The operands were looked at: all but a last one that is local are wherry:// URLs. */
enum exit_code remote_get(const struct command_call *call);

#endif
