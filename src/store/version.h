/* SPDX-License-Identifier: BSD-2-Clause */
/* store/version.h: what tells one version of an open file from the next, for those who hold its
 * descriptor. Pure. As fine as the file system's time stamps: kernels before 6.13 move them every
 * 4 ms, so a rewrite of the same size within the tick of the write before it is not seen. */
#ifndef STORE_VERSION_H
#define STORE_VERSION_H

#include <stdbool.h>
#include <sys/stat.h>

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

#endif
