/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/remote_get.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/get_file.h"
#include "client/get_target.h"
#include "client/get_tree.h"
#include "client/local_path.h"
#include "store/jail.h"

/* The last component of the path, a copy; NULL: no memory. "" is the root's. */
static char *last_of(const struct url *url)
{
    struct wherry_view path = url_path(url);
    const uint8_t *slash = path.len > 0 ? memrchr(path.bytes, '/', path.len) : NULL;
    size_t before = slash != NULL ? (size_t)(slash - path.bytes) + 1 : 0;

    return strndup((const char *)path.bytes + before, path.len - before);
}

static enum exit_code get_to(const struct remote_get_params *p, const struct get_target *to)
{
    struct outcome why = {.side = OUTCOME_LOCAL};
    struct jail_target target;
    struct get_file_params params = {
        .call = p->call,
        .remote = p->remote,
        .url = p->url,
        .path = url_path(p->url),
        .subject = p->url_text,
        .label = p->url->name,
        .local = to->text,
        .fd = to->fd,
    };
    bool lost = false;
    enum exit_code code;

    if (to->fd != -1 && p->call->settings->resume) {
        return command_fail(p->call, EXIT_CODE_USAGE, p->url_text,
                            "--resume needs a file to go on with, not a pipe or a device");
    }
    if (to->fd != -1) {
        return get_file(&params, &lost);
    }
    why.result = jail_find_local(to->path, &target);
    if (why.result != RES_OK) {
        (void)snprintf(why.detail, sizeof(why.detail), "%s", to->path);
        return command_fail_as(p->call, p->url_text, &why);
    }
    params.target = &target;
    code = get_file(&params, &lost);
    (void)close(target.dir_fd); /* a descriptor of a name only */
    return code;
}

static enum exit_code get_one(const struct remote_get_params *p, const char *last)
{
    struct get_target to;
    enum exit_code code;

    if (last[0] == '\0') {
        return command_fail(p->call, EXIT_CODE_USAGE, p->url_text,
                            "the URL has to end in the name of a file; -r fetches a directory");
    }
    code = get_target_choose(&to, p->call, p->remote, p->url_text, p->operand, last);
    if (code == EXIT_CODE_OK) {
        code = get_to(p, &to);
    }
    return get_target_clear(&to, p->call, code);
}

/* --- directories --- */

/* Into a directory that exists under the name it has there; else LOCAL becomes the copy. */
static enum exit_code get_dir(const struct remote_get_params *p, const char *last)
{
    struct get_tree_params params = {
        .call = p->call,
        .remote = p->remote,
        .url = p->url,
        .url_text = p->url_text,
    };
    char *local;
    enum exit_code code;

    if (p->operand != NULL && strcmp(p->operand, "-") == 0) {
        return command_fail(p->call, EXIT_CODE_USAGE, p->url_text,
                            "a directory cannot go to standard output");
    }
    if (last[0] == '\0' && p->operand == NULL) {
        return command_fail(p->call, EXIT_CODE_USAGE, p->url_text,
                            "the root has no name: LOCAL is needed, . is the working directory");
    }
    local = last[0] != '\0' ? local_path_for(p->operand, last) : strdup(p->operand);
    if (local == NULL) {
        return command_fail(p->call, EXIT_CODE_OTHER, p->url_text, "out of memory");
    }
    params.local = local;
    code = get_tree(&params);
    free(local);
    return code;
}

enum exit_code remote_get(const struct remote_get_params *p)
{
    struct wherry_message_info info = {.kind = WHERRY_KIND_FILE};
    struct outcome why;
    enum exit_code code;
    char *last = last_of(p->url);

    if (last == NULL) {
        return command_fail(p->call, EXIT_CODE_OTHER, p->url_text, "out of memory");
    }
    if (p->call->settings->recursive &&
        !remote_stat(p->remote, p->url, url_path(p->url), &info, &why)) {
        code = command_fail_as(p->call, p->url_text, &why);
    } else if (info.kind == WHERRY_KIND_DIRECTORY) {
        code = get_dir(p, last);
    } else {
        code = get_one(p, last);
    }
    free(last);
    return code;
}
