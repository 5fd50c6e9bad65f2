/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/put_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/send_file.h"

#define SHOWN_BYTES 512

static void send_one(struct put_job *j, const char *local, const char *path)
{
    /* NONBLOCK: it may have become a FIFO since it was looked at. */
    int fd = open(local, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct put_source source;
    enum res r;

    if (fd == -1) {
        put_job_fail_locally(j, local, strerror(errno));
        return;
    }
    r = put_source_init(&source, fd, local);
    if (r == RES_OK && !S_ISREG(source.st.st_mode)) {
        r = RES_CHANGED;
    }
    if (r == RES_OK) {
        send_file(j, &source, path);
    } else {
        put_job_fail_locally(j, local, wherry_res_text(r));
    }
    (void)close(fd); /* it was read only */
}

static void warn(struct put_job *j, const char *local, const char *why)
{
    char shown[SHOWN_BYTES];

    console_say(j->call->console, CONSOLE_WARNING, "%s: %s",
                text_quote((const uint8_t *)local, strlen(local), shown, sizeof(shown)), why);
}

/* Whether there is anything in it to look at. */
static bool take(struct put_job *j, const FTSENT *e, const char *path)
{
    switch (e->fts_info) {
    case FTS_D:
        return put_job_make_directory(j, path);
    case FTS_F:
        send_one(j, e->fts_accpath, path);
        break;
    case FTS_DEFAULT:
        warn(j, e->fts_path, "skipped: neither a file nor a directory");
        break;
    case FTS_DC:
        put_job_fail_locally(j, e->fts_path, "it leads back to a directory above it");
        break;
    case FTS_SLNONE:
        put_job_fail_locally(j, e->fts_path, "the link leads nowhere");
        break;
    default: /* FTS_DNR, FTS_ERR, FTS_NS */
        put_job_fail_locally(j, e->fts_path, strerror(e->fts_errno));
        break;
    }
    return true;
}

/* The path of an entry on the server. False: there can be none, and it was said. */
static bool find_path(struct put_job *j, const FTSENT *e, size_t root_len, const char *base,
                      char ret[URL_NAME_BYTES])
{
    const char *rest = e->fts_path + root_len;

    while (*rest == '/') {
        rest++;
    }
    if (*rest == '\0') {
        (void)snprintf(ret, URL_NAME_BYTES, "%s", base);
    } else if (!put_job_join(ret, base, rest)) {
        put_job_fail(j, EXIT_CODE_DENIED, base, "a path in it is longer than 1024 bytes");
        return false;
    }
    return put_job_check_path(j, ret);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

void put_tree(struct put_job *j, const char *local, const char *path)
{
    char *root = strdup(local); /* fts takes it for its own */
    char *const roots[] = {root, NULL};
    FTS *tree = root != NULL ? fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name) : NULL;
    char at[URL_NAME_BYTES];
    FTSENT *e;

    if (tree == NULL) {
        put_job_fail_locally(j, local, strerror(errno));
        free(root);
        return;
    }
    while (!j->over && (errno = 0, e = fts_read(tree)) != NULL) {
        if (e->fts_info != FTS_DP &&
            (!find_path(j, e, strlen(local), path, at) || !take(j, e, at))) {
            (void)fts_set(tree, e, FTS_SKIP);
        }
    }
    if (!j->over && errno != 0) {
        put_job_fail_locally(j, local, strerror(errno));
    }
    (void)fts_close(tree);
    free(root);
}
