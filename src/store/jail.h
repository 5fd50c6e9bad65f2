/* SPDX-License-Identifier: BSD-2-Clause */
/* store/jail.h: a client's name -> a file beneath the root, resolved by the kernel.
 *
 * The root is opened once. `..` and components that begin with `.wherry-` are refused by text
 * (RES_NAME), at slashes and at backslashes; leading and doubled slashes fall away; then openat2(2)
 * resolves the rest with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS, so that an absolute link is
 * read from the root, as under chroot. When no such name exists and it holds backslashes, it is
 * tried once more with them as slashes.
 *
 * All calls may block on a cold disk, except with JAIL_CACHED. They are safe in several threads. */
#ifndef STORE_JAIL_H
#define STORE_JAIL_H

#include <stdbool.h>
#include <sys/stat.h>

#include <wherry/res.h>

#include "store/policy.h"

#define JAIL_NAME_BYTES 4096        /* PATH_MAX of Linux, with the NUL */
#define JAIL_TEMP_PREFIX ".wherry-" /* of files that are being written; no client may name them */

struct jail;

/* Opens the root. RES_NOT_FOUND (also when it is no directory), RES_DENIED ...; RES_UNSUPPORTED: no
 * openat2 (Linux before 5.6, or a sandbox that forbids it). */
enum res jail_open(struct jail **ret, const char *root);
void jail_free(struct jail *j);    /* takes NULL */
int jail_fd(const struct jail *j); /* an O_PATH descriptor */

enum jail_how {
    JAIL_ANY,   /* may block */
    JAIL_CACHED /* answers RES_LATER instead of blocking on a look-up */
};

/* For whom a file is opened. */
struct jail_terms {
    const struct policy_who *who; /* NULL: the policy is not asked */
    /* NULL, or asked by one who may have the file open already, once its stat is known and before
     * it is opened for reading; if it says yes the answer is RES_OK with *ret_fd -1. Whether it may
     * be read is not asked of the kernel then: who took that permission away, or gave it, moved the
     * ctime. */
    bool (*known)(void *arg, const struct stat *st);
    void *arg;
};

/* Opens a regular file for reading. Directories are RES_IS_DIR, devices, FIFOs and sockets
 * RES_DENIED, and none of these is opened for reading to find out. Where the policy denies reading
 * everything is RES_DENIED, also what does not exist. name: any bytes but NUL. */
enum res jail_open_file(const struct jail *j, const char *name, enum jail_how how,
                        const struct jail_terms *terms, int *ret_fd, struct stat *ret_stat);

/* Where an upload of that name goes: an open directory and the last component in it. Links are
 * followed, so that a link stays a link and its file is replaced, or made if it is missing. */
struct jail_target {
    int dir_fd; /* O_PATH */
    char last[256];
    bool exists;
    bool writable;    /* if it exists: this process may write to it */
    bool replaceable; /* by the policy; else new names only */
    struct stat stat; /* of the existing file */
};
/* Backslashes are folded whenever the unfolded name does not exist.
 * RES_IS_DIR: the name is a directory; RES_NOT_FOUND: its directory is missing; RES_DENIED: it
 * exists and is no regular file, or the policy lets `who` (if not NULL) put nothing there. The
 * caller closes dir_fd. */
enum res jail_find_target(const struct jail *j, const char *name, const struct policy_who *who,
                          struct jail_target *ret);
/* The same at a path of the local file system, for a client: nothing is refused by text, nothing
 * is folded, no root. */
enum res jail_find_local(const char *path, struct jail_target *ret);

#endif
