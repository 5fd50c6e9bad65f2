/* SPDX-License-Identifier: BSD-2-Clause */
/* store/reader.h: a span of an open file, and the guard against files rewritten in place.
 *
 * The length is fixed when the reader is made. After each read the file's stat is looked at again:
 * if size, mtime or ctime moved, the bytes are thrown away and RES_CHANGED is returned, so that no
 * block ever mixes two versions. A ctime that moved together with the link count alone (the name
 * was replaced or removed) is no rewrite: the open file is still the old one. */
#ifndef STORE_READER_H
#define STORE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <wherry/res.h>

struct reader;

/* Takes the descriptor over, on success only. */
enum res reader_new(struct reader **ret, int fd, const struct stat *st);
void reader_free(struct reader *r); /* takes NULL; closes */
uint64_t reader_size(const struct reader *r);

/* Fills the whole of `to` (len bytes from offset; offset + len <= size) without blocking, from the
 * piece that was loaded, or from the page cache. RES_LATER: it is not in memory; call
 * reader_load() where blocking is allowed and try again. RES_CHANGED, RES_IO. */
enum res reader_get(struct reader *r, uint64_t offset, uint8_t *to, size_t len);
/* May block: reads the piece of the file around [offset, offset + len) into memory. Not at the same
 * time as another call on this reader. */
enum res reader_load(struct reader *r, uint64_t offset, size_t len);

#endif
