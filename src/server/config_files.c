/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/errno_res.h"

#define SUFFIX ".conf"

/* A link that leads nowhere is not missing: what it was to say may be who is denied what. */
static bool is_missing(const char *path)
{
    struct stat st;

    return lstat(path, &st) == -1 && errno == ENOENT;
}

/* --- conf.d --- */

static int may_be_read(const struct dirent *e)
{
    size_t len = strlen(e->d_name);

    return e->d_name[0] != '.' && len > strlen(SUFFIX) &&
           strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* In every locale the same. */
static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_null_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* A FIFO would hold up the server at a reload. A link to /dev/null is how a file is masked; it is
 * passed over, since the sandbox does not let a reload open it. */
static enum res judge_kind(const char *path, bool *ret_skip, char *why, size_t cap)
{
    struct stat st;

    if (stat(path, &st) == -1) {
        int error = errno;

        (void)snprintf(why, cap, "%s: cannot be read: %s", path, strerror(error));
        return res_from_errno(error);
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !is_null_device(&st)) {
        (void)snprintf(why, cap, "%s: not a configuration file: neither a file nor /dev/null",
                       path);
        return RES_PROTOCOL;
    }
    *ret_skip = !S_ISREG(st.st_mode);
    return RES_OK;
}

static enum res read_one(const char *dir, const char *name, struct config *c,
                         struct policy_rules *rules, struct config_said *said, char *why,
                         size_t cap)
{
    char path[PATH_MAX];
    bool skip = false;
    enum res r;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
        (void)snprintf(why, cap, "%s: the name of a file in it is too long", dir);
        return RES_NAME;
    }
    r = judge_kind(path, &skip, why, cap);
    return r == RES_OK && !skip ? config_file_read(path, c, rules, said, why, cap) : r;
}

static enum res read_dir(const char *dir, struct config *c, struct policy_rules *rules,
                         struct config_said *said, bool *ret_any, char *why, size_t cap)
{
    struct dirent **names = NULL;
    int count = scandir(dir, &names, may_be_read, compare);
    enum res r = RES_OK;

    if (count == -1) {
        int error = errno;

        if (error == ENOENT && is_missing(dir)) {
            return RES_OK;
        }
        (void)snprintf(why, cap, "%s: cannot be read: %s", dir, strerror(error));
        return res_from_errno(error);
    }
    if (count > CONFIG_DIR_FILES_MAX) {
        (void)snprintf(why, cap, "%s: %d files, at most %d are allowed", dir, count,
                       CONFIG_DIR_FILES_MAX);
        r = RES_PROTOCOL;
    }
    for (int i = 0; i < count && r == RES_OK; i++) {
        r = read_one(dir, names[i]->d_name, c, rules, said, why, cap);
    }
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free((void *)names);
    *ret_any = count > 0;
    return r;
}

/* --- all of them --- */

/* Beside the main file. False: nothing is looked for. */
static bool find_dir(const char *main_path, bool named, char dir[PATH_MAX])
{
    const char *slash = strrchr(main_path, '/');
    int len = slash != NULL ? (int)(slash - main_path) + 1 : 0;
    struct stat st;

    if (named && (stat(main_path, &st) == -1 || !S_ISREG(st.st_mode))) {
        return false;
    }
    return snprintf(dir, PATH_MAX, "%.*s%s", len, main_path, CONFIG_DIR) < PATH_MAX;
}

/* Takes the rules over. */
static enum res join_rules(struct config *c, struct policy_rules *first,
                           struct policy_rules *second, char *why, size_t cap)
{
    enum res r = policy_rules_append(first, second);

    if (r != RES_OK) {
        (void)snprintf(why, cap, "out of memory");
    } else if (policy_rules_count(first) > 0) {
        policy_rules_hold(first);
        policy_rules_release(c->rules);
        c->rules = first;
    }
    return r;
}

enum res config_files_read(const char *main_path, bool named, struct config *c,
                           struct config_said *said, char *why, size_t cap)
{
    struct policy_rules *main_rules = policy_rules_new();
    struct policy_rules *dir_rules = policy_rules_new();
    char dir[PATH_MAX];
    bool any = named || !is_missing(main_path);
    bool dir_any = false;
    enum res r = RES_OK;

    if (main_rules == NULL || dir_rules == NULL) {
        (void)snprintf(why, cap, "out of memory");
        r = RES_NO_MEMORY;
        goto cleanup;
    }
    if (any) {
        r = config_file_read(main_path, c, main_rules, said, why, cap);
    }
    if (r == RES_OK && find_dir(main_path, named, dir)) {
        r = read_dir(dir, c, dir_rules, said, &dir_any, why, cap);
    }
    if (r == RES_OK && (any || dir_any)) {
        free(c->file);
        c->file = strdup(main_path);
        if (c->file == NULL) {
            (void)snprintf(why, cap, "out of memory");
            r = RES_NO_MEMORY;
        }
    }
    if (r == RES_OK) {
        r = join_rules(c, dir_rules, main_rules, why, cap);
    }
cleanup:
    policy_rules_release(main_rules);
    policy_rules_release(dir_rules);
    return r;
}
