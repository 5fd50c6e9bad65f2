/* SPDX-License-Identifier: BSD-2-Clause */
/* store/reader.h: the bytes of an open file, and the guard against files rewritten in place.
 *
 * The length is fixed when the reader is made. Whoever read looks at the file's stat again before
 * the bytes are used: if size, mtime or ctime moved, they are thrown away and RES_CHANGED is
 * returned, then and ever after. So all bytes that a reader lets out are of the version that it was
 * opened at. A ctime that moved together with the link count alone (the name was replaced or
 * removed) is no rewrite: the open file is still the old one. The guard is as fine as the file
 * system's time stamps: kernels before 6.13 move them every 4 ms, so a rewrite of the same size
 * within the tick of the write before it is not seen.
 *
 * What is in memory is asked of store/residence.h. A reader is counted: each who needs the open
 * file holds it. All calls but reader_load() are for one thread. */
#ifndef STORE_READER_H
#define STORE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <wherry/res.h>

struct reader;

/* Takes the descriptor over, on success only. */
enum res reader_new(struct reader **ret, int fd, const struct stat *st);
struct reader *reader_hold(struct reader *r);
void reader_free(struct reader *r); /* takes NULL; the last who held it closes */
uint64_t reader_size(const struct reader *r);

/* The same device, inode, size, mtime and ctime, and nothing is known to have changed. */
bool reader_is(const struct reader *r, const struct stat *st);
bool reader_has_changed(const struct reader *r); /* it was seen */
/* A rewrite from now on gets another ctime than the file has, so that no two versions look the
 * same (version_is_settled()). */
bool reader_is_settled(const struct reader *r);
/* The file system cannot say what is in memory, and is none: each read is a reader_load(). */
bool reader_is_blind(const struct reader *r);

/* Fills the whole of `to` (len bytes from offset; offset + len <= size) without blocking.
 * RES_LATER: it is not in memory; call reader_load() where blocking is allowed. RES_CHANGED,
 * RES_IO. */
enum res reader_get(struct reader *r, uint64_t offset, uint8_t *to, size_t len);
/* As much of it as is in memory without a gap, from offset on: *ret bytes, maybe 0. */
enum res reader_get_some(struct reader *r, uint64_t offset, uint8_t *to, size_t len, size_t *ret);
/* The guard. RES_CHANGED, RES_IO. */
enum res reader_check(struct reader *r);

/* May block, and may run in any thread beside calls in the reader's own: fills the whole of `to`.
 * The bytes count only if a reader_check() after it says so. RES_CHANGED (the file ends before its
 * size), RES_IO. */
enum res reader_load(const struct reader *r, uint64_t offset, uint8_t *to, size_t len);

#endif
