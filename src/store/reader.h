/* SPDX-License-Identifier: BSD-2-Clause */
/* store/reader.h: a span of an open file, and the guard against files rewritten in place.
 *
 * The length is fixed when the reader is made. After each read the file's stat is looked at again:
 * if size, mtime or ctime moved, the bytes are thrown away and RES_CHANGED is returned, then and
 * ever after, so that no block ever mixes two versions. A ctime that moved together with the link
 * count alone (the name was replaced or removed) is no rewrite: the open file is still the old one.
 * The guard is as fine as the file system's time stamps: kernels before 6.13 move them every 4 ms,
 * so a rewrite of the same size within the tick of the write before it is not seen.
 *
 * What is in memory is asked of preadv2(RWF_NOWAIT). Where the file system has no answer, tmpfs is
 * read on the spot (it is memory) and any other only by reader_load(). */
#ifndef STORE_READER_H
#define STORE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

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
/* May block: reads the piece of the file around [offset, offset + len) into memory, at least
 * 64 KiB. Not at the same time as another call on this reader. RES_CHANGED (the file ends before
 * its size), RES_IO, RES_NO_MEMORY. */
enum res reader_load(struct reader *r, uint64_t offset, size_t len);

#endif
