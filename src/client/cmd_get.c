/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/local_path.h"
#include "client/transfer.h"
#include "client/url.h"

/* Where the bytes go: a path, or what cannot be replaced and is written to as it is. */
struct target {
    char *path; /* also for messages; owned */
    int fd;     /* -1: the path */
    bool close_fd;
};

/* A device, FIFO or socket takes the bytes as they come: replacing /dev/null helps nobody. */
static enum exit_code open_special(struct console *console, struct target *t)
{
    t->fd = open(t->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (t->fd == -1) {
        console_say(console, CONSOLE_ERROR, "%s: %s", t->path, strerror(errno));
        return EXIT_CODE_LOCAL;
    }
    t->close_fd = true;
    return EXIT_CODE_OK;
}

/* operand NULL: the name's last component. */
static enum exit_code choose_target(const struct command_call *call, const char *operand,
                                    const struct url *url, struct target *t)
{
    const char *last = url_last_component(url->name);
    struct stat st;

    if (operand != NULL && strcmp(operand, "-") == 0) {
        t->path = strdup("standard output");
        t->fd = STDOUT_FILENO;
        return t->path != NULL ? EXIT_CODE_OK : EXIT_CODE_OTHER;
    }
    t->path = local_path_for(operand, last);
    if (t->path == NULL) {
        console_say(call->console, CONSOLE_ERROR, "out of memory");
        return EXIT_CODE_OTHER;
    }
    if (lstat(t->path, &st) == -1) {
        return EXIT_CODE_OK; /* new; what else is wrong with it shows when it is created */
    }
    if (call->settings->no_clobber) {
        console_say(call->console, CONSOLE_ERROR, "%s exists, and --no-clobber was given", t->path);
        return EXIT_CODE_LOCAL;
    }
    if (stat(t->path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        return open_special(call->console, t);
    }
    return EXIT_CODE_OK;
}

static bool names_a_file(const struct url *url)
{
    const char *last = url_last_component(url->name);

    return last[0] != '\0' && strcmp(last, ".") != 0 && strcmp(last, "..") != 0;
}

enum exit_code cmd_get(const struct command_call *call)
{
    const char *url_text = call->operands[0];
    struct target target = {.fd = -1};
    struct url url;
    char why[URL_WHY_BYTES];
    enum exit_code code;

    if (!url_parse(&url, url_text, why)) {
        console_say(call->console, CONSOLE_ERROR, "get %s: %s", url_text, why);
        return EXIT_CODE_USAGE;
    }
    if (!names_a_file(&url)) {
        console_say(call->console, CONSOLE_ERROR,
                    "get %s: the URL has to end in the name of a file", url_text);
        return EXIT_CODE_USAGE;
    }
    code = choose_target(call, call->count > 1 ? call->operands[1] : NULL, &url, &target);
    if (code == EXIT_CODE_OK) {
        struct transfer_params params = {
            .opcode = WHERRY_RRQ,
            .url = &url,
            .command = "get",
            .url_text = url_text,
            .label = url.name,
            .settings = call->settings,
            .console = call->console,
            .local = target.path,
            .fd = target.fd,
            .replace = !call->settings->no_clobber,
        };

        code = transfer_run(&params);
    }
    if (target.close_fd && close(target.fd) == -1 && code == EXIT_CODE_OK) {
        console_say(call->console, CONSOLE_ERROR, "%s: %s", target.path, strerror(errno));
        code = EXIT_CODE_LOCAL;
    }
    free(target.path);
    return code;
}
