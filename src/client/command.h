/* SPDX-License-Identifier: BSD-2-Clause */
/* client/command.h: what a command of wherry(1) is. main.c holds the table of them. */
#ifndef CLIENT_COMMAND_H
#define CLIENT_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "client/console.h"
#include "client/exit_code.h"
#include "client/option_rows.h"
#include "client/outcome.h"
#include "client/url.h"

struct command_call {
    const char *name; /* the command's, for messages */
    const struct client_settings *settings;
    uint32_t given; /* the options among them, as option_parse() says */
    struct console *console;
    char **operands; /* behind the command's name */
    size_t count;    /* within the command's lowest and highest */
};

#define COMMAND_ANY_NUMBER SIZE_MAX

struct command {
    const char *name;
    const char *other_name; /* or NULL */
    unsigned options;       /* which rows of the option table belong to it: OPTION_OF_... */
    size_t lowest;          /* operands */
    size_t highest;
    const char *operands; /* for --help */
    const char *help;
    enum exit_code (*run)(const struct command_call *call);
};

/* "wherry: get SUBJECT: WHY"; subject is untrusted. Returns code. */
enum exit_code command_fail(const struct command_call *call, enum exit_code code,
                            const char *subject, const char *why);
/* The same with how something ended. */
enum exit_code command_fail_as(const struct command_call *call, const char *subject,
                               const struct outcome *o);
/* Reads a URL, and judges whether the given options mean something to its protocol. OK, or USAGE,
 * and then it was said. */
enum exit_code command_read_url(const struct command_call *call, const char *text, struct url *ret);
/* The same for commands that only the file protocol knows. without: what TFTP lacks for it,
 * "listings". */
enum exit_code command_read_wherry_url(const struct command_call *call, const char *text,
                                       const char *without, struct url *ret);

enum exit_code cmd_list(const struct command_call *call);
enum exit_code cmd_stat(const struct command_call *call);
enum exit_code cmd_get(const struct command_call *call);
enum exit_code cmd_put(const struct command_call *call);
enum exit_code cmd_hash(const struct command_call *call);

#endif
