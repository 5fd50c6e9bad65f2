/* SPDX-License-Identifier: BSD-2-Clause */
/* store/exact.h: names of the file protocol -> files beneath the root. Unlike TFTP's (store/jail.h)
 * they are taken byte for byte: a `\` is a character, nothing falls away, nothing is folded. What
 * wherry_message_check_path() refuses is RES_NAME here too; the empty name is the root.
 *
 * Links are followed inside the root, by the kernel (store/beneath.h). `who` may be NULL: then the
 * policy is not asked; where it denies what is to be done everything is RES_DENIED, also what does
 * not exist. All calls may block on a cold disk, except with JAIL_CACHED, and are safe in several
 * threads. */
#ifndef STORE_EXACT_H
#define STORE_EXACT_H

#include <sys/stat.h>
#include <sys/types.h>

#include <wherry/res.h>

#include "store/jail.h"

/* As jail_open_file(): RES_IS_DIR, RES_DENIED (FIFO, socket, device) ... */
enum res exact_open_file(const struct jail *j, const char *name, enum jail_how how,
                         const struct policy_who *who, int *ret_fd, struct stat *ret_stat);
/* Of a regular file or a directory; all else is RES_DENIED. */
enum res exact_stat(const struct jail *j, const char *name, enum jail_how how,
                    const struct policy_who *who, struct stat *ret);
/* Opens a directory for reading. RES_NOT_FOUND also when it is none. */
enum res exact_open_dir(const struct jail *j, const char *name, const struct policy_who *who,
                        int *ret_fd, struct stat *ret_stat);
/* As jail_find_target(); the caller closes dir_fd. */
enum res exact_find_target(const struct jail *j, const char *name, const struct policy_who *who,
                           struct jail_target *ret);
/* mode: as mkdir(2), cut by the umask. RES_EXISTS: something has the name; RES_NOT_FOUND: its
 * directory is missing. */
enum res exact_make_dir(const struct jail *j, const char *name, const struct policy_who *who,
                        mode_t mode);

#endif
