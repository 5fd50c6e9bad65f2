/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry(1): the command line, and the table of its commands. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/command.h"
#include "client/standard.h"

#define QUOTED_BYTES 80 /* of a word the user wrote, in a message */

static const struct command commands[] = {
    {"list", "ls", OPTION_OF_LIST, 1, COMMAND_ANY_NUMBER, "URL...",
     "what a directory holds; also: ls", cmd_list},
    {"stat", NULL, OPTION_OF_STAT, 1, COMMAND_ANY_NUMBER, "URL...",
     "kind, size and time of a file or directory", cmd_stat},
    {"get", NULL, OPTION_OF_GET, 1, COMMAND_ANY_NUMBER, "URL... [LOCAL]",
     "fetch files; - is standard output", cmd_get},
    {"put", NULL, OPTION_OF_PUT, 2, COMMAND_ANY_NUMBER, "LOCAL... URL",
     "send files; - is standard input", cmd_put},
    {"hash", NULL, OPTION_OF_HASH, 1, COMMAND_ANY_NUMBER, "URL...",
     "SHA-256, as sha256sum prints it", cmd_hash},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))
#define COMMAND_NAMES "list, stat, get, put or hash"

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *c = &commands[i];

        if (strcmp(c->name, name) == 0 ||
            (c->other_name != NULL && strcmp(c->other_name, name) == 0)) {
            return c;
        }
    }
    return NULL;
}

/* command NULL: all of them. */
static void print_help(FILE *out, const struct command *command)
{
    (void)fprintf(out, "Usage:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (command == NULL || command == &commands[i]) {
            (void)fprintf(out, "  wherry %-4s [OPTION]... %-14s  %s\n", commands[i].name,
                          commands[i].operands, commands[i].help);
        }
    }
    (void)fprintf(out, "\nURL: wherry://HOST[:PORT]/PATH\n"
                       "     tftp://HOST[:PORT]/FILE[;mode=octet|netascii], for get and put\n"
                       "\nOptions:\n");
    option_print_help(out, command == NULL ? OPTION_OF_ALL : command->options);
}

/* Output that nobody could take is a failure: `wherry --help >/dev/full`. */
static enum exit_code printed(struct console *console)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return EXIT_CODE_OK;
    }
    console_say(console, CONSOLE_ERROR, "standard output: %s", strerror(errno));
    return EXIT_CODE_LOCAL;
}

static enum exit_code refuse_use(struct console *console, const char *why)
{
    console_say(console, CONSOLE_ERROR, "%s", why);
    console_say(console, CONSOLE_ERROR, "try: wherry --help");
    return EXIT_CODE_USAGE;
}

static enum exit_code run_command(const struct command *command, struct command_call *call,
                                  uint32_t given)
{
    char why[OPTION_WHY_BYTES];

    call->name = command->name;
    call->given = given;
    if (!option_check(call->settings, given, command->options, command->name, why)) {
        return refuse_use(call->console, why);
    }
    if (call->count < command->lowest || call->count > command->highest) {
        (void)snprintf(why, sizeof(why), "%s: %s operands, %s is needed", command->name,
                       call->count < command->lowest ? "too few" : "too many", command->operands);
        return refuse_use(call->console, why);
    }
    return command->run(call);
}

static enum exit_code run(int argc, char **argv, char **operands)
{
    struct client_settings settings;
    struct console console;
    struct command_call call = {.settings = &settings, .console = &console};
    const struct command *command = NULL;
    size_t count = 0;
    uint32_t given = 0;
    char why[OPTION_WHY_BYTES];
    char word[QUOTED_BYTES];

    console_init(&console, stderr, false, false);
    if (!option_parse(argc, argv, &settings, operands, &count, &given, why)) {
        return refuse_use(&console, why);
    }
    console_init(&console, stderr, settings.quiet, settings.verbose);
    if (settings.version) {
        (void)printf("wherry %s\n", WHERRY_VERSION);
        return printed(&console);
    }
    if (count > 0) {
        command = find_command(operands[0]);
        if (command == NULL) {
            (void)snprintf(
                why, sizeof(why), "unknown command \"%s\": " COMMAND_NAMES " is needed",
                text_quote((const uint8_t *)operands[0], strlen(operands[0]), word, sizeof(word)));
            return refuse_use(&console, why);
        }
    }
    if (settings.help) {
        print_help(stdout, command);
        return printed(&console);
    }
    if (command == NULL) {
        return refuse_use(&console, "a command is needed: " COMMAND_NAMES);
    }
    call.operands = operands + 1;
    call.count = count - 1;
    return run_command(command, &call, given);
}

int main(int argc, char **argv)
{
    char **operands = calloc((size_t)argc + 1, sizeof(*operands));
    enum exit_code code;

    if (!standard_fill()) {
        free(operands);
        return EXIT_CODE_OTHER; /* nowhere to say it */
    }
    /* A message leaves as a whole, also beside those of other programs. */
    (void)setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
    if (operands == NULL) {
        (void)fprintf(stderr, "wherry: out of memory\n");
        return EXIT_CODE_OTHER;
    }
    /* A reader of our output that goes away is a failed write, not a death without a word. */
    (void)signal(SIGPIPE, SIG_IGN);
    code = run(argc, argv, operands);
    free(operands);
    return (int)code;
}
