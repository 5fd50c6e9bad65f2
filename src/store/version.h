/* SPDX-License-Identifier: BSD-2-Clause */
/* store/version.h: what tells one version of an open file from the next, for those who hold its
 * descriptor. Pure. As fine as the file system's time stamps: kernels before 6.13 move them every
 * 4 ms, so a rewrite of the same size within the tick of the write before it is not seen. */
#ifndef STORE_VERSION_H
#define STORE_VERSION_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

struct version {
    off_t size;
    nlink_t links;
    struct timespec mtime;
    struct timespec ctime;
};

struct version version_of(const struct stat *st);
/* The same size and mtime. */
bool version_looks_same(const struct version *a, const struct version *b);
/* The same ctime too, which no program can set back. One that moved together with the link count
 * alone (the name was replaced or removed) is no rewrite: the open file is still the old one. */
bool version_is_same(const struct version *then, const struct version *now);
/* A write from `now` on gets another ctime than this one has: the clock's tick in which the file
 * was last written is over (20 ms are two of the longest; 4 s where times are whole seconds, as on
 * FAT). Bytes of a version that is not settled are no good to those who come later: theirs may be
 * others under the same stamps. `now` is of the clock that the file system stamps with. */
bool version_is_settled(const struct version *v, struct timespec now);

#endif
