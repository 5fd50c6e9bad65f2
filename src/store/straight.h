/* SPDX-License-Identifier: BSD-2-Clause */
/* store/straight.h: bytes into what cannot appear whole: a pipe, a device, standard output.
 *
 * A FIFO may wait for its reader, and a full pipe for room, for ever. So these calls block, but
 * look ten times a second whether anybody still waits for them: once *abandoned is set, by another
 * thread, they return RES_SHUTDOWN. The caller ignores or blocks SIGPIPE. */
#ifndef STORE_STRAIGHT_H
#define STORE_STRAIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

/* Whether there is something at the path that is neither a regular file nor a directory. */
bool straight_needed(const char *path);
/* Opens it for writing; a FIFO that nobody reads is waited for. The caller closes *ret_fd. */
enum res straight_open(int *ret_fd, const char *path, const atomic_bool *abandoned);
/* Writes all of it, to a descriptor that may block or not. RES_IO: the reader went away. */
enum res straight_write(int fd, const uint8_t *bytes, size_t len, const atomic_bool *abandoned);

#endif
