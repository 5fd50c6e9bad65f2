/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/local_path.h"
#include "client/standard.h"
#include "client/transfer.h"
#include "client/url.h"

/* Where the bytes go: a path, or what cannot be replaced and is written to as it is. */
struct target {
    const char *text; /* the path, or what messages call it */
    char *path;       /* owned; NULL: none */
    int fd;           /* -1: the path */
};

static enum exit_code choose_stdout(const struct command_call *call, struct target *t)
{
    t->text = "standard output";
    t->fd = STDOUT_FILENO;
    if (!standard_writable(t->fd)) {
        return command_fail(call, EXIT_CODE_LOCAL, t->text, "it is not open for writing");
    }
    return EXIT_CODE_OK;
}

/* A device, FIFO or socket takes the bytes as they come: replacing /dev/null helps nobody. */
static enum exit_code open_special(const struct command_call *call, struct target *t)
{
    t->fd = open(t->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (t->fd == -1) {
        return command_fail(call, EXIT_CODE_LOCAL, t->path, strerror(errno));
    }
    return EXIT_CODE_OK;
}

/* operand NULL: the name's last component. */
static enum exit_code choose_target(const struct command_call *call, const char *operand,
                                    const struct url *url, struct target *t)
{
    struct stat st;

    if (operand != NULL && strcmp(operand, "-") == 0) {
        return choose_stdout(call, t);
    }
    if (operand != NULL && operand[0] == '\0') {
        return command_fail(call, EXIT_CODE_USAGE, call->operands[0],
                            "LOCAL is empty: a file, a directory or - is needed");
    }
    t->path = local_path_for(operand, url_last_component(url->name));
    t->text = t->path;
    if (t->path == NULL) {
        return command_fail(call, EXIT_CODE_OTHER, call->operands[0], "out of memory");
    }
    if (lstat(t->path, &st) == -1) {
        return EXIT_CODE_OK; /* new; what else is wrong with it shows when it is created */
    }
    if (call->settings->no_clobber) {
        return command_fail(call, EXIT_CODE_LOCAL, t->path,
                            "it exists, and --no-clobber was given");
    }
    if (stat(t->path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        return open_special(call, t);
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
        return command_fail(call, EXIT_CODE_USAGE, url_text, why);
    }
    if (!names_a_file(&url)) {
        return command_fail(call, EXIT_CODE_USAGE, url_text,
                            "the URL has to end in the name of a file");
    }
    code = choose_target(call, call->count > 1 ? call->operands[1] : NULL, &url, &target);
    if (code == EXIT_CODE_OK) {
        struct transfer_params params = {
            .opcode = WHERRY_RRQ,
            .url = &url,
            .command = call->name,
            .url_text = url_text,
            .label = url.name,
            .settings = call->settings,
            .console = call->console,
            .local = target.text,
            .fd = target.fd,
            .replace = !call->settings->no_clobber,
        };

        code = transfer_run(&params);
    }
    if (target.fd != -1 && target.path != NULL && close(target.fd) == -1 && code == EXIT_CODE_OK) {
        code = command_fail(call, EXIT_CODE_LOCAL, target.path, strerror(errno));
    }
    free(target.path);
    return code;
}
