/* SPDX-License-Identifier: BSD-2-Clause */
/* store/files.h: open files that several transfers of one loop read at the same time.
 *
 * A file is shared only if device, inode, size, mtime and ctime are equal when it is asked for anew
 * (store/version.h), so nobody ever gets bytes of a version that was replaced before it asked.
 * Small bursts are served from 64 KiB pieces that all readers of the file share, at most
 * FILES_PIECE_BYTES in all; a piece is good for FILES_PIECE_NS and only as long as the file's stat
 * is what it was when the piece was read. Not for threads: one for each loop. */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

#include "store/jail.h"
#include "store/reader.h"

#define FILES_PIECE_BYTES (4u << 20)
#define FILES_PIECE_NS UINT64_C(100000000)

struct files;

enum res files_new(struct files **ret);
void files_free(struct files *f); /* takes NULL; every reader of it must be free */

size_t files_open(const struct files *f);   /* descriptors held; for tests */
size_t files_pieces(const struct files *f); /* bytes held; for tests */

#endif
