/* SPDX-License-Identifier: BSD-2-Clause */
/* client/command.h: what a command of wherry(1) is. main.c holds the table of them. */
#ifndef CLIENT_COMMAND_H
#define CLIENT_COMMAND_H

#include <stddef.h>

#include "client/console.h"
#include "client/exit_code.h"
#include "client/option_rows.h"

struct command_call {
    const char *name; /* the command's, for messages */
    const struct client_settings *settings;
    struct console *console;
    char **operands; /* behind the command's name */
    size_t count;    /* within the command's lowest and highest */
};

struct command {
    const char *name;
    unsigned options; /* which rows of the option table belong to it: OPTION_OF_... */
    size_t lowest;    /* operands */
    size_t highest;
    const char *operands; /* for --help */
    const char *help;
    enum exit_code (*run)(const struct command_call *call);
};

/* "wherry: get SUBJECT: WHY"; subject is untrusted. Returns code. */
enum exit_code command_fail(const struct command_call *call, enum exit_code code,
                            const char *subject, const char *why);

enum exit_code cmd_get(const struct command_call *call);
enum exit_code cmd_put(const struct command_call *call);

#endif
