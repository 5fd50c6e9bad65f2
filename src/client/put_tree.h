/* SPDX-License-Identifier: BSD-2-Clause */
/* client/put_tree.h: a local directory and all that is in it, to a server of the file protocol.
 *
 * Links are followed, but not one that leads back to a directory above it. Directories are made
 * before what is in them, and may exist. FIFOs, sockets and devices are skipped with a warning.
 * Names that no request can carry (beginning with .wherry-, a path over 1024 bytes) are failures,
 * as is what cannot be read; the rest of the tree is sent all the same. */
#ifndef CLIENT_PUT_TREE_H
#define CLIENT_PUT_TREE_H

#include "client/put_job.h"

/* local: the directory; it becomes path. Says how it went. */
void put_tree(struct put_job *j, const char *local, const char *path);

#endif
