/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/get_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "client/entries.h"
#include "client/get_file.h"
#include "client/partial.h"

#define SUBJECT_BYTES ((size_t)2 * WHERRY_STRING_MAX)
#define SHOWN_BYTES 256

struct tree {
    const struct get_tree_params *p;
    /* The path on the server of what is being copied, and a NUL. */
    char path[WHERRY_STRING_MAX + 1 + WHERRY_COMPONENT_MAX + 1];
    size_t len;
    size_t top_len;                                            /* of the top's */
    uint8_t above[GET_TREE_DEPTH_MAX][WHERRY_VALIDATOR_BYTES]; /* the directories we are in */
    enum exit_code code;                                       /* of the first failure */
    bool lost;
};

/* --- paths and failures --- */

static struct wherry_view path_of(const struct tree *t)
{
    return (struct wherry_view){.bytes = (const uint8_t *)t->path, .len = t->len};
}

/* Behind the top: "sub/file"; "" for the top itself. */
static const char *relative(const struct tree *t)
{
    const char *rest = t->path + t->top_len;

    return *rest == '/' ? rest + 1 : rest;
}

/* For messages: the URL as it was written, and what lies behind it. */
static const char *subject(const struct tree *t, char buf[SUBJECT_BYTES])
{
    const char *url = t->p->url_text;
    size_t len = strlen(url);
    bool apart = relative(t)[0] != '\0' && (len == 0 || url[len - 1] != '/');

    (void)snprintf(buf, SUBJECT_BYTES, "%s%s%s", url, apart ? "/" : "", relative(t));
    return buf;
}

static char *quote_relative(const struct tree *t, char buf[SHOWN_BYTES])
{
    const char *text = relative(t);

    return text_quote((const uint8_t *)text, strlen(text), buf, SHOWN_BYTES);
}

static void note_code(struct tree *t, enum exit_code code)
{
    if (t->code == EXIT_CODE_OK) {
        t->code = code;
    }
}

static void fail(struct tree *t, enum exit_code code, const char *why)
{
    char buf[SUBJECT_BYTES];

    note_code(t, command_fail(t->p->call, code, subject(t, buf), why));
}

static bool fail_as(struct tree *t, const struct outcome *why)
{
    char buf[SUBJECT_BYTES];

    note_code(t, command_fail_as(t->p->call, subject(t, buf), why));
    t->lost = t->lost || remote_lost(t->p->remote, why);
    return false;
}

/* Into an entry of the directory; returns the length to go back to. */
static size_t enter(struct tree *t, const char *name)
{
    size_t back = t->len;

    if (t->len > 0) {
        t->path[t->len++] = '/';
    }
    memcpy(t->path + t->len, name, strlen(name) + 1);
    t->len += strlen(name);
    return back;
}

static void go_back(struct tree *t, size_t len)
{
    t->len = len;
    t->path[len] = '\0';
}

/* --- what a directory holds --- */

struct asked {
    uint32_t list;
    bool listed; /* its END came */
    bool failed;
    struct outcome why;
    uint8_t validator[WHERRY_VALIDATOR_BYTES]; /* of the directory */
};

static bool issue(struct tree *t, struct asked *a)
{
    struct remote *remote = t->p->remote;
    const struct wherry_message_list list = {.path = path_of(t)};
    struct wherry_client_exchange *x;
    uint32_t stat = 0;
    enum res r;

    if (!remote_reach(remote, t->p->url, &a->why)) {
        return false;
    }
    x = link_exchange(remote->link);
    r = wherry_client_exchange_stat(x, list.path, link_now_ns(remote->link), &stat);
    if (r == RES_OK) {
        r = wherry_client_exchange_list(x, &list, link_now_ns(remote->link), &a->list);
    }
    if (r != RES_OK) {
        link_explain(remote->link, r, &a->why);
        return false;
    }
    return true;
}

static void take(struct asked *a, const struct wherry_client_event *event, struct entries *names)
{
    enum res r = RES_OK;

    if (event->kind == WHERRY_CLIENT_INFO) {
        memcpy(a->validator, event->info.validator, sizeof(a->validator));
    } else if (event->kind == WHERRY_CLIENT_ENTRY && !a->failed) {
        r = entries_add(names, event->entry.kind, event->entry.name);
        a->why = (struct outcome){.side = OUTCOME_LOCAL, .result = r};
    } else if (event->kind == WHERRY_CLIENT_END) {
        a->listed = event->request == a->list;
        if (event->end.result != RES_OK && !a->failed) {
            r = event->end.result;
            outcome_set_end(&a->why, &event->end);
        }
    }
    a->failed = a->failed || r != RES_OK;
}

static bool read_names(struct tree *t, struct asked *a, struct entries *names)
{
    struct wherry_client_event event;

    if (!issue(t, a)) {
        return fail_as(t, &a->why);
    }
    while (!a->listed) {
        if (!link_next(t->p->remote->link, &event, &a->why)) {
            return fail_as(t, &a->why);
        }
        take(a, &event, names);
    }
    return !a->failed || fail_as(t, &a->why);
}

/* A server that tells nothing apart says zeros. */
static bool leads_back(const struct tree *t, unsigned depth, const uint8_t *validator)
{
    static const uint8_t nothing[WHERRY_VALIDATOR_BYTES];

    if (memcmp(validator, nothing, sizeof(nothing)) == 0) {
        return false;
    }
    for (unsigned i = 0; i < depth; i++) {
        if (memcmp(t->above[i], validator, sizeof(t->above[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* --- files --- */

/* False: it was said, or is to be left alone. */
static bool look_at_target(struct tree *t, struct jail_target *target)
{
    char shown[SHOWN_BYTES];

    if (fstatat(target->dir_fd, target->last, &target->stat, AT_SYMLINK_NOFOLLOW) == -1) {
        if (errno != ENOENT) {
            fail(t, EXIT_CODE_LOCAL, strerror(errno));
            return false;
        }
        return true;
    }
    target->exists = true;
    if (t->p->call->settings->no_clobber) {
        console_say(t->p->call->console, CONSOLE_NOTE, "%s exists and is left alone",
                    quote_relative(t, shown));
        return false;
    }
    if (!S_ISREG(target->stat.st_mode)) {
        fail(t, EXIT_CODE_LOCAL,
             S_ISDIR(target->stat.st_mode)
                 ? "there is a directory of this name here"
                 : "there is something of this name here that is no regular file; only those are "
                   "replaced");
        return false;
    }
    target->writable = faccessat(target->dir_fd, target->last, W_OK, AT_EACCESS) == 0;
    return true;
}

static void copy_file(struct tree *t, int dir_fd, const char *name, bool none_kept)
{
    char buf[SUBJECT_BYTES];
    struct jail_target target = {.dir_fd = dir_fd};
    const struct get_file_params params = {
        .call = t->p->call,
        .remote = t->p->remote,
        .url = t->p->url,
        .path = path_of(t),
        .subject = subject(t, buf),
        .label = relative(t),
        .local = relative(t),
        .target = &target,
        .fd = -1,
        .none_kept = none_kept,
    };
    bool lost = false;

    memcpy(target.last, name, strlen(name) + 1);
    if (look_at_target(t, &target)) {
        note_code(t, get_file(&params, &lost));
        t->lost = t->lost || lost;
    }
}

/* --- directories --- */

static void copy_dir(struct tree *t, int dir_fd, unsigned depth);

/* Never through a link: who left it here may have meant another place. */
static int open_dir_in(struct tree *t, int dir_fd, const char *name)
{
    int fd;

    if (mkdirat(dir_fd, name, 0777) == -1 && errno != EEXIST) {
        fail(t, EXIT_CODE_LOCAL, strerror(errno));
        return -1;
    }
    fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1) {
        fail(t, EXIT_CODE_LOCAL,
             errno == ENOTDIR || errno == ELOOP
                 ? "there is something of this name here that is no directory"
                 : strerror(errno));
    }
    return fd;
}

static void copy_entry(struct tree *t, int dir_fd, const struct entries_item *e, unsigned depth,
                       bool none_kept)
{
    size_t back = enter(t, e->name);
    char why[64];
    int fd;

    if (t->len > WHERRY_STRING_MAX) {
        fail(t, EXIT_CODE_SERVER, "its path is too long to be asked for");
    } else if (e->kind == WHERRY_KIND_FILE) {
        copy_file(t, dir_fd, e->name, none_kept);
    } else if (depth + 1 == GET_TREE_DEPTH_MAX) {
        (void)snprintf(why, sizeof(why), "it lies too deep: %u directories are the most",
                       GET_TREE_DEPTH_MAX);
        fail(t, EXIT_CODE_SERVER, why);
    } else {
        fd = open_dir_in(t, dir_fd, e->name);
        if (fd != -1) {
            copy_dir(t, fd, depth + 1);
            (void)close(fd); /* a descriptor of a name only */
        }
    }
    go_back(t, back);
}

static void copy_dir(struct tree *t, int dir_fd, unsigned depth)
{
    struct entries names = {0};
    struct asked asked = {.failed = false};
    struct entries_item e;
    size_t at = 0;
    bool none_kept;

    if (!read_names(t, &asked, &names)) {
        goto out;
    }
    if (leads_back(t, depth, asked.validator)) {
        fail(t, EXIT_CODE_SERVER, "it leads back to a directory that it lies in");
        goto out;
    }
    memcpy(t->above[depth], asked.validator, sizeof(asked.validator));
    none_kept = !partial_any_kept(dir_fd);
    while (!t->lost && entries_next(&names, &at, &e)) {
        copy_entry(t, dir_fd, &e, depth, none_kept);
    }
out:
    entries_free(&names);
}

enum exit_code get_tree(const struct get_tree_params *p)
{
    struct wherry_view path = url_path(p->url);
    struct tree t = {.p = p, .len = path.len, .top_len = path.len};
    int fd = -1;

    memcpy(t.path, path.bytes, path.len);
    if (mkdir(p->local, 0777) == -1 && errno != EEXIST) {
        return command_fail(p->call, EXIT_CODE_LOCAL, p->local, strerror(errno));
    }
    /* How the user wrote it is how the user meant it: here links are followed. */
    fd = open(p->local, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return command_fail(p->call, EXIT_CODE_LOCAL, p->local, strerror(errno));
    }
    copy_dir(&t, fd, 0);
    (void)close(fd); /* a descriptor of a name only */
    return t.code;
}
