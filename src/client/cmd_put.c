/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/remote_put.h"
#include "client/standard.h"
#include "client/transfer.h"
#include "client/url.h"

/* The last operand. */
static const char *url_of(const struct command_call *call)
{
    return call->operands[call->count - 1];
}

/* A URL that ends in a slash names a directory: the file keeps its own name in it. */
static bool complete_name(const struct command_call *call, const char *local, struct url *url)
{
    const char *last = url_last_component(local);
    size_t len = strlen(url->name);
    char why[URL_WHY_BYTES];

    if (url_last_component(url->name)[0] != '\0') {
        return true;
    }
    if (strcmp(local, "-") == 0 || last[0] == '\0') {
        (void)command_fail(call, EXIT_CODE_USAGE, url_of(call),
                           "the URL has to end in the name of the file");
        return false;
    }
    if (len + strlen(last) >= sizeof(url->name)) {
        (void)snprintf(why, sizeof(why), "the name is longer than %zu bytes",
                       sizeof(url->name) - 1);
        (void)command_fail(call, EXIT_CODE_USAGE, url_of(call), why);
        return false;
    }
    (void)snprintf(url->name + len, sizeof(url->name) - len, "%s", last);
    return true;
}

/* -1: it was said why. */
static int open_local(const struct command_call *call, const char *local)
{
    int fd = open(local, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd == -1) {
        (void)command_fail(call, EXIT_CODE_LOCAL, local, strerror(errno));
    }
    return fd;
}

static int choose_stdin(const struct command_call *call)
{
    if (!standard_readable(STDIN_FILENO)) {
        (void)command_fail(call, EXIT_CODE_LOCAL, "standard input", "it is not open for reading");
        return -1;
    }
    return STDIN_FILENO;
}

static enum exit_code put_over_tftp(const struct command_call *call, const char *local,
                                    const struct url *where)
{
    bool from_stdin = strcmp(local, "-") == 0;
    struct url url = *where;
    struct transfer_params params;
    enum exit_code code;

    if (!complete_name(call, local, &url)) {
        return EXIT_CODE_USAGE;
    }
    params = (struct transfer_params){
        .opcode = WHERRY_WRQ,
        .url = &url,
        .command = call->name,
        .url_text = url_of(call),
        .label = url.name,
        .settings = call->settings,
        .console = call->console,
        .local = from_stdin ? "standard input" : local,
        .fd = from_stdin ? choose_stdin(call) : open_local(call, local),
    };
    if (params.fd == -1) {
        return EXIT_CODE_LOCAL;
    }
    code = transfer_run(&params);
    if (!from_stdin) {
        (void)close(params.fd); /* it was read only */
    }
    return code;
}

/* One after the other. A failure does not stop those behind it; a signal does. */
static enum exit_code put_all_over_tftp(const struct command_call *call, const struct url *url)
{
    enum exit_code first = EXIT_CODE_OK;

    if (call->count > 2 && url_last_component(url->name)[0] != '\0') {
        return command_fail(call, EXIT_CODE_USAGE, url_of(call),
                            "several files need a URL that ends in a slash");
    }
    for (size_t i = 0; i + 1 < call->count && first <= EXIT_CODE_SIGNAL; i++) {
        enum exit_code code = put_over_tftp(call, call->operands[i], url);

        first = first == EXIT_CODE_OK || code > EXIT_CODE_SIGNAL ? code : first;
    }
    return first;
}

enum exit_code cmd_put(const struct command_call *call)
{
    struct url url;
    enum exit_code code = command_read_url(call, url_of(call), &url);

    if (code != EXIT_CODE_OK) {
        return code;
    }
    for (size_t i = 0; i + 1 < call->count; i++) {
        if (call->operands[i][0] == '\0') {
            return command_fail(call, EXIT_CODE_USAGE, url_of(call),
                                "LOCAL is empty: a file or - is needed");
        }
    }
    return url.scheme == URL_WHERRY ? remote_put(call, &url) : put_all_over_tftp(call, &url);
}
