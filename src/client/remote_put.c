/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/remote_put.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/put_job.h"
#include "client/put_source.h"
#include "client/put_tree.h"
#include "client/send_file.h"
#include "client/standard.h"

static bool is_stdin(const char *local)
{
    return strcmp(local, "-") == 0;
}

static bool is_directory(const char *local)
{
    struct stat st;

    return !is_stdin(local) && stat(local, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The last component of a local path, slashes at its end left out: "b" of "a/b/". "" for "/". */
static void name_of(const char *local, char ret[URL_NAME_BYTES])
{
    size_t len = strlen(local);
    size_t start;

    while (len > 0 && local[len - 1] == '/') {
        len--;
    }
    start = len;
    while (start > 0 && local[start - 1] != '/') {
        start--;
    }
    (void)snprintf(ret, URL_NAME_BYTES, "%.*s", (int)(len - start), local + start);
}

/* Where a local file or directory goes. False: it was said why nowhere. */
static bool find_target(struct put_job *j, const char *local, bool into, bool directory,
                        char ret[URL_NAME_BYTES])
{
    struct wherry_view base_view = url_path(j->url);
    char base[URL_NAME_BYTES];
    char last[URL_NAME_BYTES];

    (void)snprintf(base, sizeof(base), "%.*s", (int)base_view.len, (const char *)base_view.bytes);
    name_of(local, last);
    if (directory && (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)) {
        into = false; /* it has no name of its own: what is in it goes into the URL's directory */
    }
    if (!into) {
        (void)snprintf(ret, URL_NAME_BYTES, "%s", base);
        return put_job_check_path(j, ret);
    }
    if (is_stdin(local)) {
        put_job_fail(j, EXIT_CODE_USAGE, base,
                     "standard input has no name: the URL has to end in one");
        return false;
    }
    if (!put_job_join(ret, base, last)) {
        put_job_fail(j, EXIT_CODE_DENIED, base, "the path is longer than 1024 bytes");
        return false;
    }
    return put_job_check_path(j, ret);
}

/* --- one of the operands --- */

/* -1: it was said why. */
static int open_local(struct put_job *j, const char *local)
{
    int fd = STDIN_FILENO;

    if (is_stdin(local)) {
        if (!standard_readable(fd)) {
            put_job_fail_locally(j, "standard input", "it is not open for reading");
            fd = -1;
        }
        return fd;
    }
    /* NONBLOCK: a FIFO without a writer is waited for where signals are heard, in send_file.c. */
    fd = open(local, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd == -1) {
        put_job_fail_locally(j, local, strerror(errno));
    }
    return fd;
}

static void put_file(struct put_job *j, const char *local, const char *path)
{
    struct put_source source;
    int fd = open_local(j, local);
    enum res r;

    if (fd == -1) {
        return;
    }
    r = put_source_init(&source, fd, is_stdin(local) ? "standard input" : local);
    if (r == RES_OK) {
        send_file(j, &source, path);
    } else if (r == RES_IS_DIR) {
        put_job_fail_locally(j, local, "it is a directory: -r sends it and all that is in it");
    } else {
        put_job_fail_locally(j, source.text, wherry_res_text(r));
    }
    if (fd != STDIN_FILENO) {
        (void)close(fd); /* it was read only */
    }
}

static void put_operand(struct put_job *j, const char *local, bool into)
{
    bool directory = j->call->settings->recursive && is_directory(local);
    char path[URL_NAME_BYTES];

    if (!find_target(j, local, into, directory, path)) {
        return;
    }
    if (directory) {
        put_tree(j, local, path);
    } else {
        put_file(j, local, path);
    }
}

/* --- all of them --- */

/* Whether the URL is a directory that things go into; the server is asked if it may be and does not
 * end in a slash. False: it was said why nothing can be sent. */
static bool judge_url(struct put_job *j, bool *ret_into)
{
    const char *name = j->url->name;
    size_t len = strlen(name);
    bool several = j->call->count > 2;
    struct wherry_message_info info;
    struct outcome why;

    *ret_into = len == 0 || name[len - 1] == '/';
    if (*ret_into ||
        (!several && !(j->call->settings->recursive && is_directory(j->call->operands[0])))) {
        return true;
    }
    if (!put_job_reach(j, name)) {
        return false;
    }
    if (put_job_stat(j, name, &info, &why)) {
        *ret_into = info.kind == WHERRY_KIND_DIRECTORY;
    } else if (several || why.side != OUTCOME_END || why.error_code != WHERRY_STATUS_NOT_FOUND) {
        put_job_fail_as(j, name, &why);
        return false;
    }
    if (several && !*ret_into) {
        put_job_fail(j, EXIT_CODE_SERVER, name, "it is a file: several go into a directory only");
        return false;
    }
    return true;
}

enum exit_code remote_put(const struct command_call *call, const struct url *url)
{
    const char *url_text = call->operands[call->count - 1];
    struct put_job j;
    bool into = false;

    if (put_job_init(&j, call, url, url_text) != RES_OK) {
        return command_fail(call, EXIT_CODE_OTHER, url_text, "out of memory");
    }
    if (judge_url(&j, &into)) {
        for (size_t i = 0; i + 1 < call->count && !j.over; i++) {
            put_operand(&j, call->operands[i], into);
        }
    }
    put_job_clear(&j);
    return j.code;
}
