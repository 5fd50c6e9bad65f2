/* SPDX-License-Identifier: BSD-2-Clause */
/* store/files.h: open files that several transfers of one loop read at the same time.
 *
 * Who asks looks the name up anew and has the stat of now; an open file is shared only if device,
 * inode, size, mtime and ctime are equal, so nobody ever gets bytes of a version that was replaced
 * or rewritten before it asked. A file that was seen to change is shared no more. Small bursts are
 * served from pieces that all readers of the file share (store/pieces.h, which also says why no
 * transfer gets bytes of two versions).
 *
 * A file that nobody reads any more stays open for FILES_IDLE_NS, at most FILES_IDLE_MAX of them:
 * machines that boot together ask for the same names again and again. For as long the space of a
 * deleted file is not given back, and its file system cannot be unmounted.
 *
 * Not for threads: one for each loop. */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <wherry/res.h>

#include "io/loop.h"
#include "io/pool.h"
#include "store/pieces.h"

#define FILES_IDLE_MAX 64u
#define FILES_IDLE_NS UINT64_C(1000000000)

struct files;
struct file; /* open, and held by who got it */

/* loop and pool outlive it. */
enum res files_new(struct files **ret, struct loop *loop, struct pool *pool);
/* Takes NULL. Every file must have been left. */
void files_free(struct files *f);

/* A file with this stat is open here: struct jail_known's question. */
bool files_know(void *files, const struct stat *st);
/* The open file with this stat. fd, if it is not -1, is taken over on success: it is closed if the
 * file is open here already. RES_NO_MEMORY. Without fd only right behind a files_know(). */
enum res files_get(struct files *f, int fd, const struct stat *st, struct file **ret);
/* Closes the files that nobody reads. False: there are none. */
bool files_close_idle(struct files *f);

void file_leave(struct file *file); /* takes NULL; the wait must be forgotten */
uint64_t file_size(const struct file *file);
/* As pieces_read(). `small`: a burst of few blocks. Larger ones, up to half a piece, come from the
 * pieces, too, while a crowd reads the file: at least two for each 48 KiB of it. */
enum res file_read(struct file *file, uint64_t offset, uint8_t *to, size_t len, bool small,
                   struct piece_wait *w);

size_t files_open(const struct files *f);   /* descriptors held; for tests */
size_t files_pieces(const struct files *f); /* bytes of shared pieces; for tests */

#endif
