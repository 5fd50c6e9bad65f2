/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/put_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum res put_job_init(struct put_job *j, const struct command_call *call, const struct url *url,
                      const char *url_text)
{
    *j = (struct put_job){
        .call = call,
        .url = url,
        .url_text = url_text,
        .remote = {.settings = call->settings, .console = call->console},
        .buffer = malloc(PUT_JOB_BUFFER_BYTES),
    };
    return j->buffer != NULL ? RES_OK : RES_NO_MEMORY;
}

void put_job_clear(struct put_job *j)
{
    remote_leave(&j->remote);
    free(j->buffer);
}

bool put_job_join(char ret[URL_NAME_BYTES], const char *base, const char *last)
{
    int len = snprintf(ret, URL_NAME_BYTES, "%s%s%s", base, base[0] != '\0' ? "/" : "", last);

    return len >= 0 && len < URL_NAME_BYTES;
}

/* --- failures --- */

/* What the user wrote, and behind it what of the path the URL does not say. */
static void show_path(const struct put_job *j, const char *path, char *buf, size_t cap)
{
    const char *rest = path + url_path(j->url).len;
    size_t len = strlen(j->url_text);

    while (*rest == '/') {
        rest++;
    }
    if (*rest == '\0') {
        (void)snprintf(buf, cap, "%s", j->url_text);
        return;
    }
    while (len > 0 && j->url_text[len - 1] == '/') {
        len--;
    }
    (void)snprintf(buf, cap, "%.*s/%s", (int)len, j->url_text, rest);
}

static void fail(struct put_job *j, enum exit_code code, const char *subject, const char *why)
{
    (void)command_fail(j->call, code, subject, why);
    if (j->code == EXIT_CODE_OK) {
        j->code = code;
    }
}

void put_job_fail(struct put_job *j, enum exit_code code, const char *path, const char *why)
{
    char shown[2 * URL_NAME_BYTES];

    show_path(j, path, shown, sizeof(shown));
    fail(j, code, shown, why);
}

void put_job_fail_locally(struct put_job *j, const char *local, const char *why)
{
    fail(j, EXIT_CODE_LOCAL, local, why);
}

void put_job_fail_as(struct put_job *j, const char *path, const struct outcome *o)
{
    char text[OUTCOME_PRINT_BYTES];

    put_job_fail(j, outcome_exit_code(o), path, outcome_print(o, text));
    if (o->side == OUTCOME_SIGNAL) {
        j->over = true;
        j->code = outcome_exit_code(o); /* whatever failed before */
    }
}

/* --- paths --- */

static struct wherry_view view_of(const char *path)
{
    return (struct wherry_view){.bytes = (const uint8_t *)path, .len = strlen(path)};
}

bool put_job_check_path(struct put_job *j, const char *path)
{
    if (wherry_message_check_path(view_of(path)) == RES_OK) {
        return true;
    }
    put_job_fail(j, EXIT_CODE_DENIED, path,
                 "not sent: a path has at most 1024 bytes, and no part of it is empty, \".\" or "
                 "\"..\", or begins with \"" WHERRY_TEMP_PREFIX "\"");
    return false;
}

/* --- questions --- */

bool put_job_reach(struct put_job *j, const char *path)
{
    struct outcome why;

    if (!j->over && !remote_reach(&j->remote, j->url, &why)) {
        put_job_fail_as(j, path, &why);
        j->over = true;
    }
    return !j->over;
}

/* Until the END of a request of which at most an INFO is expected. */
static bool await_end(struct put_job *j, struct wherry_message_info *ret, struct outcome *why)
{
    struct wherry_client_event e;

    while (link_next(j->remote.link, &e, why)) {
        if (e.kind == WHERRY_CLIENT_INFO && ret != NULL) {
            *ret = e.info;
        } else if (e.kind == WHERRY_CLIENT_END) {
            outcome_set_end(why, &e.end);
            return e.end.result == RES_OK;
        }
    }
    return false;
}

bool put_job_stat(struct put_job *j, const char *path, struct wherry_message_info *ret,
                  struct outcome *why)
{
    struct link *l = j->remote.link;
    struct wherry_message_info info = {.kind = WHERRY_KIND_FILE};
    uint32_t request;
    enum res r =
        wherry_client_exchange_stat(link_exchange(l), view_of(path), link_now_ns(l), &request);

    if (r != RES_OK) {
        link_explain(l, r, why);
        return false;
    }
    if (!await_end(j, &info, why)) {
        return false;
    }
    *ret = info;
    return true;
}

static bool make_directory(struct put_job *j, const char *path, struct outcome *why)
{
    struct link *l = j->remote.link;
    struct wherry_message_info info;
    uint32_t request;
    enum res r =
        wherry_client_exchange_mkdir(link_exchange(l), view_of(path), link_now_ns(l), &request);

    if (r != RES_OK) {
        link_explain(l, r, why);
        return false;
    }
    if (await_end(j, NULL, why)) {
        return true;
    }
    if (why->side != OUTCOME_END || why->error_code != WHERRY_STATUS_EXISTS) {
        return false;
    }
    /* What it is decides; and if it cannot be asked for, that it exists is the better answer. */
    return put_job_reach(j, path) && put_job_stat(j, path, &info, &(struct outcome){0}) &&
           info.kind == WHERRY_KIND_DIRECTORY;
}

bool put_job_make_directory(struct put_job *j, const char *path)
{
    struct outcome why;

    if (path[0] == '\0') {
        return true; /* the root */
    }
    if (!put_job_reach(j, path)) {
        return false;
    }
    if (!make_directory(j, path, &why)) {
        if (!j->over) {
            put_job_fail_as(j, path, &why);
        }
        return false;
    }
    return true;
}
