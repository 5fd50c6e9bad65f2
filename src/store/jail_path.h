/* SPDX-License-Identifier: BSD-2-Clause */
/* store/jail_path.h: what becomes of a name, by whichever rules it was taken (jail.h, exact.h): a
 * path that the kernel resolves beneath the root. The path of the root is ".". For the modules of
 * names only: nothing is refused by text here. */
#ifndef STORE_JAIL_PATH_H
#define STORE_JAIL_PATH_H

#include <sys/stat.h>

#include <wherry/res.h>

#include "store/jail.h"

/* Whatever is there, as an O_PATH descriptor. */
enum res jail_path_look(const struct jail *j, const char *path, enum jail_how how, int *ret_fd);
/* As jail_open_file(). */
enum res jail_path_open_file(const struct jail *j, const char *path, enum jail_how how,
                             const struct jail_terms *terms, int *ret_fd, struct stat *ret_stat);
/* As jail_find_target(), but what is not found is not judged. path is used up: links are followed
 * in it. */
enum res jail_path_find_target(const struct jail *j, char path[JAIL_NAME_BYTES],
                               const struct policy_who *who, struct jail_target *ret);

#endif
