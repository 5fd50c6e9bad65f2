/* SPDX-License-Identifier: BSD-2-Clause */
/* client/local_path.h: which local file a download goes to. */
#ifndef CLIENT_LOCAL_PATH_H
#define CLIENT_LOCAL_PATH_H

/* operand as it is; inside it, under the name `last`, if it is a directory or ends in a slash;
 * `last` in the current directory if operand is NULL. The caller frees it; NULL: no memory. */
char *local_path_for(const char *operand, const char *last);

#endif
