/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/transfer.h"
#include "client/url.h"

/* A URL that ends in a slash names a directory: the file keeps its own name in it. */
static bool complete_name(const struct command_call *call, struct url *url)
{
    const char *local = call->operands[0];
    const char *last = url_last_component(local);
    size_t len = strlen(url->name);

    if (url_last_component(url->name)[0] != '\0') {
        return true;
    }
    if (strcmp(local, "-") == 0 || last[0] == '\0') {
        console_say(call->console, CONSOLE_ERROR, "put %s %s: the URL has to name the file", local,
                    call->operands[1]);
        return false;
    }
    if (len + strlen(last) >= sizeof(url->name)) {
        console_say(call->console, CONSOLE_ERROR, "put %s %s: the name is longer than %zu bytes",
                    local, call->operands[1], sizeof(url->name) - 1);
        return false;
    }
    (void)snprintf(url->name + len, sizeof(url->name) - len, "%s", last);
    return true;
}

enum exit_code cmd_put(const struct command_call *call)
{
    const char *local = call->operands[0];
    const char *url_text = call->operands[1];
    bool from_stdin = strcmp(local, "-") == 0;
    struct url url;
    char why[URL_WHY_BYTES];
    struct transfer_params params;
    enum exit_code code;

    if (!url_parse(&url, url_text, why)) {
        console_say(call->console, CONSOLE_ERROR, "put %s: %s", url_text, why);
        return EXIT_CODE_USAGE;
    }
    if (!complete_name(call, &url)) {
        return EXIT_CODE_USAGE;
    }
    params = (struct transfer_params){
        .opcode = WHERRY_WRQ,
        .url = &url,
        .command = "put",
        .url_text = url_text,
        .label = url.name,
        .settings = call->settings,
        .console = call->console,
        .local = from_stdin ? "standard input" : local,
        .fd = from_stdin ? STDIN_FILENO : open(local, O_RDONLY | O_CLOEXEC | O_NOCTTY),
    };
    if (params.fd == -1) {
        console_say(call->console, CONSOLE_ERROR, "put %s: %s: %s", url_text, local,
                    strerror(errno));
        return EXIT_CODE_LOCAL;
    }
    code = transfer_run(&params);
    if (!from_stdin) {
        (void)close(params.fd); /* it was read only */
    }
    return code;
}
