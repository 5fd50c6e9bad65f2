/* SPDX-License-Identifier: BSD-2-Clause */
/* server/sandbox_landlock.h: which files this process may still open (landlock(7)).
 *
 *   the root            read files and directories; when uploads are allowed also write, make and
 *                       remove files, and make directories
 *   where the           read, for reloads: the configuration and what stands beside and beneath it
 *   configuration is
 *   everything else     not opened, not executed, not changed
 *
 * What was opened before stays open. Names of one directory are linked and renamed within it, as
 * the store does it; from one directory to another they are not, by any ABI. Names can still be
 * looked up (stat, access) everywhere. */
#ifndef SERVER_SANDBOX_LANDLOCK_H
#define SERVER_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include <wherry/res.h>

/* From these on the kernel also holds back what is named. */
#define SANDBOX_LANDLOCK_TCP 4   /* TCP: bind and connect (Linux 6.7) */
#define SANDBOX_LANDLOCK_SCOPE 6 /* signals, abstract sockets (Linux 6.12) */

struct sandbox_places {
    int root_fd;
    bool write;              /* in the root */
    const char *config_file; /* or NULL */
};

/* The ABI that this kernel offers, from 1; 0 for none, and then why not in *ret_why. */
int sandbox_landlock_abi(const char **ret_why);
/* For the calling thread and those that it starts, until the end. Needs no_new_privs. All that this
 * ABI can do, or nothing and why. */
enum res sandbox_landlock_enter(const struct sandbox_places *p, int abi, char *why, size_t cap);

#endif
