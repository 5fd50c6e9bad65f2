/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/get_target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/local_path.h"
#include "client/standard.h"

static enum exit_code choose_stdout(const struct command_call *call, struct get_target *t)
{
    t->text = "standard output";
    t->fd = STDOUT_FILENO;
    if (!standard_writable(t->fd)) {
        return command_fail(call, EXIT_CODE_LOCAL, t->text, "it is not open for writing");
    }
    return EXIT_CODE_OK;
}

/* A device, FIFO or socket takes the bytes as they come: replacing /dev/null helps nobody. */
static enum exit_code open_special(const struct command_call *call, struct get_target *t)
{
    t->fd = open(t->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (t->fd == -1) {
        return command_fail(call, EXIT_CODE_LOCAL, t->path, strerror(errno));
    }
    return EXIT_CODE_OK;
}

enum exit_code get_target_choose(struct get_target *ret, const struct command_call *call,
                                 struct remote *remote, const char *url_text, const char *operand,
                                 const char *last)
{
    struct stat st;

    *ret = (struct get_target){.fd = -1};
    if (operand != NULL && strcmp(operand, "-") == 0) {
        return choose_stdout(call, ret);
    }
    if (operand != NULL && operand[0] == '\0') {
        return command_fail(call, EXIT_CODE_USAGE, url_text,
                            "LOCAL is empty: a file, a directory or - is needed");
    }
    ret->path = local_path_for(operand, last);
    ret->text = ret->path;
    if (ret->path == NULL) {
        return command_fail(call, EXIT_CODE_OTHER, url_text, "out of memory");
    }
    if (lstat(ret->path, &st) == -1) {
        return EXIT_CODE_OK; /* new; what else is wrong with it shows when it is created */
    }
    if (call->settings->no_clobber) {
        return command_fail(call, EXIT_CODE_LOCAL, ret->path,
                            "it exists, and --no-clobber was given");
    }
    if (stat(ret->path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        remote_leave(remote);
        return open_special(call, ret);
    }
    return EXIT_CODE_OK;
}

enum exit_code get_target_clear(struct get_target *t, const struct command_call *call,
                                enum exit_code code)
{
    if (t->fd != -1 && t->path != NULL && close(t->fd) == -1 && code == EXIT_CODE_OK) {
        code = command_fail(call, EXIT_CODE_LOCAL, t->path, strerror(errno));
    }
    free(t->path);
    *t = (struct get_target){.fd = -1};
    return code;
}
