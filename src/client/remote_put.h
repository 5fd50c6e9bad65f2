/* SPDX-License-Identifier: BSD-2-Clause */
/* client/remote_put.h: `put` over the file protocol: one file, several, or a tree. */
#ifndef CLIENT_REMOTE_PUT_H
#define CLIENT_REMOTE_PUT_H

#include "client/command.h"

/* The last operand is a wherry:// URL. */
enum exit_code remote_put(const struct command_call *call);

#endif
