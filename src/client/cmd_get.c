/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/get_target.h"
#include "client/remote.h"
#include "client/remote_get.h"
#include "client/transfer.h"
#include "client/url.h"

/* --- one URL --- */

static enum exit_code get_by_tftp(const struct command_call *call, struct remote *remote,
                                  const struct url *url, const char *url_text, const char *operand)
{
    struct get_target target;
    enum exit_code code =
        get_target_choose(&target, call, remote, url_text, operand, url_last_component(url->name));

    if (code == EXIT_CODE_OK) {
        struct transfer_params params = {
            .opcode = WHERRY_RRQ,
            .url = url,
            .command = call->name,
            .url_text = url_text,
            .label = url->name,
            .settings = call->settings,
            .console = call->console,
            .local = target.text,
            .fd = target.fd,
            .replace = !call->settings->no_clobber,
        };

        code = transfer_run(&params);
    }
    return get_target_clear(&target, call, code);
}

static enum exit_code get_one(const struct command_call *call, struct remote *remote,
                              const char *url_text, const char *operand)
{
    struct url url;
    enum exit_code code = command_read_url(call, url_text, &url);

    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (url.scheme == URL_TFTP) {
        remote_leave(remote); /* signals are the transfer's */
        return get_by_tftp(call, remote, &url, url_text, operand);
    }
    return remote_get(&(struct remote_get_params){
        .call = call,
        .remote = remote,
        .url = &url,
        .url_text = url_text,
        .operand = operand,
    });
}

/* --- the operands --- */

static bool is_url(const char *operand)
{
    return strstr(operand, "://") != NULL;
}

static bool names_a_file(const struct url *url)
{
    const char *last = url_last_component(url->name);

    return last[0] != '\0' && strcmp(last, ".") != 0 && strcmp(last, "..") != 0;
}

/* What can be said before anything is asked. *ret_last: the last component, a copy. */
static enum exit_code check_url(const struct command_call *call, const char *text, char **ret_last)
{
    struct url url;
    enum exit_code code = command_read_url(call, text, &url);

    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (!call->settings->recursive && !names_a_file(&url)) {
        return command_fail(call, EXIT_CODE_USAGE, text,
                            url.scheme == URL_WHERRY
                                ? "the URL has to end in the name of a file; -r fetches a directory"
                                : "the URL has to end in the name of a file");
    }
    *ret_last = strdup(url_last_component(url.name));
    return *ret_last != NULL ? EXIT_CODE_OK
                             : command_fail(call, EXIT_CODE_OTHER, text, "out of memory");
}

static int compare_names(const void *a, const void *b)
{
    const char *const *one = a;
    const char *const *other = b;

    return strcmp(*one, *other);
}

/* The second of two files of one name would replace the first. Sorts the names. */
static enum exit_code check_names(const struct command_call *call, char **names, size_t count)
{
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 1; i < count; i++) {
        if (names[i][0] != '\0' && strcmp(names[i], names[i - 1]) == 0) {
            return command_fail(call, EXIT_CODE_USAGE, names[i],
                                "two of the URLs end in this name, and one file would replace the "
                                "other");
        }
    }
    return EXIT_CODE_OK;
}

static enum exit_code check_urls(const struct command_call *call, size_t count)
{
    char **names = calloc(count, sizeof(*names));
    enum exit_code code = EXIT_CODE_OK;

    if (names == NULL) {
        return command_fail(call, EXIT_CODE_OTHER, call->operands[0], "out of memory");
    }
    for (size_t i = 0; i < count && code == EXIT_CODE_OK; i++) {
        code = check_url(call, call->operands[i], &names[i]);
    }
    if (code == EXIT_CODE_OK) {
        code = check_names(call, names, count);
    }
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    return code;
}

static enum exit_code check_directory(const struct command_call *call, const char *local)
{
    struct stat st;

    if (stat(local, &st) == 0 && S_ISDIR(st.st_mode)) {
        return EXIT_CODE_OK;
    }
    return command_fail(call, EXIT_CODE_USAGE, local,
                        "several URLs need a directory that exists to go to");
}

/* The last operand is LOCAL if it looks like no URL and another one stands before it. */
static enum exit_code check_operands(const struct command_call *call, size_t *ret_urls,
                                     const char **ret_local)
{
    const char *last = call->operands[call->count - 1];
    bool is_local = call->count > 1 && !is_url(last);
    size_t urls = call->count - (is_local ? 1 : 0);
    enum exit_code code = check_urls(call, urls);

    if (code != EXIT_CODE_OK) {
        return code;
    }
    *ret_urls = urls;
    *ret_local = is_local ? last : NULL;
    return is_local && urls > 1 ? check_directory(call, last) : EXIT_CODE_OK;
}

enum exit_code cmd_get(const struct command_call *call)
{
    struct remote remote = {.settings = call->settings, .console = call->console};
    const char *local = NULL;
    size_t urls = 0;
    enum exit_code code = check_operands(call, &urls, &local);

    if (code != EXIT_CODE_OK) {
        return code;
    }
    for (size_t i = 0; i < urls; i++) {
        enum exit_code one = get_one(call, &remote, call->operands[i], local);

        if (code == EXIT_CODE_OK || one > EXIT_CODE_SIGNAL) {
            code = one;
        }
        if (one > EXIT_CODE_SIGNAL) {
            break;
        }
    }
    remote_leave(&remote);
    return code;
}
